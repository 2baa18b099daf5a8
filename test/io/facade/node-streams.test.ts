/**
 * Chains as Node streams: what is particular to them beside what holds for every facade.
 */
import { type Duplex, PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { VByteEndpoint, VIOClosed, VIOError, VIOLost } from '@vio/io'
import { fromNodeStream, toNodeDuplex, toNodeReadable, toNodeWritable } from '@vio/io/facade'
import { createDevicePair, VBytePattern, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor } from '../support.js'
import { Endless, feed, pumped, scriptedPair, settle, settleUntil } from './support.js'

const pattern = new VBytePattern(4)

function duplexOnPair(options: { readonly limit?: number | null } = {}) {
  const far = scriptedPair({ limit: options.limit ?? null })
  const duplex = toNodeDuplex(far.pair, { reactor: far.reactor })
  const errors: Error[] = []
  duplex.on('error', (error) => errors.push(error))
  return { ...far, duplex, errors }
}

describe('toNodeDuplex', () => {
  it('asks the chain for nothing before somebody reads', async () => {
    const { reactor, host } = runningReactor()
    const source = new Endless(reactor)
    const readable = toNodeReadable(source)
    await settle(host)
    expect(source.given).toBe(0)
    readable.once('readable', () => undefined)
    await settle(host)
    expect(source.given).toBe(readable.readableHighWaterMark)
    readable.destroy()
  })

  it('goes on after a reader has put back what it read', async () => {
    const { reactor, host } = runningReactor()
    const source = new Endless(reactor)
    const readable = toNodeReadable(source, { readableHighWaterMark: 1000 })
    readable.on('readable', () => undefined)
    await settle(host)
    for (let round = 0; round < 5; round += 1) {
      const all = readable.read() as Buffer
      readable.unshift(all)
      await settle(host)
    }
    let read = 0
    // How much one read gives differs from one Node to another; that there is always more does not.
    for (let round = 0; read <= 3000 && round < 4000; round += 1) {
      const piece = (readable.read() as Buffer | null) ?? Buffer.alloc(0)
      expect(source.pattern.mismatchAt(piece, read)).toBe(-1)
      read += piece.length
      await settle(host)
    }
    expect(read).toBeGreaterThan(3000)
    readable.destroy()
  })

  it('ends each direction alone', async () => {
    const { duplex, source, sink, host } = duplexOnPair()
    duplex.resume()
    source.end()
    await settle(host)
    expect([duplex.readableEnded, duplex.writable, duplex.destroyed]).toEqual([true, true, false])
    duplex.end('late answer')
    await settle(host)
    expect(sink.received.pop().toString()).toBe('late answer')
    expect(sink.ended).toEqual({ clean: true, reason: undefined })
    expect([duplex.writableFinished, duplex.destroyed]).toEqual([true, true])
    expect(source.aborted).toEqual({ reason: undefined })
    const other = duplexOnPair()
    other.duplex.end()
    await settle(other.host)
    expect([other.duplex.writableFinished, other.duplex.readable]).toEqual([true, true])
    feed(other.source, 'still here')
    other.duplex.resume()
    await settle(other.host)
    expect(other.source.moved).toBe(10)
  })

  it('tells the chain that its end was carried out only when everything was read', async () => {
    const { duplex, source, host } = duplexOnPair()
    duplex.on('readable', () => undefined)
    feed(source, 'abc')
    source.end()
    await settle(host)
    expect(source.aborted).toBeNull()
    duplex.read()
    duplex.read()
    await settle(host)
    expect(duplex.readableEnded).toBe(true)
    expect(source.aborted).toEqual({ reason: undefined })
    expect(duplex.writable).toBe(true)
  })

  it('finishes when the end was carried out, and fails if it was not', async () => {
    const { reactor, host } = runningReactor()
    const { a, b } = createDevicePair({ b: { capacityBytes: 4 } })
    const duplex = toNodeDuplex(new VByteEndpoint(reactor, a).byteIO)
    duplex.end('123456')
    await settle(host)
    expect(duplex.writableFinished).toBe(false)
    b.readSome(10)
    await settle(host)
    expect(duplex.writableFinished).toBe(true)
    const lost = duplexOnPair({ limit: 0 })
    lost.duplex.end('x')
    const reason = new VIOLost('never arrived')
    lost.sink.abort(reason)
    await settle(lost.host)
    expect(lost.errors).toEqual([reason])
    expect(lost.duplex.writableFinished).toBe(false)
  })

  it('is destroyed with the reason by any end that is not clean, and takes the other direction down', async () => {
    for (const how of ['input', 'input end', 'output'] as const) {
      const { duplex, source, sink, errors, host } = duplexOnPair()
      duplex.resume()
      await settle(host)
      const reason = new Error(how)
      if (how === 'input') source.abort(reason)
      else if (how === 'input end') source.end(false, reason)
      else sink.abort(reason)
      await settle(host)
      expect(errors).toEqual([reason])
      expect([source.aborted?.reason, sink.aborted?.reason]).toEqual([reason, reason])
      expect(duplex.destroyed).toBe(true)
    }
  })

  it('takes the chain down when it is destroyed, with or without a reason', async () => {
    for (const error of [new Error('mine'), undefined]) {
      const { duplex, source, sink, errors, host } = duplexOnPair()
      feed(source, 'abc')
      duplex.on('readable', () => undefined)
      await settle(host)
      duplex.destroy(error)
      await settle(host)
      expect(errors).toEqual(error === undefined ? [] : [error])
      for (const end of [source, sink]) {
        if (error === undefined) expect(end.aborted?.reason).toBeInstanceOf(VIOClosed)
        else expect(end.aborted?.reason).toBe(error)
      }
      expect(sink.ended).toBeNull()
    }
  })

  it('writes many chunks at once where the chain was slow, and says when they are taken', async () => {
    const { duplex, sink, host } = duplexOnPair({ limit: 0 })
    const done: number[] = []
    for (let at = 0; at < 10; at += 1) duplex.write(pattern.take(100, at * 100), () => done.push(at))
    await settle(host)
    expect(done).toEqual([])
    sink.grantMore(100)
    await settle(host)
    expect(done).toEqual([0])
    sink.grant(null)
    await settle(host)
    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(pattern.mismatchAt(sink.received.pop())).toBe(-1)
    duplex.write('')
    duplex.end()
    await settle(host)
    expect(sink.ended?.clean).toBe(true)
  })

  it('tells each write that the chain did not take', async () => {
    const { duplex, sink, errors, host } = duplexOnPair({ limit: 1 })
    const told: unknown[] = []
    for (const data of ['ab', 'c']) duplex.write(data, (error) => told.push(error))
    await settle(host)
    expect(told).toEqual([])
    const reason = new VIOLost('full')
    sink.abort(reason)
    await settle(host)
    expect(told).toHaveLength(2)
    expect(told[0]).toBe(reason)
    expect(errors).toEqual([reason])
  })

  it('goes through pipeline, there and back, with the same bytes', async () => {
    const { reactor, host } = runningReactor()
    const { a, b } = createDevicePair({ a: { capacityBytes: 100 }, b: { capacityBytes: 333 } })
    const left = toNodeDuplex(new VByteEndpoint(reactor, a).byteIO)
    const right = toNodeDuplex(new VByteEndpoint(reactor, b).byteIO)
    const input = new PassThrough()
    const chunks: Buffer[] = []
    const echo = pipeline(right, right as Duplex)
    const there = pipeline(input, left)
    left.on('data', (chunk: Buffer) => chunks.push(chunk))
    for (let at = 0; at < 50_000; at += 1000) input.write(pattern.take(1000, at))
    input.end()
    await pumped(host, Promise.all([echo, there]))
    const got = Buffer.concat(chunks)
    expect(got.length).toBe(50_000)
    expect(pattern.mismatchAt(got)).toBe(-1)
  })

  it('goes on through a chain made of a stream made of a chain', async () => {
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor })
    const sink = new VProbeConsumer({ grantAtAttach: null })
    sink.attach(fromNodeStream(reactor, toNodeReadable(source, { reactor })).byteProduce)
    feed(source, pattern.take(30_000))
    source.end()
    await settleUntil(host, () => sink.ended !== null)
    expect(sink.ended?.clean).toBe(true)
    expect(pattern.mismatchAt(sink.received.pop())).toBe(-1)
  })

  it('refuses what is taken or none, and needs a reactor', () => {
    const { pair, reactor } = duplexOnPair()
    expect(() => toNodeDuplex(pair, { reactor })).toThrow(VIOError)
    expect(() => toNodeDuplex(scriptedPair().pair)).toThrow(TypeError)
    for (const wrong of [null, undefined, {}, 'x'] as unknown as VProbeProducer[]) {
      expect(() => toNodeReadable(wrong, { reactor })).toThrow(TypeError)
      expect(() => toNodeWritable(wrong as unknown as VProbeConsumer, { reactor })).toThrow(TypeError)
    }
  })
})
