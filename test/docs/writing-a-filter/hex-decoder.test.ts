/**
 * The tests that docs/writing-a-filter.md writes for its filter.
 */
import { VByteConsumer, VByteWriter } from '@vio/io'
import { chain } from '@vio/io/facade'
import { VByteFilter } from '@vio/io/filter'
import {
  BYTE_UNITS,
  EmbeddedChain,
  filterContract,
  type IVFilterSubject,
  type IVTransformSubject,
  transformContract,
  VTestBench,
} from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HexDecoder } from './hex-decoder.js'

describe('HexDecoder', () => {
  // #region embed
  const embed = (limit: number | null = null) =>
    new EmbeddedChain((reactor) => new VByteFilter(reactor, new HexDecoder(), { capacity: 8 }), { limit })

  it('gives the bytes that the digits stand for, however they are cut', () => {
    const decodes = fc.property(fc.uint8Array(), fc.array(fc.nat(9)), (bytes, cuts) => {
      const chain = embed()
      let digits = Buffer.from(bytes).toString('hex')
      for (const cut of cuts) {
        chain.feed(digits.slice(0, cut))
        digits = digits.slice(cut)
      }
      chain.feed(digits)
      chain.end()
      expect([chain.drain(), chain.ended?.clean]).toEqual([Buffer.from(bytes), true])
    })
    fc.assert(decodes)
  })
  // #endregion embed

  // #region every
  it('gives the same for each of the 128 ways to cut 8 digits', () => {
    for (let cuts = 0; cuts < 128; cuts += 1) {
      const chain = embed()
      let piece = ''
      for (const [at, digit] of [...'c0FFee42'].entries()) {
        piece += digit
        if (at < 7 && ((cuts >> at) & 1) === 0) continue
        chain.feed(piece)
        piece = ''
      }
      expect(chain.drain().toString('hex')).toBe('c0ffee42')
    }
  })
  // #endregion every

  // #region edges
  it('ends unclean inside a pair', () => {
    const chain = embed()
    chain.feed('c0f')
    chain.end()
    expect(chain.drain()).toEqual(Buffer.from([0xc0]))
    expect(chain.ended?.clean).toBe(false)
    expect(chain.ended?.reason?.message).toMatch(/inside a unit/)
  })

  it('refuses what is no digit', () => {
    const chain = embed()
    expect(() => chain.feed('c0ffex')).toThrow('no digits after 2 pairs')
    expect(chain.aborted).toBe(true)
  })

  it('holds no more than its capacity while nobody takes anything', () => {
    const chain = embed(0)
    chain.feed('00112233445566778899')
    expect(chain.element.held).toBeLessThanOrEqual(8)
    chain.grant(null)
    expect(chain.drain()).toHaveLength(10)
  })

  it('is refused by a filter that could not hold a pair', () => {
    const build = () => new VByteFilter(new VReactor(), new HexDecoder(), { capacity: 1 })
    expect(build).toThrow(RangeError)
  })
  // #endregion edges
})

// #region transform
const bytes = Buffer.from(Array.from({ length: 300 }, (_, at) => at & 0xff))
const digits = Buffer.from(bytes.toString('hex'))

describe('HexDecoder keeps the contract of a transform', () => {
  const samples = (): IVTransformSubject => ({
    make: () => new HexDecoder(),
    input: digits,
    output: bytes,
    incomplete: [Buffer.from('0')], // input that ends inside a unit
    malformed: [Buffer.from('0x'), Buffer.from('c0 ffee')],
  })
  for (const { title, run } of transformContract) it(title, () => run(samples))
})
// #endregion transform

// #region contract
describe('a filter with a HexDecoder keeps the contract of filters', () => {
  const subject = (): IVFilterSubject => {
    const bench = new VTestBench()
    const filter = new VByteFilter(bench.reactor, new HexDecoder(), { capacity: 16 })
    return {
      bench,
      consumer: filter.byteConsume,
      producer: filter.byteProduce,
      input: BYTE_UNITS,
      output: BYTE_UNITS,
      sample: [...digits],
      result: [...bytes],
      maxHeld: 24, // 8 bytes that were 16 digits, and 8 more digits behind them
      held: () => filter.held,
    }
  }
  for (const { title, run } of filterContract) it(title, () => run(subject))
})
// #endregion contract

/** Joins what it takes. */
class Collect extends VByteConsumer {
  bytes = Buffer.alloc(0)

  protected override dataReceived(data: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, data])
  }
}

describe('the filter in a chain', () => {
  it('is a part like any other', async () => {
    const reactor = new VReactor()
    reactor.start()
    const writer = new VByteWriter(reactor)
    const sink = new Collect(reactor)
    // #region use
    const decoding = chain(writer, new VByteFilter(reactor, new HexDecoder()), sink)
    writer.write('68656c6c6f')
    writer.endWrite()
    const { clean } = await decoding.done // true, and the sink has got "hello"
    // #endregion use
    expect({ clean, text: sink.bytes.toString() }).toEqual({ clean: true, text: 'hello' })
    reactor.stop()
  })
})
