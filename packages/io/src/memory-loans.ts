/**
 * Memory that comes back: pieces of it travel through a chain, and whoever has them in the end says so.
 *
 * Bytes that are passed on belong to whoever takes them, so the one who had them never learns when they are of no use any more,
 * and the collector does late: fresh memory for everything that passes costs more than moving it. Here an owner of memory
 * says that it wants it back, and the last taker gives back what it has got. Neither has to: what nobody lent is given
 * back to nobody, and lent memory of which a byte never returns is left to the collector. Invariant: memory returns once
 * as many of its bytes were given back as were lent.
 */

/** How many bytes are out, and who is told once none is. */
interface Loan {
  leftBytes: number
  readonly onBack: (memory: ArrayBufferLike) => void
}

/** What was lent on one kind of way. It keeps no memory alive. */
export class VMemoryLoans {
  readonly #loans = new WeakMap<ArrayBufferLike, Loan>()

  /**
   * Notes that `bytes` are passed on and that their memory is wanted back: `onBack` is called with it, once, when all of them
   * were given back. Of memory that is lent already more is lent; the first `onBack` counts.
   */
  lend(bytes: Uint8Array, onBack: (memory: ArrayBufferLike) => void): void {
    const loan = this.#loans.get(bytes.buffer)
    if (loan === undefined) this.#loans.set(bytes.buffer, { leftBytes: bytes.byteLength, onBack })
    else loan.leftBytes += bytes.byteLength
  }

  /**
   * Gives bytes back that the caller is done with: they may be overwritten or gone when this returns, in every view of them.
   * Each byte once. What was not lent stays what it is.
   */
  giveBack(bytes: Uint8Array): void {
    const loan = this.#loans.get(bytes.buffer)
    if (loan === undefined) return
    loan.leftBytes -= bytes.byteLength
    if (loan.leftBytes > 0) return
    this.#loans.delete(bytes.buffer)
    loan.onBack(bytes.buffer)
  }
}

/**
 * Memory that is written: an application lends it, and a device that can tell gives it back once it is done with the bytes, as a
 * stream of VUT is when its peer has acknowledged them. Whoever lends has to know the way there: what passes the same memory
 * on twice, or keeps some of it, copies it first.
 */
export const writtenMemory: VMemoryLoans = new VMemoryLoans()

/**
 * Memory that is read: a device lends it, as a stream of VUT does with large pieces, and an application may give it back that
 * is done with the bytes and the only one who has them.
 */
export const readMemory: VMemoryLoans = new VMemoryLoans()
