/**
 * `openVUDP` and transports over real sockets on loopback, with nothing left behind.
 */
import { VByteBuffer, VFIOCompleted, VFIOLost, VIOTimeout, VIPSocketPeer } from '@vio/io'
import { chain } from '@vio/io/facade'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { openVUDP, VUDPTransport as Transport, VUDPEndpoint, type VUDPTransport } from '@vio/vudp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SECRET_A, SECRET_B, sleep, until } from './rigs.js'

let reactor: VReactor

beforeEach(() => {
  reactor = new VReactor()
  reactor.start()
})

afterEach(() => reactor.stop())

const VERSIONS = ['vut/1', 'vut/0.8'] as const
/** Short, so that the tests need not wait for what is said after the end. */
const SOON = { lingerMs: 50 }

/** Two transports over two sockets on loopback, both connected. */
async function pairOf(version: 'vut/1' | 'vut/0.8'): Promise<readonly [VUDPTransport, VUDPTransport]> {
  const far = await VDatagramSocket.bind({ host: '127.0.0.1' })
  const near = await VDatagramSocket.bind({ host: '127.0.0.1' })
  const a = new Transport(reactor, {
    ...SOON,
    version,
    socket: near,
    peer: far.localPeer,
    secret: SECRET_A,
    peerSecret: SECRET_B,
  })
  const b = new Transport(reactor, {
    ...SOON,
    version,
    socket: far,
    peer: near.localPeer,
    secret: SECRET_B,
    peerSecret: SECRET_A,
  })
  await Promise.all([a.whenConnected, b.whenConnected])
  return [a, b]
}

/** Where nobody listens: a port that was just given back. */
async function deadPeer(): Promise<VIPSocketPeer> {
  const socket = await VDatagramSocket.bind({ host: '127.0.0.1' })
  const { host, port } = socket.localPeer
  await socket[Symbol.asyncDispose]()
  return new VIPSocketPeer(host, port)
}

/** Sends a pattern and checks the one that comes; true once it has come to its end. */
function flow(transport: VUDPTransport, seeds: readonly [number, number], total: number): () => boolean {
  const checker = new VPatternChecker(new VBytePattern(seeds[1]))
  const sink = new VProbeConsumer({
    grantAtAttach: null,
    hooks: { received: () => checker.feed(sink.received.pop()) },
  })
  const source = new VProbeProducer({ reactor })
  transport.byteProduce.attach(sink)
  transport.byteConsume.attach(source)
  source.feed(new VByteBuffer(new VBytePattern(seeds[0]).take(total)))
  source.end()
  return () => {
    if (sink.ended === null) return false
    expect([checker.position, sink.ended.clean]).toEqual([total, true])
    return true
  }
}

