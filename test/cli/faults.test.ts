/**
 * What goes wrong in the middle: a full disk, a peer that gives up, a person who does, a connection that breaks.
 */
import { readdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { VFIOLost, VIOLost } from '@vio/io'
import type { VUDPTransport } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { runVut, VInterrupted, type VMeeter } from '../../packages/cli/src/index.js'
import { skipUnless } from '../lib/skip.js'
import { eventsOf, pairMeeters, runPair, Sink, type TestContext, tempFolder, testContext } from './support.js'

const BYTES = Buffer.from(Array.from({ length: 8_000_000 }, (_, at) => (at * 31 + (at >> 8)) & 255))
const CODE = '7-lantern-orchard'

interface Pair {
  readonly from: string
  readonly to: string
  readonly sender: TestContext
  readonly receiver: TestContext
  readonly codes: Promise<readonly [number, number]>
}

/** Starts a transfer of one file, and does something to one side once some of it has arrived. */
async function disturbed(
  disturb: (pair: Pair, transport: VUDPTransport) => void,
  options: readonly string[] = ['--yes'],
): Promise<Pair> {
  const [from, to] = [tempFolder(), tempFolder()]
  writeFileSync(join(from, 'a.bin'), BYTES)
  const env = { VUT_RELAY: 'unused.example', XDG_CONFIG_HOME: from }
  const [sender, receiver] = [testContext({ folder: from, env }), testContext({ folder: to, env })]
  const [meetOne, meetTwo] = await pairMeeters(sender, receiver)
  let pair: Pair | undefined
  const watching: VMeeter = async (request) => {
    const meeting = await meetTwo(request)
    const timer = setInterval(() => {
      if (pair === undefined || sizeOfPart(to) === 0) return
      clearInterval(timer)
      disturb(pair, meeting.transport)
    }, 1)
    return meeting
  }
  const codes = Promise.all([
    runVut(['send', 'a.bin', '--json'], { ...sender, meeter: meetOne }),
    runVut(['recv', CODE, ...options, '--json'], { ...receiver, meeter: watching }),
  ])
  pair = { from, to, sender, receiver, codes }
  await codes
  return pair
}

function sizeOfPart(folder: string): number {
  try {
    return statSync(join(folder, '.a.bin.vut-part')).size
  } catch {
    return 0
  }
}

function errorOf(context: TestContext): string {
  const found = eventsOf(context).find((event) => event.type === 'error')
  return found?.type === 'error' ? found.what : ''
}

describe('in the middle of a transfer', () => {
  it('a receiver who is interrupted ends with 130, the sender with 6, and a part is left that can be gone on with', async () => {
    const pair = await disturbed(({ receiver }) => receiver.interrupt.abort(new VInterrupted('SIGINT')))
    expect(await pair.codes).toEqual([6, 130])
    expect(errorOf(pair.sender)).toBe('the other side gave up: ended by SIGINT')
    expect(readdirSync(pair.to)).toEqual(['.a.bin.vut-part'])
    const part = readFileSync(join(pair.to, '.a.bin.vut-part'))
    expect(part.equals(BYTES.subarray(0, part.length))).toBe(true)
  })

  it('a sender who is interrupted ends with 143, the receiver with 6', async () => {
    const pair = await disturbed(({ sender }) => sender.interrupt.abort(new VInterrupted('SIGTERM')))
    expect(await pair.codes).toEqual([143, 6])
    expect(readdirSync(pair.to)).toEqual(['.a.bin.vut-part'])
  })

  it('a connection that breaks is a failure of both, and nothing has the final name', async () => {
    const pair = await disturbed((_, transport) => transport.closeIO(new VFIOLost(new VIOLost('broken'))))
    const [code] = await pair.codes
    expect([1, 6]).toContain(code)
    expect((await pair.codes)[1]).not.toBe(0)
    expect(readdirSync(pair.to)).toEqual(['.a.bin.vut-part'])
  })

  it('a part that somebody replaces never gets the final name', async () => {
    const pair = await disturbed(({ to }) => {
      writeFileSync(join(to, 'other'), 'half of another')
      renameSync(join(to, 'other'), join(to, '.a.bin.vut-part'))
    })
    expect(await pair.codes).toEqual([6, 7])
    expect(errorOf(pair.receiver)).toBe('"a.bin" was taken away while it was received')
    expect(readFileSync(join(pair.to, '.a.bin.vut-part'), 'utf8')).toBe('half of another')
    expect(readdirSync(pair.to)).toEqual(['.a.bin.vut-part'])
  })

  it('a final name that somebody takes meanwhile stays theirs, and the part stays', async () => {
    const pair = await disturbed(({ to }) => writeFileSync(join(to, 'a.bin'), 'theirs'))
    expect(await pair.codes).toEqual([6, 7])
    expect(errorOf(pair.receiver)).toBe('"a.bin" is there already')
    expect(readFileSync(join(pair.to, 'a.bin'), 'utf8')).toBe('theirs')
    expect(readFileSync(join(pair.to, '.a.bin.vut-part')).equals(BYTES)).toBe(true)
  })

  it('a source that shrinks is a failure of the sender, which the receiver hears', async () => {
    const pair = await disturbed(({ from }) => truncateSync(join(from, 'a.bin'), 10))
    const codes = await pair.codes
    // What was read before it shrank may have been all of it.
    if (codes[0] === 0) return
    expect(codes).toEqual([7, 6])
    expect(errorOf(pair.sender)).toBe('the file became shorter while it was read')
    expect(errorOf(pair.receiver)).toContain('the file became shorter while it was read')
  })
})

/** Calls once when something was told. */
class Watching extends Sink {
  readonly #wanted: string
  readonly #call: () => void
  #isCalled = false

  constructor(wanted: string, call: () => void) {
    super()
    this.#wanted = wanted
    this.#call = call
  }

  override _write(chunk: Buffer, encoding: string, done: () => void): void {
    super._write(chunk, encoding, done)
    if (this.#isCalled || !this.text.includes(this.#wanted)) return
    this.#isCalled = true
    this.#call()
  }
}

describe('while the other side verifies', () => {
  it('a sender who is interrupted ends with 130, the receiver with 6, and what has its name is whole', async () => {
    const [from, to] = [tempFolder(), tempFolder()]
    writeFileSync(join(from, 'a.bin'), BYTES)
    const interrupt = new AbortController()
    const stderr = new Watching('"phase":"verifying"', () => interrupt.abort(new VInterrupted('SIGINT')))
    const { codes } = await runPair(
      ['send', 'a.bin', '--json'],
      ['recv', CODE, '--yes', '--json'],
      [{ folder: from, signal: interrupt.signal, stderr }, { folder: to }],
    )
    expect(codes).toEqual([130, 6])
    const [name = '', ...others] = readdirSync(to)
    expect(others).toEqual([])
    if (name === 'a.bin') expect(readFileSync(join(to, name)).equals(BYTES)).toBe(true)
    else expect(name).toBe('.a.bin.vut-part')
  })
})

describe('a disk', () => {
  it('without room for what is offered: 7 here, 6 there, before anything is sent', async (test) => {
    const [from, to] = [tempFolder(), tempFolder()]
    let isSparse = true
    try {
      writeFileSync(join(from, 'huge'), '')
      truncateSync(join(from, 'huge'), 2 ** 43)
    } catch {
      isSparse = false
    }
    skipUnless(test, isSparse, 'this disk has no files of 8 TiB, not even empty ones')
    const { codes, contexts } = await runPair(
      ['send', 'huge', '--json'],
      ['recv', CODE, '--yes', '--json'],
      [{ folder: from }, { folder: to }],
    )
    expect(codes).toEqual([6, 7])
    expect(errorOf(contexts[1])).toMatch(/^there is room for .* and 8\.80 TB are to come$/)
    expect(errorOf(contexts[0])).toContain('the other side refused: there is room for')
    expect(readdirSync(to)).toEqual([])
  })
})
