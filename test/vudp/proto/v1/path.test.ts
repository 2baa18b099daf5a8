/**
 * Addresses that change: what is sent where, how an address proves itself, and when the connection goes back.
 */
import { VIPSocketPeer } from '@vio/io'
import { describe, expect, it } from 'vitest'
import { FRAME, FrameReader } from '../../../../packages/vudp/src/proto/v1/frames.js'
import { type Heard, INSIDER, Insider } from './insider.js'

const NEW = new VIPSocketPeer('10.9.7.7', 7777)
const NEWER = new VIPSocketPeer('10.9.7.8', 7778)
const PING = Buffer.of(FRAME.ping)

function challengesIn(
  heard: readonly Heard[],
  type: number = FRAME.pathChallenge,
): { to: VIPSocketPeer; data: Buffer }[] {
  const reader = new FrameReader()
  const found: { to: VIPSocketPeer; data: Buffer }[] = []
  for (const { to, plain } of heard) {
    if (plain === null) continue
    reader.reset(plain)
    while (reader.next()) if (reader.type === type) found.push({ to, data: Buffer.from(reader.data) })
  }
  return found
}

function bytesTo(heard: readonly Heard[], peer: VIPSocketPeer): number {
  return heard.filter(({ to }) => to.equals(peer)).reduce((sum, { bytes }) => sum + bytes.length, 0)
}

function respond(insider: Insider, data: Buffer, from: VIPSocketPeer): void {
  insider.say(Buffer.concat([Buffer.of(FRAME.pathResponse), data]), from)
}

function ackAll(insider: Insider, from: VIPSocketPeer): void {
  const largest = insider.protection?.largest ?? 0
  const ack = Buffer.alloc(8)
  ack[0] = FRAME.ack
  ack.writeUInt32BE((0x8000_0000 | largest) >>> 0, 1)
  // Only the newest: enough for what is looked at here.
  insider.say(ack, from)
}

describe('an address that changes', () => {
  it('is challenged, gets three times what it sent, and is used for good once it has answered', () => {
    const insider = new Insider().connect()
    insider.wait(100)
    insider.victim.stream.writeSome(Buffer.alloc(100_000))
    insider.say(PING, NEW)
    const heard = insider.listen()
    const [challenge, ...others] = challengesIn(heard)
    expect(challenge?.to).toBe(NEW)
    expect(others).toEqual([])
    expect(insider.victim.peer).toBe(NEW)
    // 30 bytes came from there: next to nothing may go there.
    expect(bytesTo(heard, NEW)).toBeLessThanOrEqual(90)
    expect(insider.events.at(-1)).toMatchObject({ type: 'peer-changed', peer: NEW })
    respond(insider, challenge?.data as Buffer, NEW)
    expect(bytesTo(insider.listen(), NEW)).toBeGreaterThan(10_000)
    insider.wait(10_000)
    expect(insider.victim.peer).toBe(NEW)
  })

  it('gets three times what it sent to the byte, where datagrams of the usual size come close to that', () => {
    const insider = new Insider().connect()
    insider.wait(100)
    insider.victim.stream.writeSome(Buffer.alloc(100_000))
    insider.say(Buffer.concat([PING, Buffer.alloc(470)]), NEW)
    const toNew = bytesTo([...insider.listen(), ...insider.wait(500)], NEW)
    // 500 bytes came: one datagram of 1200 may go there, and not another.
    expect(toNew).toBeGreaterThan(1000)
    expect(toNew).toBeLessThanOrEqual(1500)
  })

  it('that never answers costs little, and the one before is used again', () => {
    const insider = new Insider().connect()
    insider.wait(100)
    insider.victim.stream.writeSome(Buffer.alloc(100_000))
    insider.say(PING, NEW)
    const heard = [...insider.listen(), ...insider.wait(8_000)]
    expect(bytesTo(heard, NEW)).toBeLessThanOrEqual(90)
    expect(insider.victim.peer.equals(INSIDER)).toBe(true)
    expect(bytesTo(heard, INSIDER)).toBeGreaterThan(0)
    expect(insider.victim.stats().migrations).toBe(2)
  })

  it('is left at once when something newer comes from the one before', () => {
    const insider = new Insider().connect()
    insider.say(PING, NEW)
    expect(insider.victim.peer).toBe(NEW)
    insider.say(PING, INSIDER)
    expect(insider.victim.peer.equals(INSIDER)).toBe(true)
    expect(challengesIn(insider.listen())).toEqual([])
  })

  it('is challenged again where the connection comes back before it has answered', () => {
    const insider = new Insider().connect()
    insider.wait(100)
    insider.victim.stream.writeSome(Buffer.alloc(100_000))
    insider.say(PING, NEW)
    insider.victim.tryPath(insider.now, NEWER)
    const asked = challengesIn(insider.listen()).find(({ to }) => to.equals(NEWER))
    respond(insider, asked?.data as Buffer, NEWER)
    expect(insider.victim.peer.equals(NEWER)).toBe(true)
    insider.listen()
    insider.say(PING, NEW)
    expect(insider.victim.peer.equals(NEW)).toBe(true)
    const [again] = challengesIn(insider.wait(2_000))
    expect(again?.to.equals(NEW)).toBe(true)
    respond(insider, again?.data as Buffer, NEW)
    expect(bytesTo(insider.wait(2_000), NEW)).toBeGreaterThan(10_000)
  })

  it('is not followed for a replay, for an older number, or for a probe', () => {
    const insider = new Insider().connect()
    insider.wait(100)
    const older = insider.seal(PING)
    const newest = insider.seal(PING)
    insider.give(newest)
    insider.give(newest, NEW)
    insider.give(older, NEW)
    expect(insider.victim.peer.equals(INSIDER)).toBe(true)
    expect(challengesIn(insider.wait(5_000))).toEqual([])
    const data = Buffer.from('12345678')
    insider.say(Buffer.concat([Buffer.of(FRAME.pathChallenge), data, Buffer.alloc(20)]), NEWER)
    expect(insider.victim.peer.equals(INSIDER)).toBe(true)
    const answers = challengesIn(insider.listen(), FRAME.pathResponse)
    expect(answers).toEqual([{ to: NEWER, data }])
  })

  it('is not proved by an answer to something else', () => {
    const insider = new Insider().connect()
    insider.victim.stream.writeSome(Buffer.alloc(100_000))
    insider.say(PING, NEW)
    insider.listen()
    respond(insider, Buffer.alloc(8, 1), NEW)
    expect(bytesTo(insider.listen(), NEW)).toBeLessThanOrEqual(3 * 40)
  })

  it('answers eight challenges at once, and no more', () => {
    const insider = new Insider().connect()
    insider.wait(100)
    const frames = Array.from({ length: 30 }, (_, at) =>
      Buffer.concat([Buffer.of(FRAME.pathChallenge), Buffer.alloc(8, at)]),
    )
    insider.say(Buffer.concat(frames))
    expect(challengesIn(insider.listen(), FRAME.pathResponse)).toHaveLength(8)
  })

  it('begins anew with its round trips, its window and its size', () => {
    const insider = new Insider().connect()
    insider.wait(20)
    ackAll(insider, INSIDER)
    expect(insider.victim.stats().smoothedRttMs).toBeGreaterThan(0)
    insider.say(PING, NEW)
    const { smoothedRttMs, datagramBytes, bytesInFlight } = insider.victim.stats()
    expect({ smoothedRttMs, datagramBytes, bytesInFlight }).toEqual({
      smoothedRttMs: -1,
      datagramBytes: 1200,
      bytesInFlight: 0,
    })
  })
})

