/**
 * `VByteConcat`: parts one after another, whatever their sizes and limits, and what an end or an abort of a part means.
 */
import { emptyControl, tell, VByteBuffer, VByteWriter, VIOMissingControl, VMemoryPeer } from '@vio/io'
import { compose, VByteConcat, VByteTap, type VConcatPart } from '@vio/io/filter'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VIOClosed, VIOError, VIOLost } from '@vio/reactor'
import { VSeededRandom } from '@vio/reactor/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'
import { virtualReactor } from '../../reactor/support.js'

function setUp() {
  const { host, reactor, logged } = virtualReactor()
  reactor.start()
  const concat = new VByteConcat(reactor)
  const sink = new VProbeConsumer({ grantAtAttach: null })
  const part = (text: string, ends = true): VProbeProducer => {
    // A producer whose end is registered takes no consumer any more: the part ends once it has one.
    const consumerAttached = (): void => (ends ? producer.end() : undefined)
    const producer: VProbeProducer = new VProbeProducer({ reactor, hooks: { consumerAttached } })
    if (text !== '') producer.feed(new VByteBuffer(Buffer.from(text)))
    return producer
  }
  const run = (): string => {
    host.runUntilIdle()
    return sink.received.peek().toString()
  }
  return { host, reactor, logged, concat, sink, part, run }
}

describe('the parts of a concatenation', () => {
  it('give their bytes in order, then the end', () => {
    const { reactor, sink, part, run } = setUp()
    const parts = [part('one '), part('two '), part('three')]
    VByteConcat.of(reactor, parts).byteProduce.attach(sink)
    expect(run()).toBe('one two three')
    expect(sink.ended).toEqual({ clean: true, reason: undefined })
    for (const each of parts) expect(each.aborted).toEqual({ reason: undefined })
  })

  it('are attached when their turn has come, and made then if they are functions', () => {
    const { concat, sink, part, run } = setUp()
    const first = part('a', false)
    const second = part('b')
    const made: string[] = []
    concat.add(first)
    concat.add(() => {
      made.push('made')
      return second
    })
    concat.byteProduce.attach(sink)
    expect([run(), second.consumer, made, concat.waitingParts]).toEqual(['a', null, [], 1])
    first.end()
    expect([run(), made, concat.waitingParts]).toEqual(['ab', ['made'], 0])
  })

  it('do not begin while there is no consumer', () => {
    const { concat, sink, part, run } = setUp()
    const first = part('a')
    concat.add(first)
    run()
    expect(first.consumer).toBeNull()
    concat.byteProduce.attach(sink)
    expect(run()).toBe('a')
  })

  it('may be added while others run, and after all there were are through', () => {
    const { concat, sink, part, run } = setUp()
    concat.byteProduce.attach(sink)
    concat.add(part('a'))
    expect(run()).toBe('a')
    concat.add(part('b'))
    expect([run(), sink.ended]).toEqual(['ab', null])
    concat.finish()
    expect([run(), sink.ended?.clean]).toEqual(['ab', true])
  })

  it('may be empty, and there may be none [CR-36]', () => {
    const { reactor, part, host } = setUp()
    const deep = Array.from({ length: 20_000 }, () => () => part(''))
    for (const parts of [[], [part(''), part('')], deep]) {
      const sink = new VProbeConsumer({ grantAtAttach: 0 })
      const concat = VByteConcat.of(reactor, parts)
      host.runUntilIdle()
      concat.byteProduce.attach(sink)
      host.runUntilIdle()
      expect(sink.ended?.clean).toBe(true)
    }
  })

  it('may be elements, filters and writers', () => {
    const { reactor, concat, sink, run } = setUp()
    const writer = new VByteWriter(reactor)
    const tap = new VByteTap(reactor)
    compose(writer, tap.byteConsume)
    writer.write('through a tap')
    writer.endWrite()
    concat.add(tap)
    concat.add(new VByteWriter(reactor))
    concat.byteProduce.attach(sink)
    expect(run()).toBe('through a tap')
  })

  it('give what the consumer allows and no more [CR-19]', () => {
    const { reactor, part, host } = setUp()
    const sink = new VProbeConsumer({ grantAtAttach: 4 })
    const [first, second] = [part('abc'), part('defgh')]
    VByteConcat.of(reactor, [first, second]).byteProduce.attach(sink)
    host.runUntilIdle()
    expect([first.limit, second.limit, second.queue.length]).toEqual([0, 1, 4])
    sink.grantMore(2)
    host.runUntilIdle()
    expect([second.limit, second.queue.length, sink.received.length]).toEqual([3, 2, 6])
  })

  it('keep what was granted while the consumer changes [CR-12]', () => {
    const { concat, sink, part, run, host } = setUp()
    const first = part('', false)
    concat.add(first)
    concat.add(part('def'))
    concat.finish()
    concat.byteProduce.attach(sink)
    run()
    sink.detach()
    first.feed(new VByteBuffer(Buffer.from('abc')))
    first.end()
    host.runUntilIdle()
    expect([concat.heldBytes, concat.waitingParts, first.aborted]).toEqual([3, 1, null])
    const next = new VProbeConsumer({ grantAtAttach: 2 })
    concat.byteProduce.attach(next)
    host.runUntilIdle()
    expect([concat.heldBytes, next.received.length]).toEqual([1, 2])
    next.grant(null)
    host.runUntilIdle()
    expect([next.received.peek().toString(), next.ended?.clean]).toEqual(['abcdef', true])
  })

  it('come out whole and in order, whatever the portions and limits', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.nat(300), { maxLength: 12 }), (seed, sizes) => {
        runRandomConcat(seed, sizes)
      }),
      propertyRuns(150),
    )
  })
})

