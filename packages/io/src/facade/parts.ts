/**
 * What facades share in reading their arguments: the ends of elements, their reactor, bytes and reasons in their several
 * forms.
 */
import { type IVReactor, VIOClosed, VIOError } from '@vio/reactor'
import type { VWritable } from '../chain/write-queue.js'
import { describeValue } from '../limit.js'
import {
  type IVByteConsumer,
  type IVByteConsuming,
  type IVByteProducer,
  type IVByteProducing,
  isByteConsumer,
  isByteProducer,
  isReactorObject,
} from '../types.js'

/** A producer of bytes, or an element that has one. */
export type VByteSource = IVByteProducer | IVByteProducing

/** A consumer of bytes, or an element that has one. */
export type VByteTarget = IVByteConsumer | IVByteConsuming

/** The producer of `source`. @throws TypeError if it has none */
export function producerEndOf(source: VByteSource): IVByteProducer {
  const end = (source as Partial<IVByteProducing> | null)?.byteProduce ?? source
  if (isByteProducer(end)) return end
  throw new TypeError(`bytes come from a producer or an element that has one, got ${describeValue(source)}`)
}

/** The consumer of `target`. @throws TypeError if it has none */
export function consumerEndOf(target: VByteTarget): IVByteConsumer {
  const end = (target as Partial<IVByteConsuming> | null)?.byteConsume ?? target
  if (isByteConsumer(end)) return end
  throw new TypeError(`bytes go to a consumer or an element that has one, got ${describeValue(target)}`)
}

/** The reactor that was given, or that of the first end that tells. @throws TypeError if there is none */
export function reactorOf(given: IVReactor | undefined, ...ends: readonly unknown[]): IVReactor {
  if (given !== undefined) return given
  for (const end of ends) if (isReactorObject(end)) return end.reactor
  throw new TypeError('this end does not tell its reactor; give it as the option reactor')
}

/** Bytes as a list of pieces; text as UTF-8. @throws TypeError for anything else */
export function piecesOf(data: VWritable): readonly Uint8Array[] {
  if (typeof data === 'string') return [Buffer.from(data, 'utf8')]
  if (data instanceof Uint8Array) return [data]
  if (Array.isArray(data) && data.every((item) => item instanceof Uint8Array)) return data
  const got = Array.isArray(data) ? 'a list with something else' : describeValue(data)
  throw new TypeError(`bytes are written as a Uint8Array, text or a list of Uint8Arrays, got ${got}`)
}

/** Whatever others give as the reason of a cancellation, as an Error; `what` was done if they give none. */
export function reasonOf(reason: unknown, what: string): Error {
  if (reason instanceof Error) return reason
  if (reason === undefined || reason === null) return new VIOClosed(what)
  return new VIOError(`${what}: ${describeValue(reason)}`, { cause: reason })
}
