/**
 * `VStream`, reading: what each kind of read gives, in which order, and what it is told at an end.
 */
import { getEventListeners } from 'node:events'
import { VIOClosed, VIOCompleted, VIOError, VIOLost, VIOOversize, VIOTimeout } from '@vio/io'
import { VIOIncomplete, VStream, type VStreamOptions } from '@vio/io/facade'
import { describe, expect, it } from 'vitest'
import { feed, outcomeOf, rejectionOf, scriptedPair } from './support.js'

function setUp(options: VStreamOptions = {}) {
  const far = scriptedPair()
  const stream = new VStream(far.pair, { reactor: far.reactor, ...options })
  const give = (text: string): void => {
    feed(far.source, text)
    far.host.runUntilIdle()
  }
  const end = (clean = true, reason?: Error): void => {
    far.source.end(clean, reason)
    far.host.runUntilIdle()
  }
  return { ...far, stream, give, end }
}

async function text(promise: Promise<Buffer>): Promise<string> {
  return (await promise).toString('latin1')
}

describe('VStream.readBytes', () => {
  it('waits for as many bytes as it was asked for, and gives fewer, then none, at the end', async () => {
    const { stream, give, end } = setUp()
    give('hello ')
    const whole = stream.readBytes(11)
    expect(await outcomeOf(whole)).toBe('pending')
    give('world abc')
    expect(await text(whole)).toBe('hello world')
    end()
    expect(await text(stream.readBytes(10))).toBe(' abc')
    expect(await stream.readBytes(10)).toHaveLength(0)
    expect(await rejectionOf(stream.readBytes(10))).toBeInstanceOf(VIOClosed)
  })

  it('refuses a count that is none at once, and takes nothing', async () => {
    const { stream, give } = setUp()
    give('abc')
    for (const count of [0, -1, 1.5, Number.NaN, '4' as unknown as number])
      expect(() => stream.readBytes(count)).toThrow(RangeError)
    expect(() => stream.readBytes(16 * 1024 * 1024 + 1)).toThrow(VIOOversize)
    expect(stream.bufferedBytes).toBe(3)
  })
})

describe('VStream.readExactly', () => {
  it('rejects with what was there if the data ends before, and leaves it to another read', async () => {
    const { stream, give, end } = setUp()
    give('abc')
    const read = stream.readExactly(5)
    end()
    const error = await rejectionOf(read)
    expect(error).toBeInstanceOf(VIOLost)
    expect(error).toMatchObject({ code: 'V_IO_INCOMPLETE', wantedBytes: 5 })
    expect((error as VIOIncomplete).partial.toString()).toBe('abc')
    expect(await text(stream.readBytes(5))).toBe('abc')
  })

  it('says why the data ended', async () => {
    const { stream, give, end } = setUp()
    give('abc')
    const read = stream.readExactly(5)
    end(false, new VIOLost('the cable was cut'))
    const error = await rejectionOf(read)
    expect(error.message).toContain('the cable was cut')
    expect((error.cause as Error).message).toContain('the cable was cut')
  })
})

