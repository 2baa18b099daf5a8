/**
 * The log tap: what its lines show, what they hide, and that bytes pass whatever becomes of the record.
 */
import { VLogTap, type VLogTapOptions } from '@vio/io/filter'
import { EmbeddedChain, VBytePattern } from '@vio/io/testing'
import { type VLogEntry, VLogger, VLogLevel } from '@vio/reactor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'

interface Logged {
  readonly chain: EmbeddedChain<VLogTap>
  readonly lines: string[]
}

function logged(options: Partial<VLogTapOptions> = {}, limit: number | null = null): Logged {
  const lines: string[] = []
  const sink = (line: string): number => lines.push(line)
  const build = (reactor: ConstructorParameters<typeof VLogTap>[0]): VLogTap =>
    new VLogTap(reactor, { sink, ...options })
  return { chain: new EmbeddedChain(build, { limit, expectFailures: true }), lines }
}

describe('VLogTap', () => {
  it('shows text with what is not printable escaped', () => {
    const { chain, lines } = logged({ label: 'in' })
    chain.feed('a\\b\r\n\t"é"\x00\x1b[31m')
    chain.feed('more')
    chain.end()
    expect(lines).toEqual([
      String.raw`in: 16 bytes from 0: a\\b\r\n\t"\xc3\xa9"\x00\x1b[31m`,
      'in: 4 bytes from 16: more',
      'in: ended',
    ])
  })

  it('shows hex, sixteen bytes a line', () => {
    const { chain, lines } = logged({ format: 'hex' })
    chain.feed('xyz')
    chain.feed(Buffer.from('0123456789abcdef\x00\x7f'))
    expect(lines).toEqual([
      'bytes: 3 bytes from 0',
      'bytes: 00000000  78 79 7a                                          |xyz|',
      'bytes: 18 bytes from 3',
      'bytes: 00000003  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|',
      'bytes: 00000013  00 7f                                             |..|',
    ])
  })

  it('shows no more of a chunk, and no more in all, than it may', () => {
    const { chain, lines } = logged({ maxChunkBytes: 4, maxTotalBytes: 10 })
    for (const text of ['abcdef', 'gh', 'ijklmn', 'opq']) chain.feed(text)
    expect(lines).toEqual([
      'bytes: 6 bytes from 0: abcd (2 not shown)',
      'bytes: 2 bytes from 6: gh',
      'bytes: 6 bytes from 8: ijkl (2 not shown)',
      'bytes: 3 bytes from 14:  (3 not shown)',
    ])
  })

  it('shows what a function leaves of it, and gives it a copy of all of the chunk', () => {
    const redact = (bytes: Buffer): Buffer => {
      const text = String(bytes)
      bytes.fill(0)
      return Buffer.from(text.replace(/secret=\w+/, 'secret=?'))
    }
    const { chain, lines } = logged({ redact, maxChunkBytes: 12 })
    chain.feed('a secret=abcdefghijklmnop b')
    expect(lines).toEqual(['bytes: 27 bytes from 0: a secret=? b'])
    expect(String(chain.drain())).toBe('a secret=abcdefghijklmnop b')
  })

  it.each([
    [
      'throws',
      (): Buffer => {
        throw new Error('no')
      },
    ],
    ['gives no bytes', (() => 'text') as never],
  ])('shows nothing where that function %s', (_what, redact) => {
    const { chain, lines } = logged({ redact })
    chain.feed('abc')
    expect(lines).toEqual(['bytes: 3 bytes from 0, not shown: they could not be redacted'])
    expect(chain.failures).toHaveLength(1)
    expect(String(chain.drain())).toBe('abc')
  })

  it('tells how it ended', () => {
    const endings: readonly [(chain: Logged['chain']) => void, string][] = [
      [(chain) => chain.end(false), 'bytes: ended uncleanly'],
      [(chain) => chain.end(false, new Error('lost\nit')), String.raw`bytes: ended uncleanly: lost\nit`],
      [(chain) => chain.abort(), 'bytes: aborted'],
      [(chain) => chain.abort(new Error('enough'), 'sink'), 'bytes: aborted: enough'],
    ]
    for (const [finish, line] of endings) {
      const { chain, lines } = logged()
      finish(chain)
      expect(lines).toEqual([line])
    }
  })

  it('writes to a logger, at the level it is told', () => {
    const entries: VLogEntry[] = []
    const tasks: { runTask(): void }[] = []
    const logger = new VLogger({ post: (task) => tasks.push(task), clock: () => 0 })
    logger.addWatcher({ watch: (entry) => entries.push(entry) })
    const { chain } = logged({ sink: logger.createProxyLogger('tcp'), level: VLogLevel.warn })
    chain.feed('abc')
    for (const task of tasks) task.runTask()
    expect(entries).toEqual([{ atMs: 0, level: 30, prefix: 'tcp', message: 'bytes: 3 bytes from 0: abc' }])
  })

  it('gives up on a sink that throws, and passes bytes on', () => {
    let calls = 0
    const sink = (): void => {
      calls += 1
      throw new Error('disk full')
    }
    const { chain } = logged({ sink })
    chain.feed('abc')
    chain.feed('def')
    expect([calls, chain.failures.length, String(chain.drain())]).toEqual([1, 1, 'abcdef'])
  })

  it('passes the same bytes under any limits and portions, and shows each once [CR-65]', () => {
    const size = fc.oneof(fc.constant(1), fc.constant(70_000), fc.integer({ min: 1, max: 100 }))
    fc.assert(
      fc.property(
        fc.array(size, { maxLength: 12, size: 'max' }),
        fc.array(size, { maxLength: 30, size: 'max' }),
        (feeds, grants) => {
          const { chain, lines } = logged({ maxChunkBytes: Number.MAX_SAFE_INTEGER, format: 'hex' }, 0)
          const pattern = new VBytePattern(5)
          let fed = 0
          for (let at = 0; at < Math.max(feeds.length, grants.length); at += 1) {
            const more = feeds[at] ?? 0
            if (more > 0) chain.feed(pattern.take(more, fed))
            fed += more
            if (grants[at] !== undefined) chain.grant(grants[at] ?? 0)
            expect(chain.element.heldBytes).toBe(0)
          }
          chain.grant(null)
          chain.end()
          const all = chain.drain()
          expect([all.length, pattern.mismatchAt(all)]).toEqual([fed, -1])
          const shown = lines.map((line) => /^bytes: [0-9a-f]{8} {2}(.{48})/.exec(line)?.[1] ?? '').join('')
          expect(Buffer.from(shown.replaceAll(' ', ''), 'hex').equals(all)).toBe(true)
        },
      ),
      propertyRuns(30),
    )
  })

  it('refuses options that make no sense', () => {
    expect(() => logged({ sink: 'file' as never })).toThrow(TypeError)
    expect(() => logged({ format: 'base64' as never })).toThrow(TypeError)
    expect(() => logged({ maxChunkBytes: -1 })).toThrow(RangeError)
    expect(() => logged({ maxTotalBytes: 0.5 })).toThrow(RangeError)
  })
})
