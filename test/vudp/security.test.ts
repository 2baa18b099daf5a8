/**
 * What an attacker gets, where no test of a part shows it: from a recording, on the way, and with a flood.
 *
 * `docs/security.md` names these and those of the parts. Each attacker here has all datagrams, and no secret unless a
 * title says so.
 */
import { VFIOCompleted, VFIOLost, VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { NodeCrypto } from '../../packages/vudp/src/driver/crypto.js'
import type { VUDPOptions } from '../../packages/vudp/src/proto/config.js'
import { VUDPConnection } from '../../packages/vudp/src/proto/connection.js'
import type { IVUDPEngine } from '../../packages/vudp/src/proto/engine.js'
import { type VUDPLost, VUT_CODE } from '../../packages/vudp/src/proto/errors.js'
import { sessionKeys } from '../../packages/vudp/src/proto/v1/key-schedule.js'
import { Noise } from '../../packages/vudp/src/proto/v1/noise.js'
import { encodePunch, KIND, parseInit, parseResp } from '../../packages/vudp/src/proto/v1/packet.js'
import { V08Connection } from '../../packages/vudp/src/proto/v08/connection.js'
import { Insider } from './proto/v1/insider.js'
import { type Flight, LEFT, Pair, RIGHT } from './proto/v1/pair.js'

const crypto = new NodeCrypto()
const TEXT = Buffer.from('nobody else is meant to read this sentence')
const OTHER = new VIPSocketPeer('10.0.0.99', 999)
/** What `Pair` gives its ends. */
const [GREATER, LESS] = [Buffer.alloc(32, 0xab), Buffer.alloc(32, 0x12)]
const keys = sessionKeys(crypto, GREATER, LESS)

/** A pair that has carried the text both ways, with all that passed. */
function recorded(seed: number, options: Partial<VUDPOptions> = {}): { pair: Pair; flights: Flight[] } {
  const pair = new Pair({ seed, left: options })
  const flights: Flight[] = []
  pair.onLine = (flight) => {
    flights.push({ ...flight, bytes: Buffer.from(flight.bytes) })
    return flight
  }
  pair.connect()
  for (const { connection } of [pair.left, pair.right]) connection.stream.writeSome(TEXT)
  pair.run(1000)
  for (const { connection } of [pair.left, pair.right]) expect(connection.stream.readSome(100)).toEqual(TEXT)
  return { pair, flights }
}

/** A responder with the secrets of the pair, whose cryptography counts what it does. */
function countingResponder(seed = 9): { victim: VUDPConnection; counts: { hmac: number; x25519: number } } {
  const counts = { hmac: 0, x25519: 0 }
  const counting = new NodeCrypto()
  const { hmac, x25519 } = counting
  counting.hmac = (...parts) => {
    counts.hmac += 1
    return hmac.apply(counting, parts)
  }
  counting.x25519 = (...parts) => {
    counts.x25519 += 1
    return x25519.apply(counting, parts)
  }
  const means = { crypto: counting, random: new VSeededRandom(seed) }
  const victim = new VUDPConnection({ secret: LESS, peerSecret: GREATER, peer: LEFT }, means)
  victim.handleTimeout(0)
  return { victim, counts }
}

/** All that an engine wants to send, as copies. */
function sentBy(
  engine: IVUDPEngine,
  now: number,
): { readonly to: VIPSocketPeer | null; readonly bytes: Buffer }[] {
  const batch = new VTransmitBatch()
  const sent: { to: VIPSocketPeer | null; bytes: Buffer }[] = []
  while (engine.pollTransmit(now, batch)) {
    for (let at = batch.start; at < batch.end; at += batch.segmentBytes) {
      const end = Math.min(at + batch.segmentBytes, batch.end)
      sent.push({ to: batch.peer, bytes: Buffer.from(batch.buffer.subarray(at, end)) })
    }
  }
  return sent
}

function codeOf(engine: IVUDPEngine): number | undefined {
  return (engine.closed?.value as VUDPLost | undefined)?.closeCode
}

describe('a recording', () => {
  it('of VUT/1 shows nothing of what was written or sent along', () => {
    const userData = Buffer.from('a name that is nobody else’s affair')
    const { flights } = recorded(1, { userData })
    expect(flights.length).toBeGreaterThan(6)
    const all = Buffer.concat(flights.map(({ bytes }) => bytes))
    for (const secret of [TEXT, userData, GREATER, LESS, keys.psk]) {
      for (let at = 0; at + 8 <= secret.length; at += 1)
        expect(all.includes(secret.subarray(at, at + 8))).toBe(false)
    }
    // The same words under the same secrets: nothing but headers is alike.
    const again = recorded(2, { userData }).flights
    const bodies = (list: readonly Flight[]): string[] =>
      list.filter(({ bytes }) => bytes[0] === KIND.data).map(({ bytes }) => bytes.toString('hex', 13, 29))
    expect(bodies(again).filter((body) => bodies(flights).includes(body))).toEqual([])
  })

  it('of VUT 0.8 shows everything', () => {
    const ends = [GREATER, LESS].map((secret, index) => {
      const [peerSecret, peer] = index === 0 ? [LESS, RIGHT] : [GREATER, LEFT]
      return new V08Connection(
        { secret, peerSecret: peerSecret as Buffer, peer: peer as VIPSocketPeer },
        crypto,
      )
    }) as [V08Connection, V08Connection]
    const all: Buffer[] = []
    for (let now = 0; now < 100; now += 1) {
      for (const [end, other, from] of [[...ends, LEFT] as const, [ends[1], ends[0], RIGHT] as const]) {
        for (const { bytes } of sentBy(end, now)) {
          all.push(bytes)
          other.handleDatagram(now, from, bytes)
        }
      }
      if (now === 10) ends[0].stream.writeSome(TEXT)
    }
    expect(ends[1].stream.readSome(100)).toEqual(TEXT)
    expect(Buffer.concat(all).includes(TEXT)).toBe(true)
  })

  it('replayed to a side that comes back with the same secrets comes to nothing', () => {
    const { flights } = recorded(3)
    const { victim } = countingResponder()
    for (const { to, bytes } of flights)
      if (to === 'right') victim.handleDatagram(1, LEFT, Buffer.from(bytes))
    expect(sentBy(victim, 1).some(({ bytes }) => bytes[0] === KIND.resp)).toBe(true)
    expect([victim.connected, victim.stream.readable]).toEqual([false, false])
    victim.handleTimeout(15_000)
    expect(codeOf(victim)).toBe(VUT_CODE.handshakeTimeout)
  })

  it('and both secrets, learned later, give the parameters of INIT and nothing else', () => {
    const userData = Buffer.from('told to canConnect')
    const { flights } = recorded(4, { userData })
    const first = (kind: number): Buffer =>
      flights.find(({ bytes }) => bytes[0] === kind)?.bytes ?? Buffer.alloc(0)
    const init = parseInit(first(KIND.init))
    const resp = parseResp(first(KIND.resp))
    if (init === null || resp === null) throw new Error('the handshake was not recorded')
    const prologue = Buffer.concat([Buffer.from('VUT/1\x01'), keys.tag, init.scid, Buffer.alloc(1)])
    const noise = new Noise(crypto, keys.psk, prologue, Buffer.alloc(32, 5))
    expect(noise.readFirst(init.message)?.includes(userData)).toBe(true)
    expect(noise.readSecond(resp.message)).toBeNull()
  })
})

describe('somebody on the way', () => {
  it('who sends the datagrams of a side back to it changes nothing', () => {
    const { pair, flights } = recorded(5)
    for (const [side, from] of [
      ['left', RIGHT],
      ['right', LEFT],
    ] as const) {
      const { connection, events } = pair[side]
      const [before, told] = [connection.stats().datagramsInvalid, events.length]
      const own = flights.filter(({ to, bytes }) => to !== side && bytes[0] === KIND.data)
      for (const { bytes } of own) pair.inject(side, from, bytes)
      pair.poll()
      expect(own.length).toBeGreaterThan(1)
      expect(connection.stats().datagramsInvalid - before).toBe(own.length)
      expect(events.length).toBe(told)
    }
    // Nor before there are keys: each side has a key of its own for PUNCH.
    const { victim } = countingResponder()
    victim.handleDatagram(1, LEFT, encodePunch(crypto, keys.punchResponder, keys.tag, 9))
    expect(victim.stats().datagramsInvalid).toBe(1)
  })

  it('who drops everything ends the connection as unclean, for both sides', () => {
    const { pair } = recorded(6)
    pair.left.connection.stream.finish()
    pair.onLine = () => null
    pair.drain(200_000)
    for (const { connection } of [pair.left, pair.right]) {
      expect(connection.closed).toBeInstanceOf(VFIOLost)
      expect(codeOf(connection)).toBe(VUT_CODE.idle)
      expect(connection.stream.inputEnd).not.toBeInstanceOf(VFIOCompleted)
    }
  })

  it('who drops the rest and replays what was before cannot make a cut look like an end', () => {
    const { pair, flights } = recorded(7)
    pair.onLine = () => null
    pair.left.connection.stream.writeSome(TEXT)
    pair.left.connection.stream.finish()
    for (let round = 0; round < 50; round += 1) {
      pair.run(1000)
      for (const { to, from, bytes } of flights) pair.inject(to, from, bytes)
    }
    pair.drain(200_000)
    expect(pair.right.connection.stream.inputEnd).toBeInstanceOf(VFIOLost)
    expect(pair.left.connection.closed).toBeInstanceOf(VFIOLost)
  })

  it('is no help to sides that gave another context', () => {
    const pair = new Pair({ left: { context: 'backup' }, right: { context: 'control' } })
    pair.run(16_000)
    for (const { connection } of [pair.left, pair.right]) {
      expect([connection.connected, codeOf(connection)]).toEqual([false, VUT_CODE.handshakeTimeout])
    }
  })
})

describe('a flood', () => {
  const RATE = 264 // What is free for the source, and what all share in a second.

  it('of forged PUNCH and INIT costs a bounded number of hashes, and the true peer gets through', () => {
    const { flights } = recorded(8)
    const { victim, counts } = countingResponder()
    const [before] = [counts.hmac]
    const init = Buffer.alloc(1200, 7)
    init.set([KIND.init, 1])
    init.set(keys.tag, 2)
    init.writeUInt16BE(200, 18)
    const punch = Buffer.concat([Buffer.of(KIND.punch), keys.tag, Buffer.alloc(20)])
    for (let count = 0; count < 20_000; count += 1) {
      victim.handleDatagram(count / 20_000, LEFT, count % 2 === 0 ? punch : init)
    }
    expect(victim.stats().datagramsInvalid).toBe(20_000)
    // A forged INIT costs the few hashes of the key schedule; more than eight of each it is never.
    expect(counts.hmac - before).toBeLessThan(8 * 2 * RATE)
    expect(counts.x25519).toBe(0)
    const truth = flights.find(({ bytes }) => bytes[0] === KIND.init)?.bytes ?? Buffer.alloc(0)
    // From the address that is forged: it shares the budget, and gets through with one of the next.
    for (let now = 2; sentBy(victim, now).every(({ bytes }) => bytes[0] !== KIND.resp); now += 250) {
      if (now > 15_000) throw new Error('the true peer was shut out')
      for (let count = 0; count < 1000; count += 1) victim.handleDatagram(now, LEFT, punch)
      victim.handleDatagram(now + 249, LEFT, Buffer.from(truth))
    }
  })

  it('from very many addresses costs no more hashes than one from few', () => {
    const { victim, counts } = countingResponder()
    const before = counts.hmac
    const punch = Buffer.concat([Buffer.of(KIND.punch), keys.tag, Buffer.alloc(20)])
    for (let count = 0; count < 20_000; count += 1) {
      victim.handleDatagram(count / 20_000, new VIPSocketPeer('10.2.2.2', 1 + count), punch)
    }
    expect(counts.hmac - before).toBeGreaterThan(256)
    expect(counts.hmac - before).toBeLessThan(64 * 8 + 2 * 256)
  })

  it('of INIT with other versions is not answered once the true one has come', () => {
    const { flights } = recorded(9)
    const truth = flights.find(({ bytes }) => bytes[0] === KIND.init)?.bytes ?? Buffer.alloc(0)
    const { victim, counts } = countingResponder()
    victim.handleDatagram(1, LEFT, Buffer.from(truth))
    expect(sentBy(victim, 1).length).toBeGreaterThan(0)
    const before = counts.hmac
    const other = Buffer.from(truth)
    other[1] = 2
    for (let count = 0; count < 1000; count += 1) victim.handleDatagram(2, OTHER, other)
    expect([sentBy(victim, 2), counts.hmac]).toEqual([[], before])
  })
})

describe('copies of INIT from many addresses', () => {
  it('get less than they cost, and do not shut the true one out', () => {
    const { flights } = recorded(10)
    const truth = flights.find(({ bytes }) => bytes[0] === KIND.init)?.bytes ?? Buffer.alloc(0)
    const { victim } = countingResponder()
    const from = Array.from({ length: 30 }, (_, index) => new VIPSocketPeer(`10.1.1.${index}`, 5))
    for (const address of from) {
      victim.handleDatagram(1, address, Buffer.from(truth))
      const answers = sentBy(victim, 1).filter(({ to }) => to?.equals(address) === true)
      expect(answers.map(({ bytes }) => bytes[0])).toEqual([KIND.resp])
      expect(answers[0]?.bytes.length).toBeLessThan(truth.length)
    }
  })

  it('leave the last of them a connection like the first', () => {
    const means = (seed: number) => ({ crypto, random: new VSeededRandom(seed) })
    const first = new VUDPConnection({ secret: GREATER, peerSecret: LESS, peer: RIGHT }, means(1))
    const second = new VUDPConnection({ secret: LESS, peerSecret: GREATER, peer: LEFT }, means(2))
    for (let now = 0; now < 3000; now += 5) {
      for (const engine of [first, second]) if (engine.pollTimeout() <= now) engine.handleTimeout(now)
      for (const { bytes } of sentBy(first, now)) {
        for (let copy = 0; copy < 20 && bytes[0] === KIND.init; copy += 1) {
          second.handleDatagram(now, new VIPSocketPeer(`10.1.1.${copy}`, 5), Buffer.from(bytes))
        }
        second.handleDatagram(now, OTHER, bytes)
      }
      for (const { bytes, to } of sentBy(second, now)) {
        if (to?.equals(OTHER) === true) first.handleDatagram(now, RIGHT, bytes)
      }
      if (now === 50) second.stream.writeSome(TEXT)
    }
    expect(second.peer).toEqual(OTHER)
    expect(first.stream.readSome(100)).toEqual(TEXT)
  })
})

describe('what was not agreed', () => {
  it.each([
    [0, 0, 'nothing is sent'],
    [0, 100, 'the sender takes none'],
    [100, 0, 'the receiver takes none'],
  ])('unreliable datagrams of %d and %d bytes: %s', (left, right) => {
    const pair = new Pair({ left: { maxUnreliableBytes: left }, right: { maxUnreliableBytes: right } })
    pair.connect()
    for (const { connection } of [pair.left, pair.right]) {
      expect(connection.sendDatagram(Buffer.from('x'))).toBe(false)
      expect(connection.sendDatagram(Buffer.alloc(0))).toBe(false)
    }
  })

  it('an unreliable datagram that was not offered ends the connection, an empty one as well', () => {
    const insider = new Insider().connect()
    insider.say(Buffer.of(0x30, 0))
    expect(codeOf(insider.victim)).toBe(VUT_CODE.frame)
  })
})

describe('an initiator', () => {
  it('that is answered from an address that nobody named goes on there at once, within three times', () => {
    const means = (seed: number) => ({ crypto, random: new VSeededRandom(seed) })
    const first = new VUDPConnection({ secret: GREATER, peerSecret: LESS, peer: RIGHT }, means(1))
    const second = new VUDPConnection({ secret: LESS, peerSecret: GREATER, peer: LEFT }, means(2))
    let [received, sent] = [0, 0]
    for (let now = 0; now < 500; now += 5) {
      for (const engine of [first, second]) if (engine.pollTimeout() <= now) engine.handleTimeout(now)
      for (const { bytes, to } of sentBy(first, now)) {
        if (bytes[0] === KIND.data && to?.equals(OTHER) === true && !second.connected) sent += bytes.length
        second.handleDatagram(now, LEFT, bytes)
      }
      for (const { bytes } of sentBy(second, now)) {
        // What nobody has asked for: only the answer comes from there.
        if (bytes[0] === KIND.punch) continue
        received += bytes.length
        first.handleDatagram(now, OTHER, bytes)
      }
      if (now === 50) expect([first.connected, second.connected]).toEqual([true, true])
      if (now === 50) first.stream.writeSome(TEXT)
    }
    expect(first.peer).toEqual(OTHER)
    expect(sent).toBeLessThanOrEqual(3 * received)
    expect(second.stream.readSome(100)).toEqual(TEXT)
  })
})
