/**
 * The parts of BBR: samples, filters, and what tells losses by chance from losses by a queue.
 */
import { describe, expect, it } from 'vitest'
import { Bounds } from '../../../../packages/vudp/src/proto/congestion/bbr-bounds.js'
import { ProbeCycle, RttProbe } from '../../../../packages/vudp/src/proto/congestion/bbr-cycle.js'
import { LossExcess } from '../../../../packages/vudp/src/proto/congestion/bbr-excess.js'
import { FullPipe } from '../../../../packages/vudp/src/proto/congestion/bbr-full.js'
import {
  flightAtLoss,
  isTooMuch,
  LossEpisode,
  RoundLoss,
} from '../../../../packages/vudp/src/proto/congestion/bbr-loss.js'
import { PathModel } from '../../../../packages/vudp/src/proto/congestion/bbr-path.js'
import { QueueWatch } from '../../../../packages/vudp/src/proto/congestion/bbr-queue.js'
import {
  createSentRecord,
  type IVSentRecord,
} from '../../../../packages/vudp/src/proto/congestion/controller.js'
import { DeliveryRate, type RateSample } from '../../../../packages/vudp/src/proto/congestion/delivery.js'

function packet(values: Partial<IVSentRecord>): IVSentRecord {
  return { ...createSentRecord(), sizeBytes: 1000, ...values }
}

function sample(values: Partial<RateSample>): RateSample {
  return { ...new DeliveryRate().sample, ...values }
}

describe('DeliveryRate', () => {
  it('measures over the longer of sending and acknowledging', () => {
    const delivery = new DeliveryRate()
    const sent = [0, 1, 2, 3].map((at) => packet({ number: at, sentAt: at }))
    sent.forEach((each, index) => {
      delivery.onSent(index, each, (index + 1) * 1000)
    })
    // Sent over 3 ms, acknowledged at 10 to 40 ms: the path gives 4000 bytes in 40 ms.
    sent.forEach((each, index) => {
      delivery.clear()
      delivery.onAck(10 * (index + 1), each)
      expect(delivery.finish(5)).toBe(true)
    })
    expect(delivery.sample.rate).toBeCloseTo(4000 / 40)
    expect(delivery.deliveredBytes).toBe(4000)
  })

  it('gives no rate for an interval shorter than a round trip', () => {
    const delivery = new DeliveryRate()
    const first = packet({ number: 0 })
    delivery.onSent(0, first, 1000)
    delivery.onAck(10, first)
    expect(delivery.finish(50)).toBe(false)
    expect(delivery.sample.rate).toBe(0)
    delivery.clear()
    expect(delivery.finish(5)).toBe(false)
  })

  it('marks what is sent while the application leaves room, until that is delivered', () => {
    const delivery = new DeliveryRate()
    const flight = [0, 1, 2].map((number) => packet({ number }))
    delivery.onSent(0, flight[0] as IVSentRecord, 1000)
    delivery.onAppLimited(1000)
    delivery.onSent(1, flight[1] as IVSentRecord, 2000)
    expect(flight.map(({ isAppLimited }) => isAppLimited)).toEqual([false, true, false])
    for (const each of flight.slice(0, 2)) delivery.onAck(20, each)
    delivery.finish(5)
    expect(delivery.isAppLimited).toBe(false)
  })

  it('counts the losses since the newest datagram left, as far as they count', () => {
    const delivery = new DeliveryRate()
    const flight = [0, 1, 2].map((number) => packet({ number }))
    for (const each of flight) delivery.onSent(0, each, 1000 * (each.number + 1))
    delivery.onLoss(flight[0] as IVSentRecord, true)
    delivery.onLoss(flight[1] as IVSentRecord, false)
    delivery.onAck(20, flight[2] as IVSentRecord)
    delivery.finish(5)
    expect([delivery.sample.lostBytes, delivery.sample.newlyLostBytes]).toEqual([1000, 2000])
  })
})

