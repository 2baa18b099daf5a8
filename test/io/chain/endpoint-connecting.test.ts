/**
 * An endpoint on a device that connects by itself: what is written and ended before waits for the connection.
 */
import { VByteBuffer, VByteEndpoint, VFIOCompleted, VFIOLost, VMemoryPeer } from '@vio/io'
import {
  createDevicePair,
  type VMemoryDevice,
  VProbeConsumer,
  VProbeProducer,
  VTestBench,
} from '@vio/io/testing'
import { describe, expect, it } from 'vitest'

/** A device of a pair that says that it is on its way, and the rest of the pair. */
function onItsWay(bench: VTestBench): { near: VMemoryDevice; far: VMemoryDevice; arrive(): void } {
  const pair = createDevicePair({ reactor: bench.reactor, connect: 'hang' })
  let connecting = true
  Object.defineProperty(pair.a, 'connecting', { get: () => connecting })
  return {
    near: pair.a,
    far: pair.b,
    arrive: () => {
      connecting = false
      pair.a.establish(new VMemoryPeer('far'))
      pair.b.establish(new VMemoryPeer('near'))
    },
  }
}

describe('an endpoint on a device that connects by itself', () => {
  it('keeps what waits, and its end, until there is a connection', () => {
    const bench = new VTestBench()
    const { near, far, arrive } = onItsWay(bench)
    const endpoint = new VByteEndpoint(bench.reactor, near)
    const source = new VProbeProducer({ reactor: bench.reactor })
    endpoint.byteConsume.attach(source)
    source.feed(new VByteBuffer(Buffer.from('early')))
    source.end()
    bench.settle(100)
    expect(near.calls).toEqual([])
    arrive()
    bench.settle(100)
    expect(far.readSome(100).toString()).toBe('early')
    expect(far.inputEnd).toBeInstanceOf(VFIOCompleted)
  })

  it('goes on reading although its output has ended before', () => {
    const bench = new VTestBench()
    const { near, far, arrive } = onItsWay(bench)
    const endpoint = new VByteEndpoint(bench.reactor, near)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const source = new VProbeProducer({ reactor: bench.reactor })
    endpoint.byteProduce.attach(sink)
    endpoint.byteConsume.attach(source)
    source.end()
    bench.settle(100)
    expect([endpoint.closed, sink.ended]).toEqual([false, null])
    arrive()
    far.writeSome(Buffer.from('answer'))
    bench.settle(100)
    expect(String(sink.received.peek())).toBe('answer')
  })

  it('cannot be told to connect, and is closed as a whole when the device says that there will be no connection', () => {
    const bench = new VTestBench()
    const { near } = onItsWay(bench)
    const endpoint = new VByteEndpoint(bench.reactor, near)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    endpoint.byteProduce.attach(sink)
    expect(() => endpoint.connect(new VMemoryPeer('far'))).toThrow('connect was called before')
    near.fail(new VFIOLost())
    bench.settle(100)
    expect(sink.ended?.clean).toBe(false)
    endpoint.closeIO(new VFIOLost())
    bench.settle(100)
    expect(endpoint.closed).toBe(true)
  })
})
