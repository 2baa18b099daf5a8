/**
 * A path that is demanded and cannot be had, as processes that meet at a relay: 5 on both sides, and nothing is left.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { codeOf, startRelay, type Vut, vut } from './process-support.js'
import { tempFolder } from './support.js'

/** Two sides of a transfer that comes to nothing. */
interface Refused {
  /** The exit codes of the sender and of the receiver, and the lines that they said last. */
  readonly codes: readonly number[]
  readonly last: readonly string[]
  /** What the receiver's folder has in the end. */
  readonly left: readonly string[]
}

async function refused(relay: string, paths: readonly [string, string]): Promise<Refused> {
  const [from, to] = [tempFolder(), tempFolder()]
  writeFileSync(join(from, 'a.txt'), 'hello')
  const [theirs, own] = paths.map((path) => ['--path', path, '--relay', relay]) as [string[], string[]]
  // As a person sees it: without a terminal the code stands in a line of its own.
  const sender = vut(['send', 'a.txt', ...theirs], { cwd: from })
  const code = await shownCode(sender)
  const receiver = vut(['recv', code, '--yes', ...own], { cwd: to })
  const codes = await Promise.all([sender.ended, receiver.ended])
  const last = [sender, receiver].map(({ err }) => err.trimEnd().split('\n').at(-1) ?? '')
  expect([sender.out, receiver.out]).toEqual(['', ''])
  return { codes, last, left: readdirSync(to) }
}

function shownCode(sender: Vut): Promise<string> {
  return new Promise((resolve) => {
    sender.child.stderr?.on('data', () => {
      const code = /vut recv (\S+)/.exec(sender.err)?.[1]
      if (code !== undefined) resolve(code)
    })
  })
}

describe('a path that cannot be had', () => {
  it.each([
    ['direct', 'relay'],
    ['relay', 'direct'],
  ] as const)('where one side wants %s and the other %s: 5 on both, with what to do', async (one, two) => {
    const { codes, last, left } = await refused(await startRelay(), [one, two])
    expect(codes).toEqual([5, 5])
    const words = (own: string, theirs: string): string =>
      `vut: this side allows the ${own} path only, the other side the ${theirs} path only: leave --path out on one of them`
    expect(last).toEqual([words(one, two), words(two, one)])
    expect(left).toEqual([])
  })

  it('where the relay alone is allowed and its limit is reached: 5 on both; who was there first stays', async () => {
    const relay = await startRelay({ maxPairs: 1 })
    const endless = { cwd: tempFolder(), shell: 'mkfifo "in.$$"; exec 3<>"in.$$"; exec <"in.$$"' }
    const pipe = (...args: string[]): Vut =>
      vut(['pipe', ...args, '--path', 'relay', '--json', '--relay', relay], endless)
    const one = pipe()
    const two = pipe(await codeOf(one))
    await two.until((event) => event.type === 'phase' && event.phase === 'transferring')
    const { codes, last, left } = await refused(relay, ['relay', 'relay'])
    expect(codes).toEqual([5, 5])
    const words = `the relay ${relay} carries no data for this meeting: its limits are reached`
    expect(last).toEqual(Array(2).fill(`vut: ${words}; meet at another relay, or allow the direct path`))
    expect(left).toEqual([])
    expect([one.child.exitCode, two.child.exitCode]).toEqual([null, null])
    one.child.kill('SIGINT')
    expect(await Promise.all([one.ended, two.ended])).toEqual([130, 6])
  })
})
