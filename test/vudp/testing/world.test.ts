/**
 * Worlds: time, determinism, failures that can be replayed, simulated sockets, forgers.
 */
import { VTransmitBatch } from '@vio/io'
import { VInvariantError } from '@vio/reactor'
import { blackOut, flap, SimDatagramPort, SimFlow, SimForger, SimWorld } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'
import { Cubic } from '../../../packages/vudp/src/proto/congestion/cubic.js'

/** Two hosts with a line between. */
function line(seed: number, options = {}) {
  const world = new SimWorld({ seed, scenario: 'a line', file: 'test/vudp/testing/world.test.ts' })
  const link = { delayMs: 10, jitterMs: 5, loss: 0.05, rateMbit: 2, ...options }
  const left = world.network.host({ address: '10.0.0.1', up: link })
  const right = world.network.host({ address: '10.0.0.2', up: link })
  return { world, left, right }
}

function transfer(seed: number): { digest: string; delivered: number } {
  const { world, left, right } = line(seed)
  const congestion = (rtt: ConstructorParameters<typeof Cubic>[0]['rtt']) =>
    new Cubic({ datagramBytes: 1200, rtt })
  const flow = new SimFlow(world, { from: left, to: right, congestion })
  world.advance(5_000)
  return { digest: world.digest, delivered: flow.deliveredBytes }
}

