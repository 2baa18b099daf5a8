/**
 * Memory for the few bytes that a connection keeps as long as it lives: ids, keys, tokens.
 *
 * Decides where such bytes are: in slabs that hold nothing else. Node's own pool would be kept alive as a whole by each of
 * them, with all that was put beside it for a moment, and memory of their own costs several times what they are. Invariant:
 * no two copies share a byte.
 */

const SLAB_BYTES = 8192
/** Larger ones are worth memory of their own. */
const LARGEST_BYTES = 256

let slab: Buffer = Buffer.alloc(0)
let at = 0

/** A copy of `bytes` that is to be kept for long. */
export function keptCopy(bytes: Uint8Array): Buffer {
  const copy = keptBytes(bytes.length)
  copy.set(bytes)
  return copy
}

/** Memory that is to be kept for long; what is in it is to be overwritten. */
export function keptBytes(sizeBytes: number): Buffer {
  if (sizeBytes > LARGEST_BYTES) return Buffer.alloc(sizeBytes)
  if (at + sizeBytes > slab.length) {
    slab = Buffer.alloc(SLAB_BYTES)
    at = 0
  }
  at += sizeBytes
  return slab.subarray(at - sizeBytes, at)
}
