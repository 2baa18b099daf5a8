/**
 * What is told of the path of a connection, and when a path counts as lost; the connection is played.
 */
import { VIPSocketPeer } from '@vio/io'
import { VLanePeers } from '@vio/nat'
import { VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import { PathKeeper, type PathKeeperOptions } from '../../../packages/nat/src/driver/path-keeper.js'

const DIRECT = new VIPSocketPeer('198.51.100.7', 4000, { socketType: 'dgram' })
const RELAY = new VIPSocketPeer('203.0.113.10', 3478, { socketType: 'dgram' })

class Played {
  readonly host = new VirtualHost()
  readonly told: string[] = []
  readonly whys: (string | undefined)[] = []
  losses = 0
  via: 'udp' | 'stream' = 'udp'
  rttMs = 20
  obstacle = ''
  readonly keeper: PathKeeper
  #peer = DIRECT

  constructor() {
    const reactor = new VReactor({ host: this.host })
    reactor.start()
    const played = this
    const transport = {
      get peerAddress() {
        return played.#peer
      },
      stats: () => ({ smoothedRttMs: this.rttMs, inFlightAcked: 0 }),
      tryPath: () => false,
    }
    const relay = {
      relay: 'relay.example.org',
      name: RELAY,
      get via() {
        return played.via
      },
    }
    this.keeper = new PathKeeper({
      reactor,
      transport,
      relay,
      port: { isRelay: (name: VIPSocketPeer) => name.equals(RELAY) },
      names: new VLanePeers(),
      isInitiator: false,
      policy: 'auto',
      punching: () => ({ obstacle: played.obstacle, plan: null }),
      onPath: ({ path, why }: { path: string; why?: string }) => {
        this.told.push(path)
        this.whys.push(why)
      },
      onLost: () => {
        this.losses += 1
      },
    } as unknown as PathKeeperOptions)
  }

  goes(way: 'direct' | 'relay'): void {
    this.#peer = way === 'direct' ? DIRECT : RELAY
    this.keeper.pathChanged()
  }
}

describe('a path', () => {
  it('is told when it is another one, and not when the round trip alone is', () => {
    const played = new Played()
    played.keeper.connected()
    played.rttMs = 30
    played.goes('direct')
    expect(played.told).toEqual(['direct'])
    played.goes('relay')
    played.goes('relay')
    played.goes('direct')
    expect(played.told).toEqual(['direct', 'relay', 'direct'])
  })

  it('is not lost while the two sides agree on the first one', () => {
    const played = new Played()
    played.keeper.connected()
    played.host.advance(999)
    played.goes('relay')
    expect([played.losses, played.whys.at(-1)]).toEqual([0, 'no direct path was found yet'])
  })

  it('is lost once it had been direct for a while', () => {
    const played = new Played()
    played.keeper.connected()
    played.host.advance(1_000)
    played.goes('relay')
    expect([played.losses, played.whys.at(-1)]).toEqual([1, 'the direct path stopped answering'])
  })

  it('by the relay says what stands in the way, once more if that is known later', () => {
    const played = new Played()
    played.goes('relay')
    played.keeper.connected()
    played.keeper.reasonKnown()
    played.obstacle = 'both NATs are hard'
    played.keeper.reasonKnown()
    played.keeper.reasonKnown()
    expect(played.whys).toEqual(['no direct path was found yet', 'both NATs are hard'])
  })

  it('by the relay in a stream says that UDP does not get out', () => {
    const played = new Played()
    played.via = 'stream'
    played.goes('relay')
    played.keeper.connected()
    expect(played.whys).toEqual(['UDP does not get to the relay from here: let it out, or bytes go by TCP'])
  })
})
