/**
 * Processes of two versions: a copy of the built command in which one number is another, beside the command itself.
 */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { TRANSFER_VERSION } from '../../packages/cli/src/transfer/version.js'
import { codeOf, errorOf, startRelay, vut } from './process-support.js'
import { tempFolder } from './support.js'

const PACKAGE = fileURLToPath(new URL('../../packages/cli/', import.meta.url))

let relay: string

beforeAll(async () => {
  relay = await startRelay()
})

/** A command of another version: each number that `pattern` finds, behind its first group, is one higher. */
function newer(pattern: RegExp): string {
  const folder = tempFolder()
  cpSync(join(PACKAGE, 'package.json'), join(folder, 'package.json'))
  cpSync(join(PACKAGE, 'bundle'), join(folder, 'bundle'), { recursive: true })
  let changes = 0
  for (const name of readdirSync(join(folder, 'bundle')).filter((each) => each.endsWith('.cjs'))) {
    const file = join(folder, 'bundle', name)
    const text = readFileSync(file, 'utf8')
    const other = text.replace(pattern, (_, before: string, number: string) => {
      changes += 1
      return `${before}${Number(number) + 1}`
    })
    if (other !== text) writeFileSync(file, other)
  }
  if (changes === 0) throw new Error(`nothing in the bundle is like ${pattern}`)
  return join(folder, 'bundle', 'start.cjs')
}

describe('two versions', () => {
  it('of the protocol of transfers end on both sides with both numbers, and leave nothing', async () => {
    const [from, to] = [tempFolder(), tempFolder()]
    writeFileSync(join(from, 'a.bin'), 'a')
    const sender = vut(['send', 'a.bin', '--json', '--relay', relay], { cwd: from })
    const rest = ['recv', await codeOf(sender), '--yes', '--json', '--relay', relay]
    const main = newer(/(command: "(?:send|recv)",\s+version: )(\d+)/g)
    const receiver = vut(rest, { cwd: to, main })
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([1, 1])
    const [older, other] = [TRANSFER_VERSION, TRANSFER_VERSION + 1]
    expect(errorOf(sender)).toBe(
      `the other side speaks version ${other} of vut recv, this side version ${older}`,
    )
    expect(errorOf(receiver)).toBe(
      `the other side speaks version ${older} of vut send, this side version ${other}`,
    )
    expect(readdirSync(to)).toEqual([])
  })

  it('of the messages to a relay end with the number that it does not know', async () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'a.bin'), 'a')
    const options = { cwd: folder, main: newer(/(Buffer\.from\(JSON\.stringify\(\{\s+v: )(\d+)/g) }
    const sender = vut(['send', 'a.bin', '--json', '--relay', relay], options)
    expect(await sender.ended).toBe(3)
    expect(errorOf(sender)).toBe(
      'the relay speaks another version of the protocol: bring both up to date (2)',
    )
  })
})
