/**
 * Which sockets are under the public classes: those of `node:net`, or those of the system itself.
 *
 * Decides what a choice means on this machine. Above the devices nothing tells the two apart, so the choice is one of speed
 * and of memory. Invariant: 'auto' never fails.
 */
import { VIOError } from '@vio/io'
import { describeValue } from './describe.js'
import { hasNativeSockets, nativeSocketsMissing } from './native-socket.js'

/** `node:net`, the system's own through `@vio/native`, or whichever of the two is the better one here. */
export type VTransport = 'net' | 'native' | 'auto'

/** An option of everything that makes sockets. */
export interface VTransportOptions {
  /**
   * What sockets that are made here are made of. By default 'auto'. 'native' needs `@vio/native` with all that sockets ask
   * of it: Linux, the main thread, and not `V_NATIVE=0`. 'auto' takes native ones where they are to be had.
   */
  readonly transport?: VTransport
}

/**
 * True if native sockets are to be used.
 *
 * @throws VIOError, which says why, for 'native' where there are none; TypeError for what is no choice
 */
export function isNative(transport: VTransport = 'auto'): boolean {
  if (transport === 'net') return false
  if (transport === 'auto') return hasNativeSockets()
  if (transport !== 'native') {
    throw new TypeError(`transport is 'net', 'native' or 'auto', got ${describeValue(transport)}`)
  }
  const missing = nativeSocketsMissing()
  if (missing === undefined) return true
  throw new VIOError(`there are no native sockets: ${missing}; use the transport 'auto' or 'net'`)
}
