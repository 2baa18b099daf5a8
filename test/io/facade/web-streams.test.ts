/**
 * Chains as web streams, and web streams as chain ends: what is particular to them.
 */
import { ReadableStream, WritableStream } from 'node:stream/web'
import { VByteWriter, VIOClosed, VIOError, VIOLost } from '@vio/io'
import { fromWebReadable, fromWebWritable, toWebReadable, toWebWritable } from '@vio/io/facade'
import { VBytePattern, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor } from '../support.js'
import { Endless, feed, outcomeOf, pumped, rejectionOf, settle, settleUntil } from './support.js'

const pattern = new VBytePattern(8)

describe('toWebReadable', () => {
  it('gives memory of its own, which may be passed on to others', async () => {
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor })
    const shared = Buffer.from('shared memory')
    const reader = toWebReadable(source, { reactor }).getReader()
    feed(source, shared)
    const { value } = await pumped(host, reader.read())
    const before = Buffer.from('next')
    structuredClone(value?.buffer, { transfer: [value?.buffer as ArrayBuffer] })
    expect(value?.length).toBe(0)
    expect([before.toString(), shared.toString()]).toEqual(['next', 'shared memory'])
  })

  it('fills the memory of a reader that brings it, also more than the high-water mark', async () => {
    const { reactor, host } = runningReactor()
    const source = new Endless(reactor)
    const reader = toWebReadable(source, { highWaterMark: 100 }).getReader({ mode: 'byob' })
    let read = 0
    for (const size of [10, 1000, 1]) {
      const { value } = await pumped(host, reader.read(new Uint8Array(size)))
      expect(value?.length).toBeGreaterThan(0)
      expect(value?.length).toBeLessThanOrEqual(size)
      expect(source.pattern.mismatchAt(value ?? new Uint8Array(), read)).toBe(-1)
      read += value?.length ?? 0
    }
    await reader.cancel()
    await settle(host)
    expect(source.byteProduce.consumer).toBeNull()
  })

  it('answers a reader with memory of its own at the end', async () => {
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor })
    const reader = toWebReadable(source, { reactor }).getReader({ mode: 'byob' })
    const reading = reader.read(new Uint8Array(10))
    await settle(host)
    source.end()
    expect((await pumped(host, reading)).done).toBe(true)
  })

  it('passes the reason of a cancellation on', async () => {
    for (const given of [new Error('mine'), 'because', undefined]) {
      const { reactor, host } = runningReactor()
      const source = new VProbeProducer({ reactor })
      await toWebReadable(source, { reactor }).cancel(given)
      await settle(host)
      const reason = source.aborted?.reason
      if (given instanceof Error) expect(reason).toBe(given)
      else if (given === undefined) expect(reason).toBeInstanceOf(VIOClosed)
      else expect(reason).toMatchObject({ code: 'V_IO_ERROR', cause: 'because' })
    }
  })

  it('refuses what is none and a mark of 0', () => {
    const { reactor } = runningReactor()
    expect(() => toWebReadable(null as unknown as VProbeProducer)).toThrow(TypeError)
    expect(() => toWebReadable(new VProbeProducer(), { reactor, highWaterMark: 0 })).toThrow(RangeError)
  })
})

describe('toWebWritable', () => {
  it('closes when the end was carried out, and fails if it was not', async () => {
    const { reactor, host } = runningReactor()
    const sink = new VProbeConsumer({ grantAtAttach: 2 })
    const writer = toWebWritable(sink, { reactor }).getWriter()
    void writer.write(Buffer.from('abcd'))
    const closing = writer.close()
    await settle(host)
    expect(await outcomeOf(closing)).toBe('pending')
    sink.grant(null)
    await pumped(host, closing)
    expect(sink.ended).toEqual({ clean: true, reason: undefined })
    const lost = new VProbeConsumer({ grantAtAttach: 0 })
    const other = toWebWritable(lost, { reactor }).getWriter()
    other.write(Buffer.from('x')).catch(() => undefined)
    const failing = other.close()
    other.closed.catch(() => undefined)
    await settle(host)
    const reason = new VIOLost('nobody there')
    lost.abort(reason)
    expect(await rejectionOf(failing)).toBe(reason)
  })

  it('takes the chain down when it is given something else than bytes', async () => {
    const { reactor, host } = runningReactor()
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const writer = toWebWritable(sink, { reactor }).getWriter()
    writer.closed.catch(() => undefined)
    expect(await rejectionOf(writer.write({} as Uint8Array))).toBeInstanceOf(TypeError)
    await settle(host)
    expect(sink.aborted?.reason).toBeInstanceOf(TypeError)
    expect(sink.ended).toBeNull()
  })

  it('lets both be piped with the same bytes', async () => {
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor, portions: [1, 100, 7] })
    const sink = new VProbeConsumer({ grantAtAttach: 10, answer: ({ consumed }) => consumed + 333 })
    const piping = toWebReadable(source, { reactor }).pipeTo(toWebWritable(sink, { reactor }))
    feed(source, pattern.take(20_000))
    source.end()
    await pumped(host, piping)
    expect(sink.received.length).toBe(20_000)
    expect(pattern.mismatchAt(sink.received.pop())).toBe(-1)
  })
})

