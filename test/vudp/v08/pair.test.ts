/**
 * Two 0.8 connections against each other: all arrives and ends as it should, whatever the link does.
 */
import { VFIOCompleted, VFIOLost } from '@vio/io'
import { VBytePattern, VPatternChecker } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'
import { type LinkEnd, LinkedPair, type LinkTerms } from './link.js'

interface Flow {
  sentBytes: number
  readonly checker: VPatternChecker
}

/** Lets an end send `total` bytes of a pattern and finish, and check what it gets; returns what it has seen. */
function flowOn(end: LinkEnd, total: number, seeds: readonly [number, number], holdOpen = false): Flow {
  const [own, other] = seeds
  const pattern = new VBytePattern(own)
  const flow: Flow = { sentBytes: 0, checker: new VPatternChecker(new VBytePattern(other)) }
  end.act = ({ engine: { stream } }) => {
    while (stream.readable) flow.checker.feed(stream.readSome(5000))
    while (flow.sentBytes < total && stream.writable) {
      const piece = pattern.take(Math.min(7000, total - flow.sentBytes), flow.sentBytes)
      flow.sentBytes += stream.writeSome(piece)
    }
    if (flow.sentBytes === total && !holdOpen && end.engine.connected) stream.finish()
  }
  return flow
}

function transfer(terms: LinkTerms, total: number): LinkedPair {
  const pair = new LinkedPair(terms)
  const a = flowOn(pair.a, total, [1, 2])
  const b = flowOn(pair.b, total, [2, 1])
  const closed = pair.run(() => pair.a.engine.closed !== null && pair.b.engine.closed !== null)
  expect([a.checker.position, b.checker.position]).toEqual([total, total])
  expect(closed).toBe(true)
  for (const { engine } of [pair.a, pair.b]) {
    expect(engine.closed).toBeInstanceOf(VFIOCompleted)
    expect(engine.stream.inputEnd).toBeInstanceOf(VFIOCompleted)
    expect(engine.stream.outputEnd).toBeInstanceOf(VFIOCompleted)
    expect(engine.stream.unflushedBytes).toBe(0)
    const stats = engine.stats()
    expect(stats.inFlightSent).toBe(stats.inFlightAcked + stats.inFlightLost + stats.inFlightNow)
    expect(stats.streamBytesSent).toBe(total)
    expect(stats.streamBytesAcked).toBe(total)
    expect(stats.streamBytesReceived).toBe(total)
    expect(stats.streamBytesRead).toBe(total)
  }
  expect(pair.drain()).toBe(true)
  for (const { engine } of [pair.a, pair.b]) {
    expect(engine.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
    expect(engine.memoryBytes).toBe(0)
  }
  return pair
}

describe('two connections of VUT 0.8', () => {
  it.each([
    ['nothing wrong', {}, 300_000],
    ['5 % lost', { loss: 0.05 }, 200_000],
    ['10 % lost', { loss: 0.1 }, 60_000],
    ['20 % lost', { loss: 0.2 }, 30_000],
    ['reordering', { jitterMs: 15 }, 200_000],
    ['a quarter doubled', { doubled: 0.25 }, 200_000],
    ['all of it', { loss: 0.05, jitterMs: 15, doubled: 0.1 }, 100_000],
    ['a long way', { delayMs: 750, loss: 0.01 }, 100_000],
  ] as const)('carry everything and end cleanly with %s', (_name, terms, total) => {
    for (const seed of seeds(10)) transfer({ ...terms, seed }, total)
  })

  it('grow into the window on a good link, and stay within it', () => {
    const pair = transfer({ delayMs: 20 }, 1_000_000)
    // 65,536 bytes a round trip of 40 ms are 1.6 MB/s each way; the linger comes on top.
    expect(pair.now - 1000).toBeLessThan(4000 + 1200)
  })

  it('validate with 30 % of all hellos lost [VE-S29]', () => {
    for (const seed of seeds(50)) {
      const pair = new LinkedPair({ seed, loss: 0.3 })
      const done = pair.run(() => pair.a.engine.connected && pair.b.engine.connected)
      expect(done, `seed ${seed}`).toBe(true)
    }
  })

  it('let one direction end long before the other, in either order [VE-S32]', () => {
    for (const [first, second] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const pair = new LinkedPair({ loss: 0.1, seed: 4 })
      const ends = [pair[first], pair[second]] as const
      flowOn(ends[0], 5000, [1, 2])
      const late = flowOn(ends[1], 40_000, [2, 1], true)
      expect(pair.run(() => ends[1].engine.stream.inputEnd !== null)).toBe(true)
      expect(ends[1].engine.stream.inputEnd).toBeInstanceOf(VFIOCompleted)
      expect(ends[1].engine.stream.outputEnd).toBeNull()
      expect(pair.run(() => late.sentBytes === 40_000)).toBe(true)
      ends[1].engine.stream.finish()
      expect(pair.drain()).toBe(true)
      for (const { engine } of ends) expect(engine.closed).toBeInstanceOf(VFIOCompleted)
    }
  })

  it('fall silent after both have ended, however they answer each other', () => {
    const pair = transfer({}, 100)
    expect(pair.sent).toBeLessThan(60)
  })

  it('tell an abort of either as unclean to both, whenever it comes', () => {
    for (const seed of seeds(40)) {
      const pair = new LinkedPair({ seed, loss: seed % 3 === 0 ? 0.1 : 0 })
      flowOn(pair.a, 5_000_000, [1, 2])
      flowOn(pair.b, 5_000_000, [2, 1])
      // From before the first datagram to the middle of the transfer.
      const at = (seed - 1) * 10
      pair.run(() => false, at)
      const aborter = seed % 2 === 0 ? pair.a : pair.b
      const other = aborter === pair.a ? pair.b : pair.a
      if (aborter.engine.closed !== null) continue
      aborter.engine.close(new VFIOLost())
      expect(aborter.engine.stream.readable).toBe(false)
      expect(pair.drain(), `seed ${seed}`).toBe(true)
      expect(aborter.engine.closed).toBeInstanceOf(VFIOLost)
      expect(other.engine.closed, `seed ${seed}`).toBeInstanceOf(VFIOLost)
      expect(other.engine.stream.outputEnd).toBeInstanceOf(VFIOLost)
      for (const { engine } of [pair.a, pair.b]) expect(engine.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
    }
  })

  it('deliver what was taken before a clean close, and end cleanly for the other', () => {
    for (const seed of seeds(20)) {
      const pair = new LinkedPair({ seed, loss: 0.05 })
      const pattern = new VBytePattern(1)
      const received = new VPatternChecker(pattern)
      pair.b.act = ({ engine: { stream } }) => {
        while (stream.readable) received.feed(stream.readSome(1000))
      }
      expect(pair.run(() => pair.a.engine.connected)).toBe(true)
      const taken = pair.a.engine.stream.writeSome(pattern.take(30_000))
      pair.a.engine.close(new VFIOCompleted())
      expect(pair.drain(), `seed ${seed}`).toBe(true)
      expect(received.position).toBe(taken)
      expect(pair.b.engine.stream.inputEnd).toBeInstanceOf(VFIOCompleted)
      expect(pair.a.engine.closed).toBeInstanceOf(VFIOCompleted)
    }
  })

  it('wait for a reader that is slow, and for one that stops for a while', () => {
    const pair = new LinkedPair({ loss: 0.02, b: { bufLen: 2000 } })
    flowOn(pair.a, 20_000, [1, 2])
    const checker = new VPatternChecker(new VBytePattern(1))
    let readAt = 0
    pair.b.act = ({ engine: { stream } }) => {
      if (pair.now < readAt || !stream.readable) return
      checker.feed(stream.readSome(300))
      readAt = pair.now + (checker.position > 5000 && checker.position < 5400 ? 20_000 : 300)
    }
    expect(pair.run(() => checker.position === 20_000)).toBe(true)
    expect(pair.a.engine.closed).toBeNull()
    expect(pair.b.engine.stats().streamBytesReceived).toBe(20_000)
  })
})
