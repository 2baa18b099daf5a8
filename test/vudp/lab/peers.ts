/**
 * Two processes in the lab that connect by VUT alone: no code, no relay, no search for a path.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { NatLab } from '../../lib/nat-lab.js'

const PEER = join(import.meta.dirname, 'peer.mjs')

/** What has to be built, below the root. */
export const BUILT = 'packages/vudp/dist/index.js'

/** The UDP port of both sides. */
export const PORT = 4000

/** What a side prints. */
export interface Outcome {
  readonly digest: string
  readonly count: number
  readonly isClean: boolean
  readonly streamBytesResent: number
  /** Why there was no connection. */
  readonly error?: string
}

/** Runs a side on a host: `send`, `receive`; its own address, the other's, how many bytes. */
export function runPeer(lab: NatLab, host: 'A' | 'B', ...args: readonly string[]): Promise<Outcome> {
  return new Promise((done, failed) => {
    const [file, ...command] = lab.command(host, process.execPath, PEER, ...args)
    execFile(file, command, { timeout: 50_000 }, (error, out, err) => {
      if (error === null) done(JSON.parse(out) as Outcome)
      else failed(new Error(`${args.join(' ')}: ${error.message} ${err}`))
    })
  })
}
