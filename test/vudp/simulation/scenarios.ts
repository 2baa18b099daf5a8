/**
 * The transport checklist: what can happen to a connection, each row by its name.
 *
 * A row makes its rig and says what happens and how it has to end; what holds after every one of them is the rig's.
 * Invariant: a row depends on the seed and the number of bytes alone.
 */
import { VFIOCompleted, VFIOLost } from '@vio/io'
import { blackOut, SimForger } from '@vio/vudp/testing'
import type { Rig, RigOptions } from './rig.js'
import { expectIdle, moveAway, watchAmplification, watchCorruption, watchIds } from './watches.js'

/** What a row is given: it makes a rig with what differs from the ordinary. */
export interface ScenarioTerms {
  readonly seed: number
  /** What side a has to send. */
  readonly bytes: number
  /** Makes the rig of this row. */
  readonly rig: (options?: Partial<RigOptions>) => Rig
}

/** One row. */
export interface Scenario {
  readonly name: string
  /** False where VUT 0.8 has nothing to show. By default true. */
  readonly v08?: boolean
  /** With how many seeds at least. */
  readonly leastSeeds?: number
  readonly run: (terms: ScenarioTerms) => void
}

const LINE = { delayMs: 20, rateMbit: 20 }
const NAT = { address: '198.51.100.7', mappingLifeMs: 60_000 }
const LOST = new VFIOLost()
const FORGER = '192.0.2.66'

/** The rate at which so many bytes take so long, in Mbit/s. */
function rateFor(bytes: number, seconds: number): number {
  return (bytes * 8) / seconds / 1e6
}

/** A line that is busy for so many seconds. */
function busyLine(bytes: number, seconds: number): NonNullable<RigOptions['link']> {
  return { delayMs: 20, rateMbit: rateFor(bytes, seconds), queueBytes: 60_000 }
}

/** A row that only changes the links. */
function overLinks(name: string, link: RigOptions['link'], withinMs = 600_000): Scenario {
  return { name, run: ({ rig }) => rig({ link: { ...LINE, ...link } }).finishClean(withinMs) }
}

/** A row in which somebody forges; `tricks` as the forger knows them. */
function withForger(name: string, options: Partial<ConstructorParameters<typeof SimForger>[1]>): Scenario {
  return {
    name,
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 3) })
      const host = rig.world.network.host({ address: FORGER, up: { delayMs: 5 } })
      const forger = new SimForger(rig.world, { host, watch: rig.links, ...options })
      watchAmplification(rig, forger, FORGER)
      rig.world.runUntil(() => rig.a.isDrained && rig.b.isDrained, { withinMs: 120_000 })
      forger.stop()
      rig.finishClean()
      rig.expect(forger.sent > 50, `the forger sent ${forger.sent} datagrams only`)
      const { sentBytes, receivedBytes } = forger.own
      rig.expect(receivedBytes <= 3 * sentBytes, `the forger got ${receivedBytes} bytes for ${sentBytes}`)
    },
  }
}

/** A row in which one side gives up at a moment: both must come to an unclean end soon. */
function aborted(name: string, when: (rig: Rig) => void, side: 'a' | 'b' = 'a'): Scenario {
  return {
    name: `abort ${name}`,
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 3) })
      when(rig)
      rig[side].do((engine) => engine.close(LOST))
      rig.finish(200_000)
      for (const each of [rig.a, rig.b]) {
        rig.expect(!(each.closed instanceof VFIOCompleted), `side ${each.side} says that it ended cleanly`)
      }
    },
  }
}

/** A row in which the address of a changes every five seconds. */
function rebound(name: string, change: (rig: Rig, count: number) => void, behindNat: boolean): Scenario {
  return {
    name,
    v08: false,
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 20), ...(behindNat ? { nat: NAT } : {}) })
      rig.connect()
      const ids = watchIds(rig, !behindNat)
      let count = 0
      rig.world.every(5_000, () => {
        if (rig.a.isDrained) return false
        if (count > 0) change(rig, count)
        count += 1
        return true
      })
      rig.finishClean(300_000)
      const { migrations } = rig.b.engine.stats()
      rig.expect(migrations >= 3, `only ${migrations} migrations in ${rig.world.now} ms`)
      // A NAT that changes its mind uses up none.
      rig.expect(!behindNat || ids.size === 2, `${ids.size} ids were used`)
    },
  }
}

