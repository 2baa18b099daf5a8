/**
 * A lab of namespaces with two hosts behind NATs and a public server: how it is built, changed and taken down, and how
 * the built `vut` command runs in it.
 *
 * Invariants: a lab has an id of its own, so that several can be there at once; it ends with this process, and what runs in
 * it ends with it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const NATLAB = join(import.meta.dirname, '../../lab/natlab')
const VUT = join(import.meta.dirname, '../../../packages/cli/dist/main.js')
const CANNOT_RUN = 77
const LIFE_S = 600

let made = 0

/** Why labs cannot be had on this machine; null if they can. */
export function labMissing(): string | null {
  if (process.platform !== 'linux') return 'the lab needs Linux'
  const { status, stderr } = spawnSync(NATLAB, ['check'], { encoding: 'utf8' })
  if (status === CANNOT_RUN || status === null) return `${stderr ?? 'natlab does not start'}`.trim()
  if (status !== 0) throw new Error(`the check of the lab failed: ${stderr}`)
  if (!existsSync(VUT)) throw new Error(`${VUT} is not there: run \`npm run build\` first`)
  return null
}

/** A host of a lab: the two peers, and the server that both reach. */
export type LabHost = 'A' | 'B' | 'S'

/** A line of `--json`. */
export interface LabEvent {
  readonly type: string
  /** When this process read it, in ms of its clock. */
  readonly at: number
  readonly [field: string]: unknown
}

/** The command as it runs on a host of a lab. */
export class LabVut {
  readonly process: ChildProcess
  readonly events: LabEvent[] = []
  /** What it wrote to stdout. */
  readonly output: Buffer[] = []
  /** Settles with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>
  #text = ''
  #line = ''
  #waiting: (() => void)[] = []
  #isOver = false

  constructor(command: readonly string[]) {
    const [file = '', ...args] = command
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.process = child
    child.stdin.on('error', () => undefined)
    child.stdout.on('data', (data: Buffer) => this.output.push(data))
    child.stderr.setEncoding('utf8').on('data', (data: string) => this.#take(data))
    this.ended = new Promise((done) => {
      child.once('error', (error) => done(error.message))
      child.once('close', (code, signal) => {
        this.#isOver = true
        this.#wake()
        done(code ?? signal ?? 'gone')
      })
    })
  }

  /** Everything it said, for messages. */
  get said(): string {
    return this.#text
  }

  /** All events of a type. */
  of(type: string): LabEvent[] {
    return this.events.filter((event) => event.type === type)
  }

  /** The first event that `wanted` says yes to, now or later. @throws if the command ends without one */
  async event(what: string, wanted: (event: LabEvent) => boolean): Promise<LabEvent> {
    for (;;) {
      const found = this.events.find(wanted)
      if (found !== undefined) return found
      if (this.#isOver) throw new Error(`the command ended without ${what}: ${this.#text}`)
      await new Promise<void>((done) => this.#waiting.push(done))
    }
  }

  #take(data: string): void {
    this.#text += data
    const lines = `${this.#line}${data}`.split('\n')
    this.#line = lines.pop() ?? ''
    for (const line of lines) {
      if (line.startsWith('{')) this.events.push({ ...JSON.parse(line), at: performance.now() } as LabEvent)
    }
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** A lab that is up. */
export class NatLab implements AsyncDisposable {
  readonly #id: string
  readonly #running: LabVut[] = []
  /** The public addresses of the server. */
  readonly serverHosts: readonly string[]

  /** Builds it; `options` are those of `natlab up`. */
  constructor(options: readonly string[]) {
    made += 1
    this.#id = `vut-${process.pid}-${made}`
    const owner = ['--owner', String(process.pid), '--ttl', String(LIFE_S)]
    const about = JSON.parse(natlab(['up', '--id', this.#id, ...owner, ...options])) as {
      readonly S: { readonly addrs: readonly string[] }
    }
    this.serverHosts = about.S.addrs
  }

  /** Runs `vut` with arguments on a host. */
  vut(host: LabHost, ...args: readonly string[]): LabVut {
    const running = new LabVut([NATLAB, '-i', this.#id, 'exec', host, '--', process.execPath, VUT, ...args])
    this.#running.push(running)
    return running
  }

  /** Calls `natlab` for this lab: `rebind A`, `link core loss=100%`. */
  change(...args: readonly string[]): void {
    natlab(['-i', this.#id, ...args])
  }

  /** Ends what runs in it, and takes it down. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process: child } of this.#running) child.kill('SIGKILL')
    await Promise.all(this.#running.map(({ ended }) => ended))
    natlab(['-i', this.#id, 'down'])
  }
}

function natlab(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(NATLAB, args, { encoding: 'utf8', timeout: 30_000 })
  if (status !== 0) throw new Error(`natlab ${args.join(' ')} ended with ${status}: ${stderr}`)
  return stdout
}
