/**
 * TLS sockets as chain ends: whom they connect to, what the chain is asked, and what a listener makes of its connections.
 */
import { type AddressInfo, createServer, connect as netConnect, type Socket } from 'node:net'
import { VIPSocketPeer, VNoHalfClose } from '@vio/io'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeLog, VProbeProducer } from '@vio/io/testing'
import { VFIOCompleted, VFIOLost, VReactor } from '@vio/reactor'
import {
  VTLSClientSocketAgent,
  type VTLSClientSocketAgentOptions,
  VTLSHandshakeError,
  VTLSInputError,
  VTLSListeningSocket,
  type VTLSListeningSocketOptions,
  VTLSServerContext,
  VTLSUnauthorized,
} from '@vio/sock'
import { afterEach, describe, expect, it } from 'vitest'
import { testCertificates } from '../../lib/certificates.js'
import { eventually, loopRounds } from '../support/net-rig.js'
import { bytes } from './rig.js'

const certificates = await testCertificates()
const trusted = certificates.authority.cert
const closers: (() => void)[] = []

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

function makeReactor(): VReactor {
  const reactor = new VReactor()
  reactor.start()
  closers.push(() => reactor.stop())
  return reactor
}

/** A probe at each direction of an agent. */
interface Ends {
  readonly sink: VProbeConsumer
  readonly source: VProbeProducer
}

function endsOn(
  agent: VTLSClientSocketAgent,
  options: ConstructorParameters<typeof VProbeConsumer>[0] = {},
): Ends {
  const sink = new VProbeConsumer({ grantAtAttach: null, ...options })
  const source = new VProbeProducer({ reactor: agent.reactor })
  agent.byteProduce.attach(sink)
  agent.byteConsume.attach(source)
  return { sink, source }
}

/** A listener on the loopback address, and the agents that it has made. */
interface Serving {
  readonly listener: VTLSListeningSocket
  readonly port: number
  readonly agents: VTLSClientSocketAgent[]
  readonly ends: Ends[]
}

async function serving(
  reactor: VReactor,
  options: Partial<VTLSListeningSocketOptions> = {},
): Promise<Serving> {
  const [agents, ends]: [VTLSClientSocketAgent[], Ends[]] = [[], []]
  const handler = (agent: VTLSClientSocketAgent): void => {
    agents.push(agent)
    ends.push(endsOn(agent))
  }
  const listener = new VTLSListeningSocket(reactor, null, { tls: certificates.server, handler, ...options })
  const address = (await listener.bind(new VIPSocketPeer('127.0.0.1', 0))) as VIPSocketPeer
  listener.listen()
  closers.push(() => {
    listener.closeIO(new VFIOCompleted())
    for (const agent of agents) agent.reset()
  })
  return { listener, port: address.port, agents, ends }
}

function clientOf(reactor: VReactor, options: VTLSClientSocketAgentOptions = {}): VTLSClientSocketAgent {
  const agent = new VTLSClientSocketAgent(reactor, null, { tls: { trusted }, ...options })
  closers.push(() => agent.reset())
  return agent
}

