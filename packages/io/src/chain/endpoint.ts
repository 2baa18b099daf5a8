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
import type { IVHalfClose } from '../half-close.js'
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
import { checkPolicy, endpointTermsOf, type VEndpointOptions } from './endpoint-terms.js'
import { VByteIOPair } from './pair.js'

/** The states of an endpoint, as bits of one number. The turn was asked for: */
const POSTED = 1
/** What it is to do. */
const READ_DUE = 2
const TELL_DUE = 4
const READING = 8
const WAS_CONNECTED = 16
const CONNECTING = 32
/** The consumer was told `connected`; no other gets data. */
const TOLD = 64

/**
 * A device as a consumer of what it writes and a producer of what it reads.
 *
 * Its private methods are static ones, as those of its ends are: each object of a class that has them as members is marked
 * for that.
 */
export class VByteEndpoint implements IVByteIO, IVByteConsuming, IVByteProducing {
  /** The device. It belongs to the endpoint: nobody else reads, writes or closes it. */
  readonly device: IVByteDevice
  readonly #producer: EndpointProducer<VByteEndpoint>
  /** Made when somebody asks for it: until then nothing was written. */
  #output: EndpointOutput<VByteEndpoint> | null = null
  #pair: VByteIOPair | undefined
  #states = 0
  #inputClosed: VFailure | null = null

  static readonly #changed = (endpoint: VByteEndpoint): void => VByteEndpoint.#deviceChanged(endpoint)

