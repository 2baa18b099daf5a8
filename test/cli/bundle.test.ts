/**
 * Which form of the command is loaded: the bundle, unless something was compiled since it was made; and with what the build
 * has kept of compiling it, unless that is of something else.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Script } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { codeFolder } from '../../packages/cli/src/bundle.js'
import { MAIN } from './process-support.js'
import { tempFolder } from './support.js'

/** Files of a workspace by their path below `packages/`, and when each was made, in seconds. */
function loaded(files: Readonly<Record<string, number>>): string {
  const root = tempFolder()
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }')
  for (const [path, madeAt] of Object.entries({ 'cli/dist/start.js': 1, ...files })) {
    const file = join(root, 'packages', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `process.stdout.write('${path}')`)
    utimesSync(file, madeAt, madeAt)
  }
  const main = join(root, 'packages/cli/dist/main.js')
  for (const name of ['main.js', 'bundle.js'])
    copyFileSync(join(dirname(MAIN), name), join(dirname(main), name))
  return outputOf(main)
}

function outputOf(main: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, [main], { encoding: 'utf8' })
  return stdout + stderr
}

/** A script of the bundle that says `text`, as V8 is given it. */
function scriptSaying(text: string): string {
  return `process.stdout.write('${text}')`
}

/** What a bundle says whose script says `new`, with `kept` beside it that is so much younger, in seconds. */
function said(kept: Uint8Array, younger: number): string {
  const folder = join(tempFolder(), 'bundle')
  const code = join(folder, codeFolder())
  mkdirSync(code, { recursive: true })
  writeFileSync(join(folder, 'start.cjs'), scriptSaying('new'))
  utimesSync(join(folder, 'start.cjs'), 1000, 1000)
  writeFileSync(join(code, 'start.cjs'), kept)
  utimesSync(join(code, 'start.cjs'), 1000 + younger, 1000 + younger)
  copyFileSync(join(dirname(MAIN), 'bundle.js'), join(folder, 'bundle.mjs'))
  const main = join(folder, 'main.mjs')
  const start = pathToFileURL(join(folder, 'start.cjs')).href
  writeFileSync(main, `import { runBundle } from './bundle.mjs'\nrunBundle(new URL('${start}'))`)
  return outputOf(main)
}

const COMPILED = { 'cli/dist/.tsbuildinfo': 10, 'io/dist/.tsbuildinfo': 20 }

describe('the command', () => {
  it('is the bundle where that is newer than all packages', () => {
    expect(loaded({ ...COMPILED, 'cli/bundle/start.cjs': 30 })).toBe('cli/bundle/start.cjs')
  })

  it('is what was compiled where any package was compiled since', () => {
    expect(loaded({ ...COMPILED, 'cli/bundle/start.cjs': 15 })).toBe('cli/dist/start.js')
  })

  it('is what was compiled where there is no bundle', () => {
    expect(loaded(COMPILED)).toBe('cli/dist/start.js')
  })

  it('is the bundle as published, where nothing tells what was compiled', () => {
    expect(loaded({ 'cli/bundle/start.cjs': 1 })).toBe('cli/bundle/start.cjs')
  })
})

describe('what was kept of compiling a script', () => {
  // V8 tells two scripts apart by their length alone: this one is told from the other by nothing but its age.
  const text = `(function (exports, require, module, __filename, __dirname) {${scriptSaying('old')}\n})`
  const kept = ((): Buffer => {
    const script = new Script(text)
    script.runInThisContext()
    return script.createCachedData()
  })()

  it('is taken', () => {
    expect(said(kept, 0)).toBe('old')
  })

  it('is left aside where the script is younger', () => {
    expect(said(kept, -1)).toBe('new')
  })

  it('is left aside where V8 does not know it', () => {
    expect(said(Buffer.from('nothing of use'), 0)).toBe('new')
    expect(said(Buffer.alloc(0), 0)).toBe('new')
  })
})
