/**
 * The two directions between a chain and a stream of Node's.
 *
 * Decides how much the chain may bring: what the stream's high-water mark has room for, and nothing before somebody
 * reads. A write of the stream is done when the chain has taken it. What kind of stream it is, is the adapter's affair.
 * Invariant: what is held is what the stream holds, which its high-water marks bound.
 */
import type { Readable, Writable } from 'node:stream'
import { type IVReactor, VIOLost } from '@vio/reactor'
import { VByteIntake } from '../chain/intake.js'
import { VByteOutlet } from '../chain/outlet.js'
import { RecurringTask } from '../chain/task.js'
import { emptyControl } from '../control.js'
import { reasonOf } from './parts.js'

/** What a readable stream whose high-water mark is 0 is brought at once, when somebody reads. */
const UNBUFFERED_READ_BYTES = 16_384

/** How Node is told that something is done. */
export type NodeCallback = (error?: Error | null) => void

/** Brings what a chain produces to a readable stream. */
export class ReadSide {
  readonly intake: VByteIntake
  readonly #stream: Readable
  readonly #grantTask: RecurringTask

  constructor(reactor: IVReactor, stream: Readable) {
    this.#stream = stream
    this.#grantTask = new RecurringTask(reactor, () => this.#grant())
    this.intake = new VByteIntake(
      reactor,
      {
        attached: () => undefined,
        arrived: (pieces) => this.#push(pieces),
        ended: () => this.#end(),
        aborted: (reason) => stream.destroy(reason ?? new VIOLost('the chain was aborted')),
        control: emptyControl,
      },
      0,
    )
    stream.once('end', () => this.intake.finish())
  }

  /** Somebody reads. What is read has not left the stream yet, so its room shows later. */
  read(): void {
    this.#grantTask.post()
  }

  /** The stream is gone. If its end was read, the chain knows already. */
  destroyed(error: Error | null): void {
    this.intake.giveUp(reasonOf(error, 'the stream was destroyed'))
  }

  get #room(): number {
    return Math.max(0, this.#stream.readableHighWaterMark - this.#stream.readableLength)
  }

  #grant(): void {
    if (this.#stream.destroyed) return
    // The stream asks once: it has to get something, even if its reader has put back what it took.
    const least = this.#stream.readableHighWaterMark > 0 ? 1 : UNBUFFERED_READ_BYTES
    this.intake.allow(Math.max(this.#room, least))
  }

  #push(pieces: readonly Buffer[]): void {
    this.intake.buffer.clear()
    for (const piece of pieces) this.#stream.push(piece)
    this.intake.allow(this.#room)
  }

  #end(): void {
    const { end } = this.intake
    if (end?.clean === true) this.#stream.push(null)
    else this.#stream.destroy(end?.reason ?? new VIOLost('the data ended before all of it was there'))
  }
}

/** Passes what is written to a stream on to a chain. */
export class WriteSide {
  readonly outlet: VByteOutlet
  readonly #stream: Writable
  /** Told when the chain has taken what was written, or carried out the end. */
  #callback: NodeCallback | null = null

  constructor(reactor: IVReactor, stream: Writable) {
    this.#stream = stream
    this.outlet = new VByteOutlet(reactor, {
      attached: () => undefined,
      moved: () => {
        if (this.outlet.queuedBytes === 0 && !this.outlet.ending) this.#call(null)
      },
      aborted: (reason, afterEnd) => this.#aborted(reason, afterEnd),
      control: emptyControl,
    })
  }

  /** Passes bytes on. Node calls it again after the callback only. */
  write(pieces: readonly Uint8Array[], callback: NodeCallback): void {
    this.#callback = callback
    this.outlet.write(pieces)
    // Nothing leaves and nothing is told of an empty write.
    if (this.outlet.queuedBytes === 0 && !this.outlet.ending) this.#call(null)
  }

  /** Everything was written. */
  end(callback: NodeCallback): void {
    this.#callback = callback
    this.outlet.finish(true)
  }

  /** The stream is gone: with its end carried out, or without. */
  destroyed(error: Error | null): void {
    this.outlet.abort(reasonOf(error, 'the stream was destroyed'))
  }

  #aborted(reason: Error | undefined, afterEnd: boolean): void {
    if (afterEnd && reason === undefined) {
      this.#call(null)
      return
    }
    const error = reason ?? new VIOLost('the chain takes no more data')
    this.#call(error)
    this.#stream.destroy(error)
  }

  #call(error: Error | null): void {
    const callback = this.#callback
    this.#callback = null
    callback?.(error)
  }
}
