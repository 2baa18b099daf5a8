/**
 * The puncher by itself: whom it believes, whom it sends to, and how much.
 */
import { VIOError, VIPSocketPeer, VTransmitBatch } from '@vio/io'
import {
  classifyNat,
  planPunch,
  VLanePeers,
  type VNatView,
  VPuncher,
  type VPuncherEvent,
  type VPuncherOptions,
} from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import { encodePunch, sessionKeys } from '@vio/vudp'
import { assert, integer, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PunchJobs } from '../../packages/nat/src/punch-jobs.js'
import { ReplayWindow } from '../../packages/nat/src/replay-window.js'
import { propertyRuns } from '../lib/runs.js'
import { natCrypto } from './lib/nat-crypto.js'

const peer = (host: string, port: number) => new VIPSocketPeer(host, port, { socketType: 'dgram' })
const HIGH = Buffer.alloc(32, 9)
const LOW = Buffer.alloc(32, 1)
const KEYS = sessionKeys(natCrypto, HIGH, LOW)
const TARGET = peer('198.51.100.2', 6000)
const EASY: VNatView = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  nextPorts: [],
}
const HARD: VNatView = { ...EASY, mapping: 'address-and-port-dependent' }

interface Sent {
  readonly at: number
  readonly lane: number
  readonly to: string
  readonly sequence: number
}

class Rig {
  now = 0
  readonly puncher: VPuncher
  readonly sent: Sent[] = []
  readonly events: VPuncherEvent[] = []
  readonly #batch = new VTransmitBatch(Buffer.alloc(2_000))

  constructor(options: Partial<VPuncherOptions> = {}) {
    const given = {
      secret: HIGH,
      peerSecret: LOW,
      plan: planPunch(EASY, EASY),
      targets: [TARGET],
      ...options,
    }
    this.puncher = new VPuncher(given, natCrypto, new VSeededRandom(1))
  }

  start(): this {
    this.puncher.start(this.now)
    this.work()
    return this
  }

  work(): void {
    for (const lane of this.puncher.lanes) {
      const batch = this.#batch
      while (lane.pollTransmit(this.now, batch)) {
        for (let at = batch.start; at < batch.end; at += batch.segmentBytes) {
          expect(batch.segmentBytes).toBe(29)
          const sequence = batch.buffer.readUInt32BE(at + 9)
          this.sent.push({ at: this.now, lane: lane.index, to: String(batch.peer), sequence })
        }
      }
    }
    for (let event = this.puncher.pollEvent(); event !== undefined; event = this.puncher.pollEvent()) {
      this.events.push(event)
    }
  }

  pass(ms: number): void {
    const until = this.now + ms
    while (this.puncher.pollTimeout() <= until) {
      this.now = Math.max(this.now, this.puncher.pollTimeout())
      this.puncher.handleTimeout(this.now)
      this.work()
    }
    this.now = until
  }

  /** A PUNCH of the other side arrives. */
  hear(from: VIPSocketPeer, sequence: number, lane = 0, key: Buffer = KEYS.punchResponder): void {
    this.puncher.lanes[lane]?.handleDatagram(this.now, from, encodePunch(natCrypto, key, KEYS.tag, sequence))
    this.work()
  }

  /** The most that left in one second. */
  get peak(): number {
    const times = this.sent.map(({ at }) => at)
    return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length))
  }
}

