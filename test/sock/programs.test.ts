/**
 * Programs that nobody here wrote talk with our sockets, and our sockets with them: socat, nc, curl, Python.
 */
import { VByteBuffer, VIPSocketPeer, VUnixSocketPeer } from '@vio/io'
import { VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VFIOCompleted, VFIOLost } from '@vio/reactor'
import {
  connectTCP,
  connectUnix,
  listenTCP,
  listenUnix,
  type VClientSocketAgent,
  VDatagramAgent,
  VDatagramSocket,
  type VTransport,
} from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freePort, hasProgram, runProgram } from '../lib/programs.js'
import { skipUnless } from '../lib/skip.js'
import { eventually } from './support/net-rig.js'
import { freeUnixPath, LOOPBACK, NET_KINDS, type NetKind } from './support/places.js'
import { startReactor } from './support/reactor.js'
import { TRANSPORTS } from './support/transports.js'

const HAS_SOCAT = hasProgram('socat')
const HAS_CURL = hasProgram('curl')
const HAS_PYTHON = hasProgram('python3')
/** Only the netcat of OpenBSD closes its output when told, by -N. */
const HAS_NC = hasProgram('nc') && (await helpOfNc()).includes('-N')
const WAIT_MS = 15_000

const PATTERN = Buffer.from(Uint8Array.from({ length: 1_000_003 }, (_, at) => (at * 7 + (at >> 8)) & 0xff))

async function helpOfNc(): Promise<string> {
  await using program = runProgram('nc', ['-h'])
  await program.ended
  return program.text().includes('Shutdown the network socket') ? '-N' : ''
}

/** Where a server of ours, or a program, listens. */
interface Place {
  readonly peer: VIPSocketPeer | VUnixSocketPeer
  /** As socat names it, connecting and listening. */
  readonly connect: string
  readonly listen: string
}

function placeOf(peer: VIPSocketPeer | VUnixSocketPeer): Place {
  if (peer instanceof VUnixSocketPeer) {
    return { peer, connect: `UNIX-CONNECT:${peer.path}`, listen: `UNIX-LISTEN:${peer.path}` }
  }
  const [family, host] = peer.ipVersion === 6 ? ['6', `[${peer.host}]`] : ['4', peer.host]
  const listen = `TCP${family}-LISTEN:${peer.port},bind=${host},reuseaddr`
  return { peer, connect: `TCP${family}:${host}:${peer.port}`, listen }
}

async function freePlace(kind: NetKind): Promise<Place> {
  if (kind === 'unix') return placeOf(new VUnixSocketPeer(freeUnixPath()))
  return placeOf(new VIPSocketPeer(LOOPBACK[kind], await freePort(LOOPBACK[kind])))
}

/** A server of ours that does with each connection what it is told. */
async function serving(
  kind: NetKind,
  transport: VTransport,
  handler: (agent: VClientSocketAgent) => void,
): Promise<Place> {
  const { reactor } = startReactor()
  const options = { transport }
  const listener =
    kind === 'unix'
      ? await listenUnix(reactor, freeUnixPath(), handler, options)
      : await listenTCP(reactor, { host: LOOPBACK[kind], port: 0 }, handler, options)
  onTestFinished(async () => void (await listener.drain(0)))
  return placeOf(listener.address as VIPSocketPeer | VUnixSocketPeer)
}

/** What comes back on a connection is what came in on it. */
const echo = (agent: VClientSocketAgent): void => {
  agent.byteProduce.attach(agent.byteConsume)
}

interface Ends {
  readonly agent: VClientSocketAgent
  readonly sink: VProbeConsumer
  readonly source: VProbeProducer
}

function endsOn(agent: VClientSocketAgent): Ends {
  const sink = new VProbeConsumer({ grantAtAttach: null })
  const source = new VProbeProducer({ reactor: agent.reactor })
  agent.byteProduce.attach(sink)
  agent.byteConsume.attach(source)
  return { agent, sink, source }
}

/** Connects to a program that may not listen yet. */
async function reaching({ peer }: Place, transport: VTransport): Promise<Ends> {
  const { reactor } = startReactor()
  for (let attempt = 0; ; attempt += 1) {
    try {
      const agent = await (peer instanceof VUnixSocketPeer
        ? connectUnix(reactor, peer.path, { transport })
        : connectTCP(reactor, { host: peer.host, port: peer.port }, { transport }))
      onTestFinished(() => agent.reset())
      return endsOn(agent)
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((done) => setTimeout(done, 50))
    }
  }
}

