/**
 * How a socket of Node is let go: dropped, so that the other side sees a loss where there is a way to tell it, or closed
 * so that what was written last is not lost.
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

/**
 * Closes a socket whose output has ended: at once if its input has, else when that ends, or `lingerMs` later. A socket
 * that is closed with bytes unread makes the system reset the connection, and what was written last could be lost. The
 * wait does not keep the process alive.
 */
export function closeGently(socket: Socket, lingerMs: number): void {
  if (socket.readableEnded || lingerMs === 0) {
    socket.destroy()
    return
  }
  socket.unref()
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
