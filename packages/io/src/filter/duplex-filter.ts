/**
 * `VByteDuplexFilter`: two one-way elements, one a direction, as one two-way element.
 *
 * Decides how the directions hang together: an abort of one that is not its regular end takes down the other too,
 * unless they are declared independent. Inbound is towards the application, outbound towards the device.
 */

import { ConsumerEnd } from '../chain/consumer-end.js'
import { FlowEnd } from '../chain/flow-end.js'
import { VByteIOPair } from '../chain/pair.js'
import { ProducerEnd } from '../chain/producer-end.js'
import type { IVByteConsuming, IVByteProducing } from '../types.js'

/** A one-way element: `VByteFilter`, `VByteTap` or anything that offers the same. */
export type VByteThrough = IVByteConsuming & IVByteProducing

/** Options of `VByteDuplexFilter`. */
export interface VDuplexFilterOptions {
  /** True if an abort of one direction leaves the other working. By default false. */
  readonly independent?: boolean
}

/**
 * Joins an inbound and an outbound element.
 *
 * ```ts
 * const codec = new VByteDuplexFilter(new VByteFilter(reactor, decode), new VByteFilter(reactor, encode))
 * codec.deviceIO.attach(socket.byteIO)
 * codec.appIO.attach(agent.byteIO)
 * ```
 */
export class VByteDuplexFilter {
  /** The element of the inbound direction. */
  readonly inbound: VByteThrough
  /** The element of the outbound direction. */
  readonly outbound: VByteThrough
  /** The side of the device: its consumer takes what comes in, its producer gives what goes out. */
  readonly deviceIO: VByteIOPair
  /** The side of the application: its producer gives what comes in, its consumer takes what goes out. */
  readonly appIO: VByteIOPair

  /** @throws TypeError if the two are not elements with a consumer and a producer of bytes */
  constructor(inbound: VByteThrough, outbound: VByteThrough, options: VDuplexFilterOptions = {}) {
    this.inbound = inbound
    this.outbound = outbound
    this.deviceIO = new VByteIOPair(inbound.byteConsume, outbound.byteProduce)
    this.appIO = new VByteIOPair(outbound.byteConsume, inbound.byteProduce)
    for (const pair of [this.deviceIO, this.appIO]) {
      // Ends that others wrote say for themselves whether they are two-way.
      if (pair.consumer instanceof ConsumerEnd) pair.consumer.joinReverse(pair.producer)
      if (pair.producer instanceof ProducerEnd) pair.producer.joinReverse(pair.consumer)
    }
    if (options.independent === true) return
    spreadAborts(inbound, outbound)
    spreadAborts(outbound, inbound)
  }
}

function spreadAborts(from: VByteThrough, to: VByteThrough): void {
  const end: unknown = from.byteConsume
  if (!(end instanceof FlowEnd)) return
  end.onAborted((reason, afterEnd) => {
    if (!afterEnd) to.byteConsume.abort(reason)
  })
}
