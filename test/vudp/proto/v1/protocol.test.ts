/**
 * What a VUT/1 connection makes of genuine frames: streams, limits, ends, and faults of the peer with their codes.
 */
import { readMemory, VFIOCompleted, VFIOLost, VIPSocketPeer } from '@vio/io'
import { describe, expect, it } from 'vitest'
import { type VUDPLost, VUT_CODE } from '../../../../packages/vudp/src/proto/errors.js'
import { FRAME, FrameReader } from '../../../../packages/vudp/src/proto/v1/frames.js'
import { varintSize, writeVarint } from '../../../../packages/vudp/src/proto/v1/varint.js'
import { type Heard, INSIDER, Insider } from './insider.js'

function frame(...parts: readonly (number | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part !== 'number') return part
      const bytes = Buffer.alloc(varintSize(part))
      writeVarint(bytes, 0, part)
      return bytes
    }),
  )
}

/** STREAM with a length. */
function bytesOf(stream: number, offset: number, data: string | Buffer, final = false): Buffer {
  const content = Buffer.from(data)
  return frame(FRAME.stream | 2 | (final ? 1 : 0), stream, offset, content.length, content)
}

function framesIn(heard: readonly Heard[]): Record<string, unknown>[] {
  const reader = new FrameReader()
  const found: Record<string, unknown>[] = []
  for (const { plain } of heard) {
    if (plain === null) continue
    reader.reset(plain)
    while (reader.next()) {
      const { type, stream, value, code, final, data } = reader
      found.push({ type, stream, value, code, final, data: Buffer.from(data) })
    }
  }
  return found
}

function codeOf(insider: Insider): number | undefined {
  return (insider.victim.closed?.value as VUDPLost | undefined)?.closeCode
}

/** Acknowledges all that the victim has sent so far. */
function ackAll(insider: Insider): void {
  const largest = insider.protection?.largest ?? 0
  insider.say(frame(FRAME.ack, largest, 0, 0, largest))
}

/** Acknowledges until nothing more comes. */
function settle(insider: Insider): void {
  insider.wait(50)
  for (let round = 0; round < 5; round += 1) {
    ackAll(insider)
    insider.listen()
  }
}

