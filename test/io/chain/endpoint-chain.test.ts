/**
 * `VByteEndpoint` as the end of chains: what it grants and takes, when it tells of its connection, and how ends and
 * losses of the device reach the chains.
 */
import {
  VByteBuffer,
  VByteEndpoint,
  VByteWriter,
  type VEndpointOptions,
  VFIOCompleted,
  VFIOLost,
  VIOClosed,
  VIOControl,
  VIOLost,
  type VPeer,
} from '@vio/io'
import { createDevicePair, type VDevicePairOptions, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor, Sink, Source } from '../support.js'

/** An endpoint with probes at both of its ends. */
function probed(options: VDevicePairOptions = {}, endOptions: VEndpointOptions = {}) {
  const made = runningReactor()
  const pair = createDevicePair({ reactor: made.reactor, ...options })
  const end = new VByteEndpoint(made.reactor, pair.a, endOptions)
  const source = new VProbeProducer({ reactor: made.reactor, mute: true })
  const sink = new VProbeConsumer({ mute: true })
  return { ...made, pair, end, far: pair.b, source, sink }
}

function bytes(text: string): VByteBuffer {
  return new VByteBuffer(Buffer.from(text))
}

describe('the output of an endpoint', () => {
  it('grants the size of its buffer, and again what was written [VE-31] [CR-59] [VE-S15]', () => {
    const { host, end, far, source } = probed({ b: { capacityBytes: 4 } }, { bufferBytes: 10 })
    source.attach(end.byteConsume)
    expect(source.limit).toBe(10)
    source.feed(bytes('abcdefghijklmnopqrstuvwxyz'))
    host.runUntilIdle()
    // Four are in the device and ten wait: neither takes more.
    expect([source.produced, source.limit, end.bufferedBytes]).toEqual([14, 14, 10])
    let got = ''
    for (let at = 0; got.length < 26; at += 1) {
      got += far.readSome(3).toString()
      host.runUntilIdle()
      expect(end.bufferedBytes).toBeLessThanOrEqual(10)
      expect(source.limit).toBe(source.produced + 10 - end.bufferedBytes)
      expect(at).toBeLessThan(100)
    }
    expect(got).toBe('abcdefghijklmnopqrstuvwxyz')
  })

  it('writes at most maxWriteBytes in a turn [VE-31]', () => {
    const { host, pair, end, source } = probed({}, { maxWriteBytes: 4, bufferBytes: 100 })
    const sizes: number[] = []
    const writeSome = pair.a.writeSome.bind(pair.a)
    pair.a.writeSome = (data) => {
      sizes.push(data.length)
      return writeSome(data)
    }
    source.attach(end.byteConsume)
    source.feed(bytes('abcdefghij'))
    host.runUntilIdle()
    expect(sizes).toEqual([4, 4, 2])
  })

  it('writes at once what the device takes, and the rest later [VE-31]', () => {
    const { host, end, far, source } = probed({ b: { capacityBytes: 3 } })
    let turns = 0
    end.doWrite = () => {
      turns += 1
      VByteEndpoint.prototype.doWrite.call(end)
    }
    source.attach(end.byteConsume)
    end.byteConsume.consume(bytes('abcd'))
    expect([far.readSome(9).toString(), end.bufferedBytes]).toEqual(['abc', 1])
    host.runUntilIdle()
    expect([far.readSome(9).toString(), end.bufferedBytes, turns]).toEqual(['d', 0, 1])
    end.byteConsume.consume(bytes('ef'))
    host.runUntilIdle()
    expect([far.readSome(9).toString(), turns]).toEqual(['ef', 1])
  })

  it('that ended cleanly hears of a loss that came before the end was out [VE-31] [CR-61]', () => {
    const { host, pair, end, source } = probed({ delayMs: 10 })
    source.attach(end.byteConsume)
    source.end()
    host.runUntilIdle()
    expect([pair.a.calls, source.aborted]).toEqual([['closeOutput(VFIOCompleted)'], null])
    const lost = new VIOLost('reset')
    pair.reset(new VFIOLost(lost))
    host.advance(20)
    expect(source.aborted).toEqual({ reason: lost })
  })

  it('keeps what it was given until there is a connection, then writes it [VE-31]', () => {
    const { host, pair, end, far, source } = probed({ connect: 'hang' }, { bufferBytes: 3 })
    source.attach(end.byteConsume)
    source.feed(bytes('abcdef'))
    end.connect(pair.peerB)
    host.runUntilIdle()
    expect([end.bufferedBytes, source.produced]).toEqual([3, 3])
    pair.settleConnect('succeed')
    host.runUntilIdle()
    expect(far.readSome(3).toString() + far.readSome(3).toString()).toBe('abcdef')
  })

  it('at the end writes what waits, then ends the device, then lets the chain go [VE-31] [CR-63] [VE-S15]', () => {
    const { host, pair, end, far, source } = probed({ b: { capacityBytes: 2 } }, { bufferBytes: 10 })
    source.attach(end.byteConsume)
    source.feed(bytes('abcdef'))
    source.end()
    host.runUntilIdle()
    expect([pair.a.calls, source.aborted, far.inputEnd]).toEqual([[], null, null])
    expect(() => end.byteConsume.consume(bytes('x'))).toThrow(VIOClosed)
    expect(far.readSome(2).toString()).toBe('ab')
    host.runUntilIdle()
    expect(far.readSome(2).toString()).toBe('cd')
    host.runUntilIdle()
    expect(pair.a.calls).toEqual(['closeOutput(VFIOCompleted)'])
    expect([far.readSome(2).toString(), far.inputEnd]).toEqual(['ef', expect.any(VFIOCompleted)])
    host.runUntilIdle()
    expect([source.aborted, end.byteConsume.producer, end.closed]).toEqual([
      { reason: undefined },
      null,
      false,
    ])
  })

  it('at an unclean end writes what waits, then breaks the device off [VE-31] [CR-63]', () => {
    const { host, pair, end, source } = probed({ connect: 'hang' })
    const written: string[] = []
    const writeSome = pair.a.writeSome.bind(pair.a)
    pair.a.writeSome = (data) => {
      written.push(`${Buffer.from(data)} before ${pair.a.calls.length}`)
      return writeSome(data)
    }
    source.attach(end.byteConsume)
    source.feed(bytes('abc'))
    host.runUntilIdle()
    const reason = new Error('why')
    source.end(false, reason)
    end.connect(pair.peerB)
    host.runUntilIdle()
    expect(pair.a.calls).toEqual(['connect(memory:b)'])
    pair.settleConnect('succeed')
    host.runUntilIdle()
    expect([written, pair.a.calls]).toEqual([
      ['abc before 1'],
      ['connect(memory:b)', 'closeOutput(VFIOLost)'],
    ])
    expect(pair.b.inputEnd?.value).toBe(reason)
  })

  it('aborted by its chain drops what waits and breaks the device off [VE-31] [CR-61]', () => {
    const { host, pair, end, far, source } = probed({ b: { capacityBytes: 2 } }, { bufferBytes: 10 })
    source.attach(end.byteConsume)
    source.feed(bytes('abcdef'))
    host.runUntilIdle()
    const reason = new Error('why')
    source.abort(reason)
    host.runUntilIdle()
    expect([end.bufferedBytes, pair.a.calls]).toEqual([0, ['closeOutput(VFIOLost)']])
    expect(far.inputEnd?.value).toBe(reason)
    expect(end.closed).toBe(false)
  })

  it('lost by the device takes its chain down, and says so [VE-31] [CR-61]', () => {
    const { host, pair, end, source, logged } = probed({ b: { capacityBytes: 2 } }, { bufferBytes: 10 })
    source.attach(end.byteConsume)
    source.feed(bytes('abcdef'))
    host.runUntilIdle()
    const lost = new VIOLost('reset')
    pair.reset(new VFIOLost(lost))
    host.runUntilIdle()
    expect([source.aborted, end.bufferedBytes]).toEqual([{ reason: lost }, 0])
    expect(logged.map(({ level }) => level)).toEqual([30])
  })
})

