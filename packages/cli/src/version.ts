/**
 * The version that `vut --version` tells.
 *
 * Decides nothing: it is the package's. Invariant: the manifest is the one place where it stands.
 */
import { readFileSync } from 'node:fs'
import { OWN_FOLDER } from './own-files.js'

/** The version of this package. */
export const VERSION: string = readVersion()

function readVersion(): string {
  const text = readFileSync(new URL('package.json', OWN_FOLDER), 'utf8')
  return String((JSON.parse(text) as { version: unknown }).version)
}
