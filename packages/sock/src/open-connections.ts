/**
 * The connections that a listener has handed out and that are open, and what became of them.
 *
 * Decides nothing; it is told of the end of each by its socket. Invariant: a connection is in the list from when it is
 * added until its socket is gone.
 */
import type { IVSocket } from './interfaces.js'
import type { SocketGone } from './socket-links.js'
import { onceGone, type VStreamSocket } from './stream-socket.js'

/** One connection. */
export class OpenConnection implements SocketGone {
  readonly socket: VStreamSocket
  client: IVSocket | null = null
  /** Where it is in the list. */
  place: number
  readonly #list: OpenConnections

  constructor(socket: VStreamSocket, place: number, list: OpenConnections) {
    this.socket = socket
    this.place = place
    this.#list = list
  }

  socketGone(): void {
    this.#list.left(this)
  }
}

/** The connections of one listener. */
export class OpenConnections {
  readonly #all: OpenConnection[] = []
  readonly #changed: () => void

  /** @param changed called after one has left */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  /** How many there are. */
  get size(): number {
    return this.#all.length
  }

  /** All that there are now. */
  get list(): readonly OpenConnection[] {
    return [...this.#all]
  }

  add(socket: VStreamSocket): OpenConnection {
    const connection = new OpenConnection(socket, this.#all.length, this)
    this.#all.push(connection)
    onceGone(socket, connection)
    return connection
  }

  /** For a connection whose socket is gone: the last one takes its place. */
  left(connection: OpenConnection): void {
    if (this.#all[connection.place] !== connection) return
    const last = this.#all.pop()
    if (last !== undefined && last !== connection) {
      last.place = connection.place
      this.#all[last.place] = last
    }
    this.#changed()
  }
}
