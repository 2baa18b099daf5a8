/**
 * Readiness by asking again and again, and the calls of `node:fs`, for descriptors that Node does not watch.
 *
 * Decides nothing but how often is asked. What is asked for too early answers that it would have to wait. Invariant:
 * the timer runs only while something is waited for.
 */
import { closeSync, readSync, writeSync } from 'node:fs'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import { systemCodeOf } from './errors.js'
import {
  type RawCalls,
  type Readiness,
  type ReadinessListener,
  type ReadinessSource,
  WOULD_BLOCK,
} from './raw-device.js'

/** How long is waited between two attempts, in milliseconds. */
export const POLL_MS = 10

/** The calls of `node:fs`, on descriptors that do not block. */
export const FS_CALLS: RawCalls = {
  read: (fd, target) => unlessBlocked(() => readSync(fd, target, 0, target.length, null)),
  write: (fd, data) => unlessBlocked(() => writeSync(fd, data, 0, data.length, null)),
  shutdown: () => undefined,
}

function unlessBlocked(call: () => number): number {
  try {
    return call()
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return WOULD_BLOCK
    throw error
  }
}

/** Says every `POLL_MS` that what is waited for may be there. */
export function pollingOn(reactor: IVReactor): ReadinessSource {
  return (fd, listener) => new Polling(reactor, fd, listener)
}

class Polling implements Readiness {
  readonly #reactor: IVReactor
  readonly #fd: number
  readonly #listener: ReadinessListener
  #call: VScheduledCall | undefined
  #read = false
  #write = false

  constructor(reactor: IVReactor, fd: number, listener: ReadinessListener) {
    this.#reactor = reactor
    this.#fd = fd
    this.#listener = listener
  }

  want(read: boolean, write: boolean): void {
    this.#read = read
    this.#write = write
    if (!read && !write) this.#rest()
    else this.#call ??= this.#reactor.schedule(POLL_MS, () => this.#ask())
  }

  close(): void {
    this.#rest()
    closeSync(this.#fd)
  }

  #rest(): void {
    this.#call?.cancel()
    this.#call = undefined
  }

  #ask(): void {
    this.#call = undefined
    this.#listener(this.#read, this.#write, false)
  }
}
