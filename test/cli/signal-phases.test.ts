/**
 * SIGINT in each phase of a command, by processes: what the other side hears, and what is left.
 */
import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { codeOf, errorOf, startRelay, type Vut, vut } from './process-support.js'
import { comeProved, comeUnproved, deafAddress, takeUnconfirmed } from './stalling-peer.js'
import { tempFolder } from './support.js'
import { needsTerminal, OnTerminal } from './terminal-support.js'

const LARGE = 300_000_000
let relay = ''

beforeAll(async () => {
  relay = await startRelay()
})

/** A sender of a file of so many bytes. */
function send(sizeBytes: number, ...options: string[]): Vut {
  const cwd = tempFolder()
  const file = join(cwd, 'a.bin')
  writeFileSync(file, 'something')
  truncateSync(file, sizeBytes)
  return vut(['send', 'a.bin', '--json', '--relay', relay, ...options], { cwd })
}

async function reached(process: Vut, phase: string): Promise<void> {
  await process.until((event) => event.type === 'phase' && event.phase === phase)
}

/** The phases that a process was in, each once. */
function phasesOf({ events }: Vut): readonly string[] {
  return [...new Set(events.flatMap((event) => (event.type === 'phase' ? [event.phase] : [])))]
}

/** Interrupts a command that goes no further by itself. */
async function interrupt(process: Vut): Promise<void> {
  process.child.kill('SIGINT')
  expect(await process.ended).toBe(130)
  expect(process.out).toBe('')
  expect(errorOf(process)).toBe('ended by SIGINT')
}

describe('SIGINT ends with 130', () => {
  it.each(['gathering', 'meeting'])('while %s', async (phase) => {
    const sender = send(1_000)
    await reached(sender, phase)
    await interrupt(sender)
  })

  it('while authenticating somebody who proves nothing', async () => {
    const sender = send(1_000)
    comeUnproved(relay, await codeOf(sender))
    await reached(sender, 'authenticating')
    await interrupt(sender)
    expect(phasesOf(sender).at(-1)).toBe('authenticating')
  })

  it('while exchanging with somebody who tells no addresses', async () => {
    const sender = send(1_000)
    comeProved(relay, await codeOf(sender))
    await reached(sender, 'exchanging')
    await interrupt(sender)
    expect(phasesOf(sender).at(-1)).toBe('exchanging')
  })

  it.each(['auto', 'direct'])(
    'while punching towards an address that is silent, by --path %s',
    async (path) => {
      const sender = send(1_000, '--path', path)
      comeProved(relay, await codeOf(sender), await deafAddress())
      await reached(sender, 'punching')
      await interrupt(sender)
      expect(phasesOf(sender).at(-1)).toBe('punching')
    },
  )

  it.for([
    ['relay', 'relayed'],
    ['direct', 'direct'],
  ] as const)(
    'while offering, --path %s: the other side stops asking and ends with 6',
    async ([path, phase], context) => {
      needsTerminal(context)
      const sender = send(1_000, '--path', path)
      const to = tempFolder()
      const options = ['--relay', relay, '--path', path]
      const receiver = new OnTerminal(to, 'recv', await codeOf(sender), ...options)
      await receiver.sees(/\[Y\/n\] /)
      await interrupt(sender)
      expect(phasesOf(sender).slice(-2)).toEqual([phase, 'offering'])
      expect(await receiver.ended).toBe(6)
      expect(receiver.shown).toContain('vut: the other side gave up: ended by SIGINT')
      expect(readdirSync(to)).toEqual([])
    },
  )

  it('while transferring: the other side ends with 6, and a part is left', async () => {
    const sender = send(LARGE)
    const to = tempFolder()
    const receiver = vut(['recv', await codeOf(sender), '--yes', '--json', '--relay', relay], { cwd: to })
    await receiver.until((event) => event.type === 'progress' && event.bytes > 0)
    await interrupt(sender)
    expect(await receiver.ended).toBe(6)
    expect(readdirSync(to)).toEqual(['.a.bin.vut-part'])
  })

  it('while verifying: the other side is told', async () => {
    const sender = send(100_000)
    const told = takeUnconfirmed(relay, await codeOf(sender))
    await reached(sender, 'verifying')
    await interrupt(sender)
    expect(await told).toBe('ended by SIGINT')
    expect(phasesOf(sender).at(-1)).toBe('verifying')
  })
})

describe('SIGINT ends a receiver with 130', () => {
  it('at the question for the code', async (context) => {
    needsTerminal(context)
    const to = tempFolder()
    const receiver = new OnTerminal(to, 'recv', '--relay', relay)
    await receiver.sees(/make one\): /)
    receiver.type('\\x03')
    expect(await receiver.ended).toBe(130)
    expect(receiver.shown).toContain('vut: ended by SIGINT')
    expect(readdirSync(to)).toEqual([])
  })

  it('at the question whether the files may come: the sender ends with 6', async (context) => {
    needsTerminal(context)
    const sender = send(1_000)
    const to = tempFolder()
    const receiver = new OnTerminal(to, 'recv', await codeOf(sender), '--relay', relay)
    await receiver.sees(/\[Y\/n\] /)
    receiver.type('\\x03')
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([6, 130])
    expect(errorOf(sender)).toContain('ended by SIGINT')
    expect(receiver.shown).toContain('vut: ended by SIGINT')
    expect(readdirSync(to)).toEqual([])
  })

  it('while transferring: the sender ends with 6, and a part is left that can be gone on with', async () => {
    const sender = send(LARGE)
    const to = tempFolder()
    const receiver = vut(['recv', await codeOf(sender), '--yes', '--json', '--relay', relay], { cwd: to })
    await receiver.until((event) => event.type === 'progress' && event.bytes > 0)
    await interrupt(receiver)
    expect(await sender.ended).toBe(6)
    expect(readdirSync(to)).toEqual(['.a.bin.vut-part'])
    expect(statSync(join(to, '.a.bin.vut-part')).size).toBeLessThan(LARGE)
  })
})
