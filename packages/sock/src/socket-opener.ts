/**
 * One attempt to connect a socket to one address.
 *
 * Decides what the system is asked for, and turns what it answers into one outcome. Which addresses are tried, and how
 * long, is the affair of whoever opens. Invariant: an attempt has one outcome, and none after it was given up; the socket
 * of an attempt that did not succeed is destroyed.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { ipVersionOf, type VIPSocketPeer, type VSocketPeer, VUnixSocketPeer } from '@vio/io'
import { checkPort, checkSocketPeer, VAddressError } from './address.js'
import { describeValue } from './describe.js'
import { socketLost } from './errno.js'
import { firstRoom, ONREAD, type ReadRoom, readNextInto } from './read-room.js'
import { hear, type LinkedSocket, READER, type SocketReader } from './socket-links.js'

/** A socket that is connected, and to what. */
export interface OpenedSocket {
  readonly socket: Socket
  /** What it reads into; null for a socket that others made. */
  readonly room: ReadRoom | null
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

/** Starts to connect to a peer; `own` is the socket that a device was made over, which is then the first to be tried. */
export type SocketOpener<M = OpenedSocket, O = Socket> = (
  peer: VSocketPeer,
  outcome: OpeningOutcome<M>,
  own: O | null,
) => GiveUp | OpeningAttempt

/** What opens, where that is more than a function. */
export interface DeviceOpener<M = OpenedSocket, O = Socket> {
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
  own: Socket | null = null,
): OpeningAttempt {
  checkSocketPeer(peer)
  const where = connectOptions(peer, source)
  if (own !== null) return new SocketAttempt(own.connect(where), null, peer, outcome)
  const room = firstRoom(maxReadBytes)
  readNextInto(room)
  return new SocketAttempt(connect(where), room, peer, outcome)
}

/** One attempt, and then what came of it: connections are many, so that one object is both. */
class SocketAttempt implements OpenedSocket, OpeningAttempt, SocketReader {
  readonly socket: Socket
  readonly room: ReadRoom | null
  readonly peer: VSocketPeer
  /** Null once it was told, or nobody wants to hear it. */
  #outcome: OpeningOutcome | null

  constructor(socket: Socket, room: ReadRoom | null, peer: VSocketPeer, outcome: OpeningOutcome) {
    this.socket = socket
    this.room = room
    this.peer = peer
    this.#outcome = outcome
    const linked: LinkedSocket = socket
    linked[READER] = this
    hear(linked, 'error')
    hear(linked, 'connect')
    hear(linked, 'close')
  }

  giveUp(): void {
    if (this.#outcome === null) return
    this.#outcome = null
    this.socket.destroy()
  }

  tell(event: 'connected' | 'ended' | 'finished' | 'closed'): void {
    if (event === 'closed') this.tellFailed(CLOSED)
    if (event !== 'connected') return
    const outcome = this.#outcome
    this.#outcome = null
    outcome?.opened(this, true)
    // Node would begin to read it now, and nobody has taken it yet.
    const linked: LinkedSocket = this.socket
    if (linked[READER] === this) linked.pause()
  }

  tellFailed(error: unknown): void {
    const outcome = this.#outcome
    if (outcome === null) return
    this.#outcome = null
    this.socket.destroy()
    outcome.failed(socketLost(`no connection to ${this.peer}`, error))
  }

  /** Never: it is not read. */
  streamed(): void {}

  /** Never: it is not read. */
  filled(): boolean {
    return false
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
