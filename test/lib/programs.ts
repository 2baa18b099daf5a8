/**
 * Programs that nobody here wrote, as the other side of a test: whether they are there, and a run of one.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createServer } from 'node:net'

/** True if a program is there. */
export function hasProgram(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A program that runs. Disposing of it kills it. */
export interface RunningProgram extends AsyncDisposable {
  readonly process: ChildProcess
  /** What it has printed, with its errors. */
  readonly output: Buffer
  /** What it has printed, as text. */
  text(): string
  /** Gives it all of its input, and the end of it. */
  feed(input: Uint8Array | string): void
  /** Settles with its exit code; null if a signal ended it, or it could not be started. */
  readonly ended: Promise<number | null>
}

/** Starts a program. */
export function runProgram(program: string, args: readonly string[]): RunningProgram {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  const pieces: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => pieces.push(data))
  // It may go before it has read everything.
  child.stdin.on('error', () => undefined)
  const ended = new Promise<number | null>((done) => {
    child.once('close', done)
    child.once('error', () => done(null))
  })
  return {
    process: child,
    get output() {
      return Buffer.concat(pieces)
    },
    text: () => Buffer.concat(pieces).toString('latin1'),
    feed: (input) => child.stdin.end(input),
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** A port of TCP that nobody listens on. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, host, done))
  const { port } = server.address() as { readonly port: number }
  await new Promise((done) => server.close(done))
  return port
}
