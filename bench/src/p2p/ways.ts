/**
 * What each way of getting a file to somebody else is to the bench: something that can be made ready, and then moves the
 * file by commands of its own, from the start of the first to the end of the last.
 */

/** The file that is moved, and where it is to arrive. */
export interface Cargo {
  readonly from: string
  /** An empty folder for each run. */
  readonly toFolder: string
  /** The name that the file has to have there. */
  readonly name: string
}

/** One way. */
export interface Way {
  readonly name: string
  /** How often a run is tried that fails. By default once. */
  readonly tries?: number
  /** Why it cannot be tried on this machine. */
  missing(): string | undefined
  /** Starts what has to be there before and stands by until the bench ends: a relay, a daemon. */
  start(): Promise<void>
  /** Moves the file, with processes of its own, to the end of all of them. */
  move(cargo: Cargo): Promise<void>
}
