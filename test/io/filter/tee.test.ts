/**
 * `VByteTee`: every branch gives every byte, none is ahead of the slowest, and ends, aborts and control messages reach
 * all of them.
 */
import { ask, emptyControl, tell, VByteBuffer, VIOMissingControl, VMemoryPeer } from '@vio/io'
import { compose, VByteTap, VByteTee, type VTeeOptions } from '@vio/io/filter'
import {
  VBytePattern,
  VPatternChecker,
  VProbeConsumer,
  type VProbeConsumerOptions,
  VProbeProducer,
} from '@vio/io/testing'
import { VIOClosed, VIOLost } from '@vio/reactor'
import { VSeededRandom } from '@vio/reactor/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'
import { virtualReactor } from '../../reactor/support.js'

function setUp(options: VTeeOptions = {}, late?: 'late source') {
  const { host, reactor, logged } = virtualReactor()
  reactor.start()
  const tee = new VByteTee(reactor, options)
  const source = Object.assign(new VProbeProducer({ reactor }), { reactor })
  if (late !== 'late source') source.attach(tee.byteConsume)
  const sink = (sinkOptions: VProbeConsumerOptions = {}): VProbeConsumer => {
    const consumer = new VProbeConsumer(sinkOptions)
    tee.branch().attach(consumer)
    return consumer
  }
  const feed = (data: string | Buffer): void => {
    source.feed(new VByteBuffer(Buffer.from(data)))
    host.runUntilIdle()
  }
  const end = (clean = true, reason?: Error): void => {
    source.end(clean, reason)
    host.runUntilIdle()
  }
  return { host, reactor, logged, tee, source, sink, feed, end }
}

const textOf = (sink: VProbeConsumer): string => sink.received.peek().toString()

describe('limits of a tee', () => {
  it('are those of the slowest branch: the fast one gets nothing more [CR-19]', () => {
    const { tee, source, sink, feed, host } = setUp({}, 'late source')
    const fast = sink({ grantAtAttach: null })
    const slow = sink({ grantAtAttach: 3 })
    source.attach(tee.byteConsume)
    feed('abcdefgh')
    expect([textOf(fast), textOf(slow)]).toEqual(['abc', 'abc'])
    expect([source.limit, source.queue.length, tee.heldBytes]).toEqual([3, 5, 0])
    slow.grantMore(2)
    host.runUntilIdle()
    expect([textOf(fast), textOf(slow)]).toEqual(['abcde', 'abcde'])
  })

  it('are nothing while a branch has no consumer, or there is no branch [CR-33]', () => {
    const { source, tee, feed } = setUp()
    feed('abc')
    expect(source.limit).toBe(0)
    const first = new VProbeConsumer({ grantAtAttach: null })
    tee.branch().attach(first)
    const second = tee.branch()
    feed('def')
    // The first grant was given before the second branch was made and holds for what is under way.
    expect(textOf(first)).toBe('abcdef')
    feed('ghi')
    expect(source.queue.length).toBe(3)
    const late = new VProbeConsumer({ grantAtAttach: null })
    second.attach(late)
    feed('')
    expect([textOf(first), textOf(late)]).toEqual(['abcdefghi', 'abcdefghi'])
  })

  it('fall only by what a branch answers to a consume [CR-21] [CR-30]', () => {
    const { source, sink, feed, tee } = setUp({}, 'late source')
    sink({ grantAtAttach: null })
    sink({ grantAtAttach: 100, answer: ({ consumed }) => consumed + 1 })
    source.attach(tee.byteConsume)
    expect(source.limit).toBe(100)
    feed('ab')
    expect(source.limit).toBe(3)
  })

  it('are told without a consume in the same call [CR-28]', () => {
    const { source, sink, host } = setUp()
    const only = sink()
    source.feed(new VByteBuffer(Buffer.from('ab')))
    host.runUntilIdle()
    only.grant(2)
    expect(only.log.during('sink.grant')).toEqual([])
    host.runUntilIdle()
    expect(textOf(only)).toBe('ab')
  })

  it('bound what is held when a consumer leaves: what was granted waits for the next [CR-12]', () => {
    const { tee, source, sink, feed, host } = setUp({}, 'late source')
    const stays = sink({ grantAtAttach: null })
    const leaves = sink({ grantAtAttach: 4 })
    const branch = leaves.producer
    source.attach(tee.byteConsume)
    leaves.detach()
    feed('abcdef')
    expect([textOf(stays), tee.heldBytes, source.limit]).toEqual(['abcd', 4, 4])
    const next = new VProbeConsumer({ grantAtAttach: 1 })
    branch?.attach(next)
    host.runUntilIdle()
    expect([textOf(next), tee.heldBytes, source.limit]).toEqual(['a', 3, 4])
    next.grant(5)
    host.runUntilIdle()
    expect([textOf(stays), textOf(next)]).toEqual(['abcde', 'abcde'])
  })
})