  static readonly #calls: EndpointCalls<VByteEndpoint> = {
    wanted: (endpoint) => endpoint.startReading(),
    attached: (endpoint) => VByteEndpoint.#inputAttached(endpoint),
    detached: (endpoint) => {
      endpoint.#states &= ~TOLD
      endpoint.stopReading()
      endpoint.inputDetached()
    },
    aborted: (endpoint, reason) => {
      if (endpoint.#inputClosed !== null) return
      endpoint.closeInput(new VFIOLost(reason ?? new VIOLost('the input was aborted')))
    },
    changed: (endpoint, fromLoop) => {
      const { reactor } = endpoint
      if (fromLoop && reactor.enter !== undefined) reactor.enter(VByteEndpoint.#changed, endpoint)
      else VByteEndpoint.#deviceChanged(endpoint)
    },
    control: (endpoint) => VByteEndpoint.#producerControl(endpoint),
    output: (endpoint) => VByteEndpoint.#outputOf(endpoint),
    turn: (endpoint) => VByteEndpoint.#turn(endpoint),
    mayWrite: (endpoint) => (endpoint.#states & (WAS_CONNECTED | CONNECTING)) !== 0,
    write: (endpoint) => {
      try {
        endpoint.doWrite()
      } catch (error) {
        endpoint.closeOutput(VByteEndpoint.#failure(endpoint, 'writing', error))
      }
    },
    outputFinished: (endpoint, reason) => VByteEndpoint.#outputFinished(endpoint, reason),
    outputLost: (endpoint, reason) => endpoint.log.warn('the output was lost', reason),
  }

  /** @throws TypeError without a reactor or a device, RangeError for a size below 1 */
  constructor(reactor: IVReactor, device: IVByteDevice, options: VEndpointOptions = {}) {
    if (!isByteDevice(device))
      throw new TypeError(`an endpoint needs a byte device, got ${describeValue(device)}`)
    const terms = endpointTermsOf(reactor, options, VByteEndpoint.#calls)
    this.device = device
    this.#producer = new EndpointProducer<VByteEndpoint>(this, terms)
    if (device.connected) this.#states |= WAS_CONNECTED
    if (device.connecting === true) this.#states |= CONNECTING
    if (device.reportTo === undefined) device.onReady((fromLoop) => this.#producer.deviceChanged(fromLoop))
    else device.reportTo(this.#producer)
  }

  /** The most bytes that wait to be written. */
  get bufferBytes(): number {
    return this.#producer.terms.bufferBytes
  }

  /** The reactor. */
  get reactor(): IVReactor {
    return this.#producer.reactor
  }

  /** Takes what the device is to write. The same object on every access. */
  get byteConsume(): IVByteConsumer {
    return VByteEndpoint.#outputOf(this)
  }

  /** Gives what the device reads. The same object on every access. */
  get byteProduce(): IVByteProducer {
    return this.#producer
  }

  /** Both as a pair. The same object on every access. */
  get byteIO(): VByteIOPair {
    this.#pair ??= new VByteIOPair(this.byteConsume, this.#producer)
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
    return (this.#states & WAS_CONNECTED) !== 0
  }

  /** True once both directions are closed. */
  get closed(): boolean {
    return this.#inputClosed !== null && (this.#output?.closedBy ?? null) !== null
  }

  /** Bytes that wait to be written. */
  get bufferedBytes(): number {
    return this.#output?.bufferedBytes ?? 0
  }

  get halfClosePolicy(): IVHalfClose {
    return this.#producer.terms.halfClosePolicy
  }

  set halfClosePolicy(policy: IVHalfClose) {
    this.#producer.terms = { ...this.#producer.terms, halfClosePolicy: checkPolicy(policy) }
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
    if ((this.#states & (CONNECTING | WAS_CONNECTED)) !== 0)
      throw new VIOError('connect was called before; use a new endpoint')
    if (this.closed) throw new VIOError('this endpoint is closed; use a new one')
    this.#states |= CONNECTING
    if (!VByteEndpoint.#mayConnect(this, peer)) {
      this.closeIO(new VFIOLost(new VIOLost(`the chain did not allow a connection to ${String(peer)}`)))
      return false
    }
    try {
      this.device.connect(peer)
    } catch (error) {
      this.#states &= ~CONNECTING
      throw error
    }
    return true
  }

  /** Says whether a connection may be tried. By default asks the chain; yes if nobody answers. */
  protected canConnect(peer: VPeer): boolean {
    const control = this.#producer.consumer?.control
    const terms = { fallback: true, failed: (error: unknown) => VByteEndpoint.#refusedBy(this, error) }
    return control === undefined || askPermission(control, 'canConnect', terms, peer)
  }

  /** A consumer was attached to the input, which has not ended. By default nothing is to be done. */
  protected inputAttached(): void {}

  /** The consumer of the input was detached. By default nothing is to be done. */
  protected inputDetached(): void {}

  /** A consumer asked for the state: tells it, in a turn. By default `connected`, if it is or was so. */
  protected tellState(consumer: IVAnyConsumer): void {
    VByteEndpoint.#tell(this, consumer)
  }

  static #mayConnect(endpoint: VByteEndpoint, peer: VPeer): boolean {
    try {
      return endpoint.canConnect(peer) === true
    } catch (error) {
      VByteEndpoint.#refusedBy(endpoint, error)
      return false
    }
  }

  static #refusedBy(endpoint: VByteEndpoint, error: unknown): void {
    endpoint.log.error('canConnect failed, which counts as no', error)
  }

  readSome(maxBytes: number): Buffer {
    if (!Number.isInteger(maxBytes) || maxBytes < 1) {
      throw new RangeError(
        `a read asks for a whole number of bytes from 1 on, got ${describeValue(maxBytes)}`,
      )
    }
    if ((this.#states & WAS_CONNECTED) === 0) throw new VIOError('the device is not connected yet')
    if (this.#inputClosed !== null) throw endError(this.#inputClosed)
    if (!this.device.readable && this.device.inputEnd !== null) throw endError(this.device.inputEnd)
    return this.device.readSome(maxBytes)
  }

  writeSome(data: Uint8Array): number {
    if ((this.#states & WAS_CONNECTED) === 0) throw new VIOError('the device is not connected yet')
    const end = this.#output?.closedBy ?? this.device.outputEnd
    if (end !== null) throw endError(end)
    return this.device.writeSome(data)
  }

  startReading(): void {
    if (this.#inputClosed !== null) return
    this.#states |= READING
    VByteEndpoint.#wakeReader(this)
  }

  stopReading(): void {
    this.#states &= ~READING
  }

  startWriting(): void {
    VByteEndpoint.#outputOf(this).startWriting()
  }

  stopWriting(): void {
    this.#output?.stopWriting()
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
    const data = this.device.readSome(Math.min(credit, this.#producer.terms.maxReadBytes))
    if (data.length === 0) return
    this.#producer.give(data)
    if (this.device.reuse !== undefined && this.#producer.wroteThrough) this.device.reuse(data)
  }

  /** Writes what waits, as far as the device takes it, and grants the producer what fits again. */
  doWrite(): void {
    VByteEndpoint.#outputOf(this).writeBuffered()
  }

  /**
   * Closes the input, and the output with it if the policy does not let the input close alone. What waits to be written
   * is treated as by `closeOutput`. Once both directions are closed the device is released.
   */
  closeInput(reason: VFailure): boolean {
    if (this.#inputClosed !== null) return true
    VByteEndpoint.#endInput(this, reason)
    if ((this.#output?.closedBy ?? null) === null && !this.#producer.terms.halfClosePolicy.halfIn)
      VByteEndpoint.#endOutput(this, reason)
    VByteEndpoint.#releaseIfDone(this)
    return true
  }

  /**
   * Takes no more to write, and closes the output: after a clean reason once what waits is written, after any other at
   * once, dropping it. The input closes with it if the policy does not let the output close alone, or the device was
   * never connected. Once both directions are closed the device is released.
   */
  closeOutput(reason: VFailure): boolean {
    VByteEndpoint.#endOutput(this, reason)
    return true
  }

  /** Closes both directions: after a clean reason what waits is still written, after any other it is dropped. */
  closeIO(reason: VFailure): boolean {
    VByteEndpoint.#endOutput(this, reason)
    if (this.#inputClosed === null) VByteEndpoint.#endInput(this, reason)
    VByteEndpoint.#releaseIfDone(this)
    return true
  }

  /** Closes cleanly, see `closeIO`. */
  [Symbol.dispose](): void {
    this.closeIO(new VFIOCompleted())
  }

  static #endInput(endpoint: VByteEndpoint, reason: VFailure): void {
    // Bytes that were read and not taken are missing from what was passed on.
    const clean = reason instanceof VFIOCompleted && endpoint.#producer.pendingBytes === 0
    endpoint.#inputClosed = reason
    endpoint.#states &= ~READING
    endpoint.device.closeInput(reason)
    if (endpoint.#producer.consumer !== null) endpoint.#producer.giveEnd(clean, errorOf(reason))
  }

  static #endOutput(endpoint: VByteEndpoint, reason: VFailure): void {
    const output = VByteEndpoint.#outputOf(endpoint)
    if (reason instanceof VFIOCompleted) output.close(reason)
    else output.drop(reason)
  }

  /** Releases the device once both directions are through: how the output ended decides whether it is a clean end. */
  static #releaseIfDone(endpoint: VByteEndpoint): void {
    const output = endpoint.#output
    if (endpoint.#inputClosed === null || output?.finished !== true) return
    endpoint.device.close(output.closedBy ?? endpoint.#inputClosed)
  }

  static #outputFinished(endpoint: VByteEndpoint, reason: VFailure): void {
    const isAlone = (endpoint.#states & WAS_CONNECTED) !== 0 || endpoint.device.connecting === true
    const closesAll = !endpoint.#producer.terms.halfClosePolicy.halfOut || !isAlone
    if (endpoint.#inputClosed === null && closesAll) VByteEndpoint.#endInput(endpoint, reason)
    VByteEndpoint.#releaseIfDone(endpoint)
  }

  static #producerControl(endpoint: VByteEndpoint): VIOControl {
    return new VIOControl({
      reqProducerState: (consumer: IVAnyConsumer) => {
        endpoint.reactor.schedule(0, () => endpoint.tellState(consumer))
      },
    })
  }

  static #inputAttached(endpoint: VByteEndpoint): void {
    endpoint.#states &= ~TOLD
    if (endpoint.#inputClosed === null) {
      VByteEndpoint.#postTell(endpoint)
      endpoint.inputAttached()
      return
    }
    VByteEndpoint.#abortLater(endpoint.#producer, errorOf(endpoint.#inputClosed))
  }

  /** Apart, as a function that is made keeps what is around it, which nearly every input has no need of. */
  static #abortLater(producer: EndpointProducer<VByteEndpoint>, reason: Error | undefined): void {
    producer.reactor.schedule(0, () => producer.abort(reason))
  }

  /** Tells the attached consumer of the connection, once, then lets it have data. */
  static #tellConnected(endpoint: VByteEndpoint): void {
    const consumer = endpoint.#producer.consumer
    if (consumer === null) return
    if ((endpoint.#states & (WAS_CONNECTED | TOLD)) === WAS_CONNECTED) {
      endpoint.#states |= TOLD
      VByteEndpoint.#tell(endpoint, consumer)
    }
    VByteEndpoint.#wakeReader(endpoint)
  }

  static #tell(endpoint: VByteEndpoint, consumer: IVAnyConsumer): void {
    const peer = endpoint.device.peer
    if ((endpoint.#states & WAS_CONNECTED) === 0 || peer === null) return
    try {
      tell(consumer.control, 'connected', peer)
    } catch (error) {
      endpoint.log.error('a control handler for connected failed', error)
    }
  }

  static #deviceChanged(endpoint: VByteEndpoint): void {
    if ((endpoint.#states & WAS_CONNECTED) === 0 && endpoint.device.connected) {
      endpoint.#states = (endpoint.#states | WAS_CONNECTED) & ~CONNECTING
      VByteEndpoint.#postTell(endpoint)
    }
    VByteEndpoint.#wakeReader(endpoint)
    // Without an output there is nothing to write; that nothing more can be is for one to tell.
    if (endpoint.#output !== null) endpoint.#output.wake()
    else if (endpoint.device.outputEnd !== null) VByteEndpoint.#outputOf(endpoint).wake()
  }

  static #outputOf(endpoint: VByteEndpoint): EndpointOutput<VByteEndpoint> {
    if (endpoint.#output !== null) return endpoint.#output
    const output = new EndpointOutput<VByteEndpoint>(endpoint, endpoint.#producer.terms)
    output.joinReverse(endpoint.#producer)
    endpoint.#output = output
    return output
  }

  static #wakeReader(endpoint: VByteEndpoint): void {
    if (endpoint.#inputClosed !== null || (endpoint.#states & READ_DUE) !== 0) return
    const isReading = (endpoint.#states & READING) !== 0
    if (!(isReading ? VByteEndpoint.#inputReady(endpoint) : VByteEndpoint.#atEnd(endpoint))) return
    endpoint.#states |= READ_DUE
    VByteEndpoint.#post(endpoint)
  }

  static #postTell(endpoint: VByteEndpoint): void {
    endpoint.#states |= TELL_DUE
    VByteEndpoint.#post(endpoint)
  }

  static #post(endpoint: VByteEndpoint): void {
    if ((endpoint.#states & POSTED) !== 0) return
    endpoint.#states |= POSTED
    endpoint.reactor.post(endpoint.#producer)
  }

  /** Tells before it reads, so that a consumer hears of the connection first. */
  static #turn(endpoint: VByteEndpoint): void {
    const due = endpoint.#states
    endpoint.#states = due & ~(POSTED | TELL_DUE)
    if ((due & TELL_DUE) !== 0) VByteEndpoint.#tellConnected(endpoint)
    if ((due & READ_DUE) === 0) return
    endpoint.#states &= ~READ_DUE
    VByteEndpoint.#readTurn(endpoint)
  }

  static #inputReady(endpoint: VByteEndpoint): boolean {
    return (
      endpoint.device.readable || endpoint.device.inputEnd !== null || endpoint.#producer.pendingBytes > 0
    )
  }

  /** The end is told without credit, but not while bytes are left or nobody is there to hear it. */
  static #atEnd(endpoint: VByteEndpoint): boolean {
    const { readable, inputEnd } = endpoint.device
    return (
      inputEnd !== null &&
      !readable &&
      endpoint.#producer.pendingBytes === 0 &&
      endpoint.#producer.consumer !== null
    )
  }

  static #readTurn(endpoint: VByteEndpoint): void {
    if (endpoint.#inputClosed !== null) return
    const consumer = endpoint.#producer.consumer
    if (consumer !== null && (endpoint.#states & (WAS_CONNECTED | TOLD)) === WAS_CONNECTED) {
      VByteEndpoint.#postTell(endpoint)
      return
    }
    try {
      if ((endpoint.#states & READING) !== 0 || VByteEndpoint.#atEnd(endpoint)) endpoint.doRead()
    } catch (error) {
      endpoint.closeInput(VByteEndpoint.#failure(endpoint, 'reading', error))
    }
    VByteEndpoint.#wakeReader(endpoint)
  }

  /** Reports what a handler threw, and makes it the reason to close its direction. */
  static #failure(endpoint: VByteEndpoint, what: string, error: unknown): VFIOLost {
    endpoint.log.error(`${what} failed`, error)
    return new VFIOLost(new VIOLost(`${what} failed`, { cause: error }))
  }
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
