/**
 * What a listener knows of the connections it has handed out, and what a connection of Node's sockets keeps.
 */
import { connect, Socket } from 'node:net'
import { VFIOCompleted, VIPSocketPeer } from '@vio/io'
import { VClientSocketAgent, VTCPClientSocketAgent, VTCPListeningSocket } from '@vio/sock'
import { expect, it, onTestFinished } from 'vitest'
import { OpenConnections } from '../../packages/sock/src/open-connections.js'
import { connected, eventually, listening, loopRounds } from './support/net-rig.js'
import { startReactor } from './support/reactor.js'

function openConnections(count: number) {
  let changes = 0
  const open = new OpenConnections(() => (changes += 1))
  const sockets = Array.from({ length: count }, () => new Socket())
  const clients = sockets.map(() => new VClientSocketAgent(startReactor().reactor))
  for (const [at, socket] of sockets.entries()) {
    open.add(socket)
    open.setClient(socket, clients[at] ?? null)
  }
  return { open, sockets, clients, changes: () => changes }
}

it('each leaves the list with its client, and the others stay with theirs', async () => {
  const { open, sockets, clients, changes } = openConnections(4)
  for (const [gone, left] of [
    [1, [0, 3, 2]],
    [0, [2, 3]],
    [3, [2]],
    [2, []],
  ] as const) {
    sockets[gone]?.destroy()
    await eventually(() => open.size === left.length)
    expect(open.list.map(({ socket }) => sockets.indexOf(socket as Socket))).toEqual(left)
    expect(open.list.map(({ client }) => clients.indexOf(client as VClientSocketAgent))).toEqual(left)
  }
  expect(changes()).toBe(4)
})

it('a client that is named for a connection that is gone belongs to nobody', async () => {
  const { open, sockets, clients } = openConnections(2)
  sockets[0]?.destroy()
  await eventually(() => open.size === 1)
  open.setClient(sockets[0] as Socket, clients[0] ?? null)
  expect(open.list).toEqual([{ socket: sockets[1], client: clients[1] }])
})

it('a socket that is let close alone is listened to at its end once, and keeps no name of the other side', async () => {
  const { peer, next, close } = await listening('tcp4')
  onTestFinished(close)
  const far = await connected(peer)
  onTestFinished(() => void far.destroy())
  const sock = await next()
  const agent = new VTCPClientSocketAgent(startReactor().reactor, sock)
  expect(sock.listenerCount('end')).toBe(1)
  expect((sock as { readonly _peername?: unknown })._peername).toBeUndefined()
  const other = new VIPSocketPeer('127.0.0.1', far.localPort ?? 0)
  expect(other.equals(agent.peer)).toBe(true)
  far.resetAndDestroy()
  await eventually(() => agent.endReason !== null)
  expect(other.equals(agent.peer)).toBe(true)
})

it('a socket whose output ends with its input keeps what Node does then', async () => {
  const { peer, next, close } = await listening('tcp4')
  onTestFinished(close)
  const sock = connect((peer as VIPSocketPeer).native)
  const far = await next()
  onTestFinished(() => void far.destroy())
  const agent = new VTCPClientSocketAgent(startReactor().reactor, sock)
  await eventually(() => agent.wasConnected)
  expect([sock.allowHalfOpen, sock.listenerCount('end')]).toEqual([false, 2])
  agent.reset()
})

it('a connection is handed out in the call that brings it, and one that has to wait is not', async () => {
  const { reactor } = startReactor()
  const built: VTCPClientSocketAgent[] = []
  const listener = new VTCPListeningSocket(reactor, null, {
    transport: 'net',
    maxConnections: 2,
    factory: ({ sock, peer }) => {
      const agent = new VTCPClientSocketAgent(reactor, sock, { peer })
      built.push(agent)
      return agent
    },
  })
  const peer = await listener.bind(new VIPSocketPeer('127.0.0.1', 0))
  listener.listen()
  onTestFinished(() => {
    listener.closeIO(new VFIOCompleted())
    for (const agent of built) agent.reset()
  })
  // A reactor that has yet to run for something else hands out when it does.
  await loopRounds()
  const counts: number[] = []
  listener.sock?.on('connection', () => counts.push(built.length))
  const clients = await Promise.all([1, 2, 3].map(() => connected(peer)))
  onTestFinished(() => {
    for (const client of clients) client.destroy()
  })
  await eventually(() => counts.length === 3)
  expect([counts, listener.waiting]).toEqual([[1, 2, 2], 1])
})
