/**
 * VUT between two processes in network namespaces, over a link that loses: what nothing here simulates, from socket to
 * socket through the system.
 */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { skipUnless } from '../../lib/skip.js'

const NATLAB = join(import.meta.dirname, '../../lab/natlab')
const PEER = join(import.meta.dirname, 'peer.mjs')
const BUILT = join(import.meta.dirname, '../../../packages/vudp/dist/index.js')
const LAB = ['-i', `vudp-test-${process.pid}`]
const CANNOT_RUN = 77
const BYTES = 6_000_000

/** What a side prints. */
interface Outcome {
  readonly digest: string
  readonly count: number
  readonly isClean: boolean
  readonly streamBytesResent: number
}

let missing: string | null = null

beforeAll(() => {
  const { status, stderr } = spawnSync(NATLAB, ['check'], { encoding: 'utf8' })
  if (status === CANNOT_RUN || status === null) missing = `${stderr ?? 'natlab does not start'}`.trim()
  else if (status !== 0) throw new Error(`the check of the lab failed: ${stderr}`)
  else if (!existsSync(BUILT)) throw new Error(`${BUILT} is not there: run \`npm run build\` first`)
})

afterAll(() => {
  if (missing === null) natlab('down')
})

function natlab(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(NATLAB, [...LAB, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  if (status !== 0) throw new Error(`natlab ${args.join(' ')} ended with ${status}: ${stderr}`)
  return stdout
}

/** Builds a lab with the hosts A and B and one link between them; it ends with this process at the latest. */
function build(link: string): { readonly A: string; readonly B: string } {
  const owner = ['--owner', String(process.pid), '--ttl', '300']
  const lab = JSON.parse(natlab('up', ...owner, '--a', 'direct', '--b', 'direct', '--link', link)) as Record<
    'A' | 'B',
    { readonly addr: string }
  >
  return { A: lab.A.addr, B: lab.B.addr }
}

function runOn(host: string, ...args: readonly string[]): Promise<Outcome> {
  return new Promise((done, failed) => {
    const command = [...LAB, 'exec', host, '--', process.execPath, PEER, ...args]
    execFile(NATLAB, command, { timeout: 50_000 }, (error, out, err) => {
      if (error === null) done(JSON.parse(out) as Outcome)
      else failed(new Error(`${args.join(' ')}: ${error.message} ${err}`))
    })
  })
}

describe('VUT through the lab', () => {
  it('carries megabytes between two hosts over a link that loses, and ends cleanly', async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    const { A, B } = build('rate=50mbit,delay=10ms,loss=1%')
    const [sent, received] = await Promise.all([
      runOn('A', 'send', A, B, String(BYTES)),
      runOn('B', 'receive', B, A, String(BYTES)),
    ])
    expect(received.count).toBe(BYTES)
    expect(received.digest).toBe(sent.digest)
    expect([sent.isClean, received.isClean]).toEqual([true, true])
    // The link did lose, and it was not the system that made up for it.
    expect(sent.streamBytesResent).toBeGreaterThan(0)
    const { linkem } = JSON.parse(natlab('stats')) as { linkem: { pipes: Record<string, { lost: number }> } }
    expect(linkem.pipes['core:A>B']?.lost).toBeGreaterThan(0)
  })
})
