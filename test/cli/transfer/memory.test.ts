/** The memory that files travel in: read into again, and given back to its last byte. */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  encodeFrame,
  FRAME,
  FRAME_HEAD_BYTES,
  FrameReader,
} from '../../../packages/cli/src/transfer/frame.js'
import { READ_BYTES, readAhead } from '../../../packages/cli/src/transfer/read-ahead.js'
import { readMemory, writtenMemory } from '../../../packages/io/src/memory-loans.js'

const PIECES = 12

describe('a file that is read', () => {
  it('goes through few pieces of memory where they are given back, and through no more than needed where not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vio-read-'))
    const content = Buffer.alloc(PIECES * READ_BYTES + 100)
    for (let at = 0; at < content.length; at += 4096)
      content.writeUInt32BE(at, Math.min(at, content.length - 4))
    await writeFile(join(folder, 'file'), content)
    const handle = await open(join(folder, 'file'))
    try {
      for (const givesBack of [true, false]) {
        const memories = new Set<ArrayBufferLike>()
        const headBytes = givesBack ? FRAME_HEAD_BYTES : 0
        let at = 0
        for await (const piece of readAhead(handle, { start: 0, end: content.length, headBytes })) {
          const data = piece.subarray(headBytes)
          expect(data.equals(content.subarray(at, at + data.length))).toBe(true)
          at += data.length
          // What travels ahead of it takes nothing away from it.
          piece.fill(0xee, 0, headBytes)
          memories.add(piece.buffer)
          if (givesBack) writtenMemory.giveBack(piece)
        }
        expect(at).toBe(content.length)
        expect(memories.size <= 4).toBe(givesBack)
      }
    } finally {
      await handle.close()
      await rm(folder, { recursive: true })
    }
  })
})

describe('a reader of frames', () => {
  it.each([1, 3, 7, 1000])('gives back what is no data, in pieces of %i', (size) => {
    const data = Buffer.alloc(20, 'data')
    const frames = [encodeFrame(FRAME.accept, Buffer.alloc(30, 1)), encodeFrame(FRAME.data, data)]
    const bytes = Buffer.concat([...frames, encodeFrame(FRAME.done)])
    const got: Buffer[] = []
    const bodies: Buffer[] = []
    const reader = new FrameReader({
      onControl: (_, body) => bodies.push(Buffer.from(body)),
      onData: (piece) => {
        got.push(Buffer.from(piece))
        readMemory.giveBack(piece)
      },
    })
    let back = 0
    let lent = 0
    for (let at = 0; at < bytes.length; at += size) {
      // Overwritten as soon as it comes back.
      const piece = Buffer.allocUnsafeSlow(Math.min(size, bytes.length - at))
      bytes.copy(piece, 0, at)
      readMemory.lend(piece, () => {
        piece.fill(0xee)
        back += 1
      })
      lent += 1
      reader.push(piece)
    }
    expect(Buffer.concat(got)).toEqual(data)
    expect(bodies).toEqual([Buffer.alloc(30, 1), Buffer.alloc(0)])
    expect(back).toBe(lent)
  })
})
