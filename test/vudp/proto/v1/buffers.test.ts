/**
 * Ranges, reassembly and the send buffer against naive models.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readMemory, writtenMemory } from '../../../../packages/io/src/memory-loans.js'
import { RangeSet } from '../../../../packages/vudp/src/proto/v1/range-set.js'
import { RecvBuffer } from '../../../../packages/vudp/src/proto/v1/recv-buffer.js'
import { SendBuffer } from '../../../../packages/vudp/src/proto/v1/send-buffer.js'

const byteAt = (offset: number) => (offset * 31 + (offset >> 8)) & 0xff
const stretch = (start: number, size: number) =>
  Buffer.from(Array.from({ length: size }, (_, at) => byteAt(start + at)))

function rangesOf(set: RangeSet): [number, number][] {
  return Array.from({ length: set.count }, (_, index) => [set.start(index), set.end(index)])
}

describe('RangeSet', () => {
  it('is the set of its numbers, whatever was added and removed', () => {
    const step = fc.tuple(fc.boolean(), fc.nat(60), fc.nat(12))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const set = new RangeSet()
        const model = new Set<number>()
        for (const [isAdd, start, size] of steps) {
          let changed = 0
          for (let value = start; value < start + size; value += 1) {
            if (isAdd === model.has(value)) continue
            changed += 1
            if (isAdd) model.add(value)
            else model.delete(value)
          }
          expect(isAdd ? set.add(start, start + size) : set.remove(start, start + size)).toBe(changed)
        }
        const ranges = rangesOf(set)
        expect(
          ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, at) => start + at)),
        ).toEqual([...model].sort((a, b) => a - b))
        // Neighbours are one range.
        for (const [index, [start]] of ranges.entries())
          if (index > 0) expect(start).toBeGreaterThan(set.end(index - 1))
        for (let value = 0; value < 75; value += 1) expect(set.has(value)).toBe(model.has(value))
      }),
    )
  })

  it('keeps the highest ranges', () => {
    const set = new RangeSet()
    for (let start = 0; start < 100; start += 10) set.add(start, start + 2)
    set.keepHighest(3)
    expect(rangesOf(set)).toEqual([
      [70, 72],
      [80, 82],
      [90, 92],
    ])
    set.removeFirst()
    expect(set.highestEnd).toBe(92)
    expect(set.count).toBe(2)
    set.clear()
    expect(set.highestEnd).toBe(-1)
  })
})

describe('RecvBuffer', () => {
  it('hands out each byte once and in order, whatever the pieces (against a bitmap)', () => {
    const piece = fc.record({
      offset: fc.nat(40_000),
      size: fc.integer({ min: 1, max: 25_000 }),
      read: fc.nat(30_000),
    })
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), fc.boolean(), (pieces, isLent) => {
        const buffer = new RecvBuffer()
        const seen = new Uint8Array(70_000)
        let read = 0
        for (const { offset, size, read: maxBytes } of pieces) {
          const bytes = stretch(offset, size)
          let fresh = 0
          for (let at = offset; at < offset + size; at += 1) {
            if (seen[at] === 0) fresh += 1
            seen[at] = 1
          }
          expect(buffer.insert(offset, bytes, isLent)).toBe(fresh)
          if (isLent) bytes.fill(0xee)
          const inOrder = seen.indexOf(0)
          expect(buffer.nextOffset).toBe(inOrder)
          const got = maxBytes === 0 ? Buffer.alloc(0) : buffer.readSome(maxBytes)
          expect(got.equals(stretch(read, got.length))).toBe(true)
          expect(got.length > 0).toBe(maxBytes > 0 && inOrder > read)
          read += got.length
          expect(buffer.readableBytes).toBe(inOrder - read)
        }
        while (buffer.readableBytes > 0) {
          const got = buffer.readSome(10_000)
          expect(got.equals(stretch(read, got.length))).toBe(true)
          read += got.length
        }
        expect(read).toBe(seen.indexOf(0))
      }),
      { numRuns: 60 },
    )
  })

  it('keeps a large piece in order as it is, and lets go of what was read', () => {
    const buffer = new RecvBuffer()
    const [small, large] = [stretch(0, 1000), stretch(1000, 40_000)]
    buffer.insert(0, small, false)
    buffer.insert(1000, large, false)
    expect(buffer.readSome(5000)).toEqual(small)
    expect(buffer.readSome(50_000).buffer).toBe(large.buffer)
    expect(buffer.keptBytes).toBe(0)
    buffer.insert(41_000, stretch(41_000, 10), true)
    expect(buffer.readSome(100)).toEqual(stretch(41_000, 10))
  })

  it.each([
    {
      of: 'a gap that was filled',
      pieces: [
        [1_000, 1_500],
        [0, 1_000],
      ],
    },
    {
      of: 'much that was copied',
      pieces: [
        [0, 9_000],
        [9_000, 100],
      ],
    },
    {
      of: 'what was dropped out of order',
      pieces: [
        [0, 9_000],
        [9_000, 100],
        [90_000, 100],
      ],
    },
  ] as const)('puts a large piece right behind $of, where a slab has room left', ({ pieces }) => {
    const buffer = new RecvBuffer()
    for (const [offset, size] of pieces) buffer.insert(offset, stretch(offset, size), true)
    buffer.dropHeld()
    const next = buffer.nextOffset
    buffer.insert(next, stretch(next, 20_000), false)
    const read: Buffer[] = []
    while (buffer.readableBytes > 0) read.push(buffer.readSome(1e6))
    expect(Buffer.concat(read).equals(stretch(0, next + 20_000))).toBe(true)
  })

  it('keeps nothing once it was read to the end, when what was out of order is dropped', () => {
    const buffer = new RecvBuffer()
    buffer.insert(20_000, stretch(20_000, 100), true)
    buffer.insert(0, stretch(0, 9_000), true)
    while (buffer.readableBytes > 0) buffer.readSome(9_000)
    buffer.dropHeld()
    expect(buffer.keptBytes).toBe(0)
  })

  it('gives the memory of a large piece away for good once all of it was given back', () => {
    const buffer = new RecvBuffer()
    const memory = Buffer.allocUnsafeSlow(30_000)
    memory.fill(7)
    buffer.insert(0, memory.subarray(9), false)
    const first = buffer.readSome(10_000)
    readMemory.giveBack(first.subarray(0, 5))
    readMemory.giveBack(first.subarray(5))
    const second = buffer.readSome(100_000)
    expect(second).toEqual(Buffer.alloc(19_991, 7))
    readMemory.giveBack(second)
    expect(memory.length).toBe(0)
  })

  it('joins small pieces, so that few reads give them all', () => {
    const buffer = new RecvBuffer()
    for (let at = 0; at < 40; at += 1) buffer.insert(at * 100, stretch(at * 100, 100), true)
    // Where one piece of the shared memory ends and the next begins.
    const [first, second] = [buffer.readSome(65_536), buffer.readSome(65_536)]
    expect(Buffer.concat([first, second])).toEqual(stretch(0, 4000))
    for (let at = 40; at < 240; at += 1) buffer.insert(at * 100, stretch(at * 100, 100), true)
    const read: Buffer[] = []
    while (buffer.readableBytes > 0) read.push(buffer.readSome(65_536))
    expect(Buffer.concat(read)).toEqual(stretch(4000, 20_000))
    // Three of the shared memory, then slabs that double.
    expect(read.length).toBeLessThanOrEqual(6)
  })

  it('shares memory with other streams, and no byte of it', () => {
    const buffers = Array.from({ length: 5 }, () => new RecvBuffer())
    const [given, read] = [
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ]
    const views: [Buffer, number][] = []
    for (let round = 0; round < 400; round += 1) {
      const which = (round * round + (round >> 2)) % 5
      const buffer = buffers[which] as RecvBuffer
      const [at, size] = [given[which] as number, 1 + ((round * 97) % 700)]
      buffer.insert(at, stretch(at, size), true)
      given[which] = at + size
      if (round % 3 !== 0) continue
      const view = buffer.readSome(1 + ((round * 31) % 2000))
      views.push([view, read[which] as number])
      read[which] = (read[which] as number) + view.length
    }
    buffers.forEach((buffer, which) => {
      while (buffer.readableBytes > 0) {
        const view = buffer.readSome(65_536)
        views.push([view, read[which] as number])
        read[which] = (read[which] as number) + view.length
      }
      expect(buffer.keptBytes).toBe(0)
    })
    expect(read).toEqual(given)
    // What was handed out is looked at last: nothing was written over it.
    for (const [view, from] of views) expect(view).toEqual(stretch(from, view.length))
  })

  it('keeps no more than their bytes for the ends that come with large pieces, however much waits', () => {
    const buffer = new RecvBuffer()
    let at = 0
    for (let count = 0; count < 40; count += 1) {
      for (const size of [20_000, 58]) {
        buffer.insert(at, stretch(at, size), false)
        at += size
      }
    }
    expect(buffer.keptBytes).toBe(at)
    for (let read = 0; read < at; ) {
      const got = buffer.readSome(65_536)
      expect(got.equals(stretch(read, got.length))).toBe(true)
      read += got.length
    }
    expect(buffer.keptBytes).toBe(0)
  })

  it('keeps little while nothing waits, however much has passed', () => {
    const buffer = new RecvBuffer()
    let at = 0
    for (let count = 0; count < 300; count += 1) {
      const size = count < 200 ? 1000 : 100
      // Some of it waits for a while, so that slabs grow.
      buffer.insert(at, stretch(at, size), true)
      at += size
      if (count % 50 !== 49) continue
      for (let read = 1; read > 0; ) read = buffer.readSome(65_536).length
      expect(buffer.keptBytes).toBe(0)
    }
    expect(buffer.readOffset).toBe(at)
    buffer.insert(at, stretch(at, 5000), true)
    const read = [buffer.readSome(10_000), buffer.readSome(10_000), buffer.readSome(10_000)]
    expect(Buffer.concat(read)).toEqual(stretch(at, 5000))
  })

  it('drops what is out of order, or all', () => {
    const buffer = new RecvBuffer()
    buffer.insert(0, stretch(0, 10), true)
    buffer.insert(100_000, stretch(100_000, 10), true)
    expect(buffer.gapCount).toBe(1)
    buffer.dropHeld()
    expect(buffer.gapCount).toBe(0)
    expect(buffer.keptBytes).toBe(10)
    expect(buffer.readSome(100)).toEqual(stretch(0, 10))
    buffer.insert(10, stretch(10, 10), true)
    buffer.drop()
    expect(buffer.readableBytes).toBe(0)
    expect(buffer.keptBytes).toBe(0)
    expect(buffer.insert(20, stretch(20, 5), true)).toBe(5)
    expect(buffer.readSome(100)).toEqual(stretch(20, 5))
  })
})

describe('SendBuffer', () => {
  it('keeps every byte until it is acknowledged, and sends again what is lost (against a list of states)', () => {
    const step = fc.record({ kind: fc.nat(3), a: fc.nat(5000), b: fc.integer({ min: 1, max: 700 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const buffer = new SendBuffer()
        const state: ('unsent' | 'flight' | 'lost' | 'acked')[] = []
        const flights: [number, number][] = []
        const send = (offset: number, size: number) => {
          const target = Buffer.alloc(size + 3)
          buffer.copy(offset, size, target, 3)
          expect(target.subarray(3).equals(stretch(offset, size))).toBe(true)
          buffer.onSent(offset, size)
          state.fill('flight', offset, offset + size)
          flights.push([offset, size])
        }
        for (const { kind, a, b } of steps) {
          if (kind === 0) {
            buffer.write(stretch(state.length, b))
            for (let at = 0; at < b; at += 1) state.push('unsent')
          } else if (kind === 1) {
            if (buffer.hasLost) send(buffer.lostOffset, buffer.lostBytes(b))
            else if (buffer.unsentBytes > 0) send(buffer.nextOffset, Math.min(b, buffer.unsentBytes))
          } else if (flights.length > 0) {
            const [offset, size] = flights.splice(a % flights.length, 1)[0] as [number, number]
            let changed = 0
            for (let at = offset; at < offset + size; at += 1) {
              if (state[at] === 'acked') continue
              if (kind === 2) changed += 1
              state[at] = kind === 2 ? 'acked' : 'lost'
            }
            if (kind === 2) expect(buffer.onAcked(offset, size)).toBe(changed)
            else buffer.onLost(offset, size)
          }
          const base = state.findIndex((each) => each !== 'acked')
          expect(buffer.baseOffset).toBe(base === -1 ? state.length : base)
          expect(buffer.hasLost).toBe(state.includes('lost'))
          if (buffer.hasLost) expect(buffer.lostOffset).toBe(state.indexOf('lost'))
          const unsent = state.indexOf('unsent')
          expect(buffer.nextOffset).toBe(unsent === -1 ? state.length : unsent)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('gives a chunk back when it is acknowledged to its end, and not before', () => {
    const buffer = new SendBuffer()
    const [first, second] = [stretch(0, 100), stretch(100, 50)].map((bytes) => {
      const memory = Buffer.allocUnsafeSlow(bytes.length)
      memory.set(bytes)
      return memory
    }) as [Buffer, Buffer]
    const back: ArrayBufferLike[] = []
    for (const memory of [first, second]) {
      writtenMemory.lend(memory, (which) => back.push(which))
      buffer.write(memory)
    }
    buffer.onSent(0, 150)
    buffer.onAcked(90, 60)
    buffer.onLost(0, 90)
    expect(back).toEqual([])
    buffer.onAcked(0, 89)
    expect(back).toEqual([])
    buffer.onAcked(89, 1)
    expect(back).toEqual([first.buffer, second.buffer])
  })

  it('lets go of chunks in the middle of which nothing is left', () => {
    const buffer = new SendBuffer()
    for (let at = 0; at < 1000; at += 1) buffer.write(stretch(at * 10, 10))
    buffer.onSent(0, 10_000)
    buffer.onAcked(0, 9_995)
    expect(buffer.heldBytes).toBe(5)
    const target = Buffer.alloc(5)
    buffer.copy(9995, 5, target, 0)
    expect(target).toEqual(stretch(9995, 5))
    buffer.drop()
    expect(buffer.heldBytes).toBe(0)
  })
})
