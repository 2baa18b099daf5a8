/**
 * What a VUT connection is made with, checked once.
 *
 * Decides which values are possible and what holds when an option is left out. It does not decide which side begins:
 * that follows from the secrets (`roleOf`). Invariant: a config that was resolved has no value out of its range.
 */
import { VIPSocketPeer } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import type { VCongestionName } from './congestion/controller.js'
import type { IVCrypto, VCipherId } from './crypto.js'
import type { VUDPHooks } from './engine.js'
import { VUT1 } from './profile.js'
import type { IVTrace } from './trace.js'

/** Options of a VUT/1 connection that an application may choose. Sizes in bytes, times in milliseconds. */
export interface VUDPOptions {
  /** This side's secret, 16 to 64 bytes. It serves one connection. */
  readonly secret: Uint8Array
  /** The other side's secret, 16 to 64 bytes. */
  readonly peerSecret: Uint8Array
  /** Where the other side is expected. */
  readonly peer: VIPSocketPeer
  /** Which side begins. By default the one with the greater secret; needed where the secrets are equal. */
  readonly role?: 'initiator' | 'responder'
  /** A text that both sides give alike. By default empty. */
  readonly context?: string
  /** The ciphers that may be used, the preferred one first. By default all that the crypto has. */
  readonly ciphers?: readonly VCipherId[]
  /** Handed to the other side's `canConnect`; up to 256 bytes. By default none. */
  readonly userData?: Uint8Array
  /** The congestion controller. By default 'cubic'. */
  readonly congestion?: VCongestionName
  /**
   * As the responder: begins with the first INIT that opens, and sends data behind RESP, without waiting for a sign that the
   * INIT was not recorded earlier and repeated. For secrets that are certain to be new. By default false.
   */
  readonly answersWithData?: boolean
  /** How long the handshake may take. By default 15 s. */
  readonly handshakeTimeoutMs?: number
  /** Silence after which the connection is over. By default 30 s; the smaller one of both sides holds. */
  readonly idleTimeoutMs?: number
  /** Silence after which a PING is sent; Infinity for never. By default 15 s. */
  readonly keepAliveMs?: number
  /** The first receive window of a stream. By default 1 MiB. */
  readonly windowBytes?: number
  /** How far the receive window of a stream may grow. By default 16 MiB, or `windowBytes` where that is more. */
  readonly maxWindowBytes?: number
  /**
   * How many bytes of one stream may wait for the acknowledgement or for being sent. By default 1 MiB beyond what is in
   * flight.
   */
  readonly sendBufferBytes?: number
  /** How many streams the peer may have open at once. By default 100. */
  readonly maxStreams?: number
  /** The largest datagram that is taken. By default 65,507. */
  readonly maxDatagramBytes?: number
  /** The largest datagram that is tried. By default what `mtuBytes` allows. */
  readonly maxSendBytes?: number
  /** The largest UDP payload that the interface carries; where it is not known, 1472. */
  readonly mtuBytes?: number
  /** True if a datagram over the path's MTU is dropped, not fragmented. By default true. */
  readonly dontFragment?: boolean
  /** The largest unreliable datagram that is taken; 0 for none. By default 0. */
  readonly maxUnreliableBytes?: number
  /**
   * The key that reset tokens are made with, 32 bytes; the same for all connections of an endpoint, and a
   * `Buffer` is kept as it is, for all of them. By default a random one.
   */
  readonly resetKey?: Uint8Array
  /** Datagrams after which the keys are changed. By default and at most 2^23, of which the last 64 are left to CLOSE. */
  readonly datagramsPerKey?: number
  /** Hooks; see there. */
  readonly hooks?: VUDPHooks
  /** Takes a trace of what happens, without secrets. By default none. */
  readonly trace?: IVTrace
}

/** What an engine is given by its surroundings. */
export interface VUDPMeans {
  /** Hashes, ciphers and key exchange. */
  readonly crypto: IVCrypto
  /** Random values, public and secret. */
  readonly random: IVRandom
}

const NOTHING: Buffer = Buffer.alloc(0)

