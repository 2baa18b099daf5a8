/**
 * An application that looks at `writable`, and writes when it is told, is never left waiting for an empty buffer.
 */
import { describe, expect, it } from 'vitest'
import { makeV1 } from './makers.js'
import { Rig } from './rig.js'

/** What b sends would be a reason to look at a's stream. */
const SILENT = { writeBytes: 0, finishes: false }

describe('room in the send buffer', () => {
  it('is told before the buffer has run dry', () => {
    const link = { delayMs: 100, rateMbit: 2 }
    // Four chunks of the script fill it exactly: no write is ever cut short.
    const options = { sendBufferBytes: 65_536 }
    const rig = new Rig({
      name: 'room',
      seed: 1,
      maker: makeV1,
      bytes: 1_000_000,
      link,
      options,
      scriptB: SILENT,
    })
    rig.world.runUntil(() => rig.b.main.received === 1_000_000)
    // 4 s at the rate, and slow start; a round trip of waiting for each buffer would make it 7.
    expect(rig.world.now).toBeLessThan(5_500)
    rig.b.do({ finishes: true })
    rig.finishClean()
  })
})
