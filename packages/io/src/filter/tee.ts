/**
 * `VByteTee`: one flow of bytes to several consumers.
 *
 * Decides how much may come in: what the branch that allows least allows, so that none is ahead of the slowest by
 * anything. What is granted comes out of all branches in the same call; only bytes that were granted and come when a
 * branch has lost its credit (its consumer left, or it is new) wait in that branch. Bytes are not copied: all branches
 * give the same memory, which nobody may write to. Invariant: every branch gives, in order, all bytes that came since
 * it was made.
 */
import { type IVReactor, type IVReactorObject, VIOClosed } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { ConsumerEnd } from '../chain/consumer-end.js'
import { flowTermsOf } from '../chain/flow-terms.js'
import { BYTES } from '../chain/kind.js'
import { emptyControl, type VIOControl } from '../control.js'
import { UNLIMITED } from '../limit.js'
import type { IVByteConsumer, IVByteConsuming, IVByteProducer } from '../types.js'
import { fanControl } from './fan-control.js'
import { RelayProducer } from './relay.js'

/** Options of `VByteTee`. */
export interface VTeeOptions {
  /**
   * What an abort of one branch means. By default false: the whole tee is aborted, with the same reason. True: that
   * branch is dropped and the others go on; the tee is aborted with the last of them.
   */
  readonly dropBranch?: boolean
}

/**
 * Gives each byte that it takes to every one of its branches.
 *
 * ```ts
 * const tee = new VByteTee(reactor)
 * chain(tee.branch(), new VDigestTap(reactor), archive)
 * chain(tee.branch(), view)
 * await chain(source, tee).done
 * ```
 */
export class VByteTee implements IVByteConsuming, IVReactorObject {
  readonly reactor: IVReactor
  readonly #end: TeeConsumer

  /** @throws TypeError without a reactor */
  constructor(reactor: IVReactor, options: VTeeOptions = {}) {
    this.#end = new TeeConsumer(reactor, options.dropBranch === true)
    this.reactor = reactor
  }

  /** Where bytes come in. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return this.#end
  }

  /** How many branches there are that have not been dropped. */
  get branchCount(): number {
    return this.#end.branches.length
  }

  /** Bytes that wait in the branch that has most of them; 0 while all have kept their credit. */
  get heldBytes(): number {
    return this.#end.held
  }

  /**
   * Makes another branch: a producer to be attached to a consumer. Nothing comes in while a branch has none.
   *
   * A branch that is made when bytes have passed gives those that come from then on, and no earlier ones. What was
   * granted for the branches before it holds: make the branches first and attach the source last, else what comes by an
   * older grant waits in the new one.
   *
   * @throws VIOClosed after the end or an abort
   */
  branch(): IVByteProducer {
    return this.#end.addBranch()
  }
}

/** One way out of a tee. */
class TeeBranch extends RelayProducer<VByteBuffer, IVByteProducer, IVByteConsumer> {}

class TeeConsumer extends ConsumerEnd<VByteBuffer, IVByteConsumer, IVByteProducer> {
  /** Replaced, never changed, so that a loop over it is not disturbed. */
  branches: readonly TeeBranch[] = []
  readonly #dropBranch: boolean
  readonly #control: VIOControl
  /** A branch has carried out the end. */
  #finished = false
  /** Why a branch could not carry out the end. */
  #failure: Error | undefined

  constructor(reactor: IVReactor, dropBranch: boolean) {
    super(flowTermsOf(reactor, BYTES))
    this.#dropBranch = dropBranch
    this.#control = fanControl(() => {
      const consumers = this.branches.map((branch) => branch.consumer)
      return consumers.filter((consumer) => consumer !== null).map((consumer) => consumer.control)
    })
  }

  /** Messages that travel with the bytes go to all branches. */
  get control(): VIOControl {
    return this.#control
  }

  override get flows(): readonly IVByteProducer[] {
    return this.branches
  }

  get held(): number {
    return Math.max(0, ...this.branches.map((branch) => branch.held))
  }

  addBranch(): IVByteProducer {
    if (this.closed) throw new VIOClosed('the tee has ended and takes no more branches')
    const branch: TeeBranch = new TeeBranch(this.reactor, BYTES, {
      producerControl: () => this.producer?.control ?? emptyControl(),
      producerFlows: () => [this],
      roomChanged: () => this.#regrant(),
      relayAborted: (reason, afterEnd) => this.#branchDown(branch, reason, afterEnd),
    })
    this.branches = [...this.branches, branch]
    return branch
  }

  /** What may come in beyond what has: what the branch that allows least allows. */
  #room(): number {
    let room = this.branches.length === 0 ? 0 : UNLIMITED
    for (const branch of this.branches) room = Math.min(room, branch.room)
    return room
  }

  #regrant(): void {
    this.grant(this.movedUnits + this.#room())
  }

  protected deliver(data: VByteBuffer, count: number): void {
    const attachment = this.attachment
    const branches = this.branches
    this.movedUnits += count
    for (let left = count; left > 0; ) {
      const chunk = data.popChunk(left)
      left -= chunk.length
      for (const branch of branches) branch.intake.append(chunk)
    }
    for (const branch of branches) branch.flush()
    if (attachment === this.attachment) this.limitUnits = this.movedUnits + this.#room()
    else this.#regrant()
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    const branches = this.branches
    for (const branch of branches) {
      branch.finish(clean, reason)
      branch.flush()
    }
    // Without a branch there is nobody who could carry the end out.
    if (branches.length === 0) this.abort()
  }

  #branchDown(branch: TeeBranch, reason: Error | undefined, afterEnd: boolean): void {
    this.branches = this.branches.filter((other) => other !== branch)
    if (afterEnd) {
      this.#finished = true
      this.#failure ??= reason
    } else if (!this.#dropBranch) {
      this.abort(reason)
      return
    }
    // With the last branch the tee has carried the end out, unless not one of them did.
    if (this.branches.length === 0) this.abort(this.#finished ? this.#failure : reason)
    else this.#regrant()
  }

  protected handleAborted(reason: Error | undefined): void {
    const branches = this.branches
    this.branches = []
    for (const branch of branches) branch.abort(reason)
  }

  protected peerAttached(): void {
    this.#regrant()
  }

  protected peerDetached(): void {}
}
