/**
 * `VPipeBase`, `VPipeReader`, `VPipeWriter`: pipes for code that reads and writes by itself, without a chain.
 *
 * Decides in which turns `doRead` and `doWrite` are called, and what closes together: a reader and a writer that were
 * made peers follow the half-close policy of the one that closes. What is read or written is the subclass's affair.
 * Invariant: each closes once, and its descriptor is closed by it alone.
 */
import {
  type IVHalfClose,
  type IVSelectableInput,
  type IVSelectableOutput,
  isHalfClose,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VHalfClose,
  VIOCompleted,
  VIOError,
  VIOLost,
  VPipePeer,
} from '@vio/io'
import type { IVReactor, IVReactorObject, IVTask, VLogger } from '@vio/reactor'
import { checkSize } from './end-options.js'
import { pipeDevice } from './pipe-agent.js'
import type { IVDescriptor, IVDescriptorDevice } from './types.js'

/** Options of `VPipeReader` and `VPipeWriter`. */
export interface VPipeOptions {
  /** What closes with what, once there is a peer. By default either closes alone. */
  readonly halfClosePolicy?: IVHalfClose
  /** Called once when the descriptor was closed. What it throws is logged. */
  readonly closeCallback?: () => void
  /** The most bytes that one call of the system moves. By default 65,536. */
  readonly chunkBytes?: number
  /** False to do without native where it is there. By default it is used. */
  readonly native?: boolean
}

/** What readers and writers of pipes have in common. */
export abstract class VPipeBase implements IVDescriptor, IVReactorObject, IVTask {
  readonly reactor: IVReactor
  /** Moves the bytes. */
  protected readonly device: IVDescriptorDevice
  #policy: IVHalfClose
  #posted = false
  #isActive = false
  #closed: VFailure | null = null

