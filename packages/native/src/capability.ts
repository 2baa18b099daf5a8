/**
 * A group of system calls that is on as a whole or off as a whole.
 *
 * Decides when a group counts as proved: all of its symbols are there and its proof, which makes calls whose answers
 * are known, finds what it expects. Which calls there are is told by the files that define groups. Invariant: no call
 * of a group is made for a caller before its proof has passed.
 */
import { VNativeUnavailable } from './errors.js'
import { firstLine, load, type NativeLibrary } from './load.js'

/** Whether a capability is on, and if not, why. */
export interface VCapabilityState {
  /** True if its calls can be used. */
  readonly on: boolean
  /** Why it is off; absent when it is on. */
  readonly reason?: string
}

/** What a group is made of. */
export interface CapabilityParts<F> {
  /** Binds the symbols. What it throws is the reason why the group is off. */
  bind(library: NativeLibrary): F
  /** Makes calls with known answers; throws with what it found instead. Leaves nothing open. */
  prove(calls: F, library: NativeLibrary): void
}

type Outcome<F> = { readonly calls: F } | { readonly reason: string }

/** A group of system calls, bound and proved at first use. */
export class Capability<F> {
  readonly name: string
  readonly #parts: CapabilityParts<F>
  #outcome: Outcome<F> | undefined

  constructor(name: string, parts: CapabilityParts<F>) {
    this.name = name
    this.#parts = parts
  }

  /** The calls. @throws VNativeUnavailable with the reason */
  get calls(): F {
    this.#outcome ??= this.#open()
    if ('calls' in this.#outcome) return this.#outcome.calls
    throw new VNativeUnavailable(this.name, this.#outcome.reason)
  }

  /** Whether the group is on. Binds and proves it if nobody has asked before. */
  get state(): VCapabilityState {
    this.#outcome ??= this.#open()
    return 'calls' in this.#outcome ? { on: true } : { on: false, reason: this.#outcome.reason }
  }

  #open(): Outcome<F> {
    const { library, reason } = load()
    if (library === undefined) return { reason }
    try {
      const calls = this.#parts.bind(library)
      this.#parts.prove(calls, library)
      return { calls }
    } catch (error) {
      return { reason: firstLine(error) }
    }
  }
}

/** Fails a proof unless the answer is the known one. */
export function expectAnswer(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what} answers ${String(found)} instead of ${String(expected)}`)
}

/** The error number of the last call of any group. Right after a call that failed only. */
export function lastErrno(): number {
  return load().library?.errno() ?? 0
}
