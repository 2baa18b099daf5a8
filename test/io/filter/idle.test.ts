/**
 * Idle time-outs and deadlines on simulated time: when they abort, with what, and that no timer is left behind.
 */
import { VIOTimeout } from '@vio/io'
import { VByteDuplexFilter, VByteTap, VDeadline, VIdleTimeout } from '@vio/io/filter'
import { EmbeddedChain, EmbeddedDuplex } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'

const NONE = Number.POSITIVE_INFINITY

function idle(idleMs: number): EmbeddedChain<VIdleTimeout> {
  return new EmbeddedChain((reactor) => new VIdleTimeout(reactor, { idleMs }), { expectFailures: true })
}

describe('VIdleTimeout', () => {
  it('takes the flow down both ways once nothing has passed for its time', () => {
    const chain = idle(100)
    chain.advance(99)
    expect(chain.aborted).toBe(false)
    chain.advance(1)
    expect(chain.sink.aborted?.reason).toBeInstanceOf(VIOTimeout)
    expect(chain.sink.aborted?.reason?.message).toBe('nothing has passed for 100 ms')
    expect(chain.source.aborted?.reason).toBe(chain.sink.aborted?.reason)
    expect(chain.host.alarmAt).toBe(NONE)
  })

  it('begins anew with whatever passes, to the millisecond', () => {
    const chain = idle(100)
    for (const ms of [99, 50, 100, 0.5, 99.75]) {
      chain.advance(ms)
      expect(chain.aborted).toBe(ms === 100)
      if (chain.aborted) return
      chain.feed('x')
    }
  })

  it('sets one timer a silence, however much passes', () => {
    const chain = idle(100)
    const before = chain.host.steps
    for (let ms = 0; ms < 1_000; ms += 10) {
      chain.advance(10)
      chain.feed('x')
    }
    // One turn takes the bytes of each feed; the rest are timers.
    expect(chain.host.steps - before - 100).toBeLessThanOrEqual(3 * 10 + 100)
    chain.advance(99)
    expect(chain.aborted).toBe(false)
    chain.advance(1)
    expect(chain.aborted).toBe(true)
  })

  it('counts a consumer that takes nothing as silence, and what does not pass not at all', () => {
    const chain = new EmbeddedChain((reactor) => new VIdleTimeout(reactor, { idleMs: 100 }), {
      expectFailures: true,
      limit: 0,
    })
    chain.advance(60)
    chain.feed('x')
    chain.advance(40)
    expect(chain.aborted).toBe(true)
  })

  it('leaves no timer behind at an end or an abort', () => {
    for (const finish of ['end', 'abort'] as const) {
      const chain = idle(100)
      chain.feed('x')
      expect(chain.host.alarmAt).not.toBe(NONE)
      chain[finish]()
      expect(chain.host.alarmAt).toBe(NONE)
      chain.advance(1_000)
      expect(chain.failures).toEqual([])
    }
  })

  it('does nothing outside of a chain, and counts again in the next one', () => {
    const chain = idle(100)
    const { source, sink, element } = chain
    source.detach()
    sink.detach()
    chain.advance(1_000)
    expect(chain.host.alarmAt).toBe(NONE)
    source.attach(element.byteConsume as never)
    sink.attach(element.byteProduce as never)
    chain.advance(99)
    expect(source.aborted).toBeNull()
    chain.advance(1)
    expect(source.aborted?.reason).toBeInstanceOf(VIOTimeout)
  })

  it('of two directions that are joined ends the connection when both are silent', () => {
    const duplex = new EmbeddedDuplex(
      (reactor) => {
        const [inbound, outbound] = [
          new VIdleTimeout(reactor, { idleMs: 100 }),
          new VIdleTimeout(reactor, { idleMs: 100 }),
        ]
        inbound.joinWith(outbound)
        return new VByteDuplexFilter(inbound, outbound)
      },
      { expectFailures: true },
    )
    for (let turn = 0; turn < 10; turn += 1) {
      duplex.advance(60)
      duplex.outbound.feed('x')
    }
    expect([duplex.inbound.aborted, duplex.outbound.aborted]).toEqual([false, false])
    duplex.advance(100)
    expect([duplex.inbound.aborted, duplex.outbound.aborted]).toEqual([true, true])
  })

  it('can be told of activity elsewhere', () => {
    const chain = idle(100)
    chain.advance(90)
    chain.element.touch()
    chain.advance(90)
    expect(chain.aborted).toBe(false)
  })

  it('refuses a time that is none', () => {
    expect(() => idle(0)).toThrow(RangeError)
    expect(() => idle(Number.NaN)).toThrow('idleMs is a number above 0')
  })
})

describe('VDeadline', () => {
  const until = (afterMs: number): EmbeddedChain<VDeadline> =>
    new EmbeddedChain((reactor) => new VDeadline(reactor, { afterMs }), { expectFailures: true })

  it('takes the flow down at its time, however much passes', () => {
    const chain = until(100)
    expect(chain.element.dueAt).toBe(100)
    for (let ms = 0; ms < 99; ms += 1) {
      chain.advance(1)
      chain.feed('x')
    }
    expect(chain.aborted).toBe(false)
    chain.advance(1)
    expect(chain.sink.aborted?.reason).toBeInstanceOf(VIOTimeout)
    expect(chain.source.aborted?.reason?.message).toContain('the deadline at 100 ms')
  })

  it('can be set anew', () => {
    const chain = until(100)
    chain.advance(50)
    chain.element.reset(100)
    chain.advance(99)
    expect(chain.aborted).toBe(false)
    chain.advance(1)
    expect(chain.aborted).toBe(true)
    chain.element.reset(5)
    expect(chain.host.alarmAt).toBe(NONE)
  })

  it('may be set later', () => {
    const chain = until(Number.POSITIVE_INFINITY)
    expect(chain.host.alarmAt).toBe(NONE)
    chain.element.reset(5)
    chain.advance(5)
    expect(chain.aborted).toBe(true)
  })

  it('leaves no timer behind at an end or an abort', () => {
    for (const finish of ['end', 'abort'] as const) {
      const chain = until(100)
      expect(chain.host.alarmAt).toBe(100)
      chain[finish]()
      expect(chain.host.alarmAt).toBe(NONE)
    }
  })

  it('holds for a flow that nobody has attached yet, and for none that it was taken out of', () => {
    const chain = until(100)
    const { source, sink } = chain
    source.detach()
    sink.detach()
    chain.advance(200)
    expect(chain.failures).toEqual([])
    const other = until(100)
    const alone = new VDeadline(other.reactor, { afterMs: 10 })
    other.advance(10)
    expect(() => alone.byteConsume.attach(new VByteTap(other.reactor).byteProduce)).toThrow('has ended')
  })

  it('refuses a time that is none', () => {
    expect(() => until(-1)).toThrow(RangeError)
    expect(() => until(5).element.reset(0)).toThrow(RangeError)
  })
})
