/**
 * What an endpoint gives back to its device to be read into again: only memory that nobody can have any more.
 */
import { VByteEndpoint } from '@vio/io'
import { VByteTap } from '@vio/io/filter'
import { createDevicePair, VBytePattern, type VDevicePairOptions } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor, Sink } from '../support.js'

const PATTERN = new VBytePattern(5)

/** Two endpoints side by side. The first may read into memory again; the second says when it needs none any more. */
function rig(target: VDevicePairOptions = {}, writesThrough = true) {
  const made = runningReactor()
  const from = createDevicePair({ reactor: made.reactor })
  const to = createDevicePair({ reactor: made.reactor, ...target })
  const given: Buffer[] = []
  const reader = Object.assign(from.a, { reuse: (bytes: Buffer) => given.push(bytes) })
  if (writesThrough) Object.assign(to.a, { writesThrough })
  const source = new VByteEndpoint(made.reactor, reader)
  const sink = new VByteEndpoint(made.reactor, to.a)
  const arrived = (): Buffer => {
    made.host.advance(1000)
    return to.b.readSome(100_000)
  }
  return { ...made, from, to, source, sink, given, arrived }
}

describe('memory that was read', () => {
  it('is given back once another device has written it through', () => {
    const { host, from, source, sink, given, arrived } = rig()
    source.byteProduce.attach(sink.byteConsume)
    for (const size of [20_000, 1]) {
      from.b.writeSome(PATTERN.take(size))
      host.advance(10)
      expect(given.map(({ length }) => length)).toEqual([size])
      expect(given.pop()?.equals(PATTERN.take(size))).toBe(true)
      expect(arrived().equals(PATTERN.take(size))).toBe(true)
    }
  })

  it('is kept while any of it waits, in the endpoint or in the device', () => {
    for (const target of [{ b: { capacityBytes: 999 } }, { delayMs: 50 }]) {
      const { from, source, sink, given, arrived } = rig(target)
      source.byteProduce.attach(sink.byteConsume)
      from.b.writeSome(PATTERN.take(1000))
      let got = Buffer.alloc(0)
      for (let round = 0; round < 10; round += 1) got = Buffer.concat([got, arrived()])
      expect(got.equals(PATTERN.take(1000))).toBe(true)
      expect(given).toEqual([])
    }
  })

  it('is kept if the device that wrote it does not say that it needs nothing any more', () => {
    const { from, source, sink, given, arrived } = rig({}, false)
    source.byteProduce.attach(sink.byteConsume)
    from.b.writeSome(PATTERN.take(1000))
    expect(arrived().length).toBe(1000)
    expect(given).toEqual([])
  })

  it('is kept if anything else has seen it', () => {
    const { reactor, from, source, sink, given, arrived } = rig()
    const tap = new VByteTap(reactor)
    source.byteProduce.attach(tap.byteConsume)
    tap.byteProduce.attach(sink.byteConsume)
    from.b.writeSome(PATTERN.take(1000))
    expect(arrived().length).toBe(1000)
    const other = rig()
    const consumer = new Sink(other.reactor)
    other.source.byteProduce.attach(consumer.byteConsume)
    other.from.b.writeSome(PATTERN.take(1000))
    other.host.advance(10)
    expect(consumer.received.length).toBe(1000)
    expect([...given, ...other.given]).toEqual([])
  })
})