describe('streams of VUT/1', () => {
  it('give in order what came in any order, and end cleanly', () => {
    const insider = new Insider().connect()
    insider.say(bytesOf(0, 3, 'def', true))
    expect(insider.victim.stream.readable).toBe(false)
    insider.say(bytesOf(0, 0, 'abc'))
    expect(insider.victim.stream.readSome(100).toString()).toBe('abcdef')
    expect(insider.victim.stream.inputEnd).toBeInstanceOf(VFIOCompleted)
    expect(insider.victim.closed).toBeNull()
  })

  it('acknowledge at once what is out of order, and together what is in order', () => {
    const insider = new Insider().connect()
    insider.wait(100)
    insider.say(bytesOf(0, 0, 'a'))
    expect(Insider.typesIn(insider.listen())).not.toContain(FRAME.ack)
    insider.say(bytesOf(0, 1, 'b'))
    expect(Insider.typesIn(insider.listen())).toContain(FRAME.ack)
    insider.number += 1
    insider.say(bytesOf(0, 2, 'c'))
    expect(Insider.typesIn(insider.listen())).toContain(FRAME.ack)
  })

  it('are opened by their first frame, those below with them, and counted', () => {
    const insider = new Insider({ maxStreams: 3 }).connect()
    insider.say(bytesOf(4, 0, 'second'))
    insider.listen()
    const opened = insider.events.flatMap((event) => (event.type === 'stream-opened' ? [event.stream] : []))
    expect(opened.map(({ id }) => id)).toEqual([2, 4])
    expect(opened[1]?.readSome(100).toString()).toBe('second')
    insider.say(bytesOf(8, 0, ''))
    expect(codeOf(insider)).toBe(VUT_CODE.stream)
  })

  it('make room for others when they are through', () => {
    const insider = new Insider({ maxStreams: 1 }).connect()
    insider.say(bytesOf(2, 0, 'x', true))
    insider.listen()
    const stream = insider.events.flatMap((event) =>
      event.type === 'stream-opened' ? [event.stream] : [],
    )[0]
    stream?.finish()
    insider.listen()
    ackAll(insider)
    expect(framesIn(insider.listen())).toContainEqual(
      expect.objectContaining({ type: FRAME.streams, value: 2 }),
    )
    insider.say(bytesOf(4, 0, 'y'))
    expect(insider.victim.closed).toBeNull()
    // The one that is through is forgotten, and frames about it are ignored.
    insider.say(bytesOf(2, 0, 'x', true))
    expect(insider.victim.closed).toBeNull()
  })

  it('can be opened as far as the peer allows, and further when it allows more', () => {
    const insider = new Insider().connect()
    const ids: (number | undefined)[] = []
    for (let count = 0; count < 101; count += 1) ids.push(insider.victim.openStream()?.id)
    expect(ids.slice(0, 3)).toEqual([1, 3, 5])
    expect(ids[99]).toBe(199)
    expect(ids[100]).toBeUndefined()
    insider.say(frame(FRAME.streams, 101))
    insider.listen()
    expect(insider.events.map(({ type }) => type)).toContain('streams-available')
    expect(insider.victim.openStream()?.id).toBe(201)
  })

  it('stay within the limits of the peer, of one stream and of all', () => {
    const insider = new Insider({ sendBufferBytes: 10_000_000 }).connect()
    const { stream } = insider.victim
    let taken = 0
    for (let count = 0; count < 40; count += 1) taken += stream.writeSome(Buffer.alloc(50_000))
    expect(taken).toBe(2_000_000)
    const other = insider.victim.openStream()
    other?.writeSome(Buffer.alloc(1_000_000))
    for (let round = 0; round < 3000; round += 1) {
      ackAll(insider)
      if (insider.wait(3).length === 0 && round > 2500) break
    }
    const highest = new Map<number, number>()
    for (const { type, stream: id, value, data } of framesIn(insider.heard) as ReturnType<typeof framesIn>) {
      if (type !== FRAME.stream) continue
      const end = (value as number) + (data as Buffer).length
      highest.set(id as number, Math.max(highest.get(id as number) ?? 0, end))
    }
    // The insider told nothing, so the defaults hold: 1 MiB and half as much again.
    expect(highest.get(0)).toBe(1_048_576)
    expect(highest.get(1)).toBe(524_288)
    expect(framesIn(insider.heard)).toContainEqual(
      expect.objectContaining({ type: FRAME.blocked, stream: 0, value: 1_048_576 }),
    )
    insider.say(Buffer.concat([frame(FRAME.streamLimit, 0, 1_048_600), frame(FRAME.totalLimit, 2_572_900)]))
    const more = framesIn(insider.wait(10)).filter(({ type }) => type === FRAME.stream)
    expect(more).toContainEqual(expect.objectContaining({ stream: 0, value: 1_048_576 }))
  })

  it('ask again about a limit while they stand at it, at the pace of probes', () => {
    const insider = new Insider().connect()
    insider.victim.stream.writeSome(Buffer.alloc(1_048_576))
    for (let round = 0; round < 3000 && insider.victim.stream.writable === false; round += 1) {
      ackAll(insider)
      insider.wait(2)
    }
    insider.victim.stream.writeSome(Buffer.alloc(1000))
    insider.wait(5)
    const asked: number[] = []
    for (let at = 0; at < 300; at += 1) {
      ackAll(insider)
      if (Insider.typesIn(insider.wait(100)).includes(FRAME.blocked)) asked.push(insider.now)
    }
    expect(asked.length).toBeGreaterThan(10)
    expect(asked.length).toBeLessThan(25)
  })

  it('tell a new limit when an eighth was read, and again when it is lost', () => {
    const insider = new Insider({ windowBytes: 4000, maxWindowBytes: 4000 }).connect()
    insider.say(bytesOf(0, 0, Buffer.alloc(3000)))
    settle(insider)
    insider.victim.stream.readSome(499)
    expect(Insider.typesIn(insider.listen())).not.toContain(FRAME.streamLimit)
    insider.victim.stream.readSome(1)
    expect(framesIn(insider.listen())).toContainEqual(
      expect.objectContaining({ type: FRAME.streamLimit, stream: 0, value: 4500 }),
    )
    // Nothing of it is acknowledged: it comes again.
    expect(framesIn(insider.wait(3000))).toContainEqual(
      expect.objectContaining({ type: FRAME.streamLimit, stream: 0, value: 4500 }),
    )
  })

  it('double the window while a quarter of it is read within two round trips, up to the option', () => {
    const insider = new Insider({ windowBytes: 1000, maxWindowBytes: 6000 }).connect()
    let sent = 0
    let limit = 1000
    const sizes: number[] = []
    for (let round = 0; round < 60; round += 1) {
      insider.say(bytesOf(0, sent, Buffer.alloc(limit - sent)))
      sent = limit
      while (insider.victim.stream.readable) insider.victim.stream.readSome(100_000)
      ackAll(insider)
      for (const { type, value } of framesIn(insider.wait(1))) {
        if (type === FRAME.streamLimit) limit = value as number
      }
      sizes.push(limit - sent)
    }
    expect(Math.max(...sizes)).toBe(6000)
    expect(sizes).toContain(2000)
    expect(sizes).toContain(4000)
  })

  it('are broken off with RESET_STREAM, which is repeated until it has arrived', () => {
    const insider = new Insider().connect()
    const { stream } = insider.victim
    stream.writeSome(Buffer.alloc(500))
    settle(insider)
    stream.reset()
    expect(stream.outputEnd).toBeInstanceOf(VFIOLost)
    const reset = expect.objectContaining({
      type: FRAME.resetStream,
      stream: 0,
      code: VUT_CODE.aborted,
      value: 500,
    })
    expect(framesIn(insider.listen())).toContainEqual(reset)
    expect(framesIn(insider.wait(3000))).toContainEqual(reset)
    ackAll(insider)
    expect(Insider.typesIn(insider.wait(5000))).not.toContain(FRAME.resetStream)
  })

  it('answer STOP_SENDING with a reset, unless all is on its way', () => {
    const insider = new Insider().connect()
    const { stream } = insider.victim
    stream.writeSome(Buffer.alloc(500))
    insider.say(frame(FRAME.stopSending, 0, 20))
    insider.listen()
    expect(stream.outputEnd).toBeInstanceOf(VFIOLost)
    expect(stream.writable).toBe(false)
    expect(Insider.typesIn(insider.heard)).toContain(FRAME.resetStream)
    const other = new Insider().connect()
    other.victim.stream.writeSome(Buffer.alloc(500))
    other.victim.stream.finish()
    other.listen()
    other.say(frame(FRAME.stopSending, 0, 20))
    expect(other.victim.stream.outputEnd).toBeInstanceOf(VFIOCompleted)
    expect(Insider.typesIn(other.wait(100))).not.toContain(FRAME.resetStream)
  })

  it('tell the peer that nothing more is taken, and drop what comes', () => {
    const insider = new Insider({ windowBytes: 1000, maxWindowBytes: 1000 }).connect()
    const { stream } = insider.victim
    insider.say(bytesOf(0, 0, Buffer.alloc(400)))
    stream.stop()
    expect(stream.readable).toBe(false)
    expect(framesIn(insider.listen())).toContainEqual(
      expect.objectContaining({ type: FRAME.stopSending, stream: 0 }),
    )
    insider.say(bytesOf(0, 400, Buffer.alloc(600)))
    insider.say(frame(FRAME.resetStream, 0, 1, 1000))
    expect(insider.victim.closed).toBeNull()
    expect(stream.inputEnd).toBeInstanceOf(VFIOLost)
  })

  it('keep what is in order when the peer breaks off, and end as unclean', () => {
    const insider = new Insider().connect()
    const { stream } = insider.victim
    insider.say(Buffer.concat([bytesOf(0, 0, 'abc'), bytesOf(0, 10, 'xyz')]))
    insider.say(frame(FRAME.resetStream, 0, 77, 20))
    expect(stream.inputEnd).toBeInstanceOf(VFIOLost)
    expect((stream.inputEnd?.value as VUDPLost | undefined)?.closeCode).toBe(77)
    expect(stream.readSome(100).toString()).toBe('abc')
    expect(stream.readable).toBe(false)
  })
})

