/**
 * Chains as observables, and observables as producers.
 */
import {
  ask,
  tell,
  type VControlMessages,
  VIOClosed,
  VIOControl,
  VIOError,
  VIOLost,
  VIOOversize,
  VMemoryPeer,
  VMessageQueue,
} from '@vio/io'
import { chain } from '@vio/io/facade'
import { observeBytes, observeMessages, VRxConsumer, VRxMessageConsumer, writeFrom } from '@vio/io/rx'
import { VBytePattern, VProbeConsumer, VProbeMessageProducer, VProbeProducer } from '@vio/io/testing'
import { from, Observable, of, range, Subject, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { CHUNKINGS, Endless, feed, settleUntil } from '../facade/support.js'
import { runningReactor } from '../support.js'

const pattern = new VBytePattern(6)

interface Seen {
  readonly values: string[]
  error: unknown
  completed: boolean
}

function watch<T>(observable: Observable<T>): Seen & { stop(): void } {
  const seen = { values: [] as string[], error: undefined as unknown, completed: false }
  const subscription = observable.subscribe({
    next: (value) => seen.values.push(String(value)),
    error: (error: unknown) => {
      seen.error = error
    },
    complete: () => {
      seen.completed = true
    },
  })
  return Object.assign(seen, { stop: () => subscription.unsubscribe() })
}

describe('VRxConsumer', () => {
  it.each(CHUNKINGS)('emits the same bytes when they come $how, and completes', ({ portions }) => {
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor, portions })
    const pieces: Buffer[] = []
    let completed = false
    observeBytes(source, { reactor }).subscribe({
      next: (piece) => pieces.push(piece),
      complete: () => {
        completed = true
      },
    })
    feed(source, pattern.take(5000))
    source.end()
    host.runUntilIdle()
    expect(pattern.mismatchAt(Buffer.concat(pieces))).toBe(-1)
    expect([Buffer.concat(pieces).length, completed]).toEqual([5000, true])
    expect(source.aborted).toEqual({ reason: undefined })
  })

  it('lets nothing flow before somebody subscribes', () => {
    const { reactor, host } = runningReactor()
    const source = new Endless(reactor)
    const bytes = observeBytes(source)
    host.runUntilIdle()
    expect(source.given).toBe(0)
    const seen: number[] = []
    const subscription = bytes.subscribe((piece) => {
      seen.push(piece.length)
      if (seen.length === 3) subscription.unsubscribe()
    })
    host.runUntilIdle()
    expect([seen.length, source.given]).toEqual([3, 3000])
    expect(source.byteProduce.consumer).toBeNull()
  })

  it('can be subscribed to before it is attached, and only once', () => {
    const { reactor, host } = runningReactor()
    const sink = new VRxConsumer(reactor)
    const seen = watch(sink.bytes)
    const second = watch(sink.bytes)
    expect(second.error).toBeInstanceOf(VIOError)
    chain(writeFrom(reactor, of('a', 'b')), sink)
    host.runUntilIdle()
    expect(seen).toMatchObject({ values: ['a', 'b'], completed: true, error: undefined })
  })

  it('tells an end that is not clean, and an abort, as an error with the reason', () => {
    for (const how of ['end', 'abort', 'bare'] as const) {
      const { reactor, host } = runningReactor()
      const source = new VProbeProducer({ reactor })
      const seen = watch(observeBytes(source, { reactor }))
      const reason = new Error('cut')
      feed(source, 'abc')
      host.runUntilIdle()
      if (how === 'end') source.end(false, reason)
      else if (how === 'abort') source.abort(reason)
      else source.abort()
      host.runUntilIdle()
      expect(seen.values).toEqual(['abc'])
      expect(seen.completed).toBe(false)
      if (how === 'bare') expect(seen.error).toBeInstanceOf(VIOLost)
      else expect(seen.error).toBe(reason)
    }
  })

  it('takes the chain down when its subscriber leaves', () => {
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor })
    const seen = watch(observeBytes(source, { reactor }))
    host.runUntilIdle()
    seen.stop()
    expect(source.aborted?.reason).toBeInstanceOf(VIOClosed)
    expect([seen.completed, seen.error]).toEqual([false, undefined])
  })

  it('tells one who subscribes late how it ended', () => {
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor })
    const clean = observeBytes(source, { reactor })
    source.end()
    const broken = new VProbeProducer({ reactor })
    const lost = observeBytes(broken, { reactor })
    broken.abort(new Error('early'))
    host.runUntilIdle()
    expect(watch(clean).completed).toBe(true)
    expect(watch(lost).error).toEqual(new Error('early'))
  })

  it('emits control messages, and passes them on', () => {
    const { reactor, host } = runningReactor()
    const answered: unknown[] = []
    const control = new VIOControl({
      canConnect: (peer) => {
        answered.push(peer)
        return false
      },
    })
    const sink = new VRxConsumer(reactor, { control })
    const events: string[] = []
    let completed = false
    sink.controlEvents.subscribe({
      next: ({ name, args }) => events.push(`${name}(${args.length})`),
      complete: () => {
        completed = true
      },
    })
    const source = new VProbeProducer({ reactor })
    source.attach(sink.byteConsume)
    const peer = new VMemoryPeer('x')
    tell(sink.byteConsume.control, 'connected', peer)
    expect(ask(sink.byteConsume.control, 'canConnect', true, peer)).toBe(false)
    expect(ask(sink.byteConsume.control, 'authorize', 'nobody', null, null, null, 'TLS')).toBe('nobody')
    tell(
      sink.byteConsume.control,
      'ownMessage' as keyof VControlMessages,
      ...([1, 2] as never as [VMemoryPeer]),
    )
    expect(answered).toEqual([peer])
    expect(events).toEqual([
      'notifyProducerAttached(1)',
      'connected(1)',
      'canConnect(1)',
      'authorize(4)',
      'ownMessage(2)',
    ])
    sink.byteConsume.abort()
    host.runUntilIdle()
    expect(completed).toBe(true)
  })
})