describe('bytes of a tee', () => {
  it('are the same memory in every branch', () => {
    const { source, sink, host } = setUp()
    const sinks = [sink({ grantAtAttach: null }), sink({ grantAtAttach: null })]
    const bytes = Buffer.from('shared')
    source.feed(new VByteBuffer(bytes))
    host.runUntilIdle()
    for (const each of sinks) expect(each.received.popChunk().buffer).toBe(bytes.buffer)
  })

  it('come to a late branch from then on', () => {
    const { tee, sink, feed } = setUp()
    const early = sink({ grantAtAttach: null })
    feed('abc')
    const late = sink({ grantAtAttach: null })
    feed('def')
    expect([textOf(early), textOf(late), tee.branchCount]).toEqual(['abcdef', 'def', 2])
  })

  it('come to a branch that is made in the middle of a consume', () => {
    const { tee, sink, feed } = setUp()
    const late = new VProbeConsumer({ grantAtAttach: null })
    let made = false
    sink({
      grantAtAttach: null,
      hooks: {
        received: () => {
          if (!made) tee.branch().attach(late)
          made = true
        },
      },
    })
    feed('abc')
    feed('def')
    expect(textOf(late)).toBe('def')
  })

  it('are equal and in order in each branch, whatever the limits and stalls of each', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 5 }), (seed, count) => runRandomTee(seed, count)),
      propertyRuns(150),
    )
  })
})

/** Feeds a pattern through a tee whose branches grant at random, leave and come back, and checks every branch. */
function runRandomTee(seed: number, count: number): void {
  const random = new VSeededRandom(`tee ${seed}`)
  const below = (bound: number): number => random.publicUint32() % bound
  const size = 2000
  const { host, reactor } = virtualReactor()
  reactor.start()
  const tee = new VByteTee(reactor)
  const source = new VProbeProducer({ reactor, portions: () => 1 + below(200) })
  source.attach(tee.byteConsume)
  const branches = Array.from({ length: count }, () => ({
    producer: tee.branch(),
    checker: new VPatternChecker(new VBytePattern(seed)),
    sink: new VProbeConsumer({ grantAtAttach: below(40) }),
  }))
  for (const branch of branches) branch.producer.attach(branch.sink)
  source.feed(new VByteBuffer(new VBytePattern(seed).take(size)))
  source.end()
  const attachedAll = (): boolean => branches.every(({ sink }) => sink.closed || sink.producer !== null)
  for (let round = 0; branches.some(({ sink }) => sink.ended === null); round += 1) {
    if (round > 3000) throw new Error('no end in sight')
    host.runUntilIdle()
    for (const branch of branches) {
      for (const chunk of branch.sink.received.drain()) branch.checker.feed(chunk)
      if (branch.sink.closed) continue
      if (below(20) === 0) {
        branch.sink.detach()
        branch.sink = new VProbeConsumer({ grantAtAttach: below(40) })
        branch.producer.attach(branch.sink)
      } else if (below(3) > 0) branch.sink.grantMore(below(150))
    }
    if (attachedAll() && tee.heldBytes > 240) throw new Error(`${tee.heldBytes} held`)
  }
  for (const { checker, sink } of branches) {
    for (const chunk of sink.received.drain()) checker.feed(chunk)
    expect([checker.position, sink.ended?.clean]).toEqual([size, true])
  }
}

