/**
 * What the tests of tees share: a tee with a source above, and probes as its branches.
 */
import { VByteBuffer } from '@vio/io'
import { VByteTee, type VTeeOptions } from '@vio/io/filter'
import { VProbeConsumer, type VProbeConsumerOptions, VProbeProducer } from '@vio/io/testing'
import { virtualReactor } from '../../reactor/support.js'

/** A tee; `sink` makes a branch with a probe. With `late`, the test attaches the source itself. */
export function setUp(options: VTeeOptions = {}, late?: 'late source') {
  const { host, reactor, logged } = virtualReactor()
  reactor.start()
  const tee = new VByteTee(reactor, options)
  const source = Object.assign(new VProbeProducer({ reactor }), { reactor })
  if (late !== 'late source') source.attach(tee.byteConsume)
  const sink = (sinkOptions: VProbeConsumerOptions = {}): VProbeConsumer => {
    const consumer = new VProbeConsumer(sinkOptions)
    tee.branch().attach(consumer)
    return consumer
  }
  const feed = (data: string | Buffer): void => {
    source.feed(new VByteBuffer(Buffer.from(data)))
    host.runUntilIdle()
  }
  const end = (clean = true, reason?: Error): void => {
    source.end(clean, reason)
    host.runUntilIdle()
  }
  return { host, reactor, logged, tee, source, sink, feed, end }
}

/** What a probe has received. */
export const textOf = (sink: VProbeConsumer): string => sink.received.peek().toString()
