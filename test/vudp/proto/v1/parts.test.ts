/**
 * Small parts of VUT/1 by themselves: numbers, windows, silence, closing, queues, the trace.
 */
import { VFIOCompleted, VFIOLost, VIPSocketPeer } from '@vio/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DatagramBuilder } from '../../../../packages/vudp/src/proto/v1/builder.js'
import { Candidates } from '../../../../packages/vudp/src/proto/v1/candidates.js'
import { Closing } from '../../../../packages/vudp/src/proto/v1/closing.js'
import { Fifo } from '../../../../packages/vudp/src/proto/v1/fifo.js'
import { ReceiveWindow } from '../../../../packages/vudp/src/proto/v1/flow.js'
import { keptBytes, keptCopy } from '../../../../packages/vudp/src/proto/v1/kept.js'
import { Liveness } from '../../../../packages/vudp/src/proto/v1/liveness.js'
import { Path } from '../../../../packages/vudp/src/proto/v1/path.js'
import { ReplayWindow, wholeNumber } from '../../../../packages/vudp/src/proto/v1/protection.js'
import { SentPacket } from '../../../../packages/vudp/src/proto/v1/sent.js'
import { StreamOutput } from '../../../../packages/vudp/src/proto/v1/stream-output.js'
import { UnreliableQueue } from '../../../../packages/vudp/src/proto/v1/unreliable.js'
import { propertyRuns } from '../../../lib/runs.js'
import { Pair, Reader, writer } from './pair.js'

const PEER = new VIPSocketPeer('10.0.0.1', 1)

describe('whole numbers', () => {
  it('are the ones nearest to what comes next (RFC 9000 appendix A.3)', () => {
    const word = 2 ** 32
    expect(wholeNumber(0, -1)).toBe(0)
    expect(wholeNumber(word - 1, word - 2)).toBe(word - 1)
    expect(wholeNumber(0, word - 1)).toBe(word)
    expect(wholeNumber(5, word - 10)).toBe(word + 5)
    expect(wholeNumber(word - 5, word + 10)).toBe(word - 5)
    expect(wholeNumber(0x9b32, 0xa82f30ea)).toBe(0x9b32 + word)
    expect(wholeNumber(7, 3)).toBe(7)
  })

  it('come back from their low half wherever the highest one is', () => {
    const steps = fc.tuple(fc.nat({ max: 2 ** 50 }), fc.integer({ min: -(2 ** 30), max: 2 ** 30 }))
    fc.assert(
      fc.property(steps, ([largest, step]) => {
        const number = Math.max(0, largest + step)
        expect(wholeNumber(number % 2 ** 32, largest)).toBe(number)
      }),
    )
  })
})

describe('ReplayWindow', () => {
  it('knows the last 4096 numbers, and takes older ones for known (against a set)', () => {
    const jumps = fc.array(
      fc.oneof(fc.integer({ min: -5000, max: 100 }), fc.integer({ min: 0, max: 9000 })),
      {
        maxLength: 300,
      },
    )
    fc.assert(
      fc.property(jumps, (steps) => {
        const window = new ReplayWindow()
        const seen = new Set<number>()
        let largest = -1
        for (const step of steps) {
          const number = Math.max(0, largest + step)
          const isOld = number <= largest - 4096
          expect(window.has(number)).toBe(isOld || seen.has(number))
          if (!isOld && !seen.has(number)) window.add(number)
          if (!isOld) seen.add(number)
          largest = Math.max(largest, isOld ? -1 : number)
          expect(window.largest).toBe(largest)
        }
      }),
    )
  })
})

describe('ReceiveWindow', () => {
  it('asks for a new limit when an eighth was read', () => {
    const window = new ReceiveWindow(1000, 1000)
    expect(window.onRead(124)).toBe(false)
    expect(window.onRead(1)).toBe(true)
    expect(window.nextLimit(0, 10)).toBe(1125)
    expect(window.onRead(100)).toBe(false)
  })

  it('does not grow for a slow reader, and never falls', () => {
    const window = new ReceiveWindow(1000, 8000)
    let limit = 1000
    for (let now = 0; now < 10_000; now += 100) {
      window.onRead(250)
      const next = window.nextLimit(now, 10)
      expect(next).toBeGreaterThanOrEqual(limit)
      limit = next
    }
    expect(window.windowBytes).toBe(1000)
  })

  it('doubles for a fast one, up to its bound', () => {
    const window = new ReceiveWindow(1000, 5000)
    const sizes = new Set<number>()
    for (let now = 0; now < 200; now += 1) {
      window.onRead(window.windowBytes / 4)
      window.nextLimit(now, 10)
      sizes.add(window.windowBytes)
    }
    expect([...sizes]).toEqual([1000, 2000, 4000, 5000])
  })
})

