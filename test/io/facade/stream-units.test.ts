/**
 * `VStream`, units: the same units however the bytes are cut, no more held than a unit may need, and work that grows with
 * the data alone.
 */
import { VByteIOPair, VIOOversize } from '@vio/io'
import { VIOIncomplete, VStream } from '@vio/io/facade'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { CHUNKINGS, Endless, feed, outcomeOf, pumped, rejectionOf, scriptedPair, settle } from './support.js'

type Read = (stream: VStream) => Promise<Buffer>

/** Kinds of units, and what each gives of one text. */
const KINDS: readonly {
  readonly name: string
  readonly read: Read
  readonly text: string
  readonly units: string[]
  /** What is left of a last unit. */
  readonly rest: string
}[] = [
  {
    name: 'readUntil',
    read: (stream) => stream.readUntil('\r\n'),
    text: 'a\r\n\r\r\nb\n\r\nlonger line\r\nrest',
    units: ['a\r\n', '\r\r\n', 'b\n\r\n', 'longer line\r\n'],
    rest: 'rest',
  },
  {
    name: 'readUntilRegex',
    read: (stream) => stream.readUntilRegex(/\d+;?|--/),
    text: 'a12;b--c345d6;7;--8',
    units: ['a12;', 'b--', 'c345', 'd6;', '7;', '--', '8'],
    rest: '',
  },
  {
    name: 'readUntilRegex with a choice that only later text decides',
    read: (stream) => stream.readUntilRegex(/ab|abcd|x(?=y)/),
    text: '1ab2abcd3xz4xy5abc',
    units: ['1ab', '2ab', 'cd3xz4x', 'y5ab'],
    rest: 'c',
  },
  {
    name: 'readExactly',
    read: (stream) => stream.readExactly(5),
    text: '12345678901234567',
    units: ['12345', '67890', '12345'],
    rest: '67',
  },
  {
    name: 'a length and as many bytes',
    read: async (stream) => stream.readExactly((await stream.readExactly(1)).readUInt8(0) - 0x30),
    text: '3abc1d5efghi9jk',
    units: ['abc', 'd', 'efghi'],
    rest: 'jk',
  },
]

async function unitsOf(stream: VStream, read: Read): Promise<{ units: string[]; error: Error | undefined }> {
  const units: string[] = []
  try {
    for (let unit = await read(stream); unit.length > 0; unit = await read(stream))
      units.push(unit.toString())
    return { units, error: undefined }
  } catch (error) {
    return { units, error: error as Error }
  }
}

describe.each(KINDS)('$name', ({ read, text, units, rest }) => {
  it.each(CHUNKINGS)(
    'gives the same units when bytes come $how, and an unclean end inside of one',
    async ({ portions }) => {
      const { source, pair, reactor, host } = scriptedPair({ portions })
      const stream = new VStream(pair, { reactor, bufferBytes: 3 })
      feed(source, text)
      source.end()
      const seen = await pumped(host, unitsOf(stream, read))
      expect(seen.units).toEqual(units)
      expect(stream.bufferedBytes).toBe(rest.length)
      stream.end()
      stream.close()
      await settle(host)
      const ended = await stream.closed
      expect(ended.clean).toBe(rest === '')
      if (rest !== '') expect(ended.reason).toBeInstanceOf(VIOIncomplete)
    },
  )
})

