/**
 * `VUDPTransport`: how it is made, what the chain is asked and told, streams, hooks, and what is left when it is over.
 */
import {
  type IVByteConsumer,
  VByteBuffer,
  VFIOCompleted,
  VFIOLost,
  VIOError,
  VIPSocketPeer,
  type VPeer,
} from '@vio/io'
import { VBytePattern, VProbeConsumer, VProbeProducer, VTestBench } from '@vio/io/testing'
import { VUDPTransport, type VUDPTransportOptions, type VUDPVersion } from '@vio/vudp'
import { describe, expect, it, vi } from 'vitest'
import { type MemoryPort, memoryPorts } from './memory-ports.js'
import { SECRET_A, SECRET_B } from './rigs.js'

const VERSIONS: readonly VUDPVersion[] = ['vut/0.8', 'vut/1']
const PATTERN = new VBytePattern(5)

interface Both {
  readonly bench: VTestBench
  readonly a: VUDPTransport
  readonly b: VUDPTransport
  readonly ports: readonly [MemoryPort, MemoryPort]
}

type More = Partial<VUDPTransportOptions>

/** Two transports, joined in memory; they have not had a turn yet. */
function both(version: VUDPVersion, moreA: More = {}, moreB: More = {}): Both {
  const bench = new VTestBench()
  const ports = memoryPorts()
  const make = (index: 0 | 1, more: More): VUDPTransport =>
    new VUDPTransport(bench.reactor, {
      version,
      socket: ports[index],
      peer: ports[index === 0 ? 1 : 0].localPeer,
      secret: index === 0 ? SECRET_A : SECRET_B,
      peerSecret: index === 0 ? SECRET_B : SECRET_A,
      ...more,
    })
  return { bench, a: make(0, moreA), b: make(1, moreB), ports }
}

/** A consumer that answers and notes control messages. */
function listener(allowed = true): { consumer: VProbeConsumer; seen: string[] } {
  const seen: string[] = []
  const handlers = {
    canConnect: (peer: VPeer): boolean => {
      seen.push(`canConnect ${peer}`)
      return allowed
    },
    connected: (peer: VPeer): void => void seen.push(`connected ${peer}`),
  }
  return { consumer: new VProbeConsumer({ grantAtAttach: null, handlers }), seen }
}

function exchange(io: { byteConsume: IVByteConsumer }, bench: VTestBench, bytes: Buffer): void {
  const source = new VProbeProducer({ reactor: bench.reactor })
  io.byteConsume.attach(source)
  source.feed(new VByteBuffer(bytes))
}

describe('making a transport', () => {
  const [port] = memoryPorts()
  const good = { socket: port, peer: port.localPeer, secret: SECRET_A, peerSecret: SECRET_B }
  const { reactor } = new VTestBench()

  it.each([
    ['no socket', { socket: undefined }, TypeError, 'needs a port'],
    ['what is no port', { socket: {} }, TypeError, 'needs a port'],
    ['no peer', { peer: undefined }, TypeError, 'address of its peer'],
    ['no secret', { secret: undefined }, TypeError, 'needs its secret'],
    ['no secret of the peer', { peerSecret: undefined }, TypeError, 'needs its peerSecret'],
    ['a secret that is text', { secret: 'secret' }, TypeError, 'needs its secret'],
    ['a version that does not exist', { version: 'vut/2' }, TypeError, "'vut/1' or 'vut/0.8'"],
    ['a buffer without room', { version: 'vut/0.8', bufLen: 100 }, RangeError, 'bufLen is 640'],
  ])('is refused with %s [VE-116]', (_name, wrong, kind, words) => {
    const make = (): VUDPTransport => new VUDPTransport(reactor, { ...good, ...wrong } as never)
    expect(make).toThrow(kind)
    expect(make).toThrow(words)
  })

  it('is refused on a socket that is not bound, or is closed [VE-116]', () => {
    const unbound = { send: () => 0, localPeer: new VIPSocketPeer('', 0), closed: null }
    const make = (socket: unknown) => () => new VUDPTransport(reactor, { ...good, socket } as never)
    expect(make(unbound)).toThrow(VIOError)
    expect(make(unbound)).toThrow('is not bound')
    const [closed] = memoryPorts()
    closed.close()
    expect(make(closed)).toThrow(VIOError)
    expect(make(closed)).toThrow('is closed')
  })
})

