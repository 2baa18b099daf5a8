/**
 * When a 0.8 connection sends: the hello, the first data, what is lost, probes, and how many segments at a time.
 */
import { VFIOLost } from '@vio/io'
import { describe, expect, it } from 'vitest'
import { PROFILE_08 } from '../../../packages/vudp/src/proto/v08/profile.js'
import { Recovery08 } from '../../../packages/vudp/src/proto/v08/recovery.js'
import { RtoEstimator08 } from '../../../packages/vudp/src/proto/v08/rto.js'
import { SegmentQueue } from '../../../packages/vudp/src/proto/v08/segments.js'
import { BOTH, FAIL, HandPeer, HELLO } from './hand.js'

describe('the hello exchange', () => {
  it('opens with 17 octets at position 0, and no data before both have arrived [VE-S29]', () => {
    const hand = new HandPeer()
    expect(hand.engine.stream.writeSome(Buffer.from('early'))).toBe(0)
    expect(hand.hear()).toEqual([{ flags: 0, seq: 0, ack: 0, win: 128, data: HELLO, bytes: 41 }])
    // The acknowledgement may come before the other hello.
    hand.say({ ack: 17, win: 111 })
    expect(hand.engine.connected).toBe(false)
    expect(hand.engine.stream.writable).toBe(false)
    hand.say({ seq: 0, ack: 17, win: 111, data: HELLO })
    expect(hand.hear()).toMatchObject([{ seq: 17, ack: 17, win: 65_518 }])
    expect(hand.events.map(({ type }) => type)).toEqual(['connected', 'stream-changed'])
    // The other side's edge is still that of its hello.
    hand.engine.stream.writeSome(Buffer.alloc(1000))
    expect(hand.hear().map(({ data }) => data.length)).toEqual([111])
  })

  it('repeats its own hello when the other comes, with what it acknowledges [VE-S29]', () => {
    const hand = new HandPeer()
    hand.hear()
    hand.say({ seq: 0, ack: 0, win: 128, data: HELLO })
    expect(hand.hear()).toMatchObject([{ seq: 0, ack: 17, win: 111, data: HELLO }])
    expect(hand.engine.connected).toBe(false)
    // A repeated one is old data.
    hand.say({ ack: 17 })
    expect(hand.hear().length).toBe(1)
    expect(hand.say({ seq: 0, ack: 17, data: HELLO }).hear()).toMatchObject([{ seq: 17, ack: 17 }])
  })

  it('is tried every 3 s for 30 s, then it is over, unclean [VE-S31]', () => {
    const hand = new HandPeer()
    const heard = hand.wait(29_999)
    expect(heard.length).toBe(10)
    expect(heard.every(({ data }) => data.equals(HELLO))).toBe(true)
    expect(hand.engine.closed).toBeNull()
    expect(hand.wait(1)).toMatchObject([{ flags: BOTH | FAIL }])
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
    expect(String(hand.engine.closed?.value.message)).toContain('30000 ms')
    expect(hand.engine.drained).toBe(true)
  })

  it('may be refused by the one who asks, and the other is told', () => {
    const asked: unknown[] = []
    const hand = new HandPeer({
      hooks: {
        canConnect: (peer) => {
          asked.push(peer)
          return false
        },
      },
    })
    hand.hear()
    hand.say({ seq: 0, ack: 17, win: 111, data: HELLO })
    expect(asked).toEqual([hand.engine.peer])
    expect(hand.engine.connected).toBe(false)
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
    expect(hand.hear()).toMatchObject([{ flags: BOTH | FAIL }])
  })
})

