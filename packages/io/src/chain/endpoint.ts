/**
 * `VByteEndpoint`: any byte device as the end of a chain.
 *
 * Decides when the device is read and written, what its ends and failures mean to the chains, and which directions
 * close together. The device moves the bytes; limits and attachment are the ends'. Invariants: nothing is read
 * without credit, nothing is passed on before `connected` was told, at most `bufferBytes` wait to be written, and
 * each direction is closed once.
 */
import {
  type IVReactor,
  type VFailure,
  VFIOCompleted,
  VFIOError,
  VFIOLost,
  VIOCompleted,
  VIOError,
  VIOLost,
  type VLogger,
} from '@vio/reactor'
import { askPermission, tell, VIOControl } from '../control.js'
import { type IVHalfClose, isHalfClose, VHalfClose } from '../half-close.js'
import { describeValue } from '../limit.js'
import { VPeer } from '../peer.js'
import {
  type IVAnyConsumer,
  type IVByteConsumer,
  type IVByteConsuming,
  type IVByteDevice,
  type IVByteIO,
  type IVByteProducer,
  type IVByteProducing,
  isByteDevice,
} from '../types.js'
import { type EndpointCalls, EndpointProducer } from './endpoint-ends.js'
import { EndpointOutput, errorOf } from './endpoint-output.js'
import { VByteIOPair } from './pair.js'

/** The default of `maxReadBytes` and `maxWriteBytes`. */
export const DEFAULT_TRANSFER_BYTES = 65_536

/** The policy of endpoints that were given none. */
const HALF_CLOSE: IVHalfClose = new VHalfClose()

/** Options of `VByteEndpoint`. */
export interface VEndpointOptions {
  /** The most bytes that are read in one turn. By default 65,536. */
  readonly maxReadBytes?: number
  /** The most bytes that are written in one turn. By default 65,536. */
  readonly maxWriteBytes?: number
  /** The most bytes that wait to be written. By default `maxWriteBytes`. */
  readonly bufferBytes?: number
  /** Which direction may close alone. By default both. */
  readonly halfClosePolicy?: IVHalfClose
}

/** A device as a consumer of what it writes and a producer of what it reads. */
export class VByteEndpoint implements IVByteIO, IVByteConsuming, IVByteProducing {
  readonly reactor: IVReactor
  /** The device. It belongs to the endpoint: nobody else reads, writes or closes it. */
  readonly device: IVByteDevice
  /** The most bytes that wait to be written. */
  readonly bufferBytes: number
  readonly #maxReadBytes: number
  readonly #producer: EndpointProducer<VByteEndpoint>
  readonly #output: EndpointOutput<VByteEndpoint>
  #pair: VByteIOPair | undefined
  /** The turn was asked for. */
  #posted = false
  /** What it is to do. */
  #readDue = false
  #tellDue = false
  #policy: IVHalfClose
  #reading = false
  #wasConnected: boolean
  #connecting = false
  /** The consumer that was told `connected`; no other gets data. */
  #told: IVByteConsumer | null = null
  #inputClosed: VFailure | null = null

