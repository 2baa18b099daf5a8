/**
 * What holds for everything that is made a producer or a consumer: pressure reaches it, and every end is told for what it
 * is, both ways.
 */
import { VByteWriter } from '@vio/io'
import { VBytePattern, VProbeConsumer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor } from '../support.js'
import { INLETS, OUTLETS } from './adapters.js'
import { CHUNKINGS, Endless, settle, settleUntil } from './support.js'

const pattern = new VBytePattern(5)
const TOTAL = 20_000

function nativeSource(limitBytes = Number.POSITIVE_INFINITY, sizes: (wanted: number) => number = () => 1000) {
  const left: unknown[] = []
  const state = { pulled: 0, failure: undefined as Error | undefined, left }
  return {
    state,
    source: {
      pull() {
        if (state.failure !== undefined) throw state.failure
        const size = Math.min(sizes(1000), limitBytes - state.pulled)
        if (size <= 0) return null
        state.pulled += size
        return pattern.take(size, state.pulled - size)
      },
      left: (reason: unknown) => void left.push(reason),
    },
  }
}

describe.each(INLETS)('$name', ({ declaredBytes, tellsReason, open }) => {
  it.each(CHUNKINGS)('gives the same bytes when its chunks come $how', async ({ portions }) => {
    const { reactor, host } = runningReactor()
    const sizes = typeof portions === 'function' ? portions : () => 1
    const { source, state } = nativeSource(TOTAL, sizes)
    const sink = new VProbeConsumer({ grantAtAttach: 5, answer: ({ consumed }) => consumed + 777 })
    sink.attach(open(source, reactor))
    await settleUntil(host, () => sink.ended !== null)
    expect(sink.ended).toEqual({ clean: true, reason: undefined })
    expect(sink.received.length).toBe(TOTAL)
    expect(pattern.mismatchAt(sink.received.pop())).toBe(-1)
    expect(state.left).toEqual([])
  })

  it('takes no more than it declares before the consumer grants it', async () => {
    const { reactor, host } = runningReactor()
    const { source, state } = nativeSource()
    const sink = new VProbeConsumer({ grantAtAttach: 0 })
    sink.attach(open(source, reactor))
    await settle(host)
    expect(state.pulled).toBeLessThanOrEqual(declaredBytes)
    for (let round = 0; round < 20; round += 1) {
      sink.grantMore(700)
      await settle(host)
      expect(sink.received.length).toBe(700 * (round + 1))
      expect(state.pulled - sink.moved).toBeLessThanOrEqual(declaredBytes)
    }
    expect(pattern.mismatchAt(sink.received.pop())).toBe(-1)
  })

  it('ends unclean with the reason when the source fails, behind what came before', async () => {
    const { reactor, host, logged } = runningReactor()
    const { source, state } = nativeSource()
    const sink = new VProbeConsumer({ grantAtAttach: 3000 })
    sink.attach(open(source, reactor))
    await settle(host)
    expect(sink.received.length).toBe(3000)
    state.failure = new Error('disk on fire')
    sink.grant(null)
    await settleUntil(host, () => sink.ended !== null)
    expect(sink.ended).toEqual({ clean: false, reason: state.failure })
    expect(sink.received.length % 1000).toBe(0)
    expect(pattern.mismatchAt(sink.received.pop())).toBe(-1)
    expect(logged).toEqual([])
  })

  it('leaves the source when the chain is aborted, also while the consumer stalls', async () => {
    const { reactor, host } = runningReactor()
    const { source, state } = nativeSource()
    const sink = new VProbeConsumer({ grantAtAttach: 1500 })
    sink.attach(open(source, reactor))
    await settle(host)
    const reason = new Error('not wanted')
    sink.abort(reason)
    await settle(host)
    expect(state.left).toEqual([tellsReason ? reason : undefined])
    const pulled = state.pulled
    await settle(host)
    expect(state.pulled).toBe(pulled)
  })
})

/** A target that takes what it is given when the test lets it. */
function nativeTarget() {
  const taken: Uint8Array[] = []
  const left: unknown[] = []
  const waiting: { resolve(): void; reject(error: Error): void }[] = []
  const state = { open: false, endAsked: false, endOpen: true, left }
  const later = (): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
    })
  const target = {
    async take(bytes: Uint8Array) {
      if (!state.open) await later()
      taken.push(bytes)
    },
    async ended() {
      state.endAsked = true
      if (!state.endOpen) await later()
    },
    left: (reason: unknown) => void left.push(reason),
  }
  const release = (): void => {
    for (const { resolve } of waiting.splice(0)) resolve()
  }
  const fail = (error: Error): void => {
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  return { target, state, release, fail, all: () => Buffer.concat(taken) }
}

describe.each(OUTLETS)('$name', ({ declaredBytes, open }) => {
  it('passes the same bytes on, and the chain hears of its end when the target has carried it out', async () => {
    const { reactor, host } = runningReactor()
    const { target, state, release, all } = nativeTarget()
    const writer = new VByteWriter(reactor)
    let over = false
    const end = open(target, reactor)
    writer.byteProduce.attach(end)
    for (let at = 0; at < TOTAL; at += 500) writer.write(pattern.take(500, at))
    writer.endWrite()
    state.open = true
    state.endOpen = false
    await settleUntil(host, () => state.endAsked)
    await settle(host)
    over = writer.byteProduce.consumer === null
    expect(over).toBe(false)
    release()
    await settle(host)
    expect(writer.byteProduce.consumer).toBeNull()
    expect(state.left).toEqual([])
    expect(all().length).toBe(TOTAL)
    expect(pattern.mismatchAt(all())).toBe(-1)
  })

  it('takes no more than it declares while the target stalls', async () => {
    const { reactor, host } = runningReactor()
    const { target, release, all } = nativeTarget()
    const source = new Endless(reactor, 300)
    source.byteProduce.attach(open(target, reactor))
    for (let round = 0; round < 60; round += 1) {
      await settle(host, 6)
      expect(source.given - all().length).toBeLessThanOrEqual(declaredBytes)
      release()
    }
    expect(all().length).toBeGreaterThan(declaredBytes)
    expect(source.pattern.mismatchAt(all())).toBe(-1)
    source.byteProduce.abort()
  })

  it('takes the chain down with the reason when the target fails', async () => {
    const { reactor, host } = runningReactor()
    const { target, fail } = nativeTarget()
    const reasons: (Error | undefined)[] = []
    class Watched extends Endless {
      protected override producerAborted(reason?: Error): void {
        reasons.push(reason)
      }
    }
    const source = new Watched(reactor, 300)
    source.byteProduce.attach(open(target, reactor))
    await settle(host)
    const reason = new Error('no space left')
    fail(reason)
    await settle(host)
    expect(reasons).toEqual([reason])
  })

  it('tells the target of an abort, and of an end that is not clean, as no orderly end', async () => {
    for (const how of ['abort', 'end'] as const) {
      const { reactor, host, logged } = runningReactor()
      const { target, state } = nativeTarget()
      state.open = true
      const reason = new Error('given up')
      class Ending extends Endless {
        stop(): void {
          this.endProduce(false, reason)
        }
        protected override produce(maxBytes: number): Uint8Array | null {
          return this.given < 1000 ? super.produce(maxBytes) : null
        }
      }
      const source = new Ending(reactor, 300)
      source.byteProduce.attach(open(target, reactor))
      await settle(host)
      if (how === 'abort') source.byteProduce.abort(reason)
      else source.stop()
      await settle(host)
      expect(state.left).toEqual([reason])
      expect(state.endAsked).toBe(false)
      expect(logged).toEqual([])
    }
  })
})