describe('QueueWatch', () => {
  function watched(rtts: readonly number[], minMs = 40): QueueWatch {
    const watch = new QueueWatch()
    rtts.forEach((rttMs, index) => {
      watch.onRtt(index, rttMs, minMs)
    })
    return watch
  }

  it.each([
    ['nothing seen yet', [], Number.POSITIVE_INFINITY, true],
    ['round trips as short as ever', new Array(100).fill(40), 40, false],
    ['one that was late among short ones', [...new Array(100).fill(40), 80, 40], 40, false],
    ['all longer by a quarter', new Array(100).fill(50), 40, true],
    ['all longer by less than timers are off', new Array(100).fill(40.9), 40, false],
    ['a queue that is drained to a half', [...new Array(100).fill(60), ...new Array(60).fill(50)], 40, false],
    [
      'a queue that is nearly as full as ever',
      [...new Array(100).fill(60), ...new Array(60).fill(58)],
      40,
      true,
    ],
  ] as const)('after %s', (_what, rtts, minMs, expected) => {
    expect(watched(rtts as number[]).isFull(minMs)).toBe(expected)
  })

  it('sees a queue that is far from full, and one where nothing was seen', () => {
    const drained = watched([...new Array(100).fill(60), ...new Array(60).fill(50)])
    expect([drained.isSeen(40), drained.isFull(40)]).toEqual([true, false])
    expect([watched([]).isSeen(40), watched([40, 40, 40, 40]).isSeen(40)]).toEqual([true, false])
  })

  it('forgets after ten seconds how full a queue was', () => {
    const watch = new QueueWatch()
    for (let now = 0; now < 100; now += 1) watch.onRtt(now, 80, 40)
    for (let now = 100; now < 12_000; now += 1) watch.onRtt(now, 50, 40)
    expect(watch.isFull(40)).toBe(true)
  })
})

describe('LossExcess', () => {
  function compared(usualLoss: number, slowLoss: number, count: number): boolean {
    const excess = new LossExcess()
    for (let cycle = 0; cycle < 4; cycle += 1) {
      excess.setSlow(true, cycle)
      for (let index = 0; index < count; index += 1) {
        excess.count(packet({ deliveredBytes: cycle }), index < slowLoss * count)
      }
      excess.setSlow(false, cycle)
      for (let index = 0; index < count; index += 1) {
        excess.count(packet({ deliveredBytes: cycle }), index < usualLoss * count)
      }
      excess.onRound()
    }
    return excess.isFound
  }

  it.each([
    [0.05, 0.05, 200, false],
    [0.1, 0.1, 200, false],
    [0.01, 0, 200, false],
    [0.2, 0.05, 200, true],
    [0.15, 0, 200, true],
    [0.5, 0, 10, false],
  ])('%d lost at the usual rate and %d at the slow one, of %d', (usual, slow, count, expected) => {
    expect(compared(usual, slow, count)).toBe(expected)
  })

  it('counts what was sent before a change of the rate to the rate before', () => {
    const excess = new LossExcess()
    excess.setSlow(true, 0)
    for (let index = 0; index < 100; index += 1) excess.count(packet({ deliveredBytes: 5 }), false)
    excess.setSlow(false, 10)
    // Sent in the slow phase, though lost in the usual one.
    for (let index = 0; index < 100; index += 1) excess.count(packet({ deliveredBytes: 9 }), index < 50)
    excess.onRound()
    expect(excess.isFound).toBe(false)
  })
})

