/**
 * The interfaces of byte I/O: consumers and producers, devices, transforms, and the seed's handler interfaces.
 *
 * Nothing here has behaviour. The contract that the consumer and producer interfaces stand for is told in
 * `docs/chain.md` and is tested, rule by rule, by the suites of `@vio/io/testing`.
 */
import type { IVReactorObject, IVReader, IVSelectable, IVWriter, VFailure } from '@vio/reactor'
import type { VByteBuffer } from './byte-buffer.js'
import type { VIOControl } from './control.js'
import type { IVHalfClose } from './half-close.js'
import type { VMessageQueue } from './message-queue.js'
import type { VPeer } from './peer.js'

/** What a flow is made of: a queue that counts what it holds, in bytes or in messages. */
export interface IVFlowQueue {
  /** How many units are held. */
  readonly length: number
}

/**
 * The end of a flow that takes units from one attached producer.
 *
 * Limits count from attachment. A consumer that was ended or aborted stays so.
 */
export interface IVConsumer<Q extends IVFlowQueue, P> {
  /** The control that takes messages travelling with the bytes. Looked up anew on each access. */
  readonly control: VIOControl
  /** The attached producer, or null. */
  readonly producer: P | null
  /** The producers that pass on, within the same element, what this consumer takes. */
  readonly flows: readonly P[]
  /** True if the element has a flow in the other direction. */
  readonly twoway: boolean
  /** The producer of the other direction, on the same side of the element. @throws VIOError on a one-way element */
  readonly reverse: P
  /**
   * Takes units off the front of `data`: as many as it holds, the limit allows and `clim` allows (null, 0 and
   * negative: no cap). What is not taken stays in `data`. Returns the cumulative limit from here on, which may be
   * lower than the one before; negative, null or Infinity for none.
   *
   * @throws VIOError when nothing is attached, `data` is empty or the end was reached (there VIOClosed, where the
   *   element is a two-way one); VIOLimitExceeded when the limit allows nothing. The state is then what it was.
   */
  consume(data: Q, clim?: number | null): number | null
  /** Tells that no more will come; `clean` if nothing is missing, else with the reason where there is one. Idempotent. */
  endConsume(clean: boolean, reason?: Error): void
  /** Takes the flow down, in both directions, and drops what is held. Idempotent. */
  abort(reason?: Error): void
  /**
   * Attaches a producer.
   *
   * @throws TypeError if it is none, VIOError if either side is taken or has ended; nothing has changed then
   */
  attach(producer: P): void
  /** Takes the two apart. Both can be attached again, and count from 0. Without a producer it does nothing. */
  detach(): void
}

/** The end of a flow that gives units to one attached consumer, as far as the consumer's limit goes. */
export interface IVProducer<C> {
  /** The control that takes messages travelling against the bytes. Looked up anew on each access. */
  readonly control: VIOControl
  /** The attached consumer, or null. */
  readonly consumer: C | null
  /** The consumers that feed, within the same element, what this producer gives. */
  readonly flows: readonly C[]
  /** True if the element has a flow in the other direction. */
  readonly twoway: boolean
  /** The consumer of the other direction, on the same side of the element. @throws VIOError on a one-way element */
  readonly reverse: C
  /**
   * Raises the cumulative limit; null, negative or Infinity lifts it for good. A limit that is not higher is
   * ignored. Never calls `consume` before it returns: production runs on a later turn.
   *
   * @throws VIOError when nothing is attached, TypeError if the limit is not a limit
   */
  canProduce(limit: number | null): void
  /** Takes the flow down, in both directions, and drops what is held. Idempotent. */
  abort(reason?: Error): void
  /**
   * Attaches a consumer.
   *
   * @throws TypeError if it is none, VIOError if either side is taken or has ended; nothing has changed then
   */
  attach(consumer: C): void
  /** Takes the two apart. Both can be attached again, and count from 0. Without a consumer it does nothing. */
  detach(): void
}

/** A consumer of bytes. */
export interface IVByteConsumer extends IVConsumer<VByteBuffer, IVByteProducer> {}

/** A producer of bytes. */
export interface IVByteProducer extends IVProducer<IVByteConsumer> {}

/** A consumer of messages; limits count messages. */
export interface IVMessageConsumer<M> extends IVConsumer<VMessageQueue<M>, IVMessageProducer<M>> {}

/** A producer of messages; limits count messages. */
export interface IVMessageProducer<M> extends IVProducer<IVMessageConsumer<M>> {}

/** Any consumer, as control messages name it: of bytes or of messages. */
export type IVAnyConsumer = Pick<IVConsumer<IVFlowQueue, unknown>, 'control' | 'twoway' | 'flows'>

/** Any producer, as control messages name it: of bytes or of messages. */
export type IVAnyProducer = Pick<IVProducer<unknown>, 'control' | 'twoway' | 'flows'>

