/**
 * `VClientSocketAgent`: how a connection comes to be, fails, is given up, and what the chain hears of it.
 */
import { VFIOCompleted, VFIOLost, VIOError, VIOTimeout, VIPSocketPeer, VUnixSocketPeer } from '@vio/io'
import { VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import {
  connectTCP,
  type SocketOpener,
  VAddressError,
  VClientSocketAgent,
  type VClientSocketAgentOptions,
  VSocketBase,
  VSocketLost,
  VTCPClientSocketAgent,
  VUnixClientSocketAgent,
} from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openSocket } from '../../packages/sock/src/socket-opener.js'
import { skipUnless } from '../lib/skip.js'
import { eventually, type Listening, listening, loopRounds } from './support/net-rig.js'
import { HAS_IPV6, type NetKind } from './support/places.js'
import { startReactor } from './support/reactor.js'

async function place(kind: NetKind = 'tcp4'): Promise<Listening> {
  const made = await listening(kind)
  onTestFinished(() => made.close())
  return made
}

/** An address of this machine that refuses. */
async function refusing(): Promise<VIPSocketPeer> {
  const made = await listening('tcp4')
  made.close()
  return made.peer as VIPSocketPeer
}

/** An agent with a probe at each half. */
function chained(options: VClientSocketAgentOptions = {}, handlers: object = {}) {
  const { reactor, logged } = startReactor()
  const agent = new VTCPClientSocketAgent(reactor, null, { opener, ...options })
  onTestFinished(() => agent.reset())
  const sink = new VProbeConsumer({ handlers, grantAtAttach: null })
  const source = new VProbeProducer({ reactor })
  agent.byteProduce.attach(sink)
  agent.byteConsume.attach(source)
  return { reactor, logged, agent, sink, source }
}

/** An address that never answers: attempts at it go on until they are given up. */
const SILENT = new VIPSocketPeer('192.0.2.1', 9)

/** Attempts at `SILENT` that were not given up. */
let silentAttempts = 0

const opener: SocketOpener = (peer, outcome, intake) => {
  if (!peer.equals(SILENT)) return openSocket(peer, { source: {}, maxReadBytes: 65_536 }, outcome, intake)
  silentAttempts += 1
  return () => {
    silentAttempts -= 1
  }
}

