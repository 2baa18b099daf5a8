/**
 * What a 0.8 connection does with each kind of datagram: what it takes, what it drops, what it fails on.
 */
import { VFIOCompleted, VFIOLost, VIPSocketPeer } from '@vio/io'
import { describe, expect, it, vi } from 'vitest'
import { V08Connection } from '../../../packages/vudp/src/proto/v08/connection.js'
import { ACK_CLOSE, BOTH, CLOSE, craft, FAIL, HandPeer, HELLO } from './hand.js'
import { PEER_B } from './link.js'
import { datagramVectors, hex, sha1 } from './vectors.js'

const { receive } = datagramVectors()

/** A connection in the state of the vectors, and a way to give it a payload. */
function vectorReceiver(): V08Connection {
  const engine = new V08Connection(
    { secret: hex(receive.receiver_secret), peerSecret: hex(receive.sender_secret), peer: PEER_B },
    { sha1: (...parts) => Buffer.from(sha1(parts[0] ?? Buffer.alloc(0))) },
  )
  return engine
}

/** The datagrams of the vectors that lead to the state "after the handshake". */
function shakeVector(engine: V08Connection, hand: HandPeer): void {
  const { datagrams } = datagramVectors()
  for (const name of ['hello', 'acknowledgement of hello, full window']) {
    const vector = datagrams.find((one) => one.name === `${name}, secrets 32+32`)
    if (vector === undefined) throw new Error(`no vector ${name}`)
    engine.handleDatagram(hand.now, PEER_B, hex(vector.datagram))
    hand.hear()
  }
}

describe('the cases of receiving in the vectors', () => {
  it.each(receive.cases)('$name: $expect [VE-S27]', ({ name, datagram, expect: wanted }) => {
    const hand = new HandPeer()
    const engine = vectorReceiver()
    Object.defineProperty(hand, 'engine', { value: engine })
    hand.hear()
    shakeVector(engine, hand)
    expect(engine.connected).toBe(true)
    const before = engine.stats()
    engine.handleDatagram(hand.now, PEER_B, hex(datagram))
    const after = engine.stats()
    if (wanted === 'fail-connection') {
      expect(engine.closed, name).toBeInstanceOf(VFIOLost)
      return
    }
    expect(engine.closed).toBeNull()
    expect(after.datagramsInvalid - before.datagramsInvalid).toBe(wanted === 'drop' ? 1 : 0)
    expect(after.streamBytesReceived > before.streamBytesReceived).toBe(wanted === 'accept')
    expect(hand.hear().length).toBe(wanted === 'accept' ? 1 : 0)
  })
})

describe('what is dropped', () => {
  it('is each datagram with a wrong code, and it changes nothing [VE-121]', () => {
    const invalidMac = vi.fn()
    const hand = new HandPeer({ hooks: { invalidMac } }).shake()
    const good = craft({ data: 'secret data' })
    const forged = [Buffer.alloc(0), Buffer.alloc(20), good.subarray(0, good.length - 1), good.subarray(1)]
    for (let bit = 0; bit < good.length * 8; bit += 1) {
      const flipped = Buffer.from(good)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      forged.push(flipped)
    }
    for (const bytes of forged) hand.give(bytes)
    expect(invalidMac).toHaveBeenCalledTimes(forged.length)
    expect(hand.hear()).toEqual([])
    expect(hand.engine.stats().datagramsInvalid).toBe(forged.length)
    expect(hand.engine.stats().streamBytesReceived).toBe(0)
    expect(hand.give(good).engine.stream.readSome(100).toString()).toBe('secret data')
  })

  it('is each datagram from another address or port, and nothing is ever sent there [VE-117] [VE-120]', () => {
    const invalidPeer = vi.fn()
    const hand = new HandPeer({ hooks: { invalidPeer } }).shake()
    const others = [new VIPSocketPeer('10.0.0.2', 1003), new VIPSocketPeer('10.0.0.3', 1002)]
    for (const other of others) hand.engine.handleDatagram(hand.now, other, craft({ data: 'x' }))
    expect(invalidPeer.mock.calls.map(([from]) => from)).toEqual(others)
    expect(hand.hear()).toEqual([])
    expect(hand.engine.stream.readable).toBe(false)
    expect(hand.engine.peer).toBe(PEER_B)
    // The same address in another object is the same peer.
    const again = new VIPSocketPeer('10.0.0.2', 1002)
    hand.engine.handleDatagram(hand.now, again, craft({ data: 'x' }))
    expect(hand.engine.stream.readable).toBe(true)
    expect(invalidPeer).toHaveBeenCalledTimes(2)
  })
})