describe('VStream.readUntil', () => {
  it('gives the bytes up to a delimiter and with it, also one that comes in parts', async () => {
    const { stream, give } = setUp()
    const first = stream.readUntil('\r\n.\r\n')
    for (const part of ['one\r', '\n.', '\r', '\ntwo', '\r\n.\r\n']) give(part)
    expect(await text(first)).toBe('one\r\n.\r\n')
    expect(await text(stream.readUntil(Buffer.from('\r\n.\r\n')))).toBe('two\r\n.\r\n')
  })

  it('gives an empty result at the end, so that a loop ends, and rejects after that', async () => {
    const { stream, give, end } = setUp()
    give('a\nb\nrest')
    end()
    const lines: string[] = []
    for (let line = await stream.readUntil('\n'); line.length > 0; line = await stream.readUntil('\n'))
      lines.push(line.toString())
    expect(lines).toEqual(['a\n', 'b\n'])
    expect(await rejectionOf(stream.readUntil('\n'))).toBeInstanceOf(VIOClosed)
    expect(await text(stream.readBytes(100))).toBe('rest')
  })

  it('makes an end inside a unit an unclean one, unless the rest is read after all', async () => {
    const cut = setUp()
    cut.give('rest')
    cut.end()
    await cut.stream.readUntil('\n')
    cut.stream.close()
    const ended = await cut.stream.closed
    expect(ended.clean).toBe(false)
    expect(ended.reason).toBeInstanceOf(VIOIncomplete)
    expect(cut.source.aborted?.reason).toBe(ended.reason)
    const read = setUp()
    read.give('rest')
    read.end()
    await read.stream.readUntil('\n')
    await read.stream.readBytes(4)
    await read.stream.shutdown()
    expect(await read.stream.closed).toMatchObject({ clean: true })
  })

  it('does not see a change that the caller makes to the delimiter while it waits', async () => {
    const { stream, give } = setUp()
    const delimiter = Buffer.from('\n')
    const read = stream.readUntil(delimiter)
    delimiter[0] = 0x61
    give('abc\n')
    expect(await text(read)).toBe('abc\n')
  })

  it('refuses an empty delimiter and one that is none', () => {
    const { stream } = setUp()
    for (const delimiter of ['', Buffer.alloc(0), 10 as unknown as string, null as unknown as string])
      expect(() => stream.readUntil(delimiter)).toThrow(TypeError)
  })

  it('rejects a unit over its maximum and takes nothing', async () => {
    const { stream, give } = setUp()
    const read = stream.readUntil('\n', { maxBytes: 5 })
    give('abcdefgh\n')
    const error = await rejectionOf(read)
    expect(error).toMatchObject({ code: 'V_IO_OVERSIZE', maxBytes: 5 })
    expect(await text(stream.readUntil('\n', { maxBytes: 9 }))).toBe('abcdefgh\n')
  })
})

describe('VStream.readUntilRegex', () => {
  it('gives the bytes up to the end of each match', async () => {
    const { stream, give } = setUp()
    give('hello~~world~~')
    expect(await text(stream.readUntilRegex(/~~/))).toBe('hello~~')
    expect(await text(stream.readUntilRegex('~~'))).toBe('world~~')
  })

  it('waits with a match that could still grow, and takes it at the end', async () => {
    const { stream, give, end } = setUp()
    give('a\n')
    const read = stream.readUntilRegex(/\n+/)
    expect(await outcomeOf(read)).toBe('pending')
    give('\nb')
    expect(await text(read)).toBe('a\n\n')
    const last = stream.readUntilRegex(/\n+/)
    give('\n')
    expect(await outcomeOf(last)).toBe('pending')
    end()
    expect(await text(last)).toBe('b\n')
    expect(await stream.readUntilRegex(/\n+/)).toHaveLength(0)
  })

  it('sees bytes as the characters of their numbers', async () => {
    const { stream, give } = setUp()
    give('\u00e9\u00ff-')
    expect((await stream.readUntilRegex(/\xbf-/)).toString('hex')).toBe('c3a9c3bf2d')
  })

  it('refuses a pattern that is none before any byte is looked at', () => {
    const { stream } = setUp()
    expect(() => stream.readUntilRegex(/a*/)).toThrow(TypeError)
    expect(() => stream.readUntilRegex(/(?<=a)b/)).toThrow(TypeError)
    expect(() => stream.readUntilRegex('(')).toThrow(SyntaxError)
    expect(() => stream.readUntilRegex(7 as unknown as RegExp)).toThrow(TypeError)
    expect(() => stream.readUntilRegex(/a/, { maxMatchBytes: 0 })).toThrow(RangeError)
  })

  it('rejects what cannot be decided within the size of a match', async () => {
    const { stream, give } = setUp()
    give('a<bcdefghijklmno')
    const read = stream.readUntilRegex(/<[\s\S]*?>/, { maxMatchBytes: 10 })
    expect(await rejectionOf(read)).toMatchObject({ code: 'V_IO_OVERSIZE', maxBytes: 10 })
    give('>')
    expect(await text(stream.readUntilRegex(/<[\s\S]*?>/, { maxMatchBytes: 20 }))).toBe('a<bcdefghijklmno>')
  })

  it('rejects a unit over its maximum, found or not', async () => {
    const { stream, give } = setUp()
    give('aaaaa')
    const read = stream.readUntilRegex(/b/, { maxBytes: 4 })
    expect(await rejectionOf(read)).toBeInstanceOf(VIOOversize)
    give('b')
    expect(await rejectionOf(stream.readUntilRegex(/b/, { maxBytes: 5 }))).toBeInstanceOf(VIOOversize)
    expect(await text(stream.readUntilRegex(/b/, { maxBytes: 6 }))).toBe('aaaaab')
  })
})