describe('what is lost by chance', () => {
  function chanceOf(slowLoss: number, count: number): number {
    const excess = new LossExcess()
    excess.setSlow(true, 0)
    for (let index = 0; index < count; index += 1) excess.count(packet({}), index < slowLoss * count)
    excess.onRound()
    return excess.chance
  }

  it('is what the slow rate loses, less what may be an accident', () => {
    expect(chanceOf(0, 1_000)).toBe(0)
    expect(chanceOf(0.05, 20)).toBe(0)
    expect(chanceOf(0.05, 10_000)).toBeGreaterThan(0.045)
    expect(chanceOf(0.05, 100)).toBeLessThan(0.035)
    expect(chanceOf(0.5, 10_000)).toBe(0.1)
  })

  it('explains up to three times as much in a round, and no loss at all where it is nothing', () => {
    const round = new RoundLoss()
    round.count(sample({ ackedBytes: 97_000, newlyLostBytes: 3_000 }))
    expect([round.isExplained(0.01), round.isExplained(0.009), round.isExplained(0)]).toEqual([
      true,
      false,
      false,
    ])
    round.clear()
    expect(round.isExplained(0)).toBe(true)
  })

  it('is never a fifth of a round of many datagrams', () => {
    const round = new RoundLoss()
    round.count(sample({ ackedBytes: 60_000, newlyLostBytes: 16_000 }))
    expect(round.isExcess(1_000)).toBe(false)
    round.count(sample({ ackedBytes: 0, newlyLostBytes: 1_000 }))
    expect(round.isExcess(1_000)).toBe(true)
    round.count(sample({ ackedBytes: 10_000, newlyLostBytes: 0 }))
    expect(round.isExcess(1_000)).toBe(false)
  })
})

describe('LossEpisode', () => {
  it('counts places, not datagrams', () => {
    const episode = new LossEpisode('here')
    for (const number of [3, 4, 5, 9, 10, 20]) episode.note(packet({ number }))
    expect(episode.places).toBe(3)
  })

  it('is over when the last of its losses was none', () => {
    const episode = new LossEpisode('here')
    episode.begin('there')
    for (const number of [1, 2]) episode.note(packet({ number }))
    expect([episode.undoOne(), episode.undoOne(), episode.undoOne()]).toEqual([false, true, false])
    expect(episode.phase).toBe('there')
  })

  it('finds the flight at which two in a hundred were lost', () => {
    const flight = packet({ inFlightBytes: 100_000 })
    expect(flightAtLoss(flight, 2_000)).toBe(-1)
    expect(flightAtLoss(flight, 3_000)).toBe(99_000)
    expect(flightAtLoss(flight, 2_500)).toBeCloseTo(99_000 + (1980 - 1500) / 0.98)
    expect(isTooMuch(sample({ lostBytes: 21, inFlightBytes: 1000 }))).toBe(true)
    expect(isTooMuch(sample({ lostBytes: 20, inFlightBytes: 1000 }))).toBe(false)
  })
})

describe('FullPipe', () => {
  it('is full after three rounds without growth by a quarter', () => {
    const pipe = new FullPipe()
    const seen = [10, 13, 17, 18, 19, 20].map((rate) => {
      pipe.onRound(sample({ rate, inFlightBytes: 900 }), 1_000, 10)
      return pipe.isNow
    })
    expect(seen).toEqual([false, false, false, false, false, true])
    pipe.reset(20)
    expect([pipe.isNow, pipe.isReached]).toEqual([false, true])
  })

  it.each([
    { of: 'neither window nor rate', inFlightBytes: 749, sentRate: 4.9, isReached: false },
    { of: 'the window', inFlightBytes: 750, sentRate: 4.9, isReached: true },
    { of: 'the rate', inFlightBytes: 749, sentRate: 5, isReached: true },
  ])('learns from a sender that made use of $of: $isReached', ({ inFlightBytes, sentRate, isReached }) => {
    const pipe = new FullPipe()
    for (let count = 0; count < 9; count += 1)
      pipe.onRound(sample({ rate: 4, sentRate, inFlightBytes }), 1_000, 10)
    expect(pipe.isReached).toBe(isReached)
  })

  it('learns nothing from what the application limited', () => {
    const pipe = new FullPipe()
    for (let count = 0; count < 9; count += 1)
      pipe.onRound(sample({ rate: 5, inFlightBytes: 900, isAppLimited: true }), 1_000, 10)
    expect(pipe.isReached).toBe(false)
  })
})

