/**
 * A controller that controls nothing: a window and a rate that are given, for tests and measurements.
 *
 * Invariant: nothing that is acknowledged or lost changes them.
 */
import type { IVCongestion, IVSentRecord } from './controller.js'

/** A fixed window, in bytes, and a fixed rate, in bytes per millisecond (by default without pacing). */
export class FixedCongestion implements IVCongestion {
  readonly name: string = 'fixed'
  readonly state: string = 'fixed'
  readonly ssthreshBytes: number = Number.POSITIVE_INFINITY
  readonly deliveryRate: number = 0
  readonly windowBytes: number
  readonly pacingRate: number

  constructor(windowBytes: number, pacingRate: number = Number.POSITIVE_INFINITY) {
    this.windowBytes = windowBytes
    this.pacingRate = pacingRate
  }

  onSent(_now: number, _packet: IVSentRecord, _inFlightBytes: number): void {}
  onAck(_now: number, _packet: IVSentRecord): void {}
  onLoss(_now: number, _packet: IVSentRecord): void {}
  onBatchEnd(_now: number, _inFlightBytes: number, _rttMs: number): void {}
  onSpurious(_now: number, _packet: IVSentRecord): void {}
  onPersistentCongestion(_now: number): void {}
  onAppLimited(_inFlightBytes: number): void {}
  setDatagramBytes(_sizeBytes: number): void {}
}
