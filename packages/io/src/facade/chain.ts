/**
 * `chain`: a source, elements and a sink in one line, with a promise of how it went.
 *
 * Decides nothing that `compose` does not; it adds what needs promises and signals. The promise never rejects: a chain
 * that fails is a result like any other, and a promise that nobody took harms nobody. A reactor that is stopped in the
 * middle of a chain leaves it unfinished, and the promise pending.
 */
import { inspect } from 'node:util'
import { VIOError } from '@vio/reactor'
import { type VChainResult, VComposition } from '../filter/compose.js'
import type { VJoined } from '../filter/join.js'
import { describeValue } from '../limit.js'

/** A composed chain, as `chain` makes it. */
export class VChain extends VComposition implements AsyncDisposable {
  /** How it went, once it is over: the sink has finished with the end, or the chain was aborted. Never rejects. */
  readonly done: Promise<VChainResult>

  /** Attaches `elements`. Not checked by the compiler: call `chain` instead. @throws as `chain` does */
  constructor(elements: readonly unknown[]) {
    super(elements)
    this.done = new Promise((resolve) => this.onDone(resolve))
    // What `console.log` asks for: it shows the live chain.
    Object.defineProperty(this, inspect.custom, { value: () => this.toString() })
  }

  /**
   * Aborts the chain when `signal` does, with its reason; at once if it already has. Any number of signals can be given.
   *
   * @throws TypeError if it is no AbortSignal
   */
  until(signal: AbortSignal): this {
    if (!(signal instanceof AbortSignal)) {
      throw new TypeError(`a chain runs until an AbortSignal says so, got ${describeValue(signal)}`)
    }
    if (this.result !== null) return this
    if (signal.aborted) {
      this.abort(errorOf(signal.reason))
      return this
    }
    const onAbort = (): void => this.abort(errorOf(signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })
    this.onDone(() => signal.removeEventListener('abort', onAbort))
    return this
  }

  /** Aborts the chain unless it is over. The promise is `done` without its result. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.abort()
    await this.done
  }
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new VIOError('the signal of the chain aborted', { cause: reason })
}

/**
 * Attaches a source, any elements and a sink to each other.
 *
 * ```ts
 * const { clean, bytesOut } = await chain(source, new VByteFilter(reactor, new CrlfToLf()), sink).done
 * ```
 *
 * The source gives bytes or messages, the elements between take and give, the sink takes; a bare end and the end of a
 * pair will do for the first and the last. What does not fit is an error of the compiler, which says at which position
 * and why. Behind the source and before the sink stands a counter, which is what they find attached.
 *
 * @throws TypeError if elements are missing or do not fit, VIOError if one is taken or has ended; the message names the
 *   position, and nothing is attached then
 */
export function chain<const T extends readonly [object, object, ...object[]]>(
  ...elements: T & VJoined<T>
): VChain {
  return new VChain(elements)
}
