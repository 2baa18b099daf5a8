/**
 * Reads the elements of a chain: which end takes, which gives, and whether the two that meet are of one kind.
 *
 * Decides what counts as an element, and that each end must be free, before anything is attached. An element that has
 * ends of both kinds counts as one of bytes. Positions in messages count from 1.
 */
import { VIOError } from '@vio/reactor'
import { VByteIOPair } from '../chain/pair.js'
import { describeValue } from '../limit.js'
import {
  type IVByteConsumer,
  type IVByteProducer,
  type IVMessageConsumer,
  type IVMessageProducer,
  isByteConsumer,
  isByteProducer,
} from '../types.js'

/** What a flow is made of. */
export type VFlowKindName = 'bytes' | 'messages'

/** A consumer of either kind. */
export type EitherConsumer = IVByteConsumer | IVMessageConsumer<unknown>

/** A producer of either kind. */
export type EitherProducer = IVByteProducer | IVMessageProducer<unknown>

/** One element, as a chain sees it. */
export interface ChainPart {
  /** The element as it was given. */
  readonly element: object
  /** The name of its class. */
  readonly name: string
  /** The end that takes; undefined for the first. */
  readonly consumer: EitherConsumer | undefined
  /** The end that gives; undefined for the last. */
  readonly producer: EitherProducer | undefined
  /** What it gives, or, as the last, takes. */
  readonly kind: VFlowKindName
}

interface FoundEnd<E> {
  readonly end: E
  /** Undefined for a bare end that does not say. */
  readonly kind: VFlowKindName | undefined
}

/**
 * Reads the elements in order.
 *
 * @throws TypeError if there are less than two, one has not the end that its place needs, or two do not fit; VIOError
 *   if an end is taken or has ended
 */
export function readParts(elements: readonly unknown[]): readonly ChainPart[] {
  if (elements.length < 2) {
    throw new TypeError(`a chain has a source and a sink at least, got ${elements.length} elements`)
  }
  const count = elements.length
  const found = elements.map((element, at): FoundPart => {
    const where = `element ${at + 1} of ${count} (${nameOf(element)})`
    const taking = at === 0 ? undefined : foundEnd(consumerOf(element), where, 'takes', at)
    const giving = at === count - 1 ? undefined : foundEnd(producerOf(element), where, 'gives', at)
    refuseTaken(taking?.end.producer, where, 'a producer is already connected to it')
    refuseTaken(giving?.end.consumer, where, 'a consumer is already attached to it')
    return { element: element as object, where, taking, giving }
  })
  return found.map((part, at): ChainPart => {
    const { element, taking, giving, where } = part
    const given = found[at - 1]?.giving?.kind
    refuseMisfit(given, taking?.kind, where)
    // A bare end that does not say its kind is of the kind that it is joined with.
    const kind = giving === undefined ? (taking?.kind ?? given) : (giving.kind ?? found[at + 1]?.taking?.kind)
    return {
      element,
      name: nameOf(element),
      consumer: taking?.end,
      producer: giving?.end,
      kind: kind ?? 'bytes',
    }
  })
}

interface FoundPart {
  readonly element: object
  readonly where: string
  readonly taking: FoundEnd<EitherConsumer> | undefined
  readonly giving: FoundEnd<EitherProducer> | undefined
}

function foundEnd<E extends object>(
  found: FoundEnd<E> | undefined,
  where: string,
  verb: string,
  at: number,
): FoundEnd<E> {
  if (found === undefined) {
    const place = at === 0 ? 'the first' : verb === 'takes' ? 'a later' : 'a middle'
    throw new TypeError(`${where} ${verb} neither bytes nor messages, as ${place} element of a chain has to`)
  }
  if ((found.end as { readonly closed?: unknown }).closed === true) {
    throw new VIOError(`${where} has ended; build a new one`)
  }
  return found
}

function refuseMisfit(
  given: VFlowKindName | undefined,
  taken: VFlowKindName | undefined,
  where: string,
): void {
  if (given === undefined || taken === undefined || given === taken) return
  const between = given === 'bytes' ? 'a decoder' : 'an encoder'
  throw new TypeError(
    `${where} takes ${taken} and the one before it gives ${given}; put ${between} between them`,
  )
}

function refuseTaken(peer: unknown, where: string, what: string): void {
  if (peer !== null && peer !== undefined)
    throw new VIOError(`${where} is part of another chain: ${what}; detach it first`)
}

interface Offers {
  readonly byteConsume?: unknown
  readonly byteProduce?: unknown
  readonly messageConsume?: unknown
  readonly messageProduce?: unknown
  readonly flowKind?: unknown
}

function consumerOf(element: unknown): FoundEnd<EitherConsumer> | undefined {
  const offers = (element ?? {}) as Offers
  if (isByteConsumer(offers.byteConsume)) return { end: offers.byteConsume, kind: 'bytes' }
  if (isByteConsumer(offers.messageConsume)) return { end: offers.messageConsume, kind: 'messages' }
  if (element instanceof VByteIOPair) return { end: element.consumer, kind: 'bytes' }
  return isByteConsumer(element) ? { end: element, kind: kindOf(offers) } : undefined
}

function producerOf(element: unknown): FoundEnd<EitherProducer> | undefined {
  const offers = (element ?? {}) as Offers
  if (isByteProducer(offers.byteProduce)) return { end: offers.byteProduce, kind: 'bytes' }
  if (isByteProducer(offers.messageProduce)) return { end: offers.messageProduce, kind: 'messages' }
  if (element instanceof VByteIOPair) return { end: element.producer, kind: 'bytes' }
  return isByteProducer(element) ? { end: element, kind: kindOf(offers) } : undefined
}

function kindOf(end: Offers): VFlowKindName | undefined {
  return end.flowKind === 'bytes' || end.flowKind === 'messages' ? end.flowKind : undefined
}

function nameOf(element: unknown): string {
  if (typeof element !== 'object' || element === null) return describeValue(element)
  const name: unknown = element.constructor?.name
  return typeof name === 'string' && name !== '' ? name : 'object'
}
