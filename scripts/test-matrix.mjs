/**
 * `npm run test:matrix [-- VERSION... PATH...]`: runs the tests on each Node that is supported, and prints a table.
 *
 * The default versions are the oldest that is supported, the newest of each line, and the newest there is. The folder
 * of each binary stands first in PATH, so what a test starts runs on the same Node. Ends with code 1 unless every
 * version passes.
 */
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { nodeFolder } from './lib/node-binary.mjs'
import { ROOT, vitestEntry } from './lib/run.mjs'

const DEFAULT_VERSIONS = ['20.19.0', '20', '22', '24', 'latest']

const given = process.argv.slice(2)
const versions = given.filter((word) => /^(latest|\d+(\.\d+)*)$/.test(word))
const paths = given.filter((word) => !versions.includes(word))

const rows = (versions.length > 0 ? versions : DEFAULT_VERSIONS).map((version) => testOn(version, paths))

process.stdout.write('\n')
for (const { asked, found, outcome } of rows) {
  process.stdout.write(`${asked.padEnd(10)} ${found.padEnd(12)} ${outcome}\n`)
}
const failures = rows.filter((row) => !row.ok).length
process.stdout.write(`${rows.length - failures} of ${rows.length} versions of Node pass\n`)
process.exit(failures === 0 ? 0 : 1)

function testOn(asked, files) {
  let found = '-'
  try {
    const folder = nodeFolder(asked)
    const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` }
    const node = join(folder, 'node')
    found = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
    process.stdout.write(`\nNode ${found}\n`)
    const args = [vitestEntry(), 'run', ...files]
    const done = spawnSync(node, args, {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    })
    if (done.error) throw done.error
    process.stdout.write(done.stdout)
    const last = done.stdout.trimEnd().split('\n').at(-1) ?? ''
    const ok = done.status === 0
    return { asked, found, ok, outcome: `${ok ? 'ok' : 'FAILED'}  ${last.replace(/^Tests: /, '')}` }
  } catch (error) {
    return { asked, found, ok: false, outcome: `FAILED  ${error.message}` }
  }
}