describe('the retransmission time-out', () => {
  it('starts at 3 s, follows RFC 2988, stays within 0.1 and 60 s, doubles, forgets after five [VE-S31]', () => {
    const rto = new RtoEstimator08(PROFILE_08)
    expect(rto.rtoMs).toBe(3000)
    rto.sample(200)
    expect([rto.srttMs, rto.rtoMs]).toEqual([200, 200 + 4 * 100])
    rto.sample(300)
    // RTTVAR = 3/4 * 100 + 1/4 * 100, SRTT = 7/8 * 200 + 1/8 * 300
    expect([rto.srttMs, rto.rtoMs]).toEqual([212.5, 212.5 + 4 * 100])
    for (let count = 0; count < 50; count += 1) rto.sample(1)
    expect(rto.rtoMs).toBe(100)
    for (const expected of [200, 400, 800, 1600]) {
      rto.backOff()
      expect(rto.rtoMs).toBe(expected)
    }
    expect(rto.srttMs).toBeGreaterThan(0)
    rto.backOff()
    expect(rto.srttMs).toBe(-1)
    for (let count = 0; count < 20; count += 1) rto.backOff()
    expect(rto.rtoMs).toBe(60_000)
    rto.sample(500)
    expect(rto.srttMs).toBe(500)
  })

  it('sends a segment again octet for octet, each time after twice the pause [VE-S31]', () => {
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.from('once'))
    const [first] = hand.hear()
    hand.engine.stream.writeSome(Buffer.from('more'))
    const [second] = hand.hear()
    const times: number[] = []
    let resent = 0
    let last = hand.now
    while (times.length < 6) {
      for (const segment of hand.wait(1)) {
        const before = [first, second].find((each) => each?.seq === segment.seq)
        expect(segment.data).toEqual(before?.data)
        resent += 1
      }
      const at = hand.now
      const { timeouts } = hand.engine.stats()
      if (timeouts > times.length) {
        times.push(at - last)
        last = at
      }
    }
    expect(resent).toBeGreaterThanOrEqual(6)
    const pauses = times.map((ms) => Math.round(ms / 100))
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32])
  })

  it('gives no sample from what was sent twice [VE-S31]', () => {
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.from('x'))
    hand.hear()
    hand.wait(500)
    const before = hand.engine.stats().smoothedRttMs
    hand.say({ ack: 18 })
    expect(hand.engine.stats().smoothedRttMs).toBe(before)
    expect(hand.engine.stats().streamBytesAcked).toBe(1)
  })
})

