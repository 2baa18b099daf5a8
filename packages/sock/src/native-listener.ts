/**
 * A socket of the system that takes connections, without a server of Node over it.
 *
 * Decides how many connections are taken in one round of the loop, and what becomes of a system that has no more
 * descriptors. Whether a connection is wanted, and what it becomes, is its owner's affair. Invariants: while paused nothing
 * is taken, and connections wait in the system's backlog; a path that was made is removed at the close.
 */
import { unlinkSync } from 'node:fs'
import { type VSocketPeer, VUnixSocketPeer } from '@vio/io'
import { socketOptions } from '@vio/native'
import { VSocketError, type VSocketLost } from './errno.js'
import { NOT_NOW, VNativeSocket } from './native-socket.js'

/** How many connections are taken in one round, so that those that are there get their turn. */
const ACCEPTS_PER_ROUND = 64

/** How long nothing is taken after the system had no descriptor left. Its backlog stays, and would be told at once again. */
const RETRY_MS = 50

/** What a listener tells. */
export interface NativeListenerOwner {
  /** A connection was taken; it is the owner's. */
  accepted(socket: VNativeSocket): void
  /** A connection could not be taken. The listener goes on. */
  failed(error: VSocketLost): void
}

/** How a native listener listens. */
export interface NativeListenTerms {
  /** How many connections wait to be taken, as far as the system allows. */
  readonly backlog: number
  /** Shares the port, and what comes, with other listeners that ask for the same. */
  readonly reusePort: boolean
  /** On IPv6, refuses IPv4. */
  readonly ipv6Only: boolean
}

/** Takes connections. */
export class NativeListener {
  /** Where it listens. */
  readonly localPeer: VSocketPeer
  readonly #socket: VNativeSocket
  readonly #owner: NativeListenerOwner
  #paused = false
  #retry: NodeJS.Timeout | undefined

  /** Listens, at once. @throws VSocketError with the system's code: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` */
  constructor(peer: VSocketPeer, terms: NativeListenTerms, owner: NativeListenerOwner) {
    this.#owner = owner
    this.#socket = listeningSocket(peer, terms)
    // A path that was made relative stays what it was called.
    this.localPeer = peer instanceof VUnixSocketPeer ? peer : (this.#socket.localPeer ?? peer)
    this.#socket.listen({ ready: () => this.#ready() })
    this.#socket.want(true, false)
  }

  get closed(): boolean {
    return this.#socket.closed
  }

  /** Takes no more until `resume`. */
  pause(): void {
    this.#paused = true
    this.#socket.want(false, false)
  }

  /** Takes connections again. */
  resume(): void {
    this.#paused = false
    if (this.#retry === undefined) this.#socket.want(true, false)
  }

  /** Lets the process end although it listens. */
  unref(): void {
    this.#socket.unref()
  }

  /** Takes no more for good. Connections that wait are refused by the system. Idempotent. */
  close(): void {
    if (this.#socket.closed) return
    clearTimeout(this.#retry)
    this.#socket.close()
    const peer = this.localPeer
    if (peer instanceof VUnixSocketPeer && !peer.path.startsWith('\0')) removePath(peer.path)
  }

  #ready(): void {
    for (let left = ACCEPTS_PER_ROUND; left > 0; left -= 1) {
      if (this.#paused || this.#socket.closed) return
      const result = this.#socket.accept()
      if (result === NOT_NOW) return
      if (typeof result === 'number') this.#take(result)
      else {
        this.#refused(result)
        return
      }
    }
  }

  #take(fd: number): void {
    let socket: VNativeSocket
    try {
      socket = new VNativeSocket(fd)
    } catch {
      // The system has no room to watch it: the same as none to take it.
      return
    }
    this.#owner.accepted(socket)
  }

  #refused(error: VSocketLost): void {
    // Whoever connected has left again meanwhile.
    if (error.code === 'ECONNABORTED') return
    this.#socket.want(false, false)
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      if (!this.#paused) this.#socket.want(true, false)
    }, RETRY_MS)
    this.#owner.failed(error)
  }
}

function listeningSocket(peer: VSocketPeer, terms: NativeListenTerms): VNativeSocket {
  let socket: VNativeSocket | undefined
  try {
    socket = VNativeSocket.for(peer)
    if (!(peer instanceof VUnixSocketPeer)) setAddressOptions(socket, peer, terms)
    socket.bind(peer)
    socket.startListening(terms.backlog)
    return socket
  } catch (error) {
    socket?.close()
    throw listenError(peer, error)
  }
}

function setAddressOptions(socket: VNativeSocket, peer: VSocketPeer, terms: NativeListenTerms): void {
  const { IPPROTO_IPV6, IPV6_V6ONLY, SO_REUSEADDR, SO_REUSEPORT, SOL_SOCKET } = socketOptions
  // An address that a closed connection still remembers can be listened on; one that is listened on cannot.
  socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
  if (terms.reusePort) socket.setOption(SOL_SOCKET, SO_REUSEPORT, 1)
  if (peer.family === 'inet6') socket.setOption(IPPROTO_IPV6, IPV6_V6ONLY, terms.ipv6Only ? 1 : 0)
}

/** With the fields of Node's errors: the number is negative there, and all of it is one call. */
function listenError(peer: VSocketPeer, error: unknown): VSocketError {
  const { code = 'UNKNOWN', errno } = error as { readonly code?: string; readonly errno?: number }
  const { host, port } = peer.native as { readonly host?: string; readonly port?: number }
  const address = peer instanceof VUnixSocketPeer ? peer.path : host
  const info = {
    code,
    syscall: 'listen',
    ...(errno === undefined ? {} : { errno: -errno }),
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
  }
  return new VSocketError(`could not listen on ${peer}: listen ${code}`, info, { cause: error })
}

function removePath(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Somebody has removed it already.
  }
}
