/**
 * Draws the quick curves again and compares them with those in `drawn`; with `V_CURVES=1`, which is `npm run curves`,
 * draws all and writes them there.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { drawCurve } from './curve.js'
import { CURVES } from './curves.js'

const writes = process.env['V_CURVES'] === '1'
const drawn = writes ? CURVES : CURVES.filter(({ isQuick }) => isQuick)

function fileOf(name: string): URL {
  return new URL(`drawn/${name}.txt`, import.meta.url)
}

describe('curves', () => {
  it.each(drawn)(
    '$name',
    (terms) => {
      const curve = drawCurve(terms)
      if (writes) writeFileSync(fileOf(terms.name), curve.text)
      expect(terms.check(curve)).toBeUndefined()
      // Redraw with `npm run curves`, and look at what has changed.
      expect(curve.text).toBe(readFileSync(fileOf(terms.name), 'utf8'))
    },
    1_800_000,
  )

  it.each(CURVES)('$name is drawn', ({ name }) => {
    expect(readFileSync(fileOf(name), 'utf8')).toMatch(/^# after \d+ s: /m)
  })
})
