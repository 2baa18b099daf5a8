/**
 * A lab of namespaces with two hosts and one link between them.
 *
 * Decides how it is built and taken down; what runs in it is its user's affair. Invariants: a lab has an id of its own, so
 * that several can be there at once; it ends with this process, however that ends.
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const NATLAB: string = join(import.meta.dirname, '../../../test/lab/natlab')
const CANNOT_RUN = 77
/** The least life of a lab whose owner is gone and whose watch with it. */
const LIFE_S = 900

let made = 0

/** Why labs cannot be had on this machine, or undefined. */
export function labMissing(): string | undefined {
  if (process.platform !== 'linux' || !existsSync(NATLAB)) return 'the lab needs Linux and test/lab'
  const { status, stderr, error } = spawnSync(NATLAB, ['check'], { encoding: 'utf8' })
  if (status === 0) return undefined
  const why = (stderr ?? '').trim() || String(error)
  return status === CANNOT_RUN ? why : `the check of the lab failed: ${why}`
}

/** Why a program cannot be started, or undefined. */
export function programMissing(program: string, ...args: readonly string[]): string | undefined {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0 ? undefined : `there is no ${program}`
}

/** A host of a lab: A or B, and the server that both reach. */
export type LabHost = 'A' | 'B' | 'S'

/** A lab that is up. */
export class LinkLab {
  readonly #id: string
  readonly #addresses: Readonly<Record<LabHost, string>>

  /** Builds it. `link` is in the lab's own words, the same in both directions. */
  constructor(link: string, seed: number) {
    made += 1
    this.#id = `link-${process.pid}-${made}`
    const owner = ['--owner', String(process.pid), '--ttl', String(LIFE_S)]
    const hosts = ['--a', 'direct', '--b', 'direct']
    const all = ['up', '--id', this.#id, ...owner, ...hosts, '--link', link, '--seed', String(seed)]
    const { A, B, S } = JSON.parse(run(all)) as Record<'A' | 'B', { readonly addr: string }> & {
      readonly S: { readonly addrs: readonly [string, string] }
    }
    this.#addresses = { A: A.addr, B: B.addr, S: S.addrs[0] }
  }

  /** The address of a host. */
  addressOf(host: LabHost): string {
    return this.#addresses[host]
  }

  /** The command that runs what follows it on a host. */
  command(host: LabHost): readonly string[] {
    return [NATLAB, '-i', this.#id, 'exec', host, '--']
  }

  /** Runs a program on a host to its end; gives what it printed. `timeoutMs` ends it before. */
  async output(host: LabHost, program: readonly string[], timeoutMs: number): Promise<string> {
    const [file = '', ...args] = [...this.command(host), ...program]
    return await new Promise((done, failed) => {
      execFile(file, args, { timeout: timeoutMs, maxBuffer: 1 << 26 }, (error, out, err) => {
        if (error === null) done(out)
        else failed(new Error(`${program.join(' ')}: ${error.message} ${err} ${out.slice(0, 400)}`))
      })
    })
  }

  /** What the link has done so far. */
  stats(): LinkStats {
    const { linkem } = JSON.parse(run(['-i', this.#id, 'stats'])) as { readonly linkem: EmulatorStats }
    const pipe = Object.entries(linkem.pipes).find(([name]) => name === 'core:A>B')?.[1]
    return {
      lost: (pipe?.lost ?? 0) + (pipe?.lost_burst ?? 0),
      queueDrops: pipe?.dropped_queue ?? 0,
      missed: Object.values(linkem.ports).reduce((sum, port) => sum + port.ring_drops, 0),
    }
  }

  /** Takes it down, with what still runs in it. */
  down(): void {
    run(['-i', this.#id, 'down'])
  }
}

/** Counters of the link from A to B. */
export interface LinkStats {
  /** Lost at random. */
  readonly lost: number
  /** Dropped where the queue was full. */
  readonly queueDrops: number
  /** What the emulator itself failed to pick up; more than 0 spoils a measurement. */
  readonly missed: number
}

interface EmulatorStats {
  readonly pipes: Readonly<Record<string, { lost: number; lost_burst: number; dropped_queue: number }>>
  readonly ports: Readonly<Record<string, { ring_drops: number }>>
}

function run(args: readonly string[]): string {
  return execFileSync(NATLAB, args, { encoding: 'utf8', timeout: 30_000, stdio: ['ignore', 'pipe', 'pipe'] })
}
