/**
 * How a socket of Node is dropped at once, so that the other side sees a loss where there is a way to tell it.
 */
import type { Socket } from 'node:net'

/** Resets a socket, or closes one that cannot be reset. Does nothing to one that is gone. */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.pending) {
    socket.destroy()
    return
  }
  // A socket that is being shut down refuses a reset, and would stay open for good: all its bytes have left by then.
  if (socket.writableEnded && !socket.writableFinished) {
    socket.once('finish', () => resetSocket(socket))
    return
  }
  try {
    socket.resetAndDestroy()
  } catch {
    // A Unix socket knows no reset.
    socket.destroy()
  }
}
