/**
 * Which addresses reach how far.
 *
 * Decides from the address alone whether it can be reached from anywhere, from one network only, or names nobody. Which
 * of them are tried is decided where candidates are paired. Invariant: an address that a peer names and that stands for
 * many hosts, or for none, is 'none', and nothing is ever sent there.
 */
import { ipAddressBytes } from '@vio/io'

/** `global`: anywhere. `shared`: inside a carrier's network. `private`: inside one network. `link`, `host`: still narrower. */
export type VAddressScope = 'global' | 'shared' | 'private' | 'link' | 'host' | 'none'

const IPV4_RANGES: readonly (readonly [number, number, VAddressScope])[] = [
  [0x00000000, 8, 'none'],
  [0x0a000000, 8, 'private'],
  [0x64400000, 10, 'shared'],
  [0x7f000000, 8, 'host'],
  [0xa9fe0000, 16, 'link'],
  [0xac100000, 12, 'private'],
  [0xc0a80000, 16, 'private'],
  // Groups of hosts, and what is reserved, with the address of all hosts at its end.
  [0xe0000000, 4, 'none'],
  [0xf0000000, 4, 'none'],
]

/** How far an address reaches. What is no address is 'none'. */
export function scopeOf(host: string): VAddressScope {
  const bytes = ipAddressBytes(host)
  if (bytes === undefined) return 'none'
  if (bytes.length === 4) return scopeOfIPv4(bytes.readUInt32BE(0))
  const first = bytes.readUInt16BE(0)
  const isMostlyZero = bytes.subarray(0, 10).every((byte) => byte === 0)
  if (isMostlyZero && bytes.readUInt16BE(10) === 0xffff) return scopeOfIPv4(bytes.readUInt32BE(12))
  if (isMostlyZero && bytes.readUInt32BE(10) === 0 && bytes[14] === 0)
    return bytes[15] === 1 ? 'host' : 'none'
  if ((first & 0xfe00) === 0xfc00) return 'private'
  if ((first & 0xffc0) === 0xfe80) return 'link'
  return (first & 0xff00) === 0xff00 ? 'none' : 'global'
}

/** True if both addresses are of one network, as far as that can be seen: 24 bits of IPv4, 64 of IPv6. */
export function isSameNetwork(left: string, right: string): boolean {
  const [a, b] = [ipAddressBytes(left), ipAddressBytes(right)]
  if (a === undefined || b === undefined || a.length !== b.length) return false
  const sizeBytes = a.length === 4 ? 3 : 8
  return a.subarray(0, sizeBytes).equals(b.subarray(0, sizeBytes))
}

function scopeOfIPv4(address: number): VAddressScope {
  const range = IPV4_RANGES.find(([base, bits]) => address >>> (32 - bits) === base >>> (32 - bits))
  return range?.[2] ?? 'global'
}