describe('the input of an endpoint', () => {
  it('reads only with a consumer and as far as its limit goes [VE-31] [CR-60] [VE-S16]', () => {
    const { host, end, far, pair, sink } = probed({ a: { capacityBytes: 100 } })
    const readSome = pair.a.readSome.bind(pair.a)
    const asked: number[] = []
    pair.a.readSome = (maxBytes) => {
      asked.push(maxBytes)
      return readSome(maxBytes)
    }
    far.writeSome(Buffer.alloc(100, 'x'))
    host.runUntilIdle()
    expect(pair.a.unreadBytes).toBe(100)
    sink.attach(end.byteProduce)
    host.runUntilIdle()
    expect([pair.a.unreadBytes, sink.received.length]).toEqual([100, 0])
    sink.grant(30)
    host.runUntilIdle()
    expect([pair.a.unreadBytes, sink.received.length]).toEqual([70, 30])
    far.writeSome(Buffer.alloc(30, 'y'))
    host.runUntilIdle()
    expect([pair.a.unreadBytes, far.writable]).toEqual([100, false])
    sink.grant(null)
    host.runUntilIdle()
    expect([pair.a.unreadBytes, sink.received.length]).toEqual([0, 130])
    expect([asked[0], Math.min(...asked)]).toEqual([30, 30])
  })

  it('reads at most maxReadBytes in a turn [VE-31]', () => {
    const { host, reactor, end, far } = probed({}, { maxReadBytes: 40 })
    const sink = new Sink(reactor)
    far.writeSome(Buffer.alloc(100))
    end.byteProduce.attach(sink.byteConsume)
    host.runUntilIdle()
    expect(sink.events.slice(1)).toEqual(['dataReceived(40)', 'dataReceived(40)', 'dataReceived(20)'])
  })

  it('keeps what is in the device for the next consumer [VE-31] [CR-12]', () => {
    const { host, end, far, sink } = probed()
    far.writeSome(Buffer.from('abcdef'))
    sink.attach(end.byteProduce)
    sink.grant(2)
    host.runUntilIdle()
    sink.detach()
    host.runUntilIdle()
    const next = new VProbeConsumer({ grantAtAttach: null })
    next.attach(end.byteProduce)
    host.runUntilIdle()
    expect([sink.received.pop().toString(), next.received.pop().toString()]).toEqual(['ab', 'cdef'])
  })

  it.each([
    ['a clean end', new VFIOCompleted(), true],
    ['a loss', new VFIOLost(new VIOLost('reset')), false],
  ])('tells %s of the device, with limit 0 too [VE-31] [CR-36] [CR-61] [VE-S17]', (_what, reason, clean) => {
    const { host, end, far, pair, sink } = probed()
    sink.attach(end.byteProduce)
    if (clean) far.closeOutput(reason)
    else pair.reset(reason)
    host.runUntilIdle()
    expect(sink.ended).toEqual({ clean, reason: clean ? undefined : reason.value })
    expect(end.byteProduce.consumer).toBeNull()
  })

  it('tells the end after the last byte, however small the limit [VE-31] [CR-36]', () => {
    const { host, end, far, sink } = probed()
    far.writeSome(Buffer.from('abc'))
    far.closeOutput(new VFIOCompleted())
    sink.attach(end.byteProduce)
    for (const limit of [1, 2]) {
      sink.grant(limit)
      host.runUntilIdle()
      expect(sink.ended).toBeNull()
    }
    sink.grant(3)
    host.runUntilIdle()
    expect([sink.received.pop().toString(), sink.ended?.clean]).toEqual(['abc', true])
  })

  it('waits with the end for somebody to tell it to [VE-31]', () => {
    const { host, end, far, sink } = probed()
    far.closeOutput(new VFIOCompleted())
    host.runUntilIdle()
    sink.attach(end.byteProduce)
    host.runUntilIdle()
    expect(sink.ended?.clean).toBe(true)
  })

  it('aborted by its chain drops what comes, and leaves the output alone [VE-31] [CR-58]', () => {
    const { host, end, far, pair, sink, source } = probed()
    sink.attach(end.byteProduce)
    source.attach(end.byteConsume)
    sink.abort()
    far.writeSome(Buffer.from('abc'))
    source.feed(bytes('still'))
    host.runUntilIdle()
    expect([pair.a.calls, pair.a.unreadBytes]).toEqual([['closeInput(VFIOLost)'], 0])
    expect([far.readSome(9).toString(), source.aborted]).toEqual(['still', null])
  })

  it('gives what a consumer left behind to the next one first, and drops it with the flow [VE-31] [CR-12]', () => {
    for (const next of [true, false]) {
      const { host, end, far, sink } = probed()
      far.writeSome(Buffer.from('abcdef'))
      far.closeOutput(new VFIOCompleted())
      // Takes two bytes and leaves in the middle of the call.
      const consume = sink.consume.bind(sink)
      sink.consume = (data) => {
        const answer = consume(data, 2)
        sink.detach()
        return answer
      }
      sink.attach(end.byteProduce)
      sink.grant(null)
      host.runUntilIdle()
      expect([sink.received.pop().toString(), end.closed]).toEqual(['ab', false])
      if (!next) end.byteProduce.abort()
      const other = new VProbeConsumer({ grantAtAttach: 3 })
      if (next) {
        other.attach(end.byteProduce)
        host.runUntilIdle()
        end.doRead()
        expect([other.received.peek().toString(), other.ended]).toEqual(['cde', null])
        other.grant(null)
        host.runUntilIdle()
        expect([other.received.peek().toString(), other.ended?.clean]).toEqual(['cdef', true])
      } else expect(() => other.attach(end.byteProduce)).toThrow(/ended/)
    }
  })

  it('closed while a consumer has left something behind does not end cleanly [VE-31] [CR-61]', () => {
    const { host, end, far, sink } = probed()
    far.writeSome(Buffer.from('abcdef'))
    const consume = sink.consume.bind(sink)
    sink.consume = (data) => {
      const answer = consume(data, 2)
      sink.detach()
      return answer
    }
    sink.attach(end.byteProduce)
    sink.grant(null)
    host.runUntilIdle()
    const other = new VProbeConsumer()
    other.attach(end.byteProduce)
    end.closeInput(new VFIOCompleted())
    expect(other.ended?.clean).toBe(false)
  })

  it('with a consumer that throws is closed as lost, and logs it [VE-31] [CR-38]', () => {
    const { host, reactor, end, far, logged } = probed()
    const error = new Error('broken')
    const sink = new Sink(reactor, {
      answer: () => {
        throw error
      },
    })
    end.byteProduce.attach(sink.byteConsume)
    far.writeSome(Buffer.from('abc'))
    host.runUntilIdle()
    expect(logged.map((entry) => entry.error)).toEqual([error])
    expect(sink.closed).toMatchObject([{ wasAborted: true, reason: { value: error } }])
    expect(() => end.readSome(1)).toThrow(VIOLost)
  })
})

