/**
 * Readiness of a stream-backed handle, told from its events and its state.
 *
 * Decides when a handle counts as readable or writable. Never reads from it, writes to it or closes it. Invariant: what
 * `ready` says is taken from the handle itself at that moment, apart from one signal: a 'readable' event of an empty
 * handle is its announcement of the end, which it tells only to one who tries to read, so it is good for one attempt.
 */
import type { IVStreamHandle, IVWatch, VWatchDirection } from './types.js'

const READ_EVENTS: readonly string[] = ['readable', 'end', 'close', 'error']
const WRITE_EVENTS: readonly string[] = ['drain', 'finish', 'close', 'error']

/** A watch on a stream-backed handle in one direction. */
export class StreamWatch implements IVWatch {
  readonly #handle: IVStreamHandle
  readonly #direction: VWatchDirection
  readonly #listener: () => void
  #signalled = false

  constructor(handle: IVStreamHandle, direction: VWatchDirection, onReady: () => void) {
    this.#handle = handle
    this.#direction = direction
    this.#listener = () => {
      this.#signalled = direction === 'read'
      if (this.ready) onReady()
    }
    for (const event of this.#events) handle.on(event, this.#listener)
  }

  get ready(): boolean {
    const handle = this.#handle
    if (handle.destroyed === true) return true
    if (this.#direction === 'write') return handle.writableNeedDrain !== true
    return this.#signalled || (handle.readableLength ?? 0) > 0 || handle.readableEnded === true
  }

  attempt(): void {
    this.#signalled = false
  }

  close(): void {
    for (const event of this.#events) this.#handle.removeListener(event, this.#listener)
    this.#signalled = false
  }

  get #events(): readonly string[] {
    return this.#direction === 'read' ? READ_EVENTS : WRITE_EVENTS
  }
}

/** Whether `target` has what a stream-backed handle needs to be watched. */
export function isStreamHandle(target: unknown): target is IVStreamHandle {
  if (typeof target !== 'object' || target === null) return false
  const handle = target as Partial<IVStreamHandle>
  return typeof handle.on === 'function' && typeof handle.removeListener === 'function'
}

/** @throws TypeError for what cannot be watched */
export function checkTarget(target: number | IVStreamHandle): void {
  if (typeof target === 'number' ? Number.isInteger(target) : isStreamHandle(target)) return
  throw new TypeError(
    `fileno() gives an integer or a stream-backed handle, got ${typeof target === 'number' ? target : typeof target}`,
  )
}
