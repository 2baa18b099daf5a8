/**
 * What a connecter is told, and what it tells.
 *
 * Decides the form of both, which values are possible, and what holds when an option is left out. Invariant: options that
 * were checked can be used as they are; what cannot be is refused before anything is opened.
 */

import type { VEndpointOptions } from '@vio/io'
import { type VFailure, VIOError, VIPSocketPeer } from '@vio/io'
import type { VTLSClientOptions } from '@vio/sock'
import type { VUDPConnectOptions, VUDPHandlers } from '@vio/vudp'
import { parseCode, type VCode } from '../code.js'
import type { VPunchKind } from '../strategy.js'

/** Which ways are allowed: any, only straight to the peer, only by way of the relay. */
export type VConnectPath = 'auto' | 'direct' | 'relay'

/** Where a connecter stands. */
export type VConnecterPhase =
  | 'gathering'
  | 'meeting'
  | 'authenticating'
  | 'exchanging'
  | 'punching'
  | 'relayed'
  | 'direct'
  | 'closed'

/** The path that is in use. */
export interface VPathReport {
  readonly path: 'direct' | 'relay'
  readonly family: 4 | 6
  /** The round trip as it was measured; -1 where it was not yet. In milliseconds. */
  readonly rttMs: number
  /** The address that datagrams go to: the peer's, or the relay's. */
  readonly remote: string
  /** The relay, on a relayed path: as it was named in the options. */
  readonly relay?: string
  /** How the datagrams reach the relay. */
  readonly via?: 'udp' | 'stream'
  /** Why it is not a direct one, on a relayed path: what stands in the way, and what would help. */
  readonly why?: string
  /** By which plan the direct path was found. */
  readonly kind?: VPunchKind
}

/** What a connecter tells on the way and afterwards. */
export type VConnecterEvent =
  /** What a person has to type on the other side. */
  | { readonly type: 'code'; readonly code: string }
  | { readonly type: 'phase'; readonly phase: VConnecterPhase; readonly detail?: string }
  /** The path in use; told again whenever it changes. */
  | ({ readonly type: 'path' } & VPathReport)
  | { readonly type: 'warning'; readonly code: string; readonly message: string }

/** What of VUT's options may be chosen; secrets, peer and socket are the connecter's own affair. */
export type VConnecterVUTOptions = Omit<
  VUDPConnectOptions,
  'secret' | 'peerSecret' | 'peer' | 'role' | 'version' | 'userData' | 'handshakeTimeoutMs' | 'hooks'
> &
  Omit<VUDPHandlers, 'onPeerChanged' | 'onConnected' | 'onClosed'> &
  VEndpointOptions

/** Options of a connecter. */
export interface VUDPConnecterOptions {
  /** Relays, see `VRelayAddress`. Of several the nearest one that answers is used. */
  readonly relays: readonly string[]
  /** What the other side shows. Without one this side makes a code, and tells it. */
  readonly code?: string
  /** Which ways are allowed. By default 'auto'. */
  readonly path?: VConnectPath
  /** The local UDP port. By default any. */
  readonly port?: number
  /** The local address. By default every address of the machine, of both families. */
  readonly bind?: string
  /** False to open no more than one port, and to try no ports at random. By default true. */
  readonly birthday?: boolean
  /** False to ask no router for a port. By default true. */
  readonly portMapping?: boolean
  /** How the certificates of relays with TLS are checked. */
  readonly tls?: VTLSClientOptions
  /** Handed to the other side's `allow`, up to 256 bytes. By default none. */
  readonly userData?: Uint8Array
  /** Options of the connection itself. */
  readonly vut?: VConnecterVUTOptions
  /** How long the other side may take to come, once the code was told. By default 10 min, the life of a room. */
  readonly meetTimeoutMs?: number
  /** How long the relays may take to answer; and, once both have met, the two sides to connect. By default 20 s. */
  readonly connectTimeoutMs?: number
  /** Takes what is told. */
  readonly onEvent?: (event: VConnecterEvent) => void
}

