/**
 * The bench command: `main.js [NAME] [--json] [--rounds N]`.
 *
 * Decides which bench runs and what goes to which stream; measuring is the harness's, what is measured is in the file
 * that has the bench's name. Invariant: with `--json` standard output holds one JSON object and nothing else, and the
 * table goes to standard error; a failure prints to standard error and ends with a code other than 0.
 */
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Bench, formatReport, runBench } from './harness.js'

/** Files of this folder that are no benches. */
const OTHERS = new Set(['harness', 'main'])

await main()

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, rounds: { type: 'string' } },
  })
  const [name] = positionals
  if (name === undefined) return list()
  if (!names().includes(name)) {
    process.stderr.write(`no bench is called ${name}; there are: ${names().join(', ')}\n`)
    process.exitCode = 2
    return
  }
  const bench = await load(name)
  const report = await runBench(bench, values.rounds === undefined ? undefined : Number(values.rounds))
  const table = formatReport(bench, report)
  if (values.json) {
    process.stderr.write(table)
    process.stdout.write(`${JSON.stringify(report)}\n`)
  } else {
    process.stdout.write(table)
  }
}

async function list(): Promise<void> {
  for (const name of names()) {
    const { what } = await load(name)
    process.stdout.write(`${name.padEnd(12)} ${what}\n`)
  }
}

/** The benches that were built. */
function names(): string[] {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.js'))
  return files
    .map((file) => file.slice(0, -'.js'.length))
    .filter((name) => !OTHERS.has(name))
    .sort()
}

async function load(name: string): Promise<Bench> {
  const { bench }: { bench?: Bench } = await import(`./${name}.js`)
  if (bench === undefined) throw new Error(`bench/src/${name}.ts exports no \`bench\``)
  return bench
}
