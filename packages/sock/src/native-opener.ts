/**
 * One attempt to connect a native socket to one address.
 *
 * Decides what the system is asked for, and turns what it answers into one outcome, as the socket opener does for sockets
 * of Node. Invariant: an attempt has one outcome, told on a later turn of the loop, and none after it was given up; the
 * socket of an attempt that did not succeed is closed.
 */
import { VIPSocketPeer, type VSocketPeer } from '@vio/io'
import { checkSocketPeer } from './address.js'
import { NOTHING } from './describe.js'
import { socketLost } from './errno.js'
import { NOT_NOW, VNativeSocket } from './native-socket.js'
import type { VNetDeviceOptions } from './net-device-options.js'
import {
  type DeviceOpener,
  type GiveUp,
  giveUp,
  type OpeningAttempt,
  type OpeningOutcome,
  openBy,
  type SocketOpener,
  type VSourceAddress,
} from './socket-opener.js'

/** A native socket that is connected, and to what. */
export interface OpenedNative {
  readonly socket: VNativeSocket
  readonly peer: VSocketPeer
}

/** Starts to connect a native socket to a peer. */
export type NativeOpener = SocketOpener<OpenedNative, never>

/** Options of `VNativeSocketDevice`: those of `VNetDevice`. */
export interface VNativeSocketDeviceOptions extends Omit<VNetDeviceOptions, 'opener'> {
  /** What connects. By default one attempt at the one address, without a time-out. */
  readonly opener?: NativeOpener
}

/** What only a device has that will connect. */
export class NativeAttempt {
  opener: NativeOpener | DeviceOpener<OpenedNative, never> | null
  #begun: GiveUp | OpeningAttempt | null = null

  /** @param opener what connects; null for one attempt at the one address */
  constructor(opener: NativeOpener | null) {
    this.opener = opener
  }

  get hasBegun(): boolean {
    return this.#begun !== null
  }

  begin(peer: VSocketPeer, source: VSourceAddress, outcome: OpeningOutcome<OpenedNative>): void {
    const { opener } = this
    this.#begun = NOTHING
    this.#begun = opener === null ? connectNative(peer, source, outcome) : openBy(opener, peer, outcome, null)
  }

  giveUp(): void {
    if (this.#begun !== null) giveUp(this.#begun)
  }
}

/**
 * Connects a socket to a peer.
 *
 * @throws VAddressError or TypeError if the peer is none that a stream socket can be connected to
 */
export function connectNative(
  peer: VSocketPeer,
  source: VSourceAddress,
  outcome: OpeningOutcome<OpenedNative>,
): GiveUp {
  checkSocketPeer(peer)
  let socket: VNativeSocket | undefined
  let over = false
  const fail = (error: unknown): void => {
    if (over) return
    over = true
    socket?.close()
    outcome.failed(socketLost(`no connection to ${peer}`, error))
  }
  const succeed = (): void => {
    if (over || socket === undefined) return
    over = true
    socket.want(false, false)
    outcome.opened({ socket, peer }, true)
  }
  try {
    socket = start(peer, source)
    const made = socket
    const result = made.connect(peer)
    if (typeof result !== 'number') setImmediate(fail, result)
    else if (result !== NOT_NOW || isThere(made, peer)) setImmediate(succeed)
    else {
      const ended = (): void => {
        const error = made.connectError(peer)
        if (error === undefined) succeed()
        else fail(error)
      }
      made.listen({ ready: ended })
      made.want(false, true)
    }
  } catch (error) {
    setImmediate(fail, error)
  }
  return () => {
    over = true
    socket?.close()
  }
}

/** Within this machine the system connects at once, although it says that it has only begun. */
function isThere(socket: VNativeSocket, peer: VSocketPeer): boolean {
  return peer instanceof VIPSocketPeer && peer.isLocal && socket.remotePeer !== null
}

function start(peer: VSocketPeer, { localAddress, localPort }: VSourceAddress): VNativeSocket {
  const socket = VNativeSocket.for(peer)
  if (peer instanceof VIPSocketPeer && (localAddress !== undefined || localPort !== undefined)) {
    const any = peer.ipVersion === 6 ? '::' : '0.0.0.0'
    try {
      socket.bind(new VIPSocketPeer(localAddress ?? any, localPort ?? 0))
    } catch (error) {
      socket.close()
      throw error
    }
  }
  return socket
}
