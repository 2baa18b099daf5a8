/**
 * An application that looks at `writable`, and writes when it is told, is never left waiting for an empty buffer.
 */
import { describe, expect, it } from 'vitest'
import { makeV1, makeV08 } from './makers.js'
import { Rig } from './rig.js'

describe('room in the send buffer', () => {
  it.each([
    ['VUT/1', makeV1],
    ['VUT 0.8', makeV08],
  ] as const)('is told before the buffer has run dry, %s', (name, maker) => {
    const link = { delayMs: 50, rateMbit: 2 }
    // Four chunks of the script fill it exactly: no write is ever cut short.
    const options = { sendBufferBytes: 65_536 }
    const rig = new Rig({ name, seed: 1, maker, bytes: 1_000_000, link, options })
    let least = Number.POSITIVE_INFINITY
    rig.world.afterStep(() => {
      const { written, stream } = rig.a.main
      if (rig.world.now > 1_000 && written < 1_000_000) least = Math.min(least, stream.unflushedBytes)
    })
    rig.finishClean()
    expect(least).toBeGreaterThan(10_000)
  })
})