describe('faults of the peer', () => {
  it.each([
    { title: 'an unknown frame below 40', frames: frame(0x20), code: VUT_CODE.frame },
    { title: 'no frame', frames: Buffer.alloc(0), code: VUT_CODE.frame },
    { title: 'a frame cut short', frames: frame(FRAME.streamLimit, 0), code: VUT_CODE.frame },
    { title: 'an ACK of what was never sent', frames: frame(FRAME.ack, 1000, 0, 0, 0), code: VUT_CODE.frame },
    { title: 'bytes beyond a limit', frames: bytesOf(0, 1000, 'x'), code: VUT_CODE.flow },
    {
      title: 'bytes beyond the limit of all',
      frames: Buffer.concat([bytesOf(0, 999, 'x'), bytesOf(2, 999, 'x')]),
      code: VUT_CODE.flow,
    },
    {
      title: 'bytes beyond the end',
      frames: Buffer.concat([bytesOf(0, 0, 'ab', true), bytesOf(0, 2, 'c')]),
      code: VUT_CODE.finalSize,
    },
    {
      title: 'an end below what came',
      frames: Buffer.concat([bytesOf(0, 5, 'ab'), bytesOf(0, 0, 'c', true)]),
      code: VUT_CODE.finalSize,
    },
    {
      title: 'another end',
      frames: Buffer.concat([bytesOf(0, 0, 'ab', true), frame(FRAME.resetStream, 0, 0, 1)]),
      code: VUT_CODE.finalSize,
    },
    { title: 'a reset beyond a limit', frames: frame(FRAME.resetStream, 0, 0, 1001), code: VUT_CODE.flow },
    { title: 'a stream of ours that is not open', frames: bytesOf(1, 0, 'x'), code: VUT_CODE.stream },
    {
      title: 'STOP_SENDING for such a stream',
      frames: frame(FRAME.stopSending, 7, 0),
      code: VUT_CODE.stream,
    },
    { title: 'a stream too many', frames: bytesOf(202, 0, 'x'), code: VUT_CODE.stream },
    { title: 'RETIRE_ID for what was never given', frames: frame(FRAME.retireId, 50), code: VUT_CODE.frame },
    { title: 'an id far ahead', frames: frame(FRAME.newId, 5000, Buffer.alloc(24)), code: VUT_CODE.frame },
    {
      title: 'an unreliable datagram that was not offered',
      frames: frame(FRAME.datagram, 3, Buffer.from('abc')),
      code: VUT_CODE.frame,
    },
  ])('$title ends the connection with its code', ({ frames, code }) => {
    const insider = new Insider({ windowBytes: 1000, maxWindowBytes: 1000 }).connect()
    insider.say(frames)
    expect(codeOf(insider)).toBe(code)
    expect(framesIn(insider.listen())).toContainEqual(expect.objectContaining({ type: FRAME.close, code }))
    expect(insider.events.at(-1)).toMatchObject({ type: 'closed' })
  })

  it('are not frames from 40 on, padding and PING', () => {
    const insider = new Insider().connect()
    insider.say(Buffer.concat([Buffer.alloc(30), frame(0x40, 3, Buffer.from('abc'), FRAME.ping, 0x4321, 0)]))
    expect(insider.victim.closed).toBeNull()
  })

  it('do not make it read what stands behind', () => {
    const insider = new Insider().connect()
    insider.say(Buffer.concat([bytesOf(0, 0, 'good'), frame(0x20), bytesOf(0, 4, 'late')]))
    expect(insider.victim.stream.readSome(100).toString()).toBe('good')
    expect(insider.victim.stream.inputEnd).toBeInstanceOf(VFIOLost)
  })
})

