/**
 * One file on its way into an outlet.
 *
 * Decides when the next piece of the file goes in: when nothing waits in the outlet any more, so that at most two pieces
 * of `DEFAULT_FILE_BYTES` are held. What a failure means to the output is the owner's affair. Invariant: `done` is called
 * once, after the last byte was handed on or with the reason why not.
 */
import { type IVReactor, VIOLost } from '@vio/reactor'
import { VByteIntake } from '../chain/intake.js'
import type { VByteOutlet } from '../chain/outlet.js'
import { emptyControl } from '../control.js'
import { DEFAULT_FILE_BYTES, type VFileSource } from '../node/file-source.js'

/** Called when the file is through, or why it is not. */
export type FileDone = (error: Error | undefined) => void

/** Moves what a source reads into an outlet. */
export class FileJob {
  readonly #source: VFileSource
  readonly #outlet: VByteOutlet
  readonly #intake: VByteIntake
  readonly #done: FileDone
  #movedBytes = 0
  #settled = false

  constructor(reactor: IVReactor, source: VFileSource, outlet: VByteOutlet, done: FileDone) {
    this.#source = source
    this.#outlet = outlet
    this.#done = done
    this.#intake = new VByteIntake(
      reactor,
      {
        attached: () => undefined,
        arrived: () => this.pump(),
        ended: () => this.pump(),
        aborted: (reason) => this.#settle(reason ?? new VIOLost('the file was given up')),
        control: emptyControl,
      },
      DEFAULT_FILE_BYTES,
    )
  }

  /** Bytes of the file that were put into the outlet. */
  get movedBytes(): number {
    return this.#movedBytes
  }

  /** True once the file is through or given up. */
  get settled(): boolean {
    return this.#settled
  }

  /** Begins to read. */
  start(): void {
    if (!this.#settled) this.#intake.attach(this.#source.byteProduce)
  }

  /** Goes on, as something has come or something has left the outlet. */
  pump(): void {
    if (this.#settled || this.#outlet.queuedBytes > 0) return
    const { buffer, end } = this.#intake
    if (buffer.length > 0) {
      this.#movedBytes += buffer.length
      const pieces = buffer.popList()
      this.#intake.taken()
      // What leaves at once calls back; what is left to do is done there.
      this.#outlet.write(pieces)
      return
    }
    if (end === null) return
    this.#settle(end.clean ? undefined : (end.reason ?? new VIOLost('the file ended before its time')))
  }

  /** Stops reading. */
  cancel(reason: Error): void {
    this.#settle(reason)
  }

  #settle(error: Error | undefined): void {
    if (this.#settled) return
    this.#settled = true
    if (error === undefined) this.#intake.finish()
    else this.#intake.giveUp(error)
    this.#done(error)
  }
}
