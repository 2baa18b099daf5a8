/**
 * Questions to the person: the code, and whether the files may come.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runVut, VInterrupted, type VMeetRequest } from '../../packages/cli/src/index.js'
import { eventsOf, pairMeeters, type TestContext, tempFolder, testContext } from './support.js'

const TERMINALS = { stdin: true, stdout: true, stderr: true }

/** Waits until something was shown. */
async function shown(context: TestContext, text: string): Promise<void> {
  while (!context.stderr.text.includes(text)) await new Promise((resolve) => setTimeout(resolve, 2))
}

describe('the code', () => {
  async function asked(
    ...answers: string[]
  ): Promise<{ request: VMeetRequest | undefined; text: string; code: number }> {
    let request: VMeetRequest | undefined
    const context = testContext({
      folder: tempFolder(),
      env: { VUT_RELAY: 'r', NO_COLOR: '1' },
      terminals: TERMINALS,
      meeter: async (given) => {
        request = given
        throw new Error('enough')
      },
    })
    const running = runVut(['recv', '--yes'], context)
    for (const [index, answer] of answers.entries()) {
      while (context.stderr.text.split('code (empty to make one): ').length < index + 2) {
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
      context.stdin.write(`${answer}\n`)
    }
    return { code: await running, request, text: context.stderr.text }
  }

  it('is asked for at a terminal, and again if it is none', async () => {
    const { request, text } = await asked('lantern', ' 7 LANTERN orchard ')
    expect(request?.code).toBe('7-lantern-orchard')
    expect(text).toContain('warning: a code begins with the number of a room')
  })

  it('is made if the answer is empty', async () => {
    const { request } = await asked('')
    expect(request).toBeDefined()
    expect(request?.code).toBeUndefined()
    expect(request?.counterpart).toBe('send PATH...')
  })

  it('is not asked for once there is a signal: 130', async () => {
    const context = testContext({ folder: tempFolder(), env: { VUT_RELAY: 'r' }, terminals: TERMINALS })
    const running = runVut(['recv', '--yes'], context)
    await shown(context, 'code (empty')
    context.interrupt.abort(new VInterrupted('SIGINT'))
    expect(await running).toBe(130)
  })

  it('is not asked for at the end of input: 1', async () => {
    const context = testContext({ folder: tempFolder(), env: { VUT_RELAY: 'r' }, terminals: TERMINALS })
    const running = runVut(['recv', '--yes'], context)
    await shown(context, 'code (empty')
    context.stdin.end()
    expect(await running).toBe(1)
    // Not behind the question.
    expect(context.stderr.text).toMatch(/one\): \n[^\n]*vut: the question was not answered/)
  })
})

describe('with --json, at a terminal', () => {
  it('no code is asked for: one is made', async () => {
    let request: VMeetRequest | undefined
    const context = testContext({
      folder: tempFolder(),
      env: { VUT_RELAY: 'r' },
      terminals: TERMINALS,
      meeter: async (given) => {
        request = given
        throw new Error('enough')
      },
    })
    expect(await runVut(['recv', '--yes', '--json'], context)).toBe(1)
    expect(request).toBeDefined()
    expect(request?.code).toBeUndefined()
    expect(eventsOf(context).map(({ type }) => type)).toEqual(['error'])
  })

  it('it is not asked whether files may come: 2, before anybody is met', async () => {
    const context = testContext({ folder: tempFolder(), env: { VUT_RELAY: 'r' }, terminals: TERMINALS })
    expect(await runVut(['recv', '7-lan-orc', '--json'], context)).toBe(2)
    expect(JSON.parse(context.stderr.text)).toMatchObject({
      exitCode: 2,
      what: 'with --json nobody is asked whether the files may come',
      help: 'add --yes, or --rename, --overwrite or --resume',
    })
  })
})

describe('the offer', () => {
  interface Asked {
    readonly sender: TestContext
    readonly receiver: TestContext
    readonly to: string
    readonly codes: Promise<readonly [number, number]>
  }

  async function offered(...options: string[]): Promise<Asked> {
    const [from, to] = [tempFolder(), tempFolder()]
    writeFileSync(join(from, 'a.txt'), 'hello')
    const env = { VUT_RELAY: 'r', NO_COLOR: '1' }
    const sender = testContext({ folder: from, env })
    const receiver = testContext({ folder: to, env, terminals: TERMINALS })
    const [meetOne, meetTwo] = await pairMeeters(sender, receiver)
    const codes = Promise.all([
      runVut(['send', 'a.txt'], { ...sender, meeter: meetOne }),
      runVut(['recv', '7-lan-orc', ...options], { ...receiver, meeter: meetTwo }),
    ])
    await shown(receiver, '[Y/n] ')
    return { sender, receiver, to, codes }
  }

  it.each(['', 'y', 'YES'])('is shown and asked for, and taken by "%s"', async (answer) => {
    const { receiver, to, codes } = await offered()
    expect(receiver.stderr.text).toContain(`      5 B  a.txt\ntake 1 file, 5 B, into ${to}? [Y/n] `)
    expect(existsSync(join(to, 'a.txt'))).toBe(false)
    receiver.stdin.write(`${answer}\n`)
    expect(await codes).toEqual([0, 0])
    expect(readFileSync(join(to, 'a.txt'), 'utf8')).toBe('hello')
  })

  it('is refused by anything else: 1 here, 6 there', async () => {
    const { sender, receiver, to, codes } = await offered('--quiet')
    expect(receiver.stderr.text).toContain('5 B  a.txt')
    receiver.stdin.write('no\n')
    expect(await codes).toEqual([6, 1])
    expect(sender.stderr.text).toContain('the other side refused: the offer was not taken')
    expect(existsSync(join(to, 'a.txt'))).toBe(false)
  })

  it('is not asked for any more once the sender has gone: 6', async () => {
    const { sender, codes } = await offered()
    sender.interrupt.abort(new VInterrupted('SIGINT'))
    expect(await codes).toEqual([130, 6])
  })
})