describe('a connection', () => {
  /** A consumer that notes what it is told, among its other events. */
  function listening(options: VDevicePairOptions) {
    const made = probed(options)
    const events: string[] = []
    const hear = (peer: VPeer): void => void events.push(`connected(${String(peer)})`)
    const sink = new Sink(made.reactor, { events, control: () => new VIOControl({ connected: hear }) })
    return { ...made, events, sink }
  }

  it('is told on a later turn, before any data of it [VE-31] [CR-45] [VE-76]', () => {
    const { host, end, far, events, sink } = listening({ b: { name: 'there' } })
    far.writeSome(Buffer.from('abc'))
    end.byteProduce.attach(sink.byteConsume)
    end.startReading()
    expect(events).toEqual(['producerAttached'])
    host.runUntilIdle()
    expect(events).toEqual(['producerAttached', 'connected(memory:there)', 'dataReceived(3)'])
  })

  it('is told again after another attachment [VE-31] [CR-46]', () => {
    const { host, end, events, sink } = listening({})
    for (const _ of [1, 2]) {
      end.byteProduce.attach(sink.byteConsume)
      host.runUntilIdle()
      end.byteProduce.detach()
    }
    expect(events.filter((event) => event.startsWith('connected'))).toEqual([
      'connected(memory:b)',
      'connected(memory:b)',
    ])
  })

  it('is not told before there is one, whoever asks [VE-31] [VE-80] [CR-47]', () => {
    const { host, end, pair, events, sink } = listening({ connect: 'hang' })
    end.byteProduce.attach(sink.byteConsume)
    end.connect(pair.peerB)
    end.byteProduce.control.reqProducerState(sink.byteConsume)
    host.runUntilIdle()
    expect(events).toEqual(['producerAttached'])
    pair.settleConnect('succeed')
    expect(events).toEqual(['producerAttached'])
    host.runUntilIdle()
    expect(events).toEqual(['producerAttached', 'connected(memory:b)'])
  })

  it('that fails ends both chains, the input uncleanly [VE-31] [VE-S18] [CR-61]', () => {
    const { host, reactor, end, pair, events, sink } = listening({ connect: 'refuse' })
    const source = new Source(reactor, { events })
    end.byteProduce.attach(sink.byteConsume)
    end.byteConsume.attach(source.byteProduce)
    source.feed('abc')
    expect(end.connect(pair.peerB)).toBe(true)
    host.runUntilIdle()
    expect(events.filter((event) => /Ended|Closed|Aborted/.test(event))).toEqual([
      'dataEnded(false)',
      'consumerAborted',
      'consumerClosed',
      'producerAborted',
    ])
    expect([end.closed, end.wasConnected, sink.endReason?.message]).toEqual([
      true,
      false,
      expect.stringContaining('refused'),
    ])
  })

  it('to somebody without an address is not told, and data pass all the same', () => {
    const { host, end, far, pair, events, sink } = listening({})
    Object.defineProperty(pair.a, 'peer', { value: null })
    end.byteProduce.attach(sink.byteConsume)
    far.writeSome(Buffer.from('abc'))
    host.runUntilIdle()
    expect([end.peer, events]).toEqual([null, ['producerAttached', 'dataReceived(3)']])
  })

  it('whose handler of connected throws goes on, which is logged', () => {
    const { host, reactor, end, far, logged } = probed()
    const control = new VIOControl({
      connected: () => {
        throw new Error('broken')
      },
    })
    const sink = new Sink(reactor, { control: () => control })
    end.byteProduce.attach(sink.byteConsume)
    far.writeSome(Buffer.from('abc'))
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('abc')
    expect(logged.map(({ error }) => (error as Error).message)).toEqual(['broken'])
  })
})

