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

/** What an end asks of the end that it is attached to. */
export interface FlowPeer<Self> {
  readonly control: VIOControl
  attach(self: Self): void
  detach(): void
  abort(reason?: Error): void
}

/** Base of both ends. `Self` is the interface that the end implements, `Peer` that of the ends it attaches to. */
export abstract class FlowEnd<Self, Peer extends FlowPeer<Self>> {
  readonly reactor: IVReactor
  protected peer: Peer | null = null
  /** Units that passed since attachment. */
  protected movedUnits = 0
  /** The cumulative limit since attachment. */
  protected limitUnits = 0
  /** The counters of the attachment before, for a neighbour that leaves its own to them. */
  protected lastMovedUnits = 0
  protected lastLimitUnits = 0
  /** Changes with every attach and detach, so that code which called out can tell whether it is still attached. */
  protected attachment = 0
  protected ended = false
  protected aborted = false
  #abortListener: ((reason: Error | undefined, afterEnd: boolean) => void) | undefined
  /** Why the end is taken; part of the message of a refused attach. */
  protected abstract readonly takenMessage: string
  /** The control message that tells the peer's side of this end. */
  protected abstract readonly notifyName: 'notifyConsumerAttached' | 'notifyProducerAttached'

  constructor(reactor: IVReactor) {
    if (typeof reactor !== 'object' || reactor === null || typeof reactor.post !== 'function') {
      throw new TypeError(`a chain element needs a reactor, got ${describeValue(reactor)}`)
    }
    this.reactor = reactor
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
    return this.ended || this.aborted
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
    this.#link(peer)
    try {
      // The cast says what the type parameter Self stands for.
      peer.attach(this as unknown as Self)
    } catch (error) {
      if (this.peer === peer) this.#link(null)
      throw error
    }
    // A hook of the peer may have taken the two apart again.
    if (this.peer === peer) this.#announce(peer)
  }

  detach(): void {
    const peer = this.peer
    if (peer === null) return
    this.#link(null)
    this.guard('detaching the peer', () => peer.detach())
    this.guard('the hook of a detach', () => this.peerDetached())
  }

  abort(reason?: Error): void {
    if (this.aborted) return
    this.aborted = true
    const peer = this.peer
    if (peer !== null) this.guard('aborting the peer', () => peer.abort(reason))
    this.detach()
    this.guard('the hook of an abort', () => this.handleAborted(reason))
    this.#abortListener?.(reason, this.ended)
  }

  /** Names a function to be told of the abort; `afterEnd` says that it only follows the regular end. One at a time. */
  onAborted(listener: (reason: Error | undefined, afterEnd: boolean) => void): void {
    this.#abortListener = listener
  }

  /** Runs code that must not stop a teardown: what it throws is logged. */
  protected guard(what: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      this.reactor.log.error(`${what} failed`, error)
    }
  }

  #announce(peer: Peer): void {
    try {
      this.peerAttached()
      if (this.peer === peer) tell(peer.control, this.notifyName, this as never)
    } catch (error) {
      if (this.peer === peer) this.detach()
      throw error
    }
  }

  /** The attachment is about to end, with its counters still in place. */
  protected unlinking(): void {}

  #link(peer: Peer | null): void {
    if (this.peer !== null) this.unlinking()
    this.peer = peer
    this.lastMovedUnits = this.movedUnits
    this.lastLimitUnits = this.limitUnits
    this.movedUnits = 0
    this.limitUnits = 0
    this.attachment += 1
  }
}
