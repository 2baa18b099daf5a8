/**
 * FIFOs: pipes with a place among the files.
 *
 * Makes them; opening, which may wait for the other end, is left to `node:fs` with `O_NONBLOCK`.
 */
import { constants } from 'node:os'
import { Capability, expectAnswer, lastErrno } from '../capability.js'
import { checkInteger, show } from '../check.js'
import { VNativeError } from '../errors.js'
import type { NativeFunction, NativeLibrary } from '../load.js'

interface FifoCalls {
  readonly mkfifo: NativeFunction<[Uint8Array, number]>
}

/** FIFOs: `makeFifo`. */
export const fifos: Capability<FifoCalls> = new Capability('fifos', {
  bind: (library: NativeLibrary): FifoCalls => ({
    mkfifo: library.bind('mkfifo', 'int', ['void*', 'uint32_t']),
  }),
  prove: (calls, library) => {
    expectAnswer('mkfifo of no path', calls.mkfifo(Uint8Array.of(0), 0o600), -1)
    expectAnswer('errno of that mkfifo', library.errno(), constants.errno.ENOENT)
  },
})

/**
 * Makes a FIFO.
 *
 * @param mode its permissions, less the process's mask; 0o600 unless given
 * @throws TypeError, RangeError for what is no path, VNativeError EEXIST, ENOENT, EACCES and the like
 */
export function makeFifo(path: string, mode = 0o600): void {
  if (typeof path !== 'string') throw new TypeError(`a path is a string, got ${show(path)}`)
  if (path === '' || path.includes('\0')) throw new RangeError('a path is not empty and has no NUL in it')
  checkInteger(mode, 'mode', 0, 0o777)
  if (fifos.calls.mkfifo(Buffer.from(`${path}\0`), mode) !== 0)
    throw new VNativeError('mkfifo', lastErrno(), show(path))
}
