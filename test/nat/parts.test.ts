/**
 * Small parts: bounded queues and outboxes, limits by source, and the probe of a NAT.
 */
import { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import {
  decodeStun,
  encodeStun,
  STUN_ATTRIBUTES,
  VNatProbe,
  type VNatProbeEvent,
  writeErrorCode,
  writeXorAddress,
} from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import { array, assert, boolean, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BoundedQueue, Outbox } from '../../packages/nat/src/outbox.js'
import { SourceLimit, sourceOf } from '../../packages/nat/src/source-limit.js'
import { propertyRuns } from '../lib/runs.js'

const peer = (host: string, port: number) => new VIPSocketPeer(host, port, { socketType: 'dgram' })
const A = peer('198.51.100.1', 1)
const B = peer('198.51.100.2', 2)

describe('BoundedQueue', () => {
  it('gives back in order, and drops the oldest beyond its bound', () => {
    assert(
      property(array(boolean(), { maxLength: 400 }), (pushes) => {
        const queue = new BoundedQueue<number>(10)
        const model: number[] = []
        for (const [at, isPush] of pushes.entries()) {
          if (isPush) {
            queue.push(at)
            model.push(at)
            if (model.length > 10) model.shift()
          } else expect(queue.shift()).toBe(model.shift())
          expect([queue.length, queue.first]).toEqual([model.length, model[0]])
        }
      }),
      propertyRuns(200),
    )
  })

  it('gives back its memory', () => {
    const queue = new BoundedQueue<number>(1_000)
    for (let at = 0; at < 10_000; at += 1) {
      queue.push(at)
      queue.push(at)
      queue.shift()
      queue.shift()
    }
    queue.push(1)
    queue.clear()
    expect([queue.length, queue.first, queue.dropped]).toEqual([0, undefined, 0])
  })
})

describe('Outbox', () => {
  it('batches what goes to one peer in one size, and keeps the order', () => {
    const outbox = new Outbox()
    const sizes: [VIPSocketPeer, number][] = [
      [A, 10],
      [A, 10],
      [A, 4],
      [A, 10],
      [B, 10],
      [A, 20],
    ]
    for (const [to, size] of sizes) outbox.push(to, Buffer.alloc(size))
    const batch = new VTransmitBatch(Buffer.alloc(100))
    const batches: [string, number, number][] = []
    while (outbox.poll(batch)) batches.push([String(batch.peer), batch.count, batch.end - batch.start])
    expect(batches).toEqual([
      [String(A), 3, 24],
      [String(A), 1, 10],
      [String(B), 1, 10],
      [String(A), 1, 20],
    ])
  })

  it('drops what no batch can hold', () => {
    const outbox = new Outbox()
    outbox.push(A, Buffer.alloc(101))
    outbox.push(A, Buffer.alloc(5))
    const batch = new VTransmitBatch(Buffer.alloc(100))
    expect([outbox.poll(batch), batch.end, outbox.isEmpty]).toEqual([true, 5, true])
  })
})

describe('SourceLimit', () => {
  it('lets so many at once, and then so many a second, each source by itself', () => {
    const limit = new SourceLimit({ perSecond: 2, burst: 3 })
    const allowed = (now: number, host: string) =>
      Array.from({ length: 10 }, () => limit.allows(now, host)).filter(Boolean).length
    expect([allowed(0, 'a'), allowed(0, 'b'), allowed(1_000, 'a'), allowed(60_000, 'a')]).toEqual([
      3, 3, 2, 3,
    ])
    expect(limit.refused).toBe(29)
  })

  it('takes 64 bits of IPv6 for one source, and each IPv4 address for one', () => {
    expect(sourceOf('2001:db8:1:2::1')).toBe(sourceOf('2001:db8:1:2:ffff::9'))
    expect(sourceOf('2001:db8:1:2::1')).not.toBe(sourceOf('2001:db8:1:3::1'))
    expect(sourceOf('198.51.100.1')).toBe('198.51.100.1')
  })

  it('remembers a bounded number of sources', () => {
    const limit = new SourceLimit({ perSecond: 1, burst: 1, maxSources: 100 })
    for (let at = 0; at < 10_000; at += 1) limit.allows(0, `source ${at}`)
    expect(limit.size).toBe(100)
  })
})

describe('VNatProbe', () => {
  const server = peer('203.0.113.10', 3478)

  function timesOf(
    test: 'mapping' | 'filtering',
    other?: VIPSocketPeer,
  ): { asked: string[]; events: VNatProbeEvent[]; at: number } {
    const probe = new VNatProbe({ test, local: A, server, other }, new VSeededRandom(1))
    const batch = new VTransmitBatch(Buffer.alloc(2_000))
    const asked: string[] = []
    probe.start(0)
    for (let now = 0; ; now = probe.pollTimeout()) {
      probe.handleTimeout(now)
      while (probe.pollTransmit(now, batch)) asked.push(`${now} ${batch.peer}`)
      const event = probe.pollEvent()
      if (event !== undefined) return { asked, events: [event], at: now }
    }
  }

  it('asks all at once where the addresses of the server are known, and gives up soon', () => {
    const { asked, events, at } = timesOf('mapping', peer('203.0.113.11', 3479))
    expect(asked.slice(0, 4)).toEqual([
      '0 203.0.113.10:3478',
      '0 203.0.113.10:3479',
      '0 203.0.113.11:3478',
      '0 203.0.113.11:3479',
    ])
    expect(asked).toHaveLength(12)
    expect([events, at]).toEqual([[{ type: 'done', samples: [], filtering: {} }], 1_750])
  })

  it('sends to one address only where filtering is looked at', () => {
    const { asked, events } = timesOf('filtering', peer('203.0.113.11', 3479))
    expect(new Set(asked.map((line) => line.split(' ')[1]))).toEqual(new Set(['203.0.113.10:3478']))
    expect(events).toEqual([
      { type: 'done', samples: [], filtering: { fromOtherAddress: false, fromOtherPort: false } },
    ])
  })
  it('asks a server of one address at its two ports, and for its other port only', () => {
    const other = peer(server.host, 3479)
    expect(timesOf('mapping', other).asked.slice(0, 2)).toEqual([
      '0 203.0.113.10:3478',
      '0 203.0.113.10:3479',
    ])
    expect(timesOf('mapping', other).asked).toHaveLength(6)
    const { asked, events } = timesOf('filtering', other)
    expect(new Set(asked.map((line) => line.split(' ')[1]))).toEqual(new Set(['203.0.113.10:3478']))
    expect(events).toEqual([{ type: 'done', samples: [], filtering: { fromOtherPort: false } }])
  })

  it('asks again, and plainly, where the server knows nothing of changes', () => {
    const probe = new VNatProbe({ test: 'mapping', local: A, server }, new VSeededRandom(1))
    const batch = new VTransmitBatch(Buffer.alloc(2_000))
    const questions: string[] = []
    probe.start(0)
    for (let round = 0; round < 5; round += 1) {
      while (probe.pollTransmit(0, batch)) {
        const asked = decodeStun(Buffer.from(batch.buffer.subarray(batch.start, batch.end)))
        batch.clear()
        if (asked === undefined) throw new Error('the question was not read')
        const { transactionId, attributes } = asked
        const isPlain = attributes.every(({ type }) => type !== STUN_ATTRIBUTES.CHANGE_REQUEST)
        questions.push(isPlain ? 'plain' : 'change')
        const answer = isPlain
          ? { type: STUN_ATTRIBUTES.XOR_MAPPED_ADDRESS, value: writeXorAddress(A, transactionId) }
          : {
              type: STUN_ATTRIBUTES.ERROR_CODE,
              value: writeErrorCode({ code: 420, reason: 'Unknown Attribute' }),
            }
        const kind = isPlain ? 'success' : 'error'
        probe.handleDatagram(0, server, encodeStun({ class: kind, transactionId, attributes: [answer] }))
      }
    }
    expect(questions).toEqual(['change', 'plain'])
    expect(probe.pollEvent()).toMatchObject({ type: 'mapped' })
    expect(probe.pollEvent()).toMatchObject({ type: 'done', samples: [{ mapped: A }] })
  })
})
