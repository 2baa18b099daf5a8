/**
 * Transports in a simulated world: much both ways over links that do all that links do.
 */
import { VByteBuffer, VFIOCompleted } from '@vio/io'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VUDPTransport, type VUDPVersion } from '@vio/vudp'
import { type LinkOptions, SimDatagramPort, SimWorld } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'
import { SECRET_A, SECRET_B } from './rigs.js'

const PIECE = 100_000

interface Flow {
  readonly checker: VPatternChecker
  readonly sink: VProbeConsumer
}

interface Sides {
  readonly world: SimWorld
  readonly ports: readonly [SimDatagramPort, SimDatagramPort]
  make(index: 0 | 1): VUDPTransport
}

function sides(version: VUDPVersion, seed: number, link: LinkOptions): Sides {
  const world = new SimWorld({
    seed,
    scenario: 'transfer',
    traced: false,
    file: 'test/vudp/driver/transfer.test.ts',
  })
  const ports = [1, 2].map((index) => {
    const host = world.network.host({ address: `10.0.0.${index}`, up: { ...link } })
    return new SimDatagramPort(world, { host })
  }) as unknown as readonly [SimDatagramPort, SimDatagramPort]
  return {
    world,
    ports,
    make: (index) =>
      new VUDPTransport(world.reactor, {
        version,
        socket: ports[index],
        peer: ports[index === 0 ? 1 : 0].localPeer,
        secret: index === 0 ? SECRET_A : SECRET_B,
        peerSecret: index === 0 ? SECRET_B : SECRET_A,
      }),
  }
}

/** Sends a pattern through a transport and checks the one that comes. */
function flow(
  transport: VUDPTransport,
  world: SimWorld,
  seeds: readonly [number, number],
  total: number,
): Flow {
  const [own, other] = seeds.map((seed) => new VBytePattern(seed)) as [VBytePattern, VBytePattern]
  const checker = new VPatternChecker(other)
  const source = new VProbeProducer({ reactor: world.reactor })
  const sink = new VProbeConsumer({
    grantAtAttach: null,
    hooks: { received: () => checker.feed(sink.received.pop()) },
  })
  transport.byteConsume.attach(source)
  transport.byteProduce.attach(sink)
  let fed = 0
  const feed = (): void => {
    while (fed < total && source.queue.length < PIECE) {
      const size = Math.min(PIECE, total - fed)
      source.feed(new VByteBuffer(own.take(size, fed)))
      fed += size
    }
    if (fed === total) source.end()
  }
  world.every(20, () => {
    feed()
    return fed < total
  })
  return { checker, sink }
}

const LINKS: readonly [string, LinkOptions][] = [
  ['nothing lost', { delayMs: 10 }],
  ['5 % lost', { delayMs: 10, loss: 0.05 }],
  ['20 % lost', { delayMs: 10, loss: 0.2 }],
  ['reordering', { delayMs: 10, reorder: { rate: 0.05, by: 5 } }],
  ['a tenth doubled', { delayMs: 10, duplicate: 0.1 }],
]

async function bothWays(version: VUDPVersion, link: LinkOptions, total: number): Promise<void> {
  const { world, make } = sides(version, 3, link)
  const [a, b] = [make(0), make(1)]
  const flows = [flow(a, world, [1, 2], total), flow(b, world, [2, 1], total)]
  world.runUntil(() => flows.every(({ sink }) => sink.ended !== null), { withinMs: 4 * 3_600_000 })
  for (const { checker, sink } of flows) {
    expect(checker.position).toBe(total)
    expect(sink.ended?.clean).toBe(true)
  }
  world.advance(60_000)
  expect(await a.whenClosed).toBeInstanceOf(VFIOCompleted)
  expect(await b.whenClosed).toBeInstanceOf(VFIOCompleted)
  expect(world.host.alarmAt).toBe(Number.POSITIVE_INFINITY)
}

describe('both ways', () => {
  it.each(LINKS)('5 MB over vut/1 with %s [VE-114]', (_name, link) => bothWays('vut/1', link, 5_000_000))

  it.each(LINKS)('1 MB over vut/0.8 with %s', (_name, link) => bothWays('vut/0.8', link, 1_000_000))
})

describe.each(['vut/1', 'vut/0.8'] as const)('a transport of %s', (version) => {
  it('begins also when one side starts long after the other [VE-115]', () => {
    const { world, make } = sides(version, 5, { delayMs: 20 })
    const a = make(0)
    world.advance(7000)
    const b = make(1)
    world.runUntil(() => a.wasConnected && b.wasConnected, { withinMs: 8000 })
    const [here, there] = [flow(a, world, [1, 2], 1000), flow(b, world, [2, 1], 1000)]
    world.runUntil(() => here.sink.ended !== null && there.sink.ended !== null)
    expect([here.checker.position, there.checker.position]).toEqual([1000, 1000])
  })
})
