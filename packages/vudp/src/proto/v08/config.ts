/**
 * What a 0.8 connection is made with, checked once.
 *
 * Decides which values are possible and what holds when an option is left out. Invariant: a config that was resolved has
 * no value out of its range, and its secrets are copies.
 */
import { VIPSocketPeer } from '@vio/io'
import type { VUDPHooks } from '../engine.js'
import { PROFILE_08, type V08Profile } from './profile.js'

/** Options of a connection that speaks VUT 0.8. Sizes in bytes, times in milliseconds. */
export interface V08Options {
  /** This side's secret. With the peer's it should not have 20 bytes in all: the originals disagree on that length. */
  readonly secret: Uint8Array
  /** The other side's secret. */
  readonly peerSecret: Uint8Array
  /** The address of the other side. Nothing is taken from or sent to another one. */
  readonly peer: VIPSocketPeer
  /** The size of the receive buffer and of the send buffer. By default 65,536, as in the originals; at least 640. */
  readonly bufLen?: number
  /** True for HMAC-SHA1 by RFC 2104, which the originals do not understand. By default false. */
  readonly standardHmac?: boolean
  /** How long the hello exchange may take. By default 30 s. */
  readonly handshakeTimeoutMs?: number
  /** How long the peer may be silent while it owes an answer. By default 120 s. */
  readonly silenceTimeoutMs?: number
  /** How long the exchange of the ends may take once all data has arrived. By default 30 s. */
  readonly closeTimeoutMs?: number
  /** How long late datagrams are answered after the end. By default 4 s. */
  readonly lingerMs?: number
  /**
   * Silence after which the peer is asked whether it is there, which keeps the mappings of NATs as well; Infinity for
   * never, and then a peer that vanishes while nothing is sent is not missed. By default 15 s.
   */
  readonly keepAliveMs?: number
  /** Constants to put in place of the version's. By default none; what the wire fixes had better stay. */
  readonly profile?: Partial<V08Profile>
  /** Hooks; see there. */
  readonly hooks?: VUDPHooks
}

/** Options with nothing left out. */
export interface V08Config {
  readonly secret: Uint8Array
  readonly peerSecret: Uint8Array
  readonly peer: VIPSocketPeer
  readonly standardHmac: boolean
  readonly profile: V08Profile
  readonly hooks: VUDPHooks
}

/** Below this the step of the window is smaller than the window of the hello. */
const MIN_BUFFER_BYTES = PROFILE_08.helloWindow * PROFILE_08.windowSteps
const MAX_BUFFER_BYTES = 2 ** 30
const MAX_SECRET_BYTES = 1024

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError for a value of the wrong kind, RangeError for one out of range
 */
export function resolveConfig08(options: V08Options): V08Config {
  if (!(options.peer instanceof VIPSocketPeer)) {
    throw new TypeError(`a connection needs the address of its peer, got ${typeof options.peer}`)
  }
  const bufferBytes = options.bufLen ?? PROFILE_08.bufferBytes
  const inRange = bufferBytes >= MIN_BUFFER_BYTES && bufferBytes <= MAX_BUFFER_BYTES
  if (!Number.isSafeInteger(bufferBytes) || !inRange) {
    throw new RangeError(`bufLen is ${MIN_BUFFER_BYTES} to ${MAX_BUFFER_BYTES}, got ${bufferBytes}`)
  }
  const profile: V08Profile = Object.freeze({
    ...PROFILE_08,
    ...options.profile,
    bufferBytes,
    handshakeTimeoutMs: span(options, 'handshakeTimeoutMs'),
    silenceTimeoutMs: span(options, 'silenceTimeoutMs'),
    closeTimeoutMs: span(options, 'closeTimeoutMs'),
    lingerMs: span(options, 'lingerMs'),
    keepAliveMs: span(options, 'keepAliveMs'),
  })
  return {
    secret: secretOf('secret', options.secret),
    peerSecret: secretOf('peerSecret', options.peerSecret),
    peer: options.peer,
    standardHmac: options.standardHmac ?? false,
    profile,
    hooks: options.hooks ?? {},
  }
}

type SpanName = 'handshakeTimeoutMs' | 'silenceTimeoutMs' | 'closeTimeoutMs' | 'lingerMs' | 'keepAliveMs'

function span(options: V08Options, name: SpanName): number {
  const value = options[name] ?? PROFILE_08[name]
  if (typeof value === 'number' && value > 0) return value
  throw new RangeError(`${name} is a number of milliseconds above 0, got ${String(value)}`)
}

function secretOf(name: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} is a Uint8Array, got ${typeof value}`)
  if (value.length <= MAX_SECRET_BYTES) return Uint8Array.from(value)
  throw new RangeError(`${name} has up to ${MAX_SECRET_BYTES} bytes, got ${value.length}`)
}
