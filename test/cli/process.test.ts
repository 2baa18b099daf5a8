/**
 * The built command, as processes that meet at a relay.
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { skipUnless } from '../lib/skip.js'
import { codeOf, errorOf, startRelay, type Vut, vut } from './process-support.js'
import { atEnd, tempFolder } from './support.js'

const BYTES = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 31 + (at >> 8)) & 255))
let relay = ''

beforeAll(async () => {
  relay = await startRelay()
})

interface Places {
  readonly from: string
  readonly to: string
}

function places(size = BYTES.length): Places {
  const [from, to] = [tempFolder(), tempFolder()]
  writeFileSync(join(from, 'a.bin'), Buffer.alloc(size, BYTES))
  return { from, to }
}

function send({ from }: Places, ...options: string[]): Vut {
  return vut(['send', 'a.bin', '--json', '--relay', relay, ...options], { cwd: from })
}

function recv({ to }: Places, code: string, ...options: string[]): Vut {
  return vut(['recv', code, '--json', '--relay', relay, ...options], { cwd: to })
}

/** A disk of so many MB in memory. It is gone after the test. */
function smallDisk(test: TestContext, megabytes: number): string {
  const folder = tempFolder()
  const made = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
  skipUnless(test, made.status === 0, 'a disk of its own takes root and a Linux system')
  atEnd(() => void spawnSync('umount', ['-l', folder]))
  return folder
}

/** Waits until some of the file is on the disk of the receiver. */
async function someArrived(receiver: Vut): Promise<void> {
  await receiver.until((event) => event.type === 'progress' && event.bytes > 0)
}

describe('two processes', () => {
  it('send and receive a file, and end with 0', async () => {
    const place = places()
    const sender = send(place, '--sha256')
    const receiver = recv(place, await codeOf(sender), '--yes')
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    expect(readFileSync(join(place.to, 'a.bin')).equals(BYTES)).toBe(true)
    expect(readdirSync(place.to)).toEqual(['a.bin'])
    expect([sender.out, receiver.out]).toEqual(['', ''])
    for (const { events } of [sender, receiver]) {
      expect(events.every((event) => 'v' in event && event.v === 1 && 't' in event)).toBe(true)
      const phases = events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []))
      expect(phases.slice(0, 4)).toEqual(['gathering', 'meeting', 'authenticating', 'exchanging'])
      expect(phases).toContain('transferring')
      expect(events.at(-1)).toMatchObject({ type: 'done', bytes: BYTES.length, files: 1 })
    }
    // Only who asks for it is told.
    const digest = createHash('sha256').update(BYTES).digest('hex')
    expect(sender.events.at(-1)).toHaveProperty('digest', digest)
    expect(receiver.events.at(-1)).not.toHaveProperty('digest')
  })

  it('obey --path relay, and say so', async () => {
    const place = places()
    const sender = send(place, '--path', 'relay')
    const receiver = recv(place, await codeOf(sender), '--yes', '--path', 'relay')
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    const kinds = sender.events.flatMap((event) => (event.type === 'path' ? [event.kind] : []))
    expect(new Set(kinds)).toEqual(new Set(['relay']))
  })

  it('need no relay but the one in the sender, by --relay self', async () => {
    const place = places()
    const sender = vut(['send', 'a.bin', '--json', '--relay', 'self'], { cwd: place.from })
    const shown = await sender.until(({ type }) => type === 'code')
    const line = shown.type === 'code' ? shown.command.split(' ').slice(1) : []
    const receiver = vut([...line, '--yes', '--json'], { cwd: place.to })
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    expect(readFileSync(join(place.to, 'a.bin')).equals(BYTES)).toBe(true)
  })

  it('meet also by a code that the receiver makes, which then stands in no list of processes', async () => {
    const place = places()
    const receiver = vut(['recv', '--yes', '--json', '--relay', relay], { cwd: place.to })
    const shown = await receiver.until(({ type }) => type === 'code')
    const [code, command] = shown.type === 'code' ? [shown.code, shown.command] : []
    expect(command).toBe(`VUT_CODE=${code} vut send PATH... --relay ${relay}`)
    const options = { cwd: place.from, env: { VUT_CODE: String(code), VUT_RELAY: relay } }
    const sender = vut(['send', 'a.bin'], options)
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    expect(sender.err).toContain('\ntransferring\nverifying\ndone: 1 file, 3.00 MB in ')
  })

  it('a wrong word: both end with 4, and the code is burnt', async () => {
    const place = places()
    const sender = send(place)
    const code = await codeOf(sender)
    const words = code.split('-')
    const other = words[1] === 'acorn' ? 'amber' : 'acorn'
    const receiver = recv(place, [words[0], other, words[2]].join('-'), '--yes')
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([4, 4])
    expect(await recv(place, code, '--yes').ended).toBe(3)
    expect(readdirSync(place.to)).toEqual([])
  })

  it('nobody comes: 3 after the time-out', async () => {
    expect(await send(places(), '--timeout', '1').ended).toBe(3)
  })

  it('no relay answers: 3', async () => {
    const place = places()
    const sender = vut(['send', 'a.bin', '--json', '--relay', '127.0.0.1:9'], { cwd: place.from })
    expect(await sender.ended).toBe(3)
    expect(errorOf(sender)).toContain('127.0.0.1:9')
  })

  it('a code that was used: 3', async () => {
    const place = places()
    const sender = send(place)
    const code = await codeOf(sender)
    const receiver = recv(place, code, '--yes')
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    expect(await recv(place, code, '--yes').ended).toBe(3)
  })
})

