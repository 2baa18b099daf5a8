/**
 * `vut send` and `vut recv` behind NATs of the lab: one network of each kind. `npm run lab` tries them all.
 */
import { describe, expect, it } from 'vitest'
import { labMissing } from '../../lib/nat-lab.js'
import { skipUnless } from '../../lib/skip.js'
import { checkRow } from './check.js'
import { VUT } from './lab-vut.js'
import { PAIRS, TOPOLOGIES } from './rows.js'

const missing = labMissing(VUT)
const BYTES = 3_000_000
const NAMES = [
  'port-restricted to port-restricted',
  'symmetric to address-restricted',
  'port-restricted to symmetric',
  'symmetric to symmetric',
  'the same NAT, hosts kept apart, with hairpin',
  'a carrier NAT on one side',
  'no UDP on the side that receives',
]
const CHOSEN = [...PAIRS, ...TOPOLOGIES].filter(({ name }) => NAMES.includes(name))

describe('a file by vut send, from one host of the lab to another', () => {
  it('is tried in a network of each kind', () => {
    expect(CHOSEN).toHaveLength(NAMES.length)
  })

  it.for(CHOSEN)('$name: $expected', { timeout: 150_000 }, async (row, context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await checkRow(row, BYTES)
  })
})
