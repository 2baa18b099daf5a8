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

  it('of its own is told with a challenge and another id; the old id is given back', () => {
    const insider = new Insider().connect()
    insider.wait(100)
    const [before] = insider.heard
      .filter(({ plain }) => plain !== null)
      .map(({ bytes }) => bytes.subarray(1, 9))
    const spare = Buffer.alloc(8, 0x77)
    const newId = Buffer.concat([Buffer.of(FRAME.newId, 1), spare, Buffer.alloc(16, 1)])
    insider.say(newId)
    insider.listen()
    insider.victim.localAddressChanged()
    expect(insider.victim.pollTimeout()).toBe(0)
    const heard = insider.listen()
    expect(challengesIn(heard)).toHaveLength(1)
    expect(before?.equals(spare)).toBe(false)
    for (const { bytes } of heard) expect(bytes.subarray(1, 9)).toEqual(spare)
    expect(Insider.typesIn(heard)).toContain(FRAME.retireId)
    expect(insider.victim.stats()).toMatchObject({ migrations: 1, smoothedRttMs: -1 })
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
