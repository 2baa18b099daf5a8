/**
 * What the tests of the native seam share: leaving out what is off here, counting descriptors, waiting, child processes.
 */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { native, type VCapability } from '@vio/native'
import { onTestFinished, type TestContext } from 'vitest'
import { skipUnless } from '../lib/skip.js'

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), 'fixtures')

/** Leaves the running test out where a capability is off, with the reason of the report. */
export function needs(context: TestContext, ...capabilities: readonly VCapability[]): void {
  for (const capability of capabilities) {
    const { on, reason } = native.stateOf(capability)
    skipUnless(context, on, `native ${capability} is off: ${reason}`)
  }
}

/** Closes what was opened in the running test, when it ends, unless the test has closed it. */
export function closing<T extends number>(...fds: readonly T[]): void {
  onTestFinished(() => {
    for (const fd of fds) {
      try {
        native.close(fd)
      } catch {
        // The test has closed it.
      }
    }
  })
}

/** A pipe that ends with the test. */
export function openPipe(): { readonly reader: number; readonly writer: number } {
  const ends = native.pipe()
  closing(ends.reader, ends.writer)
  return ends
}

/** Two connected sockets that end with the test. */
export function openPair(): readonly [number, number] {
  const pair = native.socketPair()
  closing(...pair)
  return pair
}

/** How many descriptors this process has open. */
export function openCount(): number {
  return readdirSync('/proc/self/fd').length
}

/** Waits, in turns of Node's loop. A condition that never holds runs out of the test's time. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve))
}

/** Lets the loop look at its I/O a few times. */
export async function turns(count = 5): Promise<void> {
  for (let left = count; left > 0; left -= 1) await new Promise((resolve) => setImmediate(resolve))
}

/** What a process printed, and how it ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a fixture with what was built, as a process of its own. */
export async function runFixture(
  name: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const options = { env: { ...process.env, ...env }, timeout: 50_000, killSignal: 'SIGKILL' } as const
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [join(FIXTURES, name), ...args],
      options,
    )
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as Ended
    return { code: typeof code === 'number' ? code : null, stdout, stderr }
  }
}
