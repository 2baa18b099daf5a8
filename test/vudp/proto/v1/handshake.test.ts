/**
 * Before there is a connection: who begins, what is sent and how often, what is believed, and what an outsider gets.
 */
import { VFIOLost, VIPSocketPeer } from '@vio/io'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it, vi } from 'vitest'
import { NodeCrypto } from '../../../../packages/vudp/src/driver/crypto.js'
import { resolveConfig, roleOf, type VUDPOptions } from '../../../../packages/vudp/src/proto/config.js'
import { VUDPConnection } from '../../../../packages/vudp/src/proto/connection.js'
import { type VUDPLost, VUT_CODE } from '../../../../packages/vudp/src/proto/errors.js'
import { FailureLimit } from '../../../../packages/vudp/src/proto/v1/failure-limit.js'
import { sessionKeys } from '../../../../packages/vudp/src/proto/v1/key-schedule.js'
import { encodePunch, encodeVersion, KIND } from '../../../../packages/vudp/src/proto/v1/packet.js'
import { StatelessReset } from '../../../../packages/vudp/src/proto/v1/reset.js'
import { type End, type Flight, LEFT, Pair, RIGHT } from './pair.js'

const crypto = new NodeCrypto()
const OTHER = new VIPSocketPeer('10.0.0.77', 777)
const SECRETS = { secret: Buffer.alloc(32, 0xab), peerSecret: Buffer.alloc(32, 0x12) }
const keys = sessionKeys(crypto, SECRETS.secret, SECRETS.peerSecret)

function means(seed = 1): { crypto: NodeCrypto; random: VSeededRandom } {
  return { crypto, random: new VSeededRandom(seed) }
}

function codeOf(end: End): number | undefined {
  return (end.connection.closed?.value as VUDPLost | undefined)?.closeCode
}

/** A pair whose datagrams are all noted; `keep` says which arrive. */
function noted(keep: (flight: Flight) => boolean, options = {}): { pair: Pair; flights: Flight[] } {
  const pair = new Pair(options)
  const flights: Flight[] = []
  pair.onLine = (flight) => {
    flights.push(flight)
    return keep(flight) ? flight : null
  }
  return { pair, flights }
}

describe('the options', () => {
  const good: VUDPOptions = { ...SECRETS, peer: RIGHT }

  it('decide who begins: the greater secret, a prefix being less', () => {
    expect(roleOf(Buffer.from([2]), Buffer.from([1, 9]))).toBe('initiator')
    expect(roleOf(Buffer.from([1]), Buffer.from([1, 0]))).toBe('responder')
    expect(roleOf(Buffer.from([255]), Buffer.from([1]))).toBe('initiator')
    expect(() => roleOf(Buffer.from([1]), Buffer.from([1]))).toThrow(TypeError)
    expect(roleOf(Buffer.from([1]), Buffer.from([1]), 'responder')).toBe('responder')
  })

  it.each([
    ['no secret', { secret: undefined as unknown as Buffer }, TypeError],
    ['a short secret', { secret: Buffer.alloc(15) }, RangeError],
    ['a long secret', { peerSecret: Buffer.alloc(65) }, RangeError],
    ['no peer', { peer: undefined as unknown as VIPSocketPeer }, TypeError],
    ['equal secrets', { peerSecret: SECRETS.secret }, TypeError],
    ['a long context', { context: 'x'.repeat(256) }, RangeError],
    ['long user data', { userData: Buffer.alloc(257) }, RangeError],
    ['a cipher that is none', { ciphers: [9 as 1] }, RangeError],
    ['an idle time of 0', { idleTimeoutMs: 0 }, RangeError],
    ['a window of 0', { windowBytes: 0 }, RangeError],
    ['datagrams that are too small', { maxDatagramBytes: 1199 }, RangeError],
    ['too many datagrams for a key', { datagramsPerKey: 2 ** 23 + 1 }, RangeError],
  ])('refuse %s', (_what, change, error) => {
    expect(() => resolveConfig({ ...good, ...change }, means())).toThrow(error)
    expect(() => new VUDPConnection({ ...good, ...change }, means())).toThrow(error)
  })

  it('bound what is sent where fragmentation cannot be forbidden', () => {
    const config = (change: Partial<VUDPOptions>) =>
      resolveConfig({ ...good, ...change }, means()).maxSendBytes
    expect(config({})).toBe(1472)
    expect(config({ mtuBytes: 9000 })).toBe(9000)
    expect(config({ mtuBytes: 9000, dontFragment: false })).toBe(1472)
    expect(config({ peer: new VIPSocketPeer('fe80::1', 5) })).toBe(1452)
    expect(config({ mtuBytes: 500 })).toBe(1200)
    expect(config({ mtuBytes: 9000, maxSendBytes: 1300 })).toBe(1300)
  })
})

