/**
 * The built command as processes, and a relay in this one.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { VRelayHost, type VRelayQuotas } from '@vio/nat'
import { VReactor } from '@vio/reactor'
import { afterAll, afterEach } from 'vitest'
import type { VCliEvent } from '../../packages/cli/src/index.js'

/** What `vut` runs. */
export const MAIN: string = fileURLToPath(new URL('../../packages/cli/dist/main.js', import.meta.url))

const running = new Set<ChildProcess>()
/** Those that last as long as the file. */
const lasting = new Set<ChildProcess>()
const relays: { host: VRelayHost; reactor: VReactor }[] = []

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

afterAll(async () => {
  for (const child of lasting) child.kill('SIGKILL')
  for (const { host, reactor } of relays.splice(0)) {
    await host.drain(0)
    reactor.stop()
  }
})

/** A relay on loopback; its address. Ended after the file. `limits`: where it is to allow less. */
export async function startRelay(limits: VRelayQuotas = {}): Promise<string> {
  const reactor = new VReactor()
  reactor.start()
  // Everybody here has one address: what a relay allows one of them is not enough for a file of tests.
  const quotas = { entersPerMinute: 10_000, maxEntersAtOnce: 10_000, ...limits }
  const host = new VRelayHost(reactor, { host: '127.0.0.1', port: 0, otherPort: 0, quotas })
  await host.listen()
  relays.push({ host, reactor })
  return `127.0.0.1:${host.address?.port}`
}

/** A process of the command. */
export interface Vut {
  readonly child: ChildProcess
  /** What it has told with `--json`, so far. */
  readonly events: VCliEvent[]
  out: string
  err: string
  /** Waits for an event, one that was there included. Rejects if it ends without. */
  until(wanted: (event: VCliEvent) => boolean): Promise<VCliEvent>
  /** Its exit code; 128 and more for a signal. */
  readonly ended: Promise<number>
}

const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

/** Where and how `vut` runs. */
export interface VutOptions {
  readonly cwd: string
  readonly env?: Record<string, string>
  /** What a shell does before it becomes it. */
  readonly shell?: string
  /** True for a process that goes on behind the test that began it, until the end of the file. */
  readonly lasts?: boolean
  /** Another file than `MAIN`. */
  readonly main?: string
}

/** Starts `vut`. */
export function vut(args: readonly string[], options: VutOptions): Vut {
  const { PATH = '' } = process.env
  const line = [process.execPath, options.main ?? MAIN, ...args]
  const [program = '', ...rest] =
    options.shell === undefined ? line : ['sh', '-c', `${options.shell}; exec "$@"`, 'sh', ...line]
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: { PATH, HOME: options.cwd, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const group = options.lasts ? lasting : running
  group.add(child)
  let wake: (() => void)[] = []
  const changed = (): void => {
    const all = wake
    wake = []
    for (const each of all) each()
  }
  let exited = false
  const ended = new Promise<number>((resolve) => {
    child.once('close', (code, signal) => {
      group.delete(child)
      exited = true
      resolve(code ?? 128 + (SIGNALS[signal ?? ''] ?? 0))
      changed()
    })
  })
  const self: Vut = {
    child,
    events: [],
    out: '',
    err: '',
    ended,
    until: async (wanted) => {
      for (;;) {
        const found = self.events.find(wanted)
        if (found !== undefined) return found
        if (exited) throw new Error(`it ended without: ${self.err}`)
        await new Promise<void>((resolve) => wake.push(resolve))
      }
    },
  }
  let rest_ = ''
  child.stdout?.on('data', (bytes: Buffer) => {
    self.out += bytes.toString('utf8')
  })
  child.stderr?.on('data', (bytes: Buffer) => {
    self.err += bytes.toString('utf8')
    const lines = (rest_ + bytes.toString('utf8')).split('\n')
    rest_ = lines.pop() ?? ''
    for (const text of lines) if (text.startsWith('{')) self.events.push(JSON.parse(text) as VCliEvent)
    changed()
  })
  return self
}

/** The code that a process shows. */
export async function codeOf(process: Vut): Promise<string> {
  const event = await process.until(({ type }) => type === 'code')
  return event.type === 'code' ? event.code : ''
}

/** The error that a process told. */
export function errorOf(process: Vut): string {
  const event = process.events.find(({ type }) => type === 'error')
  return event?.type === 'error' ? event.what : ''
}
