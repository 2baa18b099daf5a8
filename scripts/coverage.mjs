/**
 * `npm run coverage [-- --check] [--require] [--root FOLDER]`: which id is shown by which test.
 *
 * Writes docs/coverage.md, or with `--check` fails when the file is not what it would write. Fails on an id that the
 * catalogue does not have, and with `--require` on one of test/coverage/required.json that no test shows.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCatalogue, readRequired } from './lib/coverage/catalogue.mjs'
import { collect } from './lib/coverage/collect.mjs'
import { formatCoverage } from './lib/coverage/report.mjs'
import { ROOT } from './lib/run.mjs'

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    require: { type: 'boolean', default: false },
    root: { type: 'string', default: ROOT },
  },
})

const catalogue = readCatalogue(values.root)
const { shown, faults } = collect(values.root, catalogue)
if (values.require) {
  const missing = readRequired(values.root, catalogue).filter((id) => !shown.has(id))
  if (missing.length > 0) faults.push(`no test shows ${missing.join(' ')}`)
}

const target = join(values.root, 'docs', 'coverage.md')
const text = formatCoverage(catalogue, shown)
if (values.check) {
  const written = existsSync(target) ? readFileSync(target, 'utf8') : ''
  if (written !== text) faults.push('docs/coverage.md is out of date: run `npm run coverage`')
} else {
  mkdirSync(join(values.root, 'docs'), { recursive: true })
  writeFileSync(target, text)
}

for (const fault of faults) process.stderr.write(`coverage: ${fault}\n`)
process.stdout.write(`coverage: ${shown.size} of ${catalogue.size} ids are shown by a test\n`)
process.exitCode = faults.length === 0 ? 0 : 1
