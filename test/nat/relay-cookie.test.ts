/**
 * The cookie of a relay, asked for before there is a leg.
 */
import { VTransmitBatch } from '@vio/io'
import { isRelayControl, VRelayClient } from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { natCrypto } from './lib/nat-crypto.js'
import { RelayWorld, SOURCES } from './lib/relay-world.js'
import { SimSide } from './lib/sim-side.js'

describe('a cookie that is asked for before there is a leg', () => {
  /** A socket that has asked, and the party that it becomes. */
  function asked(): { relay: RelayWorld; client: VRelayClient; poke: () => void; told: string[] } {
    const relay = new RelayWorld()
    const side = new SimSide(relay.world, relay.host(SOURCES[0]))
    const client = new VRelayClient({ relay: relay.peer }, natCrypto)
    const told: string[] = []
    const { poke } = side.attach({
      machine: client,
      port: side.open(),
      takes: isRelayControl,
      onEvent: (_now, { type }) => told.push(type),
    })
    client.ask(0, new VSeededRandom(4))
    poke()
    return { relay, client, poke, told }
  }

  it('lets the first BIND be taken: one round trip in place of two', () => {
    const { relay, client, poke, told } = asked()
    relay.world.advance(100)
    const [leg] = relay.legs()
    client.bind(relay.world.now, leg)
    poke()
    expect([client.isOnItsWay, told]).toEqual([true, ['binding']])
    relay.world.advance(40)
    expect(told).toEqual(['binding', 'bound'])
  })

  it('is used as soon as it comes, if the leg is there first', () => {
    const { relay, client, poke, told } = asked()
    const [leg] = relay.legs()
    client.bind(relay.world.now, leg)
    poke()
    expect([client.isOnItsWay, told]).toEqual([false, []])
    relay.world.advance(80)
    expect(told).toEqual(['binding', 'bound'])
  })

  it('is kept fresh for ten minutes', () => {
    const { relay, client, poke, told } = asked()
    relay.world.advance(600_000)
    const [leg] = relay.legs()
    client.bind(relay.world.now, leg)
    poke()
    relay.world.advance(40)
    expect(told).toEqual(['binding', 'bound'])
  })

  it('is of the address that asked: another one is challenged', () => {
    const { relay, client } = asked()
    relay.world.advance(100)
    const [leg] = relay.legs()
    client.bind(relay.world.now, leg)
    const batch = new VTransmitBatch(Buffer.alloc(2_000))
    expect(client.pollTransmit(relay.world.now, batch)).toBe(true)
    const bind = Buffer.from(batch.buffer.subarray(batch.start, batch.end))
    relay.server.handleDatagram(relay.world.now, relay.world.network.peer(SOURCES[1], 9), bind)
    batch.clear()
    expect(relay.server.pollTransmit(relay.world.now, batch)).toBe(true)
    expect([batch.buffer[batch.start], batch.end - batch.start < bind.length]).toEqual([0xa1, true])
  })

  it('costs no more bytes than the question had, and a source is given twenty a second', () => {
    const relay = new RelayWorld()
    const ask = Buffer.concat([Buffer.of(0xa4), Buffer.alloc(8, 1), Buffer.alloc(16)])
    const batch = new VTransmitBatch(Buffer.alloc(2_000))
    const answers = (): number => {
      let count = 0
      for (; relay.server.pollTransmit(0, batch); count += 1) {
        expect(batch.end - batch.start).toBeLessThanOrEqual(ask.length)
        batch.clear()
      }
      return count
    }
    const flood = (now: number): void => {
      for (let port = 1; port <= 500; port += 1)
        relay.server.handleDatagram(now, relay.world.network.peer(SOURCES[0], port), ask)
    }
    flood(0)
    expect(answers()).toBe(60)
    flood(1_000)
    expect(answers()).toBe(20)
  })
})
