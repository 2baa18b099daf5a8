/**
 * The two ends around a transform: a flow that changes size, with a credit domain of its own.
 *
 * Decides how much may come in (`capacity` less what is held), when the transform runs, and how its output and the
 * end go on. What the bytes become is the transform's affair. Invariants: the transform runs only when all it gave
 * before has left, so at most `capacity` and what one run adds to it are held; nothing leaves but in order.
 */
import { type IVReactor, VIOError, VIOLost } from '@vio/reactor'
import { ConsumerEnd } from '../chain/consumer-end.js'
import { flowTermsOf } from '../chain/flow-terms.js'
import type { PassingQueue } from '../chain/kind.js'
import type { VIOControl } from '../control.js'
import { VIOOversize } from '../errors.js'
import type { IVConsumer, IVProducer, IVTransform } from '../types.js'
import { type AnyKind, type LaneHooks, LaneProducer } from './lane-output.js'

/** What a lane is made of. */
export interface LaneOptions<QI extends PassingQueue<QI>, CI, PI, QO extends PassingQueue<QO>, CO, PO> {
  readonly from: AnyKind<QI, CI, PI>
  readonly to: AnyKind<QO, CO, PO>
  readonly transform: IVTransform<QI, QO>
  /** The most units of input, and of output if both are of one kind, that may be held. */
  readonly capacity: number
  readonly hooks: LaneHooks
}

/** The end of the input, as it is going to be passed on. */
interface LaneEnd {
  clean: boolean
  reason: Error | undefined
}

/** The end of a lane that takes the input, and the lane's state. */
export class LaneConsumer<
  QI extends PassingQueue<QI>,
  CI,
  PI extends IVProducer<CI>,
  QO extends PassingQueue<QO>,
  CO extends IVConsumer<QO, PO>,
  PO,
