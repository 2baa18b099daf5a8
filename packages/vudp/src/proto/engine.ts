/**
 * What an application's side may do with a VUT connection, whichever version it speaks.
 *
 * Both engines (VUT 0.8 and VUT/1) offer this, so that one device and one transport fit both. Nothing here has
 * behaviour. Invariant: nothing in it takes or tells the time. Calls change what the machine wants; afterwards the
 * caller polls it as after any other call.
 */
import type { VFailure, VIPSocketPeer } from '@vio/io'
import type { IVMachine } from '../machine.js'
import type { VUDPStats } from './stats.js'

/** One reliable stream in both directions, in the terms of a byte device. */
export interface IVUDPStream {
  /** The number of the stream; 0 is the one that is there from the start. */
  readonly id: number
  /** True if `readSome` would return bytes. */
  readonly readable: boolean
  /** Why no more will come once every byte was read: `VFIOCompleted` after a clean end, else another reason. Null before. */
  readonly inputEnd: VFailure | null
  /** Takes up to `maxBytes` of what has arrived in order; the memory is the caller's. Empty when there is nothing. */
  readSome(maxBytes: number): Buffer
  /** False if the peer is to hear nothing of what was read: who has only read need not poll the machine then. */
  readonly owesNews: boolean
  /** True if `writeSome` would take bytes: connected, not ended, and less is held than the send buffer may hold. */
  readonly writable: boolean
  /** Why the output is over, or null. Set by `finish` and `reset`, by the peer, and by the end of the connection. */
  readonly outputEnd: VFailure | null
  /** Bytes that `writeSome` took and that the peer has not acknowledged yet. */
  readonly unflushedBytes: number
  /** Takes bytes from the front and returns how many; the memory of those must not be written to afterwards. */
  writeSome(data: Uint8Array): number
  /** Ends the output cleanly after what was taken. Idempotent. */
  finish(): void
  /** Drops what was taken and not acknowledged, and ends the output as unclean. Idempotent. */
  reset(): void
  /** Gives the input up: what arrives is dropped, and the peer is told where the version can. Idempotent. */
  stop(): void
}

/** What an engine tells. An object of the kind `stream-changed` may be given again; look at it at once. */
export type VUDPEvent =
  /** The peer has proved itself; data may pass from now on. */
  | { readonly type: 'connected'; readonly peer: VIPSocketPeer }
  /** `readable`, `writable` or an end of the stream may have changed. */
  | { readonly type: 'stream-changed'; readonly stream: IVUDPStream }
  /** The peer opened a stream. */
  | { readonly type: 'stream-opened'; readonly stream: IVUDPStream }
  /** `openStream` may succeed again. */
  | { readonly type: 'streams-available' }
  /** An unreliable datagram arrived; the memory is the receiver's. */
  | { readonly type: 'datagram'; readonly bytes: Buffer }
  /** The peer is reached at another address from now on. */
  | { readonly type: 'peer-changed'; readonly peer: VIPSocketPeer }
  /** An address that the application had tried has answered, or has not. */
  | { readonly type: 'path-tried'; readonly peer: VIPSocketPeer; readonly answered: boolean }
  /** For three probe time-outs, and a second at least, nothing that was sent was acknowledged. Told once for each silence. */
  | { readonly type: 'path-silent'; readonly peer: VIPSocketPeer }
  /** It is over: `VFIOCompleted` if both directions ended cleanly and arrived. Transmission may still linger. */
  | { readonly type: 'closed'; readonly reason: VFailure }

/** Hooks of an engine: questions and notices that have to be answered or heard at once. All are optional. */
export interface VUDPHooks {
  /** Says whether a peer that has proved itself may connect; `userData` is what it sent along. By default yes. */
  canConnect?(peer: VIPSocketPeer, userData: Uint8Array): boolean
  /** A datagram from an address that has no part in this connection was dropped. `bytes` is lent. */
  invalidPeer?(from: VIPSocketPeer, bytes: Uint8Array): void
  /** A datagram whose check failed was dropped. `bytes` is lent, and may have been overwritten. */
  invalidMac?(from: VIPSocketPeer, bytes: Uint8Array): void
  /** Datagrams that carry this connection id or token belong to this connection from now on. `id` is lent. */
  idAdded?(id: Uint8Array): void
  /** The connection id is no longer used. `id` is lent. */
  idRemoved?(id: Uint8Array): void
}

/** A VUT connection without a socket. */
export interface IVUDPEngine extends IVMachine<VUDPEvent> {
  /** The version: 'vut/1' or 'vut/0.8'. */
  readonly version: string
  /** True once the peer has proved itself. Stays so. */
  readonly connected: boolean
  /** Why it is over, or null. */
  readonly closed: VFailure | null
  /** True once nothing will be sent nor due any more, and the machine can be dropped. */
  readonly drained: boolean
  /** Where the peer is reached. */
  readonly peer: VIPSocketPeer
  /** The stream that is there from the start. */
  readonly stream: IVUDPStream
  /** Opens another stream; null if the peer allows none now, or the version has one stream only. */
  openStream(): IVUDPStream | null
  /** Sends bytes that may be lost. Returns false if they cannot be sent (too large, not offered, too many waiting). */
  sendDatagram(bytes: Uint8Array): boolean
  /**
   * Ends the connection. After a `VFIOCompleted` what was taken is delivered first and ends cleanly; after another
   * reason it is dropped and the peer is told so. Idempotent; a later unclean reason cuts a clean end short.
   */
  close(reason: VFailure): void
  /** The local address may have changed: the path is tried anew. Without effect where the version cannot. */
  localAddressChanged(): void
  /** What was counted so far. A new object. */
  stats(): VUDPStats
}