/** Options with nothing left out. */
export interface V1Config {
  /** The secrets; emptied once the keys that follow from them are there, see `forgetSecrets`. */
  secret: Buffer
  peerSecret: Buffer
  readonly peer: VIPSocketPeer
  readonly isInitiator: boolean
  readonly context: Buffer
  readonly ciphers: readonly VCipherId[]
  readonly userData: Buffer
  readonly congestion: VCongestionName
  readonly answersWithData: boolean
  readonly handshakeTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly keepAliveMs: number
  readonly windowBytes: number
  readonly maxWindowBytes: number
  readonly sendBufferBytes: number
  readonly maxStreams: number
  readonly maxDatagramBytes: number
  readonly maxSendBytes: number
  readonly maxUnreliableBytes: number
  readonly resetKey: Buffer
  readonly datagramsPerKey: number
  readonly hooks: VUDPHooks
  readonly trace: IVTrace | null
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError for a value of the wrong kind or equal secrets without a role, RangeError for one out of range
 */
export function resolveConfig(options: VUDPOptions, means: VUDPMeans): V1Config {
  const secret = secretOf('secret', options.secret)
  const peerSecret = secretOf('peerSecret', options.peerSecret)
  if (!(options.peer instanceof VIPSocketPeer)) {
    throw new TypeError(`a connection needs the address of its peer, got ${typeof options.peer}`)
  }
  const windowBytes = whole('windowBytes', options.windowBytes ?? VUT1.streamLimitBytes, 1, 2 ** 40)
  const dontFragment = options.dontFragment ?? true
  const ordinary = options.peer.ipVersion === 6 ? VUT1.ordinaryV6Bytes : VUT1.ordinaryV4Bytes
  const mtuBytes = options.mtuBytes ?? ordinary
  const mtuBound = dontFragment ? mtuBytes : Math.min(mtuBytes, ordinary)
  const largest = VUT1.largestDatagramBytes
  return {
    secret,
    peerSecret,
    peer: options.peer,
    isInitiator: roleOf(secret, peerSecret, options.role) === 'initiator',
    context: bounded(
      'context',
      bytesOf(options.context, (text) => Buffer.from(text)),
      VUT1.maxContextBytes,
    ),
    ciphers:
      options.ciphers === undefined ? means.crypto.ciphers : ciphersOf(options.ciphers, means.crypto.ciphers),
    userData: bounded(
      'userData',
      bytesOf(options.userData, (bytes) => Buffer.from(bytes)),
      VUT1.maxUserDataBytes,
    ),
    congestion: options.congestion ?? 'cubic',
    answersWithData: options.answersWithData === true,
    handshakeTimeoutMs: span('handshakeTimeoutMs', options.handshakeTimeoutMs ?? VUT1.handshakeTimeoutMs),
    idleTimeoutMs: span('idleTimeoutMs', options.idleTimeoutMs ?? VUT1.idleTimeoutMs),
    keepAliveMs: span('keepAliveMs', options.keepAliveMs ?? VUT1.keepAliveMs),
    windowBytes,
    maxWindowBytes: Math.max(windowBytes, options.maxWindowBytes ?? VUT1.maxWindowBytes),
    sendBufferBytes: whole('sendBufferBytes', options.sendBufferBytes ?? VUT1.sendBufferBytes, 1, 2 ** 40),
    maxStreams: whole('maxStreams', options.maxStreams ?? VUT1.maxStreams, 0, 2 ** 30),
    maxDatagramBytes: whole(
      'maxDatagramBytes',
      options.maxDatagramBytes ?? largest,
      VUT1.datagramBytes,
      largest,
    ),
    maxSendBytes: Math.max(VUT1.datagramBytes, Math.min(options.maxSendBytes ?? mtuBound, mtuBound, largest)),
    maxUnreliableBytes: whole('maxUnreliableBytes', options.maxUnreliableBytes ?? 0, 0, largest),
    resetKey: resetKeyOf(options.resetKey, means.random),
    datagramsPerKey: whole(
      'datagramsPerKey',
      options.datagramsPerKey ?? VUT1.maxDatagramsPerKey,
      1,
      VUT1.maxDatagramsPerKey,
    ),
    hooks: options.hooks ?? {},
    trace: options.trace ?? null,
  }
}

/** Nobody needs the secrets any more: they are let go of for as long as the connection lives. */
export function forgetSecrets(config: V1Config): void {
  config.secret = NOTHING
  config.peerSecret = NOTHING
}

/**
 * The role that follows from the secrets: the greater one begins, as unsigned bytes, a prefix being less.
 *
 * @throws TypeError if they are equal and no role is given
 */
export function roleOf(
  secret: Buffer,
  peerSecret: Buffer,
  role?: 'initiator' | 'responder',
): 'initiator' | 'responder' {
  const order = Buffer.compare(secret, peerSecret)
  if (order !== 0) return order > 0 ? 'initiator' : 'responder'
  if (role === 'initiator' || role === 'responder') return role
  throw new TypeError("the secrets are equal, so the role ('initiator' or 'responder') has to be given")
}

function secretOf(name: string, value: unknown): Buffer {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} is a Uint8Array, got ${typeof value}`)
  const { minSecretBytes, maxSecretBytes } = VUT1
  if (value.length < minSecretBytes || value.length > maxSecretBytes) {
    throw new RangeError(`${name} has ${minSecretBytes} to ${maxSecretBytes} bytes, got ${value.length}`)
  }
  return Buffer.from(value)
}

/** Most connections have nothing there: one object will do for all of these. */
function bytesOf<T>(given: T | undefined, copied: (given: T) => Buffer): Buffer {
  return given === undefined ? NOTHING : copied(given)
}

function bounded(name: string, bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length <= maxBytes) return bytes
  throw new RangeError(`${name} has up to ${maxBytes} bytes, got ${bytes.length}`)
}

function ciphersOf(wanted: readonly VCipherId[], has: readonly VCipherId[]): readonly VCipherId[] {
  const usable = wanted.filter((cipher) => has.includes(cipher))
  if (usable.length > 0) return [...new Set(usable)]
  throw new RangeError(`none of the ciphers ${wanted.join(', ')} is among those there are: ${has.join(', ')}`)
}

function resetKeyOf(key: Uint8Array | undefined, random: IVRandom): Buffer {
  if (key !== undefined) return Buffer.isBuffer(key) ? key : Buffer.from(key)
  const drawn = Buffer.alloc(32)
  random.fillSecret(drawn)
  return drawn
}

function whole(name: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw new RangeError(`${name} is a whole number from ${least} to ${most}, got ${String(value)}`)
}

function span(name: string, value: number): number {
  if (typeof value === 'number' && value > 0) return value
  throw new RangeError(`${name} is a number of milliseconds above 0, got ${String(value)}`)
}