describe.each(VERSIONS)('a transport of %s', (version) => {
  it('has the members of a chain end that reads and writes by itself [VE-119]', () => {
    const { bench, a, ports } = both(version)
    expect(a.byteIO.consumer).toBe(a.byteConsume)
    expect(a.byteIO.producer).toBe(a.byteProduce)
    expect([a.reactor, a.log, a.sock, a.version]).toEqual([
      bench.reactor,
      bench.reactor.log,
      ports[0],
      version,
    ])
    for (const name of [
      'closeInput',
      'closeOutput',
      'closeIO',
      'startReading',
      'stopReading',
      'doRead',
    ] as const) {
      expect(typeof a[name]).toBe('function')
    }
    expect(a.fileno()).toBe(-1)
    Object.assign(ports[0], { fileno: () => 7 })
    expect(a.fileno()).toBe(7)
  })

  it('asks the chain when the peer has proved itself, then tells it, then gives data [VE-S29]', async () => {
    const { bench, a, b, ports } = both(version)
    const { consumer, seen } = listener()
    a.byteProduce.attach(consumer)
    expect(seen).toEqual([])
    bench.settle(100)
    const peer = String(ports[1].localPeer)
    expect(seen).toEqual([`canConnect ${peer}`, `connected ${peer}`])
    expect(await a.whenConnected).toBe(ports[1].localPeer)
    expect(a.wasConnected).toBe(true)
    expect(b.peer?.equals(ports[0].localPeer)).toBe(true)
  })

  it('takes a no of the chain: neither side is connected for long, and both hear why', async () => {
    const { bench, a, b } = both(version)
    const { consumer } = listener(false)
    a.byteProduce.attach(consumer)
    bench.settle(20_000)
    await expect(a.whenConnected).rejects.toThrow('code 8')
    for (const side of [a, b]) {
      expect(await side.whenClosed).toBeInstanceOf(VFIOLost)
    }
    expect(consumer.ended?.clean).toBe(false)
  })

  it('asks about what the peer sent along before it asks the chain', async () => {
    const asked: string[] = []
    const allow = (_peer: VIPSocketPeer, userData: Uint8Array): boolean => {
      asked.push(Buffer.from(userData).toString())
      return false
    }
    const { bench, a } = both(version, { allow }, { userData: Buffer.from('it is me') })
    const { consumer, seen } = listener()
    a.byteProduce.attach(consumer)
    bench.settle(20_000)
    expect(asked).toEqual([version === 'vut/1' ? 'it is me' : ''])
    expect(seen).toEqual([])
    expect(await a.whenClosed).toBeInstanceOf(VFIOLost)
    const broken = both(version, {
      allow: () => {
        throw new Error('cannot say')
      },
    })
    broken.bench.expectFailures()
    broken.bench.settle(20_000)
    expect(await broken.a.whenClosed).toBeInstanceOf(VFIOLost)
    expect(broken.a.wasConnected).toBe(false)
  })

  it('tries further addresses of its peer, where the version can', async () => {
    const nobody = { peer: new VIPSocketPeer('127.0.0.1', 999) }
    const { bench, a, b, ports } = both(version, nobody, nobody)
    bench.settle(10)
    expect(a.wasConnected).toBe(false)
    expect(a.addCandidate(ports[1].localPeer)).toBe(version === 'vut/1')
    bench.settle(5000)
    expect([a.wasConnected, b.wasConnected]).toEqual([version === 'vut/1', version === 'vut/1'])
    if (version === 'vut/1') expect(a.peer?.equals(ports[1].localPeer)).toBe(true)
    expect(a.addCandidate(ports[1].localPeer)).toBe(false)
  })

  it('says nothing of what is written before the connection: it waits in the chain end [VE-S29]', () => {
    const { bench, a, ports } = both(version)
    const far = ports[0].other
    ports[0].other = null
    const source = new VProbeProducer({ reactor: bench.reactor })
    a.byteConsume.attach(source)
    source.feed(new VByteBuffer(Buffer.from('early')))
    bench.settle(5)
    expect(a.device.writeSome(Buffer.from('x'))).toBe(0)
    // The chain end grants its own buffer on attachment, as all of them do; the connection takes nothing yet.
    expect([source.limit, a.bufferedBytes, a.stats().streamBytesWritten]).toEqual([65_536, 5, 0])
    ports[0].other = far
    bench.settle(5000)
    expect(a.wasConnected).toBe(true)
    expect([source.limit, a.bufferedBytes, a.stats().streamBytesWritten]).toEqual([65_541, 0, 5])
  })

  it('takes bufLen for what it holds of a peer at first [VE-116]', () => {
    const { bench, a, b } = both(version, {}, { bufLen: 20_000 })
    exchange(a, bench, PATTERN.take(100_000))
    bench.settle(5000)
    // VUT 0.8 has its hello in it, and moves in steps.
    const { streamBytesReceived } = b.stats()
    expect(streamBytesReceived).toBeGreaterThan(15_000)
    expect(streamBytesReceived).toBeLessThanOrEqual(20_000)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    b.byteProduce.attach(sink)
    bench.settle(60_000)
    expect(sink.received.length).toBe(100_000)
  })

  it('tells its hooks of strangers and of forged datagrams, which change nothing [VE-120] [VE-121]', () => {
    const strange = vi.fn()
    const forged = vi.fn()
    const { bench, a, b, ports } = both(version, { onInvalidPeer: strange, onInvalidMac: forged })
    bench.settle(100)
    // A datagram of the peer that has not arrived.
    ports[1].other = null
    exchange(b, bench, Buffer.from('captured'))
    bench.settle()
    const captured = ports[1].sent.at(-1)?.bytes ?? Buffer.alloc(0)
    const before = a.stats()
    const stranger = new VIPSocketPeer('127.0.0.1', 3333)
    for (let bit = 0; bit < 8; bit += 1) {
      const flipped = Buffer.from(captured)
      flipped[flipped.length - 1] = (flipped[flipped.length - 1] ?? 0) ^ (1 << bit)
      ports[0].arrive(flipped, ports[1].localPeer)
      ports[0].arrive(flipped, stranger)
    }
    for (const bytes of [captured.subarray(0, 12), Buffer.alloc(0)])
      ports[0].arrive(bytes, ports[1].localPeer)
    bench.settle()
    expect(forged.mock.calls.every(([from]) => from === ports[1].localPeer)).toBe(true)
    expect(forged.mock.calls.length).toBeGreaterThan(8)
    expect(strange.mock.calls.map(([from]) => from)).toEqual(new Array(8).fill(stranger))
    const after = a.stats()
    expect(after.datagramsInvalid - before.datagramsInvalid).toBe(forged.mock.calls.length + 8)
    expect([after.datagramsSent, after.streamBytesReceived]).toEqual([before.datagramsSent, 0])
    // As it was, it is taken.
    ports[0].arrive(captured, ports[1].localPeer)
    bench.settle()
    expect(a.stats().streamBytesReceived).toBe(8)
    expect(a.closed).toBe(false)
    expect(a.peer).toBe(ports[1].localPeer)
  })

  it('lets a subclass be the hook [VE-120] [VE-121]', () => {
    const seen: string[] = []
    class Watchful extends VUDPTransport {
      protected override handleInvalidPeer(from: VIPSocketPeer): void {
        seen.push(`peer ${from.port}`)
      }
      protected override handleInvalidMac(from: VIPSocketPeer): void {
        seen.push(`mac ${from.port}`)
      }
    }
    const { bench, ports } = both(version)
    const [port] = memoryPorts()
    const peer = ports[1].localPeer
    const make = { version, socket: port, peer, secret: SECRET_A, peerSecret: SECRET_B }
    const transport = new Watchful(bench.reactor, make)
    port.arrive(Buffer.alloc(50), peer)
    port.arrive(Buffer.alloc(50), new VIPSocketPeer('127.0.0.1', 4))
    bench.settle()
    expect(seen).toEqual(['mac 2222', 'peer 4'])
    transport.closeIO(new VFIOLost())
  })

  it('never sends to another address than its peer [VE-117]', () => {
    const { bench, a, b, ports } = both(version)
    for (let count = 0; count < 20; count += 1) {
      ports[0].arrive(Buffer.alloc(40 + count, 0xc0), new VIPSocketPeer('127.0.0.9', 1000 + count))
    }
    bench.settle(1000)
    exchange(a, bench, PATTERN.take(1000))
    bench.settle(1000)
    b.closeIO(new VFIOCompleted())
    a.closeIO(new VFIOCompleted())
    bench.settle(60_000)
    expect(ports[0].sent.length).toBeGreaterThan(2)
    expect(ports[0].sent.every(({ to }) => to.equals(ports[1].localPeer))).toBe(true)
  })

  it('lets one side end before there is a connection, and the other send', () => {
    const { bench, a, b } = both(version)
    const [source, empty] = [
      new VProbeProducer({ reactor: bench.reactor }),
      new VProbeProducer({ reactor: bench.reactor }),
    ]
    const [sink, nothing] = [
      new VProbeConsumer({ grantAtAttach: null }),
      new VProbeConsumer({ grantAtAttach: null }),
    ]
    a.byteConsume.attach(empty)
    empty.end()
    a.byteProduce.attach(sink)
    b.byteProduce.attach(nothing)
    b.byteConsume.attach(source)
    source.feed(new VByteBuffer(PATTERN.take(3000)))
    source.end()
    bench.settle(60_000)
    expect([sink.received.length, sink.ended?.clean]).toEqual([3000, true])
    expect([nothing.received.length, nothing.ended?.clean]).toEqual([0, true])
    expect([a.closed, b.closed]).toEqual([true, true])
  })

  it('closes its socket when both directions are through and the last is said, and leaves no timer [VE-S32]', async () => {
    const { bench, a, b, ports } = both(version)
    bench.settle(100)
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const source = new VProbeProducer({ reactor: bench.reactor })
      const sink = new VProbeConsumer({ grantAtAttach: null })
      from.byteConsume.attach(source)
      to.byteProduce.attach(sink)
      source.feed(new VByteBuffer(Buffer.from('all of it')))
      source.end()
    }
    bench.settle(1000)
    for (const side of [a, b]) {
      expect(side.closed).toBe(true)
      expect(await side.whenClosed).toBeInstanceOf(VFIOCompleted)
      expect(side.stats().streamBytesRead).toBe(9)
    }
    bench.settle(60_000)
    await Promise.all([a.whenReleased, b.whenReleased])
    expect(ports.map(({ closed }) => closed !== null)).toEqual([true, true])
    expect(bench.host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('may leave the socket open', async () => {
    const { bench, a, ports } = both(version, { keepSocket: true })
    bench.settle(100)
    a.closeIO(new VFIOLost())
    bench.settle(60_000)
    await a.whenReleased
    expect(ports[0].closed).toBeNull()
  })

  it('is lost with its socket, for both directions, and says so', async () => {
    const { bench, a, ports } = both(version)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const source = new VProbeProducer({ reactor: bench.reactor })
    a.byteProduce.attach(sink)
    a.byteConsume.attach(source)
    bench.settle(100)
    ports[0].close(new VFIOLost())
    bench.settle()
    expect(sink.ended?.clean).toBe(false)
    expect(source.aborted).not.toBeNull()
    expect(await a.whenClosed).toBeInstanceOf(VFIOLost)
    await a.whenReleased
  })

  it('is lost when the port refuses its datagrams for good', async () => {
    const { bench, a, ports } = both(version)
    bench.settle(100)
    ports[0].failure = new VIOError('wrong kind of address')
    exchange(a, bench, PATTERN.take(100))
    bench.settle(100)
    const closed = await a.whenClosed
    expect(closed).toBeInstanceOf(VFIOLost)
    expect(closed.value.message).toContain('wrong kind of address')
  })

  it('closes cleanly when it is disposed, with all that was taken delivered', async () => {
    const { bench, a, b } = both(version)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    b.byteProduce.attach(sink)
    bench.settle(100)
    exchange(a, bench, PATTERN.take(5000))
    bench.settle(1)
    const disposed = a[Symbol.asyncDispose]()
    bench.settle(5000)
    await disposed
    expect(sink.received.length).toBe(5000)
    expect(sink.ended?.clean).toBe(true)
  })

  it('that is aborted at any moment ends on both sides, and leaves nothing', async () => {
    for (const turns of [0, 1, 2, 3, 5, 8, 13, 21, 34]) {
      const { bench, a, b } = both(version)
      exchange(a, bench, PATTERN.take(300_000))
      exchange(b, bench, PATTERN.take(300_000))
      b.byteProduce.attach(new VProbeConsumer({ grantAtAttach: null }))
      let left = turns
      const count = (): void => {
        left -= 1
        if (left < 0) a.closeIO(new VFIOLost())
        else bench.reactor.callWhenRunning(count)
      }
      count()
      bench.settle(120_000)
      expect(await a.whenClosed, `after ${turns} turns`).toBeInstanceOf(VFIOLost)
      expect(await b.whenClosed, `after ${turns} turns`).toBeInstanceOf(VFIOLost)
      await Promise.all([a.whenReleased, b.whenReleased])
      expect(bench.host.alarmAt).toBe(Number.POSITIVE_INFINITY)
    }
  })

  it('gives the handshake up in time when nobody answers, or with other secrets', async () => {
    for (const peerSecret of [SECRET_A, Buffer.alloc(32, 9)]) {
      const { bench, a, b, ports } = both(version, {}, { peerSecret })
      if (peerSecret === SECRET_A) ports[0].other = null
      bench.settle(60_000)
      await expect(a.whenConnected).rejects.toThrow()
      expect(await a.whenClosed).toBeInstanceOf(VFIOLost)
      await a.whenReleased
      expect(a.wasConnected).toBe(false)
      expect(b.wasConnected).toBe(false)
    }
  })
})

describe('streams', () => {
  it('of VUT/1 are chain ends of their own, from either side', () => {
    const { bench, a, b } = both('vut/1')
    bench.settle(100)
    const opened = a.openStream()
    expect(opened).not.toBeNull()
    if (opened === null) return
    const sinks: VProbeConsumer[] = []
    exchange(opened, bench, Buffer.from('over another one'))
    bench.settle(100)
    const ids: number[] = []
    b.onStream((stream) => {
      ids.push(stream.id)
      const sink = new VProbeConsumer({ grantAtAttach: null })
      stream.byteProduce.attach(sink)
      sinks.push(sink)
      exchange(stream, bench, Buffer.from('and back'))
    })
    const back = new VProbeConsumer({ grantAtAttach: null })
    opened.byteProduce.attach(back)
    bench.settle(100)
    expect(ids).toEqual([opened.id])
    expect(String(sinks[0]?.received.peek())).toBe('over another one')
    expect(String(back.received.peek())).toBe('and back')
    expect(a.stats().streamBytesAcked).toBe(16)
    // One stream that is broken off leaves the others alone.
    opened.closeIO(new VFIOLost())
    bench.settle(100)
    expect(sinks[0]?.ended?.clean).toBe(false)
    expect([a.closed, b.closed]).toEqual([false, false])
  })

  it('and datagrams are offered where the version has them', () => {
    const got: string[] = []
    const onDatagram = (bytes: Buffer): void => void got.push(bytes.toString())
    const { bench, a } = both('vut/1', { maxUnreliableBytes: 100 }, { maxUnreliableBytes: 100, onDatagram })
    bench.settle(100)
    expect(a.sendDatagram(Buffer.from('perhaps'))).toBe(true)
    bench.settle(100)
    expect(got).toEqual(['perhaps'])
    expect(a.sendDatagram(Buffer.alloc(101))).toBe(false)
    const old = both('vut/0.8')
    old.bench.settle(100)
    expect([old.a.openStream(), old.a.sendDatagram(Buffer.from('x'))]).toEqual([null, false])
    old.a.localAddressChanged()
  })
})
