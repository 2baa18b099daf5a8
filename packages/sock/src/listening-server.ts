/**
 * A server of `node:net`, bound to one address.
 *
 * Decides how it is bound, what a path that is taken means, and when the server is gone. Which connections are wanted is
 * the listener's affair. Invariants: an error of the system keeps its code; a path that somebody listens on is never
 * removed; after `close` the path is gone.
 */
import { lstat, unlink } from 'node:fs/promises'
import { connect, createServer, type ListenOptions, Server } from 'node:net'
import { VIOError, VIPSocketPeer, type VSocketPeer, VUnixSocketPeer } from '@vio/io'
import { checkSocketPeer } from './address.js'
import { checkReusePort, describeValue } from './describe.js'
import { socketError, systemErrorInfo } from './errno.js'
import type { VStreamSocket } from './stream-socket.js'

/** How an address is bound. */
export interface VBindOptions {
  /** How many connections the system may hold before they are accepted. By default 511, at most what the system allows. */
  readonly backlog?: number
  /** On IPv6: takes no IPv4 connections. By default false. */
  readonly ipv6Only?: boolean
  /**
   * Shares the port with other listeners that ask for the same; the system spreads the connections. By default false.
   * Without native sockets Node 22.12 and 23.1 are the first that know it.
   */
  readonly reusePort?: boolean
  /**
   * Removes a Unix socket that nobody listens on any more, which a process that crashed has left, and binds again. By
   * default false: a path that exists is in use.
   */
  readonly removeStale?: boolean
  /** Whom a Unix socket lets in: the mode bits 'readable' and 'writable' for everybody. By default only this user's. */
  readonly sharedPath?: boolean
}

/** What a server tells. */
export interface ListeningServerOwner {
  accepted(socket: VStreamSocket): void
  failed(error: unknown): void
  closed(): void
}

/** What a listener listens with. */
export interface Listening {
  /** The server of Node, where it is one. */
  readonly server: Server | null
  /** What it is bound to; null before and after. */
  readonly address: VSocketPeer | null
  /** @throws VIOError if it is bound; (rejects) VSocketError */
  bind(peer: VSocketPeer, options: VBindOptions): Promise<VSocketPeer>
  /** Stops. Connections that were accepted stay. */
  close(): void
}

/** The server of one listener. */
export class ListeningServer implements Listening {
  readonly server: Server
  #bound: boolean
  #isClosed = false
  #peer: VSocketPeer | null = null

  constructor(server: Server | null, bound: boolean, owner: ListeningServerOwner) {
    if (server !== null && !(server instanceof Server)) {
      throw new TypeError(`a listener needs a server of node:net, got ${describeValue(server)}`)
    }
    // A low mark makes a stopped stream stop at once. The streams of clients hold no more than a read by that.
    this.server = server ?? createServer({ allowHalfOpen: true, pauseOnConnect: true, highWaterMark: 1 })
    this.#bound = bound
    if (bound) this.#peer = addressOf(this.server)
    this.server.on('connection', (socket) => owner.accepted(socket))
    this.server.on('error', (error) => {
      if (this.#bound) owner.failed(error)
    })
    this.server.once('close', () => owner.closed())
  }

  /** What it is bound to; null before and after. */
  get address(): VSocketPeer | null {
    return this.#peer
  }

  /** @throws VIOError if it is bound; (rejects) VSocketError */
  bind(peer: VSocketPeer, options: VBindOptions): Promise<VSocketPeer> {
    if (this.#bound)
      throw new VIOError(`this listener is bound to ${this.#peer ?? 'an address'}; use a new one`)
    checkSocketPeer(peer, 0)
    if (options.reusePort === true) checkReusePort()
    this.#bound = true
    return this.#bindOnce(peer, options)
      .catch(async (error: unknown) => {
        const stale = options.removeStale === true && (await removeStale(peer, error))
        if (!stale) throw error
        return this.#bindOnce(peer, options)
      })
      .catch((error: unknown) => {
        this.#bound = false
        throw socketError(`could not listen on ${peer}`, error)
      })
  }

  /** Stops. Connections that were accepted stay. */
  close(): void {
    this.#peer = null
    this.#isClosed = true
    if (this.server.listening) this.server.close()
  }

  #bindOnce(peer: VSocketPeer, options: VBindOptions): Promise<VSocketPeer> {
    const { server } = this
    return new Promise((bound, failed) => {
      server.once('error', failed)
      server.listen(listenOptions(peer, options), () => {
        server.off('error', failed)
        if (this.#isClosed) {
          server.close()
          failed({ code: 'ERR_SERVER_NOT_RUNNING', message: 'the listener was closed meanwhile' })
          return
        }
        this.#peer = peer instanceof VUnixSocketPeer ? peer : addressOf(server)
        bound(this.#peer as VSocketPeer)
      })
    })
  }
}

function listenOptions(peer: VSocketPeer, options: VBindOptions): ListenOptions {
  const { backlog = 511, ipv6Only = false, sharedPath = false, reusePort = false } = options
  if (peer instanceof VUnixSocketPeer) {
    return { path: peer.path, backlog, exclusive: true, readableAll: sharedPath, writableAll: sharedPath }
  }
  const { host, port } = peer as VIPSocketPeer
  // The types of Node 20 do not know it.
  const more: object = reusePort ? { reusePort } : {}
  return { ...(host === '' ? {} : { host }), port, backlog, ipv6Only, exclusive: true, ...more }
}

function addressOf(server: Server): VSocketPeer | null {
  const address = server.address()
  if (address === null) return null
  return typeof address === 'string'
    ? new VUnixSocketPeer(address)
    : new VIPSocketPeer(address.address, address.port)
}

/** Removes a socket file that refuses connections. Returns true if it did. */
export async function removeStale(peer: VSocketPeer, error: unknown): Promise<boolean> {
  const isTaken = systemErrorInfo(error).code === 'EADDRINUSE'
  if (!isTaken || !(peer instanceof VUnixSocketPeer) || peer.path.startsWith('\0')) return false
  const isSocket = await lstat(peer.path).then(
    (found) => found.isSocket(),
    () => false,
  )
  if (!isSocket || !(await refuses(peer.path))) return false
  await unlink(peer.path)
  return true
}

function refuses(path: string): Promise<boolean> {
  return new Promise((answered) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      answered(false)
    })
    socket.once('error', (error) => answered(systemErrorInfo(error).code === 'ECONNREFUSED'))
  })
}
