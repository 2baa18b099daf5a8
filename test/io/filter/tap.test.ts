/**
 * What a tap does between a producer and a consumer of vio's own, where bytes go the direct way.
 */
import { VByteBuffer, VByteConsumer, VIOError } from '@vio/io'
import { VByteTap } from '@vio/io/filter'
import { VProbeConsumer, VProbeProducer, VTestBench } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'

class Leaving extends VByteConsumer {
  readonly got: number[] = []

  protected override dataReceived(data: Buffer): number {
    this.got.push(...data)
    this.byteConsume.detach()
    return 0
  }
}

/** Takes what it is sent, as much as the test allows. */
class Counting extends VByteConsumer {
  bytes = 0
  /** What the hook throws, if anything. */
  fault: Error | null = null

  protected override producerAttached(): void {
    this.setReceiveLimit(10)
  }

  protected override dataReceived(data: Buffer): number {
    if (this.fault !== null) throw this.fault
    this.bytes += data.length
    return 10
  }

  allow(further: number): void {
    this.setReceiveLimit(further)
  }
}

/** Withholds from the first producer only. */
class Rationed extends VByteTap {
  #times = 0

  protected override attached(): void {
    this.#times += 1
    if (this.#times === 1) this.allowFurther(3)
  }
}

describe('VByteTap', () => {
  it('takes all that it granted when the consumer leaves in the middle of it [CR-13 CR-19 CR-30]', () => {
    const bench = new VTestBench()
    const tap = new VByteTap(bench.reactor)
    const [source, leaving] = [new VProbeProducer(), new Leaving(bench.reactor)]
    source.attach(tap.byteConsume)
    leaving.byteConsume.attach(tap.byteProduce)
    const data = new VByteBuffer([Uint8Array.of(1, 2), Uint8Array.of(3, 4), Uint8Array.of(5)])
    source.send(data)
    expect([data.length, leaving.got, tap.heldBytes]).toEqual([0, [1, 2], 3])
    expect(source.credit).toBe(0)
    const next = new VProbeConsumer({ grantAtAttach: null })
    next.attach(tap.byteProduce)
    bench.settle()
    expect([[...next.received.pop()], tap.heldBytes]).toEqual([[3, 4, 5], 0])
    expect(source.credit).toBe(Number.POSITIVE_INFINITY)
  })

  it('withholds nothing from a producer that comes later, unless it says so again [CR-09 CR-12]', () => {
    const bench = new VTestBench()
    const tap = new Rationed(bench.reactor)
    const sink = new VProbeConsumer({ grantAtAttach: 100 })
    sink.attach(tap.byteProduce)
    const [first, second] = [new VProbeProducer(), new VProbeProducer()]
    first.attach(tap.byteConsume)
    expect(first.limit).toBe(3)
    first.send(new VByteBuffer(Buffer.alloc(3)))
    expect(first.credit).toBe(0)
    first.detach()
    second.attach(tap.byteConsume)
    expect(second.limit).toBe(97)
  })

  it('counts for both its ends while bytes go past it, and the elements above and below agree', () => {
    const bench = new VTestBench()
    const [first, second] = [new VByteTap(bench.reactor), new VByteTap(bench.reactor)]
    const [source, sink] = [new VProbeProducer(), new Counting(bench.reactor)]
    source.attach(first.byteConsume)
    first.byteProduce.attach(second.byteConsume)
    second.byteProduce.attach(sink.byteConsume)
    source.send(new VByteBuffer(Buffer.alloc(7)))
    source.send(new VByteBuffer(Buffer.alloc(2)))
    expect([source.produced, sink.consumedBytes, source.limit]).toEqual([9, 9, 19])
    sink.byteConsume.detach()
    source.send(new VByteBuffer(Buffer.alloc(4)))
    expect([first.heldBytes, second.heldBytes, source.credit]).toEqual([0, 4, 0])
    sink.byteConsume.attach(second.byteProduce)
    bench.settle()
    expect([sink.bytes, first.heldBytes, second.heldBytes, source.credit]).toEqual([13, 0, 0, 10])
  })

  it('goes on granting, through any number of taps, after a call that was refused [CR-16 CR-17]', () => {
    const bench = new VTestBench()
    const [first, second] = [new VByteTap(bench.reactor), new VByteTap(bench.reactor)]
    const [source, sink] = [new VProbeProducer(), new Counting(bench.reactor)]
    source.attach(first.byteConsume)
    first.byteProduce.attach(second.byteConsume)
    second.byteProduce.attach(sink.byteConsume)
    const empty = new VByteBuffer()
    expect(() => source.consumer?.consume(empty)).toThrow(VIOError)
    sink.allow(30)
    expect(source.limit).toBe(30)
    source.send(new VByteBuffer(Buffer.alloc(30)))
    expect(sink.bytes).toBe(30)
  })

  it('goes on granting after a hook below threw, to a producer that goes on', () => {
    const bench = new VTestBench()
    const [first, second] = [new VByteTap(bench.reactor), new VByteTap(bench.reactor)]
    const [source, sink] = [new VProbeProducer(), new Counting(bench.reactor)]
    source.attach(first.byteConsume)
    first.byteProduce.attach(second.byteConsume)
    second.byteProduce.attach(sink.byteConsume)
    sink.fault = new Error('planted')
    const data = new VByteBuffer(Buffer.alloc(4))
    expect(() => source.consumer?.consume(data)).toThrow(sink.fault)
    sink.fault = null
    sink.allow(30)
    // Four bytes went before it failed.
    expect(source.limit).toBe(34)
    source.send(new VByteBuffer(Buffer.alloc(30)))
    expect(sink.bytes).toBe(30)
  })
})
