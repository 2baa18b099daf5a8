/**
 * The record of events and its digest.
 */
import { VTrace } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'

/** FNV-1a over the same units, by integers of any size. */
function referenceDigest(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    for (const byte of [unit & 0xff, unit >>> 8])
      hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  }
  return hash.toString(16).padStart(16, '0')
}

describe('VTrace', () => {
  it('keeps events in order, with a digest of all', () => {
    const trace = new VTrace()
    trace.record(0, 'send', 'a→b', 100)
    trace.record(2.5, 'drop', { why: 'loss' })
    expect(trace.count).toBe(2)
    expect(trace.events).toEqual([
      { atMs: 0, kind: 'send', detail: 'a→b 100' },
      { atMs: 2.5, kind: 'drop', detail: '{"why":"loss"}' },
    ])
    expect(trace.toString()).toBe('0 send a→b 100\n2.5 drop {"why":"loss"}')
    expect(trace.digest).toBe(referenceDigest('0\tsend\ta→b 100\n2.5\tdrop\t{"why":"loss"}\n'))
  })

  it('has one digest for one sequence, and another when anything is different', () => {
    const digest = (...events: (readonly [number, string])[]): string => {
      const trace = new VTrace()
      for (const [at, kind] of events) trace.record(at, kind)
      return trace.digest
    }
    const first = digest([1, 'a'], [2, 'b'])
    expect(digest([1, 'a'], [2, 'b'])).toBe(first)
    const others = [
      digest([2, 'b'], [1, 'a']),
      digest([1, 'a']),
      digest([1, 'a'], [3, 'b']),
      digest([1, 'a'], [2, 'c']),
      digest(),
    ]
    expect(new Set([first, ...others]).size).toBe(6)
  })

  it('keeps the latest events only, and still counts and digests all', () => {
    const trace = new VTrace(10)
    const all = new VTrace()
    for (let index = 0; index < 95; index += 1) {
      trace.record(index, 'e')
      all.record(index, 'e')
    }
    expect(trace.events.map(({ atMs }) => atMs)).toEqual([85, 86, 87, 88, 89, 90, 91, 92, 93, 94])
    expect([trace.count, trace.digest]).toEqual([95, all.digest])
  })
})
