/**
 * Proportional rate reduction, acknowledgement by acknowledgement: how many datagrams each lets go.
 */
import { describe, expect, it } from 'vitest'
import { Reduction } from '../../../../packages/vudp/src/proto/congestion/reduction.js'
import { Reno } from '../../../../packages/vudp/src/proto/congestion/reno.js'
import { DATAGRAM, Ledger } from './ledger.js'

/** A flight that is reduced; sizes in datagrams. */
class Flight {
  readonly reduction = new Reduction()
  inFlight: number

  constructor(target: number, inFlight: number) {
    this.inFlight = inFlight
    this.reduction.begin(target * DATAGRAM, inFlight * DATAGRAM)
  }

  /** An acknowledgement of so many, by which so many turn out lost. Returns how many may leave, and sends them. */
  ack(acked: number, lost = 0): number {
    this.inFlight -= acked + lost
    this.reduction.onBatch(acked * DATAGRAM, this.inFlight * DATAGRAM, lost === 0, DATAGRAM)
    let sent = 0
    while (this.inFlight * DATAGRAM < this.reduction.windowBytes) {
      this.inFlight += 1
      sent += 1
      this.reduction.onSent(DATAGRAM)
    }
    return sent
  }
}

describe('a reduction', () => {
  it('lets seven leave for ten that arrive, evenly, where the window goes to seven tenths', () => {
    const flight = new Flight(70, 100)
    const sent = [flight.ack(2, 1), ...Array.from({ length: 7 }, () => flight.ack(10))]
    expect(sent).toEqual([2, 7, 7, 7, 7, 7, 7, 7])
    expect(flight.inFlight).toBe(78)
  })

  it('lets the first datagram leave at once', () => {
    const flight = new Flight(70, 100)
    expect(flight.ack(0, 1)).toBe(1)
    expect(flight.ack(1)).toBe(0)
  })

  it('lets no more leave than arrives while every acknowledgement shows losses', () => {
    const flight = new Flight(70, 100)
    const sent = Array.from({ length: 10 }, () => flight.ack(5, 5))
    expect(sent.reduce((sum, each) => sum + each, 0)).toBe(50)
    expect(flight.inFlight).toBe(50)
  })

  it('catches up by a half more once no more is lost, and stops at the new window', () => {
    const flight = new Flight(70, 100)
    flight.ack(10, 50)
    const before = flight.inFlight
    expect(flight.ack(10)).toBe(15)
    expect(flight.inFlight).toBe(before + 5)
    for (let count = 0; count < 10; count += 1) flight.ack(10)
    expect(flight.inFlight).toBe(70)
  })
})

describe('a window in recovery', () => {
  it('keeps room for two datagrams when all that was in flight is lost', () => {
    const ledger = new Ledger((options) => new Reno(options))
    ledger.rounds(2)
    ledger.round({ lost: Array.from({ length: 40 }, (_, index) => index) })
    expect(ledger.inFlightBytes).toBe(0)
    expect(ledger.window).toBe(2)
    ledger.round()
    expect(ledger.window).toBe(20)
  })
})
