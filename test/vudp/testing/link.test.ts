/**
 * Links: what they do to datagrams, counted.
 */

import { VIPSocketPeer } from '@vio/io'
import { VSeededRandom } from '@vio/reactor/testing'
import { type LinkOptions, SimDatagram, SimEventQueue, SimLink } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'

const A = new VIPSocketPeer('10.0.0.1', 1)
const B = new VIPSocketPeer('10.0.0.2', 2)

/** Sends datagrams at times over a link; returns the link and what arrived when. */
function carry(
  options: LinkOptions,
  count: number,
  about: { seed?: number; gapMs?: number; sizeBytes?: number } = {},
): { link: SimLink; arrived: { index: number; at: number; bytes: Buffer }[] } {
  const { seed = 1, gapMs = 1, sizeBytes = 1000 } = about
  const random = new VSeededRandom(seed)
  const events = new SimEventQueue()
  const link = new SimLink('test', { events, draw: (name) => random.fork(name) }, options)
  const arrived: { index: number; at: number; bytes: Buffer }[] = []
  const run = (until: number): void => {
    for (let event = events.take(until); event !== undefined; event = events.take(until))
      event.fire(event.dueAt)
  }
  for (let index = 0; index < count; index += 1) {
    run(index * gapMs)
    const bytes = Buffer.alloc(sizeBytes, index)
    link.send(index * gapMs, new SimDatagram(A, B, bytes, index), {
      accept: (at, datagram) => arrived.push({ index: datagram.note as number, at, bytes: datagram.bytes }),
    })
  }
  run(Number.MAX_VALUE)
  return { link, arrived }
}