describe('the handshake', () => {
  it('sends INIT at once, then after 250 ms, doubling to 2 s, byte for byte the same, and ends after 15 s', () => {
    const { pair, flights } = noted(() => false)
    pair.run(14_999)
    const inits = flights.filter(({ bytes }) => bytes[0] === KIND.init)
    expect(inits.map(({ at }) => at - 10)).toEqual([
      0, 250, 750, 1750, 3750, 5750, 7750, 9750, 11_750, 13_750,
    ])
    for (const { bytes } of inits) expect(bytes).toEqual(inits[0]?.bytes)
    expect(inits[0]?.bytes).toHaveLength(1200)
    pair.run(1)
    for (const end of [pair.left, pair.right]) {
      expect(codeOf(end)).toBe(VUT_CODE.handshakeTimeout)
      expect(end.connection.closed).toBeInstanceOf(VFIOLost)
      expect(end.connection.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
      expect(end.told).toEqual(['closed'])
    }
  })

  it('sends PUNCH from both sides, with a number that rises, until the peer has shown itself', () => {
    const { pair, flights } = noted(({ at }) => at > 3000)
    pair.run(6000)
    for (const to of ['left', 'right'] as const) {
      const punches = flights.filter((flight) => flight.to === to && flight.bytes[0] === KIND.punch)
      expect(punches.map(({ bytes }) => bytes.readUInt32BE(9))).toEqual(punches.map((_, at) => at + 1))
      expect(punches.length).toBeGreaterThan(4)
      expect(Math.max(...punches.map(({ at }) => at))).toBeLessThan(4500)
    }
    expect(pair.left.connection.connected && pair.right.connection.connected).toBe(true)
  })

  it('tries every address that a PUNCH has shown, at once', () => {
    const { pair, flights } = noted(() => false)
    pair.run(100)
    const batch: string[] = []
    pair.inject('left', OTHER, encodePunch(crypto, keys.punchResponder, keys.tag, 5))
    const before = flights.length
    pair.left.address = LEFT
    pair.right.address = OTHER
    pair.poll()
    for (const { bytes } of flights.slice(before)) batch.push(`${bytes[0]?.toString(16)}`)
    expect(batch.sort()).toEqual(['c0', 'c1'])
    // A number that is not above the last one is an old one.
    pair.inject(
      'left',
      new VIPSocketPeer('10.0.0.78', 1),
      encodePunch(crypto, keys.punchResponder, keys.tag, 5),
    )
    pair.right.address = new VIPSocketPeer('10.0.0.78', 1)
    const after = flights.length
    pair.poll()
    expect(flights.length).toBe(after)
  })

  it('answers each INIT with the same RESP, to where it came from', () => {
    const { pair, flights } = noted(({ bytes }) => bytes[0] !== KIND.resp)
    pair.run(1000)
    const resps = flights.filter(({ bytes }) => bytes[0] === KIND.resp)
    expect(resps).toHaveLength(3)
    for (const { bytes } of resps) expect(bytes).toEqual(resps[0]?.bytes)
    const init = flights.find(({ bytes }) => bytes[0] === KIND.init)?.bytes as Buffer
    // Nothing protects the padding; everything else has to be the same.
    const padded = Buffer.from(init)
    padded[1199] = 1
    const changed = Buffer.from(init)
    changed[30] = (changed[30] as number) ^ 1
    const count = () => flights.filter(({ bytes }) => bytes[0] === KIND.resp).length
    pair.inject('right', LEFT, changed)
    pair.poll()
    expect(count()).toBe(3)
    pair.inject('right', LEFT, padded)
    pair.poll()
    expect(count()).toBe(4)
  })

  it('comes about although everything was sent from elsewhere first', () => {
    const { pair, flights } = noted(() => true)
    const replay = pair.onLine
    pair.onLine = (flight) => {
      // Somebody on the way is faster, and sends a copy from an address of his own.
      if ((flight.bytes[0] ?? 0) >= 0xc0) pair.flights.push({ ...flight, at: flight.at - 5, from: OTHER })
      return replay(flight)
    }
    pair.until(() => pair.left.connection.connected && pair.right.connection.connected)
    pair.onLine = replay
    pair.left.connection.stream.writeSome(Buffer.from('through'))
    pair.until(() => pair.right.connection.stream.readable, 20_000)
    expect(pair.left.connection.peer.equals(RIGHT)).toBe(true)
    expect(flights.length).toBeGreaterThan(5)
  })

  it('finds the peer where its PUNCH came from, and lets that address prove itself', () => {
    const pair = new Pair({ left: { peer: OTHER } })
    pair.until(() => pair.left.connection.connected && pair.right.connection.connected)
    pair.left.connection.stream.writeSome(Buffer.alloc(50_000))
    pair.until(() => pair.right.connection.stats().streamBytesReceived === 50_000, 5_000)
    expect(pair.left.connection.peer.equals(RIGHT)).toBe(true)
    expect(pair.left.told).toEqual(['connected'])
  })

  it.each([
    ['another context', { context: 'a' }, { context: 'b' }],
    ['another secret', { secret: Buffer.alloc(32, 0xac) }, {}],
  ])('does not come about with %s', (_what, left, right) => {
    const pair = new Pair({ left, right })
    pair.run(20_000)
    for (const end of [pair.left, pair.right]) expect(codeOf(end)).toBe(VUT_CODE.handshakeTimeout)
  })

  it.each([1, 2, 3] as const)(
    'agrees on the first cipher of the initiator that the responder has (%i)',
    (cipher) => {
      const pair = new Pair({ left: { ciphers: [3, 1, 2] }, right: { ciphers: [cipher] } }).connect()
      pair.left.connection.stream.writeSome(Buffer.from('x'))
      pair.until(() => pair.right.connection.stream.readable)
    },
  )

  it('fails with code 3 where no cipher is common', () => {
    const pair = new Pair({ left: { ciphers: [3] }, right: { ciphers: [1] } })
    pair.run(20_000)
    expect(codeOf(pair.right)).toBe(VUT_CODE.frame)
    expect(codeOf(pair.left)).toBe(VUT_CODE.handshakeTimeout)
  })

  it('lets the responder refuse, so that the refusal is authentic', () => {
    const canConnect = vi.fn(() => false)
    const pair = new Pair({ left: { userData: Buffer.from('me') }, right: { hooks: { canConnect } } })
    pair.drain()
    expect(canConnect).toHaveBeenCalledTimes(1)
    expect(canConnect).toHaveBeenCalledWith(LEFT, Buffer.from('me'))
    for (const end of [pair.left, pair.right]) expect(codeOf(end)).toBe(VUT_CODE.refused)
    expect(pair.right.told).toEqual(['closed'])
  })

  it('lets the initiator refuse', () => {
    const pair = new Pair({ left: { hooks: { canConnect: () => false } } })
    pair.drain()
    for (const end of [pair.left, pair.right]) expect(codeOf(end)).toBe(VUT_CODE.refused)
    expect(pair.left.told).toEqual(['closed'])
  })

  it('asks canConnect once, whatever is repeated, and goes on where it says yes', () => {
    const canConnect = vi.fn(() => true)
    const pair = new Pair({ loss: 0.4, seed: 3, right: { hooks: { canConnect } } }).connect()
    pair.run(1000)
    expect(canConnect).toHaveBeenCalledTimes(1)
  })
})

describe('VERSION', () => {
  it('answers an INIT of another version', () => {
    const { pair, flights } = noted(() => true)
    const init = Buffer.alloc(1200)
    init[0] = KIND.init
    init[1] = 7
    init.set(keys.tag, 2)
    pair.inject('right', LEFT, init)
    pair.poll()
    const answer = flights.find(({ bytes }) => bytes[0] === KIND.version)?.bytes
    expect(answer).toEqual(encodeVersion(crypto, keys.punchResponder, keys.tag, [1]))
  })

  it('is believed with a right mac only, and only if it leaves out what was offered', () => {
    const { pair } = noted(() => false)
    pair.run(10)
    const forged = encodeVersion(crypto, keys.punchInitiator, keys.tag, [7])
    pair.inject('left', RIGHT, forged)
    pair.inject('left', RIGHT, encodeVersion(crypto, keys.punchResponder, keys.tag, [1, 7]))
    expect(pair.left.connection.closed).toBeNull()
    pair.inject('left', RIGHT, encodeVersion(crypto, keys.punchResponder, keys.tag, [7]))
    expect(codeOf(pair.left)).toBe(VUT_CODE.version)
    const later = new Pair().connect()
    later.inject('left', RIGHT, encodeVersion(crypto, keys.punchResponder, keys.tag, [7]))
    expect(later.left.connection.closed).toBeNull()
  })
})

describe('an outsider', () => {
  it('changes nothing from another address, and the hook is called [VE-120]', () => {
    const invalidPeer = vi.fn()
    const invalidMac = vi.fn()
    const pair = new Pair({ right: { hooks: { invalidPeer, invalidMac } } }).connect()
    pair.run(500)
    const before = { ...pair.right.connection.stats() }
    pair.inject('right', OTHER, Buffer.concat([Buffer.of(0x40), Buffer.alloc(60, 1)]))
    expect(invalidPeer).toHaveBeenCalledTimes(1)
    expect(invalidPeer.mock.calls[0]?.[0]).toBe(OTHER)
    expect(invalidMac).not.toHaveBeenCalled()
    const { datagramsReceived, bytesReceived, datagramsInvalid, ...rest } = pair.right.connection.stats()
    expect(datagramsInvalid).toBe(before.datagramsInvalid + 1)
    expect(before).toMatchObject(rest)
    expect([datagramsReceived, bytesReceived]).toEqual([
      before.datagramsReceived + 1,
      before.bytesReceived + 61,
    ])
    pair.left.connection.stream.writeSome(Buffer.from('on'))
    pair.until(() => pair.right.connection.stream.readable)
  })

  it('changes nothing by a flipped bit, a truncated or an empty datagram, and the hook is called [VE-121]', () => {
    const invalidMac = vi.fn()
    const { pair, flights } = noted(() => true, { right: { hooks: { invalidMac } } })
    pair.connect()
    pair.run(500)
    pair.left.connection.stream.writeSome(Buffer.from('data'))
    pair.onLine = (flight) => {
      flights.push(flight)
      return null
    }
    pair.poll()
    const genuine = flights.at(-1)?.bytes as Buffer
    let forged = 0
    for (let at = 0; at < genuine.length; at += 1) {
      const flipped = Buffer.from(genuine)
      flipped[at] = (flipped[at] as number) ^ 1
      pair.inject('right', LEFT, flipped)
      pair.inject('right', LEFT, genuine.subarray(0, at))
      forged += 2
      expect(pair.right.connection.stream.readable).toBe(false)
      expect(invalidMac).toHaveBeenCalledTimes(forged)
    }
    pair.inject('right', LEFT, genuine)
    expect(pair.right.connection.stream.readSome(10).toString()).toBe('data')
    // And the same once more is old.
    pair.inject('right', LEFT, genuine)
    expect(pair.right.connection.stats().datagramsRepeated).toBe(1)
    expect(invalidMac).toHaveBeenCalledTimes(forged)
  })

  it('is checked eight times a second, and beyond out of a budget that all share', () => {
    const limit = new FailureLimit()
    let allowed = 0
    for (let at = 0; at < 1000; at += 1) {
      if (!limit.allows(at, OTHER)) continue
      allowed += 1
      limit.failed(at, OTHER)
    }
    expect(allowed).toBeGreaterThan(8 + 250)
    expect(allowed).toBeLessThan(8 + 2 * 256 + 2)
    expect(limit.allows(1000, LEFT)).toBe(true)
    for (let count = 0; count < 8; count += 1) limit.failed(1000, LEFT)
    for (let count = 0; count < 1000; count += 1) limit.allows(1000, LEFT)
    expect(limit.allows(1000, LEFT)).toBe(false)
    expect(limit.allows(2000, LEFT)).toBe(true)
  })

  it('gets at most ten resets a second for what nobody knows, each shorter than its cause', () => {
    const reset = new StatelessReset(means(), Buffer.alloc(32, 3))
    const data = Buffer.concat([Buffer.of(0x40), Buffer.alloc(99, 5)])
    const answers = Array.from({ length: 30 }, (_, at) => reset.answer(at, data)).filter(
      (each) => each !== null,
    )
    expect(answers).toHaveLength(10)
    for (const answer of answers) expect(answer.length).toBeLessThan(data.length)
    const token = answers[0]?.subarray(-16)
    for (const answer of answers) expect(answer.subarray(-16)).toEqual(token)
    expect(reset.answer(1500, answers[0] as Buffer)).toBeNull()
    expect(reset.answer(1500, data.subarray(0, 21))).toBeNull()
    const least = reset.answer(1500, data.subarray(0, 22))
    expect(least).toHaveLength(21)
  })

  it('is told by its token to the connection that lost its other side', () => {
    const resetKey = Buffer.alloc(32, 9)
    const pair = new Pair({ right: { resetKey } }).connect()
    pair.run(100)
    let sent: Buffer = Buffer.alloc(0)
    pair.onLine = ({ bytes }) => {
      sent = bytes
      return null
    }
    pair.left.connection.stream.writeSome(Buffer.alloc(100))
    pair.poll()
    const answer = new StatelessReset(means(), resetKey).answer(0, sent)
    expect(answer).not.toBeNull()
    pair.inject('left', RIGHT, answer as Buffer)
    expect(pair.left.connection.drained).toBe(true)
    expect(pair.left.connection.closed).toBeInstanceOf(VFIOLost)
  })
})

describe('a responder that answers with data', () => {
  const right = { answersWithData: true }

  it('sends it behind RESP: half a round trip after INIT, and not before when it is not told to', () => {
    const firstAt = (pair: Pair): number => {
      pair.until(() => pair.right.connection.connected)
      pair.right.connection.stream.writeSome(Buffer.from('first'))
      pair.until(() => pair.left.connection.stream.readable)
      return pair.now
    }
    expect(firstAt(new Pair({ right }))).toBe(20)
    expect(firstAt(new Pair())).toBe(40)
  })

  it('gets through with what was lost or overtaken, both ways, each byte once', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const pair = new Pair({ seed, right, loss: 0.3, jitterMs: 15, duplicate: 0.1 })
      pair.until(() => pair.right.connection.connected)
      const sent = Buffer.alloc(20_000, seed)
      pair.right.connection.stream.writeSome(sent)
      pair.until(() => pair.left.connection.connected)
      pair.left.connection.stream.writeSome(sent)
      const has = (end: End): number => end.connection.stats().streamBytesReceived
      pair.until(() => has(pair.left) === sent.length && has(pair.right) === sent.length)
      for (const end of [pair.left, pair.right]) {
        const pieces: Buffer[] = []
        while (end.connection.stream.readable) pieces.push(end.connection.stream.readSome(30_000))
        expect(Buffer.concat(pieces)).toEqual(sent)
        expect(end.told).toEqual(['connected'])
      }
    }
  })

  it('repeats RESP for each INIT until the initiator has shown itself', () => {
    const { pair, flights } = noted(({ bytes, at }) => bytes[0] !== KIND.resp || at > 1_000, { right })
    pair.run(1_000)
    expect([pair.right.connection.connected, pair.left.connection.connected]).toEqual([true, false])
    pair.run(1_000)
    expect(pair.left.connection.connected).toBe(true)
    const count = (): number => flights.filter(({ bytes }) => bytes[0] === KIND.resp).length
    const before = count()
    const init = flights.find(({ bytes }) => bytes[0] === KIND.init)?.bytes as Buffer
    pair.inject('right', LEFT, Buffer.from(init))
    pair.poll()
    expect([before, count()]).toEqual([4, 4])
  })

  it('gives an address whose INIT was a copy three times that, and is over after the time of a handshake', () => {
    const { pair, flights } = noted(({ bytes }) => bytes[0] === KIND.init, { right })
    pair.left.address = OTHER
    pair.until(() => pair.right.connection.connected)
    pair.right.connection.stream.writeSome(Buffer.alloc(500_000))
    // One INIT, and then nobody who answers.
    pair.onLine = (flight) => {
      flights.push(flight)
      return null
    }
    const inits = flights.filter(({ bytes }) => bytes[0] === KIND.init).length
    pair.run(20_000)
    const sent = flights.filter(({ to }) => to === 'left')
    const bytes = sent
      .filter(({ bytes }) => bytes[0] !== KIND.punch)
      .reduce((sum, each) => sum + each.bytes.length, 0)
    expect(inits).toBe(1)
    expect(bytes).toBeLessThanOrEqual(3 * 1200)
    expect(bytes).toBeGreaterThan(1200)
    expect(codeOf(pair.right)).toBe(VUT_CODE.handshakeTimeout)
    expect(pair.right.told.at(-1)).toBe('closed')
  })

  it('goes over to where the initiator shows itself, if a copy of its INIT came first', () => {
    const pair = new Pair({ right })
    pair.onLine = (flight) => {
      if (flight.bytes[0] === KIND.init) pair.flights.push({ ...flight, at: flight.at - 5, from: OTHER })
      return flight
    }
    pair.until(() => pair.right.connection.connected)
    pair.right.connection.stream.writeSome(Buffer.alloc(50_000, 7))
    pair.until(() => pair.left.connection.stats().streamBytesReceived === 50_000)
    expect(pair.right.connection.peer.equals(LEFT)).toBe(true)
  })

  it('asks the application first, and refuses as any other', () => {
    const pair = new Pair({ right: { ...right, hooks: { canConnect: () => false } } })
    pair.run(2_000)
    expect(pair.right.told).toEqual(['closed'])
    expect([codeOf(pair.left), codeOf(pair.right)]).toEqual([VUT_CODE.refused, VUT_CODE.refused])
  })
})
