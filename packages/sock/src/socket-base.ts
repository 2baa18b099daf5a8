/**
 * `VSocketBase`: what every socket with handlers has, connected or listening.
 *
 * Decides in which order a socket comes to life (enabled, connected, active) and how its directions close together. What
 * it does when it is ready is the subclass's. Invariants: each direction closes once; the close callback runs once, when
 * both have; a state is entered once, and never left but by closing.
 */
import type { Socket } from 'node:net'
import {
  type IVHalfClose,
  isHalfClose,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VHalfClose,
  VIOError,
  VIOLost,
} from '@vio/io'
import type { IVReactor, IVSelectable, IVStreamHandle, VLogger } from '@vio/reactor'
import { createNativeSocket } from './address.js'
import { describeValue } from './describe.js'
import type { IVSocket, VCloseCallback } from './interfaces.js'
import { createTCPPair } from './native-pair.js'

/** Options of every socket with handlers. */
export interface VSocketOptions {
  /** Which direction may close alone. By default both. */
  readonly halfClosePolicy?: IVHalfClose
  /** Called once when both directions are closed. What it throws is logged. */
  readonly closeCallback?: VCloseCallback
}

/** The common ground of sockets with handlers. */
export abstract class VSocketBase implements IVSocket, IVSelectable {
  readonly reactor: IVReactor
  readonly #closeCallback: VCloseCallback | undefined
  #policy: IVHalfClose
  #inputClosed = false
  #outputClosed = false
  #enabled = false
  #connected = false
  #active = false

  /** @throws TypeError without a reactor or with something else than a half-close policy */
  constructor(reactor: IVReactor, options: VSocketOptions = {}) {
    if (typeof reactor?.schedule !== 'function') {
      throw new TypeError(`a socket needs a reactor, got ${describeValue(reactor)}`)
    }
    this.reactor = reactor
    this.#policy = checkPolicy(options.halfClosePolicy ?? new VHalfClose())
    this.#closeCallback = options.closeCallback
  }

  /** A socket that is not connected: half-open allowed, paused, with a listener for its errors. */
  static createNative(): Socket {
    return createNativeSocket()
  }

  /** Two sockets that are connected to each other, known to nobody else. @throws (rejects) VSocketError */
  static createNativePair(): Promise<[Socket, Socket]> {
    return createTCPPair()
  }

  /** Node's socket or server under it; null where there is none yet. */
  abstract get sock(): unknown

  /** What a reactor watches; -1 once closed. @throws VIOError if there is no socket yet */
  fileno(): number | IVStreamHandle {
    if (this.closed) return -1
    const handle = this.watched()
    if (handle === null) throw new VIOError('there is no socket yet: connect or bind it first')
    return handle
  }

  /** The reactor's logger. */
  get log(): VLogger {
    return this.reactor.log
  }

  get closed(): boolean {
    return this.#inputClosed && this.#outputClosed
  }

  /** True once the input is closed. */
  get inputClosed(): boolean {
    return this.#inputClosed
  }

  /** True once the output is closed. */
  get outputClosed(): boolean {
    return this.#outputClosed
  }

  get halfClosePolicy(): IVHalfClose {
    return this.#policy
  }

  set halfClosePolicy(policy: IVHalfClose) {
    this.#policy = checkPolicy(policy)
  }

  /** True once it is or was connected. */
  get wasConnected(): boolean {
    return this.#connected
  }

  /** True once its handlers may read and write. */
  get active(): boolean {
    return this.#active
  }

  /** Closes the input; everything if the output is closed, or the policy does not let the input close alone. */
  closeInput(reason: VFailure): boolean {
    if (this.#inputClosed) return true
    if (this.#outputClosed || !this.#policy.halfIn) return this.closeIO(reason)
    this.#inputClosed = true
    this.releaseInput(reason)
    return true
  }

  /**
   * Closes the output; everything if the input is closed, it was never connected, or the policy does not let the output
   * close alone.
   */
  closeOutput(reason: VFailure): boolean {
    if (this.#outputClosed) return true
    if (this.#inputClosed || !this.wasConnected || !this.#policy.halfOut) return this.closeIO(reason)
    this.#outputClosed = true
    this.releaseOutput(reason)
    return true
  }

  closeIO(reason: VFailure): boolean {
    if (this.closed) return true
    const [input, output] = [!this.#inputClosed, !this.#outputClosed]
    this.#inputClosed = true
    this.#outputClosed = true
    if (input) this.releaseInput(reason)
    if (output) this.releaseOutput(reason)
    this.release(reason)
    this.guard('a close callback', () => this.#closeCallback?.())
    return true
  }

  /** Closes cleanly, see `closeIO`. */
  [Symbol.dispose](): void {
    this.closeIO(new VFIOCompleted())
  }

  /** What a reactor is to watch; null while there is no socket. */
  protected abstract watched(): IVStreamHandle | null
  /** The input was closed: takes its part of the socket down. */
  protected abstract releaseInput(reason: VFailure): void
  /** The output was closed: takes its part of the socket down. */
  protected abstract releaseOutput(reason: VFailure): void
  /** Both directions are closed: lets the socket go. */
  protected abstract release(reason: VFailure): void

  /** There is a socket. */
  protected sockWasEnabled(): void {}
  /** There is a connection. */
  protected sockWasConnected(): void {}
  /** Whether to go on with the connection; false closes it as lost. */
  protected sockConcludeConnect(): boolean {
    return true
  }
  /** Whether something has to be done over the connection first, such as a handshake. By default not. */
  protected sockNeedsActivation(): boolean {
    return false
  }
  /** Whether to go on after activation; false closes as lost. */
  protected sockConcludeActivation(): boolean {
    return true
  }
  /** Reading and writing may begin. */
  protected sockActivated(): void {}

  /** Enters the first state. Does nothing the second time. */
  protected setSockEnabled(): void {
    if (this.#enabled || this.closed) return
    this.#enabled = true
    this.guard('sockWasEnabled', () => this.sockWasEnabled())
  }

  /** Enters the second state, and the third unless activation is needed. Does nothing the second time. */
  protected setSockConnected(): void {
    if (this.#connected || this.closed) return
    this.#connected = true
    this.guard('sockWasConnected', () => this.sockWasConnected())
    if (!this.#agreed('sockConcludeConnect', () => this.sockConcludeConnect())) return
    if (!this.closed && !this.sockNeedsActivation()) this.setSockActive()
  }

  /** Enters the last state: a subclass that needs activation calls it when that is done. Does nothing the second time. */
  protected setSockActive(): void {
    if (this.#active || !this.#connected || this.closed) return
    if (!this.#agreed('sockConcludeActivation', () => this.sockConcludeActivation()) || this.closed) return
    this.#active = true
    this.guard('sockActivated', () => this.sockActivated())
  }

  /** Runs a hook; what it throws is logged. */
  protected guard(what: string, hook: () => void): void {
    try {
      hook()
    } catch (error) {
      this.log.error(`${what} failed`, error)
    }
  }

  #agreed(what: string, hook: () => boolean): boolean {
    let answer = false
    this.guard(what, () => {
      answer = hook() === true
    })
    if (!answer) this.closeIO(new VFIOLost(new VIOLost(`${what} did not allow the connection to go on`)))
    return answer
  }
}

function checkPolicy(policy: IVHalfClose): IVHalfClose {
  if (isHalfClose(policy)) return policy
  throw new TypeError(`a half-close policy has the flags halfIn and halfOut, got ${describeValue(policy)}`)
}
