/**
 * Reassembly against a model that knows each byte: a map of positions.
 */
import { VBytePattern } from '@vio/io/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteRing } from '../../../packages/vudp/src/proto/v08/byte-ring.js'
import { PROFILE_08 } from '../../../packages/vudp/src/proto/v08/profile.js'
import { type InsertOutcome, RecvBuffer08 } from '../../../packages/vudp/src/proto/v08/recv-buffer.js'
import { SendBuffer08 } from '../../../packages/vudp/src/proto/v08/send-buffer.js'
import { propertyRuns } from '../../lib/runs.js'

const PATTERN = new VBytePattern(3)
const BUFFER_BYTES = 1000

function freshBuffer(maxQueuedSegments = 1024): RecvBuffer08 {
  const buffer = new RecvBuffer08({
    bufferBytes: BUFFER_BYTES,
    windowSteps: 5,
    firstEdge: 128,
    maxQueuedSegments,
  })
  buffer.openWindow()
  buffer.advanceEdge()
  return buffer
}

/** What is known of each position: `bounds` gives the segment that it came with. */
class Model {
  readonly bounds = new Map<number, string>()
  next = 0

  insert(seq: number, stop: number, edge: number): InsertOutcome {
    if (seq < this.next) return 'old'
    if (seq === edge && stop === edge + 1) return 'probe'
    if (stop > edge) return 'behind-window'
    const name = `${seq}-${stop}`
    const met = new Set<string>()
    for (let at = seq; at < stop; at += 1) met.add(this.bounds.get(at) ?? '')
    if (met.size === 1 && met.has(name)) return 'repeated'
    if (met.size > 1 || !met.has('')) return 'overlap'
    for (let at = seq; at < stop; at += 1) this.bounds.set(at, name)
    if (seq > this.next) return 'queued'
    while (this.bounds.has(this.next)) this.next += 1
    return 'in-order'
  }
}

const STEP = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('insert'),
      at: fc.nat(300),
      size: fc.integer({ min: 1, max: 60 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('next'),
      at: fc.constant(0),
      size: fc.integer({ min: 1, max: 60 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read'),
      at: fc.constant(0),
      size: fc.integer({ min: 1, max: 200 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('edge'), at: fc.nat(3), size: fc.integer({ min: 1, max: 3 }) }),
  },
)

describe('reassembly', () => {
  it('does with any segments what a map of all positions says [VE-S30]', () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 120 }), (steps) => {
        const buffer = freshBuffer()
        const model = new Model()
        let readTo = 0
        for (const { kind, at, size } of steps) {
          if (kind === 'read') {
            const bytes = buffer.read(size)
            expect(PATTERN.mismatchAt(bytes, readTo)).toBe(-1)
            readTo += bytes.length
            const edge = buffer.edge
            buffer.advanceEdge()
            expect(buffer.edge).toBeGreaterThanOrEqual(edge)
            expect(buffer.edge % (BUFFER_BYTES / 5)).toBe(0)
            expect(buffer.edge).toBeLessThanOrEqual(readTo + BUFFER_BYTES)
          } else {
            const base = kind === 'edge' ? buffer.edge : model.next
            const seq = Math.max(base + (kind === 'insert' ? at - 30 : at), 0)
            const bytes = PATTERN.take(size, seq)
            const outcome = buffer.insert(seq, bytes, 0, size)
            expect(outcome).toBe(model.insert(seq, seq + size, buffer.edge))
          }
          expect(buffer.next).toBe(model.next)
          expect(buffer.readableBytes).toBe(model.next - readTo)
          expect(buffer.memoryBytes).toBeLessThanOrEqual(BUFFER_BYTES)
        }
      }),
      propertyRuns(300),
    )
  })

  it('gives up segments beyond a number, as if they were lost, and takes them later', () => {
    const buffer = freshBuffer(10)
    for (let index = 0; index < 12; index += 1) {
      const seq = 10 + index * 2
      const outcome = buffer.insert(seq, PATTERN.take(1, seq), 0, 1)
      expect(outcome).toBe(index < 10 ? 'queued' : 'dropped')
    }
    expect(buffer.queuedCount).toBe(10)
    expect(buffer.insert(0, PATTERN.take(10), 0, 10)).toBe('in-order')
    expect(buffer.next).toBe(11)
    expect(buffer.insert(30, PATTERN.take(1, 30), 0, 1)).toBe('queued')
  })

  it('that discards goes on in the same positions', () => {
    const buffer = freshBuffer()
    buffer.insert(0, PATTERN.take(50), 0, 50)
    buffer.discard()
    expect(buffer.readableBytes).toBe(0)
    buffer.insert(50, PATTERN.take(50, 50), 0, 50)
    expect([buffer.next, buffer.readableBytes]).toEqual([100, 0])
    expect(buffer.advanceEdge()).toBe(false)
    for (let seq = 100; seq < 5000; seq += 50) {
      expect(buffer.insert(seq, PATTERN.take(50, seq), 0, 50)).toBe('in-order')
      buffer.advanceEdge()
    }
  })
})