  /** @throws VDescriptorError if `fd` is no open pipe for this direction, TypeError if an option is of the wrong kind */
  constructor(reactor: IVReactor, fd: number, use: 'read' | 'write', options: VPipeOptions) {
    this.#policy = checkPolicy(options.halfClosePolicy ?? new VHalfClose())
    checkSize('chunkBytes', options.chunkBytes)
    this.reactor = reactor
    this.device = pipeDevice(reactor, fd, use, {
      ...(options.chunkBytes === undefined
        ? {}
        : { maxReadBytes: options.chunkBytes, maxWriteBytes: options.chunkBytes }),
      ...(options.native === undefined ? {} : { native: options.native }),
    })
    this.device.onReleased(() => this.#tellClosed(options.closeCallback))
    this.device.onReady(() => this.wake())
  }

  /** The descriptor; -1 once it was closed. */
  fileno(): number {
    return this.device.fd
  }

  /** The reactor's logger. */
  get log(): VLogger {
    return this.reactor.log
  }

  /** This pipe and the one it was given as a peer. */
  abstract get peer(): VPipePeer

  /** Which direction may close alone. Read at the next close. */
  get halfClosePolicy(): IVHalfClose {
    return this.#policy
  }

  set halfClosePolicy(policy: IVHalfClose) {
    this.#policy = checkPolicy(policy)
  }

  /** True once it was closed. */
  get closed(): boolean {
    return this.#closed !== null
  }

  /** Closes this pipe, and the one it was given as a peer. Idempotent. */
  abstract closeIO(reason: VFailure): boolean

  /** Closes cleanly, see `closeIO`. */
  [Symbol.dispose](): void {
    this.closeIO(new VFIOCompleted())
  }

  /** Called by the reactor. */
  runTask(): void {
    this.#posted = false
    if (!this.#isActive || !this.isReady()) return
    try {
      this.act()
    } catch (error) {
      this.log.error('a pipe handler failed', error)
      this.closeOwn(new VFIOLost(new VIOLost('a pipe handler failed', { cause: error })))
    }
    this.wake()
  }

  /** Why it was closed; null while it is open. */
  protected get closeReason(): VFailure | null {
    return this.#closed
  }

  /** True if the handler would find something to do, an end included. */
  protected abstract isReady(): boolean
  /** Calls the handler. */
  protected abstract act(): void
  /** Closes this direction, with what the policy closes too. */
  protected abstract closeOwn(reason: VFailure): boolean

  /** Begins or ends the calls of the handler. */
  protected setActive(isActive: boolean): void {
    this.#isActive = isActive && this.#closed === null
    if (this.#isActive) this.wake()
  }

  /** Marks it as closed. Returns false if it was. */
  protected markClosed(reason: VFailure): boolean {
    if (this.#closed !== null) return false
    this.#closed = reason
    this.#isActive = false
    return true
  }

  /** Asks for a turn if there is something to do. */
  protected wake(): void {
    if (this.#posted || !this.#isActive || !this.isReady()) return
    this.#posted = true
    this.reactor.post(this)
  }

  #tellClosed(callback: (() => void) | undefined): void {
    try {
      callback?.()
    } catch (error) {
      this.log.error('a close callback failed', error)
    }
  }
}

/** Reads a pipe by itself. Override `doRead`, call `readSome` in it, and `startReading` to begin. */
export abstract class VPipeReader extends VPipeBase implements IVSelectableInput {
  #writer: VPipeWriter | null = null

  constructor(reactor: IVReactor, fd: number, options: VPipeOptions = {}) {
    super(reactor, fd, 'read', options)
  }

  /** Called in a turn while it reads and there are bytes, or an end, to be read. */
  abstract doRead(): void

  get peer(): VPipePeer {
    return new VPipePeer(this.fileno(), this.#writer?.fileno() ?? -1)
  }

  /**
   * Names the writer that closes with this reader, as the policies say; null for none. Counts both ways.
   *
   * @throws VIOError if it is no writer of a pipe
   */
  setPipePeer(peer: VPipeWriter | null): void {
    if (peer !== null && !(peer instanceof VPipeWriter))
      throw new VIOError('the peer of a pipe reader is a pipe writer')
    if (this.#writer === peer) return
    const before = this.#writer
    this.#writer = peer
    before?.setPipePeer(null)
    peer?.setPipePeer(this)
  }

  readSome(maxBytes: number): Buffer {
    if (!Number.isInteger(maxBytes) || maxBytes < 1)
      throw new RangeError(`a read asks for a whole number of bytes from 1 on, got ${String(maxBytes)}`)
    if (this.closeReason !== null) throw endError(this.closeReason)
    if (!this.device.readable && this.device.inputEnd !== null) throw endError(this.device.inputEnd)
    return this.device.readSome(maxBytes)
  }

  startReading(): void {
    this.setActive(true)
  }

  stopReading(): void {
    this.setActive(false)
  }

  closeInput(reason: VFailure): boolean {
    if (!this.markClosed(reason)) return true
    this.device.close(reason)
    if (!this.halfClosePolicy.halfIn) this.#writer?.closeOutput(reason)
    return true
  }

  closeIO(reason: VFailure): boolean {
    const writer = this.#writer
    this.closeInput(reason)
    writer?.closeOutput(reason)
    return true
  }

  protected isReady(): boolean {
    return this.device.readable || this.device.inputEnd !== null
  }

  protected act(): void {
    this.doRead()
  }

  protected closeOwn(reason: VFailure): boolean {
    return this.closeInput(reason)
  }
}

/** Writes a pipe by itself. Override `doWrite`, call `writeSome` in it, and `startWriting` to begin. */
export abstract class VPipeWriter extends VPipeBase implements IVSelectableOutput {
  #reader: VPipeReader | null = null

  constructor(reactor: IVReactor, fd: number, options: VPipeOptions = {}) {
    super(reactor, fd, 'write', options)
  }

  /** Called in a turn while it writes and the pipe takes bytes, or has lost its reader. */
  abstract doWrite(): void

  get peer(): VPipePeer {
    return new VPipePeer(this.#reader?.fileno() ?? -1, this.fileno())
  }

  /**
   * Names the reader that closes with this writer, as the policies say; null for none. Counts both ways.
   *
   * @throws VIOError if it is no reader of a pipe
   */
  setPipePeer(peer: VPipeReader | null): void {
    if (peer !== null && !(peer instanceof VPipeReader))
      throw new VIOError('the peer of a pipe writer is a pipe reader')
    if (this.#reader === peer) return
    const before = this.#reader
    this.#reader = peer
    before?.setPipePeer(null)
    peer?.setPipePeer(this)
  }

  writeSome(data: Uint8Array): number {
    const end = this.closeReason ?? this.device.outputEnd
    if (end !== null) throw endError(end)
    return this.device.writeSome(data)
  }

  startWriting(): void {
    this.setActive(true)
  }

  stopWriting(): void {
    this.setActive(false)
  }

  closeOutput(reason: VFailure): boolean {
    if (!this.markClosed(reason)) return true
    this.device.close(reason)
    if (!this.halfClosePolicy.halfOut) this.#reader?.closeInput(reason)
    return true
  }

  closeIO(reason: VFailure): boolean {
    const reader = this.#reader
    this.closeOutput(reason)
    reader?.closeInput(reason)
    return true
  }

  protected isReady(): boolean {
    return this.device.writable || this.device.outputEnd !== null
  }

  protected act(): void {
    this.doWrite()
  }

  protected closeOwn(reason: VFailure): boolean {
    return this.closeOutput(reason)
  }
}

function checkPolicy(policy: IVHalfClose): IVHalfClose {
  if (isHalfClose(policy)) return policy
  throw new TypeError('a half-close policy has the flags halfIn and halfOut')
}

/** The error that reading or writing after the end throws. */
function endError(end: VFailure): Error {
  if (end.value instanceof VIOCompleted || end.value instanceof VIOLost) return end.value
  if (end instanceof VFIOCompleted) return new VIOCompleted('the end was reached')
  return end.value instanceof VIOError ? end.value : new VIOLost(end.value.message, { cause: end.value })
}
