/**
 * Node streams as elements of a chain: what is held, how ends and errors go on, and what is refused.
 */
import { PassThrough, Transform } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { VIOLost } from '@vio/io'
import { unsplice, VByteTap } from '@vio/io/filter'
import { VDecompress, VNodeThrough, type VThroughOptions } from '@vio/io/node'
import { VBytePattern } from '@vio/io/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'
import { cut, cuts } from '../filter/framing-support.js'
import { outcome, passAll, settle, type Through, through, until } from './through-support.js'

const HIGH_WATER_MARK = 1_000

/** Gives every byte twice. */
class Doubler extends Transform {
  constructor() {
    super({ highWaterMark: HIGH_WATER_MARK })
  }

  override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
    this.push(Buffer.from([...chunk].flatMap((byte) => [byte, byte])))
    done()
  }
}

function doubled(options: VThroughOptions = {}, limit: number | null = null): Through {
  return through((reactor) => new VNodeThrough(reactor, new Doubler(), options), { limit })
}

describe('VNodeThrough', () => {
  it('passes bytes through the stream and ends behind the last of them', async () => {
    const chain = doubled()
    expect(String(await passAll(chain, [Buffer.from('ab'), Buffer.from('c')]))).toBe('aabbcc')
    expect(outcome(chain)).toBe('clean')
    expect([chain.source.aborted, chain.element.held]).toEqual([{ reason: undefined }, 0])
  })

  it('gives the same for every cut and limit, and holds no more than it says [CR-65]', async () => {
    const grants = fc.oneof(fc.constant(1), fc.constant(null), fc.integer({ min: 1, max: 5_000 }))
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 300 }),
        cuts,
        grants,
        fc.integer({ min: 1, max: 64 }),
        async (size, sizes, grant, capacity) => {
          const chain = doubled({ capacity }, 0)
          const bytes = new VBytePattern(6).take(size)
          for (const piece of cut(bytes, sizes)) chain.feed(piece)
          chain.end()
          await until(
            chain,
            () => chain.ended !== null,
            () => {
              expect(chain.element.held).toBeLessThanOrEqual(capacity + HIGH_WATER_MARK + 2 * capacity)
              if (chain.ended === null) chain.grant(grant)
            },
          )
          expect(chain.drain()).toEqual(Buffer.from([...bytes].flatMap((byte) => [byte, byte])))
          expect(outcome(chain)).toBe('clean')
        },
      ),
      propertyRuns(40),
    )
  })

  it('stops the producer when nothing leaves', async () => {
    const chain = doubled({ capacity: 100 }, 0)
    chain.feed(Buffer.alloc(100_000))
    await settle(chain)
    expect(chain.unsent).toBeGreaterThan(100_000 - 100 - HIGH_WATER_MARK - 200)
    expect(chain.element.held).toBeLessThanOrEqual(300 + HIGH_WATER_MARK)
    chain.grant(50)
    await settle(chain)
    expect(chain.drain()).toEqual(Buffer.alloc(50))
  })

  it('counts what the stream has not worked off as held, and takes no more', async () => {
    const stream = new PassThrough({ highWaterMark: 10 })
    const chain = through((reactor) => new VNodeThrough(reactor, stream, { capacity: 100 }), { limit: 0 })
    chain.feed(Buffer.alloc(1_000))
    await settle(chain)
    expect([chain.unsent, stream.readableLength]).toEqual([900, 100])
  })

  it('passes on an end that is not clean, behind what came of the bytes before it', async () => {
    const chain = doubled()
    const reason = new Error('half a file')
    chain.feed('ab')
    chain.end(false, reason)
    await until(chain, () => chain.ended !== null)
    expect([String(chain.drain()), chain.ended]).toEqual(['aabb', { clean: false, reason }])
  })

  it('ends without credit once nothing is left', async () => {
    const chain = doubled({}, 0)
    chain.end()
    await until(chain, () => chain.ended !== null)
    expect(outcome(chain)).toBe('clean')
  })

  it('gives what came before an error of the stream, then takes the flow down with it', async () => {
    const broken = new Error('cannot go on')
    const stream = new Transform({
      transform: (chunk: Buffer, _encoding, done) => (chunk.includes(33) ? done(broken) : done(null, chunk)),
    })
    const chain = through((reactor) => new VNodeThrough(reactor, stream), { limit: 0 })
    chain.feed('fine')
    await settle(chain)
    chain.feed('bad!')
    await settle(chain)
    expect([chain.aborted, chain.source.aborted]).toEqual([false, null])
    chain.grant(3)
    expect([String(chain.drain()), chain.aborted]).toEqual(['fin', false])
    chain.grant(5)
    expect(String(chain.drain())).toBe('e')
    expect([chain.sink.aborted?.reason, chain.source.aborted?.reason]).toEqual([broken, broken])
    expect(stream.destroyed).toBe(true)
  })

  it('takes a stream that was closed from outside for input that was cut off', async () => {
    const stream = new PassThrough()
    const chain = through((reactor) => new VNodeThrough(reactor, stream))
    chain.feed('x')
    await settle(chain)
    stream.destroy()
    await until(chain, () => chain.ended !== null)
    expect(chain.ended).toMatchObject({ clean: false })
    expect(chain.ended?.reason).toBeInstanceOf(VIOLost)
    expect(chain.source.aborted).not.toBeNull()
  })

  it('lets a stream end before its input does, and stops the producer', async () => {
    const stream = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        this.push(chunk.subarray(0, 3))
        this.push(null)
        done()
      },
    })
    const chain = through((reactor) => new VNodeThrough(reactor, stream))
    chain.feed('abcdef')
    await until(chain, () => chain.ended !== null)
    expect([String(chain.drain()), outcome(chain)]).toEqual(['abc', 'clean'])
    expect(chain.source.aborted).toEqual({ reason: undefined })
  })

  it.each(['source', 'sink'] as const)(
    'is taken down both ways by an abort of the %s, and destroys the stream',
    async (from) => {
      const stream = new PassThrough()
      const chain = through((reactor) => new VNodeThrough(reactor, stream), { limit: 0 })
      chain.feed('x')
      await settle(chain)
      const reason = new Error('enough')
      chain.abort(reason, from)
      expect([chain.source.aborted, chain.sink.aborted]).toEqual([{ reason }, { reason }])
      expect([stream.destroyed, chain.element.held]).toEqual([true, 0])
      await settle(chain)
      expect(chain.failures).toEqual([])
    },
  )

  it('gives no more than it may in all', async () => {
    for (const size of [2, 3, 500]) {
      const chain = doubled({ maxOutputBytes: 5 })
      const out = await passAll(chain, [Buffer.alloc(size, 'x')])
      expect([out.length, outcome(chain)]).toEqual([
        Math.min(5, 2 * size),
        size === 2 ? 'clean' : 'V_IO_OVERSIZE',
      ])
    }
    const exact = doubled({ maxOutputBytes: 6 })
    expect([(await passAll(exact, [Buffer.alloc(3)])).length, outcome(exact)]).toEqual([6, 'clean'])
  })

  it('passes later input unchanged once the stream is bypassed', async () => {
    const chain = doubled({ capacity: 4 })
    chain.feed('ab')
    await settle(chain)
    chain.feed('c')
    chain.element.bypass()
    chain.element.bypass()
    chain.feed('defghijklmno')
    expect(String(await passAll(chain, []))).toBe('aabbccdefghijklmno')
    expect(outcome(chain)).toBe('clean')
  })

  it('leaves a live chain once the stream has given all it had', async () => {
    const chain = doubled({ capacity: 8 }, 0)
    const { source, sink, element } = chain
    chain.feed('abcdefghijkl')
    await settle(chain)
    const leaving = unsplice(element)
    chain.feed('xyz')
    expect(leaving.done).toBe(false)
    await until(
      chain,
      () => leaving.done,
      () => {
        if (!leaving.done) chain.grant(3)
      },
    )
    expect([leaving.out, element.held, source.consumer]).toEqual([true, 0, sink])
    expect(String(await passAll(chain, []))).toBe('aabbccddeeffgghhiijjkkllxyz')
  })

  it('takes the flow down when it is to leave and its stream cannot be ended there', async () => {
    const packed = gzipSync('some text')
    const chain = through((reactor) => new VDecompress(reactor, 'gzip'))
    chain.feed(packed.subarray(0, 12))
    await settle(chain)
    const leaving = unsplice(chain.element)
    await until(chain, () => leaving.done)
    expect([outcome(chain), leaving.out]).toEqual(['unclean', false])
  })

  it('passes control messages on', () => {
    const chain = doubled()
    expect(chain.element.byteConsume.control.canConnect(null as never)).toBe(true)
    expect(chain.sink.messages.map(({ name }) => name)).toContain('canConnect')
    chain.element.byteProduce.control.reqProducerState(null as never)
    expect(chain.source.messages.map(({ name }) => name)).toContain('reqProducerState')
    expect(chain.element.byteConsume.flows).toEqual([chain.element.byteProduce])
    expect(chain.element.byteProduce.flows).toEqual([chain.element.byteConsume])
    expect(chain.element.byteConsume.twoway).toBe(false)
  })

  it('keeps what it has when its neighbours change', async () => {
    const chain = doubled({}, 3)
    chain.feed('abc')
    await settle(chain)
    chain.sink.detach()
    const tap = new VByteTap(chain.reactor)
    chain.element.byteProduce.attach(tap.byteConsume)
    chain.sink.attach(tap.byteProduce as never)
    expect(String(await passAll(chain, []))).toBe('aabbcc')
  })

  it('refuses what is no stream of bytes, or has ended', () => {
    const make = (stream: unknown, options?: VThroughOptions) => (): Through =>
      through((reactor) => new VNodeThrough(reactor, stream as never, options))
    expect(make(null)).toThrow(TypeError)
    expect(make({ write: () => true })).toThrow('needs a Duplex')
    expect(make(new PassThrough({ objectMode: true }))).toThrow('objects or text')
    expect(make(new PassThrough().setEncoding('utf8'))).toThrow('objects or text')
    expect(make(new PassThrough().end())).toThrow('has ended')
    expect(make(new PassThrough(), { capacity: 0 })).toThrow(RangeError)
    expect(make(new PassThrough(), { maxOutputBytes: 1.5 })).toThrow(RangeError)
  })
})
