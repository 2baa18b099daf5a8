/**
 * Transfers of the lab that something happens to: one fault of each kind, all at once, as most of it is waiting. `npm run lab`
 * tries them all, and for longer.
 */
import { describe, expect, it } from 'vitest'
import { labMissing } from '../../lib/nat-lab.js'
import { skipUnless } from '../../lib/skip.js'
import { FAULTS, insistOnDirect, keepSilent, sendThrough } from './faults.js'
import { VUT } from './lab-vut.js'

const missing = labMissing(VUT)
const BYTES = 8_000_000
const NAMES = [
  'the NAT of the sender chooses other ports',
  'the NAT of the sender gets another address',
  'nothing gets through for 10 s',
  'the relay is killed and started again',
]
const CHOSEN = FAULTS.filter(({ name }) => NAMES.includes(name))

describe.concurrent('a transfer in the lab goes on and ends well', () => {
  it('when one of each kind happens', () => {
    expect(CHOSEN).toHaveLength(NAMES.length)
  })

  it.for(CHOSEN)('when $name', { timeout: 180_000 }, async (fault, context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await sendThrough(fault, BYTES)
  })

  it('when nothing is said for longer than the NATs remember', { timeout: 180_000 }, async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await keepSilent({ natS: 5, silentMs: 12_000 })
  })
})

describe.concurrent('a transfer in the lab that may go by the direct path alone', () => {
  it('ends with 5 on both sides where no UDP gets out', { timeout: 180_000 }, async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await insistOnDirect()
  })
})