/** An object that offers a consumer of bytes. */
export interface IVByteConsuming {
  /** The consumer. The same object on every access. */
  readonly byteConsume: IVByteConsumer
}

/** An object that offers a producer of bytes. */
export interface IVByteProducing {
  /** The producer. The same object on every access. */
  readonly byteProduce: IVByteProducer
}

/** Anything that one writes to and that becomes a producer of what was written. */
export interface IVByteWriter extends IVByteProducing {
  /** Queues bytes; text is written as UTF-8. @throws VIOClosed after `endWrite` or abort, TypeError for anything else */
  write(data: Uint8Array | string | readonly Uint8Array[]): void
  /** Ends when the queue is empty; `clean` is true by default. Only the first call counts. */
  endWrite(clean?: boolean): void
  /** Drops the queue and aborts the chain on the next turn. */
  abortWriter(): void
}

/** Whom a device tells of a change. */
export interface IVDeviceOwner {
  /** The device has changed, see `onReady`. */
  deviceChanged(fromLoop?: boolean): void
}

/**
 * What is under a chain end: a socket, a descriptor, a connection. Synchronous and non-blocking.
 *
 * A device decides nothing about limits, half-close or messages; `VByteEndpoint` does. It reports a change of
 * `readable`, `writable`, `inputEnd` or `connected` by one call of the function given to `onReady`, which may come
 * at any time, also from inside a call of the device, and more often than needed.
 */
export interface IVByteDevice {
  /** True once bytes can pass. A device that is never connected first is connected from the start. */
  readonly connected: boolean
  /**
   * True from the start on a device that connects by itself, and is not connected yet: what is written and ended meanwhile
   * waits for the connection. Absent on others.
   */
  readonly connecting?: boolean
  /** The other side, or null where it has no address or none yet. */
  readonly peer: VPeer | null
  /** True if `readSome` would return bytes. */
  readonly readable: boolean
  /** Why there is no more input once every byte was read: `VFIOCompleted` after a clean end, else another reason. Null before. */
  readonly inputEnd: VFailure | null
  /** True if `writeSome` would take bytes. */
  readonly writable: boolean
  /** Why output is no longer possible, or null. */
  readonly outputEnd: VFailure | null
  /** Bytes that `writeSome` took and that have not been handed to the system yet. */
  readonly unflushedBytes: number
  /**
   * Names the function to call on a change. The last one named counts. `fromLoop` is true where the loop itself brings the
   * news, with nothing of the application below it on the stack: what follows from it may be done within the call.
   */
  onReady(changed: (fromLoop?: boolean) => void): void
  /**
   * Names an object to be told of changes in place of a function, which an idle connection would have to hold. Absent on
   * devices that there are only few of. The last one named counts, whichever way.
   */
  reportTo?(owner: IVDeviceOwner): void
  /** Starts to connect. Absent on devices that cannot; `connected` or `inputEnd` tells the outcome later. */
  connect?(peer: VPeer): void
  /** Takes up to `maxBytes` of input; the memory is the caller's from then on. Empty when there is none. */
  readSome(maxBytes: number): Buffer
  /**
   * Takes back what `readSome` returned, to read into it again: nobody has it any more. Absent on devices that have no use
   * for it. The endpoint calls it right after a read whose bytes another device has written through.
   */
  reuse?(bytes: Buffer): void
  /** Takes bytes from the front of `data` and returns how many. What was taken must not be written to afterwards. */
  writeSome(data: Uint8Array): number
  /**
   * True where nothing that `writeSome` took is needed any more once `unflushedBytes` is 0, so that its memory may be
   * written to from then on. Absent on others.
   */
  readonly writesThrough?: boolean
  /** Gives the input up: what arrives from now on is dropped. Idempotent. */
  closeInput(reason: VFailure): void
  /** Ends the output after what was taken: cleanly for `VFIOCompleted`, else as an abort if the device can. Idempotent. */
  closeOutput(reason: VFailure): void
  /** Releases the device: after a `VFIOCompleted` when what was taken is out, else at once. Idempotent. */
  close(reason: VFailure): void
}

/**
 * A protocol step, as a pure function over queues: what comes in, what goes out.
 *
 * `VByteFilter` gives it a place in a chain. A transform has no time, no I/O and no idea of limits; what it cannot
 * finish yet it leaves in `input`, or keeps in itself up to `maxHeldBytes`.
 */
