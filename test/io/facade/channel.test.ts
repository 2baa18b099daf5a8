/**
 * `VByteChannel`: `recv` and `send`, their time-outs and their ends.
 */
import { VByteEndpoint, VIOError, VIOLost, VIOTimeout } from '@vio/io'
import { VByteChannel } from '@vio/io/facade'
import { VByteDuplexFilter, VByteFilter } from '@vio/io/filter'
import { createDevicePair } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor } from '../support.js'
import { feed, outcomeOf, rejectionOf, scriptedPair } from './support.js'

function setUp(options: { readonly limit?: number | null; readonly bufLen?: number } = {}) {
  const far = scriptedPair({ limit: options.limit ?? null })
  const channel = new VByteChannel(far.reactor, options.bufLen)
  channel.byteIO.attach(far.pair)
  return { ...far, channel }
}

describe('VByteChannel', () => {
  it('receives what there is, up to a maximum, and waits where there is nothing [VE-S22]', async () => {
    const { channel, source, host } = setUp()
    const first = channel.recv(null)
    expect(await outcomeOf(first)).toBe('pending')
    feed(source, 'hello world')
    host.runUntilIdle()
    expect((await first).toString()).toBe('hello world')
    feed(source, 'again')
    host.runUntilIdle()
    expect((await channel.recv(2)).toString()).toBe('ag')
    expect((await channel.recv()).toString()).toBe('ain')
    for (const max of [0, -1, 1.5, Number.NaN]) expect(() => channel.recv(max)).toThrow(RangeError)
  })

  it('tells a clean end by an empty result each time, behind what came before [VE-S22]', async () => {
    const { channel, source, host } = setUp()
    feed(source, 'last')
    source.end()
    host.runUntilIdle()
    expect((await channel.recv(null)).toString()).toBe('last')
    expect(await channel.recv(null)).toHaveLength(0)
    expect(await channel.recv(10, 0)).toHaveLength(0)
    expect(source.aborted).toEqual({ reason: undefined })
  })

  it('rejects with VIOError when the chain was aborted or its end was not clean [VE-S22]', async () => {
    for (const how of ['abort', 'end'] as const) {
      const { channel, source, host } = setUp()
      const waiting = channel.recv(null)
      const reason = new VIOLost('cable cut')
      if (how === 'abort') source.abort(reason)
      else source.end(false, reason)
      host.runUntilIdle()
      const error = await rejectionOf(waiting)
      expect(error).toBeInstanceOf(VIOError)
      expect(error.message).toContain('cable cut')
      expect(await rejectionOf(channel.recv(5, 0))).toBeInstanceOf(VIOError)
    }
  })

  it('gives what came before an end that is not clean, then rejects [VE-S22]', async () => {
    const { channel, source, host } = setUp()
    feed(source, 'half')
    source.end(false)
    host.runUntilIdle()
    expect((await channel.recv(null)).toString()).toBe('half')
    expect(await rejectionOf(channel.recv(null))).toBeInstanceOf(VIOError)
  })

  it('rejects with VIOTimeout after the time, at once for 0, and has moved nothing [VE-S22]', async () => {
    const { channel, source, sink, host } = setUp({ limit: 0, bufLen: 4 })
    const receiving = channel.recv(null, 250)
    host.advance(249)
    expect(await outcomeOf(receiving)).toBe('pending')
    host.advance(1)
    expect(await rejectionOf(receiving)).toBeInstanceOf(VIOTimeout)
    expect(await rejectionOf(channel.recv(null, 0))).toBeInstanceOf(VIOTimeout)
    feed(source, 'ab')
    host.runUntilIdle()
    expect((await channel.recv(null, 0)).toString()).toBe('ab')
    expect(await channel.send('1234', 0)).toBe(4)
    expect(await rejectionOf(channel.send('5', 0))).toBeInstanceOf(VIOTimeout)
    const sending = channel.send('6', 30)
    host.advance(30)
    expect(await rejectionOf(sending)).toBeInstanceOf(VIOTimeout)
    sink.grant(null)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('1234')
    for (const timeoutMs of [null, -1]) {
      const forever = channel.recv(null, timeoutMs)
      host.advance(1e9)
      expect(await outcomeOf(forever)).toBe('pending')
      feed(source, 'x')
      host.runUntilIdle()
      expect((await forever).toString()).toBe('x')
    }
    expect(() => channel.send('x', Number.NaN)).toThrow(TypeError)
  })

  it('sends as much as there is room for, and nothing of nothing [VE-S22]', async () => {
    const { channel, sink, host } = setUp({ limit: 0 })
    expect(channel.bufLen).toBe(4096)
    expect(await channel.send(Buffer.alloc(5000))).toBe(4096)
    expect(await channel.send('')).toBe(0)
    const order: string[] = []
    const first = channel.send('first').then((count) => order.push(`first ${count}`))
    const second = channel.send(Buffer.from('second')).then((count) => order.push(`second ${count}`))
    expect(await outcomeOf(first)).toBe('pending')
    sink.grantMore(7)
    host.runUntilIdle()
    await Promise.all([first, second])
    expect(order).toEqual(['first 5', 'second 2'])
    sink.grant(null)
    host.runUntilIdle()
    expect(sink.received.pop().subarray(4096).toString()).toBe('firstse')
    for (const data of [1, null, ['a']] as unknown as string[])
      expect(() => channel.send(data)).toThrow(TypeError)
    expect(() => new VByteChannel(channel.reactor, 0)).toThrow(RangeError)
  })

  it('does not keep hold of the memory that it was given', async () => {
    const { channel, sink, host } = setUp({ limit: 0 })
    const data = Buffer.from('original')
    await channel.send(data)
    data.fill('x')
    sink.grant(null)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('original')
  })

  it('closes after what was sent, and receives no more [VE-S22]', async () => {
    const { channel, sink, source, host } = setUp({ limit: 3 })
    await channel.send('hello')
    const receiving = channel.recv(null)
    const sending = channel.send(Buffer.alloc(10_000))
    expect(await sending).toBe(4096 - 2)
    const late = channel.send('x')
    channel.close()
    channel.close()
    expect(await rejectionOf(receiving)).toBeInstanceOf(VIOError)
    expect(await rejectionOf(late)).toBeInstanceOf(VIOError)
    expect(await rejectionOf(channel.recv(null))).toBeInstanceOf(VIOError)
    expect(await rejectionOf(channel.send('x'))).toBeInstanceOf(VIOError)
    expect([sink.ended, source.aborted]).toEqual([null, null])
    sink.grant(null)
    host.runUntilIdle()
    expect(sink.received.length).toBe(4099)
    expect(sink.ended).toEqual({ clean: true, reason: undefined })
    expect(source.aborted).not.toBeNull()
    const alone = new VByteChannel(channel.reactor)
    alone.close()
    expect(await rejectionOf(alone.recv(null))).toBeInstanceOf(VIOError)
  })

  it('drops everything when it is aborted [VE-S22]', async () => {
    const { channel, sink, source } = setUp({ limit: 0 })
    await channel.send('hello')
    const receiving = channel.recv(null)
    const reason = new VIOLost('no more')
    channel.abort(reason)
    expect(await rejectionOf(receiving)).toBeInstanceOf(VIOError)
    expect(await rejectionOf(channel.send('x'))).toBeInstanceOf(VIOError)
    expect([sink.aborted?.reason, source.aborted?.reason]).toEqual([reason, reason])
    expect([sink.ended, sink.received.length]).toEqual([null, 0])
  })

  it('talks to another through filters and devices, and closes without losing a byte [VE-S22]', async () => {
    const { reactor, host } = runningReactor()
    const { a, b } = createDevicePair({ b: { capacityBytes: 10 } })
    const plain = (): VByteFilter =>
      new VByteFilter(reactor, { push: (input, output) => void input.moveTo(output) })
    const filter = new VByteDuplexFilter(plain(), plain())
    filter.deviceIO.attach(new VByteEndpoint(reactor, a).byteIO)
    const [left, right] = [new VByteChannel(reactor), new VByteChannel(reactor)]
    left.byteIO.attach(filter.appIO)
    right.byteIO.attach(new VByteEndpoint(reactor, b).byteIO)
    expect(await left.send('x'.repeat(3000))).toBe(3000)
    left.close()
    let got = 0
    for (;;) {
      host.runUntilIdle()
      const piece = await right.recv(null)
      if (piece.length === 0) break
      got += piece.length
    }
    expect(got).toBe(3000)
  })
})
