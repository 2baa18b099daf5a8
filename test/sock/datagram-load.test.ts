/**
 * Datagram sockets under load: what is held stays bounded, and buffers are given back.
 *
 * A system that is full cannot be had on the loopback of every machine, so the socket of Node is made to say that it is.
 */
import { Socket } from 'node:dgram'
import { VFIOCompleted, VFIOLost, type VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { VDatagramSocket } from '@vio/sock'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { DatagramQueue } from '../../packages/sock/src/datagram-queue.js'
import { PeerCache, wireHost } from '../../packages/sock/src/peer-cache.js'
import { batchOf, texts, turns, until } from './support/datagrams.js'

afterEach(() => vi.restoreAllMocks())

/** Holds back what is sent, as a system that is full does, until `drain`. */
function fullSystem(): { readonly held: string[]; drain(): void } {
  const waiting: Array<() => void> = []
  const held: string[] = []
  const send = (bytes: Buffer, offset: number, length: number, ...more: unknown[]): void => {
    const done = more.at(-1) as (error: Error | null) => void
    // Like the system, it reads the bytes when they leave and not before.
    waiting.push(() => {
      held.push(bytes.toString('utf8', offset, offset + length))
      done(null)
    })
  }
  vi.spyOn(Socket.prototype, 'send').mockImplementation(send as Socket['send'])
  vi.spyOn(Socket.prototype, 'getSendQueueCount').mockImplementation(() => waiting.length)
  return {
    held,
    drain: () => {
      for (const each of waiting.splice(0)) each()
    },
  }
}

describe('a datagram socket whose system is full', () => {
  it('refuses more until all has left, says when, and keeps the bytes as they were', async () => {
    const system = fullSystem()
    await using port = await VDatagramSocket.bind({ host: '127.0.0.1' })
    let changes = 0
    port.onReady(() => {
      changes += 1
    })
    const batch = batchOf(port.localPeer, 'first', 'secnd')
    const { buffer } = batch
    expect(port.send(batch)).toBe(2)
    expect(batch.buffer).not.toBe(buffer)
    expect(batch.buffer.length).toBe(buffer.length)
    expect(port.writable).toBe(false)
    batch.begin(port.localPeer)
    batch.commit(batch.buffer.write('third'))
    expect(port.send(batch)).toBe(0)
    expect(batch.count).toBe(1)
    expect(changes).toBe(0)
    system.drain()
    expect(changes).toBe(1)
    expect(port.writable).toBe(true)
    expect(system.held).toEqual(['first', 'secnd'])
    expect(port.send(batch)).toBe(1)
    // The buffer that was kept is given again: there are two, however often the system is full.
    expect(batch.buffer).toBe(buffer)
    system.drain()
    expect(system.held).toEqual(['first', 'secnd', 'third'])
    expect(port.counts.sent).toBe(3)
  })

  it('sends what it accepted before a clean close, and drops it for any other', async () => {
    const system = fullSystem()
    const close = vi.spyOn(Socket.prototype, 'close')
    const port = await VDatagramSocket.bind({ host: '127.0.0.1' })
    port.send(batchOf(port.localPeer, 'last'))
    port.close(new VFIOCompleted())
    expect(close).not.toHaveBeenCalled()
    system.drain()
    expect(close).toHaveBeenCalledTimes(1)
    const other = await VDatagramSocket.bind({ host: '127.0.0.1' })
    other.send(batchOf(other.localPeer, 'last'))
    other.close(new VFIOLost())
    expect(close).toHaveBeenCalledTimes(2)
    system.drain()
    expect(close).toHaveBeenCalledTimes(2)
  })

  it('takes no more than it can keep account of within a turn', async () => {
    await using port = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const batch = new VTransmitBatch(Buffer.alloc(64))
    let accepted = 0
    const sendOne = (): number => {
      if (batch.count === 0) {
        batch.begin(port.localPeer)
        batch.commit(1)
      }
      return port.send(batch)
    }
    while (sendOne() === 1) accepted += 1
    expect(accepted).toBe(8192)
    expect(port.writable).toBe(false)
    await until(() => port.writable)
    expect(sendOne()).toBe(1)
  })
})

describe('100,000 datagrams', () => {
  it('leave nothing behind, neither at the sender nor at the receiver', async () => {
    await using a = await VDatagramSocket.bind({ host: '127.0.0.1' })
    await using b = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const peers = new Set<VIPSocketPeer>()
    const handleDatagram = (_bytes: Buffer, _start: number, _end: number, from: VIPSocketPeer): void => {
      peers.add(from)
    }
    const batch = new VTransmitBatch()
    const buffers = new Set<Buffer>()
    const round = async (count: number): Promise<void> => {
      for (let left = count; left > 0; left -= 20) {
        batch.begin(b.localPeer)
        for (let at = 0; at < 20; at += 1) batch.commit(200)
        expect(a.send(batch)).toBe(20)
        buffers.add(batch.buffer)
        await turns(1)
        b.receive({ handleDatagram })
      }
    }
    const heapAfter = async (count: number): Promise<number> => {
      await round(count)
      await turns(4)
      globalThis.gc?.()
      return process.memoryUsage().heapUsed
    }
    const before = await heapAfter(20_000)
    const after = await heapAfter(80_000)
    b.receive({ handleDatagram })
    expect(a.counts.sent).toBe(100_000)
    expect(a.counts.sendErrors).toBe(0)
    expect(b.counts.received + b.counts.dropped).toBeGreaterThan(99_000)
    expect(peers.size).toBe(1)
    expect(buffers.size).toBeLessThanOrEqual(2)
    // Without a collection on demand the heap says little; a thousand bytes a datagram would show even then.
    expect(after - before).toBeLessThan(globalThis.gc === undefined ? 60e6 : 4e6)
  })
})

describe('the queue of what has arrived', () => {
  const peer = new PeerCache().get('127.0.0.1', 9)

  it('keeps the order while it grows and turns around', () => {
    const queue = new DatagramQueue(1e6)
    let put = 0
    let taken = 0
    for (let round = 0; round < 200; round += 1) {
      for (let at = 0; at < 7; at += 1) queue.push(Buffer.from(String(put++)), peer)
      for (let at = 0; at < 6; at += 1) expect(String(queue.shift())).toBe(String(taken++))
    }
    expect(queue.length).toBe(put - taken)
    expect(queue.firstPeer).toBe(peer)
    queue.clear()
    expect(queue.shift()).toBeUndefined()
    expect(queue.firstPeer).toBeUndefined()
  })

  it('charges empty datagrams too, and always has room for one', () => {
    const queue = new DatagramQueue(1000)
    expect(queue.push(Buffer.alloc(5000), peer)).toBe(true)
    expect(queue.push(Buffer.alloc(0), peer)).toBe(false)
    queue.shift()
    const pushed = Array.from({ length: 10 }, () => queue.push(Buffer.alloc(0), peer))
    expect(pushed.filter(Boolean).length).toBe(3)
  })
})

describe('the peers of a port', () => {
  it('are the same objects for the same address, and forgotten before they are too many', () => {
    const cache = new PeerCache()
    const first = cache.get('10.0.0.1', 5)
    cache.get('10.0.0.2', 5)
    expect(cache.get('10.0.0.1', 5)).toBe(first)
    for (let at = 0; at < 200_000; at += 1) {
      cache.get(`10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`, 7)
      if (at % 10_000 === 0) expect(cache.get('10.0.0.1', 5)).toBe(first)
    }
    expect(cache.size).toBeLessThanOrEqual(32_768)
    expect(cache.get('10.0.0.2', 5).host).toBe('10.0.0.2')
  })

  it('are told without the form that IPv6 sockets have for IPv4', () => {
    const cache = new PeerCache()
    expect(cache.get('::ffff:10.1.2.3', 9).host).toBe('10.1.2.3')
    expect(cache.get('::ffff:1', 9).host).toBe('::ffff:1')
    const four = cache.get('10.1.2.3', 9)
    const six = cache.get('fe80::1%lo', 9)
    expect(wireHost(four, 6)).toBe('::ffff:10.1.2.3')
    expect(wireHost(six, 6)).toBe('fe80::1%lo')
    expect(wireHost(six, 4)).toBeNull()
  })
})

describe('a socket that nobody reads', () => {
  it('holds what its queue has room for, and counts the rest', async () => {
    await using a = await VDatagramSocket.bind({ host: '127.0.0.1' })
    await using b = await VDatagramSocket.bind({ host: '127.0.0.1', queueBytes: 2600 })
    const batch = new VTransmitBatch()
    for (let at = 0; at < 100; at += 1) {
      batch.begin(b.localPeer)
      batch.commit(1000)
      a.send(batch)
      if (at % 10 === 9) await turns(2)
    }
    await until(() => b.counts.dropped === 98)
    a.send(batchOf(b.localPeer, 'again'))
    await until(() => b.counts.dropped === 99)
    expect(await texts(b, 2)).toHaveLength(2)
    expect(b.counts).toMatchObject({ received: 2, dropped: 99 })
  })
})
