/**
 * `VByteTee`: every branch gives every byte, none is ahead of the slowest, and ends and aborts reach all of them.
 */
import { VByteBuffer } from '@vio/io'
import { compose, VByteTap, VByteTee } from '@vio/io/filter'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VIOClosed, VIOLost } from '@vio/reactor'
import { VSeededRandom } from '@vio/reactor/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'
import { virtualReactor } from '../../reactor/support.js'
import { setUp, textOf } from './tee-support.js'

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

  it('are exact also when a consumer allows more while it is given some', () => {
    const { source, sink, feed } = setUp()
    const slow = sink({ grantAtAttach: 3, hooks: { received: () => slow.grant(5) } })
    feed('abcdefgh')
    expect([source.limit, textOf(slow)]).toEqual([5, 'abcde'])
  })

  it('reach a producer that is attached in the middle of a consume, once it is over', () => {
    const { source, tee, host } = setUp({}, 'late source')
    const other = new VProbeProducer()
    const swap = (): void => {
      if (source.consumer === null) return
      source.detach()
      other.attach(tee.byteConsume)
    }
    const only = new VProbeConsumer({
      grantAtAttach: 100,
      answer: ({ consumed }) => consumed + 5,
      hooks: { received: swap },
    })
    tee.branch().attach(only)
    source.attach(tee.byteConsume)
    source.feed(new VByteBuffer(Buffer.from('abc')))
    host.runUntilIdle()
    expect([textOf(only), other.limit]).toEqual(['abc', 5])
    other.send(new VByteBuffer(Buffer.from('defgh')))
    expect(textOf(only)).toBe('abcdefgh')
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

  it('that come in the middle of a consume leave behind what was there', () => {
    const { source, sink, feed } = setUp()
    let nested = false
    const first = sink({
      grantAtAttach: null,
      hooks: {
        received: () => {
          if (!nested) source.consumer?.consume(new VByteBuffer(Buffer.from('def')))
          nested = true
        },
      },
    })
    const second = sink({ grantAtAttach: 100 })
    feed('abc')
    feed('ghi')
    expect([textOf(first), textOf(second), second.consumed]).toEqual(['abcdefghi', 'abcdefghi', 9])
    expect(first.log.deepest('sink.consume')).toBe(1)
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
    // A branch whose consumer left holds what it had granted: at most 40 and one portion of 150 ahead of the others.
    if (attachedAll() && tee.heldBytes > 190) throw new Error(`${tee.heldBytes} held`)
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

  it('is followed by no grant, though a consumer that hears it makes another allow more', () => {
    const { source, tee, sink, end } = setUp({}, 'late source')
    sink({ grantAtAttach: null, hooks: { consumerAborted: () => other.grant(50) } })
    const other = sink()
    source.attach(tee.byteConsume)
    end()
    expect(source.log.matching(/canProduce/)).toEqual([])
    expect(other.ended?.clean).toBe(true)
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
    const next = new VProbeConsumer({ grantAtAttach: null })
    source.log.clear()
    branch?.attach(next)
    host.runUntilIdle()
    expect([textOf(next), next.ended?.clean]).toEqual(['abcd', true])
    expect(source.log.matching(/canProduce/)).toEqual([])
    expect(source.aborted).toEqual({ reason: undefined })
  })

  it('waits in a branch for a consumer, whatever its limit', () => {
    const { tee, source, sink, end, host } = setUp()
    const branch = tee.branch()
    expect([sink().ended, branch.consumer]).toEqual([null, null])
    end()
    expect(source.aborted).toBeNull()
    const next = new VProbeConsumer({ grantAtAttach: 0 })
    branch.attach(next)
    host.runUntilIdle()
    expect([next.ended?.clean, source.aborted]).toEqual([true, { reason: undefined }])
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
    const { source, sink, tee, feed } = setUp()
    const leaver = sink({ grantAtAttach: 9 })
    const branch = leaver.producer
    leaver.detach()
    feed('held')
    expect(tee.heldBytes).toBe(4)
    const sinks = [sink(), sink()]
    const reason = new VIOLost('gone')
    source.abort(reason)
    expect((branch as unknown as { held: number }).held).toBe(0)
    expect(tee.heldBytes).toBe(0)
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
