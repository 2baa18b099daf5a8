/**
 * The live line at the widths of real terminals, written out.
 */
import { describe, expect, it } from 'vitest'
import { type LineState, layoutLine } from '../../../packages/cli/src/view/layout.js'

const DIRECT = { type: 'path', kind: 'direct', family: 4, rttMs: 24.4 } as const
const RELAYED = {
  type: 'path',
  kind: 'relay',
  relay: 'eu1.example.org',
  why: 'both NATs choose a new port for each destination',
} as const
const PROGRESS = {
  bytes: 12_345_678,
  totalBytes: 64_000_000,
  currentRate: 1_234_567,
  meanRate: 1_100_000,
  secondsLeft: 42,
}

const CASES: readonly (readonly [string, LineState, number, string])[] = [
  ['a phase', { phase: 'meeting' }, 80, 'meeting'],
  ['a phase and its detail', { phase: 'meeting', detail: 'eu1.example.org' }, 80, 'meeting  eu1.example.org'],
  ['a phase whose detail has no room', { phase: 'meeting', detail: 'x'.repeat(60) }, 40, 'meeting'],
  ['a path', { phase: 'transferring', path: DIRECT }, 80, 'transferring  direct v4 24 ms'],
  [
    'a relay and why, in 80',
    { phase: 'relayed', path: RELAYED },
    80,
    'relay eu1.example.org: both NATs choose a new port for each destination',
  ],
  [
    'a relay and why, in 40',
    { phase: 'relayed', path: RELAYED },
    40,
    'relay eu1.example.org: both NATs choos…',
  ],
  [
    'everything, in 100',
    { phase: 'transferring', path: DIRECT, progress: PROGRESS },
    100,
    'direct v4 24 ms  12.3 MB of 64.0 MB  19 %  1.23 MB/s  mean 1.10 MB/s  42 s left',
  ],
  [
    'all that fits, in 80',
    { phase: 'transferring', path: DIRECT, progress: PROGRESS },
    80,
    'direct v4 24 ms  12.3 MB of 64.0 MB  19 %  1.23 MB/s  mean 1.10 MB/s  42 s left',
  ],
  [
    'without the mean, in 79',
    { phase: 'transferring', path: DIRECT, progress: PROGRESS },
    79,
    'direct v4 24 ms  12.3 MB of 64.0 MB  19 %  1.23 MB/s  42 s left',
  ],
  [
    'what matters, in 40',
    { phase: 'transferring', path: DIRECT, progress: PROGRESS },
    40,
    'direct  19 %  1.23 MB/s  42 s left',
  ],
  [
    'a relay, in 80',
    { phase: 'transferring', path: RELAYED, progress: PROGRESS },
    80,
    'relay eu1.example.org  12.3 MB of 64.0 MB  19 %  1.23 MB/s  42 s left',
  ],
  [
    'a relay, in 40',
    { phase: 'transferring', path: RELAYED, progress: PROGRESS },
    40,
    'relay  19 %  1.23 MB/s  42 s left',
  ],
  [
    'the percentage, in 20',
    { phase: 'transferring', path: DIRECT, progress: PROGRESS },
    20,
    '19 %  1.23 MB/s',
  ],
  ['the percentage alone, in 10', { phase: 'transferring', path: DIRECT, progress: PROGRESS }, 10, '19 %'],
  [
    'bytes whose end is not known',
    { phase: 'transferring', path: DIRECT, progress: { ...PROGRESS, totalBytes: undefined } },
    80,
    'direct v4 24 ms  12.3 MB  1.23 MB/s  mean 1.10 MB/s',
  ],
  [
    'a stall',
    {
      phase: 'transferring',
      path: DIRECT,
      progress: { ...PROGRESS, currentRate: 0, secondsLeft: Number.POSITIVE_INFINITY },
    },
    80,
    'direct v4 24 ms  12.3 MB of 64.0 MB  19 %  0 B/s  mean 1.10 MB/s  - left',
  ],
  [
    'the wait for receipts',
    { phase: 'verifying', path: DIRECT, progress: { ...PROGRESS, bytes: 64_000_000 } },
    80,
    'verifying  64.0 MB of 64.0 MB  100 %  1.23 MB/s  mean 1.10 MB/s',
  ],
]

describe('layoutLine', () => {
  it.each(CASES)('shows %s', (_, state, columns, line) => {
    expect(layoutLine(state, columns)).toBe(line)
  })

  it('is narrower than the terminal at every width, so that it never wraps', () => {
    for (const [, state] of CASES) {
      for (let columns = 1; columns <= 120; columns++) {
        const { length } = layoutLine(state, columns)
        expect(length).toBeLessThanOrEqual(Math.max(1, columns - 1))
      }
    }
  })

  it('shows nothing of a relay’s name that could act on the terminal', () => {
    const path = { ...RELAYED, relay: 'a\u001b[2Jb', why: 'c\rd' }
    expect(layoutLine({ phase: 'relayed', path }, 80)).not.toMatch(/\p{Cc}/u)
  })
})
