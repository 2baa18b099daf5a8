/**
 * The code of docs/testing.md, run.
 */
import { VByteBuffer, VByteEndpoint, VByteWriter } from '@vio/io'
import { VByteDecoder, VByteTap, VLineDecoder } from '@vio/io/filter'
import {
  BYTE_UNITS,
  createDevicePair,
  EmbeddedChain,
  filterContract,
  type IVFilterSubject,
  VBytePattern,
  VPatternChecker,
  VProbeConsumer,
  VProbeProducer,
  VTestBench,
} from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import { VirtualHost, VSeededRandom, VTrace } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { seeds } from '../lib/runs.js'

describe('docs/testing.md', () => {
  it('lets an hour pass', () => {
    // #region time
    const host = new VirtualHost()
    const reactor = new VReactor({ host })
    const calledAt: number[] = []
    reactor.schedule(3_600_000, () => calledAt.push(host.now()))
    reactor.start()
    host.advance(3_599_999)
    expect(calledAt).toEqual([])
    host.advance(1)
    expect(calledAt).toEqual([3_600_000])
    // #endregion time
  })

  it('embeds an element', () => {
    // #region embed
    const embedded = new EmbeddedChain((reactor) => new VByteDecoder(reactor, new VLineDecoder()))
    embedded.feed('one\ntw')
    expect(embedded.drainMessages()).toEqual(['one'])
    embedded.feed('o\nthr')
    embedded.end()
    expect(embedded.drainMessages()).toEqual(['two'])
    expect(embedded.ended?.clean).toBe(false) // the third line has no end
    // #endregion embed
  })

  it('records with probes', () => {
    // #region probes
    const bench = new VTestBench()
    const source = new VProbeProducer({ log: bench.log, reactor: bench.reactor })
    const sink = new VProbeConsumer({ log: bench.log, grantAtAttach: 3 })
    const tap = new VByteTap(bench.reactor)
    sink.attach(tap.byteProduce)
    source.attach(tap.byteConsume)
    source.feed(new VByteBuffer(Buffer.from('hello')))
    bench.settle()
    expect(bench.log.matching(/canProduce|consume\(/)).toEqual(['source.canProduce(3)', 'sink.consume(3)'])
    sink.grantMore(10)
    bench.settle()
    expect(sink.received.pop().toString()).toBe('hello')
    expect(bench.log.deepest('sink.consume')).toBe(1) // never called from within itself
    // #endregion probes
  })

  it('joins two devices in memory', () => {
    // #region devices
    const bench = new VTestBench()
    const { a, b } = createDevicePair({
      a: { writeSizes: [1, 0, 5] }, // takes 1 byte, then none, then up to 5, and so on
      b: { capacityBytes: 4, readSizes: [3] },
      reactor: bench.reactor,
      delayMs: 20,
    })
    const pattern = new VBytePattern(7)
    const writer = new VByteWriter(bench.reactor)
    writer.byteProduce.attach(new VByteEndpoint(bench.reactor, a).byteConsume)
    writer.write(pattern.take(100))
    writer.endWrite()
    const checker = new VPatternChecker(pattern)
    const reader = new VProbeConsumer({ grantAtAttach: null })
    reader.attach(new VByteEndpoint(bench.reactor, b).byteProduce)
    bench.settle(10_000)
    checker.feed(reader.received.pop()) // throws at the first byte that does not belong there
    expect(checker.position).toBe(100)
    expect(reader.ended?.clean).toBe(true)
    // #endregion devices
  })

  // #region seeds
  /** What becomes of 1,000 packets on a link that loses a twentieth of them. */
  function losses(seed: number): string {
    const loss = new VSeededRandom(seed).fork('loss')
    const trace = new VTrace()
    for (let at = 0; at < 1000; at += 1) trace.record(at, loss.publicDouble() < 0.05 ? 'lost' : 'sent')
    return trace.digest
  }

  it.each(seeds(3))('comes out the same for seed %i', (seed) => {
    expect(losses(seed)).toBe(losses(seed))
    expect(losses(seed)).not.toBe(losses(seed + 1))
  })
  // #endregion seeds

  it('runs a suite in no test runner', async () => {
    const lines: string[] = []
    const console = {
      log: (line: string): void => {
        lines.push(line)
      },
    }
    // #region suite
    function subject(): IVFilterSubject {
      const bench = new VTestBench()
      const tap = new VByteTap(bench.reactor)
      const sample = Array.from({ length: 300 }, (_, at) => at & 0xff)
      return {
        bench,
        consumer: tap.byteConsume,
        producer: tap.byteProduce,
        input: BYTE_UNITS,
        output: BYTE_UNITS,
        sample,
        result: sample, // a tap gives what it gets
        maxHeld: 0, // and holds nothing of it
        held: () => tap.heldBytes,
      }
    }

    for (const { title, run } of filterContract) {
      await run(subject) // throws if the element fails the case
      console.log(`ok  ${title}`)
    }
    // #endregion suite
    expect(lines).toHaveLength(filterContract.length)
  })
})
