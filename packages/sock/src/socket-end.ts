/**
 * Whether the end of what a socket reads is what it seems.
 *
 * Where bytes and a reset are found together, libuv gives the bytes and then tells the reset as a clean end. Decides by
 * writing nothing: that fails with what broke the connection, or with `EPIPE` if only the other direction is broken. After
 * this side has ended its output it cannot be asked any more; it is then read so that the case does not come up.
 */
import type { Socket } from 'node:net'
import { systemErrorInfo } from './errno.js'

const EMPTY: Buffer = Buffer.alloc(0)

/** Calls `ended` on a later turn if the end is a clean one. Otherwise the socket's own error tells what happened. */
export function verifyEnd(socket: Socket, isTCP: boolean, ended: () => void): void {
  // A Unix socket that was closed on the other side takes no write, however it was closed.
  if (!isTCP || socket.writableEnded || socket.destroyed) ended()
  // What waits to be written fails by itself, in the same round of the loop.
  else if (socket.writableLength > 0) setImmediate(ended)
  else {
    socket.write(EMPTY, (error) => {
      const isWhole = error === null || error === undefined || systemErrorInfo(error).code === 'EPIPE'
      if (isWhole) ended()
    })
  }
}
