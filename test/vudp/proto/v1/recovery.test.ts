/**
 * What counts as arrived, as lost and as due for a probe (RFC 9002), with explicit times.
 */
import { VIPSocketPeer } from '@vio/io'
import { beforeEach, describe, expect, it } from 'vitest'
import { FRAME, FrameReader } from '../../../../packages/vudp/src/proto/v1/frames.js'
import { MtuSearch } from '../../../../packages/vudp/src/proto/v1/mtu-search.js'
import { Path } from '../../../../packages/vudp/src/proto/v1/path.js'
import { Recovery } from '../../../../packages/vudp/src/proto/v1/recovery.js'

const SIZE = 1000

class Sender {
  readonly path: Path = new Path(new VIPSocketPeer('10.0.0.1', 1), {
    congestion: 'reno',
    boundBytes: 1472,
    random: () => 0.5,
  })
  readonly acked: number[] = []
  readonly lost: number[] = []
  readonly probed: number[] = []
  readonly recovery: Recovery
  next = 0

  constructor() {
    this.path.validate(0)
    this.recovery = new Recovery({
      path: this.path,
      onPacketAcked: (_now, { number }) => this.acked.push(number),
      onPacketLost: (_now, { number }) => this.lost.push(number),
      onProbeDue: ({ number }) => this.probed.push(number),
    })
  }

  send(now: number, count = 1): void {
    for (let left = count; left > 0; left -= 1) {
      const packet = this.recovery.pool.take()
      packet.number = this.next
      packet.sizeBytes = SIZE
      packet.sentAt = now
      packet.path = this.path
      this.next += 1
      this.recovery.onSent(now, packet)
    }
  }

  /** Ranges as [low, high], the highest first. */
  ack(now: number, ...ranges: readonly (readonly [number, number])[]): boolean {
    const frame = new FrameReader()
    frame.type = FRAME.ack
    frame.value = 0
    frame.ackCount = ranges.length
    for (const [index, [low, high]] of ranges.entries()) {
      frame.ackLow[index] = low
      frame.ackHigh[index] = high
    }
    return this.recovery.onAck(now, frame, this.next)
  }

  /** Acknowledges one after the other, so that the round-trip time is known. */
  warmUp(): void {
    for (let at = 0; at < 5; at += 1) {
      this.send(at * 100)
      this.ack(at * 100 + 100, [0, at])
    }
    this.acked.length = 0
  }
}

let sender: Sender

beforeEach(() => {
  sender = new Sender()
})

