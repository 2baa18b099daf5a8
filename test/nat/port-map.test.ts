/**
 * Asking routers for a port: both protocols, renewals, restarts, refusals and silence.
 */
import { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { type VPortMapEvent, VPortMapper, type VPortMapperOptions } from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import { assert, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePortMap } from '../../packages/nat/src/port-map-message.js'
import { propertyRuns } from '../lib/runs.js'

const GATEWAY = new VIPSocketPeer('192.168.1.1', 5351, { socketType: 'dgram' })
const LOCAL = new VIPSocketPeer('192.168.1.2', 5000, { socketType: 'dgram' })

/** A router that speaks what it is told to. */
class Router {
  speaks: readonly ('nat-pmp' | 'pcp')[] = ['nat-pmp', 'pcp']
  lifetimeS = 7_200
  externalPort = 6_000
  /** A result other than 0 refuses. */
  result = 0
  isSilent = false
  readonly asked: { at: number; protocol: string; lifetimeS: number; externalPort: number }[] = []

  answer(now: number, bytes: Buffer): Buffer[] {
    if (this.isSilent) return []
    if (bytes[0] === 2) return this.#pcp(now, bytes)
    return this.#pmp(now, bytes)
  }

  #pcp(now: number, bytes: Buffer): Buffer[] {
    if (!this.speaks.includes('pcp')) return [Buffer.of(0, 0x81, 0, 1, 0, 0, 0, 1)]
    this.#note(now, 'pcp', bytes.readUInt32BE(4), bytes.readUInt16BE(42))
    const answer = Buffer.from(bytes)
    answer[1] = 0x81
    answer[3] = this.result
    answer.writeUInt32BE(bytes.readUInt32BE(4) === 0 ? 0 : this.lifetimeS, 4)
    answer.writeUInt32BE(this.#epochS(now), 8)
    answer.writeUInt16BE(this.externalPort, 42)
    Buffer.from('00000000000000000000ffffcb007107', 'hex').copy(answer, 44)
    return [answer]
  }

  #pmp(now: number, bytes: Buffer): Buffer[] {
    if (!this.speaks.includes('nat-pmp')) {
      const refusal = Buffer.alloc(24)
      Buffer.of(2, 0x80, 0, 1).copy(refusal)
      return [refusal]
    }
    if (bytes[1] === 0) {
      const answer = Buffer.from('0080000000000000cb007107', 'hex')
      answer.writeUInt32BE(this.#epochS(now), 4)
      return [answer]
    }
    this.#note(now, 'nat-pmp', bytes.readUInt32BE(8), bytes.readUInt16BE(6))
    const answer = Buffer.alloc(16)
    answer[1] = 0x81
    answer.writeUInt16BE(this.result, 2)
    answer.writeUInt32BE(this.#epochS(now), 4)
    bytes.copy(answer, 8, 4, 6)
    answer.writeUInt16BE(this.externalPort, 10)
    answer.writeUInt32BE(this.lifetimeS, 12)
    return [answer]
  }

  #note(at: number, protocol: string, lifetimeS: number, externalPort: number): void {
    this.asked.push({ at, protocol, lifetimeS, externalPort })
  }

  #epochS(now: number): number {
    return 100 + Math.floor(now / 1_000)
  }
}

class Rig {
  now = 0
  readonly router = new Router()
  readonly mapper: VPortMapper
  readonly events: VPortMapEvent[] = []
  readonly sent: { at: number; bytes: Buffer }[] = []
  readonly #batch = new VTransmitBatch(Buffer.alloc(1_200))

  constructor(options: Partial<VPortMapperOptions> = {}) {
    this.mapper = new VPortMapper({ gateway: GATEWAY.host, local: LOCAL, ...options }, new VSeededRandom(1))
  }

  start(): this {
    this.mapper.start(this.now)
    this.work()
    return this
  }

  work(): void {
    const batch = this.#batch
    while (this.mapper.pollTransmit(this.now, batch)) {
      expect(batch.peer?.equals(GATEWAY)).toBe(true)
      for (let at = batch.start; at < batch.end; at += batch.segmentBytes) {
        const bytes = Buffer.from(batch.buffer.subarray(at, Math.min(batch.end, at + batch.segmentBytes)))
        this.sent.push({ at: this.now, bytes })
        for (const answer of this.router.answer(this.now, bytes)) {
          this.mapper.handleDatagram(this.now, GATEWAY, answer)
        }
      }
    }
    for (let event = this.mapper.pollEvent(); event !== undefined; event = this.mapper.pollEvent()) {
      this.events.push(event)
    }
  }

  pass(ms: number): void {
    const until = this.now + ms
    while (this.mapper.pollTimeout() <= until) {
      this.now = Math.max(this.now, this.mapper.pollTimeout())
      this.mapper.handleTimeout(this.now)
      this.work()
    }
    this.now = until
  }

  get told(): string[] {
    return this.events.map((event) => (event.type === 'mapped' ? String(event.external) : event.type))
  }
}