describe('VStream.readAll and readSome', () => {
  it('gives all up to a clean end', async () => {
    const { stream, give, end } = setUp({ bufferBytes: 10 })
    const all = stream.readAll()
    give('x'.repeat(1000))
    end()
    expect(await all).toHaveLength(1000)
    expect(await rejectionOf(stream.readAll())).toBeInstanceOf(VIOClosed)
  })

  it('takes exactly the maximum and no more', async () => {
    const exact = setUp({ bufferBytes: 2 })
    exact.give('12345')
    exact.end()
    const all = exact.stream.readAll(5)
    exact.host.runUntilIdle()
    expect(await text(all)).toBe('12345')
    const over = setUp({ bufferBytes: 2 })
    const read = over.stream.readAll(5)
    over.give('123456')
    expect(await rejectionOf(read)).toBeInstanceOf(VIOOversize)
    expect(over.stream.bufferedBytes).toBe(6)
  })

  it('rejects after an end that is not clean, with what was there', async () => {
    const { stream, give, end } = setUp()
    const all = stream.readAll()
    give('abc')
    end(false, new Error('cut'))
    const error = await rejectionOf(all)
    expect(error).toBeInstanceOf(VIOIncomplete)
    expect((error as VIOIncomplete).partial.toString()).toBe('abc')
    expect(await text(stream.readSome())).toBe('abc')
    expect((await rejectionOf(stream.readSome())).message).toContain('cut')
  })

  it('gives what there is, up to a size', async () => {
    const { stream, give } = setUp()
    const read = stream.readSome()
    give('abcdef')
    expect(await text(read)).toBe('abcdef')
    give('abcdef')
    expect(await text(stream.readSome(4))).toBe('abcd')
    expect(await text(stream.readSome(4))).toBe('ef')
    expect(() => stream.readSome(0)).toThrow(RangeError)
  })

  it('iterates up to the end, and leaves the stream as it is when it is left', async () => {
    const { stream, give, end } = setUp()
    give('abc')
    for await (const piece of stream) {
      expect(piece.toString()).toBe('abc')
      break
    }
    give('def')
    end()
    const pieces: string[] = []
    for await (const piece of stream) pieces.push(piece.toString())
    expect(pieces).toEqual(['def'])
    for await (const piece of stream) pieces.push(piece.toString())
    expect(pieces).toEqual(['def'])
    const lost = setUp()
    lost.end(false, new Error('cut'))
    const all = async (): Promise<void> => {
      for await (const piece of lost.stream) pieces.push(piece.toString())
    }
    await expect(all()).rejects.toThrow('cut')
  })
})

