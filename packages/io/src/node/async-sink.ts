/**
 * The frame of consumers that give their bytes to something asynchronous: files, streams of others.
 *
 * Decides what may be on its way: one `write` at a time, and together with what waits never more than the capacity. What
 * a write is and how the target is ended is the subclass's affair. Invariant: the chain hears that its end was carried
 * out only after the target was closed, and the target is closed once.
 */
import { type IVReactor, type IVReactorObject, VIOLost } from '@vio/reactor'
import { type IVByteIntakeOwner, VByteIntake } from '../chain/intake.js'
import { RecurringTask } from '../chain/task.js'
import { emptyControl } from '../control.js'
import type { IVByteConsumer, IVByteConsuming } from '../types.js'
import { asError } from './async-source.js'

/** Passes what it consumes to `write`. */
export abstract class AsyncSink implements IVByteConsuming, IVReactorObject {
  readonly reactor: IVReactor
  /** The most bytes that are held, those on their way included. */
  readonly capacityBytes: number
  readonly #intake: VByteIntake
  /** The results of asynchronous work take effect in a turn. */
  readonly #task: RecurringTask
  #opened = false
  #busy = false
  #inFlightBytes = 0
  #failure: Error | null = null
  /** What is done to the target last; null while it takes more. */
  #closing: 'finish' | 'discard' | null = null

  constructor(reactor: IVReactor, capacityBytes: number) {
    this.#intake = new VByteIntake(reactor, this.#owner(), capacityBytes)
    this.#task = new RecurringTask(reactor, () => this.#turn())
    this.reactor = reactor
    this.capacityBytes = capacityBytes
  }

  /** The consumer interface. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return this.#intake
  }

  /** Bytes that were taken and that the target has not got yet. */
  get heldBytes(): number {
    return this.#intake.buffer.length + this.#inFlightBytes
  }

  /** Makes the target ready. Called once, when the first producer is attached; nothing is written before. */
  protected abstract open(): Promise<void>
  /** Writes all of `pieces`, in order. */
  protected abstract write(pieces: readonly Buffer[]): Promise<void>
  /** Everything was written: closes the target. `reason` is why the data is not complete; undefined if it is. */
  protected abstract finish(reason: Error | undefined): Promise<void>
  /** The flow was taken down: closes the target as it is. Also called after a failure of the other three. */
  protected abstract discard(reason: Error): Promise<void>

  /** Something outside ended the target. */
  protected fail(error: Error): void {
    this.#failure ??= error
    this.#task.post()
  }

  #owner(): IVByteIntakeOwner {
    return {
      attached: () => this.#open(),
      arrived: () => this.#pump(),
      ended: () => this.#pump(),
      aborted: (reason) => this.fail(reason ?? new VIOLost('the chain was aborted')),
      control: emptyControl,
    }
  }

  #open(): void {
    if (this.#opened) return
    this.#opened = true
    this.#run(() => this.open())
  }

  /** Starts the next step, if none is on its way. */
  #pump(): void {
    if (this.#busy || this.#closing !== null) return
    if (this.#failure !== null) {
      this.#close(this.#failure)
      return
    }
    const { buffer, end } = this.#intake
    if (buffer.length > 0) {
      this.#inFlightBytes = buffer.length
      const pieces = buffer.popList()
      this.#intake.allow(this.capacityBytes - this.#inFlightBytes)
      this.#run(() => this.write(pieces))
    } else if (end !== null) this.#end(end.clean, end.reason)
  }

  #end(clean: boolean, reason: Error | undefined): void {
    this.#closing = 'finish'
    const why = clean ? undefined : (reason ?? new VIOLost('the data ended before all of it was there'))
    this.#run(() => this.finish(why))
  }

  /** A failure: the chain hears of it when the target is closed. */
  #close(error: Error): void {
    this.#closing = 'discard'
    this.#run(() => (this.#opened ? this.discard(error) : Promise.resolve()))
  }

  #run(step: () => Promise<void>): void {
    this.#busy = true
    const done = (): void => {
      this.#busy = false
      this.#task.post()
    }
    let result: Promise<void>
    try {
      result = step()
    } catch (error) {
      result = Promise.reject(error)
    }
    result.then(done, (error: unknown) => {
      this.#failure ??= asError(error)
      done()
    })
  }

  #turn(): void {
    if (this.#busy) return
    this.#inFlightBytes = 0
    if (this.#closing === null) {
      this.#intake.allow(this.capacityBytes)
      this.#pump()
    } else if (this.#failure === null) this.#intake.finish()
    else if (this.#closing === 'finish') this.#close(this.#failure)
    else this.#intake.giveUp(this.#failure)
  }
}
