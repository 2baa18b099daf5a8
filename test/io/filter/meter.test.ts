/**
 * The meter on simulated time: counts, rates over a window that slides, samples, and no timer left behind.
 */
import { VByteTap, VMeter, type VMeterOptions, type VMeterSnapshot } from '@vio/io/filter'
import { EmbeddedChain, VBytePattern } from '@vio/io/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'

const NONE = Number.POSITIVE_INFINITY

function metered(options: VMeterOptions = {}, limit: number | null = null): EmbeddedChain<VMeter> {
  return new EmbeddedChain((reactor) => new VMeter(reactor, options), { limit })
}

describe('VMeter', () => {
  it('counts bytes and chunks, and nothing before they pass', () => {
    const chain = metered({}, 3)
    chain.feed('hello')
    expect([chain.element.bytes, chain.element.chunks]).toEqual([3, 1])
    chain.grant(1)
    expect([chain.element.bytes, chain.element.chunks]).toEqual([4, 2])
    expect(chain.element.snapshot()).toMatchObject({ bytes: 4, chunks: 2, over: false })
  })

  it('tells the rate of its window, which slides', () => {
    const chain = metered({ windowMs: 1_000 })
    for (let ms = 0; ms < 2_000; ms += 10) {
      chain.feed(Buffer.alloc(50))
      chain.advance(10)
    }
    expect(chain.element.snapshot()).toMatchObject({ bytesPerSecond: 5_000, averageBytesPerSecond: 5_000 })
    // A second at the double rate fills the window with it; the average remembers.
    for (let ms = 0; ms < 1_000; ms += 10) {
      chain.feed(Buffer.alloc(100))
      chain.advance(10)
    }
    const { bytesPerSecond, averageBytesPerSecond } = chain.element.snapshot()
    expect(bytesPerSecond).toBe(10_000)
    expect(Math.round(averageBytesPerSecond)).toBe(6_667)
    chain.advance(500)
    expect(chain.element.snapshot().bytesPerSecond).toBeLessThan(6_000)
    chain.advance(1_000)
    expect(chain.element.snapshot().bytesPerSecond).toBe(0)
  })

  it('takes the time since the beginning as long as that is shorter than the window', () => {
    const chain = metered({ windowMs: 10_000 })
    chain.feed(Buffer.alloc(100))
    expect(chain.element.snapshot().bytesPerSecond).toBe(0)
    chain.advance(100)
    expect(chain.element.snapshot()).toMatchObject({ bytesPerSecond: 1_000, elapsedMs: 100, atMs: 100 })
  })

  it('gives samples at their times and a last one at the end, and leaves no timer', () => {
    const samples: VMeterSnapshot[] = []
    const chain = metered({ sampleMs: 100, onSample: (sample) => samples.push(sample) })
    chain.feed('abc')
    chain.advance(250)
    chain.feed('de')
    chain.end()
    expect(samples.map(({ atMs, bytes, over }) => [atMs, bytes, over])).toEqual([
      [100, 3, false],
      [200, 3, false],
      [250, 5, true],
    ])
    expect(chain.host.alarmAt).toBe(NONE)
  })

  it('gives the last sample once, at an abort too', () => {
    const samples: VMeterSnapshot[] = []
    const chain = metered({ onSample: (sample) => samples.push(sample) })
    chain.abort()
    expect(samples.map(({ over }) => over)).toEqual([true])
    expect(chain.host.alarmAt).toBe(NONE)
  })

  it('keeps to the times of samples when one is late, and does not make up for those that were missed', () => {
    const samples: number[] = []
    const chain = metered({ sampleMs: 100, onSample: ({ atMs }) => samples.push(atMs) })
    chain.host.elapse(130)
    chain.advance(0)
    chain.advance(70)
    chain.host.elapse(450)
    chain.advance(0)
    chain.advance(100)
    expect(samples).toEqual([130, 200, 650, 750])
  })

  it('survives a callback that throws', () => {
    const chain = new EmbeddedChain(
      (reactor) =>
        new VMeter(reactor, {
          sampleMs: 10,
          onSample: () => {
            throw new Error('no display')
          },
        }),
      { expectFailures: true },
    )
    chain.feed('abc')
    chain.advance(25)
    expect(chain.failures.map(({ message }) => message)).toEqual(Array(2).fill('a sample of a meter failed'))
    expect(chain.drain()).toEqual(Buffer.from('abc'))
  })

  it('sets no timer unless samples are wanted, nor outside of a chain', () => {
    expect(metered().host.alarmAt).toBe(NONE)
    const chain = metered({ sampleMs: 10, onSample: () => undefined })
    chain.source.detach()
    chain.sink.detach()
    chain.advance(20)
    expect(chain.host.alarmAt).toBe(NONE)
    chain.source.attach(chain.element.byteConsume as never)
    chain.advance(0)
    expect(chain.host.alarmAt).toBe(30)
  })

  it('holds nothing and counts every byte once, under any limits and portions [CR-65]', () => {
    const size = fc.oneof(fc.constant(1), fc.constant(100_000), fc.integer({ min: 1, max: 300 }))
    fc.assert(
      fc.property(
        fc.array(size, { maxLength: 20, size: 'max' }),
        fc.array(size, { maxLength: 60, size: 'max' }),
        (feeds, grants) => {
          const chain = metered({}, 0)
          const pattern = new VBytePattern(3)
          let fed = 0
          for (let at = 0; at < Math.max(feeds.length, grants.length); at += 1) {
            const [more, grant] = [feeds[at] ?? 0, grants[at] ?? 0]
            if (more > 0) chain.feed(pattern.take(more, fed))
            fed += more
            if (grant > 0) chain.grant(grant)
            expect(chain.element.bytes).toBe(chain.sink.received.length)
            expect(chain.element.heldBytes).toBe(0)
          }
          chain.grant(null)
          chain.end()
          expect(chain.element.bytes).toBe(fed)
          expect(pattern.mismatchAt(chain.drain())).toBe(-1)
          expect(chain.ended?.clean).toBe(true)
        },
      ),
      propertyRuns(200),
    )
  })

  it('counts what it passes as one of several', () => {
    const chain = new EmbeddedChain((reactor) => {
      const [first, last] = [new VMeter(reactor), new VMeter(reactor)]
      first.byteProduce.attach(new VByteTap(reactor).byteConsume)
      first.byteProduce.consumer?.flows[0]?.attach(last.byteConsume)
      return { byteConsume: first.byteConsume, byteProduce: last.byteProduce, meters: [first, last] }
    })
    chain.feed('abc')
    expect(chain.element.meters.map(({ bytes }) => bytes)).toEqual([3, 3])
  })

  it('refuses times that are none', () => {
    expect(() => metered({ windowMs: 0 })).toThrow(RangeError)
    expect(() => metered({ sampleMs: Number.NaN })).toThrow(RangeError)
  })
})
