/**
 * Numbers and frames on the wire: what is written is read, and what is cut short is refused.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AckState } from '../../../../packages/vudp/src/proto/v1/ack-state.js'
import { DatagramBuilder } from '../../../../packages/vudp/src/proto/v1/builder.js'
import {
  FRAME,
  FrameReader,
  writeAck,
  writeNumbers,
  writeStreamHeader,
  writeWithBytes,
} from '../../../../packages/vudp/src/proto/v1/frames.js'
import { RangeSet } from '../../../../packages/vudp/src/proto/v1/range-set.js'
import { SentPacket } from '../../../../packages/vudp/src/proto/v1/sent.js'
import { varintSize, WireReader, writeVarint } from '../../../../packages/vudp/src/proto/v1/varint.js'
import { hex } from './vectors.js'

/** A datagram to write frames into, with room for `size` bytes of them. */
function builderOf(size: number): DatagramBuilder {
  const builder = new DatagramBuilder()
  builder.begin(Buffer.alloc(size + 29), 0, size + 29, new SentPacket())
  return builder
}

function writtenIn(builder: DatagramBuilder): Buffer {
  return builder.bytes.subarray(builder.start + 13, builder.at)
}

function readAll(plain: Buffer): FrameReader {
  const reader = new FrameReader()
  reader.reset(plain)
  return reader
}

describe('variable-length integers', () => {
  it.each([
    // RFC 9000 appendix A.1.
    ['c2197c5eff14e88c', 151_288_809_941_952_652n],
    ['9d7f3e7d', 494_878_333n],
    ['7bbd', 15_293n],
    ['25', 37n],
    ['4025', 37n],
  ])('%s is %s', (text, value) => {
    const reader = new WireReader(Buffer.from(text, 'hex'))
    const read = reader.varint()
    // Beyond 2^53 - 1 nothing is needed, and a number is not exact any more.
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) expect(reader.failed).toBe(true)
    else expect(read).toBe(Number(value))
  })

  it('are read as they were written, in as many bytes as was said', () => {
    const values = fc.oneof(fc.nat(70), fc.nat(20_000), fc.nat(), fc.maxSafeNat())
    fc.assert(
      fc.property(values, (value) => {
        const bytes = Buffer.alloc(8)
        const end = writeVarint(bytes, 0, value)
        expect(end).toBe(varintSize(value))
        const reader = new WireReader(bytes.subarray(0, end))
        expect(reader.varint()).toBe(value)
        expect(reader.left).toBe(0)
        for (let size = 0; size < end; size += 1) {
          const short = new WireReader(bytes.subarray(0, size))
          expect(short.varint()).toBe(0)
          expect(short.failed).toBe(true)
        }
      }),
    )
  })
})

