/**
 * `npm run bench -- NAME [--json]`: builds, then runs a bench. What the build prints goes to standard error, so that
 * standard output is the bench's alone.
 */
import { run } from './lib/run.mjs'

run('npm', ['run', '-s', 'build'], { quiet: true })
run(process.execPath, ['--expose-gc', 'bench/dist/main.js', ...process.argv.slice(2)])
