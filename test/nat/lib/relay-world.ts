/**
 * A relay in a simulated world, and hosts around it.
 */
import type { VIPSocketPeer } from '@vio/io'
import { type VRelayLeg, type VRelayLimits, VRelayServer } from '@vio/nat'
import { VSeededRandom } from '@vio/reactor/testing'
import { type SimHost, SimWorld } from '@vio/vudp/testing'
import { natCrypto } from './nat-crypto.js'
import { SimSide } from './sim-side.js'

export const RELAY = { host: '203.0.113.10', port: 3478 }
export const SOURCES = ['198.51.100.1', '198.51.100.2'] as const

/** A relay, and hosts around it. */
export class RelayWorld {
  readonly world = new SimWorld({ seed: 3, scenario: 'relay', traced: false })
  readonly server: VRelayServer
  readonly side: SimSide
  poke: () => void = () => {}

  constructor(limits: VRelayLimits = {}) {
    this.server = new VRelayServer(limits, natCrypto, new VSeededRandom(9))
    this.side = new SimSide(this.world, this.host(RELAY.host))
    this.poke = this.side.attach({ machine: this.server, port: this.side.open(RELAY.port) }).poke
  }

  host(address: string): SimHost {
    const link = { delayMs: 10 }
    return this.world.network.host({ address, up: link, down: link })
  }

  get peer(): VIPSocketPeer {
    return this.world.network.peer(RELAY.host, RELAY.port)
  }

  legs(sources: readonly [string, string] = SOURCES): readonly [VRelayLeg, VRelayLeg] {
    const legs = this.server.openPair(this.world.now, sources, RELAY)
    if (legs === null) throw new Error('no pair was opened')
    this.poke()
    return legs
  }
}
