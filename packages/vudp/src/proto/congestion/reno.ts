/**
 * NewReno as RFC 9002 section 7 has it: half the window at a loss, a datagram more each round trip without.
 *
 * The rules of slow start, recovery and undo are in `window`. Invariant: the window grows by whole round trips, never
 * by more than it was acknowledged.
 */
import { WindowCongestion } from './window.js'

const LOSS_FACTOR = 0.5

/** NewReno. */
export class Reno extends WindowCongestion {
  readonly name: string = 'reno'

  protected avoid(_now: number, ackedBytes: number): number {
    return (this.datagramBytes * ackedBytes) / this.window
  }

  protected cutTo(_now: number): number {
    return this.window * LOSS_FACTOR
  }
}
