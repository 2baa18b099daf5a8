/**
 * What both ends of a flow share: who is attached, what has moved, and how an attachment begins and ends.
 *
 * Decides who may attach, in which order hooks and notifications run, and that a refused attach changes nothing
 * (CR-01 to CR-13, CR-37, CR-39). Limits are told apart in `ConsumerEnd` and `ProducerEnd`. Invariant: `peer` is set
 * if and only if that peer was told of this end, and `movedUnits` and `limitUnits` belong to that attachment.
 */
import { type IVReactor, VIOError } from '@vio/reactor'
import { tell, type VIOControl } from '../control.js'
import { describeValue } from '../limit.js'
import type { FlowTerms } from './flow-terms.js'

/** What an end asks of the end that it is attached to. */
export interface FlowPeer<Self> {
  readonly control: VIOControl
  /** False where nobody wants to be told of an attachment, so that no control is made for that. */
  readonly hearsAttachment?: boolean
  attach(self: Self): void
  detach(): void
  abort(reason?: Error): void
}

/** The first of the states of an end, which are bits of one number: an idle end costs a word for all of them. */
export const ENDED = 1
/** The flow was taken down. */
export const ABORTED = 2
/** The first bit that is free for a subclass. */
export const FIRST_FREE = 4

/** What only few ends ever have. */
interface RareParts {
  lastMovedUnits: number
  lastLimitUnits: number
  abortListener: ((reason: Error | undefined, afterEnd: boolean) => void) | undefined
  endReason: Error | undefined
}

/**
 * Base of both ends. `Self` is the interface that the end implements, `Peer` that of the ends it attaches to.
 *
 * Every connection has four ends, most of which wait for something. So each field counts here, and private methods are
 * static ones: a class that has them as members marks each of its objects for that.
 */
export abstract class FlowEnd<Self, Peer extends FlowPeer<Self>> {
  /** What it shares with other ends. */
  protected readonly terms: FlowTerms
  protected peer: Peer | null = null
  /** Units that passed since attachment. */
  protected movedUnits = 0
  /** The cumulative limit since attachment. */
  protected limitUnits = 0
  /** Changes with every attach and detach, so that code which called out can tell whether it is still attached. */
  protected attachment = 0
  /** The states, as bits. */
  protected states = 0
  #rare: RareParts | null = null
  /** Why the end is taken; part of the message of a refused attach. */
  protected abstract readonly takenMessage: string
  /** The control message that tells the peer's side of this end. */
  protected abstract readonly notifyName: 'notifyConsumerAttached' | 'notifyProducerAttached'

  constructor(terms: FlowTerms) {
    this.terms = terms
  }

  /** The reactor. */
  get reactor(): IVReactor {
    return this.terms.reactor
  }

  /** True if `value` has the methods of a peer for this kind of flow. */
  protected abstract isPeer(value: unknown): value is Peer
  /** A peer was attached. */
  protected abstract peerAttached(): void
  /** The peer was detached. */
  protected abstract peerDetached(): void
  /** The flow was taken down: drop what is held, then run the hooks. */
  protected abstract handleAborted(reason: Error | undefined): void

  /** The cumulative limit of this attachment; Infinity for none. */
  get limit(): number {
    return this.limitUnits
  }

  /** True once the end has passed or the flow was taken down. */
  get closed(): boolean {
    return (this.states & (ENDED | ABORTED)) !== 0
  }

  /** True once the end has passed. */
  protected get ended(): boolean {
    return (this.states & ENDED) !== 0
  }

  /** True once the flow was taken down. */
  protected get aborted(): boolean {
    return (this.states & ABORTED) !== 0
  }

  /** The counters of the attachment before, for a neighbour that leaves its own to them. */
  protected get lastMovedUnits(): number {
    return this.#rare?.lastMovedUnits ?? 0
  }

  protected get lastLimitUnits(): number {
    return this.#rare?.lastLimitUnits ?? 0
  }

  /** Why the end is no clean one, as far as that was said. */
  protected get endReason(): Error | undefined {
    return this.#rare?.endReason
  }

  protected set endReason(reason: Error | undefined) {
    if (reason !== this.endReason) FlowEnd.#rarely(this).endReason = reason
  }

  attach(peer: Peer): void {
    if (this.peer === peer && peer !== null) return
    if (!this.isPeer(peer)) {
      throw new TypeError(
        `this end attaches to the other end of a flow of its kind, got ${describeValue(peer)}`,
      )
    }
    if (this.closed) throw new VIOError('this end of the flow has ended; build a new element')
    if (this.peer !== null) throw new VIOError(`${this.takenMessage}; detach it first`)
    FlowEnd.#link(this, peer)
    try {
      // The cast says what the type parameter Self stands for.
      peer.attach(this as unknown as Self)
    } catch (error) {
      if (this.peer === peer) FlowEnd.#link(this, null)
      throw error
    }
    // A hook of the peer may have taken the two apart again.
    if (this.peer === peer) FlowEnd.#announce(this, peer)
  }

  detach(): void {
    const peer = this.peer
    if (peer === null) return
    FlowEnd.#link(this, null)
    this.guard('detaching the peer', () => peer.detach())
    this.guard('the hook of a detach', () => this.peerDetached())
  }

  abort(reason?: Error): void {
    if (this.aborted) return
    this.states |= ABORTED
    const peer = this.peer
    if (peer !== null) this.guard('aborting the peer', () => peer.abort(reason))
    this.detach()
    this.guard('the hook of an abort', () => this.handleAborted(reason))
    this.#rare?.abortListener?.(reason, this.ended)
  }

  /** Names a function to be told of the abort; `afterEnd` says that it only follows the regular end. One at a time. */
  onAborted(listener: (reason: Error | undefined, afterEnd: boolean) => void): void {
    FlowEnd.#rarely(this).abortListener = listener
  }

  /** Runs code that must not stop a teardown: what it throws is logged. */
  protected guard(what: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      this.reactor.log.error(`${what} failed`, error)
    }
  }

  /** The attachment is about to end, with its counters still in place. */
  protected unlinking(): void {}

  static #announce<S, P extends FlowPeer<S>>(end: FlowEnd<S, P>, peer: P): void {
    try {
      end.peerAttached()
      if (end.peer === peer && peer.hearsAttachment !== false)
        tell(peer.control, end.notifyName, end as never)
    } catch (error) {
      if (end.peer === peer) end.detach()
      throw error
    }
  }

  static #link<S, P extends FlowPeer<S>>(end: FlowEnd<S, P>, peer: P | null): void {
    if (end.peer !== null) {
      end.unlinking()
      const rare = FlowEnd.#rarely(end)
      rare.lastMovedUnits = end.movedUnits
      rare.lastLimitUnits = end.limitUnits
    }
    end.peer = peer
    end.movedUnits = 0
    end.limitUnits = 0
    end.attachment += 1
  }

  static #rarely<S, P extends FlowPeer<S>>(end: FlowEnd<S, P>): RareParts {
    end.#rare ??= { lastMovedUnits: 0, lastLimitUnits: 0, abortListener: undefined, endReason: undefined }
    return end.#rare
  }
}
