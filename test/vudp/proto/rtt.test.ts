/**
 * Round-trip times as RFC 9002 section 5 wants them.
 */
import { describe, expect, it } from 'vitest'
import { Rtt } from '../../../packages/vudp/src/proto/rtt.js'

describe('Rtt', () => {
  it('assumes 333 ms before the first sample', () => {
    const rtt = new Rtt()
    expect([rtt.hasSample, rtt.smoothedMs, rtt.minMs]).toEqual([false, 333, Number.POSITIVE_INFINITY])
    expect(rtt.ptoMs(0)).toBeCloseTo(333 + 4 * 166.5)
  })

  it('takes the first sample as it is', () => {
    const rtt = new Rtt()
    expect(rtt.update(80, 0)).toBe(80)
    expect([rtt.latestMs, rtt.smoothedMs, rtt.varianceMs, rtt.minMs]).toEqual([80, 80, 40, 80])
  })

  it('smooths by an eighth, and the variance by a quarter', () => {
    const rtt = new Rtt()
    rtt.update(80, 0)
    rtt.update(120, 0)
    expect([rtt.smoothedMs, rtt.varianceMs, rtt.minMs]).toEqual([85, 40, 80])
  })

  it.each([
    ['takes the delay off', 100, 15, 85],
    ['but not below the least sample', 85, 15, 85],
    ['nor off the least sample itself', 60, 15, 60],
  ])('%s', (_what, rawMs, delayMs, expected) => {
    const rtt = new Rtt()
    rtt.update(80, 0)
    expect(rtt.update(rawMs, delayMs)).toBe(expected)
  })

  it('keeps the raw least sample', () => {
    const rtt = new Rtt()
    rtt.update(80, 0)
    rtt.update(95, 15)
    expect(rtt.minMs).toBe(80)
  })

  it('counts a datagram as late after nine eighths, and never below a millisecond', () => {
    const rtt = new Rtt()
    rtt.update(80, 0)
    rtt.update(40, 0)
    expect(rtt.lossDelayMs).toBeCloseTo((75 * 9) / 8)
    const near = new Rtt()
    near.update(0, 0)
    expect(near.lossDelayMs).toBe(1)
    expect(near.smoothedMs).toBeGreaterThan(0)
  })

  it('forgets the least sample, or all', () => {
    const rtt = new Rtt(200)
    rtt.update(80, 0)
    rtt.resetMin()
    expect([rtt.minMs, rtt.smoothedMs]).toEqual([Number.POSITIVE_INFINITY, 80])
    rtt.reset()
    expect([rtt.hasSample, rtt.smoothedMs]).toEqual([false, 200])
  })
})
