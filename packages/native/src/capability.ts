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

/** A group of system calls, bound and proved at first use. */
export class Capability<F> {
  readonly name: string
  readonly #parts: CapabilityParts<F>
  /** There once the proof has passed. */
  #calls: F | undefined
  #state: VCapabilityState | undefined

  constructor(name: string, parts: CapabilityParts<F>) {
    this.name = name
    this.#parts = parts
  }

  /** The calls. @throws VNativeUnavailable with the reason */
  get calls(): F {
    if (this.#calls !== undefined) return this.#calls
    const { reason } = this.state
    // The state is what set them.
    if (this.#calls !== undefined) return this.#calls
    throw new VNativeUnavailable(this.name, reason ?? 'it has no calls')
  }

  /** Whether the group is on. Binds and proves it if nobody has asked before. */
  get state(): VCapabilityState {
    this.#state ??= this.#open()
    return this.#state
  }

  #open(): VCapabilityState {
    const { library, reason } = load()
    if (library === undefined) return { on: false, reason }
    try {
      const calls = this.#parts.bind(library)
      this.#parts.prove(calls, library)
      this.#calls = calls
      return { on: true }
    } catch (error) {
      return { on: false, reason: firstLine(error) }
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
