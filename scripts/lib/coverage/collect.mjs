/**
 * Goes through the tests and the contract suites of a workspace and tells which file shows which id.
 *
 * A suite is a list of cases that runs nowhere by itself: its titles count once a file below `test/` imports it, or
 * another suite that counts does. Soak tests count for nothing, as `npm test` does not run them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'
import { isSuite, readTitles } from './titles.mjs'

/** `{ shown, faults }`: the files of each id, and what is wrong, as lines to print. */
export function collect(root, catalogue) {
  const tests = readAll(root, 'test')
  const suites = packagesOf(root).flatMap((name) => readAll(root, `packages/${name}/src/testing`))
  const used = usedSuites(tests, suites)
  const shown = new Map()
  const faults = []
  for (const file of [...tests.filter(({ path }) => path.endsWith('.test.ts')), ...used]) {
    for (const fault of file.faults) faults.push(`${file.path}: ${fault}`)
    for (const id of file.ids) {
      if (!catalogue.has(id)) faults.push(`${file.path}: ${id} is unknown`)
      else shown.set(id, (shown.get(id) ?? new Set()).add(file.path))
    }
  }
  return { shown, faults }
}

/** The suite files that a test imports by a name they export, or that a used suite imports. */
function usedSuites(tests, suites) {
  const names = new Set()
  for (const { specifier, names: imported } of tests.flatMap((test) => test.imports)) {
    if (/\/testing(\/|$)/.test(specifier)) for (const name of imported) names.add(name)
  }
  const used = new Set(
    suites.filter((suite) => suite.exports.some((name) => names.has(name)) && isSuite(suite.path)),
  )
  for (const suite of used) {
    for (const { specifier } of suite.imports) {
      const target = posix.join(posix.dirname(suite.path), specifier).replace(/\.js$/, '.ts')
      const found = suites.find((each) => each.path === target)
      if (found !== undefined && isSuite(found.path)) used.add(found)
    }
  }
  return used
}

function packagesOf(root) {
  const folder = join(root, 'packages')
  return existsSync(folder) ? readdirSync(folder) : []
}

function readAll(root, folder) {
  if (!existsSync(join(root, folder))) return []
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !/\/(node_modules|dist)\//.test(path))
    .sort()
    .map((path) => ({ path, ...readTitles(path, readFileSync(join(root, path), 'utf8')) }))
}
