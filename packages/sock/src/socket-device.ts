/**
 * What a socket's device has beyond a byte device, and the sizes that sockets have where nothing else is said.
 */
import type { IVByteDevice, VFailure, VSocketPeer } from '@vio/io'

/** The most bytes that are read at once, and that wait in a socket to be written, where nothing else is said. */
export const DEFAULT_SOCKET_BYTES = 65_536

/** A stream socket as a device: one of `node:net`, or one of the system itself. */
export interface IVSocketDevice extends IVByteDevice {
  readonly peer: VSocketPeer | null
  /** This side's address; null while there is none, and for a Unix socket. */
  readonly localPeer: VSocketPeer | null
  /** Whether small writes are sent at once: what was set last. @throws TypeError when set to something else than a flag */
  noDelay: boolean
  /** Whether a silent peer is asked if it is there: what was set last. @throws TypeError as `noDelay` */
  keepAlive: boolean
  /** Drops the connection at once, whatever was asked for before. */
  reset(reason: VFailure): void
  /** Names a function to call when the socket is gone; at once if it is so already. The last one named counts. */
  onClosed(closed: () => void): void
}
