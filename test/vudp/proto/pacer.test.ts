/**
 * The pacer: how much leaves at once, and when the next is worth a wake-up.
 */
import { describe, expect, it } from 'vitest'
import { Pacer } from '../../../packages/vudp/src/proto/pacer.js'

const SIZE = 1_000

/** Sends full datagrams as the pacer allows, up to `untilMs`; returns when each left. */
function sendUntil(pacer: Pacer, untilMs: number, from = 0): number[] {
  const sentAt: number[] = []
  for (let now = from; now <= untilMs; now = Math.max(pacer.nextAt(now), now)) {
    while (pacer.canSend(now)) {
      pacer.onSent(now, SIZE)
      sentAt.push(now)
    }
  }
  return sentAt
}

describe('Pacer', () => {
  it('lets everything through without a rate', () => {
    const pacer = new Pacer({ datagramBytes: SIZE })
    for (let count = 0; count < 1_000; count += 1) pacer.onSent(0, SIZE)
    expect(pacer.canSend(0)).toBe(true)
    expect(pacer.nextAt(5)).toBe(5)
  })

  it('starts with a burst of ten datagrams, then keeps to the rate', () => {
    const pacer = new Pacer({ datagramBytes: SIZE })
    pacer.setRate(0, 500)
    const sentAt = sendUntil(pacer, 100)
    expect(sentAt.filter((at) => at === 0)).toHaveLength(10)
    // 100 ms at 500 bytes a millisecond are 50 datagrams.
    expect(sentAt.length).toBeGreaterThanOrEqual(59)
    expect(sentAt.length).toBeLessThanOrEqual(61)
  })

  it('allows two milliseconds of a high rate at once, and no more after a pause', () => {
    const pacer = new Pacer({ datagramBytes: SIZE })
    pacer.setRate(0, 100_000)
    expect(pacer.burstBytes).toBe(200_000)
    sendUntil(pacer, 10)
    expect(pacer.allowance(60_000)).toBe(200_000)
  })

  it('never lets more pass than the rate and one burst, over any stretch', () => {
    for (const rate of [10, 125, 1_250, 12_500, 125_000]) {
      const pacer = new Pacer({ datagramBytes: SIZE })
      pacer.setRate(0, rate)
      const sentAt = sendUntil(pacer, 40)
      for (let from = 0; from < sentAt.length; from += 7) {
        const last = sentAt.length - 1
        const stretchMs = (sentAt[last] as number) - (sentAt[from] as number)
        // The bucket may be overdrawn by less than a datagram.
        expect((last - from) * SIZE).toBeLessThanOrEqual(stretchMs * rate + pacer.burstBytes)
      }
    }
  })

  it('wakes for a millisecond of the rate at high rates, for one datagram at low ones', () => {
    const fast = new Pacer({ datagramBytes: SIZE })
    fast.setRate(0, 50_000)
    while (fast.canSend(0)) fast.onSent(0, SIZE)
    expect(fast.nextAt(0)).toBeGreaterThanOrEqual(1)
    const slow = new Pacer({ datagramBytes: SIZE })
    slow.setRate(0, 1)
    while (slow.canSend(0)) slow.onSent(0, SIZE)
    expect(slow.nextAt(0)).toBeLessThanOrEqual(SIZE + 1)
    expect(slow.canSend(slow.nextAt(0))).toBe(true)
  })

  it('keeps what it owes when the rate changes', () => {
    const pacer = new Pacer({ datagramBytes: SIZE })
    pacer.setRate(0, 100)
    while (pacer.canSend(0)) pacer.onSent(0, SIZE)
    pacer.setRate(0, 1_000)
    expect(pacer.canSend(0)).toBe(false)
    expect(pacer.nextAt(0)).toBeLessThanOrEqual(2)
    pacer.setRate(1, Number.POSITIVE_INFINITY)
    expect(pacer.canSend(1)).toBe(true)
    pacer.setRate(1, 100)
    expect(pacer.allowance(1)).toBe(10 * SIZE)
  })

  it('makes up for a wake-up that came late, up to ten milliseconds, by a quarter more than the rate', () => {
    const rate = 10_000
    for (const [lateMs, madeUpMs] of [
      [0, 0],
      [5, 4],
      [10, 9],
      [60, 10],
      [200, 0],
    ] as const) {
      const pacer = new Pacer({ datagramBytes: SIZE })
      pacer.setRate(0, rate)
      while (pacer.canSend(0)) pacer.onSent(0, SIZE)
      const wokenAt = pacer.nextAt(0) + lateMs
      let sentBytes = 0
      const send = (now: number): void => {
        for (; pacer.canSend(now); sentBytes += SIZE) pacer.onSent(now, SIZE)
      }
      // No more than a burst at once, however late it is.
      expect(pacer.allowance(wokenAt)).toBeLessThanOrEqual(pacer.burstBytes)
      send(wokenAt)
      const atOnce = sentBytes
      for (let ms = 1; ms <= 8; ms += 1) send(wokenAt + ms)
      expect(sentBytes - atOnce).toBeLessThanOrEqual((8 + Math.min(2, madeUpMs)) * rate + SIZE)
      for (let ms = 9; ms <= 100; ms += 1) send(wokenAt + ms)
      const most = (100 + madeUpMs) * rate + SIZE
      expect(sentBytes - atOnce).toBeLessThanOrEqual(most)
      expect(sentBytes - atOnce).toBeGreaterThan(most - 0.5 * rate)
    }
  })
})
