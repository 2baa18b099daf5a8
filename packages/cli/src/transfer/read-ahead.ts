/**
 * The bytes of a file, read ahead.
 *
 * Decides how many reads are under way, how large they are, and where they go: memory that was given back is read into again.
 * Before each piece there is room for what travels ahead of it, so that both are one piece of memory.
 * Invariant: pieces come in order and are whole, and what is held is at most `READS` of them and `SPARES` of what came back.
 */
import type { FileHandle } from 'node:fs/promises'
import { writtenMemory } from '@vio/io'
import { EXIT, VCommandError } from '../exit-codes.js'

/** Bytes of one read. */
export const READ_BYTES = 524_288
const READS = 3
/** What may wait to be read into: as many as may be on their way to the peer. */
const SPARES = 32
/** Where in its memory a piece begins: the system copies more slowly to odd places. */
const ROOM_BYTES = 16

/** What `readAhead` is to read. */
export interface VReadSpan {
  readonly start: number
  readonly end: number
  /** Bytes to leave free before the data of each piece, 16 at most. By default 0. */
  readonly headBytes?: number
}

/**
 * Reads the bytes from `start` to `end`. Each piece is `headBytes` that are free and then data. It is given away, and lent
 * as `writtenMemory`: where all of it is given back it is used again.
 *
 * @throws VCommandError (7) if the file has fewer; what the system says
 */
export async function* readAhead(
  handle: FileHandle,
  { start, end, headBytes = 0 }: VReadSpan,
): AsyncGenerator<Buffer> {
  const pending: Promise<Buffer>[] = []
  const spares: Buffer[] = []
  const pieceBytes = Math.min(READ_BYTES, end - start)
  const onBack = (memory: ArrayBufferLike): void => {
    if (spares.length < SPARES) spares.push(Buffer.from(memory))
  }
  let next = start
  const begin = (): void => {
    if (next >= end) return
    const memory = spares.pop() ?? Buffer.allocUnsafeSlow(ROOM_BYTES + pieceBytes)
    const piece = readPiece(handle, memory, { position: next, length: Math.min(pieceBytes, end - next) })
    // Whoever stops early leaves reads behind that nobody waits for.
    piece.catch(() => undefined)
    pending.push(piece)
    next += pieceBytes
  }
  for (let count = 0; count < READS; count++) begin()
  try {
    for (let piece = pending.shift(); piece !== undefined; piece = pending.shift()) {
      const memory = await piece
      begin()
      const bytes = memory.subarray(ROOM_BYTES - headBytes)
      writtenMemory.lend(bytes, onBack)
      yield bytes
    }
  } finally {
    await Promise.allSettled(pending)
  }
}

/** Reads a piece of a file into `memory`, behind the room. Gives back room and piece. */
async function readPiece(
  handle: FileHandle,
  memory: Buffer,
  { position, length }: { readonly position: number; readonly length: number },
): Promise<Buffer> {
  let filled = 0
  while (filled < length) {
    const at = ROOM_BYTES + filled
    const { bytesRead } = await handle.read(memory, at, length - filled, position + filled)
    if (bytesRead === 0) {
      throw new VCommandError(EXIT.localIO, 'the file became shorter while it was read', 'send it again')
    }
    filled += bytesRead
  }
  return memory.subarray(0, ROOM_BYTES + length)
}