describe('the congestion window', () => {
  function inFlight(count: number): { recovery: Recovery08; segments: SegmentQueue } {
    const segments = new SegmentQueue()
    const recovery = new Recovery08(PROFILE_08, segments)
    for (let index = 1; index <= count; index += 1) {
      recovery.onOpening(0)
      segments.push(index * 100, 0)
    }
    return { recovery, segments }
  }

  it('starts at two segments with a threshold of 65535 / 463 [VE-S31]', () => {
    const { recovery } = inFlight(0)
    expect(recovery.congestion.window).toBe(2)
    expect(recovery.congestion.threshold).toBe(65_535 / 463)
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.alloc(10_000))
    // The hello was acknowledged: three.
    expect(hand.hear().length).toBe(3)
  })

  it('doubles in a round trip up to the threshold, then grows by one segment [VE-S31]', () => {
    const { recovery } = inFlight(0)
    const { congestion } = recovery
    while (congestion.window <= congestion.threshold) {
      const before = congestion.window
      congestion.onAck(1)
      expect(congestion.window).toBe(before + 1)
    }
    const start = congestion.window
    for (let count = 0; count < Math.floor(start); count += 1) congestion.onAck(1)
    expect(congestion.window).toBeCloseTo(start + 1, 1)
  })

  it('sends again at the third duplicate, not before, and halves [VE-S31]', () => {
    const { recovery, segments } = inFlight(10)
    recovery.onDuplicate()
    recovery.onDuplicate()
    expect(recovery.resendIndex).toBe(-1)
    recovery.onOther()
    recovery.onDuplicate()
    recovery.onDuplicate()
    expect(recovery.resendIndex).toBe(-1)
    recovery.onDuplicate()
    expect(recovery.resendIndex).toBe(0)
    expect([recovery.congestion.threshold, recovery.congestion.window]).toEqual([5, 8])
    recovery.onResent(0, 10)
    expect(recovery.resendIndex).toBe(-1)
    recovery.onDuplicate()
    expect(recovery.congestion.window).toBe(9)
    // A second loss of the same window goes out at once, without a second halving.
    recovery.onAck(300, 20)
    expect([recovery.resendIndex, segments.start]).toEqual([0, 300])
    expect(recovery.congestion.threshold).toBe(5)
    recovery.onResent(0, 20)
    recovery.onAck(1000, 30)
    expect(recovery.congestion.window).toBe(5)
    expect(recovery.timerAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('falls to one at a time-out, and what was in flight goes out again as the window opens [VE-S31]', () => {
    const { recovery } = inFlight(8)
    recovery.onTimer(recovery.timerAt, false)
    expect([recovery.congestion.window, recovery.congestion.threshold]).toEqual([1, 4])
    const resent: number[] = []
    for (let index = recovery.resendIndex; index !== -1; index = recovery.resendIndex) {
      recovery.onResent(index, 5000)
      resent.push(index)
    }
    expect(resent).toEqual([0])
    recovery.onAck(100, 5010)
    expect(recovery.congestion.window).toBe(2)
    expect([recovery.resendIndex, recovery.pipe, recovery.mayOpen]).toEqual([0, 0, false])
  })

  it('is two again after a pause of more than a time-out [VE-S31]', () => {
    const { recovery, segments } = inFlight(2)
    recovery.onAck(200, 10)
    for (let count = 0; count < 20; count += 1) recovery.congestion.onAck(1)
    recovery.onOpening(10 + recovery.rto.rtoMs + 1)
    expect(recovery.congestion.window).toBe(2)
    expect(segments.count).toBe(0)
  })
})

describe('the windows', () => {
  it('are told as edges that are multiples of a fifth of the buffer [VE-S31]', () => {
    const hand = new HandPeer().shake()
    const edges = new Set<number>()
    for (let seq = 17; seq < 60_000; seq += 463) {
      for (const { ack, win } of hand.say({ seq, data: Buffer.alloc(463) }).hear()) edges.add(ack + win)
      hand.engine.stream.readSome(10_000)
      for (const { ack, win } of hand.hear()) edges.add(ack + win)
    }
    expect([...edges]).toEqual([65_535, 78_642, 91_749, 104_856, 117_963])
  })

  it('are announced at once when the application has read, and never fall', () => {
    const hand = new HandPeer({ bufLen: 640 }).shake()
    hand.say({ data: Buffer.alloc(463) }).hear()
    expect(hand.hear()).toEqual([])
    hand.engine.stream.readSome(300)
    expect(hand.hear()).toMatchObject([{ ack: 480, win: 896 - 480 }])
  })

  it('are probed with one octet at the edge after a time-out, which stays a segment of its own [VE-S30]', () => {
    const hand = new HandPeer()
    hand.hear()
    hand.say({ seq: 0, ack: 17, win: 111, data: HELLO }).hear()
    hand.engine.stream.writeSome(Buffer.from('x'.repeat(500)))
    expect(hand.hear().map(({ data }) => data.length)).toEqual([111])
    expect(hand.say({ ack: 128, win: 0 }).hear()).toEqual([])
    const probes = hand.wait(2000)
    expect(probes.length).toBeGreaterThan(2)
    expect(new Set(probes.map(({ seq, data }) => `${seq}+${data.length}`))).toEqual(new Set(['128+1']))
    // It was not kept; the window opens, and what follows begins behind it.
    const after = hand.say({ ack: 128, win: 300 }).hear()
    expect(after.map(({ seq, data }) => [seq, data.length])).toEqual([
      [128, 1],
      [129, 299],
    ])
  })

  it('that stay shut are probed for ever, without the connection being given up', () => {
    const hand = new HandPeer()
    hand.hear()
    hand.say({ seq: 0, ack: 17, win: 111, data: HELLO }).hear()
    hand.engine.stream.writeSome(Buffer.alloc(500))
    hand.hear()
    hand.say({ ack: 128, win: 0 })
    for (let minute = 0; minute < 60; minute += 1) {
      const heard = hand.wait(60_000)
      expect(heard.length).toBeGreaterThan(0)
      hand.say({ ack: 128, win: 0 })
    }
    expect(hand.engine.closed).toBeNull()
  })
})
