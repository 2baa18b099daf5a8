/**
 * The built command on a terminal, as far as only a real one shows it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startRelay, vut } from './process-support.js'
import { tempFolder } from './support.js'
import { needsTerminal, OnTerminal } from './terminal-support.js'

/** What was shown, as events. @throws SyntaxError if anything else stands among them */
function eventsOn({ shown }: OnTerminal): readonly { readonly type: string; readonly exitCode?: number }[] {
  const lines = shown.split('\r\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => JSON.parse(line) as { type: string })
}

describe('--json on a terminal', () => {
  it('shows events and nothing else, from the code that is made to the end', async (context) => {
    needsTerminal(context)
    const relay = await startRelay()
    const [from, to] = [tempFolder(), tempFolder()]
    writeFileSync(join(from, 'a.txt'), 'hello')
    const receiver = new OnTerminal(to, 'recv', '--yes', '--json', '--relay', relay)
    const code = await receiver.sees(/"code":"([^"]+)"/)
    const sender = vut(['send', 'a.txt', '--json', '--relay', relay], { cwd: from, env: { VUT_CODE: code } })
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    expect(eventsOn(receiver).at(-1)).toMatchObject({ type: 'done', files: 1 })
    expect(readFileSync(join(to, 'a.txt'), 'utf8')).toBe('hello')
  })

  it('asks nothing: 2, where nothing has answered whether files may come', async (context) => {
    needsTerminal(context)
    const asked = new OnTerminal(
      tempFolder(),
      'recv',
      '7-lantern-orchard',
      '--json',
      '--relay',
      '127.0.0.1:9',
    )
    expect(await asked.ended).toBe(2)
    expect(eventsOn(asked)).toMatchObject([{ type: 'error', exitCode: 2 }])
  })
})
