/**
 * UTF-8 to text, chunk by chunk.
 *
 * Decides what to do with a character that was cut: its bytes wait for the rest. Invariant: the text that was read, and
 * whether and where it is malformed, do not depend on how the bytes were cut.
 */
import { strictUtf8 } from './lines.js'

const EMPTY: Buffer = Buffer.alloc(0)

/** How many bytes the character takes that begins with `lead`; 1 for a byte that begins none. */
function lengthBehind(lead: number): number {
  if (lead >= 0xf0 && lead < 0xf5) return 4
  if (lead >= 0xe0 && lead < 0xf0) return 3
  return lead >= 0xc2 && lead < 0xe0 ? 2 : 1
}

/** Bytes at the end of `bytes` that begin a character which is not complete. */
function cutAtEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return lengthBehind(byte) > back ? back : 0
  }
  return 0
}

/** Reads text. */
export class Utf8Reader {
  #cut: Buffer = EMPTY
  #malformed = false

  /** True once something came that is not UTF-8. What was read up to there is text; nothing is read after it. */
  get malformed(): boolean {
    return this.#malformed
  }

  /** The text that `chunk` completes. */
  read(chunk: Buffer): string {
    if (this.#malformed) return ''
    const bytes = this.#cut.length === 0 ? chunk : Buffer.concat([this.#cut, chunk])
    const whole = bytes.length - cutAtEnd(bytes)
    // A copy, as the rest of the chunk is not worth holding.
    this.#cut = whole === bytes.length ? EMPTY : Buffer.from(bytes.subarray(whole))
    const text = strictUtf8(whole === bytes.length ? bytes : bytes.subarray(0, whole))
    if (text !== undefined) return text
    this.#malformed = true
    return soundPart(bytes)
  }
}

/** The text before the first fault. Slow, and needed once a stream. */
function soundPart(bytes: Buffer): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  try {
    for (let at = 0; at < bytes.length; at += 1) {
      text += decoder.decode(bytes.subarray(at, at + 1), { stream: true })
    }
  } catch {
    return text
  }
  return text
}
