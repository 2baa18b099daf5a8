/**
 * `VByteIOPair`: a consumer and a producer that belong together, attached to another pair as a whole.
 *
 * Decides that such an attachment is all or nothing. Putting a filter between two live ends is `splice`'s affair.
 */
import { VIOError } from '@vio/reactor'
import { describeValue } from '../limit.js'
import { type IVByteConsumer, type IVByteProducer, isByteConsumer, isByteProducer } from '../types.js'

const OTHERS = "the other pair's"

/** The two directions of one side of an element. */
export class VByteIOPair {
  /** The consumer of the pair. */
  readonly consumer: IVByteConsumer
  /** The producer of the pair. */
  readonly producer: IVByteProducer

  /** @throws TypeError if they are not a consumer and a producer */
  constructor(consumer: IVByteConsumer, producer: IVByteProducer) {
    if (!isByteConsumer(consumer) || !isByteProducer(producer)) {
      const got = `${describeValue(consumer)} and ${describeValue(producer)}`
      throw new TypeError(`a pair is made of a byte consumer and a byte producer, got ${got}`)
    }
    this.consumer = consumer
    this.producer = producer
  }

  /**
   * Attaches this consumer to the other's producer, then this producer to the other's consumer. Already attached to
   * each other, nothing happens.
   *
   * @throws TypeError if `other` is not a pair, VIOError if one of the four ends is taken or has ended; nothing is
   *   attached then that was not before
   */
  attach(other: VByteIOPair): void {
    if (
      typeof other !== 'object' ||
      other === null ||
      !isByteConsumer(other.consumer) ||
      !isByteProducer(other.producer)
    ) {
      throw new TypeError(`a pair is attached to a pair, got ${describeValue(other)}`)
    }
    const [own, theirs] = [this, other]
    refuseTaken(own.consumer, own.consumer.producer, theirs.producer, 'a producer is already connected')
    refuseTaken(theirs.producer, theirs.producer.consumer, own.consumer, `${OTHERS} producer has a consumer`)
    refuseTaken(own.producer, own.producer.consumer, theirs.consumer, 'a consumer is already attached')
    refuseTaken(theirs.consumer, theirs.consumer.producer, own.producer, `${OTHERS} consumer has a producer`)
    const wasAttached = this.consumer.producer === other.producer
    this.consumer.attach(other.producer)
    try {
      this.producer.attach(other.consumer)
    } catch (error) {
      if (!wasAttached) this.consumer.detach()
      throw error
    }
  }

  /** Takes both directions apart. They can be attached again. */
  detach(): void {
    this.consumer.detach()
    this.producer.detach()
  }

  /** Aborts both directions. */
  abort(reason?: Error): void {
    this.consumer.abort(reason)
    this.producer.abort(reason)
  }
}

/** Refuses an end that could not be attached to `wanted`, before anything was attached at all. */
function refuseTaken(end: object, present: unknown, wanted: unknown, message: string): void {
  if (present === wanted) return
  if (present !== null) throw new VIOError(`${message}; detach it first`)
  // Ends that others wrote need not say whether they have ended; they refuse when they are attached.
  if ((end as { readonly closed?: unknown }).closed === true) {
    throw new VIOError('one of the four ends has ended; build a new element')
  }
}