describe('VPuncher', () => {
  it('sends to what the peer named, at once and then less and less often, with rising numbers', () => {
    const rig = new Rig().start()
    rig.pass(8_000)
    expect(rig.sent.map(({ at }) => at)).toEqual([0, 250, 750, 1_750, 3_750, 5_750, 7_750])
    expect(new Set(rig.sent.map(({ to }) => to))).toEqual(new Set([String(TARGET)]))
    for (const [at, { sequence }] of rig.sent.entries()) expect(sequence).toBe(0x10001 + at)
    expect(rig.puncher.counts.sent).toBe(7)
  })

  it('answers where it has heard the peer, at once, and tells so once', () => {
    const rig = new Rig().start()
    const seen = peer('198.51.100.2', 7777)
    rig.pass(100)
    rig.hear(seen, 1)
    rig.hear(seen, 2)
    expect(rig.events).toEqual([{ type: 'heard', peer: seen, lane: 0 }])
    expect(rig.sent.filter(({ to }) => to === String(seen)).map(({ at }) => at)).toEqual([100])
  })

  it.each([
    ['its own datagrams', KEYS.punchInitiator],
    ['another key', Buffer.alloc(32)],
  ])('does not believe %s', (_what, key) => {
    const rig = new Rig().start()
    rig.hear(peer('203.0.113.66', 1), 1, 0, key)
    expect([rig.events, rig.puncher.counts]).toMatchObject([[], { heard: 0, dropped: 1 }])
    rig.pass(5_000)
    expect(rig.sent.every(({ to }) => to === String(TARGET))).toBe(true)
  })

  it('does not follow a datagram that is played again from elsewhere', () => {
    const rig = new Rig().start()
    rig.hear(TARGET, 5)
    rig.hear(peer('203.0.113.66', 1), 5)
    expect(rig.events).toHaveLength(1)
    rig.hear(peer('198.51.100.2', 7777), 4)
    expect(rig.events).toHaveLength(2)
  })

  it('remembers sixteen addresses at most, and takes sixteen targets at most', () => {
    const rig = new Rig().start()
    for (let port = 1; port <= 40; port += 1) rig.hear(peer('198.51.100.2', port), port)
    expect(rig.events).toHaveLength(16)
    const targets = Array.from({ length: 17 }, (_, at) => peer('198.51.100.2', 1 + at))
    expect(() => new Rig({ targets })).toThrow(VIOError)
    expect(() => new Rig({ peerSecret: HIGH })).toThrow('have to differ')
  })

  it('tries predicted ports first, then random ones, each once, until it hears the peer', () => {
    const plan = planPunch(EASY, { ...HARD, nextPorts: [9001, 9002] })
    const rig = new Rig({ plan, outer: TARGET, targets: [TARGET] }).start()
    rig.pass(10_000)
    expect(rig.sent.slice(0, 3).map(({ to }) => to)).toEqual(
      [6000, 9001, 9002].map((port) => `198.51.100.2:${port}`),
    )
    const random = rig.sent.map(({ to }) => to).filter((to) => !/:(6000|9001|9002)$/.test(to))
    expect(random.length).toBeGreaterThan(800)
    expect(new Set(random).size).toBe(random.length)
    expect(rig.peak).toBeLessThanOrEqual(100)
    rig.hear(peer('198.51.100.2', 40_000), 1)
    const before = rig.sent.length
    rig.pass(5_000)
    expect(rig.sent.length - before).toBeLessThan(20)
  })

  it('opens many sockets on the hard side, each towards one address', () => {
    const rig = new Rig({ plan: planPunch(HARD, EASY), outer: TARGET }).start()
    expect(rig.puncher.lanes).toHaveLength(256)
    rig.pass(3_000)
    expect(new Set(rig.sent.map(({ lane }) => lane)).size).toBe(256)
    expect(rig.peak).toBeLessThanOrEqual(150)
    rig.pass(26_000)
    expect(rig.sent.filter(({ lane }) => lane === 9)).toHaveLength(3)
    rig.hear(TARGET, 1, 9)
    expect(rig.events).toEqual([{ type: 'heard', peer: TARGET, lane: 9 }])
    expect(rig.sent.at(-1)).toMatchObject({ lane: 9, to: String(TARGET) })
  })

  it('keeps to the budget of a round, and tries again after 30 s, then after twice as long', () => {
    const plan = { ...planPunch(EASY, HARD), maxPackets: 50 }
    const rig = new Rig({ plan, outer: TARGET }).start()
    rig.pass(29_999)
    expect(rig.sent).toHaveLength(50)
    rig.pass(400_000)
    const rounds = rig.events.filter((event) => event.type === 'round-over')
    expect(rounds).toMatchObject([
      { round: 1, packets: 50, nextAt: 60_000 },
      { round: 2, packets: 50, nextAt: 150_000 },
      { round: 3, packets: 50, nextAt: 300_000 },
      { round: 4, packets: 50, nextAt: 570_000 },
    ])
    expect(rig.sent).toHaveLength(200)
  })

  it('sends nothing before it is started and nothing after it is stopped', () => {
    const rig = new Rig()
    rig.hear(TARGET, 1)
    rig.pass(1_000)
    expect([rig.sent, rig.events, rig.puncher.pollTimeout()]).toEqual([[], [], Number.POSITIVE_INFINITY])
    rig.start()
    rig.puncher.stop()
    rig.hear(TARGET, 2)
    rig.pass(100_000)
    expect(rig.sent).toHaveLength(1)
  })

  it('takes an address that becomes known later', () => {
    const rig = new Rig({ targets: [] }).start()
    rig.pass(100)
    rig.puncher.addTarget(rig.now, TARGET)
    rig.work()
    expect(rig.sent).toMatchObject([{ at: 100, to: String(TARGET) }])
  })

  it('throws for no datagram, and sends nothing because of one', () => {
    assert(
      property(uint8Array({ maxLength: 64 }), (bytes) => {
        const rig = new Rig({ targets: [] }).start()
        const punch = Buffer.concat([Buffer.of(0xc0), KEYS.tag, bytes])
        for (const datagram of [Buffer.from(bytes), punch]) {
          rig.puncher.lanes[0]?.handleDatagram(1, TARGET, datagram)
          rig.work()
        }
        expect([rig.sent, rig.events]).toEqual([[], []])
      }),
      propertyRuns(200),
    )
  })
})

