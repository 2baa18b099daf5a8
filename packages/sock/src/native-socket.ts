/**
 * A stream socket of the system's own, without a stream of Node over it: its descriptor, its readiness, its calls.
 *
 * Decides how results of the system are told: a count, "not now", or an error with the same fields that Node's errors have.
 * What to read, write or wait for is its user's affair. Invariants: the descriptor has one owner and is closed once; after
 * `close` nothing is called.
 */
import { VIPSocketPeer as IPPeer, type VIPSocketPeer, type VSocketPeer, VUnixSocketPeer } from '@vio/io'
import {
  errnoName,
  errnos,
  type IVReadinessOwner,
  native,
  readiness,
  socketOptions,
  type VNativeAddress,
  VNativeError,
  VWatchedDescriptor,
} from '@vio/native'
import { sameHost } from './address.js'
import { VSocketLost } from './errno.js'
import type { SocketGone } from './socket-links.js'

/** What a call that would have to wait gives. */
export const NOT_NOW = -1

const { EAGAIN = 11, EINTR = 4, EINPROGRESS = 115 } = errnos

/** SO_LINGER on, for no time at all: the close that follows is a reset. */
const NO_LINGER: Uint8Array = new Uint8Array(Int32Array.of(1, 0).buffer)

/** Told what the socket is ready for. */
export interface SocketListener {
  /** `failed`: the system has an error for whoever reads or writes next. */
  ready(readable: boolean, writable: boolean, failed: boolean): void
}

const NOBODY: SocketListener = { ready: () => undefined }

/** True where sockets can be had without Node's streams. The first question loads what it needs. */
export function hasNativeSockets(): boolean {
  return native.has('sockets') && native.has('readiness') && native.has('descriptors')
}

/** Why there are none; undefined where there are. */
export function nativeSocketsMissing(): string | undefined {
  for (const name of ['sockets', 'readiness', 'descriptors'] as const) {
    const { on, reason } = native.stateOf(name)
    if (!on) return reason
  }
  return undefined
}

/**
 * A non-blocking stream socket. Give it to an agent, which owns it from then on; by itself it neither reads nor writes.
 */
export class VNativeSocket {
  readonly #owned: VWatchedDescriptor
  #listener: SocketListener = NOBODY
  #onClosed: SocketGone | null = null

  /** Takes over a descriptor that `native` has opened. @throws VNativeError; the descriptor is closed then */
  constructor(fd: number) {
    try {
      this.#owned = new VWatchedDescriptor(fd, this as unknown as IVReadinessOwner)
    } catch (error) {
      native.close(fd)
      throw error
    }
  }

  /** A socket for peers like this one, not connected and not bound. @throws VNativeError */
  static for(peer: VSocketPeer): VNativeSocket {
    return new VNativeSocket(native.socket(addressOf(peer).family))
  }

  /** True once it is closed. */
  get closed(): boolean {
    return this.#owned.closed
  }

  /** Names who is told; the last one counts. */
  listen(listener: SocketListener): void {
    this.#listener = listener
  }

