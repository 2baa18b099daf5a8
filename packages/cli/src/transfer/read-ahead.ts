/**
 * The bytes of a file, read ahead.
 *
 * Decides how many reads are under way and how large they are. Invariant: pieces come in order and are whole, and what is
 * held is at most `READS` of them.
 */
import type { FileHandle } from 'node:fs/promises'
import { EXIT, VCommandError } from '../exit-codes.js'

/** Bytes of one read. */
export const READ_BYTES = 524_288
const READS = 3

/**
 * Reads the bytes from `start` to `end`. Each piece is given away.
 *
 * @throws VCommandError (7) if the file has fewer; what the system says
 */
export async function* readAhead(handle: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  const pending: Promise<Buffer>[] = []
  let next = start
  const begin = (): void => {
    if (next >= end) return
    const piece = readPiece(handle, next, Math.min(READ_BYTES, end - next))
    // Whoever stops early leaves reads behind that nobody waits for.
    piece.catch(() => undefined)
    pending.push(piece)
    next += READ_BYTES
  }
  for (let count = 0; count < READS; count++) begin()
  try {
    for (let piece = pending.shift(); piece !== undefined; piece = pending.shift()) {
      const bytes = await piece
      begin()
      yield bytes
    }
  } finally {
    await Promise.allSettled(pending)
  }
}

async function readPiece(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled)
    if (bytesRead === 0) {
      throw new VCommandError(EXIT.localIO, 'the file became shorter while it was read', 'send it again')
    }
    filled += bytesRead
  }
  return bytes
}
