/**
 * The rate limit on simulated time: exact to the byte, nothing held, and no timer left behind.
 */
import { VByteTap, VRateLimit, type VRateLimitOptions } from '@vio/io/filter'
import { EmbeddedChain, VBytePattern } from '@vio/io/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'

type Limited = EmbeddedChain<VRateLimit>

function limited(options: VRateLimitOptions, limit: number | null = null): Limited {
  return new EmbeddedChain((reactor) => new VRateLimit(reactor, options), { limit })
}

/** Bytes that have come out so far. */
const out = (chain: Limited): number => chain.sink.received.length

describe('VRateLimit', () => {
  it('lets a burst through at once, then each byte when it is earned', () => {
    const chain = limited({ bytesPerSecond: 1_000, burstBytes: 50, grainMs: 0 })
    chain.feed(Buffer.alloc(1_000))
    expect(out(chain)).toBe(50)
    for (let ms = 1; ms <= 950; ms += 1) {
      chain.advance(1)
      expect(out(chain)).toBe(50 + ms)
    }
    expect(out(chain)).toBe(1_000)
  })

  it('gives bytes that are not a whole number of milliseconds apart when they are due, not before', () => {
    const chain = limited({ bytesPerSecond: 3, burstBytes: 1, grainMs: 0 })
    chain.feed(Buffer.alloc(100))
    for (const [ms, bytes] of [
      [333, 1],
      [334, 2],
      [666, 2],
      [667, 3],
      [1_000, 4],
      [30_001, 91],
    ] as const) {
      chain.advance(ms - chain.host.now())
      expect([ms, out(chain)]).toEqual([ms, bytes])
    }
  })

  it('gives portions of a grain', () => {
    const chain = limited({ bytesPerSecond: 1_000, burstBytes: 100, grainMs: 20 })
    chain.feed(Buffer.alloc(1_000))
    const seen: number[] = []
    for (let ms = 0; ms < 60; ms += 5) {
      seen.push(out(chain))
      chain.advance(5)
    }
    expect(seen).toEqual([100, 100, 100, 100, 120, 120, 120, 120, 140, 140, 140, 140])
    expect(chain.host.steps).toBeLessThan(30)
  })

  it('passes no more than burst and earnings in any stretch of time, and no less in the long run', () => {
    fc.assert(
      fc.property(
        fc.record({
          bytesPerSecond: fc.integer({ min: 50, max: 100_000 }),
          burstBytes: fc.integer({ min: 1, max: 5_000 }),
          grainMs: fc.constantFrom(0, 1, 10, 50),
        }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 0, max: 400 })), {
          maxLength: 12,
          size: 'max',
        }),
        (options, steps) => {
          const chain = limited(options)
          const { bytesPerSecond, burstBytes, grainMs } = options
          const passed: { readonly at: number; readonly bytes: number }[] = []
          for (const [bytes, ms] of steps) {
            if (bytes > 0) chain.feed(Buffer.alloc(bytes))
            for (let at = 0; at < ms; at += 20) {
              passed.push({ at: chain.host.now(), bytes: out(chain) })
              chain.advance(Math.min(20, ms - at))
            }
            passed.push({ at: chain.host.now(), bytes: out(chain) })
          }
          for (const [index, from] of passed.entries()) {
            for (const to of passed.slice(index)) {
              const most = burstBytes + ((to.at - from.at) * bytesPerSecond) / 1000
              expect(to.bytes - from.bytes).toBeLessThanOrEqual(most + 1e-6)
            }
          }
          // What is left over goes at the rate, up to a portion.
          const left = chain.unsent
          if (left === 0) return
          chain.advance((left / bytesPerSecond) * 1000 + grainMs + 1_000 / bytesPerSecond)
          expect(chain.unsent).toBe(0)
        },
      ),
      propertyRuns(30),
    )
  })

  it('holds nothing and passes the same bytes under any limits and portions [CR-65]', () => {
    const portions = fc.oneof(fc.constant(1), fc.constant(70_000), fc.integer({ min: 1, max: 500 }))
    fc.assert(
      fc.property(
        fc.array(portions, { minLength: 1, maxLength: 20, size: 'max' }),
        fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 3_000 })), {
          minLength: 1,
          maxLength: 10,
          size: 'max',
        }),
        fc.integer({ min: 1, max: 2_000 }),
        (sizes, grants, burstBytes) => {
          const chain = limited({ bytesPerSecond: 100_000, burstBytes, grainMs: 1 }, 0)
          const pattern = new VBytePattern(7)
          let fed = 0
          for (const size of sizes) {
            chain.feed(pattern.take(size, fed))
            fed += size
          }
          chain.end()
          for (let turn = 0; chain.ended === null && turn < 200_000; turn += 1) {
            const grant = grants[turn % grants.length] ?? 1
            // Small grants for a while, then whatever is left, so that a run stays short.
            chain.grant(turn < 50 ? grant : null)
            chain.advance(turn < 50 ? 3 : 50)
            expect(chain.element.heldBytes).toBe(0)
          }
          expect(chain.ended).toEqual({ clean: true, reason: undefined })
          expect(pattern.mismatchAt(chain.drain())).toBe(-1)
          expect(chain.source.queue.length).toBe(0)
        },
      ),
      propertyRuns(30),
    )
  })

  it('waits longer for a portion of which some has passed meanwhile', () => {
    const chain = limited({ bytesPerSecond: 60, burstBytes: 3, grainMs: 50 })
    chain.feed('a')
    chain.feed('bcdef')
    chain.advance(49)
    expect(out(chain)).toBe(3)
    chain.advance(1)
    expect(out(chain)).toBe(6)
  })

  it('takes another rate from the next grant on', () => {
    const chain = limited({ bytesPerSecond: 1_000, burstBytes: 10, grainMs: 0 })
    chain.feed(Buffer.alloc(100_000))
    chain.advance(100)
    expect(out(chain)).toBe(110)
    chain.element.setRate({ bytesPerSecond: 10_000, burstBytes: 20 })
    expect(chain.element.rate).toEqual({ bytesPerSecond: 10_000, burstBytes: 20 })
    chain.advance(100)
    expect(out(chain)).toBe(1_110)
    chain.element.setRate({ bytesPerSecond: Number.POSITIVE_INFINITY })
    chain.advance(0)
    expect(out(chain)).toBe(100_000)
    chain.element.setRate({ bytesPerSecond: 1_000, burstBytes: 5 })
    chain.feed(Buffer.alloc(100))
    expect(chain.host.alarmAt).toBe(Number.POSITIVE_INFINITY)
    // What was allowed before still passes; then the new rate counts, with what passed as a debt.
    expect(out(chain)).toBe(100_100)
  })

  it('sets no timer while enough is allowed, and leaves none at the end or an abort', () => {
    for (const finish of [(chain: Limited) => chain.end(), (chain: Limited) => chain.abort()]) {
      const chain = limited({ bytesPerSecond: 1_000, burstBytes: 100 })
      expect(chain.host.alarmAt).toBe(Number.POSITIVE_INFINITY)
      chain.feed(Buffer.alloc(100))
      expect(chain.host.alarmAt).toBe(10)
      finish(chain)
      expect(chain.host.alarmAt).toBe(Number.POSITIVE_INFINITY)
    }
  })

  it('does not earn what it has no room for while nothing passes', () => {
    const chain = limited({ bytesPerSecond: 1_000, burstBytes: 10, grainMs: 0 })
    chain.advance(60_000)
    chain.feed(Buffer.alloc(100))
    expect(out(chain)).toBe(10)
    chain.advance(5)
    expect(out(chain)).toBe(15)
  })

  it('keeps to the rate when it is put into another chain', () => {
    const chain = limited({ bytesPerSecond: 1_000, burstBytes: 100, grainMs: 0 })
    chain.feed(Buffer.alloc(500))
    const other = new VByteTap(chain.reactor)
    chain.source.detach()
    chain.source.attach(other.byteConsume as never)
    other.byteProduce.attach(chain.element.byteConsume)
    chain.advance(0)
    expect(out(chain)).toBe(100)
    chain.advance(50)
    expect(out(chain)).toBe(150)
  })

  it('has bursts of a tenth of a second by default', () => {
    const chain = limited({ bytesPerSecond: 1_000 })
    expect(chain.element.rate.burstBytes).toBe(100)
    expect(limited({ bytesPerSecond: 0.5 }).element.rate.burstBytes).toBe(1)
  })

  it.each([
    { bytesPerSecond: 0 },
    { bytesPerSecond: Number.NaN },
    { bytesPerSecond: -1 },
    { bytesPerSecond: '9' as never },
    { bytesPerSecond: 1, burstBytes: 0 },
    { bytesPerSecond: 1, burstBytes: 1.5 },
    { bytesPerSecond: 1, grainMs: -1 },
  ])('refuses %o', (options) => {
    expect(() => limited(options)).toThrow(RangeError)
  })
})
