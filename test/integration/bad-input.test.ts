/**
 * Wrong input to the ends of chains, as one table: each gets an error with a name and a code, and leaves nothing open.
 *
 * Each end's own tests look closer; here is what they all have in common.
 */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { VFIOLost, VIOError, VIOLost, VIPSocketPeer, VUnixSocketPeer } from '@vio/io'
import { VProbeConsumer } from '@vio/io/testing'
import { openDescriptor, openFile, openNamedPipe, openTTY, VPipeAgent } from '@vio/pipe'
import {
  type VClientParts,
  VClientSocketAgent,
  VDatagramSocket,
  VListeningSocket,
  VTLSClientContext,
  type VTLSClientSocketAgent,
  VTLSListeningSocket,
  VTLSServerContext,
} from '@vio/sock'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nativeSocketsMissing } from '../../packages/sock/src/native-socket.js'
import { testCertificates } from '../lib/certificates.js'
import { skipUnless } from '../lib/skip.js'
import {
  makeFolder,
  openDescriptors,
  openPipe,
  quiet,
  type Running,
  reuse,
  runReactor,
  until,
} from '../pipe/support.js'

const missing = nativeSocketsMissing()
const certificates = await testCertificates()
const folder = makeFolder()
const { path } = folder
const file = join(path, 'file')
writeFileSync(file, 'x')
afterAll(() => folder.remove())

let running: Running
beforeEach(() => {
  running = runReactor()
})
afterEach(() => {
  expect(running.failures()).toEqual([])
  running.reactor.stop()
})

/** The code of an error: what the system says if it says something. */
function codeOf(error: unknown): string {
  expect(error instanceof VIOError || error instanceof VIOLost).toBe(true)
  const { name, message, code, systemCode } = error as (VIOError | VIOLost) & { systemCode?: string }
  expect(name).toMatch(/^V\w+$/)
  expect(message.length).toBeGreaterThan(10)
  return systemCode ?? code
}

/** What a call fails with, at once or later. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  throw new Error('nothing has failed')
}

/** Descriptors of every kind that may be wrong somewhere. */
interface Wrong {
  readonly closed: number
  readonly file: number
  readonly folder: number
  readonly reader: number
  readonly writer: number
}

type Case = readonly [what: string, code: string, call: (wrong: Wrong, running: Running) => unknown]

const DESCRIPTORS: readonly Case[] = [
  ['a closed descriptor as an end', 'EBADF', ({ closed }, { reactor }) => openDescriptor(reactor, closed)],
  [
    'a closed descriptor as a pipe',
    'EBADF',
    ({ closed }, { reactor }) => new VPipeAgent(reactor, closed, -1),
  ],
  [
    'a closed descriptor as a terminal',
    'ENOTTY',
    ({ closed: terminal }, { reactor }) => openTTY(reactor, { terminal }),
  ],
  ['a negative descriptor as an end', 'EBADF', (_, { reactor }) => openDescriptor(reactor, -1)],
  [
    'a negative descriptor as a pipe',
    'EBADF',
    ({ writer }, { reactor }) => new VPipeAgent(reactor, -7, writer),
  ],
  ['a negative descriptor as a terminal', 'ENOTTY', (_, { reactor }) => openTTY(reactor, { terminal: -1 })],
  ['a descriptor that is no number', 'EBADF', (_, { reactor }) => openDescriptor(reactor, '3' as never)],
  ['half a descriptor', 'EBADF', (_, { reactor }) => new VPipeAgent(reactor, 0.5, -1)],
  ['a file as a pipe', 'EINVAL', (wrong, { reactor }) => new VPipeAgent(reactor, wrong.file, -1)],
  ['a folder as an end', 'ENOTSUP', (wrong, { reactor }) => openDescriptor(reactor, wrong.folder)],
  ['a folder as a file', 'EISDIR', (_, { reactor }) => openFile(reactor, path)],
  ['a file as a named pipe', 'EINVAL', (_, { reactor }) => openNamedPipe(reactor, file, 'read')],
  ['a pipe as a terminal', 'ENOTTY', ({ reader: terminal }, { reactor }) => openTTY(reactor, { terminal })],
  [
    'the wrong end of a pipe to read',
    'EBADF',
    ({ writer }, { reactor }) => new VPipeAgent(reactor, writer, -1),
  ],
  [
    'the wrong end of a pipe to write',
    'EBADF',
    ({ reader }, { reactor }) => new VPipeAgent(reactor, -1, reader),
  ],
]