describe('the end of a tee', () => {
  it('reaches every branch behind its bytes, whatever its limit [CR-36]', () => {
    const { source, sink, feed, end } = setUp()
    const [one, two] = [sink({ grantAtAttach: 3 }), sink({ grantAtAttach: 3 })]
    feed('abc')
    end()
    for (const each of [one, two]) expect([textOf(each), each.ended?.clean]).toEqual(['abc', true])
    expect(source.aborted).toEqual({ reason: undefined })
  })

  it('keeps the flag and the reason', () => {
    const { sink, end } = setUp()
    const reason = new VIOLost('torn')
    const sinks = [sink(), sink()]
    end(false, reason)
    for (const each of sinks) expect(each.ended).toEqual({ clean: false, reason })
  })

  it('waits in a branch for the bytes that wait there', () => {
    const { tee, source, sink, feed, end, host } = setUp()
    const stays = sink({ grantAtAttach: 4 })
    const leaves = sink({ grantAtAttach: 4 })
    const branch = leaves.producer
    leaves.detach()
    feed('abcd')
    end()
    expect([stays.ended?.clean, tee.heldBytes, source.aborted]).toEqual([true, 4, null])
    const next = new VProbeConsumer({ grantAtAttach: 4 })
    branch?.attach(next)
    host.runUntilIdle()
    expect([textOf(next), next.ended?.clean]).toEqual(['abcd', true])
    expect(source.aborted).toEqual({ reason: undefined })
  })

  it('is over when the last consumer has carried it out, and tells what the first that could not said', () => {
    const { host, reactor, source } = setUp()
    const tee = new VByteTee(reactor)
    const slow = () =>
      new (class extends VProbeConsumer {
        override endConsume(clean: boolean): void {
          this.ended = { clean, reason: undefined }
        }
      })({ grantAtAttach: null })
    const [one, two] = [slow(), slow()]
    for (const each of [one, two]) tee.branch().attach(each)
    source.detach()
    const chain = compose(source, tee)
    source.end()
    host.runUntilIdle()
    const reason = new VIOLost('disk full')
    one.abort(reason)
    expect([chain.result, two.aborted]).toEqual([null, null])
    two.abort()
    expect(chain.result).toMatchObject({ clean: false, aborted: false, reason })
  })

  it('of a tee without a branch is carried out at once', () => {
    const { source, end, tee } = setUp()
    end()
    expect(source.aborted).toEqual({ reason: undefined })
    expect(() => tee.branch()).toThrow(VIOClosed)
  })
})

describe('an abort', () => {
  it('of the source takes all branches along [CR-37]', () => {
    const { source, sink } = setUp()
    const sinks = [sink(), sink()]
    const reason = new VIOLost('gone')
    source.abort(reason)
    for (const each of sinks) {
      expect([each.aborted, each.ended]).toEqual([{ reason }, null])
      expect(each.log.count('sink.consumerAborted()')).toBe(1)
    }
  })

  it('of one branch takes all down, by default [CR-39]', () => {
    const { source, sink } = setUp()
    const [one, two] = [sink({ grantAtAttach: null }), sink({ grantAtAttach: null })]
    const reason = new VIOLost('gone')
    one.abort(reason)
    expect([source.aborted, two.aborted]).toEqual([{ reason }, { reason }])
  })

  it('of one branch in the middle of a consume takes all down', () => {
    const { source, sink, feed } = setUp()
    const one = sink({ grantAtAttach: null, hooks: { received: () => one.abort(new VIOLost('gone')) } })
    const two = sink({ grantAtAttach: null })
    feed('abc')
    expect([textOf(one), textOf(two), source.aborted?.reason?.message]).toEqual(['abc', '', 'gone'])
  })

  it('of one branch leaves the others, with dropBranch', () => {
    const { source, sink, feed, end, tee } = setUp({ dropBranch: true })
    const slow = sink({ grantAtAttach: 1 })
    const fast = sink({ grantAtAttach: null })
    feed('abcdef')
    expect(textOf(fast)).toBe('a')
    slow.abort(new VIOLost('gone'))
    end()
    expect([textOf(fast), fast.ended?.clean, tee.branchCount]).toEqual(['abcdef', true, 0])
    expect(source.aborted).toEqual({ reason: undefined })
  })

  it('of the last branch takes the tee down, with dropBranch', () => {
    const { source, sink } = setUp({ dropBranch: true })
    const [one, two] = [sink(), sink()]
    one.abort(new VIOLost('first'))
    expect(source.aborted).toBeNull()
    two.abort(new VIOLost('second'))
    expect(source.aborted?.reason?.message).toBe('second')
  })

  it('of the last branch after another carried the end out is no fault, with dropBranch', () => {
    const { source, sink, feed, end } = setUp({ dropBranch: true })
    const leaves = sink({ grantAtAttach: 3 })
    sink({ grantAtAttach: 3 })
    const branch = leaves.producer
    leaves.detach()
    feed('abc')
    end()
    branch?.abort(new VIOLost('given up'))
    expect(source.aborted).toEqual({ reason: undefined })
  })

  it('follows what a consumer throws, and is reported [CR-38]', () => {
    const { logged, source, sink, feed, host } = setUp({ dropBranch: true })
    const bad = sink({
      grantAtAttach: null,
      hooks: {
        received: () => {
          throw new RangeError('bad sink')
        },
      },
    })
    const good = sink({ grantAtAttach: null })
    feed('abc')
    feed('def')
    host.runUntilIdle()
    expect(textOf(good)).toBe('abcdef')
    expect([bad.aborted?.reason, source.aborted]).toEqual([expect.any(RangeError), null])
    expect(logged).toHaveLength(1)
  })
})