describe('PathModel', () => {
  it('keeps the largest rate of two cycles', () => {
    const path = new PathModel()
    path.onRate(sample({ rate: 50 }))
    path.advanceCycle()
    path.onRate(sample({ rate: 30 }))
    expect(path.maxRate).toBe(50)
    path.advanceCycle()
    path.onRate(sample({ rate: 20 }))
    expect(path.maxRate).toBe(30)
    path.onRate(sample({ rate: 10, isAppLimited: true }))
    path.advanceCycle()
    expect(path.maxRate).toBe(20)
  })

  it('asks for a probe when the least round-trip time is five seconds old, and believes it after ten', () => {
    const path = new PathModel()
    path.onRtt(0, 40)
    path.onRtt(4_000, 60)
    expect([path.minRttMs, path.isProbeRttDue]).toEqual([40, false])
    path.onRtt(5_001, 60)
    expect([path.minRttMs, path.isProbeRttDue]).toEqual([40, true])
    path.onRtt(10_001, 60)
    expect(path.minRttMs).toBe(60)
  })

  it('probes a long way less often', () => {
    const path = new PathModel()
    path.onRtt(0, 500)
    path.onRtt(15_000, 510)
    expect(path.isProbeRttDue).toBe(false)
    path.onRtt(16_001, 510)
    expect(path.isProbeRttDue).toBe(true)
  })

  it('counts rounds by what was delivered', () => {
    const path = new PathModel()
    expect(path.onRound(sample({ priorDeliveredBytes: 0 }), 1000)).toBe(true)
    expect(path.onRound(sample({ priorDeliveredBytes: 999 }), 2000)).toBe(false)
    expect(path.onRound(sample({ priorDeliveredBytes: 1000 }), 3000)).toBe(true)
    expect(path.roundCount).toBe(2)
  })

  it('sees how unevenly a path acknowledges', () => {
    const path = new PathModel()
    path.onAcked(0, 0, 10, 1e6)
    for (let now = 10; now <= 100; now += 10) path.onAcked(now, 100, 10, 1e6)
    expect(path.extraAckedBytes).toBeLessThanOrEqual(100)
    path.onAcked(110, 5_000, 10, 1e6)
    expect(path.extraAckedBytes).toBeGreaterThan(4_000)
  })
})

