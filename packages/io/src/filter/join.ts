/**
 * What may follow what in a chain, told to the compiler.
 *
 * `VJoined` maps the elements of a chain to themselves where they fit together, and to a `VMisfit` with the reason
 * where they do not, so that the compiler names the position and the reason. Nothing here exists at run time; what is
 * checked then is `compose`'s. An element that has ends of both kinds counts as one of bytes.
 */
import type { VByteIOPair } from '../chain/pair.js'
import type {
  IVByteConsumer,
  IVByteConsuming,
  IVByteProducer,
  IVByteProducing,
  IVMessageConsumer,
  IVMessageProducer,
} from '../types.js'

/** An object that offers a consumer of messages. */
export interface IVMessageConsuming<M> {
  /** The consumer. The same object on every access. */
  readonly messageConsume: IVMessageConsumer<M>
}

/** An object that offers a producer of messages. */
export interface IVMessageProducing<M> {
  /** The producer. The same object on every access. */
  readonly messageProduce: IVMessageProducer<M>
}

/** Where bytes can come from: an element, its bare producer, or the producer of a pair. */
export type BytesFrom = IVByteProducing | IVByteProducer | VByteIOPair

/** Where bytes can go: an element, its bare consumer, or the consumer of a pair. */
export type BytesTo = IVByteConsuming | IVByteConsumer | VByteIOPair

/** Where messages can come from: an element or its bare producer. */
export type MessagesFrom<M> = IVMessageProducing<M> | IVMessageProducer<M>

/** Where messages can go: an element or its bare consumer. */
export type MessagesTo<M> = IVMessageConsuming<M> | IVMessageConsumer<M>

/** Stands for bytes, in the types that tell what an element gives or takes. */
export interface VBytesFlow {
  readonly flow: 'bytes'
}

/** Stands for messages of type `M`, in the types that tell what an element gives or takes. */
export interface VMessagesFlow<M> {
  readonly flow: 'messages'
  readonly message: M
}

/** What an element gives; never if it gives nothing. */
export type VGives<E> = E extends BytesFrom
  ? VBytesFlow
  : E extends MessagesFrom<infer M>
    ? VMessagesFlow<M>
    : never

/** What an element takes; never if it takes nothing. */
export type VTakes<E> = E extends BytesTo
  ? VBytesFlow
  : E extends MessagesTo<infer M>
    ? VMessagesFlow<M>
    : never

/** No element has this type: it tells why one does not fit. */
export interface VMisfit<Why extends string> {
  readonly misfit: Why
}

/** The elements of a chain, each as it is if it fits behind the one before it. */
export type VJoined<T extends readonly unknown[]> = T extends readonly [infer S, ...infer Rest]
  ? [FirstFit<S>, ...RestFit<VGives<S>, Rest>]
  : []

type FirstFit<S> = [VGives<S>] extends [never]
  ? VMisfit<'the first element of a chain gives bytes or messages; this gives neither'>
  : S

type RestFit<Given, T extends readonly unknown[]> = T extends readonly [infer E, ...infer Rest]
  ? [Fit<Given, E, Rest>, ...RestFit<VGives<E>, Rest>]
  : []

type Fit<Given, E, Rest extends readonly unknown[]> = [VTakes<E>] extends [never]
  ? VMisfit<'this takes neither bytes nor messages, so it can only be the first element'>
  : [Given] extends [never]
    ? VMisfit<'the element before this one gives nothing on, so it can only be the last'>
    : [Given] extends [VTakes<E>]
      ? [Rest, VGives<E>] extends [readonly [unknown, ...unknown[]], never]
        ? VMisfit<'this gives neither bytes nor messages, so it can only be the last element'>
        : E
      : VMisfit<MisfitOf<Given, VTakes<E>>>

type MisfitOf<Given, Taken> = [Given] extends [VBytesFlow]
  ? 'this takes messages and the element before it gives bytes; put a decoder between them'
  : [Taken] extends [VBytesFlow]
    ? 'this takes bytes and the element before it gives messages; put an encoder between them'
    : 'this takes other messages than the element before it gives'
