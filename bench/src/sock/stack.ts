/**
 * What the two processes of the socket bench ask of a way to program sockets: plain `node:net`, or chains of vio.
 *
 * A load is moved by one connection that stays open from run to run, and is proved by who receives it: the server answers
 * with one byte when it has counted a whole load, or with the bytes themselves.
 */

/** What a server does with a connection. */
export type Mode = 'sink' | 'echo' | 'hold' | 'end'

/** A listening server. */
export interface Served {
  readonly port: number
  /** How many connections it has taken so far. */
  accepted(): number
}

/** A connection that moves loads. */
export interface Flow {
  /** Moves `loadBytes` and returns how many have arrived at the end. */
  run(loadBytes: number): Promise<number>
}

/** How a flow writes. */
export interface FlowTerms {
  readonly port: number
  readonly chunkBytes: number
  /** Whether the server sends back what it gets. */
  readonly echo: boolean
}

/** One way to program sockets. */
export interface Stack {
  /** Listens on loopback. In mode 'sink' one byte goes back for every `loadBytes`. */
  serve(mode: Mode, loadBytes: number): Promise<Served>
  /** Connects for loads. */
  flow(terms: FlowTerms): Promise<Flow>
  /**
   * Opens a connection to a server in mode 'end', which ends its output at once, and ends it in answer. The server is the
   * first, so that the system remembers the connection at its side, where that costs no port.
   */
  cycle(port: number): Promise<void>
  /** Opens an idle connection, with all that is needed to read it and to write to it. It stays open. */
  hold(port: number): Promise<void>
}

/** What is read at once at most, and what waits to be written at most, in every stack: `maxRead` and `wbufLen`. */
export const TRANSFER_BYTES = 65_536

/** Counts what a receiver gets, up to what its run waits for. */
export class Tally {
  #received = 0
  #wanted = Number.POSITIVE_INFINITY
  #done: (bytes: number) => void = () => undefined

  /** Settles when `bytes` more have come. */
  next(bytes: number): Promise<number> {
    this.#received = 0
    this.#wanted = bytes
    return new Promise((done) => {
      this.#done = done
    })
  }

  add(bytes: number): void {
    this.#received += bytes
    if (this.#received < this.#wanted) return
    this.#wanted = Number.POSITIVE_INFINITY
    this.#done(this.#received)
  }
}