describe.each(TRANSPORTS)('over sockets of %s', (transport) => {
  describe.each(NET_KINDS)('socat on %s', (kind) => {
    it('as a client gets back all that it sends, though it ends its side first', async (context) => {
      skipUnless(context, HAS_SOCAT, 'there is no socat')
      const place = await serving(kind, transport, echo)
      await using socat = runProgram('socat', ['-t', '30', '-', place.connect])
      socat.feed(PATTERN)
      expect(await socat.ended).toBe(0)
      expect(socat.output.equals(PATTERN)).toBe(true)
    })

    it('as a server gives us back all that we send, and an end behind it', async (context) => {
      skipUnless(context, HAS_SOCAT, 'there is no socat')
      const place = await freePlace(kind)
      await using socat = runProgram('socat', ['-t', '30', place.listen, 'EXEC:cat'])
      const { sink, source, agent } = await reaching(place, transport)
      source.feed(new VByteBuffer(PATTERN))
      source.end()
      await eventually(() => sink.ended !== null, WAIT_MS)
      expect(sink.received.pop().equals(PATTERN)).toBe(true)
      expect(sink.ended?.clean).toBe(true)
      expect(await socat.ended).toBe(0)
      await eventually(() => agent.endReason !== null, WAIT_MS)
      expect(agent.endReason).toBeInstanceOf(VFIOCompleted)
    })
  })

  describe('nc', () => {
    it('as a client and as a server passes everything on, and half closes', async (context) => {
      skipUnless(context, HAS_NC, 'there is no nc that can close its output (-N)')
      const echoing = await serving('tcp4', transport, echo)
      const { port } = echoing.peer as VIPSocketPeer
      await using client = runProgram('nc', ['-N', '127.0.0.1', String(port)])
      client.feed(PATTERN)
      expect(await client.ended).toBe(0)
      expect(client.output.equals(PATTERN)).toBe(true)

      const place = await freePlace('tcp4')
      const listenAt = String((place.peer as VIPSocketPeer).port)
      await using server = runProgram('nc', ['-N', '-l', '127.0.0.1', listenAt])
      server.feed('from nc')
      const { sink, source } = await reaching(place, transport)
      await eventually(() => sink.ended !== null, WAIT_MS)
      expect(sink.ended?.clean).toBe(true)
      expect(sink.received.pop().toString()).toBe('from nc')
      source.feed(new VByteBuffer(PATTERN))
      source.end()
      expect(await server.ended).toBe(0)
      expect(server.output.equals(PATTERN)).toBe(true)
    })
  })

  describe('curl', () => {
    it.for(['tcp4', 'unix'] as const)('gets a page of a server on %s', async (kind, context) => {
      skipUnless(context, HAS_CURL, 'there is no curl')
      const seen: Ends[] = []
      const { peer } = await serving(kind, transport, (agent) => void seen.push(endsOn(agent)))
      const where = peer instanceof VUnixSocketPeer ? ['--unix-socket', peer.path] : []
      const port = peer instanceof VUnixSocketPeer ? 80 : peer.port
      await using curl = runProgram('curl', ['-sS', '--http1.1', ...where, `http://127.0.0.1:${port}/page`])
      await eventually(() => (seen[0]?.sink.received.length ?? 0) > 10, WAIT_MS)
      expect(seen[0]?.sink.received.pop().toString()).toMatch(/^GET \/page HTTP\/1\.1\r\n/)
      seen[0]?.source.feed(new VByteBuffer(Buffer.from('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n')))
      seen[0]?.source.feed(new VByteBuffer(PATTERN))
      seen[0]?.source.end()
      expect(await curl.ended).toBe(0)
      expect(curl.output.equals(PATTERN)).toBe(true)
    })
  })

  describe('Python', () => {
    it.for(['close', 'reset', 'die'] as const)('as a server that ends with a %s', async (how, context) => {
      skipUnless(context, HAS_PYTHON, 'there is no python3')
      const place = await freePlace('tcp4')
      const { port } = place.peer as VIPSocketPeer
      await using python = runProgram('python3', ['-c', PYTHON_SERVER, String(port), how])
      const { agent, sink, source } = await reaching(place, transport)
      source.feed(new VByteBuffer(Buffer.from('go!')))
      await eventually(() => sink.ended !== null || sink.closed, WAIT_MS)
      await python.ended
      expect(sink.ended?.clean ?? false).toBe(how === 'close')
      if (how === 'close') {
        expect(sink.received.pop().toString()).toBe('!og')
        return
      }
      await eventually(() => agent.endReason !== null, WAIT_MS)
      expect(agent.endReason).toBeInstanceOf(VFIOLost)
      expect(agent.endReason?.value).toMatchObject({ code: 'ECONNRESET' })
    })
  })
})

describe('Python, over UDP', () => {
  it('gets its datagrams back', async (context) => {
    skipUnless(context, HAS_PYTHON, 'there is no python3')
    const socket = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const agent = new VDatagramAgent(startReactor().reactor, socket)
    onTestFinished(() => socket.close())
    agent.messageProduce.attach(agent.messageConsume)
    const { port } = socket.localPeer
    await using python = runProgram('python3', ['-c', PYTHON_DATAGRAMS, String(port)])
    expect(await python.ended).toBe(0)
    expect(python.text().trim()).toBe('one;two')
  })
})

const PYTHON_SERVER = `
import os, signal, socket, struct, sys
s = socket.create_server(('127.0.0.1', int(sys.argv[1])))
k = s.accept()[0]
data = b''
while not data.endswith(b'!'):
    data += k.recv(65536)
if sys.argv[2] == 'close':
    k.sendall(data[::-1])
    k.shutdown(socket.SHUT_WR)
else:
    k.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
if sys.argv[2] == 'die':
    os.kill(os.getpid(), signal.SIGKILL)
k.close()
`

const PYTHON_DATAGRAMS = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
answers = []
for word in (b'one', b'two'):
    s.sendto(word, ('127.0.0.1', int(sys.argv[1])))
    answers.append(s.recv(2000).decode())
print(';'.join(answers))
`
