/**
 * A 64-bit digest of text, for traces and seeds.
 *
 * FNV-1a over UTF-16 units, low byte first: quick to follow, the same everywhere, and no protection against anybody who
 * wants two texts with one digest. Invariant: the state depends only on the sequence of units.
 */

/** Takes text piece by piece; `hex` is the digest of what was taken so far. */
export class TextHash {
  #high = 0xcbf29ce4
  #low = 0x84222325

  /** Takes more text. */
  update(text: string): void {
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index)
      this.#take(unit & 0xff)
      this.#take(unit >>> 8)
    }
  }

  /** The high and the low 32 bits of the digest. */
  get words(): readonly [high: number, low: number] {
    return [this.#high, this.#low]
  }

  /** The digest as 16 hexadecimal digits. */
  get hex(): string {
    return this.words.map((word) => word.toString(16).padStart(8, '0')).join('')
  }

  /** Multiplies by 2^40 + 0x1b3, the prime of FNV for 64 bits, in halves that a double holds exactly. */
  #take(byte: number): void {
    const low = (this.#low ^ byte) >>> 0
    const product = low * 0x1b3
    const carry = Math.floor(product / 2 ** 32)
    this.#high = (Math.imul(this.#high, 0x1b3) + carry + (low << 8)) >>> 0
    this.#low = product >>> 0
  }
}
