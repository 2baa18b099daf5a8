/**
 * Transfers of the lab that something happens to, whichever that is, and sides that die.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { labMissing, NatLab } from '../../lib/nat-lab.js'
import { skipUnless } from '../../lib/skip.js'
import { FAULTS, keepSilent, LINK, SOFT, sendThrough } from './faults.js'
import { LabVut, VUT } from './lab-vut.js'
import { relayOf, startRelay } from './transfer.js'

const missing = labMissing(VUT)
const BYTES = 20_000_000

describe('a transfer in the lab goes on and ends well', () => {
  it.for(FAULTS)('when $name', { timeout: 180_000 }, async (fault, context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await sendThrough(fault, BYTES)
  })

  it('when nothing is said for longer than the NATs remember', { timeout: 180_000 }, async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await keepSilent({ natS: 20, silentMs: 45_000 })
  })

  it.for(['sender', 'receiver'] as const)(
    'when the %s dies and both begin again with --resume',
    { timeout: 180_000 },
    async (who, context) => {
      skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
      await using lab = new NatLab([...SOFT, ...LINK])
      await startRelay(lab)
      const folder = mkdtempSync(join(tmpdir(), 'vut-lab-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      const [sent, out] = [join(folder, 'sent.bin'), join(folder, 'out')]
      mkdirSync(out)
      writeFileSync(sent, randomBytes(BYTES))
      const first = await sending(lab, sent, out)
      await first.receiver.event('a third', ({ bytes }) => Number(bytes) > BYTES / 3)
      first[who].process.kill('SIGKILL')
      const survivor = await first[who === 'sender' ? 'receiver' : 'sender'].ended
      expect(survivor, `${first.sender.said}\n${first.receiver.said}`).not.toBe(0)
      expect(existsSync(join(out, 'sent.bin'))).toBe(false)
      const again = await sending(lab, sent, out)
      expect(await Promise.all([again.sender.ended, again.receiver.ended]), again.receiver.said).toEqual([
        0, 0,
      ])
      expect(readdirSync(out)).toEqual(['sent.bin'])
      expect(digestOf(join(out, 'sent.bin'))).toBe(digestOf(sent))
    },
  )
})

async function sending(lab: NatLab, sent: string, out: string) {
  const sender = new LabVut(lab, 'A', 'send', sent, ...relayOf(lab), '--json')
  const code = await sender.event('a code', ({ type }) => type === 'code')
  const how = ['--out', out, '--yes', '--resume', ...relayOf(lab), '--json']
  return { sender, receiver: new LabVut(lab, 'B', 'recv', String(code['code']), ...how) }
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
