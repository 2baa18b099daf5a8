/**
 * STUN on the ports of a relay: beside relayed datagrams, from two addresses where there are two, by IPv4 and IPv6.
 */
import { VIPSocketPeer } from '@vio/io'
import { classifyNat, VNatProbe, type VNatProbeEvent, type VNatProbeOptions } from '@vio/nat'
import { VSystemRandom } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { VDatagramPump } from '@vio/vudp'
import { describe, expect, it, onTestFinished } from 'vitest'
import { skipUnless } from '../../lib/skip.js'
import { hasIPv6 } from '../../sock/support/datagrams.js'
import { carries, type HostRig, startRelay, until } from './relay-rig.js'

type Done = Extract<VNatProbeEvent, { type: 'done' }>

/** Asks a relay all that a probe asks, from one socket. */
async function probe(
  relay: HostRig,
  host: string,
  options: Pick<VNatProbeOptions, 'test'> & { readonly other?: readonly [string, number] },
): Promise<Done & { readonly own: VIPSocketPeer }> {
  const socket = await VDatagramSocket.bind({ host: host === '::1' ? '::1' : '127.0.0.1' })
  const place = (to: string, port: number): VIPSocketPeer =>
    new VIPSocketPeer(to, port, { socketType: 'dgram' })
  const machine = new VNatProbe(
    {
      test: options.test,
      local: socket.localPeer,
      server: place(host, relay.port),
      ...(options.other === undefined ? {} : { other: place(...options.other) }),
    },
    new VSystemRandom(),
  )
  const events: VNatProbeEvent[] = []
  const pump = new VDatagramPump(relay.reactor, {
    port: socket,
    machine,
    onEvent: (event) => void events.push(event),
  })
  onTestFinished(() => {
    pump.stop()
    socket.close()
  })
  machine.start(relay.reactor.time())
  pump.start()
  await until(() => events.at(-1)?.type === 'done', 'the end of a probe')
  return { ...(events.at(-1) as Done), own: socket.localPeer }
}

async function hasSecondLoopback(): Promise<boolean> {
  try {
    await using socket = await VDatagramSocket.bind({ host: '127.0.0.2' })
    return socket.closed === null
  } catch {
    return false
  }
}

describe('STUN at a relay', () => {
  it('tells the address that it sees, on both ports of its one address', async () => {
    const relay = await startRelay()
    const party = await relay.connect()
    const { stun } = await party.next('welcome')
    const other = ['127.0.0.1', stun[1]?.port ?? 0] as const
    const { samples, own } = await probe(relay, '127.0.0.1', { test: 'mapping', other })
    expect(samples.map(({ server }) => server.port)).toEqual([relay.port, other[1]])
    for (const { mapped } of samples) expect(String(mapped)).toBe(String(own))
    expect(relay.host.stats().stunAnswered).toBe(2)
    const { filtering } = await probe(relay, '127.0.0.1', { test: 'filtering', other })
    expect(filtering).toEqual({ fromOtherPort: true })
  })

  it('answers from the other address and port where there are two addresses', async (context) => {
    skipUnless(context, await hasSecondLoopback(), 'this system has one loopback address only')
    const relay = await startRelay({ stunHosts: ['127.0.0.1', '127.0.0.2'] })
    const party = await relay.connect()
    const { stun } = await party.next('welcome')
    expect(stun.map(({ host }) => host)).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.2'])
    expect(stun[2]?.port).toBe(stun[0]?.port)
    expect(stun[3]?.port).toBe(stun[1]?.port)
    const mapping = await probe(relay, '127.0.0.1', { test: 'mapping' })
    expect(mapping.samples).toHaveLength(4)
    const filtering = await probe(relay, '127.0.0.1', { test: 'filtering' })
    expect(filtering.filtering).toEqual({ fromOtherAddress: true, fromOtherPort: true })
    expect(classifyNat(mapping.samples, filtering.filtering)).toMatchObject({
      translates: false,
      mapping: 'endpoint-independent',
      filtering: 'endpoint-independent',
    })
    // A leg goes to the first address, whichever the control link goes to.
    const legs = await relay.join(await relay.enter('tcp', '127.0.0.2'), await relay.enter('ws', '127.0.0.1'))
    expect(legs[0].host).toBe('127.0.0.1')
    const [left, right] = [await relay.bindUDP(legs[0]), await relay.bindUDP(legs[1])]
    await carries(left, right, { sizeBytes: 20_000 })
  })

  it('is spoken by IPv4 and IPv6 on one port, as is all else', async (context) => {
    skipUnless(context, await hasIPv6(), 'no IPv6 on the loopback interface')
    const relay = await startRelay({ host: '' })
    for (const [host, seen] of [
      ['127.0.0.1', /^127\.0\.0\.1:\d+$/],
      ['::1', /^\[::1\]:\d+$/],
    ] as const) {
      const { samples, own } = await probe(relay, host, { test: 'mapping' })
      expect(samples[0]?.mapped.equals(own)).toBe(true)
      const party = await relay.connect('tcp', host === '::1' ? '[::1]' : host)
      expect((await party.next('welcome')).you).toMatch(seen)
    }
  })

  it('answers a question that comes from a bound leg, and relays all else', async () => {
    const relay = await startRelay()
    const { legs } = await relay.meet()
    const [left, right] = [await relay.bindUDP(legs[0]), await relay.bindUDP(legs[1])]
    const question = Buffer.from('000100002112a442000102030405060708090a0b', 'hex')
    left.send(question)
    await until(() => left.received.length === 1, 'an answer')
    expect(left.received[0]?.subarray(0, 2).toString('hex')).toBe('0101')
    // One bit of the cookie away, it is nobody's but the other leg's.
    const other = Buffer.from(question)
    other[4] = 0x20
    left.send(other)
    await until(() => right.received.length === 1, 'a datagram')
    expect(right.received[0]?.equals(other)).toBe(true)
  })

  it('is limited for each source', async () => {
    const relay = await startRelay({ quotas: { stunPerSecond: 1 } })
    for (let count = 0; count < 6; count += 1) await probeOnce(relay)
    await until(() => relay.host.stats().stunAnswered + relay.host.stats().stunLimited === 6, 'six questions')
    expect(relay.host.stats().stunLimited).toBeGreaterThanOrEqual(2)
  })
})

async function probeOnce(relay: HostRig): Promise<void> {
  const { legs } = await relay.meet()
  const leg = await relay.bindUDP(legs[0])
  leg.send(Buffer.from('000100002112a442000102030405060708090a0b', 'hex'))
}
