/**
 * Tells which path bytes take, and once more how long it is.
 *
 * Decides when the round trip of a new path is looked for: a connection that moves knows it only after a while. Which path it
 * is comes from outside. Invariant: each path is told at once; it is told a second time only if its round trip was not known.
 */
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { VUDPTransport } from '@vio/vudp'
import type { VCliEvent, VPathEvent } from './view/event.js'

/** How often it is looked. */
const LOOK_MS = 100

/** Tells each path at once, and once more when its round trip is known, if it was not. */
export class PathTeller {
  readonly #reactor: IVReactor
  readonly #onEvent: (event: VCliEvent) => void
  #transport: Pick<VUDPTransport, 'stats'> | null = null
  /** What is to be told once more. */
  #event: VPathEvent | null = null
  #timer: VScheduledCall | null = null
  #isClosed = false

  constructor(reactor: IVReactor, onEvent: (event: VCliEvent) => void) {
    this.#reactor = reactor
    this.#onEvent = onEvent
  }

  /** Bytes go this way from now on. */
  tell(event: VPathEvent): void {
    this.#event = event.rttMs === undefined ? event : null
    this.#onEvent(event)
    this.#lookSoon()
  }

  /** The connection that knows the round trip. */
  connected(transport: Pick<VUDPTransport, 'stats'>): void {
    this.#transport = transport
    this.#lookSoon()
  }

  /** Tells nothing more by itself, and leaves no timer. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#timer = null
  }

  #lookSoon(): void {
    if (this.#event === null || this.#transport === null || this.#isClosed || this.#timer !== null) return
    this.#timer = this.#reactor.schedule(LOOK_MS, () => {
      this.#timer = null
      this.#look()
    })
  }

  #look(): void {
    const rttMs = this.#transport?.stats().smoothedRttMs ?? -1
    if (this.#event === null) return
    if (rttMs < 0) this.#lookSoon()
    else this.tell({ ...this.#event, rttMs: Math.round(rttMs * 10) / 10 })
  }
}
