/**
 * One connection of the TLS library, over a stream in memory.
 *
 * Decides nothing about chains: it takes and gives ciphertext and plaintext as they come, and tells the two ends that TLS
 * knows of. When it is fed, and how much, is the transport's affair. Invariants: the library's sockets always have a
 * listener for errors; after `destroy` nothing is told any more; the end of the ciphertext is never told to the library,
 * so the end that it tells is the one that the other side has sealed.
 */
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { SocketEvents } from './context.js'

/** What an engine tells its transport. Called at any time, also outside of turns and from inside its own methods. */
export interface EngineOwner {
  /** Ciphertext for the other side. The memory is given away. */
  sealed(piece: Buffer): void
  /** The end of the plaintext has been sealed and given to `sealed`; no more comes. */
  sealedEnd(): void
  /** Plaintext of the other side. The memory is given away. */
  opened(piece: Buffer): void
  /** The other side has told, sealed, that it sends no more. */
  openedEnd(): void
  /** The engine would take ciphertext that it did not take before. */
  thirsty(): void
  secured(socket: TLSSocket): void
  failed(error: unknown): void
  session(session: Buffer): void
}

/** Begins a connection with the library. */
export type EngineStart = (wire: Duplex, events: SocketEvents) => void

/** The library's side of a connection in memory: what it reads is fed, what it writes goes to the owner. */
class Wire extends Duplex {
  readonly #owner: EngineOwner
  #live = true
  #shakingHands = true
  /** The library waits for a turn of Node until it writes again. */
  #resting = false

  constructor(owner: EngineOwner) {
    super({ allowHalfOpen: true, emitClose: true })
    this.#owner = owner
    // The library hands errors of the wire on; without it they would end the process.
    this.on('error', () => undefined)
  }

  silence(): void {
    this.#live = false
  }

  override _read(): void {
    if (this.#live) this.#owner.thirsty()
  }

  /**
   * What the library writes goes on at once: a stream's own queue would only cost time. It waits for `done` before it
   * writes again, and it is not given more to seal than there is room for.
   */
  override write(piece: Buffer, ...rest: readonly unknown[]): boolean {
    if (this.#live) this.#owner.sealed(piece)
    const done = rest.at(-1)
    if (typeof done === 'function') done()
    if (this.#shakingHands && !this.#resting) {
      this.#resting = true
      setImmediate(() => this.#rested())
    }
    return true
  }

  /** True while what the library has to say at once, an alert perhaps, would be kept back. Known in the handshake only. */
  get resting(): boolean {
    return this.#resting
  }

  shookHands(): void {
    this.#shakingHands = false
  }

  #rested(): void {
    this.#resting = false
    if (this.#live) this.#owner.thirsty()
  }

  override _final(done: () => void): void {
    if (this.#live) this.#owner.sealedEnd()
    done()
  }
}

/** Seals and opens bytes for one connection. */
export class TLSEngine {
  readonly #owner: EngineOwner
  readonly #wire: Wire
  #socket: TLSSocket | undefined
  #over = false

  constructor(owner: EngineOwner) {
    this.#owner = owner
    this.#wire = new Wire(owner)
  }

  /** Begins the handshake. What the library throws is told as a failure. */
  start(begin: EngineStart): void {
    const owner = this.#owner
    const events: SocketEvents = {
      secured: (socket) => this.#secured(socket),
      failed: (error) => {
        if (!this.#over) owner.failed(error)
      },
      session: (session) => {
        if (!this.#over) owner.session(session)
      },
    }
    try {
      begin(this.#wire, events)
    } catch (error) {
      events.failed(error)
    }
    this.#wire.on('close', () => afterNews(() => events.failed(new Error('the connection was dropped'))))
  }

  /**
   * True if `feed` would take ciphertext now. In the handshake not while the library cannot answer: an alert that it has
   * to keep back would be lost with the connection.
   */
  get hungry(): boolean {
    return !this.#over && !this.#wire.resting && this.#wire.readableLength === 0
  }

  /** Gives ciphertext of the other side; what comes of it is told before this returns, or soon after. */
  feed(piece: Buffer): void {
    if (!this.#over) this.#wire.push(piece)
  }

  /** Seals plaintext; `done` is called once all of it was given to `sealed`. Only after `secured`. */
  write(piece: Buffer, done: () => void): void {
    this.#socket?.write(piece, (error) => {
      // A failure is told by an event of its own.
      if (!this.#over && (error === null || error === undefined)) done()
    })
  }

  /** Seals the end of the plaintext. Only after `secured`. */
  end(): void {
    this.#socket?.end()
  }

  /** Lets go of everything. Idempotent. */
  destroy(): void {
    if (this.#over) return
    this.#over = true
    this.#wire.silence()
    // The library may be in the middle of a call.
    setImmediate(() => {
      this.#socket?.destroy()
      this.#wire.destroy()
    })
  }

  #secured(socket: TLSSocket): void {
    if (this.#over) {
      socket.destroy()
      return
    }
    this.#socket = socket
    this.#wire.shookHands()
    socket.on('data', (piece: Buffer) => {
      if (!this.#over) this.#owner.opened(piece)
    })
    socket.on('end', () => {
      if (!this.#over) this.#owner.openedEnd()
    })
    this.#owner.secured(socket)
  }
}

/** The library closes first and tells why a few steps later. */
function afterNews(run: () => void): void {
  setImmediate(() => setImmediate(() => setImmediate(run)))
}
