/**
 * `VByteWriter`: what may be written and when, how it leaves, and how a writer ends.
 */
import { type IVByteWriter, isByteWriter, VByteProducer, VByteWriter, VIOClosed } from '@vio/io'
import { VBytePattern, VPatternChecker, VProbeConsumer } from '@vio/io/testing'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { runningReactor, Sink, type SinkOptions } from '../support.js'

/** A writer with a recording sink attached. */
function attached(options: SinkOptions = {}) {
  const made = runningReactor()
  const writer = new VByteWriter(made.reactor)
  const sink = new Sink(made.reactor, options)
  writer.byteProduce.attach(sink.byteConsume)
  return { ...made, writer, sink }
}

describe('a writer', () => {
  it('is a producer, and an output to whoever writes [VE-62]', () => {
    const { reactor } = runningReactor()
    const writer = new VByteWriter(reactor)
    expect(writer).toBeInstanceOf(VByteProducer)
    expect(isByteWriter(writer)).toBe(true)
    expectTypeOf(writer).toExtend<IVByteWriter>()
    const probe = new VProbeConsumer()
    probe.attach(writer.byteProduce)
    expect([writer.byteProduce.consumer, probe.producer]).toEqual([probe, writer.byteProduce])
    expect([writer.byteProduce.twoway, writer.byteProduce.flows]).toEqual([false, []])
    expect(() => new VByteWriter(undefined as never)).toThrow(TypeError)
  })

  it('passes 10 MB of 1,000 writes on in order, never beyond what it was allowed [VE-61]', () => {
    const { host, reactor } = runningReactor()
    const writer = new VByteWriter(reactor)
    const checker = new VPatternChecker(new VBytePattern(61))
    const allowance = 7_777
    let most = 0
    const sink = new Sink(reactor, {
      grant: allowance,
      answer: (data) => {
        checker.feed(data)
        most = Math.max(most, data.length)
        sink.received.clear()
        return allowance
      },
    })
    writer.byteProduce.attach(sink.byteConsume)
    const pattern = new VBytePattern(61)
    for (let at = 0; at < 1_000; at += 1) writer.write(pattern.take(10_000, at * 10_000))
    writer.endWrite()
    host.runUntilIdle()
    expect(checker.position).toBe(10_000_000)
    expect(most).toBeLessThanOrEqual(allowance)
    expect(sink.events).toContain('dataEnded(true)')
  })

  it('makes one production of many writes, on a later turn [VE-61] [CR-53]', () => {
    const { host, writer, sink } = attached()
    host.runUntilIdle()
    const steps = host.steps
    for (let at = 0; at < 100; at += 1) writer.write('x')
    expect([sink.received.length, writer.queuedBytes]).toEqual([0, 100])
    host.runUntilIdle()
    expect([sink.received.length, writer.queuedBytes]).toEqual([100, 0])
    // One chunk a turn, and one turn that finds nothing more.
    expect(host.steps - steps).toBe(101)
  })

  it('keeps what it was not allowed to give, also for another consumer [VE-61]', () => {
    const { host, reactor } = runningReactor()
    const writer = new VByteWriter(reactor)
    writer.write('abcdef')
    for (const [grant, given] of [
      [2, 'ab'],
      [1, 'c'],
      [9, 'def'],
    ] as const) {
      const sink = new Sink(reactor, { grant, answer: () => 0 })
      writer.byteProduce.attach(sink.byteConsume)
      host.runUntilIdle()
      expect(sink.received.pop().toString()).toBe(given)
      writer.byteProduce.detach()
    }
  })
})

describe('write', () => {
  it('is allowed before a consumer is attached, also in a constructor [VE-63] [CR-53]', () => {
    class Greeter extends VByteWriter {
      constructor(...args: ConstructorParameters<typeof VByteWriter>) {
        super(...args)
        this.write('hello ')
        this.endWrite()
      }
    }
    const { host, reactor } = runningReactor()
    const greeter = new Greeter(reactor)
    expect(greeter.queuedBytes).toBe(6)
    host.runUntilIdle()
    const sink = new Sink(reactor)
    greeter.byteProduce.attach(sink.byteConsume)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('hello ')
    expect(sink.events).toContain('dataEnded(true)')
  })

  it('after endWrite or an abort throws [VE-63] [CR-54]', () => {
    const { host, reactor } = runningReactor()
    const [ending, ended, aborted] = [attached().writer, new VByteWriter(reactor), new VByteWriter(reactor)]
    ending.endWrite()
    ended.byteProduce.attach(new Sink(reactor).byteConsume)
    ended.endWrite()
    host.runUntilIdle()
    aborted.byteProduce.abort()
    for (const writer of [ending, ended, aborted]) {
      expect(() => writer.write('x')).toThrow(VIOClosed)
      expect(writer.queuedBytes).toBe(0)
    }
  })

  it.each([undefined, null, 7, true, {}, new ArrayBuffer(2), new Uint16Array(1), () => 'x'])(
    'of %s, which is no bytes, throws and queues nothing [VE-63]',
    (data) => {
      const { writer } = attached()
      expect(() => writer.write(data as never)).toThrow(TypeError)
      expect(writer.queuedBytes).toBe(0)
      writer.write('x')
    },
  )

  it('takes bytes, text as UTF-8, and a list in its order [VE-66]', () => {
    const { host, writer, sink } = attached()
    writer.write(new Uint8Array([97, 98]))
    writer.write('ü€')
    writer.write([Buffer.from('c'), new Uint8Array([100])])
    writer.write([])
    writer.write('')
    writer.write(new Uint8Array(0))
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('abü€cd')
  })

  it('takes nothing of a list with something else in it [VE-66]', () => {
    const { host, writer, sink } = attached()
    for (const wrong of ['text', null, 7, undefined]) {
      expect(() => writer.write([Buffer.from('a'), wrong, Buffer.from('b')] as never)).toThrow(TypeError)
    }
    expect(writer.queuedBytes).toBe(0)
    writer.write('ok')
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('ok')
  })
})