/** Options with nothing left out. */
export interface ConnecterConfig {
  readonly relays: readonly string[]
  readonly code: VCode | null
  readonly path: VConnectPath
  readonly port: number
  readonly bind: string | null
  readonly birthday: boolean
  readonly portMapping: boolean
  readonly tls: VTLSClientOptions | null
  readonly userData: Uint8Array | null
  readonly vut: VConnecterVUTOptions
  readonly meetTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly onEvent: (event: VConnecterEvent) => void
}

const MEET_TIMEOUT_MS = 600_000
const CONNECT_TIMEOUT_MS = 20_000
const MAX_RELAYS = 8
const MAX_USER_DATA = 256
const PATHS: readonly unknown[] = ['auto', 'direct', 'relay']

/**
 * Checks options.
 *
 * @throws VIOError for relays, a path, a port or an address that cannot be; VCodeError for a code; RangeError for a time
 */
export function checkConnecterOptions(options: VUDPConnecterOptions): ConnecterConfig {
  const { relays, code, path = 'auto', port = 0, bind, userData } = options
  if (!Array.isArray(relays) || relays.length < 1 || relays.length > MAX_RELAYS) {
    throw new VIOError(`a connecter needs 1 to ${MAX_RELAYS} relays, got ${relays?.length ?? 'none'}`)
  }
  if (!PATHS.includes(path)) throw new VIOError(`a path is 'auto', 'direct' or 'relay', got ${String(path)}`)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new VIOError(`a local port is a whole number from 0 to 65535, got ${String(port)}`)
  }
  if (bind !== undefined) checkBind(bind)
  if (userData !== undefined && userData.length > MAX_USER_DATA) {
    throw new RangeError(`userData has at most ${MAX_USER_DATA} bytes, got ${userData.length}`)
  }
  return {
    relays: [...new Set(relays)],
    code: code === undefined ? null : parseCode(code),
    path,
    port,
    bind: bind ?? null,
    birthday: options.birthday !== false,
    portMapping: options.portMapping !== false,
    tls: options.tls ?? null,
    userData: userData ?? null,
    vut: options.vut ?? {},
    meetTimeoutMs: time('meetTimeoutMs', options.meetTimeoutMs, MEET_TIMEOUT_MS),
    connectTimeoutMs: time('connectTimeoutMs', options.connectTimeoutMs, CONNECT_TIMEOUT_MS),
    onEvent: options.onEvent ?? (() => undefined),
  }
}

/** Why a connecter gave up. */
export type VConnecterReason = 'timeout' | 'no-relay' | 'path-refused' | 'closed' | 'socket'

/**
 * No connection came about. The message says what was tried, what was seen and what would help.
 *
 * Failures of the meeting itself are `VRendezvousError`, those of the connection `VUDPLost`.
 */
export class VConnecterError extends VIOError {
  override readonly code = 'V_NAT_CONNECTER'
  /** The phase in which it ended. */
  readonly phase: VConnecterPhase
  readonly reason: VConnecterReason

  constructor(
    about: { readonly phase: VConnecterPhase; readonly reason: VConnecterReason },
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options)
    this.phase = about.phase
    this.reason = about.reason
  }
}

/** What ends a connecter: the error of a failure. */
export function errorOf(failure: VFailure): Error {
  return failure.value
}

function checkBind(bind: string): void {
  try {
    new VIPSocketPeer(bind, 0)
  } catch (cause) {
    throw new VIOError(`the local address is a numeric one, got ${JSON.stringify(bind)}`, { cause })
  }
}

function time(name: string, value: number | undefined, fallback: number): number {
  const ms = value ?? fallback
  if (Number.isFinite(ms) && ms > 0 && ms < 2 ** 31) return ms
  throw new RangeError(`${name} is a number of milliseconds above 0 and below 2^31, got ${String(value)}`)
}
