/**
 * `VListeningSocket`: takes connections, and makes a client of each.
 *
 * Decides which connection becomes a client and when: pausing, grants of the controlled mode, a limit, a host filter. How
 * it listens is `ListeningServer`'s, what a client is its factory's. Node accepts by itself what the system offers, so a
 * connection that has to wait is one that the other side already takes for connected: it is not read, its bytes stay with
 * the system. Invariants: a connection is handed out once or closed; what waits is bounded; a client or a callback that
 * fails costs its own connection and nothing else.
 */
import type { Server } from 'node:net'
import {
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOError,
  VIOLost,
  VNoHalfClose,
  type VSocketPeer,
} from '@vio/io'
import type { IVReactor, IVStreamHandle, IVTask } from '@vio/reactor'
import { describeValue, limitOption, sizeOption, timeOption } from './describe.js'
import type { IVSocket, VCloseCallback } from './interfaces.js'
import {
  type Listening,
  ListeningServer,
  type ListeningServerOwner,
  type VBindOptions,
} from './listening-server.js'
import { NativeListeningServer } from './native-listening-server.js'
import { VNativeSocket } from './native-socket.js'
import { OpenConnections } from './open-connections.js'
import { VSocketBase } from './socket-base.js'
import { hear } from './socket-links.js'
import { dropSocket, isGone, remotePeerOf, UNWATCHED, type VStreamSocket } from './stream-socket.js'
import { isNative, type VTransportOptions } from './transport.js'

/** What a factory is given to build a client of. */
export interface VClientParts {
  /** The connected socket: it is not read. */
  readonly sock: VStreamSocket
  /** The other side; on Unix sockets the path that was connected to, as the other side has no name there. */
  readonly peer: VSocketPeer
  /** To be called when the client is closed, if the listener was given one. */
  readonly closeCallback: VCloseCallback | undefined
}

/** Makes a client of each connection. */
export interface VClientSocketFactory {
  /** Builds a client. What it throws closes the connection, and nothing else. */
  build(parts: VClientParts): IVSocket
}

/** A factory out of a function. */
export const VClientSocketFactory: new (build: (parts: VClientParts) => IVSocket) => VClientSocketFactory =
  class {
    readonly #build: (parts: VClientParts) => IVSocket

    constructor(build: (parts: VClientParts) => IVSocket) {
      if (typeof build !== 'function')
        throw new TypeError(`a factory needs a function, got ${describeValue(build)}`)
      this.#build = build
    }

    build(parts: VClientParts): IVSocket {
      return this.#build(parts)
    }
  }

/** Options of `VListeningSocket`. */
export interface VListeningSocketOptions extends VBindOptions, VTransportOptions {
  /** The server is bound already; by default it is not. Only with a server that was given. */
  readonly bound?: boolean
  /** The server listens already, so connections are handed out without `listen`. By default not. */
  readonly listening?: boolean
  /** Makes the clients. By default none: then a subclass overrides `accepted`. */
  readonly factory?: VClientSocketFactory | ((parts: VClientParts) => IVSocket)
  /** One connection is handed out for each grant of `canAccept`. By default all are. */
  readonly controlled?: boolean
  /** Called after each connection was handed out. What it throws is logged. */
  readonly acceptCallback?: () => void
  /** Given to the factory as the close callback of each client. */
  readonly clientClose?: VCloseCallback
  /** Called once when the listener is closed. */
  readonly closeCallback?: VCloseCallback
  /** How many connections may be open at once; further ones wait. By default Infinity. */
  readonly maxConnections?: number
  /** How many may wait; further ones are reset. By default 511. `listen(n)` says the same. */
  readonly maxWaiting?: number
  /** Whether connections of a host are taken; others are closed as lost. By default all are. */
  readonly acceptHost?: (peer: VSocketPeer) => boolean
}

/** How many connections may wait, where nothing else is said: what Node asks of the system. */
const DEFAULT_WAITING = 511