describe('endWrite', () => {
  it.each([
    [undefined, true],
    [true, true],
    [false, false],
  ])('with %s ends with %s, after the bytes [VE-64] [CR-54]', (flag, clean) => {
    const { host, writer, sink } = attached({ grant: 2, answer: () => 0 })
    writer.write('abc')
    writer.endWrite(flag)
    writer.endWrite(!clean)
    host.runUntilIdle()
    expect(sink.events).not.toContain(`dataEnded(${clean})`)
    sink.grant(1)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('abc')
    expect(sink.events.filter((event) => event.startsWith('dataEnded'))).toEqual([`dataEnded(${clean})`])
  })

  it('with nothing written ends at once, at limit 0 too [VE-64] [CR-36]', () => {
    const { host, writer, sink } = attached({ grant: 'nothing' })
    writer.endWrite()
    host.runUntilIdle()
    expect(sink.events).toContain('dataEnded(true)')
  })

  it('before a consumer is attached ends when one is, at limit 0 too [VE-64] [CR-36]', () => {
    const { host, reactor } = runningReactor()
    const writer = new VByteWriter(reactor)
    writer.endWrite()
    const sink = new Sink(reactor, { grant: 'nothing' })
    writer.byteProduce.attach(sink.byteConsume)
    host.runUntilIdle()
    expect(sink.events).toContain('dataEnded(true)')
  })

  it('with the limit just used up ends without another grant [VE-64] [CR-36]', () => {
    for (const early of [true, false]) {
      const { host, writer, sink } = attached({ grant: 3, answer: () => 0 })
      writer.write('abc')
      if (early) writer.endWrite()
      host.runUntilIdle()
      if (!early) writer.endWrite()
      host.runUntilIdle()
      expect(sink.events).toContain('dataEnded(true)')
    }
  })

  it('before a consumer is attached leaves the writer attachable, until nothing is queued [VE-64] [CR-12]', () => {
    const { host, reactor } = runningReactor()
    const writer = new VByteWriter(reactor)
    writer.write('abcd')
    writer.endWrite(false)
    const [first, second] = [3, 9].map((grant) => new Sink(reactor, { grant, answer: () => 0 }))
    for (const sink of [first, second]) {
      if (sink !== undefined) writer.byteProduce.attach(sink.byteConsume)
      host.runUntilIdle()
      writer.byteProduce.detach()
    }
    expect([first?.received.pop().toString(), second?.received.pop().toString()]).toEqual(['abc', 'd'])
    expect([first?.events, second?.events].map((events) => events?.includes('dataEnded(false)'))).toEqual([
      false,
      true,
    ])
  })

  it('after an abort does nothing [VE-64]', () => {
    const { host, writer, sink } = attached()
    writer.abortWriter()
    writer.endWrite()
    host.runUntilIdle()
    expect(sink.events).not.toContain('dataEnded(true)')
  })
})

describe('abortWriter', () => {
  it('drops what is queued at once, and aborts the chain on the next turn [VE-65] [CR-55]', () => {
    const { host, writer, sink } = attached({ grant: 'nothing' })
    writer.write('abc')
    host.runUntilIdle()
    writer.abortWriter()
    expect(writer.queuedBytes).toBe(0)
    expect(() => writer.write('x')).toThrow(VIOClosed)
    expect(sink.events).toEqual(['producerAttached'])
    host.runUntilIdle()
    expect(sink.events).toEqual(['producerAttached', 'producerDetached', 'consumerAborted', 'consumerClosed'])
    expect(sink.closed).toMatchObject([{ wasAborted: true }])
    expect(() => writer.write('x')).toThrow(VIOClosed)
    writer.abortWriter()
    host.runUntilIdle()
    expect(sink.received.length).toBe(0)
  })

  it('gives nothing of what was written before, in the same turn [VE-65]', () => {
    const { host, writer, sink } = attached()
    writer.write('abc')
    writer.abortWriter()
    host.runUntilIdle()
    expect(sink.received.length).toBe(0)
    expect(sink.closed).toMatchObject([{ wasAborted: true }])
  })

  it('by the other side drops the queue as well [VE-65] [CR-55]', () => {
    const { writer, sink } = attached({ grant: 'nothing' })
    writer.write('abc')
    sink.byteConsume.abort()
    expect(writer.queuedBytes).toBe(0)
    expect(() => writer.write('x')).toThrow(VIOClosed)
  })
})
