/**
 * `VUDPEndpoint`: many transports on one socket, those that others begin, and what belongs to nobody.
 */
import { VByteBuffer, VFIOCompleted, VFIOLost, VIOError, VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { VBytePattern, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import {
  VUDPEndpoint,
  type VUDPEndpointOptions,
  type VUDPIncoming,
  type VUDPSharedOptions,
  type VUDPTransport,
  type VUDPVersion,
  vudpTag,
} from '@vio/vudp'
import { SimDatagramPort, type SimHost, SimWorld } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'

const VERSIONS: readonly VUDPVersion[] = ['vut/0.8', 'vut/1']

/** The secrets of connection number `index`: the client's and the server's. */
function secrets(index: number): { client: Buffer; server: Buffer } {
  const client = Buffer.alloc(32, 0x11)
  client.writeUInt32BE(index, 4)
  const server = Buffer.alloc(32, 0x22)
  server.writeUInt32BE(index, 4)
  return { client, server }
}

function batchOf(bytes: Buffer, peer: VIPSocketPeer): VTransmitBatch {
  const batch = new VTransmitBatch()
  batch.begin(peer)
  bytes.copy(batch.buffer)
  batch.commit(bytes.length)
  return batch
}

interface Ground {
  readonly world: SimWorld
  port(address: string, number?: number): SimDatagramPort
  endpoint(address: string, options?: Partial<VUDPEndpointOptions>): VUDPEndpoint
}

function ground(link: { readonly loss?: number } = {}): Ground {
  const world = new SimWorld({ seed: 11, scenario: 'endpoint', traced: false })
  const hosts = new Map<string, SimHost>()
  const port = (address: string, number = 0): SimDatagramPort => {
    const host = hosts.get(address) ?? world.network.host({ address, up: { delayMs: 5, ...link } })
    hosts.set(address, host)
    return new SimDatagramPort(world, { host, port: number })
  }
  return {
    world,
    port,
    endpoint: (address, options = {}) =>
      new VUDPEndpoint(world.reactor, { socket: port(address), ...options }),
  }
}

/** Sends `total` bytes of a pattern and ends; what comes back is counted. */
function load(transport: VUDPTransport, world: SimWorld, seed: number, total: number): VProbeConsumer {
  const source = new VProbeProducer({ reactor: world.reactor })
  const sink = new VProbeConsumer({ grantAtAttach: null })
  transport.byteConsume.attach(source)
  transport.byteProduce.attach(sink)
  source.feed(new VByteBuffer(new VBytePattern(seed).take(total)))
  source.end()
  return sink
}

function check(sink: VProbeConsumer, seed: number, total: number): void {
  expect(sink.received.length).toBe(total)
  expect(new VBytePattern(seed).mismatchAt(sink.received.pop())).toBe(-1)
  expect(sink.ended?.clean).toBe(true)
}

describe.each(VERSIONS)('an endpoint that speaks %s', (version) => {
  it('carries many connections to many peers over one socket each', async () => {
    const { world, endpoint } = ground({ loss: 0.02 })
    const server = endpoint('10.0.0.1')
    const clients = Array.from({ length: 20 }, (_, index) => endpoint(`10.0.1.${index + 1}`))
    const sinks: [VProbeConsumer, number][] = []
    for (const [index, client] of clients.entries()) {
      const both = secrets(index)
      const there = server.connect({
        version,
        peer: client.sock.localPeer,
        secret: both.server,
        peerSecret: both.client,
      })
      const here = client.connect({
        version,
        peer: server.sock.localPeer,
        secret: both.client,
        peerSecret: both.server,
      })
      sinks.push(
        [load(there, world, 1000 + index, 20_000), index],
        [load(here, world, index, 20_000), 1000 + index],
      )
    }
    expect(server.size).toBe(20)
    world.runUntil(() => sinks.every(([sink]) => sink.ended !== null), { withinMs: 120_000 })
    for (const [sink, seed] of sinks) check(sink, seed, 20_000)
    world.advance(60_000)
    expect([server.size, ...clients.map(({ size }) => size)]).toEqual(new Array(21).fill(0))
    expect(world.host.alarmAt).toBe(Number.POSITIVE_INFINITY)
    server.close()
    world.settle()
    await server.whenReleased
    expect(server.sock.closed).toBeInstanceOf(VFIOCompleted)
  })

  it('takes connections that others begin, if it is told their secrets [VE-115]', () => {
    const { world, endpoint } = ground()
    const known = new Map<string, Omit<VUDPSharedOptions, 'peer'>>()
    const asked: VUDPIncoming[] = []
    const made: VUDPTransport[] = []
    const server = endpoint('10.0.0.1', {
      incoming: (incoming) => {
        asked.push({ ...incoming, tag: incoming.tag === null ? null : Buffer.from(incoming.tag) })
        return known.get(incoming.tag?.toString('hex') ?? String(incoming.from)) ?? null
      },
      onTransport: (transport) => made.push(transport),
    })
    const [one, two] = [endpoint('10.0.1.1'), endpoint('10.0.1.2')]
    const { client, server: own } = secrets(1)
    const key = version === 'vut/1' ? vudpTag(own, client).toString('hex') : String(one.sock.localPeer)
    known.set(key, { version, secret: own, peerSecret: client })
    const to = { version, peer: server.sock.localPeer }
    const transport = one.connect({ ...to, secret: client, peerSecret: own })
    const stranger = secrets(2)
    const other = two.connect({ ...to, secret: stranger.client, peerSecret: stranger.server })
    world.runUntil(() => transport.wasConnected && made[0]?.wasConnected === true)
    expect(made.length).toBe(1)
    expect(made[0]?.peer?.equals(one.sock.localPeer)).toBe(true)
    expect(asked.map(({ from }) => String(from))).toContain(String(two.sock.localPeer))
    expect(asked[0]?.tag?.length ?? 0).toBe(version === 'vut/1' ? 8 : 0)
    world.advance(60_000)
    expect(other.wasConnected).toBe(false)
    expect(two.size).toBe(0)
    expect(made.length).toBe(1)
    expect(transport.closed).toBe(false)
  })

  it('refuses a second connection that could not be told from the first', () => {
    const { endpoint } = ground()
    const one = endpoint('10.0.0.1')
    const both = secrets(1)
    const options = {
      version,
      peer: new VIPSocketPeer('10.0.0.9', 9),
      secret: both.client,
      peerSecret: both.server,
    }
    one.connect(options)
    expect(() => one.connect(options)).toThrow(VIOError)
    expect(one.size).toBe(1)
    expect(() => one.connect({ ...options, secret: undefined as never })).toThrow(TypeError)
  })

  it('is gone with its socket, and all its transports with it', async () => {
    const { world, endpoint } = ground()
    const one = endpoint('10.0.0.1')
    const both = secrets(1)
    const options = { version, secret: both.client, peerSecret: both.server }
    const transports = [1, 2, 3].map((index) =>
      one.connect({
        ...options,
        secret: secrets(index).client,
        peer: new VIPSocketPeer('10.0.0.9', index),
      }),
    )
    world.advance(100)
    one.sock.close()
    world.settle()
    for (const transport of transports) expect(await transport.whenClosed).toBeInstanceOf(VFIOLost)
    await one.whenReleased
    expect([one.size, world.host.alarmAt]).toEqual([0, Number.POSITIVE_INFINITY])
    expect(() => one.connect({ ...options, peer: new VIPSocketPeer('10.0.0.9', 9) })).toThrow('is closed')
  })

  it('closes all it has, and then the socket', async () => {
    const { world, endpoint } = ground()
    const [one, two] = [endpoint('10.0.0.1'), endpoint('10.0.0.2')]
    const both = secrets(1)
    const here = one.connect({
      version,
      peer: two.sock.localPeer,
      secret: both.client,
      peerSecret: both.server,
    })
    const there = two.connect({
      version,
      peer: one.sock.localPeer,
      secret: both.server,
      peerSecret: both.client,
    })
    world.runUntil(() => here.wasConnected && there.wasConnected)
    const disposed = one[Symbol.asyncDispose]()
    two.close(new VFIOLost())
    world.advance(60_000)
    await disposed
    await two.whenReleased
    expect([one.sock.closed !== null, two.sock.closed !== null]).toEqual([true, true])
    expect(world.host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('an endpoint', () => {
  it('lets one connection fail, by its engine or by a handler, and keeps the others', async () => {
    const { world, endpoint } = ground()
    const errors: string[] = []
    for (const watcher of world.reactor.log.watchers) world.reactor.log.removeWatcher(watcher)
    world.reactor.log.addWatcher({ watch: ({ message }) => errors.push(message) })
    const [one, two] = [
      endpoint('10.0.0.1', {
        incoming: () => {
          throw new Error('incoming fails')
        },
        onUnknown: () => {
          throw new Error('onUnknown fails')
        },
      }),
      endpoint('10.0.0.2'),
    ]
    const made = [1, 2, 3].map((index) => {
      const both = secrets(index)
      const unreliable = { maxUnreliableBytes: 100 }
      const here = one.connect({
        ...unreliable,
        peer: two.sock.localPeer,
        secret: both.client,
        peerSecret: both.server,
        onDatagram: () => {
          throw new Error('onDatagram fails')
        },
      })
      const there = two.connect({
        ...unreliable,
        peer: one.sock.localPeer,
        secret: both.server,
        peerSecret: both.client,
      })
      return [here, there] as const
    })
    world.runUntil(() => made.every(([here, there]) => here.wasConnected && there.wasConnected))
    // A stranger whom the handlers cannot deal with.
    const stranger = endpoint('10.0.0.3').connect({
      peer: one.sock.localPeer,
      secret: secrets(9).client,
      peerSecret: secrets(9).server,
    })
    made[0]?.[1].sendDatagram(Buffer.from('x'))
    world.advance(100)
    expect(await made[0]?.[0].whenClosed).toBeInstanceOf(VFIOLost)
    expect(errors).toContain('a handler of a transport failed')
    expect(errors).toContain('a handler of an endpoint failed')
    expect([made[2]?.[0].closed, one.sock.closed]).toEqual([false, null])
    stranger.closeIO(new VFIOLost())
  })

  it('survives an engine that throws: that connection is lost, and its chain is told', async () => {
    const { world, endpoint } = ground()
    const errors: string[] = []
    for (const watcher of world.reactor.log.watchers) world.reactor.log.removeWatcher(watcher)
    world.reactor.log.addWatcher({ watch: ({ message }) => errors.push(message) })
    const [one, two] = [endpoint('10.0.0.1'), endpoint('10.0.0.2')]
    const made = [1, 2].map((index) => {
      const both = secrets(index)
      const [a, b] = [one.sock.localPeer, two.sock.localPeer]
      const here = one.connect({ peer: b, secret: both.client, peerSecret: both.server })
      const there = two.connect({ peer: a, secret: both.server, peerSecret: both.client })
      return [here, there] as const
    })
    world.runUntil(() => made.every(([here, there]) => here.wasConnected && there.wasConnected))
    const [broken, healthy] = made
    if (broken === undefined || healthy === undefined) throw new Error('two were made')
    const sink = new VProbeConsumer({ grantAtAttach: null })
    broken[0].byteProduce.attach(sink)
    const fail = (): never => {
      throw new Error('a defect')
    }
    const { engine } = (broken[0].device as unknown as { owner: { engine: object } }).owner
    Object.assign(engine, { handleDatagram: fail, handleTimeout: fail, pollTransmit: fail, close: fail })
    load(broken[1], world, 1, 1000)
    const arrived = load(healthy[1], world, 2, 50_000)
    const got = load(healthy[0], world, 3, 50_000)
    world.runUntil(() => sink.ended !== null && got.ended !== null && arrived.ended !== null)
    expect(sink.ended?.clean).toBe(false)
    expect(await broken[0].whenClosed).toBeInstanceOf(VFIOLost)
    check(got, 2, 50_000)
    check(arrived, 3, 50_000)
    expect(errors).toContain('the engine of a connection failed')
    expect(one.size).toBeLessThanOrEqual(1)
  })

  it('holds a bounded number of transports', () => {
    const { world, endpoint } = ground()
    const both = secrets(1)
    const made: VUDPTransport[] = []
    const server = endpoint('10.0.0.1', {
      maxTransports: 1,
      incoming: () => ({ version: 'vut/0.8', secret: both.server, peerSecret: both.client }),
      onTransport: (transport) => made.push(transport),
    })
    for (let index = 1; index <= 3; index += 1) {
      const client = endpoint(`10.0.1.${index}`)
      client.connect({
        version: 'vut/0.8',
        peer: server.sock.localPeer,
        secret: both.client,
        peerSecret: both.server,
      })
    }
    world.advance(1000)
    expect([made.length, server.size]).toEqual([1, 1])
    const peer = new VIPSocketPeer('10.0.0.9', 9)
    const connect = (): VUDPTransport =>
      server.connect({ version: 'vut/0.8', peer, secret: both.server, peerSecret: both.client })
    expect(connect).toThrow('the maximum')
  })

  it('answers what it no longer knows of with a reset, ten times a second at most, and the peer ends', async () => {
    const { world, endpoint, port } = ground()
    const resetKey = Buffer.alloc(32, 7)
    const client = endpoint('10.0.1.1')
    const first = endpoint('10.0.0.1', { resetKey, keepSocket: true })
    const both = secrets(1)
    const transport = client.connect({
      peer: first.sock.localPeer,
      secret: both.client,
      peerSecret: both.server,
    })
    const lost = first.connect({
      peer: client.sock.localPeer,
      secret: both.server,
      peerSecret: both.client,
    })
    world.runUntil(() => transport.wasConnected && lost.wasConnected)
    // The process of the server is gone and comes back at the same place, with the same key.
    const { host, port: number } = first.sock.localPeer
    first.sock.close()
    world.settle()
    const unknown: string[] = []
    const again = new VUDPEndpoint(world.reactor, {
      socket: port(host, number),
      resetKey,
      onUnknown: (from) => unknown.push(String(from)),
    })
    load(transport, world, 1, 100_000)
    world.runUntil(() => transport.closed)
    const closed = await transport.whenClosed
    expect(closed).toBeInstanceOf(VFIOLost)
    expect(closed.value.message).toContain('no longer knows')
    expect(unknown[0]).toBe(String(client.sock.localPeer))
    // A flood of such datagrams is not answered one for one.
    const flood = port('10.0.1.2')
    const before = again.sock.counts.sent
    for (let count = 0; count < 1000; count += 1) {
      const bytes = Buffer.alloc(100, count)
      bytes[0] = 0x40
      flood.send(batchOf(bytes, again.sock.localPeer))
    }
    world.advance(500)
    expect(again.sock.counts.sent - before).toBeLessThanOrEqual(10)
    expect(() => endpoint('10.0.0.3', { resetKey: Buffer.alloc(5) })).toThrow('32 bytes')
  })
})
