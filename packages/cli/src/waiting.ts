/**
 * Waiting for one of several things, with nothing left behind.
 *
 * Decides nothing. Invariant: what was not waited for to its end leaves no timer and no listener.
 */
import type { IVReactor } from '@vio/reactor'

/** A promise that rejects with the reason of a signal, and nothing left on the signal once it is forgotten. */
export function rejection(signal: AbortSignal): {
  readonly promise: Promise<never>
  readonly forget: () => void
} {
  let onAbort = (): void => undefined
  const promise = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
  })
  promise.catch(() => undefined)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return { promise, forget: () => signal.removeEventListener('abort', onAbort) }
}

/** What a promise settles with; undefined if that takes longer than `timeoutMs`. */
export async function within<T>(
  reactor: IVReactor,
  timeoutMs: number,
  promise: Promise<T>,
): Promise<T | undefined> {
  let timer: { cancel(): void } | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = reactor.schedule(timeoutMs, () => resolve(undefined))
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    timer?.cancel()
  }
}
