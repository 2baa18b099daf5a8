/**
 * Every network of the lab, and docs/nat-matrix.md from what was seen: `npm run lab`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { labMissing } from '../../lib/nat-lab.js'
import { skipUnless } from '../../lib/skip.js'
import { checkRow, type RowResult } from './check.js'
import { VUT } from './lab-vut.js'
import { matrixPage } from './matrix-page.js'
import { PAIRS, TOPOLOGIES } from './rows.js'

const PAGE = join(import.meta.dirname, '../../../docs/nat-matrix.md')
const BYTES = 10_000_000
const ALL = [...PAIRS, ...TOPOLOGIES]
const missing = labMissing(VUT)
const results: RowResult[] = []
/** How long bytes may take that a relay carries, from when both were there. It is not asked for in `npm test`. */
const RELAYED_WITHIN_MS = 4_000

describe('a file by vut send, through every network of the lab', () => {
  it.for(ALL)('$name: $expected', { timeout: 150_000 }, async (row, context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    const result = await checkRow(row, BYTES)
    results.push(result)
    if (row.expected === 'relay') expect(result.firstByteMs).toBeLessThan(RELAYED_WITHIN_MS)
  })
})

afterAll(() => {
  // A page of part of the networks would look like the whole.
  if (results.length === ALL.length) writeFileSync(PAGE, matrixPage(results))
})
