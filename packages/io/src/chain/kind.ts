/**
 * What differs between flows of bytes and flows of messages: the queue, its pieces, and which ends fit.
 *
 * Everything else about flows is written once, over a kind. A piece is what one call of a hook gets or gives: a
 * `Buffer` of any size, or messages.
 */
import { VByteBuffer } from '../byte-buffer.js'
import { describeValue } from '../limit.js'
import { VMessageQueue } from '../message-queue.js'
import {
  type IVByteConsumer,
  type IVByteProducer,
  type IVFlowQueue,
  type IVMessageConsumer,
  type IVMessageProducer,
  isByteConsumer,
  isByteProducer,
} from '../types.js'

/** What a hook that takes units may answer: how many more are welcome; nothing, null or negative for any number. */
export type VReceiveAnswer = number | null | undefined | void

/** What a producer of bytes gives that has none: nothing is made for it. */
export const NO_BYTES: Buffer = Buffer.alloc(0)

/** A queue that a flow can be made of. */
export interface PassingQueue<Q> extends IVFlowQueue {
  moveTo(target: Q, count?: number): number
  clear(): void
}

/** One kind of flow: queue `Q`, consumer interface `C`, producer interface `P`, pieces in (`In`) and out (`Out`) of hooks. */
export interface FlowKind<Q extends PassingQueue<Q>, C, P, In, Out> {
  readonly name: 'bytes' | 'messages'
  createQueue(): Q
  isQueue(value: unknown): value is Q
  isConsumer(value: unknown): value is C
  isProducer(value: unknown): value is P
  /** Takes one piece of at most `max` units off the front. */
  take(queue: Q, max: number): In
  /** How many units a piece is. */
  sizeOf(piece: In): number
  /** Gives one piece to the hook that takes such pieces. */
  receive(hooks: object, piece: In): VReceiveAnswer
  /** Appends what a producing hook gave. */
  put(queue: Q, piece: Out): void
}

/** True unless `value` says that it belongs to a flow of another kind. Ends written by others need not say. */
function fits(value: object, name: string): boolean {
  const kind = (value as { readonly flowKind?: unknown }).flowKind
  return kind === undefined || kind === name
}

/** The hooks that take pieces. */
interface ByteHooks {
  dataReceived(data: Buffer): VReceiveAnswer
}
interface MessageHooks {
  messageReceived(message: unknown): VReceiveAnswer
}

/** The kind of byte flows. */
export type ByteKind = FlowKind<VByteBuffer, IVByteConsumer, IVByteProducer, Buffer, Uint8Array>

/** Flows of bytes. */
export const BYTES: ByteKind = {
  name: 'bytes',
  createQueue: () => new VByteBuffer(),
  isQueue: (value): value is VByteBuffer => value instanceof VByteBuffer,
  isConsumer: (value): value is IVByteConsumer => isByteConsumer(value) && fits(value, 'bytes'),
  isProducer: (value): value is IVByteProducer => isByteProducer(value) && fits(value, 'bytes'),
  take: (queue, max) => queue.popChunk(max),
  sizeOf: (piece) => piece.length,
  receive: (hooks, piece) => (hooks as ByteHooks).dataReceived(piece),
  put: (queue, piece) => queue.append(piece),
}

/** The kind of message flows. */
export type MessageKind<M> = FlowKind<
  VMessageQueue<M>,
  IVMessageConsumer<M>,
  IVMessageProducer<M>,
  M,
  readonly M[]
>

const ANY_MESSAGES: MessageKind<unknown> = {
  name: 'messages',
  createQueue: () => new VMessageQueue<unknown>(),
  isQueue: (value): value is VMessageQueue<unknown> => value instanceof VMessageQueue,
  isConsumer: (value): value is IVMessageConsumer<unknown> =>
    isByteConsumer(value) && fits(value, 'messages'),
  isProducer: (value): value is IVMessageProducer<unknown> =>
    isByteProducer(value) && fits(value, 'messages'),
  take: (queue) => queue.shift(),
  sizeOf: () => 1,
  receive: (hooks, piece) => (hooks as MessageHooks).messageReceived(piece),
  put: (queue, piece) => {
    if (!Array.isArray(piece))
      throw new TypeError(`messages are given as a list, got ${describeValue(piece)}`)
    for (const message of piece) queue.append(message)
  },
}

/** Flows of messages of type `M`. The type exists for the compiler only, so that one object serves all. */
export function messagesOf<M>(): MessageKind<M> {
  return ANY_MESSAGES as unknown as MessageKind<M>
}
