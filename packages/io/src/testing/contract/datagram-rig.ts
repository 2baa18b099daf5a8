/**
 * What the contract of datagram ports needs of those who run it: ports of their kind, and a way to wait.
 */
import type { IVDatagramPort } from '../../datagram.js'

/** Two ports that reach each other. */
export interface IVDatagramPair {
  /** One port. */
  readonly a: IVDatagramPort
  /** The other one. */
  readonly b: IVDatagramPort
}

/** Ports of one kind, ready for a case. */
export interface IVDatagramRig {
  /** Two ports that are not connected. `queueBytes`: what the second one holds for its user, where that can be said. */
  pair(options?: { readonly queueBytes?: number }): IVDatagramPair | Promise<IVDatagramPair>
  /** A port that is connected to another one, which is not connected; absent if there are no such of this kind. */
  connected?(): IVDatagramPair | Promise<IVDatagramPair>
  /** Waits until `done`; rejects if that takes too long. */
  until(done: () => boolean): Promise<void>
  /** Waits until nothing happens any more. */
  quiet(): Promise<void>
  /** Releases all it made. */
  close(): void | Promise<void>
}

/** Makes a rig. */
export type VDatagramPortFactory = () => IVDatagramRig
