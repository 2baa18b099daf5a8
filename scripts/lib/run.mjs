/**
 * Starts other programs for the scripts of this folder.
 *
 * Standard input is closed, so nothing can wait for an answer. A command that fails ends the script with its code.
 */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** The workspace's root folder. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Runs a command and returns its exit code. `quiet` sends its standard output to standard error. */
export function tryRun(command, args, { quiet = false, env = {}, cwd = ROOT } = {}) {
  const stdio = ['ignore', quiet ? 2 : 'inherit', 'inherit']
  const done = spawnSync(command, args, {
    cwd,
    stdio,
    env: { ...process.env, ...env },
    shell: needsShell(command),
  })
  if (done.error) throw done.error
  return done.status ?? 1
}

/** Runs a command; when it fails, ends this process with its code. */
export function run(command, args, options) {
  const code = tryRun(command, args, options)
  if (code !== 0) process.exit(code)
}

/** The file behind vitest's command, to be run by a Node of one's choice. */
export function vitestEntry() {
  const manifest = createRequire(`${ROOT}/package.json`).resolve('vitest/package.json')
  return fileURLToPath(new URL('vitest.mjs', `file://${manifest}`))
}

/** npm and npx are batch files on Windows. */
function needsShell(command) {
  return process.platform === 'win32' && !command.includes('node')
}
