/**
 * Any bytes at any time, forged by outsiders and by one who holds the keys: no throw, bounded memory, times that are
 * finite or never.
 */
import { VFIOCompleted, VFIOLost, VIPSocketPeer } from '@vio/io'
import { describe, expect, it } from 'vitest'
import { FRAME, FrameReader } from '../../../../packages/vudp/src/proto/v1/frames.js'
import { parseInit, parseResp } from '../../../../packages/vudp/src/proto/v1/packet.js'
import { decodeParameters } from '../../../../packages/vudp/src/proto/v1/parameters.js'
import type { Stream } from '../../../../packages/vudp/src/proto/v1/stream.js'
import { runs, seeds } from '../../../lib/runs.js'
import { Draw, frame, MAX_STREAMS, TYPES, WINDOW } from './fuzz-frames.js'
import { INSIDER, Insider } from './insider.js'

const OTHERS: readonly VIPSocketPeer[] = [1, 2, 3].map((at) => new VIPSocketPeer(`10.9.1.${at}`, 3000 + at))
const STEPS = 400

/** What has to hold after every step. */
function check(insider: Insider): void {
  const { victim } = insider
  const due = victim.pollTimeout()
  expect(Number.isNaN(due)).toBe(false)
  expect(due === Number.POSITIVE_INFINITY || due < insider.now + 10_000_000).toBe(true)
  if (victim.drained) expect(due).toBe(Number.POSITIVE_INFINITY)
  const stats = victim.stats()
  expect(stats.inFlightSent).toBe(stats.inFlightAcked + stats.inFlightLost + stats.inFlightNow)
  expect(stats.streamBytesRead).toBeLessThanOrEqual(stats.streamBytesReceived)
  let kept = 0
  for (const event of insider.events) {
    if (event.type === 'stream-opened') kept += (event.stream as Stream).input.buffer.keptBytes
  }
  kept += (victim.stream as Stream).input.buffer.keptBytes
  // Each of the streams keeps whole slabs, of which the last one may be the largest there is.
  expect(kept).toBeLessThanOrEqual((MAX_STREAMS + 1) * (WINDOW + 2 * 65_536))
}

function useStreams(insider: Insider, draw: Draw): void {
  const streams = insider.events.flatMap((event) => (event.type === 'stream-opened' ? [event.stream] : []))
  const stream = [insider.victim.stream, ...streams][draw.below(streams.length + 1)]
  if (stream === undefined) return
  const kind = draw.below(40)
  if (kind < 15) stream.readSome(1 + draw.below(5000))
  else if (kind < 30) stream.writeSome(draw.bytes(draw.below(3000)))
  else if (kind === 30) stream.finish()
  else if (kind === 31) stream.stop()
  else if (kind === 32) stream.reset()
  else if (kind === 33) insider.victim.openStream()
  else if (kind === 34) insider.victim.sendDatagram(draw.bytes(100))
  else if (kind === 35 && draw.chance(0.1)) insider.victim.localAddressChanged()
  else if (kind === 36 && draw.chance(0.3))
    insider.victim.tryPath(insider.now, OTHERS[draw.below(OTHERS.length)] as VIPSocketPeer, draw.chance(0.5))
}

/** Under which id of the victim the rest is said: the newest that it has told, or the first one again. */
function changeId(insider: Insider, draw: Draw): void {
  const reader = new FrameReader()
  for (const { plain } of insider.heard.slice(-20)) {
    if (plain === null) continue
    reader.reset(plain)
    while (reader.next())
      if (reader.type === FRAME.newId) insider.dcid = Buffer.from(reader.data.subarray(0, 8))
  }
  if (draw.chance(0.3)) insider.dcid = null
}

