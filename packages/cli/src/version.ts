/**
 * The version that `vut --version` tells.
 *
 * Decides nothing: it is the package's. Invariant: the manifest is the one place where it stands.
 */
import { readFileSync } from 'node:fs'

/** The version of this package. */
export const VERSION: string = readVersion()

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return String((JSON.parse(text) as { version: unknown }).version)
}
