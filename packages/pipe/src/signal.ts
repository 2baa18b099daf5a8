/**
 * Abort signals, for everything here that can be aborted.
 *
 * Decides that a signal which has aborted already counts at once, and what an abort without an error is called.
 */
import { VIOError } from '@vio/io'

/**
 * Calls `aborted` with the reason when `signal` aborts, at once if it has. Returns what ends that.
 *
 * @throws TypeError if it is neither undefined nor an AbortSignal
 */
export function onAbort(signal: AbortSignal | undefined, aborted: (reason: Error) => void): () => void {
  if (signal === undefined) return () => undefined
  if (!(signal instanceof AbortSignal))
    throw new TypeError(`a signal is an AbortSignal, got ${typeof signal}`)
  const listener = (): void => aborted(abortReason(signal))
  if (signal.aborted) {
    listener()
    return () => undefined
  }
  signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}

/** Why a signal aborted. */
export function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  return reason instanceof Error ? reason : new VIOError('the signal aborted', { cause: reason })
}

/** Checks a signal that is not listened to yet. @throws TypeError if it is none */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`a signal is an AbortSignal, got ${typeof signal}`)
}
