/**
 * The contract that all datagram parts share: what is told to them, what is polled from them.
 *
 * A machine turns datagrams and time into datagrams and events. It decides nothing about sockets, clocks or turns;
 * whoever drives it (the pump on a real socket, the simulator) passes the time in and carries the datagrams.
 * Invariants: a machine never throws for what a peer sent, never keeps memory without bound for a peer, and what it
 * wants is only what the polls say: after any call, poll for datagrams, for events and for the next due time.
 */
import type { VIPSocketPeer, VTransmitBatch } from '@vio/io'

/** One datagram protocol part, without sockets, clocks or waiting. `E` is what it tells. */
export interface IVMachine<E> {
  /**
   * Takes one datagram. `from` is a peer value that the port gives again for the same address. `bytes` is lent until the
   * call returns and may be overwritten (it is decrypted in place); a machine copies what it keeps.
   */
  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void
  /** Does what is due at `now`. Harmless when called early. */
  handleTimeout(now: number): void
  /**
   * Encodes what may leave now into `batch`: begins it anew for one peer and commits segments. Returns false, with nothing
   * in the batch, if there is nothing (more) to send; send the batch and call it again while it returns true. What it
   * encoded counts as sent, so a batch that the port refuses has to be kept and sent later.
   */
  pollTransmit(now: number, batch: VTransmitBatch): boolean
  /** When `handleTimeout` is to be called next, in milliseconds of the same clock; Infinity for never. */
  pollTimeout(): number
  /** The oldest event that was not fetched yet, undefined if there is none. */
  pollEvent(): E | undefined
  /**
   * Something has left, and nothing is to be done until an answer comes: what that will take anyway may be done now. What
   * the polls say stays as it is.
   */
  prepare?(): void
}