/** One connection, attacked from the inside until the steps are over or it has ended. */
function attack(seed: number): boolean {
  const draw = new Draw(seed)
  const insider = new Insider(
    { windowBytes: WINDOW, maxWindowBytes: WINDOW, maxStreams: MAX_STREAMS, maxUnreliableBytes: 150 },
    seed,
  )
  insider.connect()
  for (let step = 0; step < STEPS && !insider.victim.drained; step += 1) {
    const frames = Array.from({ length: 1 + draw.below(3) }, () =>
      frame(draw, insider.victim.stats().inFlightSent - 1),
    )
    let plain: Buffer = Buffer.concat(frames)
    if (draw.chance(0.0005)) plain = plain.subarray(0, draw.below(plain.length + 1))
    if (draw.chance(0.0005)) plain = draw.bytes(draw.below(60))
    if (draw.chance(0.1)) insider.number += draw.below(draw.chance(0.1) ? 100_000 : 10)
    if (draw.chance(0.05)) changeId(insider, draw)
    const from = draw.chance(0.98) ? INSIDER : (OTHERS[draw.below(OTHERS.length)] as VIPSocketPeer)
    insider.say(plain, from)
    if (draw.chance(0.05)) insider.give(draw.bytes(draw.below(1400)), from)
    useStreams(insider, draw)
    if (draw.chance(0.5)) insider.wait(draw.below(draw.chance(0.02) ? 4000 : 60))
    check(insider)
  }
  const wasAlive = insider.victim.closed === null
  // However it was left, it comes to an end when it is told to.
  insider.victim.close(draw.chance(0.5) ? new VFIOCompleted() : new VFIOLost())
  insider.wait(3_600_000)
  expect(insider.victim.drained).toBe(true)
  expect(insider.victim.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
  return wasAlive
}

describe('decoders of VUT/1', () => {
  it('take any bytes', () => {
    const draw = new Draw(7)
    const reader = new FrameReader()
    for (let run = 0; run < runs(40_000, 400_000); run += 1) {
      const bytes = draw.bytes(draw.below(80))
      if (draw.chance(0.7) && bytes.length > 0) bytes[0] = TYPES[draw.below(TYPES.length)] as number & 0x3f
      reader.reset(bytes)
      let count = 0
      while (reader.next()) {
        count += 1
        for (let index = 0; index < reader.ackCount && reader.type === FRAME.ack; index += 1) {
          expect(reader.ackLow[index]).toBeLessThanOrEqual(reader.ackHigh[index] as number)
          expect(reader.ackLow[index]).toBeGreaterThanOrEqual(0)
        }
      }
      expect(count).toBeLessThanOrEqual(bytes.length)
      decodeParameters(bytes)
      parseResp(bytes)
    }
    for (let run = 0; run < runs(300); run += 1) parseInit(draw.bytes(1190 + draw.below(20)))
  })
})

describe('a VUT/1 connection', () => {
  it('takes any datagram of an outsider, in any state, and none of them changes it', () => {
    const draw = new Draw(8)
    const insider = new Insider()
    const flood = (count: number) => {
      for (let run = 0; run < count; run += 1) {
        const bytes = draw.bytes(draw.below(100))
        if (bytes.length > 0 && draw.chance(0.8))
          bytes[0] = [0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0x40, 0x41][draw.below(7)] as number
        insider.give(bytes, draw.chance(0.5) ? INSIDER : (OTHERS[draw.below(3)] as VIPSocketPeer))
        insider.now += draw.random.publicDouble() / 10
        insider.listen()
      }
    }
    flood(runs(5_000, 50_000))
    expect(insider.events).toEqual([])
    insider.connect()
    const before = insider.events.length
    flood(runs(15_000, 150_000))
    expect(insider.events.slice(before)).toEqual([])
    expect(insider.victim.stats().datagramsInvalid).toBeGreaterThan(8_000)
    expect(insider.victim.closed).toBeNull()
  })

  it('takes any frames of one who holds the keys', () => {
    let alive = 0
    const all = seeds(100, 1_200)
    for (const seed of all) if (attack(seed)) alive += 1
    // Most of what is said has to be taken, or little would be reached.
    if (all.length > 1) expect(alive).toBeGreaterThan(all.length / 10)
  })
})
