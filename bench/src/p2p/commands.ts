/**
 * Programs as the bench of whole commands runs them.
 *
 * Invariant: a program that ends with another code than 0 fails the run, with what it said.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/**
 * What programs run with: not with what makes each process of Node read certificates when it starts, 30 ms, where a machine
 * is set up so; none of these commands uses TLS.
 */
const { NODE_EXTRA_CA_CERTS: _, ...SURROUNDINGS } = process.env

/** A program that runs. */
export class Command {
  readonly process: ChildProcess
  readonly ended: Promise<void>
  #said = ''
  #watchers: (() => void)[] = []

  constructor(command: readonly string[], options: SpawnOptions = {}) {
    const [file = '', ...args] = command
    this.process = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: SURROUNDINGS, ...options })
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text
        for (const wake of this.#watchers.splice(0)) wake()
      })
    }
    this.ended = this.#outcome(command)
    this.ended.catch(() => undefined)
  }

  /** Lets it stand by until the bench ends, and ends it then; it does not keep the bench alive. */
  standBy(): this {
    const { process: child } = this
    child.unref()
    for (const stream of [child.stdout, child.stderr]) (stream as Socket | null)?.unref()
    process.once('exit', () => child.kill('SIGKILL'))
    return this
  }

  /** What `pattern` finds in what the program says, now or later. */
  async says(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#said)
      if (found !== null) return found[1] ?? found[0]
      if (this.process.exitCode !== null) throw new Error(`it never said ${pattern}: ${this.#said}`)
      await Promise.race([new Promise<void>((wake) => this.#watchers.push(wake)), this.ended])
    }
  }

  async #outcome(command: readonly string[]): Promise<void> {
    const [code, signal] = (await once(this.process, 'close')) as [number | null, string | null]
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code ?? signal}: ${this.#said}`)
  }
}

/** Why a program cannot be started; undefined if it can. */
export function programMissing(program: string): string | undefined {
  const { status } = spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
  return status === 0 ? undefined : `there is no ${program}`
}

/** A port of TCP that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, 'close')
  return port
}