describe('fromWebReadable', () => {
  it('ends unclean at a chunk that is no bytes, and cancels the stream', async () => {
    const { reactor, host, logged } = runningReactor()
    const cancelled: unknown[] = []
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue('text' as unknown as Uint8Array),
      cancel: (reason) => void cancelled.push(reason),
    })
    const sink = new VProbeConsumer({ grantAtAttach: null })
    sink.attach(fromWebReadable(reactor, stream).byteProduce)
    await settleUntil(host, () => sink.ended !== null)
    expect(sink.ended?.clean).toBe(false)
    expect(sink.ended?.reason).toBeInstanceOf(TypeError)
    expect(cancelled).toEqual([sink.ended?.reason])
    expect(logged).toEqual([])
  })

  it('gives the stream free at its end', async () => {
    const { reactor, host } = runningReactor()
    const stream = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() })
    const sink = new VProbeConsumer({ grantAtAttach: 1 })
    sink.attach(fromWebReadable(reactor, stream).byteProduce)
    expect(stream.locked).toBe(true)
    await settleUntil(host, () => sink.ended !== null)
    expect([sink.ended?.clean, stream.locked]).toEqual([true, false])
  })

  it('refuses what is none or locked', () => {
    const { reactor } = runningReactor()
    const stream = new ReadableStream<Uint8Array>()
    stream.getReader()
    expect(() => fromWebReadable(reactor, stream)).toThrow(TypeError)
    expect(() => fromWebReadable(reactor, {} as ReadableStream<Uint8Array>)).toThrow(TypeError)
  })
})

describe('fromWebWritable', () => {
  it('takes the chain down when the stream fails without being written to', async () => {
    const { reactor, host } = runningReactor()
    const reason = new Error('closed by the other side')
    let fail = (): void => undefined
    const stream = new WritableStream<Uint8Array>({
      start: (controller) => {
        fail = () => controller.error(reason)
      },
    })
    const source = new VProbeProducer({ reactor })
    source.attach(fromWebWritable(reactor, stream).byteConsume)
    await settle(host)
    fail()
    await settle(host)
    expect(source.aborted?.reason).toBe(reason)
  })

  it('refuses what is none or locked, and a capacity that is none', () => {
    const { reactor } = runningReactor()
    const stream = new WritableStream<Uint8Array>()
    expect(() => fromWebWritable(reactor, stream, { capacityBytes: 0 })).toThrow(RangeError)
    expect(() => fromWebWritable(reactor, {} as WritableStream<Uint8Array>)).toThrow(TypeError)
    stream.getWriter()
    expect(() => fromWebWritable(reactor, stream)).toThrow(TypeError)
  })

  it('can be written to by a writer of vio, at any speed', async () => {
    const { reactor, host } = runningReactor()
    const got: Uint8Array[] = []
    const stream = new WritableStream<Uint8Array>({ write: (chunk) => void got.push(chunk) })
    const writer = new VByteWriter(reactor)
    writer.byteProduce.attach(fromWebWritable(reactor, stream, { capacityBytes: 1 }).byteConsume)
    writer.write(pattern.take(50))
    writer.endWrite()
    await settleUntil(host, () => writer.byteProduce.consumer === null)
    expect(pattern.mismatchAt(Buffer.concat(got))).toBe(-1)
    expect(() => writer.write('x')).toThrow(VIOClosed)
    expect(new VIOError('x')).toBeInstanceOf(Error)
  })
})
