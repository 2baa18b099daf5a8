/**
 * Keeps the loop from going to sleep between the pieces of a flow that comes fast.
 *
 * Whoever sends to a process that sleeps has to wake it, which on many machines costs more than the sending; and a reader that
 * is faster than its writer goes to sleep after each piece. Decides when the loop looks again at once instead: for a moment
 * after a large read. It looks in rounds of the loop, so everything else goes on. Invariants: a round that finds nothing for
 * `LOOK_MS` is the last; looks that were in vain make the next ones rare.
 */
import { performance } from 'node:perf_hooks'

/**
 * A read of less than this leaves nothing behind that comes fast. Within a machine what is written at once comes in segments,
 * so that a read of what was 64 KiB may find a little less.
 */
const FAST_READ_BYTES = 32_768

/** How long the loop looks for more: longer than 64 KiB take within a machine, and not long for anything else. */
const LOOK_MS = 0.05

/** After looks in vain, at most this many chances are let go before the next. */
const MAX_PAUSE = 64

let endsAt = 0
let looking = false
let pause = 0
let letGo = 0

function look(): void {
  if (performance.now() < endsAt) {
    setImmediate(look)
    return
  }
  looking = false
  pause = Math.min(pause * 2 + 1, MAX_PAUSE)
  letGo = pause
}

/** So many bytes were read at once: if that is a lot, more is looked for in a moment. */
export function expectMoreAfter(sizeBytes: number): void {
  if (sizeBytes < FAST_READ_BYTES) return
  // More has come while it was looked for.
  if (looking) pause = 0
  else if (letGo > 0) {
    letGo -= 1
    return
  }
  endsAt = performance.now() + LOOK_MS
  if (looking) return
  looking = true
  setImmediate(look)
}
