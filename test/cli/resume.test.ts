/**
 * What is there already when files arrive: it is refused, gone on with, renamed or replaced, and never touched otherwise.
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventsOf, type PairRun, runPair, tempFolder } from './support.js'

const CODE = '7-lantern-orchard'
const BYTES = Buffer.from(Array.from({ length: 700_000 }, (_, at) => (at * 31 + (at >> 8)) & 255))

interface Case {
  readonly from: string
  readonly to: string
}

function folders(): Case {
  const [from, to] = [tempFolder(), tempFolder()]
  writeFileSync(join(from, 'a.bin'), BYTES)
  return { from, to }
}

function send({ from, to }: Case, option: string, paths: readonly string[] = ['a.bin']): Promise<PairRun> {
  return runPair(
    ['send', ...paths, '--json'],
    ['recv', CODE, option, '--json'],
    [{ folder: from }, { folder: to }],
  )
}

/** Bytes that were counted by the first progress: what was there already. */
function firstProgress({ contexts }: PairRun): number | undefined {
  const found = eventsOf(contexts[0]).find((event) => event.type === 'progress')
  return found?.type === 'progress' ? found.bytes : undefined
}

function errorText({ contexts }: PairRun, side: 0 | 1): string {
  const found = eventsOf(contexts[side]).find((event) => event.type === 'error')
  return found?.type === 'error' ? `${found.what} | ${found.help}` : ''
}

describe('--resume', () => {
  it('goes on behind the whole blocks that an earlier attempt left', async () => {
    const place = folders()
    writeFileSync(join(place.to, '.a.bin.vut-part'), BYTES.subarray(0, 400_000))
    const run = await send(place, '--resume')
    expect(run.codes).toEqual([0, 0])
    expect(firstProgress(run)).toBe(262_144)
    expect(readFileSync(join(place.to, 'a.bin')).equals(BYTES)).toBe(true)
    expect(readdirSync(place.to)).toEqual(['a.bin'])
  })

  it('begins anew if the file has changed since, and says so', async () => {
    const place = folders()
    const other = Buffer.from(BYTES.subarray(0, 400_000))
    other[262_143] = (other[262_143] ?? 0) ^ 1
    writeFileSync(join(place.to, '.a.bin.vut-part'), other)
    const run = await send(place, '--resume')
    expect(run.codes).toEqual([0, 0])
    expect(firstProgress(run)).toBe(0)
    expect(eventsOf(run.contexts[0]).find(({ type }) => type === 'warning')).toMatchObject({
      text: 'a.bin has changed since: it is sent from its beginning',
    })
    expect(readFileSync(join(place.to, 'a.bin')).equals(BYTES)).toBe(true)
  })

  it('takes no more of a part than the file has', async () => {
    const place = folders()
    writeFileSync(join(place.to, '.a.bin.vut-part'), Buffer.concat([BYTES, Buffer.from('more')]))
    const run = await send(place, '--resume')
    expect(run.codes).toEqual([0, 0])
    expect(readFileSync(join(place.to, 'a.bin')).equals(BYTES)).toBe(true)
  })

  it('sends nothing of files that are there, and only the rest of a folder', async () => {
    const place = folders()
    for (const side of ['from', 'to'] as const) mkdirSync(join(place[side], 'box'))
    for (const name of ['one', 'two', 'three'])
      writeFileSync(join(place.from, 'box', name), name.repeat(1000))
    writeFileSync(join(place.to, 'box/one'), 'one'.repeat(1000))
    writeFileSync(join(place.to, 'box/.two.vut-part'), 'two'.repeat(500))
    const before = statSync(join(place.to, 'box/one')).ino
    const run = await send(place, '--resume', ['box'])
    expect(run.codes).toEqual([0, 0])
    expect(statSync(join(place.to, 'box/one')).ino).toBe(before)
    for (const name of ['one', 'two', 'three']) {
      expect(readFileSync(join(place.to, 'box', name), 'utf8')).toBe(name.repeat(1000))
    }
    expect(readdirSync(join(place.to, 'box')).sort()).toEqual(['one', 'three', 'two'])
  })

  it('touches no file that is there and differs: 7 here, 6 there', async () => {
    for (const content of ['short', `x${BYTES.toString('latin1').slice(1)}`]) {
      const place = folders()
      writeFileSync(join(place.to, 'a.bin'), content, 'latin1')
      const run = await send(place, '--resume')
      expect(run.codes).toEqual([6, 7])
      expect(errorText(run, 1)).toContain('"a.bin" is there already')
      expect(readFileSync(join(place.to, 'a.bin'), 'latin1')).toBe(content)
    }
  })

  it('follows no link that stands in the way of a part', async () => {
    for (const make of [symlinkSync, linkSync]) {
      const place = folders()
      const victim = join(tempFolder(), 'victim')
      writeFileSync(victim, BYTES.subarray(0, 10))
      make(victim, join(place.to, '.a.bin.vut-part'))
      const run = await send(place, '--resume')
      expect(run.codes).toEqual([6, 7])
      expect(readFileSync(victim).equals(BYTES.subarray(0, 10))).toBe(true)
    }
  })
})

describe('a name that is taken', () => {
  it('is refused by default: 7 here, 6 there, and nothing is touched', async () => {
    const place = folders()
    writeFileSync(join(place.to, 'a.bin'), 'mine')
    const run = await send(place, '--yes')
    expect(run.codes).toEqual([6, 7])
    expect(errorText(run, 0)).toContain('the other side refused: "a.bin" is there already')
    expect(errorText(run, 1)).toContain('take it by --rename, --overwrite, or --resume')
    expect(readFileSync(join(place.to, 'a.bin'), 'utf8')).toBe('mine')
    expect(readdirSync(place.to)).toEqual(['a.bin'])
  })

  it('is refused also if it is a link that leads nowhere', async () => {
    const place = folders()
    symlinkSync('/nonexistent/x', join(place.to, 'a.bin'))
    expect((await send(place, '--yes')).codes).toEqual([6, 7])
    expect(readdirSync(place.to)).toEqual(['a.bin'])
  })

  it('gets a number by --rename', async () => {
    const place = folders()
    writeFileSync(join(place.to, 'a.bin'), 'mine')
    writeFileSync(join(place.to, 'a (2).bin'), 'mine too')
    const run = await send(place, '--rename')
    expect(run.codes).toEqual([0, 0])
    expect(readFileSync(join(place.to, 'a.bin'), 'utf8')).toBe('mine')
    expect(readFileSync(join(place.to, 'a (3).bin')).equals(BYTES)).toBe(true)
  })

  it('is replaced by --overwrite, at once and as a whole; a link is replaced, not followed', async () => {
    const place = folders()
    const victim = join(tempFolder(), 'victim')
    writeFileSync(victim, 'victim')
    symlinkSync(victim, join(place.to, 'a.bin'))
    const run = await send(place, '--overwrite')
    expect(run.codes).toEqual([0, 0])
    expect(readFileSync(join(place.to, 'a.bin')).equals(BYTES)).toBe(true)
    expect(readFileSync(victim, 'utf8')).toBe('victim')
  })

  it('never leads through a link out of the folder', async () => {
    const place = folders()
    mkdirSync(join(place.from, 'box'))
    writeFileSync(join(place.from, 'box/x'), 'x')
    const outside = tempFolder()
    symlinkSync(outside, join(place.to, 'box'))
    for (const option of ['--yes', '--overwrite', '--resume']) {
      expect((await send(place, option, ['box'])).codes).toEqual([6, 7])
    }
    expect(existsSync(join(outside, 'x'))).toBe(false)
  })
})
