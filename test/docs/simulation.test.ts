/**
 * The code of docs/testing.md about simulated networks, run.
 */
import { VNodeCrypto, VUDPConnection } from '@vio/vudp'
import { blackOut, SimOracle, SimPeer, SimWorld } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'

describe('docs/testing.md, simulated networks', () => {
  it('a transfer over a bad line', () => {
    // #region line
    const world = new SimWorld({ seed: 7, scenario: 'a bad line' })
    const line = { delayMs: 20, jitterMs: 5, loss: 0.05, rateMbit: 4 }
    const left = world.network.host({ address: '198.51.100.1', up: line })
    const right = world.network.host({ address: '203.0.113.9', up: line })
    blackOut(world, [left.up, right.up], 1_000, 2_000)

    const crypto = new VNodeCrypto()
    const [mine, yours] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const sender = new SimPeer(world, {
      host: left,
      port: 5000,
      side: 'a',
      script: { writeBytes: 500_000, finishes: true },
      engine: () => {
        const peer = world.network.peer('203.0.113.9', 5000)
        const options = { peer, secret: mine, peerSecret: yours }
        return new VUDPConnection(options, { crypto, random: world.random.fork('left') })
      },
    })
    const receiver = new SimPeer(world, {
      host: right,
      port: 5000,
      side: 'b',
      script: { finishes: true },
      engine: () => {
        const peer = world.network.peer('198.51.100.1', 5000)
        const options = { peer, secret: yours, peerSecret: mine }
        return new VUDPConnection(options, { crypto, random: world.random.fork('right') })
      },
    })
    const oracle = new SimOracle(world, sender, receiver) // looks at both after each step

    world.runUntil(() => sender.isDrained && receiver.isDrained, { withinMs: 60_000 })
    expect(receiver.main.received).toBe(500_000) // each byte compared
    oracle.checkEnd() // nothing armed, nothing in flight, the sums right
    oracle.checkClean()
    // #endregion line
  })

  it('a NAT that forgets', () => {
    // #region nat
    const world = new SimWorld({ seed: 1 })
    const { network } = world
    const home = network.natted({
      address: '198.51.100.1',
      mapping: 'address-dependent',
      mappingLifeMs: 30_000,
    })
    const inner = network.host({ address: '10.0.0.2', realm: home })
    const server = network.host({ address: '203.0.113.9' })
    const seen: string[] = []
    server.open(53, (_now, { from }) => seen.push(from.toString()))
    inner.send(world.now, 7000, network.peer('203.0.113.9', 53), Buffer.from('one'))
    world.settle()
    home.rebind()
    inner.send(world.now, 7000, network.peer('203.0.113.9', 53), Buffer.from('two'))
    world.settle()
    expect(seen).toEqual(['198.51.100.1:7000', '198.51.100.1:40000'])
    // #endregion nat
  })
})