const TRANSFERS: readonly Scenario[] = [
  overLinks('transfer with nothing lost', {}),
  overLinks('transfer with 2 % lost', { loss: 0.02 }),
  overLinks('transfer with 10 % lost', { loss: 0.1 }),
  overLinks('transfer with losses in bursts', { burst: { rate: 0.03, length: 8 } }),
  {
    name: 'transfer with 2 % corrupted',
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: { ...LINE, corrupt: 0.02 } })
      const watched = watchCorruption(rig)
      rig.finishClean(600_000)
      const { seen, counted } = watched
      rig.expect(seen > 0 || bytes < 1_000_000, 'no corrupted datagram has arrived')
      rig.expect(counted >= seen / 2, `${counted} of ${seen} corrupted datagrams were counted`)
    },
  },
  overLinks('transfer with reordering of 3', { reorder: { rate: 0.05, by: 3 } }),
  overLinks('transfer with reordering of 30', { reorder: { rate: 0.02, by: 30 } }),
  overLinks('transfer with 10 % doubled', { duplicate: 0.1 }),
  overLinks('transfer with jitter', { jitterMs: 15 }),
  overLinks('transfer over 750 ms one way', { delayMs: 750 }),
  overLinks('transfer with everything at once', {
    loss: 0.02,
    corrupt: 0.005,
    duplicate: 0.02,
    jitterMs: 5,
    reorder: { rate: 0.02, by: 5 },
  }),
]

const HANDSHAKES: readonly Scenario[] = [
  {
    name: 'handshake with 30 % lost each way',
    leastSeeds: 50,
    run: ({ rig: make }) => {
      const rig = make({ link: { ...LINE, loss: 0.3 } })
      rig.connect(15_000)
      for (const link of rig.links) link.change({ loss: 0 })
      rig.finishClean()
    },
  },
  {
    name: 'handshake behind a NAT',
    run: ({ rig: make }) => {
      make({ nat: NAT, link: LINE }).finishClean()
    },
  },
  {
    name: 'handshake between two NATs that let in only who was sent to',
    v08: false,
    run: ({ rig: make }) => {
      make({ nat: NAT, natB: { address: '203.0.113.77' }, link: LINE }).finishClean()
    },
  },
  {
    name: 'handshake with a side that begins 5 s later',
    run: ({ seed, rig: make }) => {
      make({ link: LINE, ...(seed % 2 === 0 ? { startA: 5_000 } : { startB: 5_000 }) }).finishClean()
    },
  },
]

const OUTAGES: readonly Scenario[] = [
  {
    name: 'black-out of 2 s',
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 4) })
      blackOut(rig.world, rig.links, 1_500, 2_000)
      rig.finishClean(300_000)
    },
  },
  {
    name: 'black-out of 20 s',
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 4) })
      blackOut(rig.world, rig.links, 1_500, 20_000)
      rig.finishClean(300_000)
    },
  },
  {
    name: 'black-out in one direction',
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 4) })
      blackOut(rig.world, [rig.hostB.up], 1_500, 4_000)
      rig.finishClean(300_000)
    },
  },
  {
    name: 'peer that vanishes',
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 4) })
      rig.world.after(1_500, () => rig.b.vanish())
      rig.world.runUntil(() => rig.a.isDrained, { withinMs: 400_000, what: 'the end of side a' })
      expectIdle(rig, rig.a)
      rig.expect(!rig.a.isArmed, 'side a has a timer armed')
      const { inFlightNow, bytesInFlight } = rig.a.engine.stats()
      rig.expect(inFlightNow === 0 && bytesInFlight === 0, `${inFlightNow} datagrams are in flight`)
    },
  },
]

const PATHS: readonly Scenario[] = [
  rebound('rebinding of the port every 5 s', (rig) => rig.realmA.rebind(), true),
  rebound(
    'rebinding of the address every 5 s',
    (rig, count) => rig.realmA.rebind(`198.51.100.${100 + (count % 100)}`),
    true,
  ),
  rebound('local address that changes every 5 s', (rig) => rig.a.move(), false),
  {
    name: 'MTU of 1280 behind one of 1500',
    v08: false,
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: { ...busyLine(bytes, 3), mtuBytes: 1252 } })
      rig.finishClean(120_000)
      const { datagramBytes } = rig.a.engine.stats()
      rig.expect(datagramBytes >= 1200 && datagramBytes <= 1252, `datagrams of ${datagramBytes} bytes`)
    },
  },
  {
    name: 'MTU that falls in the middle',
    v08: false,
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: { ...busyLine(bytes, 6), mtuBytes: 1472 } })
      rig.world.after(3_000, () => {
        const found = rig.a.engine.stats().datagramBytes
        rig.expect(found === 1472, `the search had found ${found} bytes`)
        for (const link of rig.links) link.change({ mtuBytes: 1252 })
      })
      rig.finishClean(120_000)
      const { datagramBytes } = rig.a.engine.stats()
      rig.expect(datagramBytes <= 1252, `datagrams of ${datagramBytes} bytes`)
    },
  },
  {
    name: 'black hole for large datagrams in one direction',
    v08: false,
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 6) })
      rig.world.after(2_000, () => rig.hostA.up.change({ mtuBytes: 1200 }))
      rig.finishClean(120_000)
      const { datagramBytes } = rig.a.engine.stats()
      rig.expect(datagramBytes === 1200, `datagrams of ${datagramBytes} bytes`)
    },
  },
]