describe('Bounds', () => {
  it('lowers the short-term bounds by three tenths at most, and not below what was delivered', () => {
    const bounds = new Bounds()
    bounds.onSample(0, sample({ rate: 20, deliveredBytes: 500, priorDeliveredBytes: 0 }), 1000)
    bounds.noteLoss(1000)
    bounds.onSample(0, sample({ rate: 20, deliveredBytes: 500, priorDeliveredBytes: 1000 }), 2000)
    bounds.endRound(true, 100, 10_000)
    expect([bounds.shortRate, bounds.shortBytes]).toEqual([70, 7_000])
    bounds.noteLoss(2000)
    bounds.undoLoss()
    expect(bounds.shortRate).toBe(70)
    bounds.resetShort()
    expect(bounds.shortBytes).toBe(Number.POSITIVE_INFINITY)
  })

  it('keeps what the path delivered after a probe, however slowly was sent', () => {
    const bounds = new Bounds()
    bounds.resetRound(1_000, 50_000)
    bounds.noteLoss(50_000)
    bounds.onSample(1_040, sample({ rate: 80, deliveredBytes: 3_200, priorDeliveredBytes: 50_000 }), 53_600)
    bounds.endRound(true, 100, 10_000)
    expect(bounds.shortRate).toBe(3_600 / 40)
    bounds.noteLoss(53_600)
    bounds.onSample(1_080, sample({ rate: 80, deliveredBytes: 3_200, priorDeliveredBytes: 53_600 }), 56_400)
    bounds.endRound(true, 100, 10_000)
    expect(bounds.shortRate).toBe(80)
  })

  it('takes back what an episode of late datagrams has lowered', () => {
    const bounds = new Bounds()
    bounds.noteLoss(0)
    bounds.onSample(0, sample({ priorDeliveredBytes: 0 }), 10)
    bounds.endRound(true, 100, 10_000)
    bounds.longBytes = 5
    bounds.undoLoss()
    expect([bounds.shortRate, bounds.longBytes]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
  })

  it('raises the long-term bound twice as fast each round', () => {
    const bounds = new Bounds()
    bounds.longBytes = 100_000
    bounds.startUp(1_000, 100_000)
    const growth = [0, 1, 2, 3].map(() => {
      const before = bounds.longBytes
      for (let acked = 0; acked < 100; acked += 1) bounds.probeUp(1_000)
      bounds.raiseSlope(1_000, 100_000)
      return bounds.longBytes - before
    })
    expect(growth).toEqual([1_000, 2_000, 4_000, 8_000])
  })

  it('keeps nine tenths of a flight that lost too much, and more of one that the path hardly holds', () => {
    const bounds = new Bounds()
    const lowered = (flight: number): number => {
      bounds.lowerLong(flight, 100_000)
      return bounds.longBytes
    }
    expect([200_000, 130_000, 110_000, 50_000].map(lowered)).toEqual([180_000, 120_000, 104_500, 70_000])
  })

  it('leaves room for others', () => {
    const sizes = { datagramBytes: 1_000, leastBytes: 4_000 }
    const bounds = new Bounds()
    expect(bounds.withHeadroom(sizes, 90_000)).toBe(Number.POSITIVE_INFINITY)
    bounds.longBytes = 100_000
    expect(bounds.withHeadroom(sizes, 90_000)).toBe(90_000)
    // Of a queue, half.
    expect(bounds.withHeadroom(sizes, 40_000)).toBe(70_000)
    bounds.longBytes = 4_500
    expect(bounds.withHeadroom(sizes, 4_500)).toBe(4_000)
  })
})

describe('when BBR probes', () => {
  it('is after two to three seconds, or after few rounds with few datagrams', () => {
    const cycle = new ProbeCycle(() => 0.5)
    cycle.start(0)
    // The first time soon: startup knows little.
    expect([cycle.isDue(625, 1000), cycle.isDue(626, 1000)]).toEqual([false, true])
    cycle.start(0)
    expect([cycle.isDue(2_500, 1000), cycle.isDue(2_501, 1000)]).toEqual([false, true])
    for (let round = 0; round < 9; round += 1) cycle.onRound()
    expect([cycle.isDue(0, 10), cycle.isDue(0, 11)]).toEqual([true, false])
    for (let round = 0; round < 53; round += 1) cycle.onRound()
    expect(cycle.isDue(0, 100_000)).toBe(true)
  })

  it('holds the flight down for 200 ms and a round', () => {
    const probe = new RttProbe()
    probe.start(40)
    expect(probe.hold(0, false, true)).toBe(false)
    expect(probe.isOver(1_000)).toBe(false)
    expect(probe.hold(10, true, false)).toBe(true)
    expect([probe.isRoundOver, probe.isOver(209), probe.isOver(210)]).toEqual([false, false, true])
    probe.hold(300, true, true)
    expect(probe.isRoundOver).toBe(true)
  })

  it.each([
    { of: 'no longer than a round where there is no queue', minRttMs: 39.5, isOver: true },
    { of: 'as long as ever where the path turns out to be shorter', minRttMs: 38.7, isOver: false },
  ])('holds it down $of', ({ minRttMs, isOver }) => {
    const probe = new RttProbe()
    probe.start(40)
    probe.onEmpty(5, 40)
    probe.hold(10, true, false)
    probe.onEmpty(20, minRttMs)
    expect(probe.isOver(20)).toBe(false)
    probe.hold(60, true, true)
    probe.onEmpty(60, minRttMs)
    expect(probe.isOver(60)).toBe(isOver)
  })
})
