/**
 * That a run can be replayed, and that long quiet times are cheap.
 */
import { describe, expect, it } from 'vitest'
import { makeV1, makeV08 } from './makers.js'
import { Rig } from './rig.js'
import { SCENARIOS, type Scenario } from './scenarios.js'

/** The digest of one run of a row. */
function digestOf(scenario: Scenario, maker: typeof makeV1, seed: number): string {
  let made: Rig | undefined
  scenario.run({
    seed,
    bytes: 100_000,
    rig: (options = {}) => {
      made = new Rig({ name: scenario.name, seed, maker, bytes: 100_000, ...options })
      return made
    },
  })
  return made?.world.digest ?? 'nothing'
}

function rowNamed(name: string): Scenario {
  const row = SCENARIOS.find((each) => each.name === name)
  if (row === undefined) throw new RangeError(`there is no row '${name}'`)
  return row
}

describe('a replay', () => {
  it.each([
    ['VUT/1', makeV1],
    ['VUT 0.8', makeV08],
  ] as const)('comes out the same with %s, and otherwise with another seed', (_version, maker) => {
    const row = rowNamed('transfer with everything at once')
    expect(digestOf(row, maker, 5)).toBe(digestOf(row, maker, 5))
    expect(digestOf(row, maker, 5)).not.toBe(digestOf(row, maker, 9))
  })

  it('names the seed, the row and the line to type when it fails', () => {
    const failing: Scenario = {
      name: 'a row that fails',
      run: ({ rig }) => rig({ link: { loss: 1 } }).connect(1_000),
    }
    const told = (): string => {
      try {
        return digestOf(failing, makeV1, 17)
      } catch (error) {
        return String(error)
      }
    }
    expect(told()).toMatch(/the connection did not happen within 1000 ms/)
    expect(told()).toMatch(/\[seed 17, a row that fails, at 1000 ms, digest [0-9a-f]{16}\]/)
    expect(told()).toContain("again: V_SEED=17 npx vitest run test/vudp/simulation -t 'a row that fails'")
  })
})

describe('1,000 seconds of 1 Mbit/s', () => {
  it('pass and end cleanly', () => {
    const script = { writeBytes: 0, finishes: false }
    const link = { delayMs: 20, rateMbit: 10 }
    const name = '1,000 seconds of 1 Mbit/s'
    const rig = new Rig({ name, seed: 1, maker: makeV1, bytes: 1, link, scriptA: script, scriptB: script })
    rig.world.every(100, (now) => {
      rig.a.do({ writeBytes: rig.a.main.script.writeBytes + 12_500 })
      return now < 1_000_000
    })
    rig.world.advance(1_000_500)
    expect(rig.b.main.received).toBe(125_012_500)
    for (const side of [rig.a, rig.b]) side.do({ finishes: true })
    rig.finishClean()
  })
})
