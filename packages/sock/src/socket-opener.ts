/**
 * One attempt to connect a socket to one address.
 *
 * Decides what the system is asked for, and turns what it answers into one outcome. Which addresses are tried, and how
 * long, is the affair of whoever opens. Invariant: an attempt has one outcome, and none after it was given up; the socket
 * of an attempt that did not succeed is destroyed.
 */
import type { NetConnectOpts } from 'node:net'
import { ipVersionOf, type VIPSocketPeer, type VSocketPeer, VUnixSocketPeer } from '@vio/io'
import { checkPort, checkSocketPeer, VAddressError } from './address.js'
import { describeValue, NOTHING } from './describe.js'
import { socketLost } from './errno.js'
import { ONREAD, type SocketEvents, SocketIntake } from './socket-intake.js'

/** A socket that is connected, and to what. */
export interface OpenedSocket {
  readonly intake: SocketIntake
  readonly peer: VSocketPeer
}

/** Told how an attempt came out. `M` is what it makes. */
export interface OpeningOutcome<M = OpenedSocket> {
  /** `fromLoop` is true where the loop itself brings the news, see `IVByteDevice.onReady`. */
  opened(made: M, fromLoop?: boolean): void
  failed(error: Error): void
}

/** Gives an attempt up. After its outcome it does nothing. */
export type GiveUp = () => void

/** An attempt that is under way, where that is more than a function. */
export interface OpeningAttempt {
  /** As `GiveUp`. */
  giveUp(): void
}

/** Starts to connect to a peer; `own` is what a device has that was made over a socket, which is then the first to be tried. */
export type SocketOpener<M = OpenedSocket, O = SocketIntake> = (
  peer: VSocketPeer,
  outcome: OpeningOutcome<M>,
  own: O | null,
) => GiveUp | OpeningAttempt

/** What opens, where that is more than a function. */
export interface DeviceOpener<M = OpenedSocket, O = SocketIntake> {
  /** As `SocketOpener`. */
  open(peer: VSocketPeer, outcome: OpeningOutcome<M>, own: O | null): GiveUp | OpeningAttempt
}

/** Opens by an opener of either kind. */
export function openBy<M, O>(
  opener: SocketOpener<M, O> | DeviceOpener<M, O>,
  peer: VSocketPeer,
  outcome: OpeningOutcome<M>,
  own: O | null,
): GiveUp | OpeningAttempt {
  return typeof opener === 'function' ? opener(peer, outcome, own) : opener.open(peer, outcome, own)
}

/** Gives an attempt of either kind up. */
export function giveUp(attempt: GiveUp | OpeningAttempt): void {
  if (typeof attempt === 'function') attempt()
  else attempt.giveUp()
}

/** From where a connection goes out. */
export interface VSourceAddress {
  /** The numeric address on this side. By default the system chooses. */
  readonly localAddress?: string
  /** The port on this side. By default the system chooses. */
  readonly localPort?: number
}

const ANY_SOURCE: VSourceAddress = {}

/** What of some options is the source address. */
export function sourceOf({ localAddress, localPort }: VSourceAddress): VSourceAddress {
  if (localAddress === undefined && localPort === undefined) return ANY_SOURCE
  return {
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(localPort === undefined ? {} : { localPort }),
  }
}

/** @throws VAddressError if it is none */
export function checkSource(source: VSourceAddress): VSourceAddress {
  const { localAddress, localPort } = source
  if (localAddress !== undefined && ipVersionOf(localAddress) === 0) {
    throw new VAddressError(`localAddress is a numeric address, got ${describeValue(localAddress)}`)
  }
  if (localPort !== undefined) checkPort(localPort)
  return source
}

/** What a socket is opened with. */
export interface SocketTerms {
  readonly source: VSourceAddress
  /** The most bytes that are held of what the socket reads. */
  readonly maxReadBytes: number
}

/**
 * Connects a socket to a peer.
 *
 * @param own a socket that was made by others; by default one is made
 * @throws VAddressError or TypeError if the peer is none that a stream socket can be connected to
 */
export function openSocket(
  peer: VSocketPeer,
  { source, maxReadBytes }: SocketTerms,
  outcome: OpeningOutcome,
  own: SocketIntake | null = null,
): OpeningAttempt {
  checkSocketPeer(peer)
  const where = connectOptions(peer, source)
  own?.socket.connect(where)
  return new SocketAttempt(own ?? new SocketIntake(maxReadBytes, where), peer, outcome)
}

/** One attempt, and then what came of it: connections are many, so that one object is both. */
class SocketAttempt implements OpenedSocket, OpeningAttempt {
  readonly intake: SocketIntake
  readonly peer: VSocketPeer
  /** Null once it was told, or nobody wants to hear it. */
  #outcome: OpeningOutcome | null

  constructor(intake: SocketIntake, peer: VSocketPeer, outcome: OpeningOutcome) {
    this.intake = intake
    this.peer = peer
    this.#outcome = outcome
    intake.watch(this, SocketAttempt.#events)
  }

  static readonly #events: SocketEvents<SocketAttempt> = {
    connected: (attempt) => {
      const outcome = attempt.#outcome
      attempt.#outcome = null
      outcome?.opened(attempt, true)
    },
    failed: (attempt, error) => SocketAttempt.#fail(attempt, error),
    closed: (attempt) => SocketAttempt.#fail(attempt, CLOSED),
    arrived: NOTHING,
    ended: NOTHING,
    finished: NOTHING,
  }

  giveUp(): void {
    if (this.#outcome === null) return
    this.#outcome = null
    this.intake.socket.destroy()
  }

  static #fail(attempt: SocketAttempt, error: unknown): void {
    const outcome = attempt.#outcome
    if (outcome === null) return
    attempt.#outcome = null
    attempt.intake.socket.destroy()
    outcome.failed(socketLost(`no connection to ${attempt.peer}`, error))
  }
}

const CLOSED = { code: 'ERR_SOCKET_CLOSED', message: 'the socket was closed' }

function connectOptions(peer: VSocketPeer, source: VSourceAddress): NetConnectOpts {
  // The last two are for a socket that is made here; a socket that is there does not look at them.
  if (peer instanceof VUnixSocketPeer) return { path: peer.path, allowHalfOpen: true, onread: ONREAD }
  const { host, port } = peer as VIPSocketPeer
  // Attempts at several addresses are made one by one elsewhere, as each is asked about first.
  const options = { host, port, autoSelectFamily: false, allowHalfOpen: true, onread: ONREAD }
  return source === ANY_SOURCE ? options : { ...options, ...source }
}
