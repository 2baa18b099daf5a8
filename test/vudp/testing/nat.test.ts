/**
 * NATs by RFC 4787: who gets which port, and who gets in.
 */
import { type NatDependence, type NatOptions, SimWorld } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'

const EI = 'endpoint-independent'
const AD = 'address-dependent'
const APD = 'address-and-port-dependent'

/** One host behind a NAT, two servers outside with two ports each. */
function natted(options: Partial<NatOptions> = {}, seed = 1) {
  const world = new SimWorld({ seed })
  const { network } = world
  const realm = network.natted({ address: '198.51.100.1', ...options })
  const inner = network.host({ address: '10.0.0.2', realm })
  const got: string[] = []
  inner.open(7000, (_now, { from }) => got.push(from.toString()))
  const servers = ['203.0.113.1', '203.0.113.2'].map((address) => {
    const host = network.host({ address })
    const seen: string[] = []
    for (const port of [1, 2]) host.open(port, (_now, { from }) => seen.push(from.toString()))
    return { host, seen, address }
  })
  const send = (to: string, port: number, from = 7000): void => {
    inner.send(world.now, from, network.peer(to, port), Buffer.alloc(1))
    world.settle()
  }
  const reply = (server: number, fromPort: number, toPort = 7000, to = realm.nat?.address ?? ''): void => {
    servers[server]?.host.send(world.now, fromPort, network.peer(to, toPort), Buffer.alloc(1))
    world.settle()
  }
  return { world, network, realm, inner, got, servers, send, reply }
}

describe('the mapping', () => {
  it.each<[NatDependence, number]>([
    [EI, 1],
    [AD, 2],
    [APD, 4],
  ])('%s gives %d outer ports for four destinations', (mapping, count) => {
    const { servers, send, realm } = natted({ mapping })
    for (const { address } of servers) for (const port of [1, 2]) send(address, port)
    const seen = new Set(servers.flatMap((server) => server.seen))
    expect(seen.size).toBe(count)
    expect(realm.nat?.mappings).toBe(count)
  })

  it('preserves the port where it is free, and takes another one where it is not', () => {
    const { network, realm, servers, send, world } = natted()
    send('203.0.113.1', 1)
    const second = network.host({ address: '10.0.0.3', realm })
    second.send(world.now, 7000, network.peer('203.0.113.1', 1), Buffer.alloc(1))
    world.settle()
    expect(servers[0]?.seen).toEqual(['198.51.100.1:7000', '198.51.100.1:40000'])
  })

  it('counts up, or draws, as it is told', () => {
    const sequential = natted({ ports: 'sequential', mapping: APD })
    for (const port of [1, 2]) sequential.send('203.0.113.1', port)
    expect(sequential.servers[0]?.seen).toEqual(['198.51.100.1:40000', '198.51.100.1:40001'])
    const drawn = [1, 2, 3].map((seed) => {
      const { servers, send } = natted({ ports: 'random' }, seed)
      send('203.0.113.1', 1)
      return servers[0]?.seen[0]
    })
    expect(new Set(drawn).size).toBe(3)
  })

  it('dies after its life, unless it is used outward', () => {
    const { world, send, reply, got } = natted({ mappingLifeMs: 1_000 })
    send('203.0.113.1', 1)
    world.advance(900)
    reply(0, 1)
    world.advance(200)
    reply(0, 1)
    expect(got).toEqual(['203.0.113.1:1'])
    send('203.0.113.1', 1)
    reply(0, 1)
    expect(got).toHaveLength(2)
  })
})

describe('the filter', () => {
  it.each<[NatDependence, string[]]>([
    [EI, ['203.0.113.1:1', '203.0.113.1:2', '203.0.113.2:1']],
    [AD, ['203.0.113.1:1', '203.0.113.1:2']],
    [APD, ['203.0.113.1:1']],
  ])('%s lets in %j after a datagram to the first', (filtering, expected) => {
    const { send, reply, got, realm, network } = natted({ filtering })
    send('203.0.113.1', 1)
    reply(0, 1)
    reply(0, 2)
    reply(1, 1)
    expect(got).toEqual(expected)
    expect(realm.nat?.refused).toBe(3 - expected.length)
    expect(network.unreached).toBe(3 - expected.length)
  })

  it('lets nobody in without a mapping', () => {
    const { reply, got } = natted({ filtering: EI })
    reply(0, 1)
    expect(got).toEqual([])
  })
})

describe('around it', () => {
  it.each([
    [true, 1],
    [false, 0],
  ])('hairpin %s: an inner host reaches another one by the outer address %d times', (hairpin, times) => {
    const { world, network, realm, inner, got, send } = natted({ hairpin, filtering: EI })
    send('203.0.113.1', 1)
    const second = network.host({ address: '10.0.0.3', realm })
    second.send(world.now, 9, network.peer('198.51.100.1', 7000), Buffer.alloc(1))
    world.settle()
    expect(got).toHaveLength(times)
    expect(inner.address).toBe('10.0.0.2')
  })

  it('lets inner hosts reach each other by their inner addresses', () => {
    const { world, network, realm, got } = natted()
    const second = network.host({ address: '10.0.0.3', realm })
    second.send(world.now, 9, network.peer('10.0.0.2', 7000), Buffer.alloc(1))
    world.settle()
    expect(got).toEqual(['10.0.0.3:9'])
  })

  it('nests: a carrier around a home', () => {
    const world = new SimWorld({ seed: 1 })
    const { network } = world
    const carrier = network.natted({ address: '198.51.100.1' })
    const home = network.natted({ address: '100.64.0.5' }, carrier)
    const host = network.host({ address: '192.168.0.2', realm: home })
    const server = network.host({ address: '203.0.113.1' })
    const seen: string[] = []
    host.open(5, (_now, { from }) => seen.push(`back from ${from}`))
    server.open(1, (now, { from }) => {
      seen.push(`from ${from}`)
      server.send(now, 1, from, Buffer.alloc(1))
    })
    host.send(0, 5, network.peer('203.0.113.1', 1), Buffer.alloc(1))
    world.settle()
    expect(seen).toEqual(['from 198.51.100.1:5', 'back from 203.0.113.1:1'])
  })

  it('binds anew: another port, or another address, and the old ones lead nowhere', () => {
    const { servers, send, reply, got, realm } = natted()
    send('203.0.113.1', 1)
    realm.rebind()
    reply(0, 1)
    expect(got).toEqual([])
    send('203.0.113.1', 1)
    realm.rebind('198.51.100.9')
    send('203.0.113.1', 1)
    reply(0, 1, 7000, '198.51.100.9')
    const [first, second, third] = servers[0]?.seen ?? []
    expect(first).toBe('198.51.100.1:7000')
    expect(second).toBe('198.51.100.1:40000')
    expect(third).toBe('198.51.100.9:7000')
    expect(got).toEqual(['203.0.113.1:1'])
  })
})
