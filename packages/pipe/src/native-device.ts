/**
 * Descriptors under native: its watch tells when, its calls move the bytes.
 *
 * Decides for which descriptors that is better than what Node has: all that can be waited for, save terminals, which
 * Node opens anew so that it need not change how others find theirs. Invariant: where native is missing, or refuses, the
 * answer is undefined and the descriptor is as it was.
 */
import { errnos, native, readiness, resultError, type VDescriptorWatch, VOwnedDescriptor } from '@vio/native'
import {
  type RawCalls,
  RawDevice,
  type Readiness,
  type ReadinessListener,
  WOULD_BLOCK,
} from './raw-device.js'
import type { DeviceSpec, IVDescriptorDevice } from './types.js'

/** What a writer asks for that waits for nothing else: the error that is told when its reader goes. */
const GONE = readiness.DISCONNECT

const { EAGAIN = 11, EINTR = 4 } = errnos

const CALLS: RawCalls = {
  read: (fd, target) => outcome('read', native.read(fd, target)),
  write: (fd, data) => outcome('write', native.write(fd, data)),
  shutdown: (fd) => native.shutdown(fd, 'write'),
}

function outcome(syscall: string, result: number): number {
  if (result >= 0) return result
  if (result === -EAGAIN || result === -EINTR) return WOULD_BLOCK
  throw resultError(syscall, result)
}

/** True if native can watch descriptors and use them here. Loads it. */
export function hasNative(): boolean {
  return native.has('descriptors') && native.has('readiness')
}

/** The device on native, or undefined where it is not there or not meant for such a descriptor. */
export function nativeDevice(spec: DeviceSpec): IVDescriptorDevice | undefined {
  if (!isMeant(spec) || !hasNative()) return undefined
  if (spec.kind === 'socket' && !native.has('sockets')) return undefined
  const watched = tryWatch(spec.fd)
  if (watched === undefined) return undefined
  return new RawDevice(spec, CALLS, (_fd, listener) => watched.begin(listener))
}

function isMeant({ kind, isMaster, neverWaits }: DeviceSpec): boolean {
  if (kind === 'tty') return isMaster
  return kind === 'pipe' || kind === 'socket' || (kind === 'character' && !neverWaits)
}

/** Takes a descriptor over, unless it cannot be watched or belongs to another. */
function tryWatch(fd: number): Watched | undefined {
  let owned: VOwnedDescriptor
  try {
    owned = new VOwnedDescriptor(fd)
  } catch {
    return undefined
  }
  try {
    const watched = new Watched(owned)
    native.setNonBlocking(fd, true)
    return watched
  } catch {
    owned.release()
    return undefined
  }
}

/** A descriptor that belongs to us, and its watch. */
class Watched implements Readiness {
  readonly #owned: VOwnedDescriptor
  readonly #watch: VDescriptorWatch
  #listener: ReadinessListener = () => undefined

  constructor(owned: VOwnedDescriptor) {
    this.#owned = owned
    this.#watch = owned.watch((events) => this.#told(events))
  }

  begin(listener: ReadinessListener): Readiness {
    this.#listener = listener
    return this
  }

  want(read: boolean, write: boolean, gone: boolean): void {
    const events = (read ? readiness.READABLE : 0) | (write ? readiness.WRITABLE : 0) | (gone ? GONE : 0)
    try {
      if (events === 0) this.#watch.stop()
      else this.#watch.start(events)
    } catch {
      // Somebody closed the descriptor under its owner: the next call of the system says so.
      setImmediate(() => this.#listener(read, write, true))
    }
  }

  close(): void {
    this.#owned.close()
  }

  #told(events: number): void {
    const failed = (events & readiness.ERROR) !== 0
    this.#listener((events & readiness.READABLE) !== 0, (events & readiness.WRITABLE) !== 0, failed)
  }
}