/** Feeds a pattern in parts of given sizes and drains it by random limits. */
function runRandomConcat(seed: number, sizes: readonly number[]): void {
  const random = new VSeededRandom(`concat ${seed}`)
  const below = (bound: number): number => random.publicUint32() % bound
  const { host, reactor } = virtualReactor()
  reactor.start()
  const checker = new VPatternChecker(new VBytePattern(seed))
  let total = 0
  const parts = sizes.map((size) => {
    const part: VProbeProducer = new VProbeProducer({
      reactor,
      portions: () => 1 + below(60),
      hooks: { consumerAttached: () => part.end() },
    })
    part.feed(new VByteBuffer(checker.pattern.take(size, total)))
    total += size
    return part
  })
  const sink = new VProbeConsumer({ grantAtAttach: below(30) })
  VByteConcat.of(reactor, parts).byteProduce.attach(sink)
  for (let round = 0; sink.ended === null; round += 1) {
    if (round > 3000) throw new Error('no end in sight')
    host.runUntilIdle()
    for (const chunk of sink.received.drain()) checker.feed(chunk)
    if (!sink.closed && below(3) > 0) sink.grantMore(below(90))
  }
  expect([checker.position, sink.ended?.clean]).toEqual([total, true])
}

describe('a part that fails', () => {
  it('by an unclean end ends the whole unclean, and the parts behind it are aborted', () => {
    const { concat, sink, part, run } = setUp()
    const [first, second] = [part('abc', false), part('def')]
    concat.add(first)
    concat.add(second)
    concat.add(() => {
      throw new Error('never made')
    })
    concat.byteProduce.attach(sink)
    run()
    const reason = new VIOLost('torn')
    first.end(false, reason)
    expect([run(), sink.ended]).toEqual(['abc', { clean: false, reason }])
    expect(second.aborted).toEqual({ reason })
    expect(() => concat.add(part('x'))).toThrow(VIOClosed)
  })

  it('by an unclean end, while there is no consumer, lets no further part in', () => {
    const { concat, sink, part, run } = setUp()
    const first = part('', false)
    concat.add(first)
    concat.byteProduce.attach(sink)
    run()
    sink.detach()
    first.end(false)
    run()
    expect(() => concat.add(part('x'))).toThrow(VIOClosed)
    const next = new VProbeConsumer({ grantAtAttach: 0 })
    concat.byteProduce.attach(next)
    run()
    expect(next.ended?.clean).toBe(false)
  })

  it('by an unclean end, while bytes wait, ends the whole behind them', () => {
    const { concat, sink, part, run, host } = setUp()
    const first = part('', false)
    concat.add(first)
    concat.byteProduce.attach(sink)
    run()
    sink.detach()
    first.feed(new VByteBuffer(Buffer.from('abc')))
    first.end(false)
    host.runUntilIdle()
    const next = new VProbeConsumer({ grantAtAttach: 2 })
    concat.byteProduce.attach(next)
    host.runUntilIdle()
    expect([concat.heldBytes, next.ended]).toEqual([1, null])
    next.grant(3)
    host.runUntilIdle()
    expect([next.received.peek().toString(), next.ended?.clean]).toEqual(['abc', false])
  })

  it('by an abort aborts the whole', () => {
    const { concat, sink, part, run } = setUp()
    const [first, second] = [part('abc', false), part('def')]
    concat.add(first)
    concat.add(second)
    concat.byteProduce.attach(sink)
    run()
    const reason = new VIOLost('gone')
    first.abort(reason)
    expect([sink.aborted, sink.ended, second.aborted]).toEqual([{ reason }, null, { reason }])
  })

  it.each<[string, (part: VProbeProducer) => VConcatPart]>([
    ['attached elsewhere meanwhile', (part) => part],
    [
      'a function that throws',
      () => () => {
        throw new RangeError('no such file')
      },
    ],
    ['a function that makes something else', () => () => ({}) as VProbeProducer],
  ])('to begin, as it is %s, ends the whole unclean', (_, make) => {
    const { logged, concat, sink, part, run } = setUp()
    const bad = part('def')
    const behind = part('ghi')
    concat.add(part('abc'))
    concat.add(make(bad))
    concat.add(behind)
    bad.attach(new VProbeConsumer())
    concat.byteProduce.attach(sink)
    expect([run(), sink.ended?.clean]).toEqual(['abc', false])
    expect(sink.ended?.reason).toBeInstanceOf(Error)
    expect(behind.aborted?.reason).toBe(sink.ended?.reason)
    expect(logged).toHaveLength(1)
  })

  it('after its end is of no matter', () => {
    const { concat, sink, part, run, host } = setUp()
    const first = part('', false)
    concat.add(first)
    concat.byteProduce.attach(sink)
    run()
    const [consumer] = [first.consumer]
    sink.detach()
    first.feed(new VByteBuffer(Buffer.from('abc')))
    first.end()
    host.runUntilIdle()
    consumer?.abort(new VIOLost('late'))
    const next = new VProbeConsumer({ grantAtAttach: null })
    concat.byteProduce.attach(next)
    host.runUntilIdle()
    expect([next.received.peek().toString(), next.aborted]).toEqual(['abc', null])
  })
})