describe('the parts of a puncher', () => {
  it('jobs leave in the order in which they are due, at the rate and no faster', () => {
    const jobs = new PunchJobs(0, 20, 100)
    for (let port = 1; port <= 30; port += 1) {
      jobs.add(port, 0, peer('198.51.100.2', port), { firstMs: 10_000, maxMs: 10_000 })
    }
    const left: [number, number][] = []
    for (let now = jobs.dueAt; left.length < 30; now = jobs.dueAt) {
      for (let job = jobs.take(now); job !== undefined; job = jobs.take(now)) left.push([now, job.peer.port])
    }
    expect(left.map(([, port]) => port)).toEqual(Array.from({ length: 30 }, (_, at) => at + 1))
    expect((left.at(-1) as [number, number])[0]).toBeGreaterThan(1_900)
  })

  it('a number is new once', () => {
    const window = new ReplayWindow(8)
    expect([3, 1, 3, 2, 9, 1, 2].map((number) => window.accept(number))).toEqual([
      true,
      true,
      false,
      true,
      true,
      false,
      false,
    ])
    expect([0, -1].map((number) => window.accept(number))).toEqual([false, false])
    assert(
      property(integer({ min: 1, max: 60 }), uint8Array({ maxLength: 200 }), (size, numbers) => {
        const tested = new ReplayWindow(size)
        const seen = new Set<number>()
        for (const number of numbers) {
          if (!tested.accept(number)) continue
          expect(seen.has(number)).toBe(false)
          seen.add(number)
        }
      }),
      propertyRuns(200),
    )
  })

  it('names stand for an address and its socket, in small number', () => {
    const peers = new VLanePeers(2)
    expect(peers.nameOf(0, TARGET)).toBe(TARGET)
    const name = peers.nameOf(3, TARGET) as VIPSocketPeer
    expect(peers.nameOf(3, peer('198.51.100.2', 6000))).toBe(name)
    expect(String(peers.nameOf(4, TARGET))).not.toBe(String(name))
    expect(peers.nameOf(5, TARGET)).toBeNull()
    expect(peers.resolve(peer(name.host, name.port))).toEqual({ lane: 3, peer: TARGET })
    expect(peers.resolve(TARGET)).toEqual({ lane: 0, peer: TARGET })
    expect(peers.resolve(name)).toEqual({ lane: 3, peer: TARGET })
  })

  it('a name counts from when it was given, whatever was looked up before', () => {
    const peers = new VLanePeers()
    const early = peer('100::1', 6000)
    expect(peers.resolve(early)).toEqual({ lane: 0, peer: early })
    peers.nameOf(3, TARGET)
    expect(peers.resolve(early)).toEqual({ lane: 3, peer: TARGET })
  })

  it('an unknown NAT leads to a plan all the same', () => {
    expect(planPunch(classifyNat([]), classifyNat([])).kind).toBe('simultaneous')
  })
})