describe('Liveness', () => {
  it('counts silence from the last datagram, and from the first question after it', () => {
    const liveness = new Liveness(30_000, 15_000)
    expect(liveness.idleAt(10)).toBe(Number.POSITIVE_INFINITY)
    liveness.start(1000, 20_000)
    expect(liveness.idleAt(10)).toBe(21_000)
    liveness.onAsked(5000)
    expect(liveness.idleAt(10)).toBe(25_000)
    liveness.onAsked(9000)
    expect(liveness.idleAt(10)).toBe(25_000)
    liveness.onReceived(10_000)
    expect(liveness.idleAt(10)).toBe(30_000)
  })

  it('waits three probe time-outs at least', () => {
    const liveness = new Liveness(100, 15_000)
    liveness.start(0, 50)
    expect(liveness.idleAt(1000)).toBe(3000)
  })

  it('asks for a PING after 15 s without a question', () => {
    const liveness = new Liveness(30_000, 15_000)
    liveness.start(0, 30_000)
    expect(liveness.pingAt).toBe(15_000)
    liveness.onReceived(10_000)
    expect(liveness.pingAt).toBe(15_000)
    liveness.onAsked(12_000)
    expect(liveness.pingAt).toBe(27_000)
    liveness.owesPing = true
    expect(liveness.pingAt).toBe(Number.POSITIVE_INFINITY)
    const never = new Liveness(30_000, Number.POSITIVE_INFINITY)
    never.start(0, 30_000)
    expect(never.pingAt).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('Closing', () => {
  it('ends once, whoever begins', () => {
    const closing = new Closing()
    expect(closing.begin(new VFIOCompleted(), 0, '', 100)).toBe(true)
    expect(closing.begin(new VFIOLost(), 1, '', 200)).toBe(false)
    expect(closing.reason).toBeInstanceOf(VFIOCompleted)
    expect(closing.dueAt).toBe(100)
    // The peer has heard it: nothing is left to say.
    expect(closing.beginByPeer(new VFIOLost(), 1, 300)).toBe(false)
    expect(closing.state).toBe('drained')
    expect(closing.owesClose).toBe(false)
    expect(closing.dueAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('answers 64 datagrams and no more, and none after an end by the peer', () => {
    const closing = new Closing()
    const builder = new DatagramBuilder()
    closing.begin(new VFIOLost(), 1, 'gone', 100)
    let told = 0
    for (let round = 0; round < 100; round += 1) {
      if (closing.owesClose) {
        builder.begin(Buffer.alloc(200), 0, 200, new SentPacket())
        closing.write(builder)
        told += 1
      }
      closing.onDatagram()
    }
    expect(told).toBe(64)
    const other = new Closing()
    other.beginByPeer(new VFIOLost(), 1, 100)
    expect(other.owesClose).toBe(true)
    builder.begin(Buffer.alloc(200), 0, 200, new SentPacket())
    other.write(builder)
    other.onDatagram()
    expect(other.owesClose).toBe(false)
  })
})

describe('StreamOutput', () => {
  it('tells its end with the last byte, or after it', () => {
    const output = new StreamOutput(1000)
    output.write(Buffer.alloc(10))
    expect(output.isFinalAt(10)).toBe(false)
    output.finish()
    expect(output.isFinalAt(9)).toBe(false)
    expect(output.isFinalAt(10)).toBe(true)
    output.onSent(0, 10, true)
    expect(output.hasLost).toBe(false)
    output.onLost(0, 10, true)
    expect(output.hasLost).toBe(true)
    output.onSent(0, 10, true)
    expect(output.onAcked(0, 10, true)).toBe(10)
    expect(output.isComplete).toBe(true)
    const late = new StreamOutput(1000)
    late.write(Buffer.alloc(5))
    late.onSent(0, 5, false)
    late.finish()
    expect(late.hasLost).toBe(true)
    expect(late.finish()).toBe(false)
  })

  it('tells once for each limit that it stands there', () => {
    const output = new StreamOutput(10)
    output.write(Buffer.alloc(30))
    expect(output.takeBlocked()).toBe(false)
    output.onSent(0, 10, false)
    expect(output.hasFresh).toBe(false)
    expect([output.takeBlocked(), output.takeBlocked()]).toEqual([true, false])
    expect(output.raiseLimit(10)).toBe(false)
    expect(output.raiseLimit(20)).toBe(true)
    expect(output.freshBytes).toBe(10)
    expect(output.takeBlocked()).toBe(false)
    output.onSent(10, 10, false)
    expect(output.takeBlocked()).toBe(true)
  })

  it('sends nothing after a reset, which ends where it had come to', () => {
    const output = new StreamOutput(1000)
    output.write(Buffer.alloc(30))
    output.onSent(0, 20, false)
    expect(output.reset(7)).toBe(true)
    expect(output.reset(8)).toBe(false)
    expect([output.hasFresh, output.hasLost, output.owesReset]).toEqual([false, false, true])
    expect(output.finalOffset).toBe(20)
    output.onLost(0, 20, false)
    expect(output.hasLost).toBe(false)
    output.onReset('sent')
    output.onReset('lost')
    expect(output.owesReset).toBe(true)
    output.onReset('sent')
    output.onReset('acked')
    expect([output.isDone, output.isComplete]).toEqual([true, false])
  })
})

describe('bytes that are kept', () => {
  it('share no byte, whatever their sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 300 }), (sizes) => {
        const copies = sizes.map((size, index) => keptCopy(Buffer.alloc(size, index)))
        for (const [index, copy] of copies.entries()) {
          expect(copy.equals(Buffer.alloc(sizes[index] as number, index))).toBe(true)
        }
        expect(keptBytes(9).length).toBe(9)
      }),
      propertyRuns(20),
    )
  })
})

describe('a path', () => {
  it('lets three times as much go as came, until it is proved', () => {
    const path = new Path(PEER, { congestion: 'cubic', boundBytes: 1472, random: () => 0.5 })
    expect(path.allowedBytes).toBe(0)
    path.onReceived(0, 100)
    path.onTransmit(120)
    expect(path.allowedBytes).toBe(180)
    path.validate(5)
    expect(path.allowedBytes).toBe(Number.POSITIVE_INFINITY)
    expect(path.provenAt).toBe(5)
  })
})

describe('Candidates', () => {
  it('are eight at most, each once, and none is served after the end', () => {
    const candidates = new Candidates(true)
    for (let at = 1; at <= 20; at += 1) candidates.add(0, new VIPSocketPeer('10.0.0.1', at))
    candidates.add(0, new VIPSocketPeer('10.0.0.1', 3))
    expect(candidates.all).toHaveLength(8)
    expect(candidates.find(new VIPSocketPeer('10.0.0.1', 8))?.peer.port).toBe(8)
    expect(candidates.dueAt).toBe(0)
    candidates.end()
    expect(candidates.dueAt).toBe(Number.POSITIVE_INFINITY)
    const ended = new Candidates(true)
    ended.end()
    ended.add(0, PEER)
    expect(ended.dueAt).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('queues', () => {
  it('give what was put in, in order (against an array)', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 600 }), (steps) => {
        const fifo = new Fifo<number>()
        const model: number[] = []
        for (const [at, isPush] of steps.entries()) {
          if (isPush) {
            fifo.push(at)
            model.push(at)
          } else expect(fifo.shift()).toBe(model.shift())
          expect(fifo.length).toBe(model.length)
          expect(fifo.first).toBe(model[0])
        }
      }),
    )
  })

  it('of unreliable datagrams drop the oldest, and what does not fit', () => {
    const queue = new UnreliableQueue()
    expect(queue.send(Buffer.alloc(1), 1000)).toBe(false)
    queue.peerMaxBytes = 100
    expect(queue.send(Buffer.alloc(101), 1000)).toBe(false)
    expect(queue.send(Buffer.alloc(100), 50)).toBe(false)
    for (let at = 0; at < 300; at += 1) expect(queue.send(Buffer.of(at % 256, at >> 8), 1000)).toBe(true)
    expect(queue.dropped).toBe(44)
    const builder = new DatagramBuilder()
    builder.begin(Buffer.alloc(100), 0, 13 + 16 + 9, new SentPacket())
    queue.write(builder, true)
    expect(builder.bytes.subarray(13, builder.at)).toEqual(Buffer.from([0x30, 2, 44, 0, 0x30, 2, 45, 0]))
    queue.clear()
    expect(queue.hasWork).toBe(false)
  })
})

describe('the trace', () => {
  it('tells what happens in the names of qlog, and never a secret, an id, a token or a payload', () => {
    const events: { now: number; name: string; data: Readonly<Record<string, unknown>> }[] = []
    const trace = {
      event: (now: number, name: string, data: Readonly<Record<string, unknown>>) =>
        events.push({ now, name, data }),
    }
    const pair = new Pair({ loss: 0.1, seed: 4, left: { trace, datagramsPerKey: 20 } })
    const write = writer(pair.left.connection.stream, 100_000)
    const reader = new Reader(pair.right.connection.stream)
    pair.until(() => {
      if (pair.left.connection.connected && pair.right.connection.connected) write()
      reader.read()
      return reader.received === 100_000
    })
    pair.right.connection.stream.finish()
    pair.drain()
    const names = new Set(events.map(({ name }) => name))
    for (const name of [
      'connectivity:connection_state_updated',
      'connectivity:connection_closed',
      'transport:packet_sent',
      'transport:packet_received',
      'recovery:packet_lost',
      'recovery:metrics_updated',
      'security:key_updated',
    ]) {
      expect(names).toContain(name)
    }
    const keyTypes = events
      .filter(({ name }) => name === 'security:key_updated')
      .map(({ data }) => data['key_type'])
    expect(new Set(keyTypes)).toEqual(new Set(['client_1rtt_secret']))
    const sent = events.filter(({ name }) => name === 'transport:packet_sent')
    expect(sent.map(({ data }) => (data['header'] as { packet_number: number }).packet_number)).toEqual(
      sent.map((_, at) => at),
    )
    for (const { data } of events) {
      JSON.stringify(data, (_key, value) => {
        expect(value instanceof Uint8Array || (typeof value === 'object' && value?.type === 'Buffer')).toBe(
          false,
        )
        return value
      })
    }
    for (let at = 1; at < events.length; at += 1)
      expect(events[at]?.now).toBeGreaterThanOrEqual(events[at - 1]?.now as number)
  })
})
