/**
 * SOCKS 5 (RFC 1928) as the server speaks it, without sockets.
 *
 * Decides what a client is answered and what it wants; whether that can be had is for others to say. No authentication is
 * offered, as the listener is for whoever can reach it. Invariants: no bytes make it throw; it holds at most one message
 * of at most 262 bytes; it asks for no byte behind the request, which is the application's.
 */
import { ipAddressBytes, ipVersionOf } from '@vio/io'
import { type NetTarget, netTarget } from './target.js'

/** What a client wants. */
export type SocksRequest =
  | { readonly command: 'connect'; readonly target: NetTarget }
  /** To send datagrams. */
  | { readonly command: 'associate' }

/** The reply codes that the conversation itself leads to (RFC 1928 section 6). */
export const SOCKS_STATUS = { ok: 0, failed: 1, badCommand: 7, badAddress: 8 } as const

const VERSION = 5
const NO_AUTHENTICATION = 0
const NO_METHOD = 0xff
const COMMAND = { connect: 1, associate: 3 } as const
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 } as const
/** What HTTP requests begin with: the mistake that is made most often. */
const LETTERS = /^[A-Z]/

/** One conversation up to the request. Feed it, send what `takeReply` gives, until there is a request or a fault. */
export class SocksServer {
  /** What the client wants, once it has said so. The reply to it is `socksReply`. */
  request: SocksRequest | null = null
  /** What is wrong, or null. Once the reply was sent the connection is of no use. */
  fault: string | null = null
  #held: Buffer = Buffer.alloc(0)
  #reply: Buffer[] = []
  #isGreeted = false

  /** How many bytes it takes at least to go on; 0 at the end. */
  get needed(): number {
    if (this.request !== null || this.fault !== null) return 0
    return this.#size() - this.#held.length
  }

  /** Takes up to `needed` bytes. */
  push(bytes: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, bytes.subarray(0, this.needed)])
    while (this.request === null && this.fault === null && this.#held.length >= this.#size()) {
      const message = this.#held
      // The size grows with what is known of the message.
      if (this.#size() > message.length) return
      this.#held = Buffer.alloc(0)
      if (this.#isGreeted) this.#takeRequest(message)
      else this.#takeGreeting(message)
    }
  }

  /** What is to be sent to the client now; empty if nothing. */
  takeReply(): Buffer {
    const reply = Buffer.concat(this.#reply)
    this.#reply = []
    return reply
  }

  /** The size of the message that is on its way, as far as that is known. */
  #size(): number {
    const held = this.#held
    if (!this.#isGreeted) return held.length < 2 || held[0] !== VERSION ? 2 : 2 + (held[1] ?? 0)
    if (held.length < 5) return 5
    return 4 + addressBytes(held[3] ?? 0, held[4] ?? 0) + 2
  }

  #takeGreeting(message: Buffer): void {
    if (message[0] !== VERSION) {
      const isHTTP = LETTERS.test(message.toString('latin1'))
      this.fault = isHTTP
        ? 'the client speaks HTTP; tell it that this proxy is SOCKS 5'
        : `the client speaks version ${message[0]} of SOCKS, or another protocol; 5 is wanted`
      return
    }
    this.#isGreeted = true
    if (message.subarray(2).includes(NO_AUTHENTICATION))
      this.#reply.push(Buffer.from([VERSION, NO_AUTHENTICATION]))
    else {
      this.#reply.push(Buffer.from([VERSION, NO_METHOD]))
      this.fault = 'the client insists on a password, and none is asked for here'
    }
  }

  #takeRequest(message: Buffer): void {
    const read = readRequest(message)
    if ('command' in read) this.request = read
    else this.#refuse(read.status, read.fault)
  }

  #refuse(status: number, fault: string): void {
    this.#reply.push(socksReply(status))
    this.fault = fault
  }
}

function readRequest(message: Buffer): SocksRequest | { readonly status: number; readonly fault: string } {
  const [version, command, , kind] = message
  if (version !== VERSION)
    return {
      status: SOCKS_STATUS.failed,
      fault: `a request of version ${version} behind a greeting of version 5`,
    }
  if (kind !== ADDRESS.ipv4 && kind !== ADDRESS.ipv6 && kind !== ADDRESS.name)
    return { status: SOCKS_STATUS.badAddress, fault: `an address of kind ${kind}, which does not exist` }
  if (command === COMMAND.associate) return { command: 'associate' }
  if (command !== COMMAND.connect)
    return { status: SOCKS_STATUS.badCommand, fault: `the command ${command}, which is not offered` }
  const found = targetOf('tcp', message.subarray(3))
  if (found === null) return { status: SOCKS_STATUS.failed, fault: 'a target that cannot be' }
  return { command: 'connect', target: found.target }
}

/** The reply to a request. `at` is where datagrams are to be sent; elsewhere it says nothing. */
export function socksReply(
  status: number,
  at: { readonly host: string; readonly port: number } | null = null,
): Buffer {
  return Buffer.concat([
    Buffer.from([VERSION, status, 0]),
    encodeAddress(at?.host ?? '0.0.0.0', at?.port ?? 0),
  ])
}

/** A datagram of a client: where it goes and what it carries; null for one that is malformed or a fragment. */
export function openSocksDatagram(
  bytes: Buffer,
): { readonly target: NetTarget; readonly bytes: Buffer } | null {
  if (bytes.length < 5 || bytes[2] !== 0) return null
  const found = targetOf('udp', bytes.subarray(3))
  return found === null ? null : { target: found.target, bytes: bytes.subarray(3 + found.sizeBytes) }
}

/** A datagram for a client. */
export function sealSocksDatagram(from: NetTarget, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(3), encodeAddress(from.host, from.port), bytes])
}

function encodeAddress(host: string, port: number): Buffer {
  const address = ipAddressBytes(host)
  const tail = Buffer.from([port >> 8, port & 0xff])
  if (address === undefined)
    return Buffer.concat([Buffer.from([ADDRESS.name, host.length]), Buffer.from(host), tail])
  return Buffer.concat([Buffer.from([address.length === 4 ? ADDRESS.ipv4 : ADDRESS.ipv6]), address, tail])
}

/** How many bytes an address has, its kind not counted; `first` is its first byte. */
function addressBytes(kind: number, first: number): number {
  if (kind === ADDRESS.ipv6) return 16
  return kind === ADDRESS.name ? 1 + first : 4
}

/** Reads `kind address port` at the front of `bytes`. */
function targetOf(
  kind: 'tcp' | 'udp',
  bytes: Buffer,
): { readonly target: NetTarget; readonly sizeBytes: number } | null {
  const size = addressBytes(bytes[0] ?? 0, bytes[1] ?? 0)
  if (bytes.length < 1 + size + 2) return null
  const field = bytes.subarray(1, 1 + size)
  try {
    const target = netTarget(kind, hostOf(bytes[0] ?? 0, field), bytes.readUInt16BE(1 + size))
    return { target, sizeBytes: 1 + size + 2 }
  } catch {
    return null
  }
}

function hostOf(kind: number, field: Buffer): string {
  if (kind === ADDRESS.name) {
    const host = field.subarray(1).toString('latin1')
    return host.startsWith('[') && ipVersionOf(host.slice(1, -1)) === 6 ? host.slice(1, -1) : host
  }
  if (kind === ADDRESS.ipv4) return field.join('.')
  return Array.from({ length: 8 }, (_, at) => field.readUInt16BE(2 * at).toString(16)).join(':')
}
