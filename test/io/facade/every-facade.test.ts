/**
 * What holds for every facade and adapter: the same bytes however they are cut, no more held than declared, every end
 * told for what it is, in both directions.
 */
import { VBytePattern, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor } from '../support.js'
import { READERS, type TestReader, WRITERS } from './adapters.js'
import { CHUNKINGS, Endless, feed, pumped, randomSizes, rejectionOf, settle } from './support.js'

const pattern = new VBytePattern(11)
const TOTAL = 20_000

async function readAll(reader: TestReader): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for (let piece = await reader.next(); piece.length > 0; piece = await reader.next()) pieces.push(piece)
  return Buffer.concat(pieces)
}

describe.each(READERS)('$name, reading', ({ declaredBytes, open }) => {
  it.each(CHUNKINGS)('gives the same bytes when they come $how', async ({ portions }) => {
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor, portions })
    const reader = open(source, reactor)
    feed(source, pattern.take(TOTAL))
    source.end()
    const got = await pumped(host, readAll(reader))
    expect(got.length).toBe(TOTAL)
    expect(pattern.mismatchAt(got)).toBe(-1)
    await settle(host)
    expect(source.aborted).toEqual({ reason: undefined })
  })

  it('holds no more than it declares while nobody reads, and no more beyond what is read', async () => {
    const { reactor, host } = runningReactor()
    const source = new Endless(reactor)
    const reader = open(source.byteProduce, reactor)
    await settle(host)
    expect(source.given).toBeLessThanOrEqual(declaredBytes)
    let read = 0
    for (let round = 0; round < 50; round += 1) {
      const piece = await pumped(host, reader.next())
      expect(source.pattern.mismatchAt(piece, read)).toBe(-1)
      read += piece.length
      await settle(host, 3)
      expect(source.given - read).toBeLessThanOrEqual(declaredBytes)
    }
    expect(read).toBeGreaterThanOrEqual(declaredBytes)
  })

  it('fails at an end that is not clean, and at an abort, with the reason', async () => {
    for (const how of ['end', 'abort'] as const) {
      const { reactor, host } = runningReactor()
      const source = new VProbeProducer({ reactor })
      const reader = open(source, reactor)
      const reason = new Error('the line is dead')
      const reading = readAll(reader)
      await settle(host)
      if (how === 'end') source.end(false, reason)
      else source.abort(reason)
      const error = await rejectionOf(pumped(host, reading))
      expect(error.message).toContain('the line is dead')
      expect(error === reason || error.cause === reason || (error.cause as Error).cause === reason).toBe(true)
    }
  })

  it('takes the chain down when it is left', async () => {
    const { reactor, host, logged } = runningReactor()
    const source = new Endless(reactor)
    const reader = open(source.byteProduce, reactor)
    await pumped(host, reader.next())
    reader.leave(new Error('had enough'))
    await settle(host)
    expect(source.byteProduce.consumer).toBeNull()
    const given = source.given
    await settle(host)
    expect(source.given).toBe(given)
    expect(logged).toEqual([])
  })
})

describe.each(WRITERS)('$name, writing', ({ declaredBytes, open }) => {
  it.each(CHUNKINGS)('passes the same bytes on when they are taken $how', async ({ portions }) => {
    const { reactor, host } = runningReactor()
    const random = randomSizes('writes', 2000) as (wanted: number) => number
    const sizes = typeof portions === 'function' ? portions : () => 1
    const sink = new VProbeConsumer({
      grantAtAttach: 1,
      answer: ({ consumed }) => consumed + sizes(4096),
    })
    const writer = open(sink, reactor)
    const writing = (async () => {
      for (let at = 0; at < TOTAL; ) {
        const size = Math.min(random(0), TOTAL - at)
        await writer.give(pattern.take(size, at))
        at += size
      }
      await writer.end()
    })()
    await pumped(host, writing)
    await settle(host)
    expect(sink.ended).toEqual({ clean: true, reason: undefined })
    const got = sink.received.pop()
    expect(got.length).toBe(TOTAL)
    expect(pattern.mismatchAt(got)).toBe(-1)
  })

  it('holds no more than it declares while the chain takes nothing', async () => {
    const { reactor, host } = runningReactor()
    const sink = new VProbeConsumer({ grantAtAttach: 0 })
    const writer = open(sink, reactor)
    let given = 0
    let resumed = 0
    const writing = (async () => {
      for (;;) {
        const size = 100
        given += size
        await writer.give(pattern.take(size, given - size))
        resumed = given
      }
    })()
    writing.catch(() => undefined)
    await settle(host, 30)
    // What was given last may wait for its turn outside.
    expect(resumed).toBeLessThanOrEqual(declaredBytes)
    for (let taken = 0; taken < 3 * declaredBytes; ) {
      sink.grantMore(500)
      await settle(host, 10)
      taken = sink.moved
      expect(resumed - taken).toBeLessThanOrEqual(declaredBytes)
    }
    expect(pattern.mismatchAt(sink.received.pop())).toBe(-1)
    writer.leave(new Error('done'))
    await settle(host)
  })

  it('fails when the chain takes no more, with the reason', async () => {
    const { reactor, host } = runningReactor()
    const sink = new VProbeConsumer({ grantAtAttach: 10 })
    const writer = open(sink, reactor)
    const reason = new Error('nobody listens')
    const writing = (async () => {
      for (;;) await writer.give(pattern.take(1000))
    })()
    writing.catch(() => undefined)
    await settle(host)
    sink.abort(reason)
    const error = await rejectionOf(pumped(host, writing))
    expect(error === reason || error.cause === reason).toBe(true)
  })

  it('takes the chain down when it is left: the end is not a clean one', async () => {
    const { reactor, host } = runningReactor()
    const sink = new VProbeConsumer({ grantAtAttach: 10 })
    const writer = open(sink, reactor)
    const reason = new Error('changed my mind')
    writer.give(pattern.take(100)).catch(() => undefined)
    await settle(host)
    writer.leave(reason)
    await settle(host)
    expect(sink.ended).toBeNull()
    expect(sink.aborted?.reason).toBe(reason)
  })
})