describe('VRxMessageConsumer', () => {
  it('emits messages as they come', () => {
    const { reactor, host } = runningReactor()
    const source = new VProbeMessageProducer<number>({ reactor })
    const messages = observeMessages(source, { reactor })
    source.feed(new VMessageQueue([1, 2, 3]))
    host.runUntilIdle()
    expect(source.moved).toBe(0)
    const seen = watch(messages)
    host.runUntilIdle()
    expect(seen.values).toEqual(['1', '2', '3'])
    source.end(false, new Error('cut'))
    host.runUntilIdle()
    expect(seen.error).toEqual(new Error('cut'))
  })

  it('takes the chain down when its subscriber leaves, and emits control messages', () => {
    const { reactor } = runningReactor()
    const sink = new VRxMessageConsumer<string>(reactor)
    const seen = watch(sink.messages)
    const control = watch(sink.controlEvents)
    const source = new VProbeMessageProducer<string>({ reactor })
    source.attach(sink.messageConsume)
    seen.stop()
    expect(source.aborted?.reason).toBeInstanceOf(VIOClosed)
    expect([control.values.length, control.completed]).toEqual([1, true])
    const aborted = new VRxMessageConsumer<string>(reactor)
    const told = watch(aborted.messages)
    aborted.messageConsume.abort()
    expect(told.error).toBeInstanceOf(VIOLost)
  })
})

