/**
 * How large a datagram may be on a path (RFC 8899).
 *
 * Decides the present size, which larger one to try and when, and notices when the present one no longer passes. The
 * probes are sent and watched by others. Invariant: the size is never below the base, which every path carries.
 */
import { VUT1 } from '../profile.js'

const NO_STEPS: readonly number[] = []

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
  /** Losses of large datagrams since the last one arrived, those of one moment counted once. */
  #suspicions = 0
  #suspectedAt = -1
  #isActive = false

  /** @param boundBytes the largest datagram that either side or the interface allows */
  constructor(boundBytes: number) {
    this.#steps = stepsTo(boundBytes)
  }

  /** The size of a full datagram. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** True if a large datagram may be what does not pass: what has to arrive should be small. */
  get isSuspect(): boolean {
    return this.#suspicions > 0 && this.#sizeBytes > VUT1.datagramBytes
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

  /** The size to probe now; 0 for none. */
  probeBytes(now: number): number {
    if (!this.#isActive) return 0
    if (now >= this.retryAt) this.#restart()
    if (this.#isProbing || this.#suspicions > 0) return 0
    return this.#steps[this.#step] ?? 0
  }

  /** A probe has left. */
  onProbeSent(): void {
    this.#isProbing = true
  }

  /** A probe of this size has arrived. Returns true if the size of a full datagram is another one now. */
  onProbeAcked(sizeBytes: number): boolean {
    this.#isProbing = false
    this.#failures = 0
    while (this.#step < this.#steps.length && (this.#steps[this.#step] as number) <= sizeBytes)
      this.#step += 1
    if (sizeBytes <= this.#sizeBytes) return false
    this.#sizeBytes = sizeBytes
    this.#suspicions = 0
    return true
  }

  /** A probe was lost, by its size or by chance. */
  onProbeLost(now: number): void {
    this.#isProbing = false
    this.#failures += 1
    if (this.#failures < VUT1.mtuProbes) return
    this.#step = this.#steps.length
    this.#retryAt = now + VUT1.mtuRaiseMs
  }

  /** A datagram that is no probe has arrived. */
  onAcked(sizeBytes: number): void {
    if (sizeBytes > VUT1.datagramBytes) this.#suspicions = 0
  }

  /** A datagram that is no probe was lost. Returns true if the size of a full datagram is another one now. */
  onLost(now: number, sizeBytes: number): boolean {
    if (sizeBytes <= VUT1.datagramBytes || now === this.#suspectedAt) return false
    this.#suspectedAt = now
    return this.#suspect()
  }

  /** Nothing was heard for a probe time-out. Returns true if the size of a full datagram is another one now. */
  onTimeout(): boolean {
    return this.#suspect()
  }

  #suspect(): boolean {
    if (this.#sizeBytes <= VUT1.datagramBytes) return false
    this.#suspicions += 1
    if (this.#suspicions < VUT1.blackHoleLosses) return false
    this.#sizeBytes = VUT1.datagramBytes
    this.#restart()
    return true
  }

  #restart(): void {
    this.#suspicions = 0
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
