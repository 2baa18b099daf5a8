/**
 * Where tests of sockets listen: loopback, and paths in a temporary folder that is removed at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'

/** A kind of socket. */
export type NetKind = 'tcp4' | 'tcp6' | 'unix'

/** The loopback address of each IP kind. */
export const LOOPBACK: Readonly<Record<'tcp4' | 'tcp6', string>> = { tcp4: '127.0.0.1', tcp6: '::1' }

/** True if this machine has IPv6 on its loopback. */
export const HAS_IPV6: boolean = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.family === 'IPv6' && each.internal)

/** The kinds that this machine has. */
export const NET_KINDS: readonly NetKind[] = HAS_IPV6 ? ['tcp4', 'tcp6', 'unix'] : ['tcp4', 'unix']

let folder: string | undefined
let count = 0

/** A path for a Unix socket that nobody uses. */
export function freeUnixPath(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'vio-'))
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
    folder = made
  }
  count += 1
  return join(folder, `s${count}`)
}
