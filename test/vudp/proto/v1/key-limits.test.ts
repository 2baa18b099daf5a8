/**
 * What a key may be used for, with limits so small that they are reached: 400 datagrams sealed, 50 that failed to open.
 */
import { VFIOLost } from '@vio/io'
import { describe, expect, it, vi } from 'vitest'
import { NodeCrypto } from '../../../../packages/vudp/src/driver/crypto.js'
import { VUDPLost, VUT_CODE } from '../../../../packages/vudp/src/proto/errors.js'
import type { V1Profile } from '../../../../packages/vudp/src/proto/profile.js'
import { FRAME } from '../../../../packages/vudp/src/proto/v1/frames.js'
import { Protection, type ProtectionSecrets } from '../../../../packages/vudp/src/proto/v1/protection.js'
import { makeV1 } from '../../simulation/makers.js'
import { Rig } from '../../simulation/rig.js'
import { Insider } from './insider.js'

const [SEALED, FAILED] = vi.hoisted(() => [400, 50] as const)

vi.mock('../../../../packages/vudp/src/proto/profile.js', async (original) => {
  const { VUT1 } = await original<{ VUT1: V1Profile }>()
  return { VUT1: { ...VUT1, maxDatagramsPerKey: SEALED, maxFailuresPerKey: FAILED } }
})

/** Acknowledges all that the victim has sent up to now. */
function ackAll(insider: Insider): void {
  const largest = insider.protection?.largest ?? 0
  const ack = Buffer.alloc(11)
  ack[0] = FRAME.ack
  ack.writeUInt32BE((0x8000_0000 | largest) >>> 0, 1)
  ack.writeUInt32BE((0x8000_0000 | largest) >>> 0, 7)
  insider.say(ack)
}

/** Makes the victim send data until it has ended; every datagram that it sent, by key phase. */
function sendOn(insider: Insider, answer: () => void): number[] {
  const phases = [0, 0]
  for (let round = 0; round < 2_000 && insider.victim.closed === null; round += 1) {
    insider.victim.stream.writeSome(Buffer.alloc(1_000))
    for (const { bytes } of insider.wait(20)) {
      if ((bytes[0] as number) < 0x80)
        phases[(bytes[0] as number) & 1] = (phases[(bytes[0] as number) & 1] ?? 0) + 1
    }
    answer()
  }
  return phases
}

function demandWorn(insider: Insider, message: RegExp): void {
  const { closed } = insider.victim
  expect(closed).toBeInstanceOf(VFIOLost)
  const { value } = closed as VFIOLost
  expect(value).toBeInstanceOf(VUDPLost)
  expect(value).toMatchObject({ closeCode: VUT_CODE.aborted, byPeer: false })
  expect(value.message).toMatch(message)
}

/** Someone who reads on, and seals under the first key for ever. */
function stuck(): Insider {
  const insider = new Insider({ mtuBytes: 1200 }).connect()
  insider.sealer = new Protection(new NodeCrypto(), insider.secrets as ProtectionSecrets)
  return insider
}

describe('a key', () => {
  it('seals no more than it may: a peer that acknowledges all and never follows is given up, CLOSE included', () => {
    const insider = stuck()
    const phases = sendOn(insider, () => ackAll(insider))
    demandWorn(insider, /sealed all that it may/)
    expect(insider.victim.stats().keyUpdates).toBe(1)
    for (let left = 200; left > 0; left -= 1) {
      insider.say(Buffer.of(FRAME.ping))
      phases[1] = (phases[1] as number) + insider.listen().length
    }
    expect(phases[0]).toBeLessThanOrEqual(SEALED)
    expect(phases[1]).toBeLessThanOrEqual(SEALED)
    expect(phases[1]).toBeGreaterThan(SEALED - 10)
  })

  it('seals no more than it may where nothing that it sealed is acknowledged', () => {
    const insider = new Insider({ mtuBytes: 1200 }).connect()
    const before = insider.heard.length
    // What asks for an answer gets one for each, and none of these answers is ever acknowledged.
    let answers = 0
    for (let left = 2_000; left > 0 && insider.victim.closed === null; left -= 1) {
      insider.say(Buffer.of(FRAME.ping))
      insider.say(Buffer.of(FRAME.ping))
      answers += insider.listen().length
    }
    demandWorn(insider, /sealed all that it may/)
    expect(answers + before).toBeLessThanOrEqual(SEALED)
    expect(insider.victim.stats().keyUpdates).toBe(0)
  })

  it('that is changed in time never ends a transfer, however often', () => {
    const rig = new Rig({
      name: 'keys of few datagrams',
      seed: 5,
      maker: makeV1,
      bytes: 2_000_000,
      link: { delayMs: 5, rateMbit: 20, loss: 0.02, queueBytes: 60_000 },
    })
    rig.finishClean(120_000)
    expect(rig.a.engine.stats().keyUpdates).toBeGreaterThan(3)
  })

  it('is given up when too many datagrams fail to open under it, each key counted alone', () => {
    for (const kind of [0x40, 0x41]) {
      const insider = new Insider({ mtuBytes: 1200 }).connect()
      const forged = insider.seal(Buffer.of(FRAME.ping))
      forged[0] = kind
      forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1
      for (let left = FAILED - 1; left > 0; left -= 1) insider.give(forged)
      insider.listen()
      expect(insider.victim.closed).toBeNull()
      insider.give(forged)
      const heard = insider.listen()
      demandWorn(insider, /failed to open/)
      expect(Insider.typesIn(heard)[0]).toBe(FRAME.close)
    }
  })

  it('takes its failures along when it comes into use', () => {
    const insider = new Insider({ mtuBytes: 1200 }).connect()
    const flip = (datagram: Buffer): Buffer => {
      datagram[datagram.length - 1] = (datagram[datagram.length - 1] as number) ^ 1
      return datagram
    }
    // Up to here under the present key, and then under the next one before anything genuine has come under it.
    const present = flip(insider.seal(Buffer.of(FRAME.ping)))
    const next = Buffer.from(present)
    next[0] = (next[0] as number) ^ 1
    for (let left = FAILED - 1; left > 0; left -= 1) insider.give(present)
    for (let left = FAILED - 1; left > 0; left -= 1) insider.give(next)
    expect(insider.victim.closed).toBeNull()
    const secrets = { ...(insider.secrets as ProtectionSecrets), datagramsPerKey: 1 }
    insider.sealer = new Protection(new NodeCrypto(), secrets)
    insider.sealer.onAcked(insider.number)
    insider.seal(Buffer.of(FRAME.ping))
    insider.say(Buffer.of(FRAME.ping))
    insider.listen()
    expect(insider.victim.stats().keyUpdates).toBe(1)
    expect(insider.victim.closed).toBeNull()
    insider.give(flip(insider.seal(Buffer.of(FRAME.ping))))
    insider.listen()
    demandWorn(insider, /failed to open/)
  })
})