export interface IVTransform<I extends IVFlowQueue = VByteBuffer, O extends IVFlowQueue = VByteBuffer> {
  /**
   * The most input units that it may have to see at once before it can go on: its largest unit with framing. By
   * default 1: it can always go on.
   */
  readonly maxUnit?: number
  /** How many units it keeps inside right now; by default none. Part of what the filter holds. */
  readonly held?: number
  /**
   * True if it has more to do for what it was given, or an error to throw, once its output has left: `push` is called
   * again then, without new input. By default it has not. A transform that uses it has the member from its
   * construction on: the filter looks once whether it is there.
   */
  readonly pending?: boolean
  /**
   * Takes what it can from `input` and appends to `output`. What it leaves in `input` it is given again, with more
   * behind it, though perhaps in another queue object. Anything it throws ends the chain as lost; `VIOMalformed` and
   * `VIOOversize` say why.
   */
  push(input: I, output: O): void
  /**
   * The input is over, cleanly: appends what is still due. Returns false if the input stopped inside a unit; input
   * that `push` left over says the same.
   */
  end?(output: O): boolean | void
}

/** Handles input events: the reactor's `IVReader` under the seed's name. */
export type IVByteHandleInput = IVReader

/** Handles output events: the reactor's `IVWriter` under the seed's name. */
export type IVByteHandleOutput = IVWriter

/** Handles input and output events. */
export interface IVByteHandleIO extends IVByteHandleInput, IVByteHandleOutput {}

/** The recommended shape of an object that reads by itself and registers itself with its reactor. */
export interface IVByteInput extends IVByteHandleInput {
  /**
   * Reads without waiting, up to `maxBytes`. Empty when there is nothing.
   *
   * @throws VIOCompleted after a clean end, VIOLost after any other, VIOError otherwise; RangeError for `maxBytes` < 1
   */
  readSome(maxBytes: number): Buffer
  /** Registers for read events, from the next turn on. After the input was closed it does nothing. */
  startReading(): void
  /** Ends read events at once, also within the turn that is running. */
  stopReading(): void
}

/** The recommended shape of an object that writes by itself and registers itself with its reactor. */
export interface IVByteOutput extends IVByteHandleOutput {
  /**
   * Writes without waiting, and returns how many bytes were taken.
   *
   * @throws VIOCompleted or VIOLost after the end, VIOError otherwise
   */
  writeSome(data: Uint8Array): number
  /** Registers for write events, from the next turn on. After the output was closed it does nothing. */
  startWriting(): void
  /** Ends write events at once, also within the turn that is running. */
  stopWriting(): void
}

/** Input and output of one object, and which may close alone. */
export interface IVByteIO extends IVByteInput, IVByteOutput, IVReactorObject {
  /** Which direction may close alone. @throws TypeError when set to something else than a policy */
  halfClosePolicy: IVHalfClose
}

/** `IVByteInput` on a descriptor. */
export interface IVSelectableInput extends IVByteInput, IVSelectable {}

/** `IVByteOutput` on a descriptor. */
export interface IVSelectableOutput extends IVByteOutput, IVSelectable {}

/** `IVByteIO` on a descriptor. */
export interface IVSelectableIO extends IVByteIO, IVSelectable {}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

/** True if `value` has the methods of a consumer. Asked at each attach, so nothing is made for it. */
export function isByteConsumer(value: unknown): value is IVByteConsumer {
  if (typeof value !== 'object' || value === null) return false
  const { consume, endConsume } = value as Partial<IVByteConsumer>
  return typeof consume === 'function' && typeof endConsume === 'function' && isEnd(value)
}

/** True if `value` has the methods of a producer. */
export function isByteProducer(value: unknown): value is IVByteProducer {
  if (typeof value !== 'object' || value === null) return false
  return typeof (value as Partial<IVByteProducer>).canProduce === 'function' && isEnd(value)
}

function isEnd(value: object): boolean {
  const { abort, attach, detach } = value as Partial<IVByteConsumer>
  return typeof abort === 'function' && typeof attach === 'function' && typeof detach === 'function'
}

/** True if `value` has the methods of a writer. */
export function isByteWriter(value: unknown): value is IVByteWriter {
  return hasMethods(value, ['write', 'endWrite', 'abortWriter'])
}

/** True if `value` handles input events. */
export function isByteHandleInput(value: unknown): value is IVByteHandleInput {
  return hasMethods(value, ['doRead', 'closeInput', 'closeIO'])
}

/** True if `value` handles output events. */
export function isByteHandleOutput(value: unknown): value is IVByteHandleOutput {
  return hasMethods(value, ['doWrite', 'closeOutput', 'closeIO'])
}

/** True if `value` is a device. Asked for each connection, so nothing is made for it. */
export function isByteDevice(value: unknown): value is IVByteDevice {
  if (typeof value !== 'object' || value === null) return false
  const { onReady, readSome, writeSome, closeInput, closeOutput, close } = value as Partial<IVByteDevice>
  const moves = typeof readSome === 'function' && typeof writeSome === 'function'
  const closes =
    typeof closeInput === 'function' && typeof closeOutput === 'function' && typeof close === 'function'
  return moves && closes && typeof onReady === 'function'
}

/** True if `value` belongs to a reactor. */
export function isReactorObject(value: unknown): value is IVReactorObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    hasMethods((value as { reactor?: unknown }).reactor, ['schedule'])
  )
}