describe('connectTo', () => {
  it('connects, tells the chain of the peer, and knows both addresses [VE-93 VE-104 VE-S14]', async () => {
    const { peer, next } = await place()
    const { agent, sink } = chained()
    await expect(agent.connectTo(peer)).resolves.toBe(true)
    const far = await next()
    await eventually(() => sink.messages.some(({ name }) => name === 'connected'))
    const told = sink.messages.find(({ name }) => name === 'connected')?.args[0]
    expect(peer.equals(told)).toBe(true)
    expect(peer.equals(agent.peer)).toBe(true)
    expect((agent.localPeer as VIPSocketPeer).port).toBe(far.remotePort)
    expect(agent.wasConnected).toBe(true)
    far.destroy()
  })

  it('asks the chain about each address before its attempt, and tries none that it refuses [VE-105]', async () => {
    const { peer, next } = await place()
    const refused = await refusing()
    const asked: string[] = []
    const canConnect = (to: unknown): boolean => {
      asked.push(String(to))
      return String(to) !== String(SILENT)
    }
    const { agent } = chained({}, { canConnect })
    await expect(agent.connectTo([SILENT, refused, peer as VIPSocketPeer])).resolves.toBe(true)
    expect(asked).toEqual([SILENT, refused, peer].map(String))
    ;(await next()).destroy()
  })

  it('ends the chain as lost when the chain allows no address', async () => {
    const { peer } = await place()
    const { agent, sink, source } = chained({}, { canConnect: () => false })
    await expect(agent.connectTo([peer, peer])).resolves.toBe(false)
    await eventually(() => sink.aborted !== null && source.aborted !== null)
    expect(sink.ended).toMatchObject({ clean: false })
    expect(agent.wasConnected).toBe(false)
    expect(agent.closed).toBe(true)
  })

  it('takes a canConnect that throws for a no, and logs it', async () => {
    const { peer } = await place()
    const broken = (): never => {
      throw new Error('broken')
    }
    const { agent, logged } = chained({}, { canConnect: broken })
    await expect(agent.connectTo(peer)).resolves.toBe(false)
    await eventually(() => logged.some(({ message }) => message.includes('canConnect')))
  })

  it('throws nothing when it is refused, and ends both halves with the code of the system [VE-S18 VE-S17]', async () => {
    const { agent, sink, source } = chained()
    await expect(agent.connectTo(await refusing())).resolves.toBe(false)
    await eventually(() => sink.aborted !== null && source.aborted !== null)
    expect(sink.ended?.clean).toBe(false)
    expect(sink.ended?.reason).toBeInstanceOf(VSocketLost)
    expect(sink.ended?.reason).toMatchObject({
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '127.0.0.1',
    })
    expect(sink.ended?.reason?.cause).toBeInstanceOf(Error)
  })

  it('tells of all addresses when all were refused', async () => {
    const [one, two] = [await refusing(), await refusing()]
    const { agent, sink } = chained()
    await expect(agent.connectTo([one, two])).resolves.toBe(false)
    await eventually(() => sink.ended !== null)
    expect(sink.ended?.reason).toMatchObject({ code: 'ECONNREFUSED' })
    expect(sink.ended?.reason?.message).toContain(`${one}, ${two}`)
    expect(sink.ended?.reason?.cause).toBeInstanceOf(AggregateError)
  })

  it('gives up in time: the reason is a VIOTimeout, and no socket is left [VE-S20]', async () => {
    const { agent, sink } = chained({ connectTimeoutMs: 20 })
    await expect(agent.connectTo(SILENT)).resolves.toBe(false)
    await eventually(() => sink.aborted !== null)
    expect(sink.ended?.clean).toBe(false)
    expect(sink.ended?.reason).toBeInstanceOf(VIOTimeout)
    expect(agent.wasConnected).toBe(false)
    expect(silentAttempts).toBe(0)
  })

  it('gives a look-up up in time as well [VE-S20]', async () => {
    const { agent, sink } = chained({ connectTimeoutMs: 20 })
    const resolver = () => new Promise<never>(() => undefined)
    await expect(agent.connectTo({ host: 'name', port: 1 }, { resolver })).resolves.toBe(false)
    await eventually(() => sink.ended !== null)
    expect(sink.ended?.reason).toBeInstanceOf(VIOTimeout)
  })

  it('goes round a dead address without waiting for it to fail', async () => {
    const { peer, next } = await place()
    const { agent } = chained({ attemptDelayMs: 5, connectTimeoutMs: 10_000 })
    await expect(agent.connectTo([SILENT, peer as VIPSocketPeer])).resolves.toBe(true)
    expect(peer.equals(agent.peer)).toBe(true)
    expect(silentAttempts).toBe(0)
    ;(await next()).destroy()
  })

  it('looks a name up, prefers the family that the resolver does, and keeps the name', async (context) => {
    skipUnless(context, HAS_IPV6, 'this machine has no IPv6 on its loopback')
    const { peer, next } = await place('tcp6')
    const { agent, sink } = chained()
    const resolver = async () => [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]
    await expect(
      agent.connectTo({ host: 'name', port: (peer as VIPSocketPeer).port }, { resolver }),
    ).resolves.toBe(true)
    expect(agent.peer).toMatchObject({ host: '::1', reqAddress: 'name' })
    expect(sink.ended).toBeNull()
    ;(await next()).destroy()
  })

  it('ends the chain as lost when the name is unknown', async () => {
    const { agent, sink } = chained()
    const unknown = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
    const connected = agent.connectTo({ host: 'x', port: 1 }, { resolver: () => Promise.reject(unknown) })
    await expect(connected).resolves.toBe(false)
    await eventually(() => sink.ended !== null)
    expect(sink.ended?.reason).toMatchObject({ code: 'ENOTFOUND' })
  })

  it('is given up by its signal, while it looks up, while it connects, and before', async () => {
    const resolver = () => new Promise<never>(() => undefined)
    for (const target of [{ host: 'x', port: 1 }, SILENT]) {
      const { agent, sink } = chained()
      const control = new AbortController()
      const connected = agent.connectTo(target, { signal: control.signal, resolver })
      await loopRounds()
      control.abort(new Error('enough'))
      await expect(connected).rejects.toThrow('enough')
      await eventually(() => sink.aborted !== null)
      expect(sink.ended?.clean).toBe(false)
    }
    const { agent, sink } = chained()
    await expect(agent.connectTo(SILENT, { signal: AbortSignal.abort(new Error('never')) })).rejects.toThrow(
      'never',
    )
    await eventually(() => sink.aborted !== null)
  })

  it('is over when the agent is closed meanwhile, and connects nothing', async () => {
    for (const reason of [new VFIOCompleted(), new VFIOLost()]) {
      const { agent, sink } = chained()
      const connected = agent.connectTo(SILENT)
      await loopRounds()
      agent.closeIO(reason)
      await expect(connected).resolves.toBe(false)
      await eventually(() => sink.aborted !== null)
      expect(agent.wasConnected).toBe(false)
    }
  })

  it('refuses what it cannot connect to, and a second connection, at once', async () => {
    const { agent } = chained()
    expect(() => agent.connectTo([])).toThrow(TypeError)
    expect(() => agent.connectTo(5 as never)).toThrow(TypeError)
    expect(() => agent.connectTo(new VUnixSocketPeer('/x'))).toThrow(VIOError)
    expect(() => agent.connectTo(new VIPSocketPeer('127.0.0.1', 0))).toThrow(VAddressError)
    const { reactor } = startReactor()
    const unix = new VUnixClientSocketAgent(reactor)
    expect(() => unix.connectTo(SILENT)).toThrow(VIOError)
    expect(() => unix.connectTo(new VUnixSocketPeer(`/${'x'.repeat(120)}`))).toThrow(VAddressError)
    const { peer, next } = await place()
    const twice = chained().agent
    const connected = twice.connectTo(peer)
    expect(() => twice.connectTo(peer)).toThrow(VIOError)
    await connected
    ;(await next()).destroy()
    twice.closeIO(new VFIOLost())
    expect(() => twice.connectTo(peer)).toThrow(VIOError)
  })

  it('goes out from the address that it is told to', async () => {
    const { peer, next } = await place()
    const { reactor } = startReactor()
    const agent = new VClientSocketAgent(reactor, null, { localAddress: '127.0.0.2' })
    const connected = await agent.connectTo(peer)
    if (process.platform === 'linux') expect(connected).toBe(true)
    if (connected) expect((await next()).remoteAddress).toBe('127.0.0.2')
    agent.reset()
    expect(() => new VClientSocketAgent(reactor, null, { localAddress: 'here' })).toThrow(VAddressError)
    expect(() => new VClientSocketAgent(reactor, null, { localPort: 70_000 })).toThrow(VAddressError)
  })
})

