/**
 * The datagrams with which a router is asked to let a port in: NAT-PMP (RFC 6886) and PCP (RFC 6887).
 *
 * Decides their layout. What is asked when is the mapper's. Invariant: reading returns null for whatever does not fit
 * exactly, and looks at nothing outside of the datagram.
 */
import { ipAddressBytes } from '@vio/io'

/** Which of the two protocols. */
export type VPortMapProtocol = 'nat-pmp' | 'pcp'

/** What a router answered. */
export type PortMapAnswer =
  /** Its outer address, by NAT-PMP, which asks for it on its own. */
  | { readonly type: 'address'; readonly host: string }
  | {
      readonly type: 'mapped'
      readonly protocol: VPortMapProtocol
      readonly internalPort: number
      readonly externalPort: number
      readonly lifetimeS: number
      /** By PCP: what was sent in the request, and the outer address. */
      readonly nonce?: Buffer
      readonly host?: string
    }
  | { readonly type: 'refused'; readonly protocol: VPortMapProtocol; readonly result: number }

/** What is asked for. */
export interface PortMapRequest {
  readonly internalPort: number
  /** The outer port that is wished for; 0 for any. */
  readonly externalPort: number
  /** 0 to give the port back. */
  readonly lifetimeS: number
}

/** The port of the router that both protocols use. */
export const PORT_MAP_PORT = 5351

const PCP_VERSION = 2
const MAP_OPCODE = 1
const RESPONSE = 0x80
const UDP = 17
const PCP_BYTES = 60
const NONCE_AT = 24
const NONCE_BYTES = 12
const ADDRESS_ANSWER_BYTES = 12
const MAP_ANSWER_BYTES = 16
const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex')

/** Asks for the outer address, by NAT-PMP. */
export function encodeAddressRequest(): Buffer {
  return Buffer.of(0, 0)
}

/** Asks for a port of UDP, by NAT-PMP. */
export function encodePmpRequest({ internalPort, externalPort, lifetimeS }: PortMapRequest): Buffer {
  const bytes = Buffer.alloc(12)
  bytes[1] = MAP_OPCODE
  bytes.writeUInt16BE(internalPort, 4)
  bytes.writeUInt16BE(externalPort, 6)
  bytes.writeUInt32BE(lifetimeS, 8)
  return bytes
}

/** Asks for a port of UDP, by PCP. `client` is the own address, as the router sees it; `nonce` has 12 bytes. */
export function encodePcpRequest(request: PortMapRequest, client: string, nonce: Uint8Array): Buffer {
  const bytes = Buffer.alloc(PCP_BYTES)
  bytes[0] = PCP_VERSION
  bytes[1] = MAP_OPCODE
  bytes.writeUInt32BE(request.lifetimeS, 4)
  bytes.set(longAddress(client), 8)
  bytes.set(nonce, NONCE_AT)
  bytes[36] = UDP
  bytes.writeUInt16BE(request.internalPort, 40)
  bytes.writeUInt16BE(request.externalPort, 42)
  // The address that is wished for: any of the family of the own one.
  bytes.set(client.includes(':') ? Buffer.alloc(16) : longAddress('0.0.0.0'), 44)
  return bytes
}

/** Reads an answer of either protocol; null for what is none. */
export function decodePortMap(bytes: Buffer): PortMapAnswer | null {
  const opcode = bytes[1] ?? 0
  if ((opcode & RESPONSE) === 0) return null
  if (bytes[0] === PCP_VERSION) return decodePcp(bytes, opcode & 0x7f)
  return bytes[0] === 0 ? decodePmp(bytes, opcode & 0x7f) : null
}

function decodePmp(bytes: Buffer, opcode: number): PortMapAnswer | null {
  if (bytes.length < 8) return null
  const result = bytes.readUInt16BE(2)
  if (result !== 0) return { type: 'refused', protocol: 'nat-pmp', result }
  if (opcode === 0 && bytes.length === ADDRESS_ANSWER_BYTES) {
    return { type: 'address', host: [...bytes.subarray(8)].join('.') }
  }
  if (opcode !== MAP_OPCODE || bytes.length !== MAP_ANSWER_BYTES) return null
  return {
    type: 'mapped',
    protocol: 'nat-pmp',
    internalPort: bytes.readUInt16BE(8),
    externalPort: bytes.readUInt16BE(10),
    lifetimeS: bytes.readUInt32BE(12),
  }
}

/** Options may follow what is looked at here. */
function decodePcp(bytes: Buffer, opcode: number): PortMapAnswer | null {
  const result = bytes[3] ?? 0
  if (bytes.length < NONCE_AT) return null
  if (result !== 0) return { type: 'refused', protocol: 'pcp', result }
  if (opcode !== MAP_OPCODE || bytes.length < PCP_BYTES || bytes[36] !== UDP) return null
  return {
    type: 'mapped',
    protocol: 'pcp',
    internalPort: bytes.readUInt16BE(40),
    externalPort: bytes.readUInt16BE(42),
    lifetimeS: bytes.readUInt32BE(4),
    nonce: Buffer.from(bytes.subarray(NONCE_AT, NONCE_AT + NONCE_BYTES)),
    host: shortAddress(bytes.subarray(44, PCP_BYTES)),
  }
}

/** An address in 16 bytes, IPv4 in the form that is mapped into IPv6. */
function longAddress(host: string): Buffer {
  const bytes = ipAddressBytes(host) ?? Buffer.alloc(16)
  return bytes.length === 16 ? bytes : Buffer.concat([MAPPED_PREFIX, bytes])
}

function shortAddress(bytes: Buffer): string {
  if (bytes.subarray(0, MAPPED_PREFIX.length).equals(MAPPED_PREFIX)) {
    return [...bytes.subarray(MAPPED_PREFIX.length)].join('.')
  }
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16))
  return groups.join(':')
}