describe('any text in any cut', () => {
  it('gives the units that a plain search in all of it gives', async () => {
    const pieces = fc.array(fc.stringMatching(/^[ab;\n]{0,6}$/), { maxLength: 12 })
    const patterns = fc.constantFrom(/;/, /\n+/, /a+b/, /;\n|;/, /b{2}|ab;/, /(?:ab)+;?/, /b(?!a)/)
    await fc.assert(
      fc.asyncProperty(
        pieces,
        patterns,
        fc.integer({ min: 1, max: 20 }),
        async (parts, pattern, bufferBytes) => {
          const text = parts.join('')
          const { source, pair, reactor, host } = scriptedPair()
          const stream = new VStream(pair, { reactor, bufferBytes })
          const seen = unitsOf(stream, (each) => each.readUntilRegex(pattern))
          for (const part of parts) {
            feed(source, part)
            host.runUntilIdle()
            await Promise.resolve()
          }
          source.end()
          const wanted: string[] = []
          for (let rest = text; ; ) {
            const match = pattern.exec(rest)
            if (match === null) break
            const size = match.index + match[0].length
            wanted.push(rest.slice(0, size))
            rest = rest.slice(size)
          }
          expect((await pumped(host, seen)).units).toEqual(wanted)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('what is held', () => {
  it('is no more than the largest unit allows, while one is searched for', async () => {
    for (const read of [
      (stream: VStream) => stream.readUntil('no such thing', { maxBytes: 5000 }),
      (stream: VStream) => stream.readAll(4999),
      (stream: VStream) => stream.readExactly(5000),
    ]) {
      const { reactor, host } = scriptedPair()
      const source = new Endless(reactor, 333)
      const far = scriptedPair()
      const stream = new VStream(new VByteIOPair(far.sink, source.byteProduce), { reactor, bufferBytes: 100 })
      await settle(host)
      expect(source.given).toBe(100)
      const outcome = await outcomeOf(pumped(host, read(stream)))
      await settle(host)
      const taken = typeof outcome === 'object' && 'value' in outcome ? outcome.value.length : 0
      if (taken === 0) expect(outcome).toEqual({ error: expect.any(VIOOversize) })
      expect(source.given).toBeLessThanOrEqual(5000 + (taken > 0 ? 100 : 0))
    }
  })

  it('falls back to the buffer when a read is given up', async () => {
    const { reactor, host, sink } = scriptedPair()
    const source = new Endless(reactor, 1000)
    const stream = new VStream(new VByteIOPair(sink, source.byteProduce), { reactor, bufferBytes: 100 })
    const stop = new AbortController()
    const read = stream.readExactly(100_000, { signal: stop.signal })
    stop.abort()
    await rejectionOf(read)
    await settle(host)
    // What was granted cannot be taken back before some of it has come.
    expect(source.given).toBe(1000)
    await stream.readSome()
    await settle(host)
    expect(source.given).toBe(1100)
  })
})

describe('the work', () => {
  it('grows with the data alone when bytes come one at a time', async () => {
    const work = async (count: number): Promise<number> => {
      const { source, pair, reactor, host } = scriptedPair({ portions: [1] })
      const stream = new VStream(pair, { reactor })
      let looked = 0
      const exec = RegExp.prototype.exec
      const spy = vi.spyOn(RegExp.prototype, 'exec').mockImplementation(function (
        this: RegExp,
        text: string,
      ) {
        looked += text.length
        return exec.call(this, text)
      })
      const read = stream.readUntilRegex(/\r?\n\r?\n/)
      feed(source, `${'x'.repeat(count)}\n\n`)
      await pumped(host, read)
      spy.mockRestore()
      return looked
    }
    const [small, large] = [await work(1000), await work(4000)]
    expect(large / small).toBeLessThan(5)
  })

  it('of many short units at the front of a full buffer does not grow with the buffer', async () => {
    const { source, pair, reactor, host } = scriptedPair()
    const stream = new VStream(pair, { reactor, bufferBytes: 200_000 })
    feed(source, 'ab;'.repeat(50_000))
    host.runUntilIdle()
    let looked = 0
    const text = Buffer.prototype.toString
    const spy = vi.spyOn(Buffer.prototype, 'toString').mockImplementation(function (this: Buffer, ...args) {
      looked += ((args[2] as number | undefined) ?? this.length) - ((args[1] as number | undefined) ?? 0)
      return text.apply(this, args)
    })
    for (let unit = 0; unit < 1000; unit += 1) await stream.readUntilRegex(/;/)
    spy.mockRestore()
    expect(looked).toBeLessThan(1000 * 1000)
    expect(stream.bufferedBytes).toBe(150_000 - 3000)
  })
})
