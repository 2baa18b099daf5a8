/**
 * A path of rounds for one controller: a window leaves, and a round trip later it is acknowledged or lost.
 *
 * No link and no queue: each round trip takes what the test says. Windows come out in datagrams, whole ones, as the
 * reviewed snapshots show them. Invariant: the ledger's count of what is in flight is the caller's half of the contract.
 */
import {
  createSentRecord,
  type IVCongestion,
  type IVCongestionOptions,
  type IVSentRecord,
} from '../../../../packages/vudp/src/proto/congestion/controller.js'
import { Rtt } from '../../../../packages/vudp/src/proto/rtt.js'

export const DATAGRAM = 1200

/** What happens in one round. */
export interface Round {
  /** The round-trip time; by default 100 ms. */
  readonly rttMs?: number
  /** Indices within the round of what is lost; negative ones count from its end. */
  readonly lost?: readonly number[]
  /** The most datagrams that the application has; by default no bound. */
  readonly app?: number
}

/** Drives one controller. */
export class Ledger {
  readonly congestion: IVCongestion
  readonly rtt = new Rtt()
  readonly lost: IVSentRecord[] = []
  now = 0
  inFlightBytes = 0
  #next = 0

  constructor(
    make: (options: IVCongestionOptions) => IVCongestion,
    options: Partial<IVCongestionOptions> = {},
  ) {
    this.congestion = make({ datagramBytes: DATAGRAM, rtt: this.rtt, ...options })
  }

  /** The window in whole datagrams. */
  get window(): number {
    return Math.round(this.congestion.windowBytes / DATAGRAM)
  }

  /** Sends one datagram. */
  send(): IVSentRecord {
    const packet = createSentRecord()
    packet.number = this.#next++
    packet.sizeBytes = DATAGRAM
    packet.sentAt = this.now
    this.inFlightBytes += DATAGRAM
    this.congestion.onSent(this.now, packet, this.inFlightBytes)
    return packet
  }

  /** Sends a window, and a round trip later tells what became of it. */
  round({ rttMs = 100, lost = [], app = Number.POSITIVE_INFINITY }: Round = {}): void {
    const flight: IVSentRecord[] = []
    while (flight.length < app && this.inFlightBytes + DATAGRAM <= this.congestion.windowBytes)
      flight.push(this.send())
    if (flight.length >= app) this.congestion.onAppLimited(this.inFlightBytes)
    this.now += rttMs
    const isLost = new Set(lost.map((index) => (index < 0 ? flight.length + index : index)))
    flight.forEach((packet, index) => {
      this.inFlightBytes -= DATAGRAM
      if (isLost.has(index)) {
        this.lost.push(packet)
        this.congestion.onLoss(this.now, packet)
        this.congestion.onBatchEnd(this.now, this.inFlightBytes, -1)
        return
      }
      this.congestion.onAck(this.now, packet)
      this.congestion.onBatchEnd(this.now, this.inFlightBytes, this.rtt.update(rttMs, 0))
    })
  }

  /** The windows after each of so many rounds. */
  rounds(count: number, round: Round = {}): number[] {
    return Array.from({ length: count }, () => {
      this.round(round)
      return this.window
    })
  }
}