describe('a path without a sign of life', () => {
  it('gets nothing but challenges after 30 s, and data again when one is answered', () => {
    const options = { keepAliveMs: Number.POSITIVE_INFINITY, idleTimeoutMs: 600_000, mtuBytes: 1200 }
    const insider = new Insider(options).connect()
    insider.wait(100)
    ackAll(insider, INSIDER)
    ackAll(insider, INSIDER)
    insider.wait(40_000)
    insider.victim.stream.writeSome(Buffer.from('after a long silence'))
    const heard = insider.wait(1_000)
    const [challenge] = challengesIn(heard)
    expect(challenge?.to.equals(INSIDER)).toBe(true)
    expect(Insider.typesIn(heard)).not.toContain(FRAME.stream)
    respond(insider, challenge?.data as Buffer, INSIDER)
    expect(Insider.typesIn(insider.wait(10))).toContain(FRAME.stream)
  })
})

describe('connection ids', () => {
  const SPARES = [0x71, 0x72, 0x73].map((octet) => Buffer.alloc(8, octet))

  /** Gives the victim three more ids, and acknowledges all. Returns the ids of the victim by their sequence. */
  function withIds(insider: Insider): Map<number, Buffer> {
    insider.connect().wait(100)
    const frames = SPARES.map((id, at) =>
      Buffer.concat([Buffer.of(FRAME.newId, at + 1), id, Buffer.alloc(16, at)]),
    )
    insider.say(Buffer.concat(frames))
    insider.listen()
    ackEverything(insider)
    insider.listen()
    const ids = new Map<number, Buffer>()
    const reader = new FrameReader()
    for (const { plain } of insider.heard) {
      if (plain === null) continue
      reader.reset(plain)
      while (reader.next())
        if (reader.type === FRAME.newId) ids.set(reader.stream, Buffer.from(reader.data.subarray(0, 8)))
    }
    return ids
  }

  function ackEverything(insider: Insider, from: VIPSocketPeer = INSIDER): void {
    const largest = insider.protection?.largest ?? 0
    insider.say(Buffer.of(FRAME.ack, largest, 0, 0, largest), from)
  }

  function idsIn(heard: readonly Heard[], to: VIPSocketPeer): Set<string> {
    const found = heard.filter((each) => each.plain !== null && each.to.equals(to))
    return new Set(found.map(({ bytes }) => bytes.toString('hex', 1, 9)))
  }

  const hex = (at: number): string => (SPARES[at] as Buffer).toString('hex')
  const padded = Buffer.concat([PING, Buffer.alloc(1_100)])

  it('are changed with the local address; the old one is given back when nothing sent under it is in flight', () => {
    const insider = new Insider()
    withIds(insider)
    insider.victim.stream.writeSome(Buffer.from('under the old id'))
    const [before] = idsIn(insider.listen(), INSIDER)
    insider.victim.localAddressChanged()
    expect(insider.victim.pollTimeout()).toBe(0)
    const heard = insider.listen()
    expect(challengesIn(heard)).toHaveLength(1)
    expect(idsIn(heard, INSIDER)).toEqual(new Set([hex(0)]))
    expect(before).not.toBe(hex(0))
    expect(Insider.typesIn(heard)).not.toContain(FRAME.retireId)
    expect(insider.victim.stats()).toMatchObject({ migrations: 1, smoothedRttMs: -1 })
    ackEverything(insider)
    expect(Insider.typesIn(insider.listen())).toContain(FRAME.retireId)
  })

  it('stay where a NAT has moved the peer, and change where the peer has moved itself and uses another', () => {
    const insider = new Insider()
    const ids = withIds(insider)
    const [first] = idsIn(insider.heard, INSIDER)
    for (const address of [NEW, NEWER, NEW, NEWER]) {
      insider.say(padded, address)
      expect(idsIn(insider.listen(), address)).toEqual(new Set([first]))
    }
    insider.dcid = ids.get(1) as Buffer
    insider.say(padded, NEW)
    expect(idsIn(insider.listen(), NEW)).toEqual(new Set([hex(0)]))
    expect(Insider.typesIn(insider.heard)).not.toContain(FRAME.retireId)
    ackEverything(insider, NEW)
    const heard = insider.listen()
    expect(Insider.typesIn(heard)).toContain(FRAME.retireId)
    expect(idsIn(heard, NEW)).toEqual(new Set([hex(0)]))
    // And back, by another one again.
    insider.dcid = ids.get(2) as Buffer
    insider.say(padded, INSIDER)
    expect(idsIn(insider.wait(30), INSIDER)).toEqual(new Set([hex(1)]))
  })

  it('of a path that is tried are of its own, and stay with it when the connection moves there', () => {
    const insider = new Insider()
    withIds(insider)
    const [first] = idsIn(insider.heard, INSIDER)
    expect(insider.victim.tryPath(insider.now, NEW)).toBe(true)
    insider.victim.stream.writeSome(Buffer.alloc(5_000))
    const heard = insider.listen()
    expect(idsIn(heard, NEW)).toEqual(new Set([hex(0)]))
    expect(idsIn(heard, INSIDER)).toEqual(new Set([first]))
    respond(insider, challengesIn(heard)[0]?.data as Buffer, NEW)
    insider.victim.stream.writeSome(Buffer.alloc(5_000))
    const after = insider.wait(100)
    expect(insider.victim.peer.equals(NEW)).toBe(true)
    expect(idsIn(after, NEW)).toEqual(new Set([hex(0)]))
    expect(idsIn(after, INSIDER).size).toBe(0)
  })

  it('of paths that do not answer are not used for another one, and two are kept at most', () => {
    const insider = new Insider({ idleTimeoutMs: 600_000 })
    withIds(insider)
    const third = new VIPSocketPeer('10.9.7.9', 7779)
    const used: string[] = []
    for (const address of [NEW, NEWER, NEW, third, NEW]) {
      insider.victim.tryPath(insider.now, address)
      const [id] = idsIn(insider.listen(), address)
      used.push(id as string)
      insider.wait(5_000)
    }
    expect(used.slice(0, 4)).toEqual([hex(0), hex(1), hex(0), hex(2)])
    expect(Insider.typesIn(insider.heard)).toContain(FRAME.retireId)
    // None is left for it: its own was given up, and the one in use is the last resort.
    expect(idsIn(insider.heard, INSIDER)).toContain(used[4])
  })

  it('keep an answer apart where whoever asks uses another one, and do not where it uses the same', () => {
    const insider = new Insider()
    const ids = withIds(insider)
    const [first] = idsIn(insider.heard, INSIDER)
    const challenge = Buffer.concat([Buffer.of(FRAME.pathChallenge), Buffer.alloc(8, 5), Buffer.alloc(1_100)])
    insider.say(challenge, NEW)
    expect(idsIn(insider.listen(), NEW)).toEqual(new Set([first]))
    insider.dcid = ids.get(1) as Buffer
    insider.say(challenge, NEWER)
    const heard = insider.listen()
    expect(challengesIn(heard, FRAME.pathResponse)).toHaveLength(1)
    expect(idsIn(heard, NEWER)).toEqual(new Set([hex(0)]))
  })
})
