#!/usr/bin/env node
/**
 * What the command `vut` runs.
 *
 * Decides which of two forms of the command is loaded, which do the same: the bundle, a few files that are there at once,
 * or what was compiled, hundreds of them. Invariants: importing this file runs the command, and whoever wants its parts
 * imports the package; what was compiled since the bundle was made is never run from the bundle.
 */
import { runBundle } from './bundle.js'

const { readdirSync, statSync } = process.getBuiltinModule('node:fs')
const BUNDLE = new URL('../bundle/start.cjs', import.meta.url)

if (isCurrent()) runBundle(BUNDLE)
else await import('./start.js')

/** Whether the bundle is there and newer than all that it was made of. */
function isCurrent(): boolean {
  const madeAt = timeOf(BUNDLE)
  // Only where the packages are compiled is it noted when; as published they belong together.
  if (madeAt === 0 || timeOf(new URL('.tsbuildinfo', import.meta.url)) === 0) return madeAt > 0
  const packages = new URL('../../', import.meta.url)
  const notes = readdirSync(packages).map((name) => new URL(`${name}/dist/.tsbuildinfo`, packages))
  return notes.every((note) => timeOf(note) < madeAt)
}

function timeOf(file: URL): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