describe('the end of a connection', () => {
  it('is told by CLOSE, repeated for what still comes, and then silence', () => {
    const insider = new Insider().connect()
    insider.victim.close(new VFIOLost())
    const first = insider.listen()
    expect(framesIn(first)).toContainEqual(
      expect.objectContaining({ type: FRAME.close, code: VUT_CODE.aborted }),
    )
    expect(insider.wait(50)).toEqual([])
    insider.say(bytesOf(0, 0, 'x'))
    expect(Insider.typesIn(insider.listen())).toContain(FRAME.close)
    expect(insider.victim.drained).toBe(false)
    insider.wait(60_000)
    expect(insider.victim.drained).toBe(true)
    insider.say(bytesOf(0, 0, 'x'))
    expect(insider.listen()).toEqual([])
  })

  it('by the peer is answered once', () => {
    const insider = new Insider().connect()
    insider.say(frame(FRAME.close, 99, 3, Buffer.from('bye')))
    expect(codeOf(insider)).toBe(99)
    expect(insider.victim.closed?.value.message).toContain('bye')
    expect(insider.victim.stream.inputEnd).toBeInstanceOf(VFIOLost)
    expect(Insider.typesIn(insider.listen())).toContain(FRAME.close)
    insider.say(bytesOf(0, 0, 'x'))
    expect(insider.listen()).toEqual([])
    insider.wait(60_000)
    expect(insider.victim.drained).toBe(true)
  })

  it('is clean only if both directions were', () => {
    const insider = new Insider().connect()
    insider.say(frame(FRAME.close, 0, 0))
    expect(insider.victim.closed).toBeInstanceOf(VFIOLost)
    const good = new Insider().connect()
    good.victim.stream.writeSome(Buffer.from('out'))
    good.victim.stream.finish()
    good.listen()
    good.say(bytesOf(0, 0, 'in', true))
    // All of ours has arrived, says whoever says CLOSE 0.
    good.say(frame(FRAME.close, 0, 0))
    expect(good.victim.closed).toBeInstanceOf(VFIOCompleted)
    expect(good.victim.stats().streamBytesAcked).toBe(3)
    expect(good.victim.stream.readSome(100).toString()).toBe('in')
  })

  it('follows by itself when all is through', () => {
    const insider = new Insider().connect()
    insider.victim.stream.finish()
    insider.listen()
    insider.say(bytesOf(0, 0, 'in', true))
    expect(insider.victim.closed).toBeNull()
    ackAll(insider)
    expect(insider.victim.closed).toBeInstanceOf(VFIOCompleted)
    expect(framesIn(insider.listen())).toContainEqual(expect.objectContaining({ type: FRAME.close, code: 0 }))
  })

  it('after silence says nothing, and is unclean', () => {
    const insider = new Insider({ idleTimeoutMs: 10_000, keepAliveMs: Number.POSITIVE_INFINITY }).connect()
    settle(insider)
    insider.wait(9_000)
    expect(insider.victim.closed).toBeNull()
    insider.wait(2_000)
    expect(insider.wait(60_000)).toEqual([])
    expect(codeOf(insider)).toBe(VUT_CODE.idle)
    expect(insider.victim.drained).toBe(true)
  })

  it('is put off by PING, every 15 s unless told otherwise', () => {
    const insider = new Insider().connect()
    for (let round = 0; round < 8; round += 1) {
      ackAll(insider)
      const pings = Insider.typesIn(insider.wait(15_100)).filter((type) => type === FRAME.ping)
      expect(pings.length).toBeGreaterThan(0)
    }
    expect(insider.victim.closed).toBeNull()
  })

  it('by a reset token of the peer needs no more', () => {
    const insider = new Insider().connect()
    const { scid } = insider.handshake
    expect(scid).toHaveLength(8)
    const token = Buffer.alloc(16, 0x5a)
    insider.say(frame(FRAME.newId, 1, Buffer.concat([Buffer.alloc(8, 7), token])))
    const reset = Buffer.concat([Buffer.of(0xc4), Buffer.alloc(10), token])
    const wrong = Buffer.from(reset)
    wrong[wrong.length - 1] = 0
    insider.give(wrong)
    expect(insider.victim.closed).toBeNull()
    insider.give(reset, new VIPSocketPeer('10.8.8.8', 8))
    expect(insider.victim.closed).toBeInstanceOf(VFIOLost)
    expect(insider.victim.drained).toBe(true)
    expect(insider.listen()).toEqual([])
  })

  it('that was asked for before the handshake is over says nothing', () => {
    const insider = new Insider()
    insider.victim.close(new VFIOCompleted())
    expect(insider.listen()).toEqual([])
    expect(insider.victim.drained).toBe(true)
    expect(insider.events.at(-1)).toMatchObject({ type: 'closed' })
    expect(insider.events.map(({ type }) => type)).not.toContain('connected')
  })
})