const HERE = new VIPSocketPeer('127.0.0.1', 0)
const ADDRESS = 'V_SOCK_ADDRESS'
const { server } = certificates

const ADDRESSES: readonly Case[] = [
  ['a port of 65536 to bind', ADDRESS, () => VDatagramSocket.bind({ host: '127.0.0.1', port: 65_536 })],
  [
    'a port of -1 to connect to',
    ADDRESS,
    (_, { reactor }) => new VClientSocketAgent(reactor).connectTo({ host: '127.0.0.1', port: -1 }),
  ],
  ['port 0 to connect to', ADDRESS, (_, { reactor }) => new VClientSocketAgent(reactor).connectTo(HERE)],
  ['a port that is text', ADDRESS, () => VDatagramSocket.bind({ host: '127.0.0.1', port: '80' as never })],
  [
    'a Unix path that is too long',
    ADDRESS,
    (_, { reactor }) => new VListeningSocket(reactor).bind(new VUnixSocketPeer(`/${'x'.repeat(200)}`)),
  ],
  [
    'an address of nobody here',
    'EADDRNOTAVAIL',
    (_, { reactor }) => new VListeningSocket(reactor).bind(new VIPSocketPeer('192.0.2.1', 0)),
  ],
]

const KEYS: readonly Case[] = [
  ['no key', 'V_TLS_NO_KEY', () => new VTLSServerContext({ cert: server.cert } as never)],
  ['no certificate', 'V_TLS_NO_CERTIFICATE', () => new VTLSServerContext({ key: server.key } as never)],
  [
    'the key of another certificate',
    'V_TLS_KEY_MISMATCH',
    () => new VTLSServerContext({ ...server, key: certificates.client.key }),
  ],
  [
    'the key of another certificate, as a client',
    'V_TLS_KEY_MISMATCH',
    () => new VTLSClientContext({ identity: { ...server, key: certificates.client.key } }),
  ],
  ['a key that is none', 'V_TLS_BAD_KEY', () => new VTLSServerContext({ ...server, key: 'no key' })],
  [
    'a listener with a wrong key',
    'V_TLS_KEY_MISMATCH',
    (_, { reactor }) =>
      new VTLSListeningSocket(reactor, null, {
        tls: { ...server, key: certificates.client.key },
        handler: () => undefined,
      }),
  ],
]

describe('wrong input', () => {
  it.each([...DESCRIPTORS, ...ADDRESSES, ...KEYS])(
    '%s is refused with %s, and nothing is left open',
    async (_what, code, call) => {
      const [reader, writer] = openPipe(folder)
      const [closed, alsoClosed] = openPipe(folder)
      const wrong = { closed, reader, writer, file: openSync(file, 'r'), folder: openSync(path, 'r') }
      closeSync(closed)
      const before = openDescriptors()
      expect(codeOf(await failureOf(() => call(wrong, running)))).toBe(code)
      await until(() => openDescriptors() === before, 'everything is closed')
      // None of them was closed: each can be closed here.
      for (const fd of [reader, writer, wrong.file, wrong.folder, alsoClosed]) closeSync(fd)
    },
  )
})

