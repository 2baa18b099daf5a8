/**
 * Chains as async iterables, and iterables as producers: what is particular to them.
 */
import { VIOClosed, VIOError } from '@vio/io'
import { bytesOf, producerOf, type VBytesIterable } from '@vio/io/facade'
import { VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor } from '../support.js'
import { feed, outcomeOf, pumped, rejectionOf, settle, settleUntil } from './support.js'

describe('bytesOf', () => {
  it('takes the chain down when the loop is left, and has ended then', async () => {
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor })
    feed(source, 'abc')
    const bytes = bytesOf(source, { reactor })
    host.runUntilIdle()
    for await (const piece of bytes) {
      expect(piece.toString()).toBe('abc')
      break
    }
    expect(source.aborted?.reason).toBeInstanceOf(VIOClosed)
    expect(await bytes.next()).toEqual({ done: true, value: undefined })
  })

  it('answers a request that waits when it is left', async () => {
    const { reactor } = runningReactor()
    const bytes = bytesOf(new VProbeProducer({ reactor }), { reactor })
    const waiting = bytes.next()
    expect(await outcomeOf(waiting)).toBe('pending')
    await bytes.return?.()
    expect(await waiting).toEqual({ done: true, value: undefined })
  })

  it('throws once at an end that is not clean, and has ended then', async () => {
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor })
    const bytes = bytesOf(source, { reactor })
    const waiting = [bytes.next(), bytes.next()]
    source.end(false, new Error('cut'))
    host.runUntilIdle()
    expect((await rejectionOf(waiting[0] as Promise<unknown>)).message).toContain('cut')
    expect(await waiting[1]).toEqual({ done: true, value: undefined })
    expect(await bytes.next()).toEqual({ done: true, value: undefined })
  })

  it('takes the chain down with what is thrown into it, and when it is disposed of', async () => {
    const { reactor } = runningReactor()
    const thrown = new VProbeProducer({ reactor })
    const error = new Error('mine')
    expect(await rejectionOf(bytesOf(thrown, { reactor }).throw?.(error) as Promise<unknown>)).toBe(error)
    expect(thrown.aborted?.reason).toBe(error)
    const disposed = new VProbeProducer({ reactor })
    await bytesOf(disposed, { reactor })[Symbol.asyncDispose]()
    expect(disposed.aborted?.reason).toBeInstanceOf(VIOClosed)
  })

  it('leaves no unhandled rejection where nobody looks', async () => {
    const seen: unknown[] = []
    const note = (reason: unknown): void => void seen.push(reason)
    process.on('unhandledRejection', note)
    const { reactor, host } = runningReactor()
    const source = new VProbeProducer({ reactor })
    void bytesOf(source, { reactor }).next()
    source.abort(new Error('cut'))
    await settle(host)
    process.off('unhandledRejection', note)
    expect(seen).toEqual([])
  })

  it('refuses what is none or taken', () => {
    const { reactor } = runningReactor()
    const source = new VProbeProducer({ reactor })
    expect(() => bytesOf(source)).toThrow(/option reactor/)
    expect(() => bytesOf(source, { reactor, bufferBytes: 0 })).toThrow(RangeError)
    bytesOf(source, { reactor })
    expect(() => bytesOf(source, { reactor })).toThrow(VIOError)
    expect(() => bytesOf(3 as unknown as VProbeProducer)).toThrow(TypeError)
  })
})

describe('producerOf', () => {
  async function gathered(iterable: VBytesIterable) {
    const { reactor, host, logged } = runningReactor()
    const sink = new VProbeConsumer({ grantAtAttach: null })
    sink.attach(producerOf(reactor, iterable).byteProduce)
    await settleUntil(host, () => sink.ended !== null)
    expect(logged).toEqual([])
    return { ended: sink.ended, text: sink.received.pop().toString() }
  }

  it('gives bytes, text and lists, of an iterable of any kind, and skips what is empty', async () => {
    const items = [Buffer.from('a'), 'b', [Buffer.from('c'), Buffer.from('d')], '', [], new Uint8Array([101])]
    expect(await gathered(items)).toEqual({ ended: { clean: true, reason: undefined }, text: 'abcde' })
    async function* later(): AsyncGenerator<string> {
      yield 'x'
      await Promise.resolve()
      yield 'y'
    }
    expect((await gathered(later())).text).toBe('xy')
    expect(await gathered([])).toEqual({ ended: { clean: true, reason: undefined }, text: '' })
  })

  it('ends unclean at an item that is no bytes, and leaves the iterable', async () => {
    let left = 0
    function* wrong(): Generator<string> {
      try {
        yield 'a'
        yield 5 as unknown as string
      } finally {
        left += 1
      }
    }
    const { ended, text } = await gathered(wrong())
    expect(text).toBe('a')
    expect(ended?.reason).toBeInstanceOf(TypeError)
    expect(left).toBe(1)
  })

  it('ends unclean with what the iterable throws, an Error or not', async () => {
    const broken = new Error('broken')
    const throwing = (value: unknown): AsyncIterable<string> => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(value) }),
    })
    expect((await gathered(throwing(broken))).ended).toEqual({ clean: false, reason: broken })
    expect((await gathered(throwing('text'))).ended).toMatchObject({
      clean: false,
      reason: { cause: 'text' },
    })
    const unopened = {
      [Symbol.iterator]: (): Iterator<string> => {
        throw broken
      },
    }
    expect((await gathered(unopened)).ended?.reason).toBe(broken)
  })

  it('does not begin before it is asked, and leaves what hangs when it is aborted', async () => {
    const { reactor, host } = runningReactor()
    const events: string[] = []
    const hanging: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          events.push('next')
          return new Promise(() => undefined)
        },
        return: async () => {
          events.push('return')
          return { done: true, value: undefined }
        },
      }),
    }
    const sink = new VProbeConsumer({ grantAtAttach: 0 })
    sink.attach(producerOf(reactor, hanging).byteProduce)
    await settle(host)
    expect(events).toEqual([])
    sink.grant(null)
    await settle(host)
    expect(events).toEqual(['next'])
    sink.abort()
    await settle(host)
    expect(events).toEqual(['next', 'return'])
  })

  it('refuses what cannot be iterated over, or gives no pieces', () => {
    const { reactor } = runningReactor()
    for (const wrong of [null, undefined, 3, 'text', Buffer.from('abc'), {}] as unknown as string[][])
      expect(() => producerOf(reactor, wrong)).toThrow(TypeError)
  })

  it('goes round: an iterable of a chain of an iterable', async () => {
    const { reactor, host } = runningReactor()
    const round = bytesOf(producerOf(reactor, ['a', 'b', 'c']))
    const all = async (): Promise<string> => {
      let text = ''
      for await (const piece of round) text += piece.toString()
      return text
    }
    expect(await pumped(host, all())).toBe('abc')
  })
})
