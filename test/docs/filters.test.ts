/**
 * The code of docs/filters.md, run.
 */
import {
  VByteConsumer,
  VByteEndpoint,
  VByteWAgent,
  VByteWriter,
  VIOTimeout,
  VMessageConsumer,
  VMessageProducer,
} from '@vio/io'
import { chain } from '@vio/io/facade'
import {
  splice,
  unsplice,
  VByteConcat,
  VByteDecoder,
  VByteDuplexFilter,
  VByteEncoder,
  VByteFilter,
  VByteTap,
  VByteTee,
  VDigestTap,
  VIdleTimeout,
  VLengthPrefixEncoder,
  VLineDecoder,
  VMeter,
  VRateLimit,
  VTrailerCheck,
  VTrailerWriter,
} from '@vio/io/filter'
import { createDevicePair } from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { virtualReactor } from '../reactor/support.js'

class Collect extends VByteConsumer {
  text = ''

  protected override dataReceived(data: Buffer): void {
    this.text += data.toString('latin1')
  }
}

class Talk extends VByteWAgent {
  text = ''

  protected override dataReceived(data: Buffer): void {
    this.text += data.toString('latin1')
  }
}

class Lines extends VMessageConsumer<string> {
  readonly lines: string[] = []

  protected override messageReceived(line: string): void {
    this.lines.push(line)
  }
}

class Words extends VMessageProducer<Buffer> {
  readonly #words = ['one', 'two']

  protected override produce(): readonly Buffer[] {
    const word = this.#words.shift()
    if (word === undefined) this.endProduce(true)
    return word === undefined ? [] : [Buffer.from(word)]
  }
}

describe('docs/filters.md', () => {
  const reactor = new VReactor()

  beforeAll(() => reactor.start())
  afterAll(() => reactor.stop())

  function text(content: string): VByteWriter {
    const writer = new VByteWriter(reactor)
    writer.write(content)
    writer.endWrite()
    return writer
  }

  it('frames', async () => {
    const source = text('alpha\r\nbeta\n')
    const lines = new Lines(reactor)
    // #region framing
    const { messagesOut } = await chain(source, new VByteDecoder(reactor, new VLineDecoder()), lines).done
    // #endregion framing
    expect([messagesOut, lines.lines]).toEqual([2, ['alpha', 'beta']])
    const sink = new Collect(reactor)
    // #region encode
    await chain(new Words(reactor), new VByteEncoder(reactor, new VLengthPrefixEncoder('u16be')), sink).done
    // #endregion encode
    expect(sink.text).toBe('\0\x03one\0\x03two')
  })

  it('splits', async () => {
    const [archive, view, source] = [new Collect(reactor), new Collect(reactor), text('both')]
    // #region tee
    const tee = new VByteTee(reactor)
    const digest = new VDigestTap(reactor)
    chain(tee.branch(), digest, archive)
    chain(tee.branch(), view)
    await chain(source, tee).done // done when both branches have carried the end out
    // #endregion tee
    expect([archive.text, view.text, digest.bytes]).toEqual(['both', 'both', 4])
  })

  it('joins', async () => {
    const sink = new Collect(reactor)
    // #region concat
    const parts = VByteConcat.of(reactor, [text('one, '), () => text('two')])
    await chain(parts, sink).done
    // #endregion concat
    expect(sink.text).toBe('one, two')
  })

  it('works in both directions of a connection', () => {
    const { host, reactor: simulated } = virtualReactor()
    simulated.start()
    const { a, b } = createDevicePair()
    const endpoint = new VByteEndpoint(simulated, a)
    const agent = new Talk(simulated)
    // #region duplex
    const inbound = new VByteFilter(simulated, new VTrailerCheck())
    const outbound = new VByteFilter(simulated, new VTrailerWriter())
    const checked = new VByteDuplexFilter(inbound, outbound)
    checked.deviceIO.attach(endpoint.byteIO)
    checked.appIO.attach(agent.byteIO)
    // #endregion duplex
    agent.write('123456789')
    agent.endWrite()
    host.runUntilIdle()
    const wire = Buffer.concat([b.readSome(100), b.readSome(100)])
    expect(wire.toString('latin1')).toBe('123456789\xe3\x06\x92\x83')
  })

  it('takes a filter into a live chain and out of it', () => {
    const { host, reactor: simulated } = virtualReactor()
    simulated.start()
    const source = new VByteWriter(simulated)
    const sink = new Collect(simulated)
    chain(source, sink)
    source.write('before, ')
    host.runUntilIdle()
    // #region splice
    const meter = new VMeter(simulated)
    splice(source.byteProduce, meter) // between the source and whatever it is attached to
    source.write('measured, ')
    host.advance(1000)
    const leaving = unsplice(meter)
    source.write('after')
    host.advance(1000)
    // #endregion splice
    expect([sink.text, meter.bytes, leaving.out]).toEqual(['before, measured, after', 10, true])
  })

  it('limits the rate, measures and gives up, in simulated time', () => {
    const { host, reactor: simulated } = virtualReactor()
    simulated.start()
    const sink = new Collect(simulated)
    const writer = new VByteWriter(simulated)
    // #region time
    const meter = new VMeter(simulated)
    const limited = chain(
      writer,
      new VRateLimit(simulated, { bytesPerSecond: 1000, burstBytes: 100 }),
      meter,
      new VIdleTimeout(simulated, { idleMs: 30_000 }),
      sink,
    )
    writer.write(Buffer.alloc(1100))
    host.advance(1000)
    // #endregion time
    expect(meter.bytes).toBe(1100)
    host.advance(30_000)
    expect(limited.result).toMatchObject({ aborted: true, bytesOut: 1100 })
    expect(limited.result?.reason).toBeInstanceOf(VIOTimeout)
  })

  it('is checked by the compiler', () => {
    const source = new VByteWriter(reactor)
    const lines = new Lines(reactor)
    // #region misfit
    // @ts-expect-error this takes messages and the element before it gives bytes; put a decoder between them
    expect(() => chain(source, new VByteTap(reactor), lines)).toThrow('put a decoder between them')
    // #endregion misfit
    expect(lines.messageConsume.producer).toBeNull()
  })
})
