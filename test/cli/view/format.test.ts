/**
 * Numbers for people, and rates.
 */
import { describe, expect, it } from 'vitest'
import { formatBytes, formatPercent, formatRate, formatTime } from '../../../packages/cli/src/view/format.js'
import { Meter } from '../../../packages/cli/src/view/meter.js'

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9994, '9.99 kB'],
    [9995, '10.0 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [64_000_000, '64.0 MB'],
    [Number.MAX_SAFE_INTEGER, '9.01 PB'],
  ])('of %i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
    expect(formatRate(bytes)).toBe(`${text}/s`)
  })

  it.each([
    [0, '0.0 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1:00'],
    [185, '3:05'],
    [3599.7, '1:00:00'],
    [7385, '2:03:05'],
    [Number.POSITIVE_INFINITY, '-'],
  ])('of %f seconds are %s', (seconds, text) => {
    expect(formatTime(seconds)).toBe(text)
  })

  it('are 100 per cent only once nothing is missing', () => {
    expect(formatPercent(999_999, 1_000_000)).toBe('99 %')
    expect(formatPercent(1_000_000, 1_000_000)).toBe('100 %')
    expect(formatPercent(0, 0)).toBe('100 %')
    expect(formatPercent(0, 5)).toBe('0 %')
  })
})

describe('Meter', () => {
  it('has a current rate of the last two seconds and a mean of all', () => {
    const meter = new Meter()
    for (let at = 0; at <= 10_000; at += 100)
      meter.update(at, at <= 5000 ? at * 10 : 50_000 + (at - 5000) * 2)
    expect(meter.current(10_000)).toBeCloseTo(2000, -2)
    expect(meter.mean(10_000)).toBe(6000)
    expect(meter.secondsLeft(10_000, 100_000)).toBeCloseTo(10, 0)
  })

  it('falls to nothing while nothing comes', () => {
    const meter = new Meter()
    meter.update(0, 0)
    meter.update(1000, 1_000_000)
    expect(meter.current(1000)).toBe(1_000_000)
    expect(meter.current(10_000)).toBe(0)
    expect(meter.secondsLeft(10_000, 2_000_000)).toBe(Number.POSITIVE_INFINITY)
  })

  it('does not count what was there already as passed', () => {
    const meter = new Meter()
    meter.update(0, 1_000_000_000)
    meter.update(1000, 1_000_500_000)
    expect(meter.mean(1000)).toBe(500_000)
  })
})
