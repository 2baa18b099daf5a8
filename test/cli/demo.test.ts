/**
 * `vut demo`: what `npm start` runs.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { vut } from './process-support.js'
import { tempFolder } from './support.js'

/** The command lines of processes that name a relay; none where the system does not tell. */
function peersAt(relay: string): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      } catch {
        return ''
      }
    })
    .filter((line) => line.includes(relay))
}

describe('vut demo', () => {
  it('sends a file that it makes, shows how, and leaves nothing behind', async () => {
    const folder = tempFolder()
    const demo = vut(['demo', '--size', '5'], { cwd: folder, env: { TMPDIR: folder } })
    expect(await demo.ended).toBe(0)
    for (const text of [
      'vut send demo.bin --relay 127.0.0.1:',
      'vut recv ',
      'meeting',
      'transferring',
      'direct v',
      'SAME',
      'vut relay',
    ]) {
      expect(demo.out).toContain(text)
    }
    expect(demo.out).toMatch(/digest {4}sha256 [0-9a-f]{64}\n/)
    expect(demo.out).toMatch(/rate {6}[\d.]+ [kMG]B\/s: 5\.00 MB in /)
    expect(demo.err).toBe('')
    expect(readdirSync(folder)).toEqual([])
  })

  it('sends a file that is named', async () => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'tmp'))
    writeFileSync(join(folder, 'ü.txt'), 'x'.repeat(10))
    const demo = vut(['demo', 'ü.txt'], { cwd: folder, env: { TMPDIR: join(folder, 'tmp') } })
    expect(await demo.ended).toBe(0)
    expect(demo.out).toContain('vut send ü.txt')
    expect(readdirSync(folder).sort()).toEqual(['tmp', 'ü.txt'])
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends by %s with %i, and leaves neither a process nor a file', async (signal, code) => {
    const folder = tempFolder()
    const demo = vut(['demo', '--size', '2000'], { cwd: folder, env: { TMPDIR: folder } })
    while (!demo.out.includes('transferring')) await new Promise((resolve) => setTimeout(resolve, 5))
    const [relay = ''] = /127\.0\.0\.1:\d+/.exec(demo.out) ?? []
    demo.child.kill(signal)
    expect(await demo.ended).toBe(code)
    while (peersAt(relay).length > 0) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(readdirSync(folder)).toEqual([])
  })

  it('ends with 7 for a file that is not there', async () => {
    const folder = tempFolder()
    const demo = vut(['demo', 'none'], { cwd: folder, env: { TMPDIR: folder } })
    expect(await demo.ended).toBe(7)
    expect(demo.err).toBe('vut: there is no file "none"\n     name a file, or none to have one made\n')
    expect(readdirSync(folder)).toEqual([])
  })
})
