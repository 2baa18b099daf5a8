/**
 * How a 0.8 connection ends: CLOSE and its answer, half-close, limits, and what is said afterwards.
 */
import { VFIOCompleted, VFIOLost } from '@vio/io'
import { describe, expect, it } from 'vitest'
import { ACK_CLOSE, BOTH, CLOSE, FAIL, HandPeer, HELLO } from './hand.js'

describe('the end of the output', () => {
  it('is told in an empty datagram once all is acknowledged, and repeated until it is answered [VE-S32]', () => {
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.from('last words'))
    hand.engine.stream.finish()
    const [data, ...more] = hand.hear()
    expect(data).toMatchObject({ flags: 0, seq: 17 })
    expect(more).toEqual([])
    expect(hand.say({ ack: 27 }).hear()).toMatchObject([{ flags: CLOSE, seq: 27, data: Buffer.alloc(0) }])
    const repeated = hand.wait(10_000)
    const closes = repeated.filter(({ flags }) => flags === CLOSE)
    expect(closes.length).toBeGreaterThan(4)
    expect(closes.every(({ seq, data: { length } }) => seq === 27 && length === 0)).toBe(true)
    // Old data in between, which an original answers where it would not answer a CLOSE that it knows.
    const asked = repeated.filter(({ flags }) => flags === 0)
    expect(asked.length).toBeGreaterThan(2)
    expect(asked.every(({ seq, data: octets }) => seq === 0 && octets.equals(HELLO))).toBe(true)
    hand.say({ flags: ACK_CLOSE, ack: 27 })
    expect(hand.wait(10_000)).toEqual([])
    expect(hand.engine.stream.outputEnd).toBeInstanceOf(VFIOCompleted)
    expect(hand.engine.closed).toBeNull()
  })

  it('that nobody confirms is given up after 30 s, as unclean', () => {
    const hand = new HandPeer().shake()
    hand.engine.stream.finish()
    hand.wait(29_999)
    expect(hand.engine.closed).toBeNull()
    hand.wait(1)
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
    hand.wait(10_000)
    expect(hand.engine.drained).toBe(true)
  })

  it('before the connection is told only after it', () => {
    const hand = new HandPeer()
    hand.engine.stream.finish()
    expect(hand.hear().map(({ flags }) => flags)).toEqual([0])
    hand.say({ seq: 0, ack: 17, win: 111, data: HELLO })
    expect(hand.hear().map(({ flags, seq }) => [flags, seq])).toEqual([[CLOSE, 17]])
  })

  it('is an abort by the peer when it confirms what was not told [VE-S32]', () => {
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.alloc(200_000))
    hand.hear()
    const heard = hand.say({ flags: ACK_CLOSE }).hear()
    expect(heard.at(-1)?.flags).toBe(CLOSE)
    const { stream } = hand.engine
    expect(stream.outputEnd).toBeInstanceOf(VFIOLost)
    expect([stream.writable, stream.unflushedBytes]).toEqual([false, 0])
    // The other direction goes on.
    hand.say({ flags: ACK_CLOSE, data: 'still here' })
    expect(stream.readSome(100).toString()).toBe('still here')
    expect(hand.engine.closed).toBeNull()
    hand.say({ flags: BOTH, seq: 27, ack: heard.at(-1)?.seq ?? 0 })
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
    expect(stream.inputEnd).toBeInstanceOf(VFIOCompleted)
  })

  it('may be confirmed with the last acknowledgement, as by an original that had the end with the data', () => {
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.from('all'))
    hand.engine.stream.finish()
    hand.hear()
    // Confirmed already, though not acknowledged: it counts when it is said again.
    hand.say({ flags: ACK_CLOSE, ack: 17 })
    expect(hand.engine.stream.outputEnd).toBeInstanceOf(VFIOCompleted)
    hand.say({ flags: ACK_CLOSE, ack: 20 })
    hand.say({ flags: BOTH, ack: 20 })
    expect(hand.engine.closed).toBeInstanceOf(VFIOCompleted)
  })
})

describe('the end of the input', () => {
  it('that is told before a gap is reached when the gap is filled [VE-S32]', () => {
    const hand = new HandPeer().shake()
    hand.say({ flags: CLOSE, seq: 20, data: 'def' })
    expect(hand.hear().map(({ flags }) => flags)).toEqual([0, 0])
    expect(hand.say({ seq: 17, data: 'abc' }).hear().at(-1)).toMatchObject({ flags: ACK_CLOSE, ack: 23 })
    const { stream } = hand.engine
    expect(stream.inputEnd).toBeNull()
    expect(stream.readSome(100).toString()).toBe('abcdef')
    expect(stream.inputEnd).toBeInstanceOf(VFIOCompleted)
  })

  it('may be asked for by this side, and what comes meanwhile is dropped', () => {
    const hand = new HandPeer().shake()
    hand.say({ data: 'unread' }).hear()
    hand.engine.stream.stop()
    expect(hand.engine.stream.readable).toBe(false)
    expect(hand.hear()).toMatchObject([{ flags: ACK_CLOSE }])
    for (let seq = 23; seq < 200_000; seq += 463) hand.say({ seq, data: Buffer.alloc(463) }).hear()
    expect(hand.engine.closed).toBeNull()
    expect(hand.engine.stream.readable).toBe(false)
    // The other side drops what is in flight, so its end may be behind a gap for good.
    hand.say({ flags: CLOSE, seq: 220_000 })
    hand.engine.stream.finish()
    hand.hear()
    hand.say({ flags: BOTH, seq: 220_000 })
    expect(hand.engine.closed).toBeInstanceOf(VFIOCompleted)
  })
})

