/**
 * The connections that a listener has handed out and that are open, and what became of them.
 *
 * Decides nothing; it is told of the end of each by its socket, which knows its place in the list, so that a connection
 * costs no object of its own. Invariant: a connection is in the list from when it is added until its socket is gone.
 */
import type { IVSocket } from './interfaces.js'
import { PLACE, type Placed, type SocketGone } from './socket-links.js'
import { onceGone, type VStreamSocket } from './stream-socket.js'

/** One connection. */
export interface OpenConnection {
  readonly socket: VStreamSocket
  readonly client: IVSocket | null
}

/** The connections of one listener. */
export class OpenConnections implements SocketGone {
  readonly #sockets: VStreamSocket[] = []
  readonly #clients: (IVSocket | null)[] = []
  readonly #changed: () => void

  /** @param changed called after one has left */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  /** How many there are. */
  get size(): number {
    return this.#sockets.length
  }

  /** All that there are now. */
  get list(): readonly OpenConnection[] {
    return this.#sockets.map((socket, at) => ({ socket, client: this.#clients[at] ?? null }))
  }

  /** Adds a connection that nobody is the client of yet. */
  add(socket: VStreamSocket): void {
    ;(socket as Placed)[PLACE] = this.#sockets.length
    this.#sockets.push(socket)
    this.#clients.push(null)
    onceGone(socket, this)
  }

  /** Names the client of a connection; of one that is gone already, it is forgotten. */
  setClient(socket: VStreamSocket, client: IVSocket | null): void {
    const place = this.#placeOf(socket)
    if (place >= 0) this.#clients[place] = client
  }

  /** For a socket that is gone: the last one takes its place. */
  socketGone(socket: object): void {
    const place = this.#placeOf(socket)
    if (place < 0) return
    const [last, client] = [this.#sockets.pop(), this.#clients.pop()]
    if (last !== undefined && last !== socket) {
      ;(last as Placed)[PLACE] = place
      this.#sockets[place] = last
      this.#clients[place] = client ?? null
    }
    this.#changed()
  }

  #placeOf(socket: object): number {
    const place = (socket as Placed)[PLACE] ?? -1
    return this.#sockets[place] === socket ? place : -1
  }
}
