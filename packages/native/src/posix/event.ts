/**
 * Descriptors that count: an event is signalled by writing 8 bytes and taken by reading them.
 */
import { constants } from 'node:os'
import { Capability, expectAnswer, lastErrno } from '../capability.js'
import { checkInteger } from '../check.js'
import { O_CLOEXEC, O_NONBLOCK } from '../constants.js'
import { VNativeError } from '../errors.js'
import type { NativeFunction, NativeLibrary } from '../load.js'
import { noteOpened } from '../own.js'
import { descriptors } from './descriptor.js'

interface EventCalls {
  readonly eventfd: NativeFunction<[number, number]>
}

/** Event counters: `eventCounter`. */
export const events: Capability<EventCalls> = new Capability('events', {
  bind: (library: NativeLibrary): EventCalls => ({
    eventfd: library.bind('eventfd', 'int', ['uint32_t', 'int']),
  }),
  prove: (calls, library) => {
    const { close, read } = descriptors.calls
    const fd = calls.eventfd(7, O_CLOEXEC | O_NONBLOCK)
    try {
      const value = new BigUint64Array(1)
      expectAnswer('read of an eventfd', read(fd, new Uint8Array(value.buffer), 8), 8)
      expectAnswer('its count', value[0], 7n)
      expectAnswer('read of an eventfd at zero', read(fd, new Uint8Array(value.buffer), 8), -1)
      expectAnswer('errno of that read', library.errno(), constants.errno.EAGAIN)
    } finally {
      close(fd)
    }
  },
})

/**
 * Makes a counter, readable while it is not zero: reading takes all of it as 8 bytes in the machine's order, writing
 * 8 bytes adds to it. Non-blocking; it belongs to the caller.
 *
 * @param initial what it counts at first, 0 unless given
 * @throws VNativeError EMFILE and the like
 */
export function eventCounter(initial = 0): number {
  checkInteger(initial, 'initial', 0, 2 ** 32 - 1)
  const fd = events.calls.eventfd(initial, O_CLOEXEC | O_NONBLOCK)
  if (fd < 0) throw new VNativeError('eventfd', lastErrno())
  return noteOpened(fd)
}