describe('after the end', () => {
  function ended(): HandPeer {
    const hand = new HandPeer().shake()
    hand.engine.stream.finish()
    hand.hear()
    hand.say({ flags: BOTH })
    expect(hand.engine.closed).toBeInstanceOf(VFIOCompleted)
    return hand
  }

  it('the last datagram is said unasked a few times, and then there is silence [VE-S32]', () => {
    const hand = ended()
    const last = hand.wait(60_000)
    expect(last.length).toBeGreaterThan(3)
    expect(last.length).toBeLessThan(8)
    expect(last.every(({ flags, seq, data }) => flags === BOTH && seq === 17 && data.length === 0)).toBe(true)
    expect(hand.engine.drained).toBe(true)
    expect(hand.engine.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
    expect(hand.say({ flags: BOTH }).hear()).toEqual([])
  })

  it('one who missed it is answered', () => {
    const hand = ended()
    hand.wait(2000)
    expect(hand.say({ flags: BOTH }).hear()).toMatchObject([{ flags: BOTH }])
  })

  it('nothing holds memory, and calls do nothing', () => {
    const hand = ended()
    hand.wait(60_000)
    const { engine } = hand
    expect(engine.memoryBytes).toBe(0)
    engine.close(new VFIOLost())
    engine.stream.reset()
    engine.stream.finish()
    engine.stream.stop()
    expect(engine.closed).toBeInstanceOf(VFIOCompleted)
    expect([engine.stream.writeSome(Buffer.from('x')), engine.stream.readSome(1).length]).toEqual([0, 0])
    expect([engine.openStream(), engine.sendDatagram(Buffer.from('x'))]).toEqual([null, false])
    engine.localAddressChanged()
    expect(hand.wait(1000)).toEqual([])
  })
})

describe('limits of time', () => {
  it('end a connection whose peer has vanished with data on the way', () => {
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.alloc(100))
    hand.wait(119_999)
    expect(hand.engine.closed).toBeNull()
    hand.wait(2)
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
  })

  it('end an idle one whose peer does not answer the question whether it is there', () => {
    const hand = new HandPeer().shake()
    const questions = hand.wait(16_000)
    expect(questions).toMatchObject([{ flags: 0, seq: 0, data: HELLO }])
    hand.wait(120_000)
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
  })

  it('leave an idle one whose peer answers', () => {
    const hand = new HandPeer().shake()
    let questions = 0
    for (let round = 0; round < 600; round += 1) {
      for (const _question of hand.wait(1000)) {
        questions += 1
        hand.say({})
      }
    }
    expect(hand.engine.closed).toBeNull()
    expect(questions).toBe(40)
  })

  it('leave no trace of a time that stood still: what is due is done once', () => {
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.alloc(400))
    hand.hear()
    hand.now += 20_000
    hand.engine.handleTimeout(hand.now)
    expect(hand.hear().length).toBeLessThan(4)
    expect(hand.engine.closed).toBeNull()
    hand.now += 3_600_000
    hand.engine.handleTimeout(hand.now)
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
    expect(hand.hear().length).toBe(1)
  })
})

describe('an abort by this side', () => {
  it('of everything is told as a failure, and what has arrived is dropped', () => {
    const hand = new HandPeer().shake()
    hand.say({ data: 'unread' })
    hand.engine.stream.writeSome(Buffer.alloc(5000))
    hand.hear()
    const reason = new VFIOLost()
    hand.engine.close(reason)
    expect(hand.engine.closed).toBe(reason)
    expect(hand.engine.stream.readable).toBe(false)
    expect(hand.engine.stream.inputEnd).toBe(reason)
    expect(hand.hear().map(({ flags }) => flags)).toEqual([BOTH | FAIL])
  })

  it('of the output ends the connection, as no other end is unclean in this version', () => {
    const hand = new HandPeer().shake()
    hand.engine.stream.writeSome(Buffer.alloc(10))
    hand.engine.stream.reset()
    expect(hand.hear().map(({ flags }) => flags)).toEqual([BOTH | FAIL])
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
    expect(hand.engine.stats().inFlightNow).toBe(0)
  })

  it('before anything was sent leaves nothing to do', () => {
    const hand = new HandPeer()
    hand.engine.close(new VFIOCompleted())
    expect(hand.engine.closed).toBeInstanceOf(VFIOLost)
    expect([hand.engine.drained, hand.engine.pollTimeout()]).toEqual([true, Number.POSITIVE_INFINITY])
    expect(hand.hear()).toEqual([])
    expect(hand.events.map(({ type }) => type)).toEqual(['stream-changed', 'closed'])
  })
})
