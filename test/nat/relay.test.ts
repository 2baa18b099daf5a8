/**
 * The relay: two parties bound by UDP or in a stream, and everybody else kept out.
 */
import { VTransmitBatch } from '@vio/io'
import {
  frameDatagram,
  isRelayControl,
  streamProof,
  VDatagramUnframer,
  VRelayClient,
  type VRelayClientEvent,
  type VRelayLeg,
  type VRelayLimits,
} from '@vio/nat'
import { SimWorld } from '@vio/vudp/testing'
import { array, assert, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../lib/runs.js'
import { natCrypto } from './lib/nat-crypto.js'
import { RELAY, RelayWorld, SOURCES } from './lib/relay-world.js'
import { SimSide } from './lib/sim-side.js'

/** A party at its socket. */
class RelayParty {
  readonly side: SimSide
  readonly port: number
  readonly client: VRelayClient
  readonly events: VRelayClientEvent[] = []
  readonly received: string[] = []
  readonly #world: RelayWorld
  readonly #poke: () => void

  constructor(world: RelayWorld, address: string, leg: VRelayLeg) {
    this.#world = world
    this.side = new SimSide(world.world, world.host(address))
    this.client = new VRelayClient({ relay: world.peer, leg }, natCrypto)
    this.port = this.side.open()
    const { poke } = this.side.attach({
      machine: this.client,
      port: this.port,
      takes: (bytes) => {
        if (!isRelayControl(bytes)) this.received.push(bytes.toString('latin1'))
        return isRelayControl(bytes)
      },
      onEvent: (_now, event) => this.events.push(event),
    })
    this.client.start(world.world.now)
    this.#poke = poke
    poke()
  }

  refresh(): void {
    this.client.refresh(this.#world.world.now)
    this.#poke()
  }

  send(text: string): void {
    this.side.host.send(this.#world.world.now, this.port, this.#world.peer, Buffer.from(text))
  }

  /** What was told, other than that all is as before. */
  get told(): string[] {
    const news = this.events.filter(
      (event) => event.type !== 'binding' && (event.type !== 'refreshed' || event.moved),
    )
    return news.map((event) => (event.type === 'refused' ? event.reason : event.type))
  }
}

function pair(limits?: VRelayLimits): { relay: RelayWorld; a: RelayParty; b: RelayParty } {
  const relay = new RelayWorld(limits)
  const [legA, legB] = relay.legs()
  const a = new RelayParty(relay, SOURCES[0], legA)
  const b = new RelayParty(relay, SOURCES[1], legB)
  relay.world.advance(100)
  return { relay, a, b }
}

describe('relayed datagrams', () => {
  it('come out at the other side as they were, both ways, two round trips after the start', () => {
    const { relay, a, b } = pair()
    expect([a.told, b.told]).toEqual([['bound'], ['bound']])
    a.send('hello')
    b.send('answer')
    relay.world.advance(40)
    expect([a.received, b.received]).toEqual([['answer'], ['hello']])
    expect(relay.server.counts).toMatchObject({ relayed: 2, relayedBytes: 11, strangers: 0, unbound: 0 })
  })

  it('may begin like those of the relay, as long as they are not of their size', () => {
    const { relay, a, b } = pair()
    for (const kind of [0xa0, 0xa1, 0xa2, 0xa3]) {
      const bytes = Buffer.alloc(kind === 0xa0 ? 40 : 30, kind)
      a.side.host.send(relay.world.now, a.port, relay.peer, bytes)
    }
    relay.world.advance(50)
    expect(b.received.map(({ length }) => length)).toEqual([40, 30, 30, 30])
  })

  it('wait in small number for a side that is not bound yet', () => {
    const relay = new RelayWorld()
    const [legA, legB] = relay.legs()
    const a = new RelayParty(relay, SOURCES[0], legA)
    relay.world.advance(100)
    for (let index = 0; index < 6; index += 1) a.send(`early ${index}`)
    a.send('x'.repeat(1_501))
    relay.world.advance(50)
    const b = new RelayParty(relay, SOURCES[1], legB)
    relay.world.advance(100)
    expect(b.received).toEqual(['early 0', 'early 1', 'early 2', 'early 3'])
    expect(relay.server.counts.unbound).toBe(7)
  })

  it('follow a side whose address has changed, once it has bound anew', () => {
    const { relay, a, b } = pair()
    b.side.host.move('198.51.100.77')
    b.refresh()
    relay.world.advance(2_100)
    a.send('again')
    relay.world.advance(50)
    expect(b.received).toEqual(['again'])
    b.send('back')
    relay.world.advance(50)
    expect(a.received).toEqual(['back'])
  })

  it('do not come from or go to anybody else', () => {
    const { relay, a, b } = pair()
    const stranger = new SimSide(relay.world, relay.host('198.51.100.66'))
    const port = stranger.open()
    stranger.host.send(relay.world.now, port, relay.peer, Buffer.from('let me in'))
    relay.world.advance(50)
    expect([a.received, b.received, relay.server.counts.strangers]).toEqual([[], [], 1])
  })

  it('are dropped over a rate, and pass again later', () => {
    const { relay, a, b } = pair({ bytesPerSecondPerSource: 65_536 })
    for (let index = 0; index < 70; index += 1) a.send('y'.repeat(1_000))
    relay.world.advance(50)
    expect([b.received.length, relay.server.counts.limited]).toEqual([65, 5])
    b.send('the other side has its own')
    relay.world.advance(1_000)
    a.send('later')
    relay.world.advance(50)
    expect([a.received.length, b.received.at(-1)]).toEqual([1, 'later'])
  })
})

describe('a leg', () => {
  it('is not bound by somebody without its token, nor by a replay from elsewhere', () => {
    const { relay, a, b } = pair()
    const recorded: Buffer[] = []
    b.side.host.up.tap((_now, { bytes }) => recorded.push(Buffer.from(bytes)))
    b.refresh()
    relay.world.advance(1_000)
    expect(recorded.map((bytes) => bytes[0])).toEqual([0xa0])
    const thief = new SimSide(relay.world, relay.host('198.51.100.66'))
    const answers: Buffer[] = []
    const port = thief.open()
    thief.attach({
      machine: new VRelayClient({ relay: relay.peer, leg: { leg: '0'.repeat(16), token: '' } }, natCrypto),
      port,
      takes: (bytes) => {
        answers.push(Buffer.from(bytes))
        return false
      },
    })
    for (const bytes of recorded) {
      thief.host.send(relay.world.now, port, relay.peer, bytes)
      const forged = Buffer.from(bytes)
      forged[30] = (forged[30] as number) ^ 1
      thief.host.send(relay.world.now, port, relay.peer, forged)
    }
    relay.world.advance(100)
    a.send('for b')
    relay.world.advance(50)
    expect(b.received).toEqual(['for b'])
    expect(answers.map((bytes) => bytes[0])).toEqual(recorded.map(() => 0xa1))
    expect(Math.max(...answers.map(({ length }) => length))).toBeLessThan(41)
  })

  it('is refused by name when it is unknown', () => {
    const relay = new RelayWorld()
    const leg = { leg: 'ab'.repeat(8), token: Buffer.alloc(32).toString('base64'), ...RELAY }
    const a = new RelayParty(relay, SOURCES[0], leg)
    relay.world.advance(100)
    expect(a.told).toEqual(['unknown-leg'])
    expect(a.client.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
  })

  it('is told when its time is used up, when the relay closes, and forgotten when nobody speaks', () => {
    const { relay, a, b } = pair({ maxMinutes: 1 })
    relay.world.advance(70_000)
    expect([a.told, b.told, relay.server.openPairs]).toEqual([
      ['bound', 'time-used-up'],
      ['bound', 'time-used-up'],
      0,
    ])
    const other = pair()
    other.relay.server.drain()
    other.relay.poke()
    other.relay.world.advance(50)
    expect(other.a.told).toEqual(['bound', 'closing'])
    const quiet = pair({ idleMs: 30_000 })
    quiet.a.client.stop()
    quiet.b.client.stop()
    quiet.relay.world.advance(40_000)
    expect([quiet.relay.server.openPairs, quiet.relay.server.pollTimeout()]).toEqual([
      0,
      Number.POSITIVE_INFINITY,
    ])
  })

  it('that carries nothing is told at once when the relay retires, and one that carries something once it stops', () => {
    const relay = new RelayWorld()
    const parties = [...relay.legs(), ...relay.legs()].map(
      (leg, at) => new RelayParty(relay, `198.51.100.${at}`, leg),
    )
    const [a, b, ...idle] = parties as [RelayParty, RelayParty, ...RelayParty[]]
    relay.world.advance(10_000)
    a.send('about to end')
    relay.world.advance(50)
    relay.server.retire(relay.world.now, 2_000)
    relay.poke()
    relay.world.advance(50)
    expect(idle.map(({ told }) => told)).toEqual([
      ['bound', 'closing'],
      ['bound', 'closing'],
    ])
    for (let second = 0; second < 30; second += 1) {
      b.send('not yet')
      relay.world.advance(1_000)
    }
    expect([a.received.length, relay.server.openPairs]).toEqual([30, 1])
    // It is held open all the same: that alone is no reason to wait.
    a.refresh()
    relay.world.advance(1_600)
    expect([a.told, b.told, relay.server.openPairs]).toEqual([['bound', 'closing'], ['bound', 'closing'], 0])
    expect(relay.server.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
  })

  it('stays bound for hours while both are there', () => {
    const { relay, a, b } = pair()
    relay.world.advance(3_600_000)
    expect([a.told, b.told]).toEqual([['bound'], ['bound']])
    a.send('still')
    relay.world.advance(50)
    expect(b.received).toEqual(['still'])
  })

  it('says that the relay is not reachable, and goes on', () => {
    const { relay, a } = pair()
    relay.side.host.down.setDown(true)
    relay.world.advance(30_000)
    expect(a.told).toEqual(['bound', 'unreachable'])
    relay.side.host.down.setDown(false)
    relay.world.advance(5_000)
    expect(a.told).toEqual(['bound', 'unreachable', 'bound'])
  })
})

describe('a leg in a stream', () => {
  const nonce = Buffer.alloc(16, 4)

  function proofOf(leg: VRelayLeg): { mac: Buffer; nonce: Buffer } {
    return { mac: streamProof(natCrypto, Buffer.from(leg.token, 'base64'), nonce), nonce }
  }

  it('is joined to one by UDP', () => {
    const relay = new RelayWorld()
    const [legA, legB] = relay.legs()
    const a = new RelayParty(relay, SOURCES[0], legA)
    relay.world.advance(100)
    a.send('early')
    relay.world.advance(50)
    expect(relay.server.openStream(relay.world.now, 1, legB.leg, proofOf(legB))).toBe(true)
    a.send('hello')
    relay.world.advance(50)
    expect([relay.server.pollStream(), relay.server.pollStream()]).toEqual([
      { stream: 1, datagram: Buffer.from('early') },
      { stream: 1, datagram: Buffer.from('hello') },
    ])
    relay.server.handleStream(relay.world.now, 1, Buffer.from('answer'))
    relay.poke()
    relay.world.advance(50)
    expect(a.received).toEqual(['answer'])
    relay.server.closeStream(1)
    relay.server.handleStream(relay.world.now, 1, Buffer.from('too late'))
    expect(relay.server.counts.strangers).toBe(1)
  })

  it('needs a proof for the nonce of this very stream; a second stream replaces the first', () => {
    const relay = new RelayWorld()
    const [leg] = relay.legs()
    const proof = proofOf(leg)
    expect(relay.server.openStream(0, 1, leg.leg, { ...proof, nonce: Buffer.alloc(16) })).toBe(false)
    expect(relay.server.openStream(0, 1, 'ab'.repeat(8), proof)).toBe(false)
    expect(relay.server.openStream(0, 1, leg.leg, { ...proof, mac: Buffer.alloc(0) })).toBe(false)
    expect(relay.server.openStream(0, 1, leg.leg, proof)).toBe(true)
    expect(relay.server.openStream(0, 2, leg.leg, proof)).toBe(true)
    expect(relay.server.pollStream()).toEqual({ stream: 1, datagram: null })
  })
})

describe('the relay', () => {
  it('opens no more pairs than it may, for one source and in all', () => {
    const relay = new RelayWorld({ maxPairs: 3, maxPairsPerSource: 2 })
    const open = (...sources: [string, string]) => relay.server.openPair(0, sources, RELAY) !== null
    expect([open('a', 'b'), open('a', 'c'), open('a', 'd'), open('b', 'd'), open('e', 'f')]).toEqual([
      true,
      true,
      false,
      true,
      false,
    ])
    expect(relay.server.counts).toMatchObject({ pairs: 3, refusedPairs: 2 })
  })

  it('throws for no datagram, and keeps nothing of strangers', () => {
    const relay = new RelayWorld()
    const batch = new VTransmitBatch(Buffer.alloc(2_000))
    assert(
      property(uint8Array({ maxLength: 80 }), (bytes) => {
        const control = Buffer.from(bytes)
        if (control.length > 0) control[0] = 0xa0 + ((control[0] as number) & 3)
        for (const each of [Buffer.from(bytes), control]) {
          relay.server.handleDatagram(0, relay.peer, each)
          while (relay.server.pollTransmit(0, batch)) expect(batch.end).toBeLessThanOrEqual(each.length)
        }
      }),
      propertyRuns(1_000),
    )
    expect(relay.server.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('the client of a relay', () => {
  it('throws for no datagram, and believes none that it cannot check', () => {
    const leg = { leg: 'ab'.repeat(8), token: Buffer.alloc(32, 1).toString('base64') }
    const world = new SimWorld({ seed: 1 })
    const relay = world.network.peer(RELAY.host, RELAY.port)
    assert(
      property(uint8Array({ minLength: 16, maxLength: 16 }), uint8Array({ maxLength: 30 }), (mac, any) => {
        const client = new VRelayClient({ relay, leg }, natCrypto)
        client.start(0)
        const head = Buffer.concat([Buffer.of(0xa2), Buffer.from(leg.leg, 'hex')])
        for (const bytes of [Buffer.concat([head, mac]), Buffer.concat([head, any]), Buffer.from(any)]) {
          client.handleDatagram(1, relay, bytes)
        }
        expect([client.isBound, client.pollEvent()]).toEqual([false, undefined])
      }),
      propertyRuns(300),
    )
  })

  it('answers three challenges at most in a row', () => {
    const leg = { leg: 'ab'.repeat(8), token: Buffer.alloc(32, 1).toString('base64') }
    const relay = new SimWorld({ seed: 1 }).network.peer(RELAY.host, RELAY.port)
    const client = new VRelayClient({ relay, leg }, natCrypto)
    client.start(0)
    const challenge = (fill: number): Buffer =>
      Buffer.concat([Buffer.of(0xa1), Buffer.from(leg.leg, 'hex'), Buffer.alloc(16, fill)])
    for (let times = 1; times <= 10; times += 1) client.handleDatagram(1, relay, challenge(times))
    const batch = new VTransmitBatch(Buffer.alloc(2_000))
    let sent = 0
    while (client.pollTransmit(1, batch)) sent += batch.count
    expect(sent).toBe(4)
  })
})

describe('framed datagrams', () => {
  it('come out of the stream as they went in, whatever the pieces', () => {
    assert(
      property(
        array(uint8Array({ maxLength: 300 }), { maxLength: 8 }),
        array(uint8Array()),
        (datagrams, cuts) => {
          const stream = Buffer.concat(datagrams.map(frameDatagram))
          const unframer = new VDatagramUnframer()
          const out: Buffer[] = []
          let at = 0
          for (const { length } of [...cuts, stream]) {
            out.push(...unframer.push(stream.subarray(at, at + length)))
            at += length
          }
          expect(out).toEqual(datagrams.map((each) => Buffer.from(each)))
          expect(unframer.heldBytes).toBe(0)
        },
      ),
      propertyRuns(200),
    )
  })

  it('hold less than one datagram, and none is longer than 65,535 bytes', () => {
    const unframer = new VDatagramUnframer()
    expect(unframer.push(Buffer.alloc(70_000, 0xff))).toHaveLength(1)
    expect(unframer.heldBytes).toBeLessThan(65_537)
    expect(() => frameDatagram(Buffer.alloc(65_536))).toThrow(RangeError)
  })
})