describe('frames', () => {
  it('are the committed ones', () => {
    const bytes = Buffer.alloc(20)
    const at = writeStreamHeader(bytes, 0, { stream: 0, offset: 0, final: true, length: 5 })
    bytes.write('hello', at)
    // The length takes two bytes here and one in the vector: both are the same number.
    const reader = readAll(bytes.subarray(0, at + 5))
    expect(reader.next()).toBe(true)
    const vector = readAll(hex('frames', 'stream_0_offset_0_hello_fin'))
    expect(vector.next()).toBe(true)
    for (const { type, stream, value, final, data } of [reader, vector]) {
      expect({ type, stream, value, final, text: data.toString() }).toEqual({
        type: FRAME.stream,
        stream: 0,
        value: 0,
        final: true,
        text: 'hello',
      })
    }
  })

  it.each([
    { type: FRAME.streamLimit, numbers: [3, 900], found: { stream: 3, value: 900 } },
    { type: FRAME.totalLimit, numbers: [70_000], found: { value: 70_000 } },
    { type: FRAME.streams, numbers: [100], found: { value: 100 } },
    { type: FRAME.blocked, numbers: [5, 17], found: { stream: 5, value: 17 } },
    { type: FRAME.resetStream, numbers: [2, 1, 12_345], found: { stream: 2, code: 1, value: 12_345 } },
    { type: FRAME.stopSending, numbers: [2, 16], found: { stream: 2, code: 16 } },
    { type: FRAME.retireId, numbers: [4], found: { stream: 4 } },
  ])('of numbers are read as they were written ($type)', ({ type, numbers, found }) => {
    const bytes = Buffer.alloc(40)
    const end = writeNumbers(bytes, 0, type, ...numbers)
    const reader = readAll(bytes.subarray(0, end))
    expect(reader.next()).toBe(true)
    expect(reader).toMatchObject({ type, ...found })
    expect(reader.next()).toBe(false)
    expect(reader.fault).toBe('')
    for (let size = 1; size < end; size += 1) {
      const short = readAll(bytes.subarray(0, size))
      expect(short.next()).toBe(false)
      expect(short.fault).not.toBe('')
    }
  })

  it.each([
    { type: FRAME.pathChallenge, numbers: [], size: 8 },
    { type: FRAME.pathResponse, numbers: [], size: 8 },
    { type: FRAME.newId, numbers: [2], size: 24 },
    { type: FRAME.datagram, numbers: [30], size: 30 },
    { type: FRAME.close, numbers: [5, 30], size: 30 },
  ])('with bytes are read as they were written ($type)', ({ type, numbers, size }) => {
    const data = Buffer.alloc(size, 0xda)
    const bytes = Buffer.alloc(60)
    const end = writeWithBytes(bytes, 0, [type, ...numbers], data)
    const reader = readAll(bytes.subarray(0, end))
    expect(reader.next()).toBe(true)
    expect(reader.type).toBe(type)
    expect(reader.data).toEqual(data)
    const short = readAll(bytes.subarray(0, end - 1))
    expect(short.next()).toBe(false)
    expect(short.fault).not.toBe('')
  })

  it('pass over padding and over what is unknown from 40 on, and refuse what is unknown below', () => {
    const unknown = writeWithBytes(Buffer.alloc(20), 0, [0x41, 3], Buffer.from('abc'))
    expect(unknown).toBe(6)
    const bytes = Buffer.alloc(20)
    const end = writeWithBytes(bytes, 2, [0x41, 3], Buffer.from('abc'))
    bytes[end] = FRAME.ping
    const reader = readAll(bytes)
    expect(reader.next()).toBe(true)
    expect(reader.type).toBe(0x41)
    expect(reader.next()).toBe(true)
    expect(reader.type).toBe(FRAME.ping)
    expect(reader.next()).toBe(false)
    expect(reader.fault).toBe('')
    for (const type of [0x03, 0x07, 0x0c, 0x14, 0x1f, 0x2f, 0x31, 0x3f]) {
      const bad = readAll(Buffer.of(type, 0, 0, 0))
      expect(bad.next()).toBe(false)
      expect(bad.fault).toContain('unknown')
    }
    expect(readAll(Buffer.alloc(0)).fault).not.toBe('')
  })

  it('refuse an acknowledgement below number 0 and an offset beyond all numbers', () => {
    for (const bad of [
      [2, 5, 0, 0, 6],
      [2, 5, 0, 1, 0, 4, 0],
      [2, 5, 0, 1, 0, 3, 1],
    ]) {
      const reader = readAll(Buffer.from(bad))
      expect(reader.next()).toBe(false)
      expect(reader.fault).not.toBe('')
    }
    const bytes = Buffer.alloc(20)
    const at = writeStreamHeader(bytes, 0, {
      stream: 0,
      offset: Number.MAX_SAFE_INTEGER,
      final: false,
      length: 1,
    })
    expect(readAll(bytes.subarray(0, at + 1)).next()).toBe(false)
  })
})