describe.each(VERSIONS)('%s over UDP', (version) => {
  it('carries 10 MB both ways, and nothing is left afterwards', async () => {
    const [a, b] = await pairOf(version)
    const total = 10_000_000
    const flows = [flow(a, [1, 2], total), flow(b, [2, 1], total)]
    await until(() => flows.every((done) => done()), 50_000)
    for (const side of [a, b]) {
      expect(await side.whenClosed).toBeInstanceOf(VFIOCompleted)
      await side.whenReleased
      expect(side.sock.closed).not.toBeNull()
      const { streamBytesAcked, streamBytesRead } = side.stats()
      expect([streamBytesAcked, streamBytesRead]).toEqual([total, total])
    }
    await sleep(20)
    expect(process.getActiveResourcesInfo()).not.toContain('UDPSocketWrap')
  })

  it('is opened by one call, and closed at the end of its scope', async () => {
    const far = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const near = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const { localPeer } = near
    near.close()
    const opening = openVUDP(reactor, {
      ...SOON,
      version,
      bind: { host: '127.0.0.1', port: localPeer.port },
      peer: far.localPeer,
      secret: SECRET_A,
      peerSecret: SECRET_B,
    })
    const there = new Transport(reactor, {
      ...SOON,
      version,
      socket: far,
      peer: localPeer,
      secret: SECRET_B,
      peerSecret: SECRET_A,
    })
    const sink = new VProbeConsumer({ grantAtAttach: null })
    there.byteProduce.attach(sink)
    {
      await using transport = await opening
      expect([transport.version, transport.wasConnected]).toEqual([version, true])
      const source = new VProbeProducer({ reactor })
      transport.byteConsume.attach(source)
      source.feed(new VByteBuffer(Buffer.from('within the scope')))
      await until(() => transport.stats().streamBytesAcked === 16)
    }
    await until(() => sink.ended !== null)
    expect([String(sink.received.peek()), sink.ended?.clean]).toEqual(['within the scope', true])
    there.closeIO(new VFIOLost())
    await there.whenReleased
  })

  it('gives up in time where nobody answers, and leaves nothing', async () => {
    const options = { version, peer: await deadPeer(), secret: SECRET_A, peerSecret: SECRET_B }
    const bind = { host: '127.0.0.1' }
    await expect(openVUDP(reactor, { ...options, bind, timeoutMs: 60 })).rejects.toThrow(VIOTimeout)
    const abort = new AbortController()
    const opening = openVUDP(reactor, { ...options, bind, signal: abort.signal })
    setTimeout(() => abort.abort(new Error('changed my mind')), 30)
    await expect(opening).rejects.toThrow('changed my mind')
    await expect(openVUDP(reactor, { ...options, bind, signal: abort.signal })).rejects.toThrow(
      'changed my mind',
    )
    const own = { ...options, bind, handshakeTimeoutMs: 60 }
    await expect(openVUDP(reactor, own)).rejects.toThrow('code 10')
    await sleep(20)
    expect(process.getActiveResourcesInfo()).not.toContain('UDPSocketWrap')
  })

  it('is not connected with another secret', async () => {
    const far = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const wrong: unknown[] = []
    const there = new Transport(reactor, {
      version,
      socket: far,
      peer: new VIPSocketPeer('127.0.0.1', 9),
      secret: SECRET_B,
      peerSecret: Buffer.alloc(32, 3),
      onInvalidMac: (from) => wrong.push(from),
      onInvalidPeer: (from) => wrong.push(from),
    })
    const here = { version, peer: far.localPeer, secret: SECRET_A, peerSecret: SECRET_B, timeoutMs: 150 }
    await expect(openVUDP(reactor, { ...here, bind: { host: '127.0.0.1' } })).rejects.toThrow(VIOTimeout)
    expect(wrong.length).toBeGreaterThan(0)
    expect(there.wasConnected).toBe(false)
    there.closeIO(new VFIOLost())
    await there.whenReleased
  })

  it('leaves no socket open when the options are wrong', async () => {
    const peer = await deadPeer()
    const wrong = { version, peer, secret: undefined as never, peerSecret: SECRET_B }
    await expect(openVUDP(reactor, wrong)).rejects.toThrow(TypeError)
    await sleep(20)
    expect(process.getActiveResourcesInfo()).not.toContain('UDPSocketWrap')
  })

  it('serves many peers on one socket', async () => {
    const bind = (): Promise<VDatagramSocket> => VDatagramSocket.bind({ host: '127.0.0.1' })
    const [one, two] = [await bind(), await bind()]
    const [here, there] = [
      new VUDPEndpoint(reactor, { socket: one }),
      new VUDPEndpoint(reactor, { socket: two }),
    ]
    const count = version === 'vut/1' ? 10 : 1
    const dones = Array.from({ length: count }, (_, index) => {
      const [own, other] = [Buffer.alloc(32, index + 1), Buffer.alloc(32, 100 + index)]
      const to = here.connect({ ...SOON, version, peer: two.localPeer, secret: own, peerSecret: other })
      const back = there.connect({ ...SOON, version, peer: one.localPeer, secret: other, peerSecret: own })
      return [flow(to, [index, 50 + index], 50_000), flow(back, [50 + index, index], 50_000)]
    }).flat()
    await until(() => dones.every((done) => done()))
    here.close()
    there.close()
    await Promise.all([here.whenReleased, there.whenReleased])
  })
})

describe('a transport in a chain', () => {
  it('is what the facade takes at either end', async () => {
    const [a, b] = await pairOf('vut/1')
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const source = new VProbeProducer({ reactor })
    const sending = chain(source, a)
    const receiving = chain(b, sink)
    source.feed(new VByteBuffer(Buffer.from('through the facade')))
    source.end()
    expect((await sending.done).clean).toBe(true)
    expect((await receiving.done).clean).toBe(true)
    expect(String(sink.received.peek())).toBe('through the facade')
    a.closeIO(new VFIOLost())
    await Promise.all([a.whenReleased, b.whenReleased])
  })
})