describe('SimWorld', () => {
  it('comes out the same with one seed, and otherwise with another', () => {
    expect(transfer(7)).toEqual(transfer(7))
    expect(transfer(7).digest).not.toBe(transfer(8).digest)
  })

  it('goes from one thing that is due to the next, in the network and on the reactor', () => {
    const { world } = line(1)
    const seen: string[] = []
    world.after(10, (now) => seen.push(`event ${now}`))
    world.reactor.schedule(5, () => seen.push(`call ${world.reactor.time()}`))
    world.reactor.schedule(15, () => seen.push(`call ${world.reactor.time()}`))
    world.every(100, (now) => {
      seen.push(`every ${now}`)
      return now < 200
    })
    world.advance(1_000)
    expect(seen).toEqual(['every 0', 'call 5', 'event 10', 'call 15', 'every 100', 'every 200'])
    expect(world.now).toBe(1_000)
  })

  it('says how to see a failure again', () => {
    const { world } = line(42)
    expect(() => world.runUntil(() => false, { withinMs: 10, what: 'rain' })).toThrow(
      new RegExp(
        'rain did not happen within 10 ms.*\\[seed 42, a line, at 10 ms, digest [0-9a-f]{16}\\]\n' +
          "again: V_SEED=42 npx vitest run test/vudp/testing/world\\.test\\.ts -t 'a line'",
      ),
    )
  })

  it('adds that to what is thrown in it, and to what a check after a step throws', () => {
    const { world } = line(3)
    world.after(5, () => {
      throw new TypeError('broken')
    })
    expect(() => world.advance(10)).toThrow(/^broken \[seed 3/)
    world.afterStep(() => {
      throw new VInvariantError('not right')
    })
    world.after(1, () => {})
    expect(() => world.advance(10)).toThrow(/^not right \[seed 3/)
  })

  it('stops what is due again and again at one time', () => {
    const { world } = line(1)
    world.every(0, () => {})
    expect(() => world.advance(1)).toThrow(/no rest/)
  })

  it('lets time pass while nobody runs, and what was due meanwhile is due at once', () => {
    const { world } = line(1)
    const seen: number[] = []
    world.after(100, (now) => seen.push(now))
    world.standStill(5_000)
    expect(seen).toEqual([])
    world.settle()
    expect(seen).toEqual([5_000])
  })
})

describe('1,000 seconds of 1 Mbit/s', () => {
  it('are a matter of a few hundred thousand events', () => {
    const world = new SimWorld({ seed: 1, traced: false })
    const link = { delayMs: 20, rateMbit: 10 }
    const left = world.network.host({ address: '10.0.0.1', up: link })
    const right = world.network.host({ address: '10.0.0.2', up: link })
    const flow = new SimFlow(world, {
      from: left,
      to: right,
      congestion: (rtt) => new Cubic({ datagramBytes: 1200, rtt }),
      appRate: 125,
    })
    let steps = 0
    world.afterStep(() => {
      steps += 1
    })
    world.advance(1_000_000)
    expect(flow.deliveredBytes / 125_000_000).toBeGreaterThan(0.98)
    expect(steps).toBeLessThan(700_000)
  })
})

describe('faults', () => {
  it('black-outs and flaps drop everything while they last', () => {
    const { world, left, right } = line(1, { loss: 0, jitterMs: 0 })
    const arrivedAt: number[] = []
    right.open(1, (now) => arrivedAt.push(Math.round(now)))
    world.every(10, (now) => {
      left.send(now, 2, world.network.peer('10.0.0.2', 1), Buffer.alloc(10))
      return now < 200
    })
    blackOut(world, [left.up], 25, 30)
    flap(world, [left.up], { upMs: 100, downMs: 25, untilMs: 200 })
    world.advance(1_000)
    const missing = Array.from({ length: 21 }, (_, index) => 10 * index + 10).filter(
      (at) => !arrivedAt.includes(at),
    )
    expect(missing).toEqual([40, 50, 60, 110, 120, 130])
  })

  it('a forger sends what it saw, whole or not, and counts what comes back to it', () => {
    const { world, left, right } = line(5, { loss: 0 })
    const seen: string[] = []
    right.open(1, (now, datagram) => {
      seen.push(`${datagram.from.host} ${datagram.bytes.length}`)
      right.send(now, 1, datagram.from, Buffer.alloc(20))
    })
    const host = world.network.host({ address: '192.0.2.66' })
    const forger = new SimForger(world, { host, watch: [left.up], intervalMs: 10 })
    left.send(0, 2, world.network.peer('10.0.0.2', 1), Buffer.alloc(500, 7))
    world.advance(2_000)
    forger.stop()
    world.advance(1_000)
    expect(seen.length).toBe(forger.sent + 1)
    expect(new Set(seen.map((each) => each.split(' ')[0]))).toEqual(new Set(['10.0.0.1', '192.0.2.66']))
    expect(seen.some((each) => each.endsWith(' 500'))).toBe(true)
    expect(seen.some((each) => !each.endsWith(' 500'))).toBe(true)
    expect(forger.own.receivedBytes).toBe(20 * seen.filter((each) => each.startsWith('192')).length)
  })
})

describe('SimDatagramPort', () => {
  function ports(options = {}) {
    const { world, left, right } = line(1, { loss: 0, jitterMs: 0 })
    const a = new SimDatagramPort(world, { host: left, port: 100 })
    const b = new SimDatagramPort(world, { host: right, port: 200, ...options })
    return { world, a, b }
  }

  function batchTo(port: SimDatagramPort, sizes: readonly number[]): VTransmitBatch {
    const batch = new VTransmitBatch()
    batch.begin(port.localPeer)
    for (const size of sizes) {
      batch.buffer.fill(size & 0xff, batch.end, batch.end + size)
      batch.commit(size)
    }
    return batch
  }

  it('carries batches as datagrams', () => {
    const { world, a, b } = ports()
    let told = 0
    b.onReady(() => {
      told += 1
    })
    expect(a.send(batchTo(b, [300, 300, 50]))).toBe(3)
    world.advance(100)
    expect([told, b.readable]).toEqual([3, true])
    const got: string[] = []
    const handleDatagram = (bytes: Buffer, start: number, end: number, from: unknown): void => {
      got.push(`${end - start} of ${bytes[start]} from ${String(from)}`)
    }
    expect(b.receive({ handleDatagram }, 2)).toBe(2)
    expect(b.receive({ handleDatagram })).toBe(1)
    expect(got).toEqual([
      '300 of 44 from 10.0.0.1:100',
      '300 of 44 from 10.0.0.1:100',
      '50 of 50 from 10.0.0.1:100',
    ])
    expect(b.counts).toMatchObject({ received: 3, receivedBytes: 650, dropped: 0 })
    expect(a.counts).toMatchObject({ sent: 3, sentBytes: 650 })
  })

  it('drops what its buffer does not hold', () => {
    const { world, a, b } = ports({ receiveBufferBytes: 700 })
    a.send(batchTo(b, [300, 300, 300]))
    world.advance(100)
    expect(b.counts.dropped).toBe(1)
  })

  it('refuses while it is blocked, and keeps the batch whole', () => {
    const { world, a, b } = ports()
    a.block(true)
    const batch = batchTo(b, [10])
    expect([a.writable, a.send(batch), batch.count]).toEqual([false, 0, 1])
    a.block(false)
    expect([a.writable, a.send(batch), batch.count]).toEqual([true, 1, 0])
    world.settle()
  })

  it('takes nothing from others when it is connected', () => {
    const { world, a, b } = ports({ remotePeer: line(1).world.network.peer('10.0.0.9', 9) })
    a.send(batchTo(b, [10]))
    world.advance(100)
    expect(b.readable).toBe(false)
  })

  it('is silent after the close', () => {
    const { world, a, b } = ports()
    a.send(batchTo(b, [10]))
    b.close()
    world.advance(100)
    expect([b.readable, b.closed !== null]).toEqual([false, true])
    expect(() => b.send(batchTo(a, [10]))).toThrow('closed')
  })
})
