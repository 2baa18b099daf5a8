/**
 * A lab of namespaces with two hosts and a public server, behind NATs and links of any kind: how it is built, changed and
 * taken down.
 *
 * Invariants: a lab has an id of its own, so that several can be there at once; it ends with this process.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const NATLAB = join(ROOT, 'test/lab/natlab')
const CANNOT_RUN = 77
const LIFE_S = 600

let made = 0

/** Why labs cannot be had on this machine; null if they can. `built` is what runs in them, below the root. */
export function labMissing(built: string): string | null {
  if (process.platform !== 'linux') return 'the lab needs Linux'
  const { status, stderr } = spawnSync(NATLAB, ['check'], { encoding: 'utf8' })
  if (status === CANNOT_RUN || status === null) return `${stderr ?? 'natlab does not start'}`.trim()
  if (status !== 0) throw new Error(`the check of the lab failed: ${stderr}`)
  if (!existsSync(join(ROOT, built))) throw new Error(`${built} is not there: run \`npm run build\` first`)
  return null
}

/** A host of a lab: the two peers, and the server that both reach. */
export type LabHost = 'A' | 'B' | 'S'

/** A peer as the lab describes it. */
interface Described {
  readonly addr: string
  readonly external?: string
}

/** A lab that is up. */
export class NatLab implements AsyncDisposable {
  readonly #id: string
  readonly #peers: Readonly<Record<'A' | 'B', Described>>
  /** The public addresses of the server. */
  readonly serverHosts: readonly string[]

  /** Builds it; `options` are those of `natlab up`. */
  constructor(options: readonly string[]) {
    made += 1
    this.#id = `vio-${process.pid}-${made}`
    const owner = ['--owner', String(process.pid), '--ttl', String(LIFE_S)]
    const { A, B, S } = JSON.parse(natlab(['up', '--id', this.#id, ...owner, ...options])) as {
      readonly A: Described
      readonly B: Described
      readonly S: { readonly addrs: readonly string[] }
    }
    this.#peers = { A, B }
    this.serverHosts = S.addrs
  }

  /** The address of a peer as it sees it itself. */
  addressOf(host: 'A' | 'B'): string {
    return this.#peers[host].addr
  }

  /** The address of a peer as the others see it. */
  externalOf(host: 'A' | 'B'): string {
    return this.#peers[host].external ?? this.#peers[host].addr
  }

  /** The command that runs another one on a host, or on a router such as NATA. */
  command(host: string, ...program: readonly string[]): readonly [string, ...string[]] {
    return [NATLAB, '-i', this.#id, 'exec', host, '--', ...program]
  }

  /** Calls `natlab` for this lab: `rebind A`, `link core loss=100%`. Gives what it prints. */
  change(...args: readonly string[]): string {
    return natlab(['-i', this.#id, ...args])
  }

  /** Takes it down, with what still runs in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    natlab(['-i', this.#id, 'down'])
  }
}

function natlab(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(NATLAB, args, { encoding: 'utf8', timeout: 30_000 })
  if (status !== 0) throw new Error(`natlab ${args.join(' ')} ended with ${status}: ${stderr}`)
  return stdout
}
