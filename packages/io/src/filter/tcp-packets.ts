/**
 * A TCP conversation that never was: packets for bytes that passed through a chain.
 *
 * Decides addresses, sequence numbers, flags and checksums, so that tools which read captures see one connection and can
 * follow its streams. Invariant: each side's sequence number is the number of bytes, SYN and FIN that it has sent,
 * modulo 2^32, and each packet acknowledges all that the other side has sent.
 */
import { ipAddressBytes, VIPSocketPeer, type VPeer } from '../peer.js'
import type { VLinkType } from './pcapng.js'

/** The two sides: this one, and the other. */
export type Side = 'local' | 'remote'

/** One side of a conversation. */
interface Station {
  readonly address: Buffer
  readonly port: number
  readonly mac: Buffer
  /** The sequence number of what it sends next. */
  sequence: number
}

/** The addresses of a conversation, each of which may be missing. */
export interface Addresses {
  readonly local?: VPeer | null | undefined
  readonly remote?: VPeer | null | undefined
}

const FIN = 0x01
const SYN = 0x02
const RST = 0x04
const PSH = 0x08
const ACK = 0x10

const TCP = 6
const TCP_HEADER_BYTES = 20
/** Window scale by 2^14, which makes room for a gigabyte without an acknowledgement, and a filler. */
const SYN_OPTIONS = Buffer.from([3, 3, 14, 1])
const NO_OPTIONS = Buffer.alloc(0)
const MAX_WINDOW = 0xffff

/** Addresses that belong to nobody: those kept for documentation (RFC 5737, RFC 3849). */
const NOBODY = {
  local: { v4: Buffer.from([192, 0, 2, 1]), v6: documentation(1) },
  remote: { v4: Buffer.from([192, 0, 2, 2]), v6: documentation(2) },
} as const

function documentation(last: number): Buffer {
  return Buffer.from([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last])
}

/** Makes the packets of one conversation. Each is given as pieces, the payload uncopied as the last one. */
export class TcpPackets {
  readonly #stations: Readonly<Record<Side, Station>>
  readonly #linkType: VLinkType
  readonly #isV6: boolean
  #packetId = 0

  /** The ports stand in for those that the addresses do not tell. */
  constructor(linkType: VLinkType, addresses: Addresses, ports: Readonly<Record<Side, number>>) {
    const [local, remote] = [addressOf(addresses.local), addressOf(addresses.remote)]
    this.#isV6 = local?.length === 16 || remote?.length === 16
    this.#linkType = linkType
    const station = (side: Side, address: Buffer | undefined): Station => ({
      address: this.#fitted(address) ?? NOBODY[side][this.#isV6 ? 'v6' : 'v4'],
      port: portOf(addresses[side]) ?? ports[side],
      mac: Buffer.from([2, 0, 0, 0, 0, side === 'local' ? 1 : 2]),
      sequence: 0,
    })
    this.#stations = { local: station('local', local), remote: station('remote', remote) }
  }

  /** The handshake, begun by `from`. */
  open(from: Side): { readonly from: Side; readonly parts: Uint8Array[] }[] {
    return [
      { from, parts: this.#packet(from, SYN, NO_OPTIONS) },
      { from: other(from), parts: this.#packet(other(from), SYN | ACK, NO_OPTIONS) },
      { from, parts: this.#packet(from, ACK, NO_OPTIONS) },
    ]
  }

  /** Data that `from` sent. */
  data(from: Side, bytes: Uint8Array): Uint8Array[] {
    return this.#packet(from, PSH | ACK, bytes)
  }

  /** The end of what `from` sends. */
  end(from: Side): Uint8Array[] {
    return this.#packet(from, FIN | ACK, NO_OPTIONS)
  }

  /** The end of it all. */
  reset(from: Side): Uint8Array[] {
    return this.#packet(from, RST | ACK, NO_OPTIONS)
  }

  #packet(from: Side, flags: number, payload: Uint8Array): Uint8Array[] {
    const [source, target] = [this.#stations[from], this.#stations[other(from)]]
    const options = (flags & SYN) !== 0 ? SYN_OPTIONS : NO_OPTIONS
    const header = Buffer.alloc(TCP_HEADER_BYTES + options.length)
    header.writeUInt16BE(source.port, 0)
    header.writeUInt16BE(target.port, 2)
    header.writeUInt32BE(source.sequence, 4)
    header.writeUInt32BE((flags & ACK) !== 0 ? target.sequence : 0, 8)
    header[12] = (header.length / 4) << 4
    header[13] = flags
    header.writeUInt16BE(MAX_WINDOW, 14)
    options.copy(header, TCP_HEADER_BYTES)
    const length = header.length + payload.length
    header.writeUInt16BE(checksum([pseudoHeader(source, target, length), header, payload]), 16)
    const counted = payload.length + ((flags & (SYN | FIN)) !== 0 ? 1 : 0)
    source.sequence = (source.sequence + counted) % 2 ** 32
    const link = this.#linkType === 'ethernet' ? [this.#ethernetHeader(source, target)] : []
    return [...link, this.#ipHeader(source, target, length), header, payload]
  }

  #ethernetHeader(source: Station, target: Station): Buffer {
    const type = Buffer.from(this.#isV6 ? [0x86, 0xdd] : [0x08, 0x00])
    return Buffer.concat([target.mac, source.mac, type])
  }

  #ipHeader(source: Station, target: Station, length: number): Buffer {
    if (this.#isV6) {
      const header = Buffer.alloc(8)
      header[0] = 0x60
      header.writeUInt16BE(length, 4)
      header[6] = TCP
      header[7] = 64
      return Buffer.concat([header, source.address, target.address])
    }
    const header = Buffer.alloc(20)
    header[0] = 0x45
    header.writeUInt16BE(header.length + length, 2)
    header.writeUInt16BE(this.#packetId, 4)
    this.#packetId = (this.#packetId + 1) % 2 ** 16
    header[6] = 0x40
    header[8] = 64
    header[9] = TCP
    source.address.copy(header, 12)
    target.address.copy(header, 16)
    header.writeUInt16BE(checksum([header]), 10)
    return header
  }

  /** An IPv4 address among IPv6 addresses is written as one of them. */
  #fitted(address: Buffer | undefined): Buffer | undefined {
    if (address === undefined || !this.#isV6 || address.length === 16) return address
    return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), address])
  }
}

function other(side: Side): Side {
  return side === 'local' ? 'remote' : 'local'
}

function addressOf(peer: VPeer | null | undefined): Buffer | undefined {
  return peer instanceof VIPSocketPeer ? ipAddressBytes(peer.host) : undefined
}

function portOf(peer: VPeer | null | undefined): number | undefined {
  return peer instanceof VIPSocketPeer && peer.port !== 0 ? peer.port : undefined
}

/** What the checksum of TCP covers beside the segment. The form of IPv6 sums up to the same as that of IPv4. */
function pseudoHeader(source: Station, target: Station, length: number): Buffer {
  const tail = Buffer.alloc(8)
  tail.writeUInt32BE(length, 0)
  tail[7] = TCP
  return Buffer.concat([source.address, target.address, tail])
}

/** The Internet checksum of parts that stand one behind the other (RFC 1071). All but the last have an even length. */
export function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0)
  }
  // A packet has at most 2^15 words, so the sum is far from losing digits.
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}