describe('recovery', () => {
  it('acknowledges each datagram once, whatever is told again', () => {
    sender.send(0, 6)
    expect(sender.ack(50, [4, 5], [0, 1])).toBe(true)
    expect(sender.acked).toEqual([0, 1, 4, 5])
    expect(sender.ack(60, [4, 5], [0, 1])).toBe(true)
    expect(sender.acked).toHaveLength(4)
    expect(sender.recovery.counts).toMatchObject({ sent: 6, acked: 4 })
  })

  it('refuses the acknowledgement of what was never sent', () => {
    sender.send(0, 3)
    expect(sender.ack(10, [0, 3])).toBe(false)
    expect(sender.acked).toEqual([])
  })

  it('gives up what is three numbers behind, at once', () => {
    sender.send(0, 5)
    sender.ack(100, [3, 4])
    expect(sender.lost).toEqual([0, 1])
    expect(sender.path.inFlightBytes).toBe(SIZE)
  })

  it('gives up what is nine eighths of a round trip late, by the timer', () => {
    sender.warmUp()
    const first = sender.next
    sender.send(1000, 2)
    sender.ack(1100, [first + 1, first + 1])
    expect(sender.lost).toEqual([])
    expect(sender.recovery.dueAt).toBeCloseTo(1000 + 112.5, 5)
    sender.recovery.onTimeout(1112)
    expect(sender.lost).toEqual([])
    sender.recovery.onTimeout(sender.recovery.dueAt)
    expect(sender.lost).toEqual([first])
    expect(sender.recovery.dueAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('asks for probes with a back-off that ends at two seconds while the path was good not long ago', () => {
    sender.warmUp()
    sender.send(1000, 3)
    const first = sender.next - 3
    const waits: number[] = []
    let now = 1000
    for (let round = 0; round < 12; round += 1) {
      waits.push(sender.recovery.dueAt - now)
      now = sender.recovery.dueAt
      sender.recovery.onTimeout(now)
      expect(sender.recovery.probesOwed).toBe(2)
      sender.send(now)
    }
    expect(sender.probed.slice(0, 2)).toEqual([first, first + 1])
    expect(sender.lost).toEqual([])
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeLessThanOrEqual(2000)
      if (index > 0) expect(wait).toBeGreaterThanOrEqual(waits[index - 1] as number)
    }
    expect(waits[1]).toBeCloseTo(2 * (waits[0] as number), 5)
    expect(waits[11]).toBe(2000)
    sender.ack(now, [sender.next - 1, sender.next - 1])
    expect(sender.recovery.ptoCount).toBe(0)
  })

  it('goes on to longer waits where the path has been silent for long', () => {
    sender.warmUp()
    let now = 1000
    sender.send(now)
    while (now < 40_000) {
      now = sender.recovery.dueAt
      sender.recovery.onTimeout(now)
      sender.send(now)
    }
    expect(sender.recovery.dueAt - now).toBeGreaterThan(2000)
    expect(sender.recovery.dueAt - now).toBeLessThanOrEqual(60_000)
  })

  it('runs out again and again, but never at once, where nothing may be sent', () => {
    sender.send(0)
    let now = 0
    for (let round = 0; round < 50; round += 1) {
      expect(sender.recovery.dueAt).toBeGreaterThan(now)
      now = sender.recovery.dueAt
      sender.recovery.onTimeout(now)
    }
  })

  it('learns from what was late that datagrams overtake each other', () => {
    sender.warmUp()
    const first = sender.next
    sender.send(1000, 10)
    sender.ack(1100, [first + 5, first + 5])
    expect(sender.lost).toEqual([first, first + 1, first + 2])
    sender.ack(1101, [first, first + 5])
    expect(sender.recovery.counts.spurious).toBe(3)
    expect(sender.acked.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5].map((at) => first + at))
    sender.lost.length = 0
    const second = sender.next
    sender.send(1102, 10)
    sender.ack(1202, [second + 5, second + 5])
    expect(sender.lost).toEqual([first + 6, first + 7, first + 8, first + 9])
    sender.ack(1203, [second, second + 5])
    expect(sender.lost).toHaveLength(4)
  })

  it('tells the controller of a persistent congestion', () => {
    sender.warmUp()
    sender.path.congestion.windowBytes
    const first = sender.next
    for (let at = 0; at < 40; at += 1) sender.send(1000 + at * 100)
    sender.send(6000)
    sender.ack(6100, [sender.next - 1, sender.next - 1])
    expect(sender.lost).toHaveLength(40)
    expect(sender.lost[0]).toBe(first)
    expect(sender.path.congestion.windowBytes).toBe(2 * 1200)
  })

  it('uses its records again', () => {
    for (let round = 0; round < 100; round += 1) {
      sender.send(round * 10, 10)
      sender.ack(round * 10 + 5, [0, sender.next - 1])
    }
    expect(sender.recovery.pool.count).toBe(10)
    sender.send(2000, 5)
    sender.recovery.clear(false)
    expect(sender.recovery.counts).toMatchObject({ sent: 1005, acked: 1000, lost: 5 })
    expect(sender.path.inFlightBytes).toBe(0)
    expect(sender.recovery.dueAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('does not look at all that is in flight for an acknowledgement', () => {
    const count = 20_000
    sender.send(0, count)
    let looked = 0
    const { head } = { head: sender.recovery.oldest }
    for (let packet = head; packet !== null; packet = packet.next) {
      const { number } = packet
      Object.defineProperty(packet, 'number', {
        get: () => {
          looked += 1
          return number
        },
      })
    }
    for (let at = 1; at <= 1000; at += 1) sender.ack(100, [0, at])
    expect(sender.acked).toHaveLength(1001)
    expect(looked).toBeLessThan(12 * 1001)
  })
})

describe('MtuSearch', () => {
  it('climbs while probes arrive, up to the bound', () => {
    const search = new MtuSearch(1452)
    expect(search.probeBytes(0)).toBe(0)
    search.start()
    const tried: number[] = []
    for (let size = search.probeBytes(0); size > 0; size = search.probeBytes(0)) {
      tried.push(size)
      search.onProbeSent()
      expect(search.probeBytes(0)).toBe(0)
      expect(search.onProbeAcked(tried.length, size)).toBe(true)
    }
    expect(tried).toEqual([1280, 1400, 1452])
    expect(search.sizeBytes).toBe(1452)
    expect(search.retryAt).toBe(Number.POSITIVE_INFINITY)
  })

  it.each([
    { of: 'at once to the largest of one machine', boundBytes: 65_507, passes: 65_507, tried: [65_507] },
    {
      of: 'in steps where that is lost',
      boundBytes: 65_507,
      passes: 1400,
      tried: [65_507, 1280, 1400, 1452, 1452, 1452],
    },
    { of: 'in steps on a network', boundBytes: 16_384, passes: 1400, tried: [1280, 1400, 1452, 1452, 1452] },
  ])('goes $of', ({ boundBytes, passes, tried }) => {
    const search = new MtuSearch(boundBytes)
    search.start()
    const seen: number[] = []
    for (let size = search.probeBytes(0); size > 0; size = search.probeBytes(0)) {
      seen.push(size)
      search.onProbeSent()
      if (size <= passes) search.onProbeAcked(seen.length, size)
      else search.onProbeLost(0, size)
    }
    expect(seen).toEqual(tried)
    expect(search.sizeBytes).toBe(passes)
  })

  it('stops after three lost probes and tries again after ten minutes', () => {
    const search = new MtuSearch(1472)
    search.start()
    search.onProbeSent()
    search.onProbeAcked(0, 1280)
    for (let left = 3; left > 0; left -= 1) {
      expect(search.probeBytes(5)).toBe(1400)
      search.onProbeSent()
      expect(search.onProbeLost(5, 1400)).toBe(false)
    }
    expect(search.probeBytes(6)).toBe(0)
    expect(search.retryAt).toBe(600_005)
    expect(search.probeBytes(600_005)).toBe(1400)
    expect(search.retryAt).toBe(Number.POSITIVE_INFINITY)
  })

  const found = (sizeBytes: number): MtuSearch => {
    const search = new MtuSearch(1472)
    search.start()
    search.onProbeSent()
    search.onProbeAcked(0, sizeBytes)
    return search
  }

  it('steps back to the base where large datagrams no longer pass: one was lost, and three probes of its size', () => {
    const search = found(1472)
    expect(search.probeBytes(0)).toBe(0)
    search.onLost(7, 1472)
    // What was in flight with it says nothing more.
    for (let number = 8; number < 20; number += 1) search.onLost(number, 1472)
    for (let probe = 1; probe <= 3; probe += 1) {
      expect({ isSuspect: search.isSuspect, size: search.sizeBytes }).toEqual({ isSuspect: true, size: 1472 })
      expect(search.probeBytes(probe)).toBe(1472)
      search.onProbeSent()
      expect(search.probeBytes(probe)).toBe(0)
      search.onAcked(20 + probe, 1200)
      expect(search.onProbeLost(probe, 1472)).toBe(probe === 3)
    }
    expect({ isSuspect: search.isSuspect, size: search.sizeBytes }).toEqual({ isSuspect: false, size: 1200 })
    expect(search.probeBytes(5)).toBe(1280)
    // What left before is no sign against what is found now.
    search.onProbeSent()
    expect(search.onProbeAcked(30, 1280)).toBe(true)
    search.onLost(25, 1472)
    search.onLost(29, 1280)
    expect(search.isSuspect).toBe(false)
  })

  it('does not suspect the size where one as large, sent later, has arrived', () => {
    const search = found(1472)
    for (let at = 0; at < 100; at += 10) {
      search.onAcked(at + 9, 1472)
      for (let number = at; number < at + 8; number += 1) search.onLost(number, 1472)
      for (let number = at; number < at + 8; number += 1) search.onLost(number, 1200)
      expect(search.isSuspect).toBe(false)
    }
  })

  it('lets the suspicion drop when one as large, sent later, arrives: a probe of that size or a datagram', () => {
    const search = found(1472)
    search.onLost(7, 1472)
    search.onAcked(6, 1472)
    search.onAcked(9, 1471)
    expect(search.isSuspect).toBe(true)
    search.onProbeSent()
    expect(search.onProbeAcked(10, 1472)).toBe(false)
    expect({ isSuspect: search.isSuspect, next: search.probeBytes(1) }).toEqual({ isSuspect: false, next: 0 })
    search.onLost(17, 1400)
    search.onAcked(18, 1399)
    expect(search.isSuspect).toBe(true)
    search.onAcked(19, 1400)
    expect({ isSuspect: search.isSuspect, size: search.sizeBytes }).toEqual({ isSuspect: false, size: 1472 })
    // A probe that is lost then is one of the past.
    expect(search.onProbeLost(1, 1472)).toBe(false)
    expect(search.isSuspect).toBe(false)
  })

  it('has nothing to search where the bound is the base', () => {
    const search = new MtuSearch(1200)
    search.start()
    expect(search.probeBytes(0)).toBe(0)
    search.onLost(1, 1200)
    expect(search.isSuspect).toBe(false)
  })
})