describe('a process that ends too early', () => {
  const SIZE = 300_000_000
  /** What a digest goes on behind. */
  const BLOCK = 262_144

  it('leaves a part, and --resume goes on with it after either was killed', async () => {
    const place = places(SIZE)
    for (const victim of [0, 1]) {
      const sender = send(place)
      const receiver = recv(place, await codeOf(sender), '--resume')
      await someArrived(receiver)
      const both = [sender, receiver]
      both[victim]?.child.kill('SIGKILL')
      await both[victim]?.ended
      // The other one has to find out by silence: it is not waited for.
      both[1 - victim]?.child.kill('SIGINT')
      expect(await both[1 - victim]?.ended).toBe(130)
      expect(existsSync(join(place.to, 'a.bin'))).toBe(false)
    }
    const there = statSync(join(place.to, '.a.bin.vut-part')).size
    expect(there).toBeGreaterThan(BLOCK)
    const sender = send(place)
    const receiver = recv(place, await codeOf(sender), '--resume')
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    const first = sender.events.find(({ type }) => type === 'progress')
    expect(first?.type === 'progress' && first.bytes).toBe(there - (there % BLOCK))
    expect(readdirSync(place.to)).toEqual(['a.bin'])
    expect(readFileSync(join(place.to, 'a.bin')).equals(readFileSync(join(place.from, 'a.bin')))).toBe(true)
  })

  it('a second signal: at once', async () => {
    const place = places()
    const sender = send(place)
    await sender.until(({ type }) => type === 'code')
    // Stopped, it gets both when it goes on, and has no time for politeness between them.
    sender.child.kill('SIGSTOP')
    sender.child.kill('SIGINT')
    sender.child.kill('SIGTERM')
    sender.child.kill('SIGCONT')
    expect([130, 143]).toContain(await sender.ended)
  })

  it('an output that is closed changes nothing', async (test) => {
    skipUnless(test, process.platform !== 'win32', 'there is no sh')
    const place = places()
    const sender = send(place)
    const receiver = vut(['recv', await codeOf(sender), '--yes', '--json', '--relay', relay], {
      cwd: place.to,
      shell: 'exec 1>&-',
    })
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([0, 0])
    expect(readdirSync(place.to)).toEqual(['a.bin'])
  })

  it('a disk that is full in the middle: 7 here, 6 there, and nothing has the final name', async (test) => {
    const place = { ...places(60_000_000), to: smallDisk(test, 64) }
    const sender = send(place)
    const receiver = recv(place, await codeOf(sender), '--yes')
    await receiver.until((event) => event.type === 'phase' && event.phase === 'transferring')
    // Somebody else needs what is left of it.
    expect(() => writeFileSync(join(place.to, 'theirs'), Buffer.alloc(70_000_000))).toThrow('ENOSPC')
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([6, 7])
    for (const each of [sender, receiver]) expect(errorOf(each)).toContain('ENOSPC')
    expect(existsSync(join(place.to, 'a.bin'))).toBe(false)
  })

  it('a disk that is full behind vut pipe: 7 here, 6 there', async (test) => {
    const disk = smallDisk(test, 1)
    const options = { cwd: tempFolder() }
    const source = vut(['pipe', '--json', '--relay', relay], { ...options, shell: 'exec </dev/zero' })
    const line = ['pipe', await codeOf(source), '--json', '--relay', relay]
    const sink = vut(line, { ...options, shell: `exec >${join(disk, 'out')}` })
    expect(await Promise.all([source.ended, sink.ended])).toEqual([6, 7])
    for (const each of [source, sink]) expect(errorOf(each)).toContain('ENOSPC')
  })

  it('a limit on what may be written: 7 here, 6 there, and nothing has the final name', async (test) => {
    skipUnless(test, process.platform !== 'win32', 'there is no ulimit')
    const place = places(20_000_000)
    const sender = send(place)
    const receiver = vut(['recv', await codeOf(sender), '--yes', '--json', '--relay', relay], {
      cwd: place.to,
      shell: "trap '' XFSZ; ulimit -f 2000",
    })
    expect(await Promise.all([sender.ended, receiver.ended])).toEqual([6, 7])
    expect(errorOf(sender)).toContain('EFBIG')
    expect(existsSync(join(place.to, 'a.bin'))).toBe(false)
  })
})
