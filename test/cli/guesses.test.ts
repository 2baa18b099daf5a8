/**
 * Somebody who guesses the words of a code a hundred times, at a relay with the limits that it has by default.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawCodeWords, VRelayHost } from '@vio/nat'
import { VReactor, VSystemRandom } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { runVut } from '../../packages/cli/src/index.js'
import { codeOf, vut } from './process-support.js'
import { atEnd, eventsOf, tempFolder, testContext } from './support.js'

const GUESSES = 100
const random = new VSystemRandom()

/** Two words that are not those of the code. */
function wrongFor(code: string): string {
  const words = drawCodeWords(random).join('-')
  return code.endsWith(`-${words}`) ? wrongFor(code) : words
}

/** A relay on loopback with nothing but defaults; its address. */
async function relayByDefault(): Promise<string> {
  const reactor = new VReactor()
  reactor.start()
  const host = new VRelayHost(reactor, { host: '127.0.0.1', port: 0, otherPort: 0 })
  await host.listen()
  atEnd(() => void host.close().then(() => reactor.stop()))
  return `127.0.0.1:${host.address?.port}`
}

describe('a hundred wrong guesses', () => {
  it('end with 4 once, and with 3 from then on; the code is worth nothing any more', async () => {
    const relay = await relayByDefault()
    const [from, to] = [tempFolder(), tempFolder()]
    writeFileSync(join(from, 'a.bin'), 'a')
    const sender = vut(['send', 'a.bin', '--json', '--relay', relay], { cwd: from })
    const code = await codeOf(sender)
    const room = Number.parseInt(code, 10)
    const guess = async (words: string): Promise<{ code: number; what: string }> => {
      const context = testContext({ folder: to, env: { XDG_CONFIG_HOME: to } })
      const args = ['recv', `${room}-${words}`, '--yes', '--json', '--relay', relay, '--timeout', '5']
      const exitCode = await runVut(args, context)
      const error = eventsOf(context).find((event) => event.type === 'error')
      return { code: exitCode, what: error?.type === 'error' ? error.what : '' }
    }
    const first = await guess(wrongFor(code))
    expect(first.code).toBe(4)
    expect(await sender.ended).toBe(4)
    const codes = new Set<number>()
    const said = new Set<string>()
    for (let at = 1; at < GUESSES; at += 1) {
      const { code: exitCode, what } = await guess(wrongFor(code))
      codes.add(exitCode)
      said.add(what)
    }
    expect([...codes]).toEqual([3])
    expect(said.size).toBe(2)
    expect([...said].at(-1)).toContain('too many requests')
    expect((await guess(code.slice(code.indexOf('-') + 1))).code).toBe(3)
    expect(readdirSync(to)).toEqual([])
  })
})