> extends ConsumerEnd<QI, CI, PI> {
  readonly out: LaneProducer<QO, PO, CO>
  readonly #hooks: LaneHooks
  readonly #transform: IVTransform<QI, QO>
  readonly #capacity: number
  readonly #sameKind: boolean
  #keepsUnits: boolean
  /** There may be something to do after output has left: the transform wants to go on, or a bypass is due. */
  #goesOn: boolean
  readonly #input: QI
  readonly #output: QO
  /** Input came that the transform has not seen. */
  #fed = false
  /** The transform or the consumer below is at work further up the stack. */
  #busy = false
  #end: LaneEnd | undefined
  #finished = false
  /** Input goes to the output as it is; `'due'` while the transform has yet to be ended. */
  #bypass: 'off' | 'due' | 'on' = 'off'
  /** Told once when a bypassed lane holds nothing any more. */
  #whenDrained: (() => void) | undefined

  constructor(reactor: IVReactor, options: LaneOptions<QI, CI, PI, QO, CO, PO>) {
    super(flowTermsOf(reactor, options.from))
    this.#hooks = options.hooks
    this.#transform = options.transform
    this.#capacity = options.capacity
    this.#sameKind = options.from.name === options.to.name
    this.#keepsUnits = 'held' in options.transform
    this.#goesOn = 'pending' in options.transform
    this.#input = options.from.createQueue()
    this.#output = options.to.createQueue()
    this.out = new LaneProducer(reactor, options.to, options.hooks, this)
  }

  get control(): VIOControl {
    return this.#hooks.consumerControl()
  }

  override get flows(): readonly PI[] {
    // Where both sides are of one kind the producer below is what `flows` speaks of; else there is none of that kind.
    return this.#sameKind ? [this.out as unknown as PI] : []
  }

  /** Units that are held, in the unit of the input. */
  get held(): number {
    const inside = this.#keepsUnits ? (this.#transform.held ?? 0) : 0
    const waiting = this.#sameKind ? this.#output.length : 0
    return this.#input.length + waiting + inside
  }

  /** Units of output that wait for the consumer below. */
  get waiting(): number {
    return this.#output.length
  }

  /** As inherited, but with a call site of its own: the engine then sees through it, which halves what a lane costs. */
  override consume(data: QI, clim?: number | null): number {
    this.deliver(data, this.admit(data, clim))
    return this.limitUnits
  }

  protected deliver(data: QI, count: number): void {
    const attachment = this.attachment
    this.movedUnits += count
    if (this.#busy) this.#keep(data, count)
    else {
      this.#busy = true
      try {
        this.#feed(data, count)
      } catch (error) {
        this.#fail(error)
      }
      this.#busy = false
    }
    if (attachment === this.attachment) this.limitUnits = this.#allowed()
  }

  /**
   * Hands new input to the transform: as it is, if that is all there is, else behind what was held before. The first
   * way is that of nearly every chunk, and ends with the output handed on.
   */
  #feed(data: QI, count: number): void {
    const output = this.#output
    if (this.#input.length > 0 || output.length > 0 || this.#bypass !== 'off' || count !== data.length) {
      this.#keep(data, count)
      this.#advance()
      return
    }
    this.#transform.push(data, output)
    if (data.length > 0) data.moveTo(this.#input)
    if (output.length === 0) this.#refuseOversize()
    else if (this.out.give(output) === 0 || output.length > 0 || this.#goesOn) this.#advance()
  }

  #keep(data: QI, count: number): void {
    data.moveTo(this.#input, count)
    this.#fed = true
  }

  #allowed(): number {
    const room = this.#capacity - this.held
    return room > 0 ? this.movedUnits + room : this.movedUnits
  }

  /** Does what can be done now. Errors of the transform and of the consumer below take the lane down. */
  run(): void {
    if (this.#busy || this.aborted) return
    this.#busy = true
    try {
      this.#advance()
      if (this.#end !== undefined) this.#finish(this.#end)
    } catch (error) {
      this.#fail(error)
    }
    this.#busy = false
  }

  /** Runs, then passes on what the producer above may send by now. For calls that do not come from that producer. */
  runAndGrant(): void {
    this.run()
    if (!this.aborted && !this.ended) this.grant(this.#allowed())
  }

  /** Transforms what came once all output has left, and gives the output away, as long as either is possible. */
  #advance(): void {
    const output = this.#output
    const out = this.out
    for (;;) {
      if (this.#bypass === 'due') this.#endTransform()
      if (output.length === 0) {
        if (!this.#fed && !(this.#goesOn && this.#transform.pending === true)) {
          this.#tellDrained()
          return
        }
        this.#fed = false
        if (this.#bypass === 'off') this.#transform.push(this.#input, output)
        else this.#passUnchanged()
        if (output.length === 0) {
          this.#refuseOversize()
          this.#tellDrained()
          return
        }
      }
      if (!out.sendable) return
      if (out.give(output) === 0 && out.sendable) {
        throw new VIOError(`consume error: the consumer allowed ${out.credit} and took nothing`)
      }
    }
  }

  /** A full lane whose transform can do nothing with it would wait for ever. */
  #refuseOversize(): void {
    const held = this.held
    if (held >= this.#capacity)
      throw new VIOOversize('a unit that the filter cannot hold', held, this.#capacity)
  }

  /** Gets the transform out of the way, also while output waits: what comes from now on is not for it. */
  #endTransform(): void {
    this.#transform.push(this.#input, this.#output)
    const whole = this.#transform.end?.(this.#output) !== false
    const kept = this.#keepsUnits ? (this.#transform.held ?? 0) : 0
    if (!whole && kept > 0)
      throw new VIOLost(`the filter was bypassed inside a unit of which it kept ${kept}`)
    this.#keepsUnits = false
    this.#goesOn = false
    this.#bypass = 'on'
    this.#passUnchanged()
  }

  #passUnchanged(): void {
    this.#fed = false
    // Only a lane whose two sides are of one kind is ever bypassed.
    this.#input.moveTo(this.#output as unknown as QI)
  }

  /** Once all input was seen: ends the transform, and when its output has left, ends the flow. */
  #finish(end: LaneEnd): void {
    if (this.aborted || this.#fed || this.#output.length > 0) return
    if (!this.#finished) {
      this.#finished = true
      if (end.clean) this.#finishTransform(end)
      this.#advance()
      if (this.aborted || this.#output.length > 0) return
    }
    this.out.giveEnd(end.clean, end.reason)
  }

  #finishTransform(end: LaneEnd): void {
    const whole = this.#bypass !== 'off' || this.#transform.end?.(this.#output) !== false
    if (whole && this.#input.length === 0) return
    end.clean = false
    end.reason = new VIOLost(`the data ended inside a unit, with ${this.#input.length} held of it`)
  }

  /**
   * Takes the transform out of the way: it is ended, what it left of the input goes on as it is, and so does all
   * input from now on. `drained` is told once nothing is held, now or later; the last one given counts.
   *
   * @throws VIOError if the two sides are not of one kind
   */
  bypass(drained?: () => void): void {
    if (!this.#sameKind)
      throw new VIOError('a filter between bytes and messages cannot be taken out of the way')
    if (drained !== undefined) this.#whenDrained = drained
    if (this.#bypass === 'off') {
      this.#bypass = 'due'
      this.#goesOn = true
    }
    this.runAndGrant()
  }

  /** Called when all output has left and no input waits. */
  #tellDrained(): void {
    const tell = this.#whenDrained
    if (tell === undefined || this.#bypass !== 'on') return
    this.#whenDrained = undefined
    tell()
  }

  #fail(error: unknown): void {
    this.reactor.log.error('a filter aborted its chain', error)
    this.abort(error instanceof Error ? error : new VIOError(`a transform threw ${String(error)}`))
  }

  protected handleEnd(clean: boolean, reason: Error | undefined): void {
    this.#end = { clean, reason }
    this.run()
  }

  protected handleAborted(reason: Error | undefined): void {
    this.#input.clear()
    this.#output.clear()
    // What the transform keeps will never come out, so it is not held any more.
    this.#keepsUnits = false
    this.out.abort(reason)
    this.#hooks.aborted(reason)
  }

  protected peerAttached(): void {
    this.grant(this.#allowed())
  }

  protected peerDetached(): void {}
}
