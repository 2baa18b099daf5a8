/**
 * What VUT 0.8 puts on the wire under loss: windows that never move back, segments that keep their bounds and octets.
 */
import { describe, expect, it } from 'vitest'
import { seeds } from '../../lib/runs.js'
import { makeV08 } from './makers.js'
import { Rig } from './rig.js'
import { watchWire08 } from './wire-v08.js'

describe('the wire of VUT 0.8', () => {
  it.each([
    ['loss', { loss: 0.05 }],
    ['reordering', { reorder: { rate: 0.05, by: 5 } }],
    ['doubling', { duplicate: 0.1 }],
    ['bursts', { burst: { rate: 0.05, length: 6 } }],
  ])('keeps its rules under %s', (name, options) => {
    let again = 0
    for (const seed of seeds(5)) {
      const link = { delayMs: 20, rateMbit: 20, ...options }
      const rig = new Rig({ name, seed, maker: makeV08, bytes: 60_000, link })
      const watches = rig.links.map(watchWire08)
      rig.finishClean(600_000)
      for (const { seen } of watches) expect(seen).toBeGreaterThan(10)
      again += watches.reduce((sum, watch) => sum + watch.again, 0)
    }
    expect(again).toBeGreaterThan(0)
  })
})
