/**
 * Contexts and meetings for tests of commands, without a process and without a network but loopback.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { VIPSocketPeer } from '@vio/io'
import { NodeHost, VReactor, VSystemRandom } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { type VUDPSharedOptions, VUDPTransport, type VUDPTransportOptions } from '@vio/vudp'
import { afterEach } from 'vitest'
import { runVut, type VCliContext, type VCliEvent, type VMeeter } from '../../packages/cli/src/index.js'

/** Keeps what is written. */
export class Sink extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8')
    done()
  }
}

/** A context of buffers. */
export interface TestContext extends VCliContext {
  readonly stdin: PassThrough
  readonly stdout: Sink
  readonly stderr: Sink
  /** What the signal handlers of a process do. */
  readonly interrupt: AbortController
}

const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

/** Runs after the test, the last one first. */
export function atEnd(cleanup: () => void): void {
  cleanups.push(cleanup)
}

/** A folder that is gone after the test. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vut-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A context on a reactor of its own, which is stopped after the test. */
export function testContext(changes: Partial<VCliContext> = {}): TestContext {
  const reactor = new VReactor({ host: new NodeHost() })
  reactor.start()
  cleanups.push(() => reactor.stop())
  const interrupt = new AbortController()
  return {
    stdin: new PassThrough(),
    stdout: new Sink(),
    stderr: new Sink(),
    interrupt,
    env: { XDG_CONFIG_HOME: '/nonexistent' },
    folder: '/nonexistent',
    terminals: { stdin: false, stdout: false, stderr: false },
    columns: () => 80,
    signal: interrupt.signal,
    reactor,
    random: new VSystemRandom(),
    ...changes,
  } as TestContext
}

/** Two meeters whose meetings are the two ends of one VUT connection over loopback. `vut`: what they differ in from others. */
export async function pairMeeters(
  a: VCliContext,
  b: VCliContext,
  vut: Partial<VUDPSharedOptions> = {},
): Promise<[VMeeter, VMeeter]> {
  const sockets = [await bindLoopback(), await bindLoopback()] as const
  const secrets = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as const
  const meeterOf =
    (context: VCliContext, own: 0 | 1): VMeeter =>
    async (request) => {
      const options: VUDPTransportOptions = {
        ...request.transport,
        ...vut,
        socket: sockets[own],
        peer: new VIPSocketPeer('127.0.0.1', sockets[own === 0 ? 1 : 0].localPeer.port),
        secret: secrets[own],
        peerSecret: secrets[own === 0 ? 1 : 0],
      }
      const transport = new VUDPTransport(context.reactor, options)
      await transport.whenConnected
      request.onEvent({ type: 'path', kind: 'direct', family: 4, rttMs: 0.2 })
      return { transport, close: async () => undefined }
    }
  return [meeterOf(a, 0), meeterOf(b, 1)]
}

async function bindLoopback(): Promise<VDatagramSocket> {
  const socket = await VDatagramSocket.bind({ host: '127.0.0.1', port: 0 })
  cleanups.push(() => socket.close())
  return socket
}

/** What two command lines did to each other. */
export interface PairRun {
  readonly codes: readonly [number, number]
  readonly contexts: readonly [TestContext, TestContext]
}

/** Runs two command lines against each other. Both name a relay that nobody asks. */
export async function runPair(
  a: readonly string[],
  b: readonly string[],
  changes: readonly [Partial<VCliContext>, Partial<VCliContext>] = [{}, {}],
): Promise<PairRun> {
  const [one, two] = [testContext(changes[0]), testContext(changes[1])]
  const [meetOne, meetTwo] = await pairMeeters(one, two)
  const relay = ['--relay', 'unused.example']
  const codes = await Promise.all([
    runVut([...a, ...relay], { ...one, meeter: meetOne }),
    runVut([...b, ...relay], { ...two, meeter: meetTwo }),
  ])
  return { codes, contexts: [one, two] }
}

/** The events that `--json` has told. */
export function eventsOf(context: TestContext): (VCliEvent & { v: number; t: number })[] {
  return context.stderr.text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as VCliEvent & { v: number; t: number })
}