  static readonly #calls: EndpointCalls<VByteEndpoint> = {
    wanted: (endpoint) => endpoint.startReading(),
    attached: (endpoint) => endpoint.#inputAttached(),
    detached: (endpoint) => {
      endpoint.#told = null
      endpoint.stopReading()
      endpoint.inputDetached()
    },
    aborted: (endpoint, reason) => {
      if (endpoint.#inputClosed !== null) return
      endpoint.closeInput(new VFIOLost(reason ?? new VIOLost('the input was aborted')))
    },
    control: (endpoint) => endpoint.#producerControl(),
    turn: (endpoint) => endpoint.#turn(),
    mayWrite: (endpoint) => endpoint.#wasConnected || endpoint.#connecting,
    write: (endpoint) => {
      try {
        endpoint.doWrite()
      } catch (error) {
        endpoint.closeOutput(endpoint.#failure('writing', error))
      }
    },
    outputFinished: (endpoint, reason) => endpoint.#outputFinished(reason),
    outputLost: (endpoint, reason) => endpoint.log.warn('the output was lost', reason),
  }

  /** @throws TypeError without a reactor or a device, RangeError for a size below 1 */
  constructor(reactor: IVReactor, device: IVByteDevice, options: VEndpointOptions = {}) {
    if (!isByteDevice(device))
      throw new TypeError(`an endpoint needs a byte device, got ${describeValue(device)}`)
    const maxWriteBytes = sizeOption('maxWriteBytes', options.maxWriteBytes ?? DEFAULT_TRANSFER_BYTES)
    this.#maxReadBytes = sizeOption('maxReadBytes', options.maxReadBytes ?? DEFAULT_TRANSFER_BYTES)
    this.bufferBytes = sizeOption('bufferBytes', options.bufferBytes ?? maxWriteBytes)
    this.#policy = checkPolicy(options.halfClosePolicy ?? HALF_CLOSE)
    this.reactor = reactor
    this.device = device
    this.#producer = new EndpointProducer<VByteEndpoint>(reactor, this, VByteEndpoint.#calls)
    this.#output = new EndpointOutput<VByteEndpoint>(reactor, this, VByteEndpoint.#calls, maxWriteBytes)
    this.#producer.joinReverse(this.#output)
    this.#output.joinReverse(this.#producer)
    this.#wasConnected = device.connected
    this.#connecting = device.connecting === true
    device.onReady(() => this.#deviceChanged())
  }

  /** Takes what the device is to write. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return this.#output
  }

  /** Gives what the device reads. The same object on every access. */
  get byteProduce(): IVByteProducer {
    return this.#producer
  }

  /** Both as a pair. The same object on every access. */
  get byteIO(): VByteIOPair {
    this.#pair ??= new VByteIOPair(this.#output, this.#producer)
    return this.#pair
  }

  /** The reactor's logger. */
  get log(): VLogger {
    return this.reactor.log
  }

  /** The other side, or null. */
  get peer(): VPeer | null {
    return this.device.peer
  }

  /** True once the device was connected, also after it closed. */
  get wasConnected(): boolean {
    return this.#wasConnected
  }

  /** True once both directions are closed. */
  get closed(): boolean {
    return this.#inputClosed !== null && this.#output.closedBy !== null
  }

  /** Bytes that wait to be written. */
  get bufferedBytes(): number {
    return this.#output.bufferedBytes
  }

  get halfClosePolicy(): IVHalfClose {
    return this.#policy
  }

  set halfClosePolicy(policy: IVHalfClose) {
    this.#policy = checkPolicy(policy)
  }

  /**
   * Starts to connect the device, if the chain allows it: `canConnect(peer)` is asked first. Returns false if it was
   * denied; the endpoint is then closed as lost. The outcome of the attempt reaches the chain as `connected` or as an
   * unclean end.
   *
   * @throws VIOError if the device cannot connect, or was connected, or is closed; TypeError if `peer` is no peer; what
   *   the device throws because it cannot connect to such a peer
   */
  connect(peer: VPeer): boolean {
    if (!(peer instanceof VPeer))
      throw new TypeError(`an endpoint connects to a peer, got ${describeValue(peer)}`)
    if (this.device.connect === undefined) throw new VIOError('this device cannot connect by itself')
    if (this.#connecting || this.#wasConnected)
      throw new VIOError('connect was called before; use a new endpoint')
    if (this.closed) throw new VIOError('this endpoint is closed; use a new one')
    this.#connecting = true
    if (!this.#mayConnect(peer)) {
      this.closeIO(new VFIOLost(new VIOLost(`the chain did not allow a connection to ${String(peer)}`)))
      return false
    }
    try {
      this.device.connect(peer)
    } catch (error) {
      this.#connecting = false
      throw error
    }
    return true
  }

  /** Says whether a connection may be tried. By default asks the chain; yes if nobody answers. */
  protected canConnect(peer: VPeer): boolean {
    const control = this.#producer.consumer?.control
    const terms = { fallback: true, failed: (error: unknown) => this.#refusedBy(error) }
    return control === undefined || askPermission(control, 'canConnect', terms, peer)
  }

  /** A consumer was attached to the input, which has not ended. By default nothing is to be done. */
  protected inputAttached(): void {}

  /** The consumer of the input was detached. By default nothing is to be done. */
  protected inputDetached(): void {}

  /** A consumer asked for the state: tells it, in a turn. By default `connected`, if it is or was so. */
  protected tellState(consumer: IVAnyConsumer): void {
    this.#tell(consumer)
  }

  #mayConnect(peer: VPeer): boolean {
    try {
      return this.canConnect(peer) === true
    } catch (error) {
      this.#refusedBy(error)
      return false
    }
  }

  #refusedBy(error: unknown): void {
    this.log.error('canConnect failed, which counts as no', error)
  }

  readSome(maxBytes: number): Buffer {
    if (!Number.isInteger(maxBytes) || maxBytes < 1) {
      throw new RangeError(
        `a read asks for a whole number of bytes from 1 on, got ${describeValue(maxBytes)}`,
      )
    }
    if (!this.#wasConnected) throw new VIOError('the device is not connected yet')
    if (this.#inputClosed !== null) throw endError(this.#inputClosed)
    if (!this.device.readable && this.device.inputEnd !== null) throw endError(this.device.inputEnd)
    return this.device.readSome(maxBytes)
  }

  writeSome(data: Uint8Array): number {
    if (!this.#wasConnected) throw new VIOError('the device is not connected yet')
    const end = this.#output.closedBy ?? this.device.outputEnd
    if (end !== null) throw endError(end)
    return this.device.writeSome(data)
  }

  startReading(): void {
    if (this.#inputClosed !== null) return
    this.#reading = true
    this.#wakeReader()
  }

  stopReading(): void {
    this.#reading = false
  }

  startWriting(): void {
    this.#output.startWriting()
  }

  stopWriting(): void {
    this.#output.stopWriting()
  }

  /** Reads once and passes the bytes on, as far as the limit goes; at the end of the input, tells the end. */
  doRead(): void {
    this.#producer.givePending()
    if (this.#inputClosed !== null) return
    const credit = this.#producer.credit
    const waits = this.#producer.pendingBytes > 0
    if (!waits && !this.device.readable) {
      if (this.device.inputEnd !== null) this.closeInput(this.device.inputEnd)
      return
    }
    if (credit <= 0) this.stopReading()
    if (credit <= 0 || waits) return
    const data = this.device.readSome(Math.min(credit, this.#maxReadBytes))
    if (data.length > 0) this.#producer.give(data)
  }

  /** Writes what waits, as far as the device takes it, and grants the producer what fits again. */
  doWrite(): void {
    this.#output.writeBuffered()
  }

  /**
   * Closes the input, and the output with it if the policy does not let the input close alone. What waits to be written
   * is treated as by `closeOutput`. Once both directions are closed the device is released.
   */
  closeInput(reason: VFailure): boolean {
    if (this.#inputClosed !== null) return true
    this.#endInput(reason)
    if (this.#output.closedBy === null && !this.#policy.halfIn) this.#endOutput(reason)
    this.#releaseIfDone()
    return true
  }

  /**
   * Takes no more to write, and closes the output: after a clean reason once what waits is written, after any other at
   * once, dropping it. The input closes with it if the policy does not let the output close alone, or the device was
   * never connected. Once both directions are closed the device is released.
   */
  closeOutput(reason: VFailure): boolean {
    this.#endOutput(reason)
    return true
  }

  /** Closes both directions: after a clean reason what waits is still written, after any other it is dropped. */
  closeIO(reason: VFailure): boolean {
    this.#endOutput(reason)
    if (this.#inputClosed === null) this.#endInput(reason)
    this.#releaseIfDone()
    return true
  }

  /** Closes cleanly, see `closeIO`. */
  [Symbol.dispose](): void {
    this.closeIO(new VFIOCompleted())
  }

  #endInput(reason: VFailure): void {
    // Bytes that were read and not taken are missing from what was passed on.
    const clean = reason instanceof VFIOCompleted && this.#producer.pendingBytes === 0
    this.#inputClosed = reason
    this.#reading = false
    this.device.closeInput(reason)
    if (this.#producer.consumer !== null) this.#producer.giveEnd(clean, errorOf(reason))
  }

  #endOutput(reason: VFailure): void {
    if (reason instanceof VFIOCompleted) this.#output.close(reason)
    else this.#output.drop(reason)
  }

  /** Releases the device once both directions are through: how the output ended decides whether it is a clean end. */
  #releaseIfDone(): void {
    if (this.#inputClosed === null || !this.#output.finished) return
    this.device.close(this.#output.closedBy ?? this.#inputClosed)
  }

  #outputFinished(reason: VFailure): void {
    const isAlone = this.#wasConnected || this.device.connecting === true
    const closesAll = !this.#policy.halfOut || !isAlone
    if (this.#inputClosed === null && closesAll) this.#endInput(reason)
    this.#releaseIfDone()
  }

  #producerControl(): VIOControl {
    return new VIOControl({
      reqProducerState: (consumer: IVAnyConsumer) => {
        this.reactor.schedule(0, () => this.tellState(consumer))
      },
    })
  }

  #inputAttached(): void {
    if (this.#inputClosed === null) {
      this.#postTell()
      this.inputAttached()
      return
    }
    const reason = errorOf(this.#inputClosed)
    this.reactor.schedule(0, () => this.#producer.abort(reason))
  }

  /** Tells the attached consumer of the connection, once, then lets it have data. */
  #tellConnected(): void {
    const consumer = this.#producer.consumer
    if (consumer === null) return
    if (this.#wasConnected && this.#told !== consumer) {
      this.#told = consumer
      this.#tell(consumer)
    }
    this.#wakeReader()
  }

  #tell(consumer: IVAnyConsumer): void {
    const peer = this.device.peer
    if (!this.#wasConnected || peer === null) return
    try {
      tell(consumer.control, 'connected', peer)
    } catch (error) {
      this.log.error('a control handler for connected failed', error)
    }
  }

  #deviceChanged(): void {
    if (!this.#wasConnected && this.device.connected) {
      this.#wasConnected = true
      this.#connecting = false
      this.#postTell()
    }
    this.#wakeReader()
    this.#output.wake()
  }

  #wakeReader(): void {
    if (this.#inputClosed !== null || this.#readDue) return
    if (!(this.#reading ? this.#inputReady() : this.#atEnd())) return
    this.#readDue = true
    this.#post()
  }

  #postTell(): void {
    this.#tellDue = true
    this.#post()
  }

  #post(): void {
    if (this.#posted) return
    this.#posted = true
    this.reactor.post(this.#producer)
  }

  /** Tells before it reads, so that a consumer hears of the connection first. */
  #turn(): void {
    const reads = this.#readDue
    this.#posted = false
    if (this.#tellDue) {
      this.#tellDue = false
      this.#tellConnected()
    }
    if (!reads) return
    this.#readDue = false
    this.#readTurn()
  }

  #inputReady(): boolean {
    return this.device.readable || this.device.inputEnd !== null || this.#producer.pendingBytes > 0
  }

  /** The end is told without credit, but not while bytes are left or nobody is there to hear it. */
  #atEnd(): boolean {
    const { readable, inputEnd } = this.device
    return (
      inputEnd !== null && !readable && this.#producer.pendingBytes === 0 && this.#producer.consumer !== null
    )
  }

  #readTurn(): void {
    if (this.#inputClosed !== null) return
    const consumer = this.#producer.consumer
    if (consumer !== null && this.#wasConnected && this.#told !== consumer) {
      this.#postTell()
      return
    }
    try {
      if (this.#reading || this.#atEnd()) this.doRead()
    } catch (error) {
      this.closeInput(this.#failure('reading', error))
    }
    this.#wakeReader()
  }

  /** Reports what a handler threw, and makes it the reason to close its direction. */
  #failure(what: string, error: unknown): VFIOLost {
    this.log.error(`${what} failed`, error)
    return new VFIOLost(new VIOLost(`${what} failed`, { cause: error }))
  }
}

function sizeOption(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name} is a whole number of bytes from 1 on, got ${describeValue(value)}`)
}

function checkPolicy(policy: IVHalfClose): IVHalfClose {
  if (isHalfClose(policy)) return policy
  throw new TypeError(`a half-close policy has the flags halfIn and halfOut, got ${describeValue(policy)}`)
}

/** The error that reading or writing after the end throws. */
function endError(end: VFailure): Error {
  if (end instanceof VFIOError) {
    return end.value instanceof VIOError ? end.value : new VIOError(String(end.value), { cause: end.value })
  }
  if (end.value instanceof VIOCompleted || end.value instanceof VIOLost) return end.value
  return end instanceof VFIOCompleted
    ? new VIOCompleted('the end was reached')
    : new VIOLost(end.value.message, { cause: end.value })
}
