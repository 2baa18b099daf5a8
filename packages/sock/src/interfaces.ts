/**
 * What sockets have in common, whatever they are made of: handlers and agents, of TCP and of Unix.
 */
import type { IVHalfClose, VFailure, VSocketPeer, VUnixSocketPeer } from '@vio/io'
import type { IVReactorObject } from '@vio/reactor'
import type { VConnectTarget, VConnectToOptions } from './connecting.js'

/** Called when both directions of a socket are closed. */
export type VCloseCallback = () => void

/** A socket that belongs to a reactor and can be closed. */
export interface IVSocket extends IVReactorObject {
  /** True once both directions are closed. */
  readonly closed: boolean
  /** Which direction may close alone; read at each close. @throws TypeError when set to something else than a policy */
  halfClosePolicy: IVHalfClose
  /** Closes both directions. Idempotent. Returns true if both are closed afterwards. */
  closeIO(reason: VFailure): boolean
}

/** A socket that is or can be connected. */
export interface IVClientSocket extends IVSocket {
  /** The other side, or null. */
  readonly peer: VSocketPeer | null
  /** This side's address, or null. */
  readonly localPeer: VSocketPeer | null
  /** True once it was connected, also after it closed. */
  readonly wasConnected: boolean
  /** Connects to a target; the promise is true once there is a connection, false if there will be none. */
  connectTo(target: VConnectTarget, options?: VConnectToOptions): Promise<boolean>
  /** Closes the input, and the output with it as the policy says. Returns true if it is closed afterwards. */
  closeInput(reason: VFailure): boolean
  /** Closes the output, and the input with it as the policy says. Returns true if it is closed afterwards. */
  closeOutput(reason: VFailure): boolean
  /** Drops the connection at once: what waits is lost, and the other side sees a reset where there is such a thing. */
  reset(reason?: VFailure): void
}

/** A TCP socket. */
export interface IVTCPSocket extends IVClientSocket {
  /** Whether small writes are sent at once: what was set last, as Node cannot be asked. By default true. */
  noDelay: boolean
  /** Whether a silent peer is asked if it is there: what was set last, as Node cannot be asked. By default false. */
  keepAlive: boolean
}

/** A Unix socket. */
export interface IVUnixSocket extends IVClientSocket {
  readonly peer: VUnixSocketPeer | null
}