describe('a TLS client', () => {
  it('is given up by its signal while the handshake goes on, attached or not', async () => {
    const reactor = makeReactor()
    const sockets: Socket[] = []
    const silent = createServer((socket) => {
      socket.on('error', () => undefined)
      sockets.push(socket.resume())
    })
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening))
    closers.push(() => silent.close())
    const { port } = silent.address() as AddressInfo
    for (const isAttached of [true, false]) {
      const agent = clientOf(reactor)
      const sink = isAttached ? endsOn(agent).sink : null
      const later = new AbortController()
      const reason = new Error('enough')
      const connecting = agent.connectTo({ host: '127.0.0.1', port }, { signal: later.signal })
      await eventually(() => agent.tls !== null)
      later.abort(reason)
      await expect(connecting).rejects.toBe(reason)
      expect(agent.closed).toBe(true)
      if (sink !== null) await eventually(() => sink.ended?.clean === false)
      await eventually(() => sockets.at(-1)?.destroyed === true)
    }
  })

  it('connects to a host by name, and talks, and half-closes by default [VE-S23]', async () => {
    const reactor = makeReactor()
    const { port, ends, agents } = await serving(reactor)
    const agent = clientOf(reactor)
    expect([agent.tls, agent.wasConnected]).toEqual([null, false])
    const near = endsOn(agent)
    near.source.feed(bytes('hello'))
    expect(await agent.connectTo({ host: 'localhost', port })).toBe(true)
    expect(agent.tls).toMatchObject({ secured: true, version: 'TLSv1.3', peer: { verified: true } })
    expect(agent.peer).toMatchObject({ port })
    await eventually(() => ends[0]?.sink.received.length === 5)
    near.source.end()
    await eventually(() => ends[0]?.sink.ended !== null)
    expect(ends[0]?.sink.ended).toEqual({ clean: true, reason: undefined })
    const pattern = new VBytePattern(4)
    ends[0]?.source.feed(bytes(pattern.take(300_000)))
    ends[0]?.source.end()
    await eventually(() => near.sink.ended !== null)
    new VPatternChecker(pattern).feed(near.sink.received.pop())
    expect(near.sink.ended).toEqual({ clean: true, reason: undefined })
    await eventually(() => agent.closed && agents[0]?.closed === true)
  })

  it('checks the name that it was told to connect to, or the one that it was given', async () => {
    const reactor = makeReactor()
    const { port } = await serving(reactor, { tls: certificates.wrongHost })
    const wrong = clientOf(reactor)
    const { sink, source } = endsOn(wrong)
    source.feed(bytes('secret'))
    expect(await wrong.connectTo({ host: 'localhost', port })).toBe(false)
    await eventually(() => sink.closed)
    expect(sink.ended).toMatchObject({ clean: false, reason: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
    expect(wrong.endReason?.value).toBeInstanceOf(VTLSUnauthorized)
    expect([sink.received.length, wrong.wasConnected]).toEqual([0, false])
    const right = clientOf(reactor, { serverName: 'other.example' })
    expect(await right.connectTo({ host: 'localhost', port })).toBe(true)
  })

  it('checks the address that it connects to where there is no name', async () => {
    const reactor = makeReactor()
    const { port } = await serving(reactor)
    const agent = clientOf(reactor)
    agent.connect(new VIPSocketPeer('127.0.0.1', port))
    await eventually(() => agent.wasConnected)
    const other = await serving(reactor, { tls: certificates.wrongHost })
    const refused = clientOf(reactor)
    refused.connect(new VIPSocketPeer('127.0.0.1', other.port))
    await eventually(() => refused.endReason !== null)
    expect(refused.endReason?.value).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  it('that is refused by the system ends its chain with the code of the system [VE-S18]', async () => {
    const reactor = makeReactor()
    const { port, listener } = await serving(reactor)
    listener.closeIO(new VFIOCompleted())
    await loopRounds()
    const agent = clientOf(reactor)
    const { sink, source } = endsOn(agent)
    expect(await agent.connectTo({ host: '127.0.0.1', port })).toBe(false)
    await eventually(() => sink.closed && source.aborted !== null)
    expect(sink.ended?.clean).toBe(false)
    expect(agent.endReason?.value).toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('takes a socket that is connected already', async () => {
    const reactor = makeReactor()
    const { port, ends } = await serving(reactor)
    const socket = await plainTo(port)
    const agent = new VTLSClientSocketAgent(reactor, socket, { tls: { trusted }, serverName: 'localhost' })
    closers.push(() => agent.reset())
    const { source } = endsOn(agent)
    source.feed(bytes('hi'))
    await eventually(() => ends[0]?.sink.received.length === 2)
  })

  it('refuses wrong keys at once, and a socket whose server has no name', () => {
    const reactor = makeReactor()
    const identity = { key: certificates.client.key, cert: certificates.server.cert }
    const make = (): unknown => new VTLSClientSocketAgent(reactor, null, { tls: { identity } })
    expect(make).toThrow(VTLSInputError)
  })
})

describe('what a chain on a TLS socket is asked', () => {
  it('is asked authorize before connected and data; a no is a loss without plaintext [VE-S23 CR-49]', async () => {
    const reactor = makeReactor()
    const { port, ends } = await serving(reactor)
    const log = new VProbeLog()
    const agent = clientOf(reactor)
    endsOn(agent, { log })
    await agent.connectTo({ host: 'localhost', port })
    ends[0]?.source.feed(bytes('data'))
    await eventually(() => log.matching(/sink\.consume/).length > 0)
    const events = log.matching(/authorize|connected|sink\.consume/).map((each) => each.split('(')[0])
    expect(events).toEqual(['sink.control.authorize', 'sink.control.connected', 'sink.consume'])
    const refusing = clientOf(reactor)
    const near = endsOn(refusing, { handlers: { authorize: () => false } })
    near.source.feed(bytes('secret'))
    expect(await refusing.connectTo({ host: 'localhost', port })).toBe(false)
    await eventually(() => near.sink.closed && ends[1]?.sink.closed === true)
    expect(near.sink.ended).toMatchObject({ clean: false, reason: { code: 'V_TLS_REFUSED' } })
    expect(near.source.aborted).not.toBe(null)
    expect([near.sink.received.length, ends[1]?.sink.received.length]).toEqual([0, 0])
  })

  it('is asked when it comes, before it gets what waits for it', async () => {
    const reactor = makeReactor()
    const { port, ends } = await serving(reactor)
    for (const yes of [true, false]) {
      const agent = clientOf(reactor)
      await agent.connectTo({ host: 'localhost', port })
      ends.at(-1)?.source.feed(bytes('data'))
      await loopRounds(30)
      const { sink } = endsOn(agent, { handlers: { authorize: () => yes } })
      await eventually(() => (yes ? sink.received.length === 4 : sink.closed))
      expect(sink.received.length).toBe(yes ? 4 : 0)
    }
  })

  it('may change, and who comes is asked anew', async () => {
    const reactor = makeReactor()
    const { port, ends } = await serving(reactor)
    const agent = clientOf(reactor)
    const { sink } = endsOn(agent)
    await agent.connectTo({ host: 'localhost', port })
    sink.detach()
    ends[0]?.source.feed(bytes('data'))
    await loopRounds(30)
    const next = new VProbeConsumer({ grantAtAttach: null, handlers: { authorize: () => false } })
    agent.byteProduce.attach(next)
    await eventually(() => next.closed)
    expect(next.received.length).toBe(0)
    expect(agent.endReason?.value).toMatchObject({ code: 'V_TLS_REFUSED' })
  })

  it('asks for the state and is told the connection and asked for its permission [CR-47]', async () => {
    const reactor = makeReactor()
    const { port } = await serving(reactor)
    const agent = clientOf(reactor)
    endsOn(agent)
    await agent.connectTo({ host: 'localhost', port })
    const late = new VProbeConsumer({})
    agent.byteProduce.control.reqProducerState(late)
    await eventually(() => late.messages.length === 2)
    expect(late.messages.map(({ name }) => name)).toEqual(['connected', 'authorize'])
    const no = new VProbeConsumer({ handlers: { authorize: () => false } })
    agent.byteProduce.control.reqProducerState(no)
    await eventually(() => agent.closed)
    expect(agent.endReason?.value).toMatchObject({ code: 'V_TLS_REFUSED' })
  })

  it('takes the question of a client that does not look, or is refused [CR-43]', async () => {
    const reactor = makeReactor()
    const { port } = await serving(reactor, { tls: certificates.selfSigned })
    const none = { tls: { verify: 'none' as const } }
    const mute = clientOf(reactor, none)
    endsOn(mute, { mute: true })
    expect(await mute.connectTo({ host: 'localhost', port })).toBe(false)
    const taking = clientOf(reactor, none)
    endsOn(taking)
    expect(await taking.connectTo({ host: 'localhost', port })).toBe(true)
    const late = clientOf(reactor, none)
    const outcome = late.connectTo({ host: 'localhost', port })
    await loopRounds(50)
    expect(late.wasConnected).toBe(false)
    endsOn(late)
    expect(await outcome).toBe(true)
  })
})

describe('a TLS listener', () => {
  it('knows its clients by their certificates', async () => {
    const reactor = makeReactor()
    const tls = { ...certificates.server, trusted, clientCertificates: 'required' as const }
    const { port, agents } = await serving(reactor, { tls })
    const agent = clientOf(reactor, { tls: { trusted, identity: certificates.client } })
    expect(await agent.connectTo({ host: 'localhost', port })).toBe(true)
    await eventually(() => agents[0]?.tls?.secured === true)
    expect(agents[0]?.tls?.peer).toMatchObject({ verified: true, identity: { commonName: 'alice' } })
  })

  it('takes a new certificate while it runs', async () => {
    const reactor = makeReactor()
    const { port, listener } = await serving(reactor)
    const shown = async (): Promise<string | null | undefined> => {
      const agent = clientOf(reactor)
      await agent.connectTo({ host: 'localhost', port })
      return agent.tls?.peer?.identity?.commonName
    }
    expect(await shown()).toBe('localhost')
    listener.context.setIdentity(certificates.renewed)
    expect(await shown()).toBe('renewed')
  })

  it('lets go of those that say nothing, or do not speak TLS, and of no other', async () => {
    const reactor = makeReactor()
    const { port, listener, agents } = await serving(reactor, { agent: { handshakeTimeoutMs: 2000 } })
    const good = clientOf(reactor)
    expect(await good.connectTo({ host: 'localhost', port })).toBe(true)
    const silent = await plainTo(port)
    const plain = await plainTo(port)
    plain.write('GET / HTTP/1.1\r\n\r\n')
    await eventually(() => listener.connections === 1 && agents.length === 3, 20_000)
    expect([silent, plain].map(({ destroyed, readableEnded }) => destroyed || readableEnded)).toEqual([
      true,
      true,
    ])
    const codes = agents.map(({ endReason }) => (endReason?.value as { code?: string } | undefined)?.code)
    expect(codes).toEqual([undefined, 'ERR_TLS_HANDSHAKE_TIMEOUT', expect.stringMatching(/^ERR_SSL_/)])
    expect(agents[1]?.endReason?.value).toBeInstanceOf(VTLSHandshakeError)
    expect(good.closed).toBe(false)
  })

  it('needs a key and a handler', () => {
    const reactor = makeReactor()
    const make = (options: object): unknown =>
      new VTLSListeningSocket(reactor, null, options as VTLSListeningSocketOptions)
    expect(() => make({ handler: () => undefined, tls: {} })).toThrow(VTLSInputError)
    expect(() => make({ tls: certificates.server })).toThrow('a TLS listener needs a handler')
  })

  it('shares a context with others', async () => {
    const reactor = makeReactor()
    const context = new VTLSServerContext(certificates.server)
    const [one, two] = [await serving(reactor, { tls: context }), await serving(reactor, { tls: context })]
    expect([one.listener.context, two.listener.context]).toEqual([context, context])
  })
})

describe('the end of a TLS socket', () => {
  it('closed cleanly is clean for the other side, behind what was written', async () => {
    const reactor = makeReactor()
    const { port, ends } = await serving(reactor)
    const agent = clientOf(reactor)
    const { source } = endsOn(agent)
    source.feed(bytes(Buffer.alloc(50_000)))
    await agent.connectTo({ host: 'localhost', port })
    await loopRounds()
    agent.closeIO(new VFIOCompleted())
    await eventually(() => ends[0]?.sink.ended !== null)
    expect(ends[0]?.sink.received.length).toBe(50_000)
    expect(ends[0]?.sink.ended?.clean).toBe(true)
  })

  it('closed as lost is a loss for the other side', async () => {
    const reactor = makeReactor()
    const { port, ends } = await serving(reactor)
    const agent = clientOf(reactor)
    endsOn(agent)
    await agent.connectTo({ host: 'localhost', port })
    await eventually(() => ends[0] !== undefined)
    agent.closeIO(new VFIOLost(new Error('enough')))
    await eventually(() => ends[0]?.sink.closed === true)
    expect(ends[0]?.sink.ended?.clean ?? false).toBe(false)
  })

  it('closes both directions with one where the policy says so', async () => {
    const reactor = makeReactor()
    const { port, ends } = await serving(reactor)
    const agent = clientOf(reactor, { halfClosePolicy: new VNoHalfClose() })
    endsOn(agent)
    await agent.connectTo({ host: 'localhost', port })
    await eventually(() => ends[0] !== undefined)
    ends[0]?.source.end()
    await eventually(() => agent.closed && ends[0]?.sink.ended !== null)
    expect(ends[0]?.sink.ended?.clean).toBe(true)
  })
})

/** A plain socket that is connected. */
async function plainTo(port: number): Promise<Socket> {
  const socket = netConnect({ port, host: '127.0.0.1', allowHalfOpen: true })
  closers.push(() => socket.destroy())
  socket.on('error', () => undefined)
  await new Promise<void>((done) => socket.once('connect', done))
  socket.on('data', () => undefined)
  return socket
}
