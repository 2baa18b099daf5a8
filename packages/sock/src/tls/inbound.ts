/**
 * The inbound direction of a TLS transport: ciphertext to plaintext.
 *
 * Decides how much ciphertext the engine gets, when plaintext leaves, and how the end counts: clean only if the other
 * side has sealed it. Invariants: beside what the engine keeps of one record, at most `bufferBytes` of ciphertext and
 * `bufferBytes` and a record of plaintext are held; nothing leaves before the gate is open.
 */
import { VByteBuffer, type VIOControl } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { makeEnds, type TLSIntake, type TLSOutlet, takePiece } from './ends.js'
import type { TLSEngine } from './engine.js'
import { VTLSTruncated } from './errors.js'

/** What a direction asks of its transport. */
export interface DirectionOwner {
  /** The permission to give plaintext to the consumer that is attached now; asks for it if need be. */
  admits(): boolean
  /** Something may be done now. Called from the chain: `inTurn` says that it may be done at once. */
  wake(inTurn: boolean): void
  attached(): void
  /** A consumer of the plaintext was attached. */
  consumerAttached(): void
  /** An end was taken down, which is not the regular end of its direction. */
  broken(reason: Error | undefined): void
  controls: DirectionControls
}

/** Where the control messages of a direction go. */
export interface DirectionControls {
  consumer(): VIOControl
  producer(): VIOControl
}

/** Opens what comes in. */
export class Inbound {
  /** Takes ciphertext. */
  readonly intake: TLSIntake
  /** Gives plaintext. */
  readonly outlet: TLSOutlet
  readonly #owner: DirectionOwner
  readonly #engine: TLSEngine
  readonly #bufferBytes: number
  /** Plaintext that has not been given to the outlet. */
  readonly #opened = new VByteBuffer()
  /** The end of the plaintext, as it is to be told. */
  #end: { readonly clean: boolean; readonly reason: Error | undefined } | undefined
  #told = false
  /** Where the search for a sealed end stands once all ciphertext was seen: the library tells it a turn later. */
  #lookout: 'none' | 'waiting' | 'over' = 'none'
  /** Plaintext ended and the application was through with it. */
  #carriedOut = false

  constructor(reactor: IVReactor, engine: TLSEngine, owner: DirectionOwner, bufferBytes: number) {
    this.#owner = owner
    this.#engine = engine
    this.#bufferBytes = bufferBytes
    const ends = makeEnds(
      reactor,
      {
        bytes: bufferBytes,
        owner: {
          attached: () => owner.attached(),
          arrived: () => owner.wake(true),
          ended: () => owner.wake(true),
          aborted: (reason) => owner.broken(reason),
          control: () => owner.controls.consumer(),
        },
      },
      {
        admits: () => owner.admits(),
        owner: {
          attached: () => owner.consumerAttached(),
          moved: () => owner.wake(true),
          aborted: (reason, afterEnd) => this.#outletAborted(reason, afterEnd),
          control: () => owner.controls.producer(),
        },
      },
    )
    this.intake = ends.intake
    this.outlet = ends.outlet
  }

  /** Bytes that are held, in either form. */
  get heldBytes(): number {
    return this.intake.buffer.length + this.#waitingBytes
  }

  /** True once the end of the plaintext was told. */
  get over(): boolean {
    return this.#told
  }

  /** True if there is something to be done as soon as the engine takes more. */
  get waits(): boolean {
    return this.intake.buffer.length > 0 || this.intake.end !== null
  }

  get #waitingBytes(): number {
    return this.#opened.length + this.outlet.queuedBytes
  }

  /** The engine gave plaintext. */
  opened(piece: Buffer): void {
    if (this.#end === undefined) this.#opened.append(piece)
  }

  /** The other side has sealed its end. */
  openedEnd(): void {
    this.#end ??= { clean: true, reason: undefined }
  }

  /** Ends the plaintext as lost, behind what was opened; or without it. */
  lose(reason: Error, keepOpened: boolean): void {
    if (!keepOpened) this.#opened.clear()
    if (this.#end?.clean !== true) this.#end = { clean: false, reason }
    // What waits there was meant for a consumer that has left.
    if (!keepOpened && this.outlet.queuedBytes > 0) this.outlet.abort(reason)
    if (this.#opened.length > 0) this.outlet.write(this.#opened.popList())
    this.#tellEnd()
  }

  /** Gives the engine what it can take. Returns true if it was given something. */
  feed(): boolean {
    const { buffer } = this.intake
    // Behind the sealed end nothing counts.
    if (this.#end !== undefined) buffer.clear()
    const room = this.#bufferBytes - this.#waitingBytes
    if (buffer.length === 0 || room <= 0 || !this.#engine.hungry) {
      this.intake.taken()
      return false
    }
    this.#engine.feed(takePiece(buffer, room))
    this.intake.taken()
    return true
  }

  /** Gives what was opened, and the end where it is due. The gate has to be open. */
  give(): void {
    this.#giveOpened()
    this.#lookForEnd()
    if (this.#end !== undefined && this.#opened.length === 0) this.#tellEnd()
    this.#finishIntake()
  }

  /** True if the ciphertext is over and no sealed end came with it; looked at a turn after the last of it. */
  get cutOff(): boolean {
    this.#lookForEnd()
    return this.#lookout === 'over' && this.#end === undefined
  }

  /** Why the ciphertext ended, as it was told. */
  get cutOffReason(): Error {
    const end = this.intake.end
    return end?.clean === false && end.reason !== undefined ? end.reason : new VTLSTruncated()
  }

  /** Takes both ends down. */
  abort(reason: Error | undefined): void {
    this.#opened.clear()
    this.dropIntake(reason)
    this.outlet.abort(reason)
  }

  /** Takes no more ciphertext. */
  dropIntake(reason: Error | undefined): void {
    this.intake.buffer.clear()
    this.intake.abort(reason)
  }

  #giveOpened(): void {
    if (this.#opened.length === 0 || this.outlet.ending || !this.#owner.admits()) return
    this.outlet.write(this.#opened.popList())
  }

  #lookForEnd(): void {
    const { end, buffer } = this.intake
    if (this.#lookout !== 'none' || end === null || buffer.length > 0 || !this.#engine.hungry) return
    this.#lookout = 'waiting'
    setImmediate(() => {
      this.#lookout = 'over'
      this.#owner.wake(false)
    })
  }

  #tellEnd(): void {
    if (this.#told || this.#end === undefined) return
    this.#told = true
    this.outlet.finish(this.#end.clean, this.#end.reason)
  }

  #outletAborted(reason: Error | undefined, afterEnd: boolean): void {
    if (!afterEnd) {
      this.#owner.broken(reason)
      return
    }
    this.#carriedOut = true
    if (reason !== undefined && this.intake.end !== null) this.intake.finish(reason)
    this.#owner.wake(false)
  }

  /** The end of the ciphertext has been carried out once the application is through with that of the plaintext. */
  #finishIntake(): void {
    if (this.#carriedOut && this.intake.end !== null) this.intake.finish()
  }
}