describe('SimLink', () => {
  it('delivers everything in order after its delay', () => {
    const { arrived } = carry({ delayMs: 30 }, 5)
    expect(arrived.map(({ index, at }) => [index, at])).toEqual([
      [0, 30],
      [1, 31],
      [2, 32],
      [3, 33],
      [4, 34],
    ])
  })

  it.each([0.01, 0.1, 0.5])('loses %d of all', (loss) => {
    const { link, arrived } = carry({ loss }, 20_000)
    expect(link.counts.lost / 20_000).toBeCloseTo(loss, 1)
    expect(arrived).toHaveLength(20_000 - link.counts.lost)
  })

  it('loses in bursts, as much in all as it says', () => {
    const { link, arrived } = carry({ burst: { rate: 0.05, length: 8 } }, 100_000)
    expect(link.counts.lost / 100_000).toBeGreaterThan(0.035)
    expect(link.counts.lost / 100_000).toBeLessThan(0.065)
    let bursts = 0
    arrived.forEach(({ index }, at) => {
      if (at > 0 && index !== (arrived[at - 1]?.index ?? 0) + 1) bursts += 1
    })
    expect(link.counts.lost / bursts).toBeGreaterThan(6)
    expect(link.counts.lost / bursts).toBeLessThan(10)
  })

  it('sends no faster than its rate', () => {
    // 1000 bytes at 8 Mbit/s take a millisecond.
    const { arrived } = carry({ rateMbit: 8, delayMs: 5 }, 10, { gapMs: 0 })
    expect(arrived.map(({ at }) => Math.round(at * 1000) / 1000)).toEqual([
      6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    ])
  })

  it('drops what its queue does not hold', () => {
    const { link, arrived } = carry({ rateMbit: 8, queueBytes: 5_000 }, 100, { gapMs: 0 })
    expect(arrived).toHaveLength(5)
    expect(link.counts.queueDrops).toBe(95)
    expect(link.counts.maxQueueBytes).toBe(5_000)
  })

  it('lets a datagram pass that finds the line free, however small the queue', () => {
    expect(carry({ rateMbit: 8, queueBytes: 1 }, 10, { gapMs: 2 }).arrived).toHaveLength(10)
  })

  it('counts headers where it is told to', () => {
    const { arrived } = carry({ rateMbit: 8, overheadBytes: 1000 }, 3, { gapMs: 0 })
    expect(arrived.map(({ at }) => Math.round(at))).toEqual([2, 4, 6])
  })

  it('keeps the order under jitter', () => {
    const { arrived } = carry({ delayMs: 5, jitterMs: 50 }, 500)
    expect(arrived.map(({ index }) => index)).toEqual(Array.from({ length: 500 }, (_, index) => index))
    const delays = arrived.map(({ index, at }) => at - index)
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(5)
    expect(Math.max(...delays)).toBeGreaterThan(30)
  })

  it.each([3, 30])('holds some back until %d others have passed', (by) => {
    const { link, arrived } = carry({ reorder: { rate: 0.02, by, maxMs: 1000 } }, 5_000)
    expect(arrived).toHaveLength(5_000)
    const passedBy = arrived.map(({ index }, place) => {
      return arrived.slice(Math.max(0, place - 200), place).filter((each) => each.index > index).length
    })
    // The last ones are let go by time.
    expect(passedBy.filter((count) => count >= by).length).toBeGreaterThanOrEqual(link.counts.reordered - 2)
    expect(Math.max(...passedBy)).toBeLessThanOrEqual(by + 5)
  })

  it('holds some back for a time', () => {
    const { link, arrived } = carry({ late: { rate: 0.1, ms: 50 } }, 1_000)
    expect(arrived.filter(({ index, at }) => at - index === 50)).toHaveLength(link.counts.reordered)
    expect(link.counts.reordered).toBeGreaterThan(50)
  })

  it('lets what it holds back go after a while, when nothing else comes', () => {
    const { arrived } = carry({ reorder: { rate: 1, by: 30, maxMs: 70 } }, 1)
    expect(arrived.map(({ at }) => at)).toEqual([70])
  })

  it('doubles, with memory of its own', () => {
    const { link, arrived } = carry({ duplicate: 1 }, 10)
    expect(arrived).toHaveLength(20)
    expect(link.counts.duplicated).toBe(10)
    expect(arrived[0]?.bytes.buffer).not.toBe(arrived[1]?.bytes.buffer)
  })

  it('flips one bit of what it corrupts', () => {
    const { link, arrived } = carry({ corrupt: 0.5 }, 200)
    const damaged = arrived.filter(({ index, bytes }) => bytes.some((byte) => byte !== (index & 0xff)))
    expect(damaged).toHaveLength(link.counts.corrupted)
    expect(link.counts.corrupted).toBeGreaterThan(60)
    for (const { index, bytes } of damaged) {
      const wrong = [...bytes].filter((byte) => byte !== (index & 0xff))
      expect(wrong).toHaveLength(1)
      const flipped = (wrong[0] as number) ^ (index & 0xff)
      expect(flipped & (flipped - 1)).toBe(0)
    }
  })

  it('drops what is larger than its MTU, and everything while it is down', () => {
    expect(carry({ mtuBytes: 999 }, 4).link.counts.mtuDrops).toBe(4)
    expect(carry({ mtuBytes: 1000 }, 4).arrived).toHaveLength(4)
    const events = new SimEventQueue()
    const link = new SimLink('down', { events, draw: (name) => new VSeededRandom(name) })
    link.setDown(true)
    link.send(0, new SimDatagram(A, B, Buffer.alloc(1)), { accept: () => {} })
    expect([events.length, link.counts.downDrops]).toEqual([0, 1])
  })

  it('draws each effect from a stream of its own', () => {
    const lost = (options: LinkOptions): string =>
      carry({ loss: 0.2, ...options }, 300)
        .arrived.map(({ index }) => index)
        .sort((a, b) => a - b)
        .join()
    expect(lost({ jitterMs: 9, reorder: { rate: 0.1, by: 3 } })).toBe(lost({}))
  })
})

describe('SimEventQueue', () => {
  it('gives events by time, and those of one time in the order of scheduling', () => {
    const events = new SimEventQueue()
    const random = new VSeededRandom(3)
    const order: string[] = []
    const datagrams = Array.from({ length: 500 }, (_, index) => {
      const datagram = new SimDatagram(A, B, Buffer.alloc(0), index)
      datagram.hop = { accept: (at) => order.push(`${at} ${index}`) }
      events.schedule(datagram, random.publicUint32() % 40)
      return datagram
    })
    for (const datagram of datagrams.slice(0, 200)) events.schedule(datagram, random.publicUint32() % 40)
    for (const datagram of datagrams.slice(200, 300)) events.cancel(datagram)
    const expected = datagrams
      .filter((each) => each.isQueued)
      .sort((a, b) => a.dueAt - b.dueAt || a.order - b.order)
      .map((each) => `${each.dueAt} ${each.note as number}`)
    for (let event = events.take(100); event !== undefined; event = events.take(100)) event.fire(event.dueAt)
    expect(order).toEqual(expected)
    expect(order).toHaveLength(400)
  })
})
