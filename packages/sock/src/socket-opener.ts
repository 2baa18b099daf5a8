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
import { describeValue } from './describe.js'
import { socketLost } from './errno.js'
import { SocketIntake } from './socket-intake.js'

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

/** Starts to connect to a peer; `own` is what a device has that was made over a socket, which is then the first to be tried. */
export type SocketOpener<M = OpenedSocket, O = SocketIntake> = (
  peer: VSocketPeer,
  outcome: OpeningOutcome<M>,
  own: O | null,
) => GiveUp

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
  readonly capacityBytes: number
  /** A socket that was made by others; by default one is made. */
  readonly intake?: SocketIntake | null
}

/**
 * Connects a socket to a peer.
 *
 * @throws VAddressError or TypeError if the peer is none that a stream socket can be connected to
 */
export function openSocket(peer: VSocketPeer, terms: SocketTerms, outcome: OpeningOutcome): GiveUp {
  checkSocketPeer(peer)
  const intake = startConnecting(peer, terms)
  const { socket } = intake
  const over = (): void => {
    socket.off('connect', opened)
    socket.off('error', failed)
    socket.off('close', closed)
  }
  const opened = (): void => {
    over()
    outcome.opened({ intake, peer }, true)
  }
  const failed = (error: unknown): void => {
    over()
    socket.destroy()
    outcome.failed(socketLost(`no connection to ${peer}`, error))
  }
  const closed = (): void => failed({ code: 'ERR_SOCKET_CLOSED', message: 'the socket was closed' })
  socket.on('connect', opened)
  socket.on('error', failed)
  socket.on('close', closed)
  return () => {
    over()
    socket.destroy()
  }
}

function startConnecting(peer: VSocketPeer, { source, capacityBytes, intake }: SocketTerms): SocketIntake {
  const where = connectOptions(peer, source)
  if (intake === undefined || intake === null) return new SocketIntake(capacityBytes, where)
  intake.socket.connect(where)
  return intake
}

function connectOptions(peer: VSocketPeer, source: VSourceAddress): NetConnectOpts {
  if (peer instanceof VUnixSocketPeer) return { path: peer.path }
  const { host, port } = peer as VIPSocketPeer
  // Attempts at several addresses are made one by one elsewhere, as each is asked about first.
  return { host, port, autoSelectFamily: false, ...source }
}