describe('reads that wait', () => {
  it('are served one behind the other', async () => {
    const { stream, give } = setUp()
    const order: string[] = []
    const reads = [stream.readBytes(3), stream.readUntil('\n'), stream.readSome(), stream.readExactly(2)]
    for (const read of reads) void read.then((bytes) => order.push(bytes.toString()))
    give('abcdef\ngh')
    await outcomeOf(reads[2] as Promise<Buffer>)
    give('ij')
    await Promise.all(reads)
    expect(order).toEqual(['abc', 'def\n', 'gh', 'ij'])
  })

  it('give up after their time, on the reactor, and have taken nothing', async () => {
    const { stream, host, give } = setUp()
    give('ab')
    const read = stream.readExactly(3, { timeoutMs: 100 })
    const behind = stream.readBytes(1)
    host.advance(99)
    expect(await outcomeOf(read)).toBe('pending')
    host.advance(1)
    expect(await rejectionOf(read)).toBeInstanceOf(VIOTimeout)
    expect(await text(behind)).toBe('a')
    expect(await text(stream.readBytes(1))).toBe('b')
    expect(await rejectionOf(stream.readBytes(1, { timeoutMs: 0 }))).toBeInstanceOf(VIOTimeout)
    give('c')
    expect(await text(stream.readBytes(1, { timeoutMs: 0 }))).toBe('c')
    for (const timeoutMs of [null, -1, Number.POSITIVE_INFINITY]) {
      const forever = stream.readBytes(1, { timeoutMs })
      host.advance(1_000_000)
      expect(await outcomeOf(forever)).toBe('pending')
      give('d')
      expect(await text(forever)).toBe('d')
    }
    expect(host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('give up when their signal is aborted, with its reason', async () => {
    const { stream, give } = setUp()
    const stop = new AbortController()
    const first = stream.readUntil('\n', { signal: stop.signal })
    const second = stream.readBytes(2)
    give('abc')
    stop.abort(new VIOError('not needed any more'))
    expect((await rejectionOf(first)).message).toBe('not needed any more')
    expect(await text(second)).toBe('ab')
    const third = stream.readBytes(1, { signal: stop.signal })
    expect((await rejectionOf(third)).message).toBe('not needed any more')
    expect(stream.bufferedBytes).toBe(1)
    expect(() => stream.readSome(1, { signal: {} as AbortSignal })).toThrow(TypeError)
    expect(() => stream.readSome(1, { timeoutMs: Number.NaN })).toThrow(TypeError)
  })

  it('leave nothing behind on their signal and in time when they are served', async () => {
    const { stream, give, host } = setUp()
    const { signal } = new AbortController()
    const read = stream.readBytes(3, { signal, timeoutMs: 1000 })
    host.runUntilIdle()
    expect([getEventListeners(signal, 'abort').length, host.alarmAt]).toEqual([1, 1000])
    give('abc')
    expect(await text(read)).toBe('abc')
    expect([getEventListeners(signal, 'abort').length, host.alarmAt]).toEqual([0, Number.POSITIVE_INFINITY])
  })

  it('are told why when the chain is aborted', async () => {
    const { stream, source, give } = setUp()
    give('ab')
    const read = stream.readBytes(3)
    source.abort(new Error('pulled'))
    const error = await rejectionOf(read)
    expect(error).toBeInstanceOf(VIOLost)
    expect(error.message).toContain('pulled')
    expect(stream.bufferedBytes).toBe(0)
    expect(await rejectionOf(stream.readSome())).toBe(error)
  })

  it('are rejected by close, and so are those after it', async () => {
    const { stream, give, source } = setUp()
    give('ab')
    const read = stream.readBytes(3)
    stream.close()
    stream.close()
    expect(await rejectionOf(read)).toBeInstanceOf(VIOClosed)
    expect(await rejectionOf(stream.readBytes(1))).toBeInstanceOf(VIOClosed)
    expect(source.aborted?.reason).toBeInstanceOf(VIOClosed)
  })

  it('that nobody looks at are no unhandled rejections', async () => {
    const seen: unknown[] = []
    const note = (reason: unknown): void => void seen.push(reason)
    process.on('unhandledRejection', note)
    const { stream, end, host } = setUp()
    void stream.readExactly(3)
    void stream.readUntil('\n', { timeoutMs: 5 })
    void stream.drained()
    void stream.writeFile('/nowhere/at/all')
    void stream.shutdown({ timeoutMs: 1 })
    void stream.writeFile('/nowhere/at/all')
    host.advance(10)
    end(false, new VIOCompleted('x'))
    stream.close(new Error('gone'))
    await outcomeOf(stream.closed)
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('unhandledRejection', note)
    expect(seen).toEqual([])
  })
})