/** Takes connections on an address. */
export class VListeningSocket extends VSocketBase {
  readonly #server: Listening
  readonly #options: VListeningSocketOptions
  readonly #factory: VClientSocketFactory | undefined
  /** Connections that were not handed out yet. */
  readonly #waiting: VStreamSocket[] = []
  /** Connections that were handed out and are open, and what became of them. */
  readonly #open = new OpenConnections(() => this.#left())
  readonly #maxConnections: number
  #maxWaiting: number
  #listening: boolean
  #paused = false
  #grants = 0
  #droppedCount = 0
  #turnPosted = false
  readonly #turn: IVTask = {
    runTask: () => {
      this.#turnPosted = false
      while (this.#waiting.length > 0 && this.#room) this.#handOut(this.#waiting.shift() as VStreamSocket)
    },
  }
  #emptied: (() => void) | undefined

  /** @param server one of `node:net` that was made with `allowHalfOpen` and `pauseOnConnect`; by default a new one */
  constructor(reactor: IVReactor, server: Server | null = null, options: VListeningSocketOptions = {}) {
    const { closeCallback, factory } = options
    super(reactor, {
      halfClosePolicy: new VNoHalfClose(),
      ...(closeCallback === undefined ? {} : { closeCallback }),
    })
    this.#options = options
    this.#factory = typeof factory === 'function' ? new VClientSocketFactory(factory) : factory
    this.#maxConnections = limitOption('maxConnections', options.maxConnections)
    this.#maxWaiting = sizeOption('maxWaiting', options.maxWaiting ?? DEFAULT_WAITING, 0)
    const bound = options.bound ?? options.listening ?? false
    const arrived = (socket: VStreamSocket): void => this.#arrived(socket)
    const owner: ListeningServerOwner = {
      // Handed out in the call that brings it: whoever answers each at once then does so before the next is taken.
      accepted: (socket) => (reactor.enter === undefined ? arrived(socket) : reactor.enter(arrived, socket)),
      failed: (error) => this.log.error('the listener failed', error),
      closed: () => void this.closeIO(new VFIOLost(new VIOLost('the server was closed'))),
    }
    const native = server === null && isNative(options.transport)
    this.#server = native ? new NativeListeningServer(owner) : new ListeningServer(server, bound, owner)
    this.#listening = options.listening ?? false
    reactor.schedule(0, () => this.setSockEnabled())
  }

  /** Node's server; null where the transport is another. */
  get sock(): Server | null {
    return this.#server.server
  }

  /** What it is bound to; null before `bind` and after the close. */
  get address(): VSocketPeer | null {
    return this.#server.address
  }

  /** How many connections were handed out and are open. */
  get connections(): number {
    return this.#open.size
  }

  /** How many connections wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** How many connections were reset because too many waited, or their host was not accepted. */
  get droppedCount(): number {
    return this.#droppedCount
  }

  /**
   * Binds to an address; port 0 means any. Node binds and listens in one step: from here on the system takes
   * connections, which wait for `listen`.
   *
   * @throws VIOError if it is bound or closed; VAddressError or TypeError for a wrong address; (rejects) VSocketError with
   *   the system's code, such as EADDRINUSE
   */
  bind(peer: VSocketPeer): Promise<VSocketPeer> {
    if (this.closed) throw new VIOError('this listener is closed; use a new one')
    this.checkBind(peer)
    return this.#server.bind(peer, this.#options)
  }

