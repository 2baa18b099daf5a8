/**
 * The last step of `npm run build`: makes of what was compiled the bundle that the command `vut` is loaded from.
 *
 * What is in it, and why, is in docs/decisions/0026-the-command-as-a-bundle.md. The bundle takes the place of the one
 * before at once: a `vut` that begins meanwhile finds all of it or none.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

const CLI = fileURLToPath(new URL('../packages/cli/', import.meta.url))
const FOLDER = join(CLI, 'bundle')
const MAKING = join(CLI, `bundle.${process.pid}`)
/** Loaded where they are installed: none of them has to be. */
const OPTIONAL = ['koffi', 'bufferutil', 'utf-8-validate']
/** For a transfer of a moment. */
const LONGEST_MS = 30_000
const LICENCE = /^licen[cs]e/i

try {
  const output = await bundle()
  writeFileSync(join(MAKING, 'THIRD-PARTY.txt'), notices(output))
  rmSync(FOLDER, { recursive: true, force: true })
  renameSync(MAKING, FOLDER)
  keepCode()
} finally {
  rmSync(MAKING, { recursive: true, force: true })
}

async function bundle() {
  const warnings = []
  const made = await rolldown({
    input: join(CLI, 'dist/start.js'),
    platform: 'node',
    external: OPTIONAL,
    onLog: (level, { code, message }) => {
      if (level === 'warn' && code !== 'INEFFECTIVE_DYNAMIC_IMPORT') warnings.push(message)
    },
  })
  // Names stay as they are, so that a stack tells where something happened; comments are in the sources.
  const { output } = await made.write({
    dir: MAKING,
    format: 'cjs',
    strict: true,
    comments: false,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
  })
  await made.close()
  if (warnings.length > 0) throw new Error(warnings.join('\n'))
  return output
}

/**
 * Has a file sent on this machine, with all that takes part keeping what V8 has compiled of it. Where that cannot be done the
 * bundle is as good, and begins more slowly.
 */
function keepCode() {
  const { href } = pathToFileURL(join(import.meta.dirname, 'keep-code.mjs'))
  const { NODE_OPTIONS: given = '', ...env } = process.env
  spawnSync(process.execPath, [join(CLI, 'dist/main.js'), 'demo', '--size', '5'], {
    env: { ...env, NODE_OPTIONS: `${given} --import=${href}` },
    stdio: 'ignore',
    timeout: LONGEST_MS,
  })
}

/** The licences of what is in the bundle and is not of this project. */
function notices(output) {
  const folders = new Set(output.flatMap(({ moduleIds = [] }) => moduleIds.flatMap(packageFolder)))
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = readdirSync(folder).find((each) => LICENCE.test(each))
    if (file === undefined)
      throw new Error(`${name} is to be bundled and has no licence beside it: ${folder}`)
    return `${name} ${version}, ${license}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
  })
  return `The bundle of vut has in it:\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`
}

/** The folder of the package from outside that a module is of. */
function packageFolder(id) {
  return id.replaceAll('\\', '/').match(/^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []
}
