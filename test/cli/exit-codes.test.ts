/**
 * The exit code of every end that a command can come to, with the words that go with it.
 */
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { VIOLost, VIOTimeout } from '@vio/io'
import { VCodeError, VConnecterError, VPakeError, VRendezvousError } from '@vio/nat'
import { VUDPLost, VUT_CODE } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { EXIT, failureOf, runVut, VCommandError, VInterrupted } from '../../packages/cli/src/index.js'
import { endFailure } from '../../packages/cli/src/transfer/outcome.js'
import { skipUnless } from '../lib/skip.js'
import { tempFolder, testContext } from './support.js'

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: no`), { code, syscall: 'write' })
}

describe('an error', () => {
  it.each([
    ['of the command itself', new VCommandError(EXIT.path, 'x', 'y'), 5],
    ['of a signal', new VInterrupted('SIGINT'), 130],
    ['of the other signal', new VInterrupted('SIGTERM'), 143],
    ['of a code', new VCodeError('x'), 2],
    ['of wrong words', new VPakeError('x'), 4],
    ['of wrong words, as the meeting says it', new VRendezvousError('wrong-words', 'x'), 4],
    ['of a code that is burnt', new VRendezvousError('burnt', 'x'), 4],
    ['of a room that nobody came to', new VRendezvousError('expired', 'x'), 3],
    [
      'of a relay that cannot be reached',
      new VConnecterError({ phase: 'gathering', reason: 'no-relay' }, 'x'),
      3,
    ],
    [
      'of a path that was excluded',
      new VConnecterError({ phase: 'punching', reason: 'path-refused' }, 'x'),
      5,
    ],
    ['of a port that is taken', new VConnecterError({ phase: 'gathering', reason: 'socket' }, 'x'), 7],
    ['of time', new VIOTimeout('x'), 3],
    ['of a peer that gave up', new VUDPLost(VUT_CODE.aborted, 'x', true), 6],
    ['of a connection that was lost', new VUDPLost(VUT_CODE.idle, 'x'), 1],
    ['of a disk that is full', systemError('ENOSPC'), 7],
    ['that is wrapped', new VIOLost('x', { cause: systemError('ENOSPC') }), 7],
    ['that nobody foresaw', new Error('x'), 1],
    ['that is none', 'x', 1],
  ])('%s is %#', (_, error, code) => {
    expect(failureOf(error).exitCode).toBe(code)
  })

  it('is one line, whatever was thrown', () => {
    expect(failureOf(new Error('first\nsecond')).message).toBe('first')
  })
})

describe('the end of a transfer', () => {
  it.each([
    ['the peer gave up', { type: 'aborted', reason: 'r' } as const, false, 6],
    ['the peer broke the rules', { type: 'failed', error: new Error('x') } as const, false, 1],
    ['the connection was lost', { type: 'lost', reason: undefined } as const, false, 1],
    ['the connection was lost with all sent', { type: 'lost', reason: undefined } as const, true, 8],
    [
      'the peer ended the connection',
      { type: 'lost', reason: new VUDPLost(VUT_CODE.aborted, 'x', true) } as const,
      false,
      6,
    ],
  ])('%s', (_, end, sentAll, code) => {
    expect(endFailure(end, sentAll).exitCode).toBe(code)
  })
})

describe('what cannot be sent is told before anybody is met', () => {
  async function send(folder: string, ...args: string[]): Promise<{ code: number; text: string }> {
    const meeter = async (): Promise<never> => {
      throw new Error('met')
    }
    const context = testContext({ folder, env: { VUT_RELAY: 'r', XDG_CONFIG_HOME: folder }, meeter })
    const code = await runVut(['send', ...args], context)
    return { code, text: context.stderr.text.replaceAll(folder, '') }
  }

  it('a file that is not there: 7', async () => {
    const { code, text } = await send(tempFolder(), 'none')
    expect(code).toBe(7)
    expect(text).toContain('ENOENT')
  })

  it('a folder that cannot be read: 7', async (test) => {
    skipUnless(test, process.getuid?.() !== 0, 'root reads every folder')
    const folder = tempFolder()
    mkdirSync(join(folder, 'box'))
    chmodSync(join(folder, 'box'), 0)
    const { code } = await send(folder, 'box')
    chmodSync(join(folder, 'box'), 0o700)
    expect(code).toBe(7)
  })

  it('one name twice: 2', async () => {
    const folder = tempFolder()
    for (const name of ['a', 'b']) {
      mkdirSync(join(folder, name))
      writeFileSync(join(folder, name, 'x'), '')
    }
    expect(await send(folder, 'a/x', 'b/x')).toEqual({
      code: 2,
      text: 'vut: "x" was given twice\n     send them one after the other\n',
    })
  })

  it('a name that no receiver takes: 2', async () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'a\nb'), '')
    const { code, text } = await send(folder, 'a\nb')
    expect(code).toBe(2)
    expect(text).toContain('it has characters that cannot be seen')
    expect(text.split('\n')).toHaveLength(3)
  })

  it('a link inside a folder: 2, unless such are left out', async () => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'box'))
    symlinkSync('/etc/passwd', join(folder, 'box/link'))
    expect((await send(folder, 'box')).text).toContain('is neither a file nor a folder')
    const left = await send(folder, 'box', '--skip-special')
    expect(left.text).toContain('warning: left out: /box/link')
    expect(left.text).toContain('met')
  })

  it('a name that is no UTF-8: 2', async () => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'box'))
    try {
      writeFileSync(Buffer.concat([Buffer.from(join(folder, 'box/')), Buffer.from([0xff, 0x61])]), '')
    } catch {
      // Some file systems take no such names, so nobody can have one.
      return
    }
    expect((await send(folder, 'box')).text).toContain('is no UTF-8')
  })
})

describe('what cannot be received is told before anybody is met', () => {
  it('a folder that is not there: 7; nobody to ask: 2', async () => {
    const folder = tempFolder()
    const context = testContext({ folder, env: { VUT_RELAY: 'r' } })
    expect(await runVut(['recv', '7-lan-orc', '--yes', '--out', 'none'], context)).toBe(7)
    expect(await runVut(['recv', '7-lan-orc'], context)).toBe(2)
    expect(context.stderr.text).toContain('there is no terminal to ask whether the files may come')
    expect(readdirSync(folder)).toEqual([])
  })
})
