/**
 * The outbound direction of a TLS transport: plaintext to ciphertext.
 *
 * Decides how much is sealed at a time and how the end goes out: sealed if it is a clean one, else without, so that the
 * other side sees that something is missing. Invariants: at most `bufferBytes` of plaintext wait, as many are being
 * sealed, and nothing is sealed while `bufferBytes` of ciphertext wait; ciphertext leaves in turns only.
 */
import type { IVReactor } from '@vio/reactor'
import { makeEnds, type TLSIntake, type TLSOutlet, takePiece } from './ends.js'
import type { TLSEngine } from './engine.js'
import type { DirectionOwner } from './inbound.js'

/** Seals what goes out. */
export class Outbound {
  /** Takes plaintext. */
  readonly intake: TLSIntake
  /** Gives ciphertext. */
  readonly outlet: TLSOutlet
  readonly #owner: DirectionOwner
  readonly #engine: TLSEngine
  readonly #bufferBytes: number
  /** Ciphertext that waits for a turn. */
  #sealed: Buffer[] = []
  #sealedBytes = 0
  /** Plaintext that the engine is at work on. */
  #sealingBytes = 0
  #open = false
  /** The engine was told the end, or it was told without it. */
  #ending = false
  #endSealed = false

  constructor(reactor: IVReactor, engine: TLSEngine, owner: DirectionOwner, bufferBytes: number) {
    this.#owner = owner
    this.#engine = engine
    this.#bufferBytes = bufferBytes
    const ends = makeEnds(
      reactor,
      {
        bytes: bufferBytes,
        owner: {
          attached: () => undefined,
          arrived: () => owner.wake(true),
          ended: () => owner.wake(true),
          aborted: (reason) => owner.broken(reason),
          control: () => owner.controls.consumer(),
        },
      },
      {
        owner: {
          attached: () => owner.attached(),
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
    return this.intake.buffer.length + this.#sealingBytes + this.waitingBytes
  }

  /** Ciphertext that waits for the other side. */
  get waitingBytes(): number {
    return this.#sealedBytes + this.outlet.queuedBytes
  }

  /** True once the end of the ciphertext was told. */
  get over(): boolean {
    return this.outlet.ending
  }

  /** From now on plaintext is sealed. */
  open(): void {
    this.#open = true
  }

  /** The engine gave ciphertext. */
  sealed(piece: Buffer): void {
    this.#sealed.push(piece)
    this.#sealedBytes += piece.length
  }

  /** The engine gave the last of it. */
  sealedEnd(): void {
    this.#endSealed = true
  }

  /** Seals what waits, as far as may be now, and then the end. May be called outside of turns. */
  seal(): void {
    if (!this.#open || this.#sealingBytes > 0 || this.#ending) return
    const { buffer, end } = this.intake
    if (buffer.length > 0) {
      if (this.waitingBytes >= this.#bufferBytes) return
      const piece = takePiece(buffer, this.#bufferBytes)
      this.#sealingBytes = piece.length
      this.intake.taken()
      this.#engine.write(piece, () => this.#pieceDone())
    } else if (end !== null) {
      this.#ending = true
      if (end.clean) this.#engine.end()
    }
  }

  /** Gives the ciphertext that waits, and the end behind it. In a turn. */
  give(): void {
    if (this.#sealed.length > 0) {
      const pieces = this.#sealed
      this.#sealed = []
      this.#sealedBytes = 0
      this.outlet.write(pieces)
    }
    const end = this.intake.end
    if (this.#endSealed) this.outlet.finish(true)
    else if (this.#ending && end?.clean === false) this.outlet.finish(false, end.reason)
  }

  /**
   * Ends the ciphertext behind what was sealed, and takes no more plaintext. `alerted` says that an alert is the last of
   * it: then nothing is missing on the line, and an end that is a reset there could overtake it.
   */
  lose(reason: Error, alerted: boolean): void {
    this.give()
    if (alerted) this.outlet.finish(true)
    else this.outlet.finish(false, reason)
    this.dropIntake(reason)
  }

  /** Takes both ends down. */
  abort(reason: Error | undefined): void {
    this.#sealed = []
    this.#sealedBytes = 0
    this.dropIntake(reason)
    this.outlet.abort(reason)
  }

  /** Takes no more plaintext. */
  dropIntake(reason: Error | undefined): void {
    this.#sealingBytes = 0
    this.intake.buffer.clear()
    this.intake.abort(reason)
  }

  #pieceDone(): void {
    this.#sealingBytes = 0
    // At once, so that the library is not idle until the next turn. What it seals asks for a turn by itself.
    this.seal()
    if (this.#ending) this.#owner.wake(false)
  }

  #outletAborted(reason: Error | undefined, afterEnd: boolean): void {
    if (!afterEnd) this.#owner.broken(reason)
    else if (this.intake.end !== null) this.intake.finish(reason)
  }
}