describe('writeFrom', () => {
  function setUp(limit: number | null = null) {
    const made = runningReactor()
    return { ...made, sink: new VProbeConsumer({ grantAtAttach: limit }) }
  }

  it('gives what is emitted, in any form, and ends with it', () => {
    const { reactor, host, sink } = setUp()
    const items = from(['a', Buffer.from('b'), [Buffer.from('c'), new Uint8Array([100])], '', []])
    sink.attach(writeFrom(reactor, items).byteProduce)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('abcd')
    expect(sink.ended).toEqual({ clean: true, reason: undefined })
  })

  it('subscribes when it is attached, and keeps what came for the next consumer', () => {
    const { reactor, host } = setUp()
    let subscribed = 0
    const source = new Observable<string>((subscriber) => {
      subscribed += 1
      subscriber.next('hello')
    })
    const producer = writeFrom(reactor, source)
    expect(subscribed).toBe(0)
    const first = new VProbeConsumer({ grantAtAttach: 2 })
    first.attach(producer.byteProduce)
    host.runUntilIdle()
    first.detach()
    const second = new VProbeConsumer({ grantAtAttach: null })
    second.attach(producer.byteProduce)
    host.runUntilIdle()
    expect([subscribed, first.received.pop().toString(), second.received.pop().toString()]).toEqual([
      1,
      'he',
      'llo',
    ])
  })

  it.each(CHUNKINGS)('gives the same bytes when they are taken $how', ({ portions }) => {
    const { reactor, host } = setUp()
    const sizes = typeof portions === 'function' ? portions : () => 1
    const sink = new VProbeConsumer({ grantAtAttach: 1, answer: ({ consumed }) => consumed + sizes(999) })
    const source = new Subject<Uint8Array>()
    sink.attach(writeFrom(reactor, source).byteProduce)
    for (let at = 0; at < 5000; at += 50) source.next(pattern.take(50, at))
    source.complete()
    host.runUntilIdle()
    expect(sink.received.length).toBe(5000)
    expect(pattern.mismatchAt(sink.received.pop())).toBe(-1)
    expect(sink.ended?.clean).toBe(true)
  })

  it('ends unclean behind what is queued when more comes than may wait', () => {
    const { reactor, host, sink } = setUp(0)
    let left = 0
    const endless = new Observable<string>((subscriber) => {
      while (!subscriber.closed) subscriber.next('1234')
      return () => {
        left += 1
      }
    })
    const producer = writeFrom(reactor, endless, { maxQueuedBytes: 10 })
    sink.attach(producer.byteProduce)
    expect([producer.queuedBytes, left]).toEqual([8, 1])
    host.runUntilIdle()
    expect(sink.ended).toBeNull()
    sink.grant(null)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('12341234')
    expect(sink.ended?.clean).toBe(false)
    expect(sink.ended?.reason).toBeInstanceOf(VIOOversize)
    expect(sink.ended?.reason).toMatchObject({ sizeBytes: 12, maxBytes: 10 })
  })

  it('leaves out the newest where it was told to', () => {
    const { reactor, host, sink } = setUp(0)
    const source = new Subject<string>()
    const producer = writeFrom(reactor, source, { maxQueuedBytes: 6, overflow: 'drop-newest' })
    sink.attach(producer.byteProduce)
    for (const item of ['aa', 'bb', 'cc', 'dd', 'e'.repeat(7)]) source.next(item)
    expect([producer.queuedBytes, producer.droppedItems]).toEqual([6, 2])
    sink.grant(null)
    host.runUntilIdle()
    source.next('ff')
    source.complete()
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('aabbccff')
    expect(sink.ended?.clean).toBe(true)
  })

  it('leaves out the oldest where it was told to, whole ones that have not begun to leave', () => {
    const { reactor, host, sink } = setUp(1)
    const source = new Subject<string>()
    const producer = writeFrom(reactor, source, { maxQueuedBytes: 6, overflow: 'drop-oldest' })
    sink.attach(producer.byteProduce)
    source.next('aa')
    host.runUntilIdle()
    for (const item of ['bb', 'cc', 'dd', 'e'.repeat(7), 'f'.repeat(6)]) source.next(item)
    expect(producer.queuedBytes).toBeLessThanOrEqual(6)
    sink.grant(null)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('aa')
    expect(producer.droppedItems).toBe(5)
    for (const item of ['gg', 'hh', 'ii', 'jj']) source.next(item)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('hhiijj')
  })

  it('ends unclean with the error of its source, and at an item that is no bytes', () => {
    const reason = new Error('source broke')
    const cases: [Observable<string>, unknown][] = [
      [throwError(() => reason), reason],
      [throwError(() => 'text'), new VIOError('text')],
      [range(1, 3) as unknown as Observable<string>, expect.any(TypeError)],
    ]
    for (const [source, error] of cases) {
      const { reactor, host, sink } = setUp()
      sink.attach(writeFrom(reactor, source).byteProduce)
      host.runUntilIdle()
      expect(sink.ended?.clean).toBe(false)
      expect(sink.ended?.reason).toEqual(error)
    }
  })

  it('leaves its source when the chain is aborted', () => {
    const { reactor, host, sink } = setUp(0)
    const source = new Subject<string>()
    const producer = writeFrom(reactor, source)
    sink.attach(producer.byteProduce)
    source.next('waiting')
    host.runUntilIdle()
    expect(source.observed).toBe(true)
    sink.abort()
    expect([source.observed, producer.queuedBytes]).toEqual([false, 0])
  })

  it('refuses what is no observable and options that are none', () => {
    const { reactor } = setUp()
    for (const wrong of [null, {}, 'x'] as unknown as Observable<string>[])
      expect(() => writeFrom(reactor, wrong)).toThrow(TypeError)
    expect(() => writeFrom(reactor, of('x'), { maxQueuedBytes: 0 })).toThrow(RangeError)
    expect(() => writeFrom(reactor, of('x'), { overflow: 'wait' as 'error' })).toThrow(TypeError)
  })

  it('goes round: an observable of a chain of an observable', async () => {
    const { reactor, host } = runningReactor()
    const seen = watch(observeBytes(writeFrom(reactor, of('a', 'b', 'c'))))
    await settleUntil(host, () => seen.completed)
    expect(seen.values.join('')).toBe('abc')
  })
})