const FORGERS: readonly Scenario[] = [
  {
    name: 'forger who is faster than the line',
    v08: false,
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 3) })
      const forged = moveAway(rig, FORGER, 250)
      rig.finishClean(120_000)
      const most = Math.max(...forged.map(({ gotBytes, sentBytes }) => gotBytes / sentBytes))
      rig.expect(
        forged.length > 5 && most > 2,
        `${forged.length} addresses got ${most} times as much at most`,
      )
    },
  },
  withForger('forger who does everything', {}),
  withForger('forger who replays', { tricks: ['replay'] }),
  withForger('forger who truncates', { tricks: ['truncate'] }),
  withForger('forger who flips', { tricks: ['flip'] }),
  withForger('forger who floods', { tricks: ['flood'], intervalMs: 1 }),
  withForger('forger who wants amplification', {
    tricks: ['replay', 'truncate'],
    spoofs: false,
    intervalMs: 1,
  }),
]

const READERS: readonly Scenario[] = [
  {
    name: 'zero window for 10 s',
    run: ({ rig: make }) => {
      const rig = make({ link: LINE, scriptB: { readBytes: 0 } })
      rig.world.after(10_000, () => rig.b.do({ readBytes: Number.POSITIVE_INFINITY }))
      rig.finishClean(300_000)
    },
  },
  {
    name: 'slow reader',
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: LINE, scriptB: { readBytes: 0 } })
      rig.world.every(100, () => {
        rig.b.do({ readBytes: rig.b.main.script.readBytes + Math.ceil(bytes / 100) })
        return rig.b.main.script.readBytes < bytes
      })
      rig.world.after(11_000, () => rig.b.do({ readBytes: Number.POSITIVE_INFINITY }))
      rig.finishClean(300_000)
    },
  },
]

const ENDS: readonly Scenario[] = [
  {
    name: 'both finish at once',
    run: ({ rig: make }) => {
      const rig = make({
        link: LINE,
        scriptA: { finishes: false },
        scriptB: { finishes: false, writeBytes: 0 },
      })
      rig.world.runUntil(() => rig.b.main.received === rig.bytes, { withinMs: 300_000 })
      for (const side of [rig.a, rig.b]) side.do({ finishes: true })
      rig.finishClean()
    },
  },
  {
    name: 'both close at once',
    run: ({ rig: make }) => {
      const rig = make({ link: LINE, scriptA: { finishes: false }, scriptB: { finishes: false } })
      rig.world.runUntil(
        () => rig.b.main.received === rig.bytes && rig.a.main.received === rig.b.main.written,
        {
          withinMs: 300_000,
        },
      )
      for (const side of [rig.a, rig.b]) side.do((engine) => engine.close(new VFIOCompleted()))
      rig.finishClean()
    },
  },
  {
    name: 'both close at once in the middle of the transfer',
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 3) })
      rig.world.advance(1_500)
      for (const side of [rig.a, rig.b]) side.do((engine) => engine.close(new VFIOCompleted()))
      rig.finish(300_000)
      // Who closes reads no more: then the other one has lost bytes, and must not be told that all is well.
      const wasLost = rig.b.main.received < rig.a.main.written
      rig.expect(!wasLost || !(rig.a.closed instanceof VFIOCompleted), 'side a lost bytes and ended cleanly')
    },
  },
  {
    name: 'half-close of a first',
    run: ({ rig: make }) => {
      const rig = make({ link: LINE, scriptB: { finishes: false } })
      rig.world.runUntil(() => rig.b.main.isInputOver, { withinMs: 300_000 })
      rig.world.advance(3_000)
      rig.b.do({ writeBytes: rig.bytes, finishes: true })
      rig.finishClean(300_000)
    },
  },
  {
    name: 'half-close of b first',
    run: ({ rig: make }) => {
      const rig = make({ link: LINE, scriptA: { finishes: false, writeBytes: 1 } })
      rig.world.runUntil(() => rig.a.main.isInputOver, { withinMs: 300_000 })
      rig.world.advance(3_000)
      rig.a.do({ writeBytes: rig.bytes, finishes: true })
      rig.finishClean(300_000)
    },
  },
  aborted('before the handshake', (rig) => rig.world.settle()),
  aborted('in the handshake', (rig) => rig.world.advance(25)),
  aborted('by the responder in the handshake', (rig) => rig.world.advance(45), 'b'),
  aborted('right after the handshake', (rig) => rig.connect()),
  aborted('in the middle of the transfer', (rig) => rig.world.advance(1_500)),
  aborted('by the receiver in the middle of the transfer', (rig) => rig.world.advance(1_500), 'b'),
  {
    // With 10 MB 200,000 bytes are on the way at once; where all have left, the other side may end cleanly.
    ...aborted('with all written and not all sent', ({ world, a }) => {
      world.runUntil(() => a.main.isFinished && a.main.stream.unflushedBytes < 400_000)
    }),
    v08: false,
  },
  {
    name: 'abort after a clean end',
    run: ({ rig: make }) => {
      const rig = make({ link: LINE })
      rig.world.runUntil(() => rig.a.closed !== null || rig.b.closed !== null, { withinMs: 300_000 })
      for (const side of [rig.a, rig.b]) side.do((engine) => engine.closed !== null && engine.close(LOST))
      rig.finishClean()
    },
  },
]

