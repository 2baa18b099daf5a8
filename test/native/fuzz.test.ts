/**
 * The functions of the native seam under arguments that no caller should give.
 */
import { describe, expect, it } from 'vitest'
import { needs, runFixture } from './support.js'

interface FuzzResult {
  readonly called: Readonly<Record<string, number>>
  readonly outcomes: {
    readonly returned: number
    readonly named: number
    readonly argument: number
    readonly other: string[]
  }
  readonly left: number
}

describe('thousands of calls with wrong arguments', () => {
  const seeds = ['1', '2', '3', process.env['V_SEED'] ?? '4']
  it.for(seeds)(
    'end in results and named errors, and leave nothing open (seed %s)',
    async (seed, context) => {
      needs(context, 'descriptors', 'sockets', 'readiness')
      const { code, stdout, stderr } = await runFixture('fuzz.mjs', [seed, '8000'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const { called, outcomes, left } = JSON.parse(stdout) as FuzzResult
      expect({ other: outcomes.other, left }).toEqual({ other: [], left: 0 })
      // It has to have met both: calls that worked, and errors of each kind.
      expect(outcomes.returned).toBeGreaterThan(500)
      expect(outcomes.named).toBeGreaterThan(300)
      expect(outcomes.argument).toBeGreaterThan(1000)
      expect(Object.values(called).every((count) => count > 100)).toBe(true)
    },
  )
})
