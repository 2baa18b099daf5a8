/**
 * How much work the queue of bytes does: counted, not timed, so that growth shows on any machine.
 *
 * A visit is a look at the length of a chunk or a part made of one: nothing can be done with a chunk without either. Bytes
 * count where they are copied or searched.
 */
import { VByteBuffer } from '@vio/io'
import { afterEach, describe, expect, it, vi } from 'vitest'

interface Work {
  visits: number
  copiedBytes: number
  searchedBytes: number
}

/** Counts what is done to the chunks that `chunk` makes, and to parts of them. */
function meter(): { readonly work: Work; readonly chunk: (text: string) => Buffer } {
  const work: Work = { visits: 0, copiedBytes: 0, searchedBytes: 0 }
  const { subarray, copy, indexOf } = Buffer.prototype
  vi.spyOn(Buffer.prototype, 'subarray').mockImplementation(function (this: Buffer, start, end) {
    work.visits += 1
    return Reflect.apply(subarray, this, [start, end]) as Buffer<ArrayBuffer>
  })
  vi.spyOn(Buffer.prototype, 'copy').mockImplementation(function (this: Buffer, ...args) {
    const copied = Reflect.apply(copy, this, args) as number
    work.copiedBytes += copied
    return copied
  })
  vi.spyOn(Buffer.prototype, 'indexOf').mockImplementation(function (this: Buffer, ...args) {
    const at = Reflect.apply(indexOf, this, args) as number
    work.searchedBytes += (at === -1 ? this.byteLength : at + 1) - Number(args[1] ?? 0)
    return at
  })
  const chunk = (text: string): Buffer => {
    const bytes = Buffer.from(text)
    const get = (): number => {
      work.visits += 1
      return bytes.byteLength
    }
    return Object.defineProperty(bytes, 'length', { get })
  }
  return { work, chunk }
}

/** What `run` costs with that many chunks, of the letters `ab` each. */
function costOf(chunkCount: number, run: (buffer: VByteBuffer, chunkCount: number) => void): Work {
  const { work, chunk } = meter()
  const buffer = new VByteBuffer()
  for (let at = 0; at < chunkCount; at += 1) buffer.append(chunk('ab'))
  Object.assign(work, { visits: 0, copiedBytes: 0, searchedBytes: 0 })
  run(buffer, chunkCount)
  vi.restoreAllMocks()
  return work
}

const SIZES = [1_000, 30_000] as const

/** More than any operation needs, and far less than the number of chunks. */
const VISITS_A_CHUNK = 16

afterEach(() => {
  vi.restoreAllMocks()
})

describe('the work of VByteBuffer grows no faster than what it moves', () => {
  it.each([
    [
      'taking one byte after another',
      (buffer: VByteBuffer, count: number) => {
        for (let at = 0; at < count * 2; at += 1) buffer.pop(1)
      },
    ],
    [
      'taking one chunk after another',
      (buffer: VByteBuffer, count: number) => {
        for (let at = 0; at < count; at += 1) buffer.popChunk()
      },
    ],
    [
      'dropping three bytes after another',
      (buffer: VByteBuffer) => {
        while (buffer.length > 0) buffer.remove(3)
      },
    ],
    ['taking everything', (buffer: VByteBuffer) => buffer.pop()],
    ['listing everything', (buffer: VByteBuffer) => buffer.popList()],
    ['moving everything', (buffer: VByteBuffer) => buffer.moveTo(new VByteBuffer())],
    [
      'moving byte by byte',
      (buffer: VByteBuffer) => {
        const target = new VByteBuffer()
        while (buffer.length > 0) buffer.moveTo(target, 1)
      },
    ],
    ['searching everything once', (buffer: VByteBuffer) => buffer.indexOf(Buffer.from('ac'))],
    ['searching for one byte once', (buffer: VByteBuffer) => buffer.indexOf(0x63)],
  ])('%s costs a fixed number of visits a chunk, at any size [VE-S12]', (_what, run) => {
    for (const size of SIZES) expect(costOf(size, run).visits).toBeLessThan(VISITS_A_CHUNK * size)
  })

  it('appending costs a fixed number of visits [VE-S12]', () => {
    const { work, chunk } = meter()
    const buffer = new VByteBuffer()
    for (let at = 0; at < 30_000; at += 1) buffer.append(chunk('ab'))
    expect(work.visits).toBeLessThan(VISITS_A_CHUNK * 30_000)
    expect(work.copiedBytes).toBe(0)
  })

  it('what is taken as one piece is copied once, all else never [VE-S12]', () => {
    expect(costOf(1_000, (buffer) => buffer.pop()).copiedBytes).toBe(2_000)
    expect(costOf(1_000, (buffer) => buffer.peek(100)).copiedBytes).toBe(100)
    const free = [
      (buffer: VByteBuffer) => buffer.popList(),
      (buffer: VByteBuffer) => buffer.peekList(),
      (buffer: VByteBuffer) => buffer.moveTo(new VByteBuffer(), 999),
      (buffer: VByteBuffer) => buffer.remove(999),
      (buffer: VByteBuffer) => buffer.indexOf(Buffer.from('bab'), 500),
      (buffer: VByteBuffer) => [...buffer.drain()],
    ]
    for (const run of free) expect(costOf(1_000, run).copiedBytes).toBe(0)
  })

  it('a look at the front does not depend on what is behind it [VE-S12]', () => {
    const look = (buffer: VByteBuffer): void => {
      buffer.peek(4)
      buffer.peekList(4)
      buffer.peekChunk()
      buffer.byteAt(3)
      buffer.indexOf(0x61)
    }
    expect(costOf(30_000, look)).toEqual(costOf(1_000, look))
  })

  it('a search that goes on where the last one stopped costs what is new [VE-S12]', () => {
    for (const size of SIZES) {
      const { work, chunk } = meter()
      const buffer = new VByteBuffer()
      for (let at = 0; at < size; at += 1) {
        const from = Math.max(0, buffer.length - 1)
        buffer.append(chunk('ab'))
        expect(buffer.indexOf(0x0a, from)).toBe(-1)
      }
      expect(work.visits).toBeLessThan(VISITS_A_CHUNK * size)
      // The last byte of the chunk before, and the new chunk.
      expect(work.searchedBytes).toBeLessThanOrEqual(3 * size)
      vi.restoreAllMocks()
    }
  })
})
