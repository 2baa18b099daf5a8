/**
 * What a filter's frame does for its transform beyond the contract: going on by itself, and getting out of the way.
 */
import { type IVTransform, VByteBuffer, VByteConsumer, VByteWriter, VMessageQueue } from '@vio/io'
import { VByteDecoder, VByteEncoder, VByteFilter, VLineDecoder, VLineEncoder } from '@vio/io/filter'
import { EmbeddedChain } from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'

/** Gives each byte many times over, at most eight bytes a run. */
class Many implements IVTransform {
  readonly #times: number
  readonly #left = new VByteBuffer()
  runs = 0

  constructor(times: number) {
    this.#times = times
  }

  get held(): number {
    return Math.ceil(this.#left.length / this.#times)
  }

  get pending(): boolean {
    return this.#left.length > 0
  }

  push(input: VByteBuffer, output: VByteBuffer): void {
    this.runs += 1
    for (const byte of input.pop()) this.#left.append(Buffer.alloc(this.#times, byte))
    this.#left.moveTo(output, 8)
  }

  end(output: VByteBuffer): void {
    this.#left.moveTo(output)
  }
}

describe('a transform with more to do', () => {
  it('is run again each time its output has left, without new input, and no sooner', () => {
    const transform = new Many(20)
    const chain = new EmbeddedChain((reactor) => new VByteFilter(reactor, transform, { capacity: 4 }), {
      limit: 0,
    })
    chain.feed('ab')
    expect([transform.runs, chain.element.held]).toEqual([1, 8 + 2])
    chain.grant(7)
    expect(transform.runs).toBe(1)
    chain.grant(10)
    expect([transform.runs, String(chain.drain())]).toEqual([3, 'a'.repeat(17)])
    chain.grant(null)
    expect(String(chain.drain())).toBe(`aaa${'b'.repeat(20)}`)
    chain.end()
    expect(chain.ended?.clean).toBe(true)
  })

  it('is not ended before it has done it', () => {
    const transform = new Many(20)
    const chain = new EmbeddedChain((reactor) => new VByteFilter(reactor, transform), { limit: 3 })
    chain.feed('x')
    chain.end()
    expect([chain.drain().length, chain.ended]).toEqual([3, null])
    chain.grant(null)
    expect([chain.drain().length, chain.ended?.clean]).toEqual([17, true])
  })
})

describe('bypass', () => {
  class Upper implements IVTransform {
    push(input: VByteBuffer, output: VByteBuffer): void {
      output.append(Buffer.from(input.pop().toString().toUpperCase()))
    }
  }

  it('passes later input unchanged, behind what was there, and tells when that has left', () => {
    const chain = new EmbeddedChain((reactor) => new VByteFilter(reactor, new Upper(), { capacity: 4 }), {
      limit: 0,
    })
    let told = 0
    chain.feed('abcdefgh')
    chain.element.bypass(() => {
      told += 1
    })
    chain.grant(3)
    expect([String(chain.drain()), told]).toEqual(['ABC', 0])
    chain.grant(null)
    expect([String(chain.drain()), told, chain.element.held]).toEqual(['Defgh', 1, 0])
    chain.feed('ij')
    chain.end()
    expect([String(chain.drain()), told, chain.ended?.clean]).toEqual(['ij', 1, true])
  })

  it('may be asked for by the consumer in the middle of taking', () => {
    const host = new VirtualHost()
    const reactor = new VReactor({ host })
    reactor.start()
    const upper = new VByteFilter(reactor, new Upper())
    const got: string[] = []
    class Asking extends VByteConsumer {
      protected override dataReceived(data: Buffer): void {
        got.push(String(data))
        if (got.length === 1) upper.bypass()
      }
    }
    const writer = new VByteWriter(reactor)
    upper.byteProduce.attach(new Asking(reactor).byteConsume)
    upper.byteConsume.attach(writer.byteProduce)
    for (const word of ['one', 'two', 'three']) {
      writer.write(word)
      host.runUntilIdle()
    }
    expect(got).toEqual(['ONE', 'two', 'three'])
  })

  it('tells at once where nothing is held, as often as it is asked', () => {
    const chain = new EmbeddedChain((reactor) => new VByteFilter(reactor, new Upper()))
    let told = 0
    for (let time = 1; time <= 2; time += 1) {
      chain.element.bypass(() => {
        told += 1
      })
      expect(told).toBe(time)
    }
  })

  it('is the end of a transform that has more to do', () => {
    const chain = new EmbeddedChain((reactor) => new VByteFilter(reactor, new Many(20)), { limit: 1 })
    chain.feed('a')
    chain.element.bypass()
    chain.feed('b')
    chain.grant(null)
    expect(String(chain.drain())).toBe(`${'a'.repeat(20)}b`)
  })
})

describe('a framing with an error to tell', () => {
  it('tells it as soon as the frames before it have left', () => {
    const chain = new EmbeddedChain(
      (reactor) => new VByteDecoder(reactor, new VLineDecoder({ maxLineBytes: 2 })),
      {
        expectFailures: true,
        limit: 1,
      },
    )
    chain.feed('a\nb\ncccc')
    expect([chain.drainMessages(), chain.aborted]).toEqual([['a'], false])
    chain.grant(1)
    expect([chain.drainMessages(), chain.aborted]).toEqual([['b'], true])
  })

  it('does so on the way out too', () => {
    const chain = new EmbeddedChain((reactor) => new VByteEncoder(reactor, new VLineEncoder()), {
      expectFailures: true,
    })
    chain.feedMessages(['fine', 'not\nfine', 'never'])
    expect([String(chain.drain()), chain.aborted]).toEqual(['fine\n', true])
    const encoder = new VLineEncoder()
    expect(encoder.pending).toBe(false)
    encoder.push(new VMessageQueue<string | Uint8Array>(['x', 'a\nb']), new VByteBuffer())
    expect(encoder.pending).toBe(true)
  })
})
