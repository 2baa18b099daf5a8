/**
 * The other side of a connection in a test: a plain socket of `node:net` that reads only when it is told to.
 */
import type { Socket } from 'node:net'
import type { IVFarEnd } from '@vio/io/testing'

/** A far end on a socket that has not begun to read. */
export function farOn(socket: Socket): IVFarEnd & { readonly socket: Socket } {
  const isTCP = socket.localAddress !== undefined
  let ended: IVFarEnd['ended'] = 'no'
  const pieces: Buffer[] = []
  let heldBytes = 0
  const hold = (): void => {
    for (let piece = socket.read() as Buffer | null; piece !== null; piece = socket.read() as Buffer | null) {
      pieces.push(piece)
      heldBytes += piece.length
    }
  }
  socket.pause()
  socket.on('error', () => {
    ended = ended === 'no' ? 'lost' : ended
  })
  socket.on('end', () => {
    const clean = (): void => {
      ended = ended === 'no' ? 'clean' : ended
    }
    // A reset behind bytes is told as an end; an empty write finds out.
    if (socket.writableEnded || socket.destroyed || !isTCP) clean()
    else socket.write('', (error) => (error ? undefined : clean()))
  })
  socket.on('close', () => {
    ended = ended === 'no' ? 'lost' : ended
  })
  // Only a socket that is listened to tells its end.
  socket.on('readable', () => {
    if (socket.readableLength === 0) hold()
  })
  return {
    socket,
    write: (bytes) => {
      if (socket.writableLength > 0 || socket.destroyed) return 0
      const count = Math.min(bytes.length, 65_536)
      socket.write(Buffer.from(bytes.subarray(0, count)))
      return count
    },
    read: (maxBytes = Number.MAX_SAFE_INTEGER) => {
      if (heldBytes < maxBytes) hold()
      const all = Buffer.concat(pieces)
      const taken = all.subarray(0, Math.min(maxBytes, all.length))
      pieces.splice(0, pieces.length, all.subarray(taken.length))
      heldBytes = all.length - taken.length
      return taken
    },
    end: () => socket.end(),
    reset: () => {
      try {
        socket.resetAndDestroy()
      } catch {
        socket.destroy()
      }
    },
    get ended() {
      return heldBytes > 0 && ended === 'clean' ? 'no' : ended
    },
  }
}

/** A far end that is not there yet; until then what is written waits. */
export function farLater(later: Promise<IVFarEnd & { readonly socket: Socket }>): IVFarEnd {
  let far: IVFarEnd | undefined
  void later.then((made) => {
    far = made
  })
  return {
    write: (bytes) => {
      if (far !== undefined) return far.write(bytes)
      void later.then((made) => made.socket.write(bytes))
      return bytes.length
    },
    read: (maxBytes) => far?.read(maxBytes) ?? Buffer.alloc(0),
    end: () => void later.then((made) => made.end()),
    reset: () => void later.then((made) => made.reset()),
    get ended() {
      return far?.ended ?? 'no'
    },
  }
}