  /**
   * Begins to hand connections out. `maxWaiting` is how many may wait to be handed out; the system's own queue before
   * that is as `bind` made it.
   *
   * @throws VIOError if it is not bound, listens already, or is closed
   */
  listen(maxWaiting?: number): void {
    if (this.closed) throw new VIOError('this listener is closed; use a new one')
    if (this.#server.address === null) throw new VIOError('this listener is not bound; bind it first')
    if (this.#listening) throw new VIOError('this listener listens already')
    if (maxWaiting !== undefined) this.#maxWaiting = sizeOption('maxWaiting', maxWaiting, 0)
    this.#listening = true
    this.#postTurn()
  }

  /** Lets so many further connections be handed out, in controlled mode. @throws RangeError for less than 1 */
  canAccept(count: number = 1): void {
    this.#grants += sizeOption('count', count)
    this.#postTurn()
  }

  /** Hands out no more until `resume`. Connections that come meanwhile wait. */
  pause(): void {
    this.#paused = true
  }

  /** Goes on after `pause`. */
  resume(): void {
    this.#paused = false
    this.#postTurn()
  }

  /** A listener writes nothing: does nothing. */
  startWriting(): void {}

  /** A listener writes nothing: does nothing. */
  stopWriting(): void {}

  /**
   * Closes gracefully: takes no more connections, resets those that wait, and gives the others until `deadlineMs` from
   * now to end by themselves; those that are left are then reset. Resolves, when all are gone, with how many were reset.
   */
  async drain(deadlineMs: number = Number.POSITIVE_INFINITY): Promise<number> {
    timeOption('deadlineMs', deadlineMs)
    this.closeIO(new VFIOCompleted())
    let resetCount = 0
    const end = (): void => {
      resetCount = this.#open.size
      this.#resetAll()
    }
    const timer = deadlineMs === Number.POSITIVE_INFINITY ? undefined : this.reactor.schedule(deadlineMs, end)
    if (this.#open.size > 0) {
      await new Promise<void>((emptied) => {
        this.#emptied = emptied
      })
    }
    timer?.cancel()
    return resetCount
  }

  /** Drains with a deadline of 5000 ms. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(5000)
  }

  /** Whether it can be bound to a peer. @throws TypeError or VAddressError if not */
  protected checkBind(_peer: VSocketPeer): void {}

  /** Whether connections of a host are taken. By default asks the option `acceptHost`. */
  protected acceptHost(peer: VSocketPeer): boolean {
    return this.#options.acceptHost?.(peer) ?? true
  }

  /**
   * A connection is handed out: makes a client of it. By default the factory does.
   *
   * @throws VIOError without a factory
   */
  protected accepted(sock: VStreamSocket, peer: VSocketPeer): IVSocket | null {
    if (this.#factory === undefined) throw new VIOError('no factory: give one, or override accepted')
    return this.#factory.build({ sock, peer, closeCallback: this.#options.clientClose })
  }

  protected watched(): IVStreamHandle | null {
    if (this.#server.address === null) return null
    return this.sock === null ? UNWATCHED : (this.sock as unknown as IVStreamHandle)
  }

  protected releaseInput(_reason: VFailure): void {
    this.#listening = false
    for (const socket of this.#waiting.splice(0)) this.#drop(socket)
  }

  protected releaseOutput(_reason: VFailure): void {}

  protected release(_reason: VFailure): void {
    this.#server.close()
  }

  #arrived(socket: VStreamSocket): void {
    if (!(socket instanceof VNativeSocket)) hear(socket, 'error')
    if (this.closed || this.#waiting.length >= Math.max(this.#maxWaiting, this.#room ? 1 : 0)) {
      this.#drop(socket)
      return
    }
    this.#waiting.push(socket)
    this.#postTurn()
  }

  get #room(): boolean {
    const granted = this.#options.controlled !== true || this.#grants > 0
    return this.#listening && !this.#paused && granted && this.#open.size < this.#maxConnections
  }

  #postTurn(): void {
    if (this.#turnPosted) return
    this.#turnPosted = true
    this.reactor.post(this.#turn)
  }

  #handOut(socket: VStreamSocket): void {
    const peer = remotePeerOf(socket) ?? this.#server.address
    if (isGone(socket) || peer === null || !this.#admits(peer)) {
      this.#drop(socket)
      return
    }
    if (this.#options.controlled === true) this.#grants -= 1
    this.#open.add(socket)
    try {
      this.#open.setClient(socket, this.accepted(socket, peer))
    } catch (error) {
      this.log.error('a connection could not be taken', error)
      this.#drop(socket)
      return
    }
    if (this.#options.acceptCallback !== undefined)
      this.guard('an accept callback', () => this.#options.acceptCallback?.())
  }

  #admits(peer: VSocketPeer): boolean {
    try {
      return this.acceptHost(peer) === true
    } catch (error) {
      this.log.error('acceptHost failed, which counts as no', error)
      return false
    }
  }

  #drop(socket: VStreamSocket): void {
    this.#droppedCount += 1
    dropSocket(socket)
  }

  #left(): void {
    if (this.#open.size === 0) this.#emptied?.()
    if (this.#waiting.length > 0) this.#postTurn()
  }

  #resetAll(): void {
    const reason = new VFIOLost(new VIOLost('the listener was closed and its deadline has passed'))
    for (const { socket, client } of this.#open.list) {
      this.guard('closing a client', () => client?.closeIO(reason))
      dropSocket(socket)
    }
  }
}