describe('closing twice', () => {
  it('is closing once, also if others have got the numbers since', async () => {
    const [readFd, writeFd] = openPipe(folder)
    const agent = new VPipeAgent(running.reactor, readFd, writeFd)
    await agent[Symbol.asyncDispose]()
    const foreign = reuse([readFd, writeFd])
    agent.closeIO(new VFIOLost())
    await agent[Symbol.asyncDispose]()
    foreign.checkAndClose()
  })

  it.for(['net', 'native'] as const)('of a socket is closing once (%s)', async (transport, context) => {
    skipUnless(context, transport === 'net' || missing === undefined, missing ?? 'there are none')
    const { reactor } = running
    const taken: VClientSocketAgent[] = []
    const listener = new VListeningSocket(reactor, null, {
      transport,
      factory: ({ sock }) => {
        const agent = new VClientSocketAgent(reactor, sock)
        taken.push(agent)
        return agent
      },
    })
    const peer = await listener.bind(HERE)
    listener.listen()
    const before = openDescriptors() ?? 0
    const client = new VClientSocketAgent(reactor, null, { transport })
    await client.connectTo(peer)
    await until(() => taken.length === 1)
    for (const agent of [client, ...taken]) agent.reset()
    await until(() => (openDescriptors() ?? 0) === before)
    const foreign = openPipe(folder)
    for (const agent of [client, ...taken]) {
      agent.reset()
      agent.closeIO(new VFIOLost())
      agent.device.close(new VFIOLost())
    }
    await quiet()
    expect(openDescriptors() ?? 2).toBe(before + 2)
    for (const fd of foreign) closeSync(fd)
    await listener.drain(0)
  })
})

describe('an address in use', () => {
  it.each([
    ['TCP', () => HERE],
    ['Unix', () => new VUnixSocketPeer(join(path, 'listener'))],
  ] as const)('is told with the code of the system, and leaves nothing open (%s)', async (_kind, place) => {
    const { reactor } = running
    const factory = ({ sock }: VClientParts): VClientSocketAgent => new VClientSocketAgent(reactor, sock)
    const first = new VListeningSocket(reactor, null, { factory })
    const peer = await first.bind(place())
    first.listen()
    const before = openDescriptors()
    const second = new VListeningSocket(reactor)
    expect(codeOf(await failureOf(() => second.bind(peer)))).toBe('EADDRINUSE')
    await until(() => openDescriptors() === before)
    // The one that has it has not noticed.
    const client = new VClientSocketAgent(reactor)
    expect(await client.connectTo(peer)).toBe(true)
    client.reset()
    await first.drain(0)
  })

  it('is told so for datagrams', async () => {
    await using first = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const before = openDescriptors()
    const again = (): unknown => VDatagramSocket.bind({ host: '127.0.0.1', port: first.localPeer.port })
    expect(codeOf(await failureOf(again))).toBe('EADDRINUSE')
    await until(() => openDescriptors() === before)
  })
})

/** The beginning of a handshake: the head of a record that never comes. */
const HALF_A_HELLO = Buffer.from('16030100f0010000ec0303', 'hex')

describe('a peer that stops in the middle of a handshake', () => {
  it.each([
    ['says nothing more', 'ERR_TLS_HANDSHAKE_TIMEOUT', 50],
    ['ends its output', 'V_TLS_CUT_OFF', 60_000],
    ['resets the connection', 'ECONNRESET', 60_000],
  ] as const)('and %s is let go with %s, and nothing is left open', async (how, code, handshakeTimeoutMs) => {
    const { reactor } = running
    const agents: VTLSClientSocketAgent[] = []
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const listener = new VTLSListeningSocket(reactor, null, {
      tls: certificates.server,
      agent: { handshakeTimeoutMs },
      handler: (agent) => {
        agent.byteProduce.attach(sink)
        agents.push(agent)
      },
    })
    const { port } = (await listener.bind(HERE)) as VIPSocketPeer
    listener.listen()
    const before = openDescriptors()
    const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    peer.on('error', () => undefined)
    peer.resume()
    peer.write(HALF_A_HELLO)
    await until(() => agents.length === 1)
    if (how === 'ends its output') peer.end()
    if (how === 'resets the connection') peer.resetAndDestroy()
    await until(() => agents[0]?.closed === true)
    expect(codeOf(agents[0]?.endReason?.value)).toBe(code)
    expect(sink.received.length).toBe(0)
    peer.destroy()
    await until(() => listener.connections === 0 && openDescriptors() === before)
    await listener.drain(0)
  })
})