describe('an agent over a socket that others made', () => {
  it('takes one that is connected, one that connects, and one that is to be connected [VE-84 VE-89]', async () => {
    const { peer, next } = await place()
    const { reactor } = startReactor()
    const fresh = new VClientSocketAgent(reactor, VSocketBase.createNative())
    await expect(fresh.connectTo(peer)).resolves.toBe(true)
    const far = await next()
    const [one, two] = await VSocketBase.createNativePair()
    const [left, right] = [new VClientSocketAgent(reactor, one), new VClientSocketAgent(reactor, two)]
    expect([left.wasConnected, right.wasConnected]).toEqual([true, true])
    expect(left.localPeer?.equals(right.peer)).toBe(true)
    left.reset()
    right.reset()
    fresh.reset()
    far.destroy()
  })

  it('refuses what is no socket, no reactor and no size', async () => {
    const { reactor } = startReactor()
    expect(() => new VClientSocketAgent(reactor, {} as never)).toThrow(TypeError)
    expect(() => new VClientSocketAgent(undefined as never)).toThrow(TypeError)
    for (const options of [{ maxRead: 0 }, { maxWrite: -1 }, { wbufLen: 1.5 }]) {
      expect(() => new VClientSocketAgent(reactor, null, options)).toThrow(RangeError)
    }
  })

  it('holds 64 KiB at most, unless it is told otherwise [VE-111]', () => {
    const { reactor } = startReactor()
    expect(new VClientSocketAgent(reactor).bufferBytes).toBe(65_536)
    expect(new VClientSocketAgent(reactor, null, { maxWrite: 1000 }).bufferBytes).toBe(1000)
    expect(new VClientSocketAgent(reactor, null, { maxWrite: 1000, wbufLen: 5 }).bufferBytes).toBe(5)
  })
})

describe('what is set on a socket', () => {
  it('is what it was set to, before and after the connection [VE-112]', async () => {
    const { peer, next } = await place()
    const { agent } = chained({ keepAlive: true })
    expect([agent.noDelay, agent.keepAlive]).toEqual([true, true])
    agent.noDelay = false
    await agent.connectTo(peer)
    expect([agent.noDelay, agent.keepAlive]).toEqual([false, true])
    agent.noDelay = true
    agent.keepAlive = false
    expect([agent.noDelay, agent.keepAlive]).toEqual([true, false])
    for (const wrong of [1, 'yes', undefined, null]) {
      expect(() => {
        agent.noDelay = wrong as never
      }).toThrow(TypeError)
      expect(() => {
        agent.keepAlive = wrong as never
      }).toThrow(TypeError)
    }
    expect([agent.noDelay, agent.keepAlive]).toEqual([true, false])
    ;(await next()).destroy()
  })
})

describe('the close callback', () => {
  it('runs once, when both directions are closed and the socket is gone [VE-96]', async () => {
    const { peer, next } = await place()
    let closes = 0
    const { agent, logged } = chained({
      closeCallback: () => {
        closes += 1
        throw new Error('the callback is broken')
      },
    })
    await agent.connectTo(peer)
    const far = await next()
    agent.closeOutput(new VFIOCompleted())
    await loopRounds()
    expect(closes).toBe(0)
    agent.closeIO(new VFIOCompleted())
    agent.closeIO(new VFIOLost())
    far.end()
    far.resume()
    await eventually(() => closes > 0)
    agent.reset()
    await loopRounds()
    expect(closes).toBe(1)
    expect(logged.some(({ message }) => message.includes('close callback'))).toBe(true)
  })
})

describe('connectTCP', () => {
  it('gives an agent that is connected, or rejects with the reason', async () => {
    const { peer, next } = await place()
    const { reactor } = startReactor()
    const agent = await connectTCP(reactor, (peer as VIPSocketPeer).native)
    expect(agent.wasConnected).toBe(true)
    ;(await next()).destroy()
    agent.reset()
    await expect(connectTCP(reactor, (await refusing()).native)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
    const given = connectTCP(reactor, SILENT.native, { signal: AbortSignal.abort(new Error('no')) })
    await expect(given).rejects.toThrow('no')
  })
})