describe('control messages of a tee', () => {
  const peer = new VMemoryPeer('there')

  it.each([
    [true, true, true],
    [true, false, false],
    [false, true, false],
  ])('ask every branch whether to connect: %s and %s make %s [CR-44]', (first, second, answer) => {
    const { source, sink } = setUp()
    const one = sink({ handlers: { canConnect: () => first } })
    const two = sink({ handlers: { canConnect: () => second } })
    expect(source.consumer?.control.canConnect(peer)).toBe(answer)
    for (const each of [one, two]) expect(each.messages.at(-1)).toEqual({ name: 'canConnect', args: [peer] })
  })

  it('authorise only if every branch that takes the question says yes [CR-49]', () => {
    const { source, sink } = setUp()
    sink({ mute: true })
    sink({ handlers: { authorize: () => true } })
    const control = source.consumer?.control ?? emptyControl()
    expect(control.authorize(null, null, null, 'TLS')).toBe(true)
    sink({ handlers: { authorize: () => 'yes' as unknown as boolean } })
    expect(control.authorize(null, null, null, 'TLS')).toBe(false)
  })

  it('tell every branch, though one throws', () => {
    const { source, sink } = setUp()
    const broken = (): void => {
      throw new RangeError('broken handler')
    }
    sink({ handlers: { connected: broken } })
    const two = sink()
    const control = source.consumer?.control ?? emptyControl()
    expect(() => tell(control, 'connected', peer)).toThrow('broken handler')
    expect(two.messages.at(-1)).toEqual({ name: 'connected', args: [peer] })
  })

  it('are not handled where no branch handles them [CR-40] [CR-43]', () => {
    const { source, sink, tee } = setUp()
    const control = source.consumer?.control ?? emptyControl()
    expect(ask(control, 'canConnect', 'nobody', peer)).toBe('nobody')
    sink({ mute: true })
    tee.branch()
    expect(() => control.connected(peer)).toThrow(VIOMissingControl)
    expect(() => control.reqConsumerState(source)).toThrow(VIOMissingControl)
    expect(JSON.stringify([control])).toBe('[{}]')
  })

  it('give the first answer to a message that somebody added', () => {
    const { source, sink } = setUp()
    sink({ mute: true })
    sink({ handlers: { depth: () => undefined } as object })
    sink({ handlers: { depth: () => 7 } as object })
    const control = source.consumer?.control as unknown as { depth(): unknown }
    expect(control.depth()).toBe(7)
  })

  it('go up from any branch to the producer above [CR-41]', () => {
    const { source, sink, tee } = setUp()
    const one = sink()
    one.producer?.control.reqProducerState(one)
    expect(source.messages.at(-1)).toEqual({ name: 'reqProducerState', args: [one] })
    const lonely = new VByteTee(tee.reactor).branch()
    expect(() => lonely.control.reqProducerState(one)).toThrow(VIOMissingControl)
  })
})

describe('a tee', () => {
  it('shows its flows, and stands in a chain as sink and as source', () => {
    const { host, reactor } = setUp()
    const tee = new VByteTee(reactor)
    const source = Object.assign(new VProbeProducer({ reactor }), { reactor })
    const [one, two] = [
      new VProbeConsumer({ grantAtAttach: null }),
      new VProbeConsumer({ grantAtAttach: null }),
    ]
    const branch = tee.branch()
    const chains = [
      compose(branch, new VByteTap(reactor), one),
      compose(tee.branch(), two),
      compose(source, tee),
    ]
    expect(tee.byteConsume.flows).toHaveLength(2)
    expect(tee.byteConsume.flows[0]).toBe(branch)
    expect(branch.flows).toEqual([tee.byteConsume])
    source.feed(new VByteBuffer(Buffer.from('both')))
    source.end()
    host.runUntilIdle()
    for (const chain of chains) expect(chain.result).toMatchObject({ clean: true, bytesIn: 4, bytesOut: 4 })
  })
})
