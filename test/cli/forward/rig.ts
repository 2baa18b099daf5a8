/**
 * Two forwarders over a VUT connection on loopback, and servers and clients to stand behind them.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { VIPSocketPeer } from '@vio/io'
import { VReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { VUDPTransport } from '@vio/vudp'
import { afterEach } from 'vitest'
import { AllowList } from '../../../packages/cli/src/forward/allow.js'
import type { ForwardEvent, ForwardListening } from '../../../packages/cli/src/forward/events.js'
import { Forwarder, type ForwarderOptions } from '../../../packages/cli/src/forward/forwarder.js'
import { parseForward } from '../../../packages/cli/src/forward/spec.js'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Runs when the test is over, the last one first. */
export function afterwards(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

/** Waits until something holds. */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  for (let round = 0; round < 2000; round += 1) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`${what} did not come to hold`)
}

/** One side. */
export interface Side {
  readonly forwarder: Forwarder
  readonly transport: VUDPTransport
  readonly events: ForwardEvent[]
  /** Settles with how `run` went: null, or what it rejected with. */
  readonly ended: Promise<unknown>
  readonly interrupt: AbortController
}

/** A side that asks for forwards, written as on the command line, and what it allows. */
export interface SideSpec {
  readonly forwards?: readonly (readonly ['-L' | '-R' | '-D' | '-U', string])[]
  readonly allow?: readonly string[]
  readonly limits?: ForwarderOptions['limits']
}

/** Two sides, connected, their listeners in place. */
export interface Pair {
  readonly reactor: VReactor
  readonly near: Side
  readonly far: Side
  /** Where the n-th forward of the near side listens. */
  port(index?: number): number
}

const SECRETS = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as const

/** Makes two sides. The near one asks, the far one allows this machine itself unless it says otherwise. */
export async function pairOf(near: SideSpec, far: SideSpec = {}): Promise<Pair> {
  const reactor = new VReactor()
  reactor.start()
  const sockets = [await bind(), await bind()] as const
  const specs = [near, { allow: ['localhost', 'listen:localhost'], ...far }] as const
  const sides: Side[] = []
  for (const own of [0, 1] as const) sides.push(await sideOf(reactor, specs[own], own, sockets))
  const [one, two] = sides as [Side, Side]
  afterwards(async () => {
    one.interrupt.abort(new Error('the test is over'))
    two.interrupt.abort(new Error('the test is over'))
    await Promise.all([one.ended, two.ended])
    for (const { transport } of sides) transport.sock.close()
    reactor.stop()
  })
  await Promise.race([
    until(() => listening(one) !== undefined, 'all listeners'),
    Promise.all([one.ended, two.ended]),
  ])
  return { reactor, near: one, far: two, port: (index = 0) => portOf(one, near, index) }
}

async function sideOf(
  reactor: VReactor,
  { forwards = [], allow = [], limits }: SideSpec,
  own: 0 | 1,
  sockets: readonly [VDatagramSocket, VDatagramSocket],
): Promise<Side> {
  const events: ForwardEvent[] = []
  const forwarder = new Forwarder(reactor, {
    specs: forwards.map(([flag, text]) => parseForward(flag, text)),
    allow: new AllowList(allow),
    tell: (event) => events.push(event),
    ...(limits === undefined ? {} : { limits }),
  })
  await forwarder.listen()
  const other = own === 0 ? 1 : 0
  const transport = new VUDPTransport(reactor, {
    ...forwarder.wishes,
    socket: sockets[own],
    peer: new VIPSocketPeer('127.0.0.1', sockets[other].localPeer.port),
    secret: SECRETS[own],
    peerSecret: SECRETS[other],
  })
  const interrupt = new AbortController()
  const ended = forwarder.run(transport, interrupt.signal).then(
    () => null,
    (error: unknown) => error,
  )
  return { forwarder, transport, events, ended, interrupt }
}

function listening({ events }: Side): readonly ForwardListening[] | undefined {
  return events.find((event) => event.type === 'ready')?.listening
}

function portOf(side: Side, spec: SideSpec, index: number): number {
  const [flag, text] = (spec.forwards ?? [])[index] ?? ['-D', '']
  const wanted = JSON.stringify(parseForward(flag, text))
  const found = listening(side)?.find((each) => JSON.stringify(each.spec) === wanted)
  return Number(/:(\d+)(\/udp)?$/.exec(found?.at ?? '')?.[1])
}

async function bind(): Promise<VDatagramSocket> {
  return await VDatagramSocket.bind({ host: '127.0.0.1', port: 0 })
}

/** A server on loopback, or on a path. */
export async function serve(
  onClient: (socket: Socket) => void,
  at: { path: string } | { port: 0 } = { port: 0 },
): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    sockets.add(socket)
    onClient(socket)
  })
  const sockets = new Set<Socket>()
  server.listen('path' in at ? at : { host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  afterwards(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A server that gives back what it is sent. */
export function echo(at: { path: string } | { port: 0 } = { port: 0 }): Promise<number> {
  return serve((socket) => socket.pipe(socket), at)
}

/** A client that is connected. */
export async function client(to: number | string): Promise<Socket> {
  const socket = typeof to === 'string' ? connect({ path: to }) : connect({ host: '127.0.0.1', port: to })
  socket.allowHalfOpen = true
  socket.on('error', () => undefined)
  afterwards(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** All that comes, and how it ended. */
export async function readAll(socket: Socket): Promise<{ bytes: Buffer; clean: boolean }> {
  const pieces: Buffer[] = []
  let clean = false
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  socket.on('end', () => {
    clean = true
  })
  if (!socket.closed && !socket.readableEnded)
    await new Promise<void>((done) => {
      socket.once('end', done)
      socket.once('close', () => done())
    })
  return { bytes: Buffer.concat(pieces), clean }
}

/** Sends, ends, and reads all that comes back. */
export async function exchange(
  to: number | string,
  bytes: Uint8Array,
): Promise<{ bytes: Buffer; clean: boolean }> {
  const socket = await client(to)
  const answer = readAll(socket)
  socket.end(bytes)
  return await answer
}

/** Bytes of which no two stretches are alike. */
export function noise(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  let state = 1
  for (let at = 0; at < sizeBytes; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}