const REST: readonly Scenario[] = [
  {
    name: 'key update under loss',
    v08: false,
    run: ({ rig: make }) => {
      const rig = make({ link: { ...LINE, loss: 0.05 }, options: { datagramsPerKey: 40 } })
      rig.finishClean(300_000)
      const { keyUpdates } = rig.a.engine.stats()
      rig.expect(keyUpdates >= 3, `only ${keyUpdates} key updates`)
    },
  },
  {
    name: '1,999 streams',
    v08: false,
    run: ({ bytes, rig: make }) => {
      const rig = make({
        link: LINE,
        options: { maxStreams: 2_000 },
        bytes: 1_000,
        scriptB: { writeBytes: 100 },
      })
      rig.connect()
      const each = Math.ceil(bytes / 2_000)
      for (let count = 0; count < 1_999; count += 1) {
        const opened = rig.a.openStream({ writeBytes: each, finishes: true })
        rig.expect(opened !== undefined, `the stream number ${count} was refused`)
      }
      rig.finishClean(300_000)
      rig.expect(rig.b.streams.size === 2_000, `side b has seen ${rig.b.streams.size} streams`)
    },
  },
  {
    name: 'silence that ends with idle',
    v08: false,
    run: ({ rig: make }) => {
      const unfinished = { finishes: false }
      const options = { keepAliveMs: Number.POSITIVE_INFINITY, idleTimeoutMs: 30_000 }
      const rig = make({ link: LINE, options, scriptA: unfinished, scriptB: unfinished })
      rig.finish(40_000)
      rig.expect(rig.b.main.received === rig.bytes, `side b got ${rig.b.main.received} bytes`)
      expectIdle(rig, rig.a, rig.b)
    },
  },
  {
    name: 'silence that keep-alive bridges',
    v08: false,
    run: ({ rig: make }) => {
      const nat = { ...NAT, mappingLifeMs: 30_000 }
      const rig = make({ link: LINE, nat, scriptA: { finishes: false }, scriptB: { finishes: false } })
      rig.world.advance(600_000)
      for (const side of [rig.a, rig.b]) rig.expect(side.closed === null, `side ${side.side} is closed`)
      for (const side of [rig.a, rig.b]) side.do({ finishes: true })
      rig.finishClean()
    },
  },
  {
    name: 'time that stands still for 20 s',
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 4) })
      rig.world.advance(1_500)
      rig.world.standStill(20_000)
      rig.finishClean(300_000)
    },
  },
  {
    name: 'one side that stands still for 20 s',
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 4) })
      rig.world.after(1_500, () => rig.b.suspend(20_000))
      rig.finishClean(300_000)
    },
  },
  {
    name: 'one side that stands still for an hour',
    v08: false,
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 4) })
      rig.world.advance(1_500)
      rig.a.suspend(3_600_000)
      rig.world.advance(3_599_000)
      const before = rig.a.counts.timeouts + rig.a.counts.sent
      rig.finish(60_000)
      const more = rig.a.counts.timeouts + rig.a.counts.sent - before
      rig.expect(more < 50, `side a did ${more} things after an hour of standing still`)
      expectIdle(rig, rig.a, rig.b)
    },
  },
  {
    name: 'time that stands still for an hour',
    v08: false,
    run: ({ bytes, rig: make }) => {
      const rig = make({ link: busyLine(bytes, 4) })
      rig.world.advance(1_500)
      const before = rig.a.counts.timeouts + rig.b.counts.timeouts
      rig.world.standStill(3_600_000)
      rig.finish(60_000)
      const more = rig.a.counts.timeouts + rig.b.counts.timeouts - before
      rig.expect(more < 20, `${more} timers ran after an hour of standing still`)
      expectIdle(rig, rig.a, rig.b)
    },
  },
]

/** The whole checklist. */
export const SCENARIOS: readonly Scenario[] = [
  [...HANDSHAKES, ...TRANSFERS, ...OUTAGES, ...PATHS],
  [...FORGERS, ...READERS, ...ENDS, ...REST],
].flat()
