/**
 * Files from one folder to another over a real connection.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventsOf, runPair, tempFolder } from './support.js'

describe('vut send to vut recv', () => {
  it('brings one file, with its permissions and its time, and both end with 0', async () => {
    const [from, to] = [tempFolder(), tempFolder()]
    const bytes = Buffer.from(Array.from({ length: 3_000_001 }, (_, at) => (at * 7 + (at >> 9)) & 255))
    writeFileSync(join(from, 'a.bin'), bytes)
    chmodSync(join(from, 'a.bin'), 0o750)
    utimesSync(join(from, 'a.bin'), 1_600_000_000, 1_600_000_000)
    const { codes } = await runPair(
      ['send', 'a.bin'],
      ['recv', '7-lan-orc', '--yes'],
      [{ folder: from }, { folder: to }],
    )
    expect(codes).toEqual([0, 0])
    expect(readFileSync(join(to, 'a.bin')).equals(bytes)).toBe(true)
    expect(statSync(join(to, 'a.bin')).mode & 0o777).toBe(0o750 & ~process.umask())
    expect(statSync(join(to, 'a.bin')).mtimeMs).toBe(1_600_000_000_000)
    expect(readdirSync(to)).toEqual(['a.bin'])
  })

  it('brings folders, empty files and names in any script', async () => {
    const [from, to] = [tempFolder(), tempFolder()]
    const names = ['leer', 'ü b.txt', '日本語.md', '🙂', 'sub/deep/x']
    mkdirSync(join(from, 'box/sub/deep'), { recursive: true })
    mkdirSync(join(from, 'box/nothing'))
    for (const name of names) writeFileSync(join(from, 'box', name), name === 'leer' ? '' : name)
    const { codes } = await runPair(
      ['send', 'box'],
      ['recv', '7-lan-orc', '--yes'],
      [{ folder: from }, { folder: to }],
    )
    expect(codes).toEqual([0, 0])
    for (const name of names)
      expect(readFileSync(join(to, 'box', name), 'utf8')).toBe(name === 'leer' ? '' : name)
    expect(statSync(join(to, 'box/nothing')).isDirectory()).toBe(true)
  })

  it('brings hundreds of files, which get their names side by side', async () => {
    const [from, to] = [tempFolder(), tempFolder()]
    mkdirSync(join(from, 'box'))
    for (let at = 0; at < 400; at++) writeFileSync(join(from, 'box', `f${at}`), 'x'.repeat(at))
    const { codes, contexts } = await runPair(
      ['send', 'box', '--json'],
      ['recv', '7-lan-orc', '--yes', '--json'],
      [{ folder: from }, { folder: to }],
    )
    expect(codes).toEqual([0, 0])
    expect(readdirSync(join(to, 'box'))).toHaveLength(400)
    for (let at = 0; at < 400; at++) expect(statSync(join(to, 'box', `f${at}`)).size).toBe(at)
    expect(eventsOf(contexts[1]).at(-1)).toMatchObject({ type: 'done', files: 400, bytes: (400 * 399) / 2 })
  })
})