describe('a chain that comes after the end', () => {
  it.each([
    ['closed by hand', new VFIOCompleted()],
    ['lost', new VFIOLost(new VIOLost('reset'))],
  ])(
    'to an endpoint %s is taken down on a later turn, without an end [VE-31] [CR-64] [VE-S19]',
    (_what, reason) => {
      const { host, reactor, end } = probed()
      const events: string[] = []
      const peers: VPeer[] = []
      const control = new VIOControl({ connected: (peer) => void peers.push(peer) })
      end.closeIO(reason)
      host.runUntilIdle()
      const sink = new Sink(reactor, { events, control: () => control })
      const writer = new VByteWriter(reactor)
      end.byteProduce.attach(sink.byteConsume)
      end.byteConsume.attach(writer.byteProduce)
      expect(events).toEqual(['producerAttached'])
      end.byteProduce.control.reqProducerState(sink.byteConsume)
      host.runUntilIdle()
      expect(events).toEqual(['producerAttached', 'producerDetached', 'consumerAborted', 'consumerClosed'])
      expect(() => writer.write('x')).toThrow(VIOClosed)
      expect(peers.map(String)).toEqual(['memory:b'])
    },
  )

  it('to an endpoint whose device was reset before is told the loss [VE-31] [CR-64]', () => {
    const { host, reactor, pair, end } = probed()
    pair.reset()
    host.runUntilIdle()
    const sink = new Sink(reactor)
    const writer = new VByteWriter(reactor)
    end.byteProduce.attach(sink.byteConsume)
    end.byteConsume.attach(writer.byteProduce)
    host.runUntilIdle()
    expect(sink.closed).toMatchObject([{ reason: expect.any(VFIOLost) }])
    expect(() => writer.write('x')).toThrow(VIOClosed)
    expect(end.closed).toBe(true)
  })
})
