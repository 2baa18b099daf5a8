/**
 * Datagrams through a forward, and SOCKS clients of both kinds.
 */
import { createSocket, type Socket as UDPSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { afterwards, client, echo, noise, pairOf, readAll, until } from './rig.js'

async function udp(onMessage?: (bytes: Buffer, socket: UDPSocket, port: number) => void): Promise<UDPSocket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  afterwards(() => socket.close())
  if (onMessage !== undefined) socket.on('message', (bytes, { port }) => onMessage(bytes, socket, port))
  return socket
}

/** Gives each datagram back with a word before it. */
async function udpEcho(): Promise<{ port: number; seen: Set<number> }> {
  const seen = new Set<number>()
  const socket = await udp((bytes, own, port) => {
    seen.add(port)
    own.send(Buffer.concat([Buffer.from('re:'), bytes]), port, '127.0.0.1')
  })
  return { port: socket.address().port, seen }
}

/** Sends until an answer comes, as datagrams may be lost. */
async function ask(socket: UDPSocket, port: number, bytes: Buffer): Promise<Buffer> {
  const answers: Buffer[] = []
  const take = (answer: Buffer): void => void answers.push(answer)
  socket.on('message', take)
  for (let round = 0; round < 100 && answers.length === 0; round += 1) {
    socket.send(bytes, port, '127.0.0.1')
    await until(() => answers.length > 0 || socket.listenerCount('message') === 0).catch(() => undefined)
  }
  socket.off('message', take)
  return answers[0] ?? Buffer.alloc(0)
}

describe('vut forward -L .../udp', () => {
  it('carries datagrams of any size both ways, each client by a flow of its own', async () => {
    const server = await udpEcho()
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${server.port}/udp`]] })
    const [one, two] = [await udp(), await udp()]
    for (const sizeBytes of [0, 1, 1000, 9000, 60_000]) {
      const bytes = noise(sizeBytes)
      const answer = await ask(one, pair.port(), bytes)
      expect(answer.equals(Buffer.concat([Buffer.from('re:'), bytes]))).toBe(true)
    }
    expect(String(await ask(two, pair.port(), Buffer.from('two')))).toBe('re:two')
    expect(server.seen.size).toBe(2)
  })

  it('ends a flow that is silent, and begins a new one for who speaks again', async () => {
    const server = await udpEcho()
    const pair = await pairOf({
      forwards: [['-L', `0:127.0.0.1:${server.port}/udp`]],
      limits: { flowIdleMs: 400 },
    })
    const socket = await udp()
    expect(String(await ask(socket, pair.port(), Buffer.from('a')))).toBe('re:a')
    await until(() => pair.near.events.some(({ type }) => type === 'closed'), 'the end of the flow')
    expect(String(await ask(socket, pair.port(), Buffer.from('b')))).toBe('re:b')
    expect(server.seen.size).toBe(2)
  })

  it('makes way for a new flow where there are too many', async () => {
    const server = await udpEcho()
    const pair = await pairOf({
      forwards: [['-L', `0:127.0.0.1:${server.port}/udp`]],
      limits: { maxFlows: 2 },
    })
    for (let at = 0; at < 4; at += 1) {
      const socket = await udp()
      expect(String(await ask(socket, pair.port(), Buffer.from([48 + at])))).toBe(`re:${at}`)
    }
    await until(() => pair.near.events.filter(({ type }) => type === 'closed').length === 2)
  })

  it('listens on the other side as well, and refuses what is not allowed', async () => {
    const server = await udpEcho()
    const pair = await pairOf({ forwards: [['-R', `0:127.0.0.1:${server.port}/udp`]] })
    expect(String(await ask(await udp(), pair.port(), Buffer.from('x')))).toBe('re:x')
    const other = await pairOf({ forwards: [['-L', '0:192.0.2.1:53/udp']] })
    const socket = await udp()
    socket.send('x', other.port(), '127.0.0.1')
    await until(() => other.far.events.some(({ type }) => type === 'refused'))
    expect(other.far.events).toContainEqual({
      type: 'refused',
      what: '192.0.2.1:53/udp',
      rule: 'udp:192.0.2.1:53',
    })
  })
})

async function greet(port: number): Promise<Socket> {
  const socket = await client(port)
  socket.write(Buffer.from([5, 1, 0]))
  const [reply] = (await once(socket, 'data')) as [Buffer]
  expect([...reply]).toEqual([5, 0])
  return socket
}

function requestTo(host: string, port: number, command = 1): Buffer {
  const head = [5, command, 0, 3, host.length]
  return Buffer.concat([Buffer.from(head), Buffer.from(host), Buffer.from([port >> 8, port & 255])])
}

describe('vut forward -D', () => {
  it('connects a SOCKS client to a name, with bytes right behind its request', async () => {
    const port = await echo()
    const pair = await pairOf({ forwards: [['-D', '0']] })
    const socket = await greet(pair.port())
    const answer = readAll(socket)
    socket.write(Buffer.concat([requestTo('localhost', port), Buffer.from('early ')]))
    socket.end('late')
    const { bytes, clean } = await answer
    expect([...bytes.subarray(0, 4)]).toEqual([5, 0, 0, 1])
    expect([String(bytes.subarray(10)), clean]).toEqual(['early late', true])
  })

  it.each([
    ['not allowed', '192.0.2.1', 80, 2],
    ['not there', '127.0.0.1', 1, 5],
    ['not a host', 'no host', 80, 1],
  ])('tells a client that its target is %s', async (_, host, port, code) => {
    const pair = await pairOf({ forwards: [['-D', '0']] })
    const socket = await greet(pair.port())
    const answer = readAll(socket)
    socket.write(requestTo(host, port))
    const { bytes, clean } = await answer
    expect([bytes[1], clean]).toEqual([code, true])
  })

  it('lets go of a client that speaks HTTP or nothing', async () => {
    const pair = await pairOf({ forwards: [['-D', '0']], limits: { requestTimeoutMs: 100 } })
    const [http, silent] = [await client(pair.port()), await client(pair.port())]
    http.write('GET / HTTP/1.1\r\n\r\n')
    await Promise.all([readAll(http), readAll(silent)])
    const failures = pair.near.events.flatMap((event) =>
      event.type === 'failed' ? [event.error.message] : [],
    )
    expect(failures.join()).toMatch(/speaks HTTP/)
    expect(failures.join()).toMatch(/no sign of a SOCKS request within 100 ms/)
  })

  it('carries datagrams of a SOCKS client, as long as its connection is there', async () => {
    const server = await udpEcho()
    const pair = await pairOf({ forwards: [['-D', '0']] })
    const socket = await greet(pair.port())
    socket.write(requestTo('127.0.0.1', 0, 3))
    const [reply] = (await once(socket, 'data')) as [Buffer]
    expect([...reply.subarray(0, 8)]).toEqual([5, 0, 0, 1, 127, 0, 0, 1])
    const head = Buffer.from([0, 0, 0, 1, 127, 0, 0, 1, server.port >> 8, server.port & 255])
    const own = await udp()
    const answer = await ask(own, reply.readUInt16BE(8), Buffer.concat([head, Buffer.from('ping')]))
    expect(answer.equals(Buffer.concat([head, Buffer.from('re:ping')]))).toBe(true)
    socket.destroy()
    await until(() => pair.near.events.some(({ type }) => type === 'closed'), 'the end of the flow')
  })
})
