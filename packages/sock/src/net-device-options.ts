/**
 * What a `VNetDevice` can be told, checked before it has a socket.
 */
import type { VSocketPeer } from '@vio/io'
import { checkFlag, sizeOption, timeOption } from './describe.js'
import { DEFAULT_SOCKET_BYTES } from './socket-device.js'
import { checkSource, type SocketOpener, sourceOf, type VSourceAddress } from './socket-opener.js'

/** How long a socket that was closed cleanly waits for the other side's end, where nothing else is said. */
const DEFAULT_LINGER_MS = 1000

/** Options of `VNetDevice`. */
export interface VNetDeviceOptions extends VSourceAddress {
  /**
   * The most bytes that are read at once. By default 65,536. At most twice as many wait to be read in a socket that the
   * device made; in one that others made, as many and two reads of Node of up to 65,536 each.
   */
  readonly maxReadBytes?: number
  /** The most bytes that wait in the socket to be written. By default 65,536. */
  readonly maxWriteBytes?: number
  /** What the socket is connected to, where it does not know it by itself: on Unix sockets. */
  readonly peer?: VSocketPeer | null
  /**
   * How long, after a clean close, what the other side still sends is read and dropped, in milliseconds. Closing at once
   * would make the system answer it with a reset, and what was written last could be lost. By default 1000; it does not
   * keep the process alive.
   */
  readonly lingerMs?: number
  /** Send small writes at once instead of waiting for more. By default true. */
  readonly noDelay?: boolean
  /** Ask a silent peer, now and then, whether it is there. By default false. */
  readonly keepAlive?: boolean
  /** What connects. By default one attempt at the one address, without a time-out. */
  readonly opener?: SocketOpener
}

/** The options with their defaults. */
export interface NetDeviceSettings {
  readonly maxReadBytes: number
  readonly maxWriteBytes: number
  readonly lingerMs: number
  readonly source: VSourceAddress
  readonly noDelay: boolean
  readonly keepAlive: boolean
}

/** What was asked for last: connections come in rows that are alike, and share their settings. */
let last: NetDeviceSettings | undefined

/** The sizes among the options, where they are given apart. */
export type DeviceSizes = Pick<VNetDeviceOptions, 'maxReadBytes' | 'maxWriteBytes'>

/** @throws RangeError, TypeError or VAddressError for a wrong option */
export function netDeviceSettings(
  options: Omit<VNetDeviceOptions, 'opener'>,
  sizes: DeviceSizes = options,
): NetDeviceSettings {
  const maxReadBytes = sizeOption('maxReadBytes', sizes.maxReadBytes ?? DEFAULT_SOCKET_BYTES)
  const maxWriteBytes = sizeOption('maxWriteBytes', sizes.maxWriteBytes ?? DEFAULT_SOCKET_BYTES)
  const lingerMs = timeOption('lingerMs', options.lingerMs ?? DEFAULT_LINGER_MS)
  const source = checkSource(sourceOf(options))
  const noDelay = checkFlag('noDelay', options.noDelay ?? true)
  const keepAlive = checkFlag('keepAlive', options.keepAlive ?? false)
  const isSame =
    last?.maxReadBytes === maxReadBytes &&
    last.maxWriteBytes === maxWriteBytes &&
    last.lingerMs === lingerMs &&
    last.source === source &&
    last.noDelay === noDelay &&
    last.keepAlive === keepAlive
  if (!isSame) last = { maxReadBytes, maxWriteBytes, lingerMs, source, noDelay, keepAlive }
  return last as NetDeviceSettings
}
