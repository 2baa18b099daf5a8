/**
 * The built `vut` command as it runs on a host of the lab, and what it tells by `--json`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { LabHost, NatLab } from '../../lib/nat-lab.js'

/** What has to be built, below the root. */
export const VUT = 'packages/cli/dist/main.js'

/** A line of `--json`. */
export interface LabEvent {
  readonly type: string
  /** When it was told, in ms since the command began. */
  readonly t: number
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

  constructor(lab: NatLab, host: LabHost, ...options: readonly string[]) {
    const vut = join(import.meta.dirname, '../../..', VUT)
    const [file, ...args] = lab.command(host, process.execPath, vut, ...options)
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
      if (line.startsWith('{')) this.events.push(JSON.parse(line) as LabEvent)
    }
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