describe('unreliable datagrams', () => {
  it('arrive where they were offered', () => {
    const insider = new Insider({ maxUnreliableBytes: 5 }).connect()
    insider.say(frame(FRAME.datagram, 5, Buffer.from('hello')))
    insider.listen()
    expect(insider.events.at(-1)).toMatchObject({ type: 'datagram', bytes: Buffer.from('hello') })
    // The insider has offered none.
    expect(insider.victim.sendDatagram(Buffer.from('x'))).toBe(false)
    insider.say(frame(FRAME.datagram, 6, Buffer.from('hello!')))
    expect(codeOf(insider)).toBe(VUT_CODE.frame)
  })

  it('stay when the bytes of a stream beside them are given back', () => {
    const insider = new Insider({ maxUnreliableBytes: 5 }).connect()
    const stream = bytesOf(0, 0, Buffer.alloc(20_000, 'stream'))
    insider.say(Buffer.concat([stream, frame(FRAME.datagram, 5, Buffer.from('hello'))]))
    const bytes = insider.victim.stream.readSome(20_000)
    expect(bytes.length).toBe(20_000)
    readMemory.giveBack(bytes)
    expect(bytes.length).toBe(0)
    insider.listen()
    const datagram = insider.events.find(({ type }) => type === 'datagram')
    expect(datagram).toMatchObject({ bytes: Buffer.from('hello') })
  })
})

it('the insider is where the victim expects it', () => {
  expect(new Insider().connect().victim.peer.equals(INSIDER)).toBe(true)
})