describe('what is taken', () => {
  it('is data in order, acknowledged by one datagram for one [VE-S30]', () => {
    const hand = new HandPeer().shake()
    const [ack, ...more] = hand.say({ data: 'abc' }).hear()
    expect(ack).toMatchObject({ flags: 0, seq: 17, ack: 20, win: 65_515 })
    expect(more).toEqual([])
    expect(hand.engine.stream.readSome(10).toString()).toBe('abc')
  })

  it('is data out of order, acknowledged at once each time, and handed over in order [VE-S30]', () => {
    const hand = new HandPeer().shake()
    expect(hand.say({ seq: 23, data: 'ghi' }).hear()).toMatchObject([{ ack: 17 }])
    expect(hand.say({ seq: 20, data: 'def' }).hear()).toMatchObject([{ ack: 17 }])
    expect(hand.engine.stream.readable).toBe(false)
    expect(hand.say({ seq: 23, data: 'ghi' }).hear()).toMatchObject([{ ack: 17 }])
    expect(hand.say({ seq: 17, data: 'abc' }).hear()).toMatchObject([{ ack: 26 }])
    expect(hand.say({ seq: 17, data: 'abc' }).hear()).toMatchObject([{ ack: 26 }])
    expect(hand.engine.stream.readSome(100).toString()).toBe('abcdefghi')
  })

  it('is one octet beyond a full window, without keeping it, and only one [VE-S30]', () => {
    const hand = new HandPeer({ bufLen: 640 }).shake()
    hand.say({ data: Buffer.alloc(463, 1) }).hear()
    const edge = 640
    expect(hand.say({ seq: 480, data: Buffer.alloc(edge - 480, 1) }).hear()).toMatchObject([
      { ack: edge, win: 0 },
    ])
    expect(hand.say({ seq: edge, data: 'P' }).hear()).toMatchObject([{ ack: edge, win: 0 }])
    expect(hand.engine.stats().streamBytesReceived).toBe(edge - 17)
    hand.say({ seq: edge, data: 'PQ' })
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
  })

  it('is a window edge only when it is further to the right', () => {
    const hand = new HandPeer().shake()
    hand.say({ win: 1000 }).say({ win: 0 })
    hand.engine.stream.writeSome(Buffer.alloc(400))
    expect(hand.hear().map(({ data }) => data.length)).toEqual([400])
  })

  it('is the end, and it is answered each time it is told [VE-S32]', () => {
    const hand = new HandPeer().shake()
    expect(hand.say({ flags: CLOSE, data: 'last' }).hear()).toMatchObject([{ flags: ACK_CLOSE, ack: 21 }])
    expect(hand.engine.stream.inputEnd).toBeNull()
    expect(hand.engine.stream.readSome(10).toString()).toBe('last')
    expect(hand.engine.stream.inputEnd).toBeInstanceOf(VFIOCompleted)
    expect(hand.say({ flags: CLOSE, seq: 21 }).hear()).toMatchObject([{ flags: ACK_CLOSE, ack: 21 }])
  })
})

