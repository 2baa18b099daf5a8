/**
 * Readiness of raw descriptors.
 *
 * Decides what kind of thing a descriptor is and how its readiness is told: a regular file is always ready, as it is to
 * `select`; anything else is asked of the loop, where the native seam is there. Without it Node has no answer, and the
 * caller is told so at once instead of never being called. Invariants: an error leaves no watch behind; readiness is
 * level-triggered, so a handler that takes nothing is called again.
 */
import { fstatSync, type Stats } from 'node:fs'
import { constants } from 'node:os'
import { native, readiness, resultError, VDescriptorWatch, VNativeError } from '@vio/native'
import { VIOLost, VReactorError } from './errors.js'
import type { IVWatch, VWatchDirection } from './types.js'

const ALWAYS_READY: IVWatch = { ready: true, close: () => undefined }

/**
 * Watches a raw descriptor.
 *
 * @param onReady called when `ready` turns true
 * @throws VReactorError if the descriptor is not open, or if nobody can tell its readiness
 */
export function watchDescriptor(fd: number, direction: VWatchDirection, onReady: () => void): IVWatch {
  const stats = statDescriptor(fd)
  if (stats.isFile()) return ALWAYS_READY
  const { on, reason } = native.stateOf('readiness')
  if (!on) throw new VReactorError(refusal(fd, stats, `Node does not tell (and native is off: ${reason})`))
  try {
    return new DescriptorWatch({ fd, direction, onReady, isPipe: stats.isFIFO() })
  } catch (cause) {
    if (!(cause instanceof VNativeError)) throw cause
    const text =
      cause.code === 'EPERM'
        ? refusal(fd, stats, 'the system does not tell')
        : `descriptor ${fd} cannot be watched: ${cause.message}`
    throw new VReactorError(text, { cause })
  }
}

/** What is watched, and for whom. */
interface DescriptorTarget {
  readonly fd: number
  readonly direction: VWatchDirection
  readonly onReady: () => void
  readonly isPipe: boolean
}

/**
 * A watch on one direction of one descriptor in Node's loop.
 *
 * The loop tells again in each of its iterations for as long as the descriptor is ready, so one that was told counts as
 * ready until the handler has had its attempt. An error condition makes it ready too, since reading and writing find out
 * what is left and what is wrong; only a descriptor of no more use at all is a failure.
 */
class DescriptorWatch implements IVWatch {
  readonly #target: DescriptorTarget
  readonly #watch: VDescriptorWatch
  readonly #events: number
  #ready = false
  #failure: Error | undefined

  constructor(target: DescriptorTarget) {
    this.#target = target
    this.#events = target.direction === 'read' ? readiness.READABLE : readiness.WRITABLE
    this.#watch = new VDescriptorWatch(target.fd, (events) => this.#told(events))
    this.#watch.start(this.#events)
  }

  get ready(): boolean {
    return this.#ready
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  attempt(): void {
    this.#ready = false
    // After an error condition the loop has stopped telling.
    this.#watch.start(this.#events)
  }

  close(): void {
    this.#ready = false
    this.#watch.close()
  }

  #told(events: number): void {
    if (this.#ready) return
    this.#failure = this.#failureBehind(events)
    // It is told once.
    if (this.#failure !== undefined) this.#watch.stop()
    this.#ready = true
    this.#target.onReady()
  }

  #failureBehind(events: number): Error | undefined {
    const { fd, isPipe } = this.#target
    if (!native.isOpen(fd)) return new VIOLost(`descriptor ${fd} was closed while it was watched`)
    const hasError = (events & readiness.ERROR) !== 0
    // Only the end of a pipe that is written to has one.
    if (!hasError || !isPipe) return undefined
    const cause = resultError('poll', -constants.errno.EPIPE)
    return new VIOLost(`the pipe behind descriptor ${fd} has no reader any more`, { cause })
  }
}

function statDescriptor(fd: number): Stats {
  try {
    return fstatSync(fd)
  } catch (cause) {
    throw new VReactorError(`descriptor ${fd} cannot be watched: it is not open`, { cause })
  }
}

function refusal(fd: number, stats: Stats, who: string): string {
  return (
    `descriptor ${fd} is a ${kindOf(stats)}, whose readiness ${who}: it cannot be watched by its number;` +
    ' return a stream of node:net, node:tty or node:fs over it from fileno() instead'
  )
}

function kindOf(stats: Stats): string {
  if (stats.isSocket()) return 'socket'
  if (stats.isFIFO()) return 'pipe'
  if (stats.isCharacterDevice()) return 'character device'
  if (stats.isBlockDevice()) return 'block device'
  if (stats.isDirectory()) return 'directory'
  return 'descriptor of an unknown kind'
}
