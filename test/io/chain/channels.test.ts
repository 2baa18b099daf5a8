/**
 * The same elements over different channels, and whole chains that move megabytes.
 *
 * What carries the bytes is a pair of ends joined directly, or two endpoints over devices in memory with small buffers,
 * short reads and writes, and delays.
 */
import {
  VByteAgent,
  type VByteBuffer,
  VByteEndpoint,
  type VByteIOPair,
  VByteWriter,
  type VReceiveAnswer,
} from '@vio/io'
import { VByteDuplexFilter, VByteFilter, VByteTap } from '@vio/io/filter'
import { createDevicePair, VBytePattern, type VDevicePairOptions, VPatternChecker } from '@vio/io/testing'
import type { IVReactor } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { runningReactor, Sink } from '../support.js'

const TOTAL = 100_000

/** Sends a pattern, checks the one that comes, and takes at most 1,000 bytes ahead. */
class Exchange extends VByteAgent {
  readonly checker: VPatternChecker
  ended: boolean | undefined
  readonly #pattern: VBytePattern
  #sent = 0

  constructor(reactor: IVReactor, seeds: { readonly send: number; readonly expect: number }) {
    super(reactor)
    this.#pattern = new VBytePattern(seeds.send)
    this.checker = new VPatternChecker(new VBytePattern(seeds.expect))
  }

  protected override producerAttached(): void {
    this.setReceiveLimit(1_000)
  }

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    this.checker.feed(data)
    return 1_000
  }

  protected override dataEnded(clean: boolean): void {
    this.ended = clean
  }

  protected override produce(maxBytes: number): Uint8Array | null {
    const size = Math.min(TOTAL - this.#sent, maxBytes < 0 ? 4_096 : Math.min(maxBytes, 4_096))
    if (size === 0) return null
    const bytes = this.#pattern.take(size, this.#sent)
    this.#sent += size
    if (this.#sent === TOTAL) this.endProduce(true)
    return bytes
  }
}

/** Joins two pairs by a channel. */
type Channel = (reactor: IVReactor, left: VByteIOPair, right: VByteIOPair) => void

function overDevices(options: Omit<VDevicePairOptions, 'reactor'>): Channel {
  return (reactor, left, right) => {
    const pair = createDevicePair({ ...options, reactor })
    left.attach(new VByteEndpoint(reactor, pair.a).byteIO)
    right.attach(new VByteEndpoint(reactor, pair.b, { bufferBytes: 3_000 }).byteIO)
  }
}

const CHANNELS: readonly (readonly [string, Channel])[] = [
  ['ends joined directly', (_reactor, left, right) => left.attach(right)],
  [
    'ends joined by filters',
    (reactor, left, right) => {
      const identity = { push: (input: VByteBuffer, output: VByteBuffer) => void input.moveTo(output) }
      const duplex = new VByteDuplexFilter(
        new VByteTap(reactor),
        new VByteFilter(reactor, identity, { capacity: 777 }),
      )
      duplex.deviceIO.attach(left)
      duplex.appIO.attach(right)
    },
  ],
  ['devices in memory', overDevices({})],
  ['devices with small buffers', overDevices({ a: { capacityBytes: 100 }, b: { capacityBytes: 1_001 } })],
  [
    'devices with short reads and writes',
    overDevices({ a: { readSizes: [1, 500, 3], writeSizes: [700, 2] }, b: { readSizes: [0, 333] } }),
  ],
  ['devices with a delay', overDevices({ delayMs: 20, a: { capacityBytes: 5_000 } })],
]

describe.each(CHANNELS)('over %s', (_name, join) => {
  it('the same agents talk to each other, unchanged [VE-29]', () => {
    const { host, reactor, logged } = runningReactor()
    const left = new Exchange(reactor, { send: 1, expect: 2 })
    const right = new Exchange(reactor, { send: 2, expect: 1 })
    join(reactor, left.byteIO, right.byteIO)
    host.runUntil(() => left.ended !== undefined && right.ended !== undefined)
    expect([left.checker.position, right.checker.position]).toEqual([TOTAL, TOTAL])
    expect([left.ended, right.ended]).toEqual([true, true])
    host.runUntilIdle()
    expect(logged).toEqual([])
  })
})

describe('a chain', () => {
  it('of four elements moves 10 MB, byte by byte the same, and its end [VE-30]', () => {
    const { host, reactor, logged } = runningReactor()
    const total = 10_000_000
    const pattern = new VBytePattern(30)
    const checker = new VPatternChecker(new VBytePattern(30))
    const writer = new VByteWriter(reactor)
    const tap = new VByteTap(reactor)
    const identity = { push: (input: VByteBuffer, output: VByteBuffer) => void input.moveTo(output) }
    const filter = new VByteFilter(reactor, identity, { capacity: 65_536 })
    const sink = new Sink(reactor, {
      grant: 50_000,
      answer: (data) => {
        checker.feed(data)
        sink.received.clear()
        return 50_000
      },
    })
    filter.byteProduce.attach(sink.byteConsume)
    tap.byteProduce.attach(filter.byteConsume)
    writer.byteProduce.attach(tap.byteConsume)
    for (let at = 0; at < total; at += 100_000) writer.write(pattern.take(100_000, at))
    writer.endWrite()
    host.runUntilIdle()
    expect(checker.position).toBe(total)
    expect(sink.events).toContain('dataEnded(true)')
    expect(logged).toEqual([])
  })

  it('with an endpoint at its end bridges to a device, both ways [VE-31]', () => {
    const { host, reactor } = runningReactor()
    const pair = createDevicePair({ a: { capacityBytes: 64 }, b: { capacityBytes: 64 } })
    const end = new VByteEndpoint(reactor, pair.a, { bufferBytes: 32 })
    const writer = new VByteWriter(reactor)
    const sink = new Sink(reactor, { grant: 10, answer: () => 10 })
    writer.byteProduce.attach(end.byteConsume)
    end.byteProduce.attach(sink.byteConsume)
    const out = new VBytePattern(1)
    writer.write(out.take(1_000))
    writer.endWrite()
    const checker = new VPatternChecker(out)
    let sent = 0
    while (checker.position < 1_000 || sent < 1_000) {
      host.runUntilIdle()
      sent += pair.b.writeSome(out.take(1_000 - sent, sent))
      checker.feed(pair.b.readSome(7))
    }
    pair.b.closeOutput(pair.b.inputEnd ?? expect.unreachable('the end of the output did not arrive'))
    host.runUntilIdle()
    new VPatternChecker(out).feed(sink.received.peek())
    expect([sink.received.length, sink.events.includes('dataEnded(true)')]).toEqual([1_000, true])
    expect([end.closed, end.bufferedBytes]).toEqual([true, 0])
  })
})