describe('the send buffer', () => {
  it('keeps bytes and bounds until they are acknowledged, and takes acknowledgements of whole segments only', () => {
    const step = fc.record({ write: fc.nat(300), open: fc.integer({ min: 1, max: 50 }), ack: fc.nat(20) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const buffer = new SendBuffer08(BUFFER_BYTES)
        const bounds: number[] = []
        let written = 0
        for (const { write, open, ack } of steps) {
          const taken = buffer.write(PATTERN.take(write, written))
          expect(taken).toBe(Math.min(write, BUFFER_BYTES - (written - buffer.ackedTo)))
          written += taken
          const size = Math.min(open, buffer.waitingBytes)
          if (size > 0) {
            buffer.openSegment(size, 0)
            bounds.push(buffer.nextSeq)
          }
          const [first] = bounds
          if (first === undefined) continue
          const target = Buffer.alloc(first - buffer.ackedTo)
          buffer.copy(buffer.ackedTo, target.length, target, 0)
          expect(PATTERN.mismatchAt(target, buffer.ackedTo)).toBe(-1)
          const probe = buffer.ackedTo + ack
          const expected = probe === buffer.ackedTo ? 'same' : bounds.includes(probe) ? 'new' : 'unaligned'
          expect(buffer.judge(probe)).toBe(expected)
          if (expected !== 'new') continue
          while (buffer.ackedTo < probe) {
            buffer.segments.shift()
            bounds.shift()
          }
        }
        expect(buffer.memoryBytes).toBeLessThanOrEqual(BUFFER_BYTES)
      }),
      propertyRuns(200),
    )
  })

  it('refuses nothing that it can hold, whatever was dropped before', () => {
    const buffer = new SendBuffer08(BUFFER_BYTES)
    buffer.write(PATTERN.take(BUFFER_BYTES))
    buffer.openSegment(400, 0)
    buffer.dropAll()
    expect([buffer.nextSeq, buffer.ackedTo, buffer.tail, buffer.memoryBytes]).toEqual([400, 400, 400, 0])
    expect(buffer.write(PATTERN.take(2000))).toBe(BUFFER_BYTES)
  })
})

describe('the ring', () => {
  it('refuses to hold more than it may', () => {
    const ring = new ByteRing(100)
    expect(() => ring.reserve(0, 0, 101)).toThrow('101 bytes in a ring of at most 100')
    ring.reserve(50, 50, 150)
    expect(ring.capacityBytes).toBe(100)
  })

  it('has the sizes of the profile', () => {
    expect(PROFILE_08.maxDatagramBytes).toBe(576 - 60 - 8)
    expect(PROFILE_08.maxDataBytes).toBe(508 - (1 + 8 + 8 + 8 + 20))
    expect(Object.isFrozen(PROFILE_08)).toBe(true)
  })
})
