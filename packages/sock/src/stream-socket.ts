/**
 * A connected stream socket of either kind, as a listener sees it before it has become a client.
 *
 * Decides nothing; it says the same things to both kinds.
 */
import type { Socket } from 'node:net'
import type { VSocketPeer } from '@vio/io'
import type { IVStreamHandle } from '@vio/reactor'
import { peerFromSock } from './address.js'
import { VNativeSocket } from './native-socket.js'
import { resetSocket } from './reset-socket.js'
import { CONNECTION, hear, type LinkedSocket, type SocketGone } from './socket-links.js'

/** A socket of `node:net`, or one of the system itself. Agents take either. */
export type VStreamSocket = Socket | VNativeSocket

/** True once it is closed. */
export function isGone(socket: VStreamSocket): boolean {
  return socket instanceof VNativeSocket ? socket.closed : socket.destroyed
}

/** Tells `connection` once when it is closed. There is one for a socket, which is given to it. */
export function onceGone(socket: VStreamSocket, connection: SocketGone): void {
  if (socket instanceof VNativeSocket) {
    socket.onClosed(connection)
    return
  }
  const linked: LinkedSocket = socket
  linked[CONNECTION] = connection
  hear(socket, 'close')
}

/** Drops the connection, so that the other side sees a loss where there is a way to tell it. */
export function dropSocket(socket: VStreamSocket): void {
  if (socket instanceof VNativeSocket) socket.reset()
  else resetSocket(socket)
}

/** The other side; null where it has no address. */
export function remotePeerOf(socket: VStreamSocket): VSocketPeer | null {
  return socket instanceof VNativeSocket ? socket.remotePeer : peerFromSock(socket)
}

/** A native listener has no stream that a reactor could watch; connections are told by other means. */
export const UNWATCHED: IVStreamHandle = { on: () => undefined, removeListener: () => undefined }
