/**
 * Which form of the command is loaded: the bundle, unless something was compiled since it was made.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
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
  copyFileSync(MAIN, main)
  const { stdout, stderr } = spawnSync(process.execPath, [main], { encoding: 'utf8' })
  return stdout + stderr
}

const COMPILED = { 'cli/dist/.tsbuildinfo': 10, 'io/dist/.tsbuildinfo': 20 }

describe('the command', () => {
  it('is the bundle where that is newer than all packages', () => {
    expect(loaded({ ...COMPILED, 'cli/bundle/start.js': 30 })).toBe('cli/bundle/start.js')
  })

  it('is what was compiled where any package was compiled since', () => {
    expect(loaded({ ...COMPILED, 'cli/bundle/start.js': 15 })).toBe('cli/dist/start.js')
  })

  it('is what was compiled where there is no bundle', () => {
    expect(loaded(COMPILED)).toBe('cli/dist/start.js')
  })

  it('is the bundle as published, where nothing tells what was compiled', () => {
    expect(loaded({ 'cli/bundle/start.js': 1 })).toBe('cli/bundle/start.js')
  })
})