describe('what a connection fails on', () => {
  const full = Buffer.alloc(463)
  it.each([
    ['an acknowledgement inside of a segment', (hand: HandPeer) => hand.say({ ack: 20 })],
    ['an acknowledgement of what was never sent', (hand: HandPeer) => hand.say({ ack: 100 })],
    ['data beyond the window', (hand: HandPeer) => hand.say({ seq: 65_400, data: full })],
    ['data at the edge that is no probe', (hand: HandPeer) => hand.say({ seq: 65_535, data: 'ab' })],
    [
      'data that overlaps what is queued',
      (hand: HandPeer) => hand.say({ seq: 30, data: 'abcdef' }).say({ seq: 33, data: 'abcdef' }),
    ],
    [
      'data in order that overlaps what is queued',
      (hand: HandPeer) => hand.say({ seq: 20, data: 'abc' }).say({ seq: 17, data: 'abcdef' }),
    ],
    [
      'the same bounds with other octets',
      (hand: HandPeer) => hand.say({ seq: 30, data: 'abc' }).say({ seq: 30, data: 'abd' }),
    ],
    [
      'the same start with another end',
      (hand: HandPeer) => hand.say({ seq: 30, data: 'abc' }).say({ seq: 30, data: 'abcd' }),
    ],
    [
      'data behind the end',
      (hand: HandPeer) => hand.say({ flags: CLOSE, seq: 30 }).say({ seq: 28, data: 'abc' }),
    ],
    [
      'an end below what has arrived',
      (hand: HandPeer) => hand.say({ data: 'abc' }).say({ flags: CLOSE, seq: 18 }),
    ],
    [
      'an end below what is queued',
      (hand: HandPeer) => hand.say({ seq: 30, data: 'abc' }).say({ flags: CLOSE, seq: 32 }),
    ],
    ['two ends', (hand: HandPeer) => hand.say({ flags: CLOSE, seq: 30 }).say({ flags: CLOSE, seq: 31 })],
    ['a datagram that is too long', (hand: HandPeer) => hand.say({ data: Buffer.alloc(500) })],
  ])('is %s [VE-S30]', (_name, act) => {
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.from('0123456789'))
    hand.hear()
    act(hand)
    const { closed, stream } = hand.engine
    expect(closed).toBeInstanceOf(VFIOLost)
    expect(stream.outputEnd).toBe(closed)
    const [last, ...more] = hand.hear()
    expect(last?.flags).toBe(BOTH | FAIL)
    expect(more).toEqual([])
    expect(hand.events.at(-1)).toEqual({ type: 'closed', reason: closed })
  })

  it('is a failure of the peer, which is not answered', () => {
    const hand = new HandPeer().shake()
    hand.say({ data: 'abc' }).hear()
    hand.say({ flags: FAIL, ack: 99, data: 'never looked at' })
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
    expect(hand.hear()).toEqual([])
    expect(hand.engine.drained).toBe(true)
    // What came before is not lost.
    expect(hand.engine.stream.readSome(10).toString()).toBe('abc')
    expect(hand.engine.stream.inputEnd).toBeInstanceOf(VFIOLost)
  })

  it.each([
    ['cut in two', [{ seq: 0, data: HELLO.subarray(0, 9) }]],
    ['with data behind it', [{ seq: 0, data: Buffer.concat([HELLO, Buffer.from('x')]) }]],
    ['of another version', [{ seq: 0, data: 'VUDPTransport-0.9' }]],
    ['after other data', [{ seq: 17, data: 'x' }]],
  ])('is a hello %s [VE-S29]', (_name, sayings) => {
    const hand = new HandPeer()
    hand.hear()
    for (const saying of sayings) hand.say({ ack: 0, win: 128, ...saying })
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
    expect(hand.engine.connected).toBe(false)
  })

  it('repeats its failure when the other end goes on, but not for ever', () => {
    const hand = new HandPeer().shake()
    hand.say({ seq: 65_400, data: full }).hear()
    for (let round = 0; round < 1000; round += 1) hand.say({ data: 'abc' })
    expect(hand.hear().length).toBe(1)
    const rest = hand.wait(10_000)
    expect(rest.length).toBeLessThan(10)
    expect(rest.every(({ flags }) => flags === (BOTH | FAIL))).toBe(true)
    expect(hand.engine.drained).toBe(true)
  })
})

describe('the window number of an original that sends again', () => {
  it('is taken as meant where it has swallowed data', () => {
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.alloc(13_112 - 17))
    let acked = 17
    while (acked < 13_112) {
      const heard = hand.hear().filter(({ data }) => data.length > 0)
      for (const { seq, data } of heard) acked = Math.max(acked, seq + data.length)
      hand.say({ ack: acked, win: 13_107 * 8 - acked })
    }
    // One octet of window, fb, and 100 of data of which it takes five for itself.
    const data = Buffer.alloc(100, 7)
    const asMeant = craft({ ack: 13_112, win: 0, data: Buffer.concat([Buffer.from([0]), data]) })
    const at = asMeant.indexOf(Buffer.from([0, 0, 7]))
    const body = Buffer.concat([asMeant.subarray(0, at), Buffer.from([0xfb]), data])
    hand.give(sealed(body))
    expect(hand.engine.closed).toBeNull()
    expect(hand.engine.stream.readSome(1000).equals(data)).toBe(true)
  })
})

function sealed(body: Buffer): Buffer {
  // The code of anything at all, by way of a datagram of the same content.
  const any = Buffer.alloc(body.length + 20)
  body.copy(any)
  codeFor(any, body.length)
  return any
}

function codeFor(bytes: Buffer, length: number): void {
  const key = Buffer.concat([Buffer.alloc(32, 2), Buffer.alloc(32, 1)])
  const block = Buffer.alloc(20)
  Buffer.from(sha1(key)).copy(block)
  const inner = sha1(Buffer.concat([block.map((octet) => octet ^ 0x36), bytes.subarray(0, length)]))
  Buffer.from(sha1(Buffer.concat([block.map((octet) => octet ^ 0x5c), inner]))).copy(bytes, length)
}