describe('an abort of a concatenation', () => {
  it('reaches the current part and those that wait', () => {
    const { concat, sink, part, run } = setUp()
    const parts = [part('abc', false), part('def'), part('ghi')]
    for (const each of parts) concat.add(each)
    concat.byteProduce.attach(sink)
    run()
    const reason = new VIOLost('enough')
    sink.abort(reason)
    for (const each of parts) expect(each.aborted).toEqual({ reason })
    expect(concat.waitingParts).toBe(0)
  })

  it('follows what the consumer throws [CR-38]', () => {
    const { reactor, logged, part, host } = setUp()
    const sink = new VProbeConsumer({
      grantAtAttach: null,
      hooks: {
        received: () => {
          throw new RangeError('bad sink')
        },
      },
    })
    const parts = [part('abc'), part('def')]
    VByteConcat.of(reactor, parts).byteProduce.attach(sink)
    host.runUntilIdle()
    for (const each of parts) expect(each.aborted?.reason).toBeInstanceOf(RangeError)
    expect(logged).toHaveLength(1)
  })
})

describe('misuse of a concatenation', () => {
  it('is refused at once, and changes nothing', () => {
    const { concat, part } = setUp()
    const attached = part('x')
    attached.attach(new VProbeConsumer())
    const ended = part('x', false)
    ended.abort()
    const twice = part('x')
    concat.add(twice)
    for (const wrong of [null, undefined, 7, {}, new VProbeConsumer()]) {
      expect(() => concat.add(wrong as unknown as VConcatPart)).toThrow(TypeError)
    }
    expect(() => concat.add(attached)).toThrow(/a consumer is already attached to the part/)
    expect(() => concat.add(ended)).toThrow(VIOError)
    expect(() => concat.add(twice)).toThrow(/added before/)
    expect(concat.waitingParts).toBe(1)
    concat.finish()
    concat.finish()
    expect(() => concat.add(part('x'))).toThrow(VIOClosed)
  })
})

describe('control messages of a concatenation', () => {
  const peer = new VMemoryPeer('there')

  it('go up to the current part alone, and down from it [CR-41]', () => {
    const { concat, sink, part, run } = setUp()
    const [first, second] = [part('a', false), part('b', false)]
    concat.byteProduce.attach(sink)
    expect(() => concat.byteProduce.control.reqProducerState(sink)).toThrow(VIOMissingControl)
    concat.add(first)
    concat.add(second)
    run()
    concat.byteProduce.control.reqProducerState(sink)
    expect(first.messages.at(-1)?.name).toBe('reqProducerState')
    tell(first.consumer?.control ?? emptyControl(), 'connected', peer)
    expect(sink.messages.at(-1)).toEqual({ name: 'connected', args: [peer] })
    first.end()
    run()
    concat.byteProduce.control.reqProducerState(sink)
    expect(second.messages.at(-1)?.name).toBe('reqProducerState')
    expect(concat.byteProduce.flows).toEqual([second.consumer])
    expect(second.consumer?.flows).toEqual([concat.byteProduce])
  })
})
