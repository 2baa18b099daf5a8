/**
 * How large a datagram may be on a path (RFC 8899).
 *
 * Decides the present size, which larger one to try and when, and notices when the present one no longer passes. A large
 * datagram that is lost while a smaller one, sent later, arrives may be a matter of size or of chance: the present size is
 * probed then, and datagrams stay small until it is known. The probes are sent and watched by others. Invariant: the size
 * is never below the base, which every path carries.
 */
import { VUT1 } from '../profile.js'

const NO_STEPS: readonly number[] = []
/** No network carries as much: a bound above is that of one machine, where the largest passes or none does. */
const LEAP_FROM_BYTES = 16_384

/** The steps that were worked out last: mostly all paths have the same bound. */
let known: { readonly boundBytes: number; readonly steps: readonly number[] } = { boundBytes: 0, steps: [] }

/** The search on one path. */
export class MtuSearch {
  readonly #steps: readonly number[]
  #sizeBytes: number = VUT1.datagramBytes
  /** The step that is tried next; beyond the last one there is nothing to try. */
  #step = 0
  #failures = 0
  #isProbing = false
  #retryAt = Number.NEGATIVE_INFINITY
  /** One for a large datagram that was lost where smaller ones passed, and one for each lost probe of its size since. */
  #suspicions = 0
  /** The newest datagram that made it suspect, and how large that was. */
  #suspectNumber = -1
  #suspectBytes = 0
  /** The newest of the largest datagrams that have arrived: older ones up to this size were lost by chance. */
  #provenNumber = -1
  #provenBytes = 0
  #isActive = false
  /** The largest is tried before the steps to it, once. */
  #leaps: boolean

  /** @param boundBytes the largest datagram that either side or the interface allows */
  constructor(boundBytes: number) {
    this.#steps = stepsTo(boundBytes)
    this.#leaps = boundBytes > LEAP_FROM_BYTES
  }

  /** The size of a full datagram. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** True if the present size may be what does not pass: what has to arrive should be small. */
  get isSuspect(): boolean {
    return this.#suspicions > 0
  }

  /** When a search that had ended begins again; Infinity while one goes on or none is to be. */
  get retryAt(): number {
    return this.#isActive && this.#step >= this.#steps.length && this.#sizeBytes < (this.#steps.at(-1) ?? 0)
      ? this.#retryAt
      : Number.POSITIVE_INFINITY
  }

  /** The path has proved itself: the search may begin. */
  start(): void {
    this.#isActive = true
  }

  /** The size to probe now, which is the present one while that is suspect; 0 for none. */
  probeBytes(now: number): number {
    if (!this.#isActive) return 0
    if (now >= this.retryAt) this.#restart()
    if (this.#isProbing) return 0
    if (this.#suspicions > 0) return this.#sizeBytes
    const step = this.#steps[this.#step]
    return (step !== undefined && this.#leaps ? this.#steps.at(-1) : step) ?? 0
  }

  /** A probe has left. */
  onProbeSent(): void {
    this.#isProbing = true
  }

  /** A probe has arrived. Returns true if the size of a full datagram is another one now. */
  onProbeAcked(number: number, sizeBytes: number): boolean {
    this.#isProbing = false
    this.onAcked(number, sizeBytes)
    if (sizeBytes <= this.#sizeBytes) return false
    this.#failures = 0
    while (this.#step < this.#steps.length && (this.#steps[this.#step] as number) <= sizeBytes)
      this.#step += 1
    this.#sizeBytes = sizeBytes
    this.#suspicions = 0
    return true
  }

  /**
   * A probe was lost, by its size or by chance. Returns true if the size of a full datagram is another one now.
   */
  onProbeLost(now: number, sizeBytes: number): boolean {
    this.#isProbing = false
    if (sizeBytes <= this.#sizeBytes) return this.#suspicions > 0 && this.#suspect()
    if (this.#leaps) {
      this.#leaps = false
      return false
    }
    this.#failures += 1
    if (this.#failures < VUT1.mtuProbes) return false
    this.#step = this.#steps.length
    this.#retryAt = now + VUT1.mtuRaiseMs
    return false
  }

  /** A datagram has arrived. */
  onAcked(number: number, sizeBytes: number): void {
    if (sizeBytes <= VUT1.datagramBytes) return
    if (number > this.#suspectNumber && sizeBytes >= this.#suspectBytes) this.#suspicions = 0
    if (sizeBytes < this.#provenBytes) return
    this.#provenNumber = sizeBytes > this.#provenBytes ? number : Math.max(number, this.#provenNumber)
    this.#provenBytes = sizeBytes
  }

  /** A datagram that is no probe was lost: something that left after it has arrived. */
  onLost(number: number, sizeBytes: number): void {
    if (sizeBytes <= VUT1.datagramBytes || sizeBytes > this.#sizeBytes) return
    if (number < this.#provenNumber && sizeBytes <= this.#provenBytes) return
    if (this.#suspicions > 0) return
    this.#suspectNumber = number
    this.#suspectBytes = sizeBytes
    this.#suspect()
  }

  #suspect(): boolean {
    this.#suspicions += 1
    if (this.#suspicions < VUT1.blackHoleLosses) return false
    this.#suspicions = 0
    this.#sizeBytes = VUT1.datagramBytes
    // What is in flight still is of the former size: no reason to doubt the next one that is found.
    this.#provenNumber = -1
    this.#provenBytes = 0
    this.#restart()
    return true
  }

  #restart(): void {
    this.#failures = 0
    this.#step = this.#steps.findIndex((size) => size > this.#sizeBytes)
    if (this.#step < 0) this.#step = this.#steps.length
  }
}

function stepsTo(boundBytes: number): readonly number[] {
  if (boundBytes <= VUT1.datagramBytes) return NO_STEPS
  if (known.boundBytes !== boundBytes) {
    const steps = VUT1.mtuSteps.filter((size) => size > VUT1.datagramBytes && size < boundBytes)
    known = { boundBytes, steps: [...steps, boundBytes] }
  }
  return known.steps
}