  /** Says what to wait for, in place of what was said before. It is told in each round of the loop while it is so. */
  want(read: boolean, write: boolean): void {
    const events = (read ? readiness.READABLE : 0) | (write ? readiness.WRITABLE : 0)
    if (events === this.#owned.events || this.#owned.closed) return
    if (events === 0) this.#owned.stop()
    else this.#owned.start(events)
  }

  /** Lets the process end although something is waited for. */
  unref(): void {
    if (!this.#owned.closed) this.#owned.unref()
  }

  /** Reads into `target`. Returns how much, 0 at the end, `NOT_NOW`, or an error. */
  read(target: Buffer): number | VSocketLost {
    const result = native.read(this.#owned.fd, target)
    return result >= 0 ? result : outcome('read', result)
  }

  /** Writes from the front of `data`. Returns how much, `NOT_NOW`, or an error. */
  write(data: Uint8Array): number | VSocketLost {
    const result = native.write(this.#owned.fd, data)
    return result >= 0 ? result : outcome('write', result)
  }

  /** Begins to connect. Returns 0 if it is, `NOT_NOW` if it will be writable when the outcome is there, or an error. */
  connect(peer: VSocketPeer): number | VSocketLost {
    const result = native.connect(this.#owned.fd, addressOf(peer))
    if (result === 0) return 0
    return result === -EINPROGRESS ? NOT_NOW : systemLost('connect', -result, peer)
  }

  /** How an attempt to connect has ended: undefined if well. */
  connectError(peer: VSocketPeer): VSocketLost | undefined {
    const errno = native.socketError(this.#owned.fd)
    return errno === 0 ? undefined : systemLost('connect', errno, peer)
  }

  /** Gives it an address of its own. @throws VNativeError */
  bind(peer: VSocketPeer): void {
    native.bind(this.#owned.fd, addressOf(peer))
  }

  /** Takes connections from now on. @throws VNativeError */
  startListening(backlog: number): void {
    native.listen(this.#owned.fd, backlog)
  }

  /** Takes one connection: its descriptor, which is the caller's, `NOT_NOW`, or an error. */
  accept(): number | VSocketLost {
    const result = native.accept(this.#owned.fd)
    return result >= 0 ? result : outcome('accept', result)
  }

  /** Sets an option whose value is a number. Returns false where the system does not want to. */
  setOption(level: number, option: number, value: number): boolean {
    try {
      native.setOption(this.#owned.fd, level, option, value)
      return true
    } catch (error) {
      if (error instanceof VNativeError) return false
      throw error
    }
  }

  /** Whether small writes are sent at once. */
  setNoDelay(on: boolean): void {
    this.setOption(socketOptions.IPPROTO_TCP, socketOptions.TCP_NODELAY, on ? 1 : 0)
  }

  /** Whether a silent peer is asked if it is there. */
  setKeepAlive(on: boolean): void {
    this.setOption(socketOptions.SOL_SOCKET, socketOptions.SO_KEEPALIVE, on ? 1 : 0)
  }

  /** Ends the output, behind what was written. */
  shutdown(): void {
    try {
      native.shutdown(this.#owned.fd, 'write')
    } catch (error) {
      // Not connected any more: the next read tells what happened.
      if (!(error instanceof VNativeError)) throw error
    }
  }

  /** This side's address; null where there is none. */
  get localPeer(): VSocketPeer | null {
    return nameBy(native.socketName, this.#owned)
  }

  /** The other side's address; null where there is none. */
  get remotePeer(): VSocketPeer | null {
    return nameBy(native.peerName, this.#owned)
  }

  /** Closes it so that the other side sees a loss, where the socket knows such a thing. */
  reset(): void {
    if (this.#owned.closed) return
    try {
      native.setOptionBytes(this.#owned.fd, socketOptions.SOL_SOCKET, socketOptions.SO_LINGER, NO_LINGER)
    } catch (error) {
      if (!(error instanceof VNativeError)) throw error
    }
    this.close()
  }

  /** Closes it, in order: what was written is still sent. Idempotent. */
  close(): void {
    if (this.#owned.closed) return
    this.#listener = NOBODY
    this.#owned.close()
    const closed = this.#onClosed
    this.#onClosed = null
    closed?.socketGone(this)
  }

  /** Names a further function to call, or an object to tell, when it is closed. */
  onClosed(closed: (() => void) | SocketGone): void {
    const before = this.#onClosed
    const further = typeof closed === 'function' ? { socketGone: closed } : closed
    // One is the plain case, and a list would be larger than all the rest.
    this.#onClosed = before === null ? further : { socketGone: (socket) => tellBoth(before, further, socket) }
  }

  /** Called by the loop. */
  protected handleReadiness(events: number): void {
    const failed = (events & readiness.ERROR) !== 0
    this.#listener.ready((events & readiness.READABLE) !== 0, (events & readiness.WRITABLE) !== 0, failed)
  }
}

function tellBoth(first: SocketGone, second: SocketGone, socket: object): void {
  first.socketGone(socket)
  second.socketGone(socket)
}

function outcome(syscall: string, result: number): number | VSocketLost {
  return result === -EAGAIN || result === -EINTR ? NOT_NOW : systemLost(syscall, -result)
}

/** An error number as the reason of a loss, in the words and with the fields of Node's errors. */
function systemLost(syscall: string, errno: number, peer?: VSocketPeer): VSocketLost {
  const code = errnoName(errno)
  const what = peer === undefined ? 'the connection was lost' : `no connection to ${peer}`
  const where =
    peer instanceof IPPeer
      ? { address: peer.host, port: peer.port }
      : peer instanceof VUnixSocketPeer
        ? { address: peer.path }
        : {}
  return new VSocketLost(`${what}: ${syscall} ${code}`, { code, errno: -errno, syscall, ...where })
}

/** A peer as the system's calls take it. An empty host is any address. */
function addressOf(peer: VSocketPeer): VNativeAddress {
  if (peer instanceof VUnixSocketPeer) return { family: 'unix', path: peer.path }
  const { host, port, ipVersion } = peer as VIPSocketPeer
  return ipVersion === 6
    ? { family: 'ipv6', host, port }
    : { family: 'ipv4', host: host === '' ? '0.0.0.0' : host, port }
}

/** An address that the system tells of a socket; null if it has none. */
function nameBy(ask: (fd: number) => VNativeAddress, { closed, fd }: VWatchedDescriptor): VSocketPeer | null {
  if (closed) return null
  try {
    return peerOf(ask(fd))
  } catch (error) {
    if (error instanceof VNativeError) return null
    throw error
  }
}

/** An address of the system as a peer; null for a Unix socket without a name. */
function peerOf(address: VNativeAddress): VSocketPeer | null {
  if (address.family !== 'unix') return new IPPeer(sameHost(address.host), address.port)
  return address.path === '' ? null : new VUnixSocketPeer(address.path)
}