describe('VPortMapper', () => {
  it.each(['pcp', 'nat-pmp'] as const)('opens a port by %s alone, at once', (protocol) => {
    const rig = new Rig()
    rig.router.speaks = [protocol]
    rig.start()
    rig.pass(300)
    expect(rig.events).toMatchObject([
      { type: 'mapped', protocol, external: { host: '203.0.113.7', port: 6_000 } },
    ])
    expect(rig.mapper.external?.port).toBe(6_000)
    expect(rig.router.asked[0]).toMatchObject({ protocol, lifetimeS: 7_200, externalPort: 5_000 })
  })

  it('asks in both ways at once, and keeps up what answered first', () => {
    const rig = new Rig({ externalPort: 7_000, lifetimeS: 600 })
    rig.router.lifetimeS = 600
    rig.start()
    expect(rig.router.asked.map(({ protocol }) => protocol)).toEqual(['pcp', 'nat-pmp'])
    rig.router.asked.length = 0
    rig.pass(3_600_000)
    expect(new Set(rig.router.asked.map(({ protocol }) => protocol))).toEqual(new Set(['pcp']))
    expect(rig.told).toEqual(['203.0.113.7:6000'])
  })

  it('renews between a half and five eighths of the time', () => {
    const rig = new Rig()
    rig.router.lifetimeS = 1_000
    rig.start()
    rig.pass(10_000_000)
    const times = rig.router.asked.filter(({ protocol }) => protocol === 'pcp').map(({ at }) => at)
    for (const [at, time] of times.slice(1).entries()) {
      expect(time - (times[at] as number)).toBeGreaterThanOrEqual(500_000)
      expect(time - (times[at] as number)).toBeLessThanOrEqual(625_000)
    }
    expect(times.length).toBeGreaterThan(15)
  })

  it('tells when the port becomes another one', () => {
    const rig = new Rig().start()
    rig.router.externalPort = 6_001
    rig.pass(5_000_000)
    expect(rig.told).toEqual(['203.0.113.7:6000', '203.0.113.7:6001'])
  })

  it('says so when the router falls silent for so long that the port is closed, and opens it again later', () => {
    const rig = new Rig()
    rig.router.lifetimeS = 100
    rig.start()
    rig.router.isSilent = true
    rig.pass(100_000)
    expect([rig.told, rig.mapper.external]).toEqual([['203.0.113.7:6000', 'lost'], null])
    rig.router.isSilent = false
    rig.pass(60_000)
    expect(rig.told).toEqual(['203.0.113.7:6000', 'lost', '203.0.113.7:6000'])
  })

  it('does not ask a silent router more often than the RFCs say, and gives up', () => {
    const rig = new Rig()
    rig.router.isSilent = true
    rig.start()
    rig.pass(600_000)
    expect(rig.events).toEqual([{ type: 'unavailable', result: 0 }])
    expect(rig.sent.filter(({ bytes }) => bytes[0] === 2)).toHaveLength(5)
    expect(rig.sent.filter(({ bytes }) => bytes[0] === 0 && bytes[1] === 1)).toHaveLength(9)
    expect(rig.mapper.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
    const last = rig.sent.filter(({ bytes }) => bytes[0] === 0).at(-1)?.at ?? 0
    expect(last).toBeGreaterThan(250 * 255 * 0.9)
  })

  it('tells the number with which a router refuses', () => {
    const rig = new Rig()
    rig.router.result = 2
    rig.start()
    expect(rig.events).toEqual([{ type: 'unavailable', result: 2 }])
  })

  it.each(['pcp', 'nat-pmp'] as const)('gives a port back by %s, once', (protocol) => {
    const rig = new Rig()
    rig.router.speaks = [protocol]
    rig.start()
    rig.pass(300)
    rig.router.asked.length = 0
    rig.mapper.release()
    rig.mapper.release()
    rig.work()
    const externalPort = protocol === 'pcp' ? 6_000 : 0
    expect(rig.router.asked).toMatchObject([{ protocol, lifetimeS: 0, externalPort }])
    expect([rig.mapper.external, rig.mapper.pollTimeout()]).toEqual([null, Number.POSITIVE_INFINITY])
  })

  it('believes nobody but the router, and no answer to what it did not ask', () => {
    const rig = new Rig()
    rig.router.isSilent = true
    rig.start()
    const router = new Router()
    const [pcp, address, pmp] = rig.sent.map(({ bytes }) => bytes)
    for (const bytes of [address, pmp, pcp] as Buffer[]) {
      for (const answer of router.answer(0, bytes)) {
        rig.mapper.handleDatagram(0, new VIPSocketPeer('192.168.1.66', 5351), answer)
        rig.mapper.handleDatagram(0, new VIPSocketPeer('192.168.1.1', 5350), answer)
      }
    }
    const [strange] = router.answer(0, pcp as Buffer)
    strange?.writeUInt8(0xff, 24)
    rig.mapper.handleDatagram(0, GATEWAY, strange as Buffer)
    const [other] = router.answer(0, pcp as Buffer)
    other?.writeUInt16BE(5_001, 40)
    rig.mapper.handleDatagram(0, GATEWAY, other as Buffer)
    rig.work()
    expect([rig.events, rig.mapper.external]).toEqual([[], null])
  })

  it('throws for no answer whatever it is', () => {
    assert(
      property(uint8Array({ maxLength: 70 }), (bytes) => {
        const rig = new Rig()
        rig.router.isSilent = true
        rig.start()
        for (const version of [0, 2]) {
          const answer = Buffer.concat([Buffer.of(version, 0x80 | ((bytes[0] ?? 0) & 1)), bytes])
          decodePortMap(answer)
          rig.mapper.handleDatagram(1, GATEWAY, answer)
          rig.work()
        }
        decodePortMap(Buffer.from(bytes))
      }),
      propertyRuns(500),
    )
  })
})