describe('ACK', () => {
  it('tells the highest ranges, as many as fit, against a set', () => {
    const numbers = fc.uniqueArray(fc.nat(400), { minLength: 1, maxLength: 150 })
    fc.assert(
      fc.property(numbers, fc.integer({ min: 5, max: 120 }), (received, room) => {
        const set = new RangeSet()
        for (const number of received) set.add(number, number + 1)
        const builder = builderOf(room)
        const wrote = writeAck(builder, set, 77)
        if (!wrote) {
          expect(room).toBeLessThan(9)
          return
        }
        expect(builder.at).toBeLessThanOrEqual(builder.limit)
        const reader = readAll(writtenIn(builder))
        expect(reader.next()).toBe(true)
        expect(reader.value).toBe(77)
        const told: number[] = []
        for (let index = 0; index < reader.ackCount; index += 1) {
          for (
            let number = reader.ackHigh[index] as number;
            number >= (reader.ackLow[index] as number);
            number -= 1
          ) {
            told.push(number)
          }
        }
        expect(reader.ackCount).toBeLessThanOrEqual(32)
        const sorted = [...received].sort((a, b) => b - a)
        expect(told).toEqual(sorted.slice(0, told.length))
        expect(told.length).toBeGreaterThan(0)
      }),
    )
  })

  it('is due at the second datagram, after the delay, or at once out of order', () => {
    const acks = new AckState()
    acks.onReceived(0, 0, true)
    expect(acks.dueAt).toBe(25)
    acks.onReceived(1, 1, false)
    expect(acks.dueAt).toBe(25)
    acks.onReceived(2, 2, true)
    expect(acks.dueAt).toBe(0)
    acks.write(2, builderOf(100), 40)
    expect(acks.dueAt).toBe(Number.POSITIVE_INFINITY)
    acks.onReceived(3, 3, false)
    expect(acks.dueAt).toBe(Number.POSITIVE_INFINITY)
    acks.onReceived(4, 5, true)
    expect(acks.dueAt).toBe(0)
    acks.write(4, builderOf(100), 40)
    acks.onReceived(5, 4, true)
    expect(acks.dueAt).toBe(0)
    // Where there is no room, it stays owed.
    acks.write(5, builderOf(3), 40)
    expect(acks.isOwed).toBe(true)
  })

  /** How many datagrams each of so many acknowledgements was for; `atMs` is when the next datagram comes. */
  function countsOf(
    acks: AckState,
    rounds: number,
    atMs: (number: number) => number,
    rttMs: number,
  ): number[] {
    let number = 0
    return Array.from({ length: rounds }, () => {
      const first = number
      while (acks.dueAt > 0) {
        acks.onReceived(atMs(number), number, true)
        number += 1
      }
      acks.write(atMs(number - 1), builderOf(100), rttMs)
      return number - first
    })
  }

  it('comes less often at high rates, as far as the peer takes that', () => {
    const rare = new AckState()
    rare.maxEvery = 10
    // A hundred datagrams a millisecond: ten are a small part of a round trip, once one of 20 ms was seen.
    const counts = countsOf(rare, 1010, (number) => 1 + number / 100, 20)
    expect(counts.slice(0, 950)).toEqual(new Array(950).fill(2))
    expect(counts.slice(-10)).toEqual(new Array(10).fill(10))
    const often = new AckState()
    expect(new Set(countsOf(often, 1010, (number) => 1 + number / 100, 20))).toEqual(new Set([2]))
  })

  it('waits for no more than come in a small part of a round trip', () => {
    const acks = new AckState()
    acks.maxEvery = 10
    expect(countsOf(acks, 1000, (number) => 1 + number / 4, 60).at(-1)).toBe(4)
    const near = new AckState()
    near.maxEvery = 10
    expect(countsOf(near, 1000, (number) => 1 + number / 4, 2).at(-1)).toBe(8)
    // Nor longer than a quarter of it, should fewer come than before.
    acks.onReceived(1000, 10_000, false)
    acks.onReceived(1000, 10_001, true)
    expect(acks.dueAt).toBe(1015)
  })

  it('comes for each ten at most where more at once would be a burst, and for more where the round trip is short', () => {
    const everyOf = (rttMs: number, maxEvery: number): number => {
      const acks = new AckState()
      acks.maxEvery = maxEvery
      return countsOf(acks, 2000, (number) => 1 + number / 15, rttMs).at(-1) ?? 0
    }
    expect([8, 20, 100].map((rttMs) => everyOf(rttMs, 32))).toEqual([10, 10, 10])
    expect([0.1, 2, 7.9].map((rttMs) => everyOf(rttMs, 32))).toEqual([30, 30, 30])
    expect([0.1, 2, 7.9].map((rttMs) => everyOf(rttMs, 12))).toEqual([12, 12, 12])
    expect([2, 20].map((rttMs) => everyOf(rttMs, 0))).toEqual([2, 2])
  })

  it('is not put off because a window comes in one burst', () => {
    const acks = new AckState()
    acks.maxEvery = 10
    const counts = countsOf(
      acks,
      200,
      (number) => 1 + 20 * Math.floor(number / 12) + (number % 12) / 1000,
      20,
    )
    expect(new Set(counts)).toEqual(new Set([2]))
  })

  it('forgets what the peer knows of, and keeps 32 ranges at most', () => {
    const acks = new AckState()
    for (let number = 0; number < 200; number += 2) acks.onReceived(number, number, true)
    expect(acks.rangeCount).toBe(32)
    const builder = builderOf(300)
    acks.write(200, builder, 10)
    expect(builder.packet?.ackLargest).toBe(198)
    acks.onAckAcked(190)
    expect(acks.rangeCount).toBe(4)
    acks.onAckAcked(198)
    expect(acks.rangeCount).toBe(0)
    const empty = builderOf(300)
    acks.write(200, empty, 10)
    expect(empty.isEmpty).toBe(true)
    // What comes next is still in order.
    acks.onReceived(300, 199, true)
    expect(acks.dueAt).toBe(325)
  })
})
