/**
 * The relay handshake of VUT 0.8 as a whole: a small relay, two parties behind NATs, and a connection on the same sockets.
 */
import type { VIPSocketPeer } from '@vio/io'
import {
  type VUDPApproveRequest,
  VUDPRelayedApprover,
  VUDPRelayedConnecter,
  type VUDPRelayedEvent,
} from '@vio/nat'
import type { IVMachine } from '@vio/vudp'
import { type NatOptions, SimWorld } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'
import { VUDPConnection } from '../../../packages/vudp/src/proto/connection.js'
import type { IVUDPEngine, VUDPEvent } from '../../../packages/vudp/src/proto/engine.js'
import { V08Connection } from '../../../packages/vudp/src/proto/v08/connection.js'
import { seeds } from '../../lib/runs.js'
import { natCrypto } from '../lib/nat-crypto.js'
import { SimSide } from '../lib/sim-side.js'

type Version = 'vut/0.8' | 'vut/1'

const RELAY = { host: '203.0.113.10', port: 4000 }
const HOME: Omit<NatOptions, 'address'> = { filtering: 'address-and-port-dependent', ports: 'random' }

class Approver extends VUDPRelayedApprover {
  protected override handleApprove({ path }: VUDPApproveRequest): boolean {
    return path[0] === 'files'
  }
}

/** A party: its connecter, and the connection that it ends in. */
class Party {
  readonly side: SimSide
  readonly port: number
  readonly token: Buffer
  connectedTo: VIPSocketPeer | undefined
  failed: Error | undefined
  readonly sentTo = new Set<string>()
  readonly #world: SimWorld

  constructor(world: SimWorld, number: number, token: Buffer) {
    const realm = world.network.natted({ ...HOME, address: `198.51.100.${number}` })
    const link = { delayMs: 20 }
    this.#world = world
    this.side = new SimSide(
      world,
      world.network.host({ address: '192.168.1.2', realm, up: link, down: link }),
    )
    this.side.host.up.tap((_now, { to }) => this.sentTo.add(String(to)))
    this.port = this.side.open()
    this.token = token
  }

  run(connecter: VUDPRelayedConnecter, version: Version): () => void {
    const attached = this.side.attach<VUDPRelayedEvent>({
      machine: connecter,
      port: this.port,
      takes: () => false,
      onEvent: (_now, event) => {
        if (event.type === 'failed') this.failed = event.error
        if (event.type === 'linked') this.#connect(event, version)
      },
    })
    attached.poke()
    return attached.poke
  }

  #connect(linked: Extract<VUDPRelayedEvent, { type: 'linked' }>, version: Version): void {
    const { peer, secret, peerSecret } = linked
    const options = { peer, secret, peerSecret }
    const random = this.#world.random.fork(`engine ${this.token[0]}`)
    const engine: IVUDPEngine =
      version === 'vut/1'
        ? new VUDPConnection(options, { crypto: natCrypto, random })
        : new V08Connection(options, natCrypto)
    const attached = this.side.attach<VUDPEvent>({
      machine: engine as IVMachine<VUDPEvent>,
      port: this.port,
      onEvent: (_now, event) => {
        if (event.type === 'connected') this.connectedTo = event.peer
      },
    })
    attached.poke()
  }
}

/** The relay: it reads tokens and tells both parties what it saw, over a control link that takes 30 ms. */
function relay(
  world: SimWorld,
  legs: readonly { tokens: Buffer; connecter: VUDPRelayedConnecter; poke: () => void }[],
): void {
  const host = world.network.host({ address: RELAY.host })
  const seen = new Map<number, VIPSocketPeer>()
  const control = (call: () => void) => world.after(30, call)
  host.open(RELAY.port, (_now, { from, bytes }) => {
    const at = legs.findIndex(({ tokens }) => tokens.equals(bytes))
    const leg = legs[at]
    if (leg === undefined || seen.has(at)) return
    seen.set(at, from)
    control(() => {
      leg.connecter.confirmUDP(from.host, from.port)
      leg.poke()
    })
    if (seen.size < legs.length) return
    const secrets = [Buffer.alloc(32, 7), Buffer.alloc(32, 8)] as const
    for (const [index, each] of legs.entries()) {
      const other = seen.get(1 - index) as VIPSocketPeer
      const [secret, peerSecret] = index === 0 ? secrets : [secrets[1], secrets[0]]
      control(() => {
        each.connecter.linkToPeer({ host: other.host, port: other.port, secret, peerSecret })
        each.poke()
      })
    }
  })
}

interface Met {
  readonly world: SimWorld
  readonly client: Party
  readonly provider: Party
}

function meet(seed: number, version: Version, downMs = 0): Met {
  const world = new SimWorld({
    seed,
    scenario: `tokens ${version}`,
    file: 'test/nat/simulation/token.test.ts',
  })
  const [client, provider] = [
    new Party(world, 1, Buffer.alloc(32, 1)),
    new Party(world, 2, Buffer.alloc(32, 2)),
  ]
  client.side.host.up.setDown(downMs > 0)
  provider.side.host.up.setDown(downMs === Number.POSITIVE_INFINITY)
  if (downMs > 0) world.after(downMs, () => client.side.host.up.setDown(false))
  const remoteToken = Buffer.alloc(32, 9)
  const approver = new Approver((token) => token.set(provider.token))
  const approval = approver.approve(world.now, { path: ['files'], ...RELAY, remoteToken })
  if (approval === undefined) throw new Error('it was not approved')
  const connecter = new VUDPRelayedConnecter()
  connecter.connectUDP(world.now, { ...RELAY, localToken: client.token, remoteToken })
  relay(world, [
    { tokens: Buffer.concat([client.token, remoteToken]), connecter, poke: client.run(connecter, version) },
    {
      tokens: Buffer.concat([approval.localToken, remoteToken]),
      connecter: approval.connecter,
      poke: provider.run(approval.connecter, version),
    },
  ])
  return { world, client, provider }
}

describe.each(['vut/0.8', 'vut/1'] as const)('tokens over UDP, then %s', (version) => {
  it.each(seeds(3))('ends in a connection between both NATs, seed %i', (seed) => {
    const { world, client, provider } = meet(seed, version)
    world.runUntil(() => client.connectedTo !== undefined && provider.connectedTo !== undefined, {
      withinMs: 20_000,
    })
    expect([client.connectedTo?.host, provider.connectedTo?.host]).toEqual(['198.51.100.2', '198.51.100.1'])
    expect([...client.sentTo].map((to) => to.split(':')[0])).toEqual([RELAY.host, '198.51.100.2'])
  })

  it('goes on when the first tokens are lost', () => {
    const { world, client, provider } = meet(1, version, 2_000)
    world.advance(3_000)
    expect(client.connectedTo).toBeUndefined()
    world.runUntil(() => client.connectedTo !== undefined && provider.connectedTo !== undefined, {
      withinMs: 20_000,
    })
  })
})

describe('a relay that is not there', () => {
  it('is given up after 30 s, on both sides', () => {
    const { world, client, provider } = meet(1, 'vut/1', Number.POSITIVE_INFINITY)
    world.advance(29_999)
    expect([client.failed, provider.failed]).toEqual([undefined, undefined])
    world.advance(1)
    for (const { failed } of [client, provider]) expect(failed?.message).toContain('is UDP let out here?')
  })
})
