/**
 * The relay handshake of VUT 0.8 on real sockets: two parties, a small relay, and the transport that it ends in.
 */
import { VIOError, VIOTimeout, type VIPSocketPeer } from '@vio/io'
import { toNodeDuplex } from '@vio/io/facade'
import {
  type VUDPApproveRequest,
  VUDPHostFilter,
  VUDPRelayedApprover,
  VUDPRelayedConnecter,
  VUDPRelayedLink,
} from '@vio/nat'
import { VReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { describe, expect, it } from 'vitest'
import { allOf } from './lib/pair.js'
import { descriptors, until } from './relay-rig.js'

const LOCAL = { bind: { host: '127.0.0.1' } }
const SECRETS = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as const

/** The relay: it tells who has sent which tokens. */
class Relay implements AsyncDisposable {
  readonly reactor = new VReactor()
  readonly seen = new Map<string, VIPSocketPeer>()
  readonly port: VDatagramSocket

  private constructor(port: VDatagramSocket) {
    this.port = port
    this.reactor.start()
    port.onReady(() => {
      port.receive({
        handleDatagram: (bytes, start, end, from) => this.seen.set(bytes.toString('hex', start, end), from),
      })
    })
  }

  static async open(): Promise<Relay> {
    return new Relay(await VDatagramSocket.bind({ host: '127.0.0.1' }))
  }

  /** A party whose token is so many times this byte. */
  begin(byte: number, filter?: VUDPHostFilter, timeoutMs = 30_000): VUDPRelayedConnecter {
    const connecter = new VUDPRelayedConnecter(filter)
    const { host, port } = this.port.localPeer
    const [localToken, remoteToken] = [Buffer.alloc(32, byte), Buffer.alloc(32, 0xff)]
    connecter.connectUDP(this.reactor.time(), { host, port, localToken, remoteToken, timeoutMs })
    return connecter
  }

  /** Where it has seen a party. */
  async where(byte: number): Promise<VIPSocketPeer> {
    const key = Buffer.concat([Buffer.alloc(32, byte), Buffer.alloc(32, 0xff)]).toString('hex')
    await until(() => this.seen.has(key), 'the tokens')
    return this.seen.get(key) as VIPSocketPeer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.port[Symbol.asyncDispose]()
    this.reactor.stop()
  }
}

describe('the handshake over a relay, on sockets', () => {
  it.each(['vut/0.8', 'vut/1'] as const)(
    'ends in a transport of %s on the socket that the relay has seen [VE-122]',
    async (version) => {
      await using relay = await Relay.open()
      const links = [5, 6].map((byte) => {
        return new VUDPRelayedLink(relay.reactor, relay.begin(byte), { ...LOCAL, version })
      }) as [VUDPRelayedLink, VUDPRelayedLink]
      const places = [await relay.where(5), await relay.where(6)] as const
      for (const [at, link] of links.entries()) {
        const [own, other] = at === 0 ? places : ([places[1], places[0]] as const)
        const [secret, peerSecret] = at === 0 ? SECRETS : ([SECRETS[1], SECRETS[0]] as const)
        link.confirmUDP(own.host, own.port)
        link.linkToPeer({ host: other.host, port: other.port, secret, peerSecret })
      }
      const [a, b] = await Promise.all([links[0].transport, links[1].transport])
      expect([a.sock.localPeer, b.sock.localPeer].map(String)).toEqual(places.map(String))
      expect([a.version, b.version]).toEqual([version, version])
      const [left, right] = [toNodeDuplex(a.byteIO), toNodeDuplex(b.byteIO)]
      left.end('over the relay')
      right.end('back again')
      expect(String(await allOf(right))).toBe('over the relay')
      expect(String(await allOf(left))).toBe('back again')
      await Promise.all([a.whenReleased, b.whenReleased])
    },
  )

  it('begins with what an approver has given, and leaves nothing where that rejects [VE-123]', async () => {
    class Approving extends VUDPRelayedApprover {
      protected override handleApprove({ path }: VUDPApproveRequest): boolean {
        return path[0] === 'files'
      }
    }
    await using relay = await Relay.open()
    const before = descriptors()
    const approver = new Approving((token) => token.fill(12))
    const { host, port } = relay.port.localPeer
    const remoteToken = Buffer.alloc(32, 0xff)
    const ask = (path: string, at = port, token = remoteToken) =>
      approver.approve(relay.reactor.time(), { path: [path], host, port: at, remoteToken: token })
    expect(ask('other')).toBeUndefined()
    expect(() => ask('files', 80)).toThrow(RangeError)
    expect(() => ask('files', port, Buffer.alloc(33))).toThrow(RangeError)
    expect([relay.seen.size, descriptors()]).toEqual([0, before])
    const approval = ask('files')
    if (approval === undefined) throw new Error('it was not approved')
    const client = new VUDPRelayedLink(relay.reactor, relay.begin(11), LOCAL)
    const provider = new VUDPRelayedLink(relay.reactor, approval.connecter, LOCAL)
    const [here, there] = [await relay.where(11), await relay.where(12)]
    client.confirmUDP(here.host, here.port)
    provider.confirmUDP(there.host, there.port)
    const [secret, peerSecret] = SECRETS
    client.linkToPeer({ host: there.host, port: there.port, secret, peerSecret })
    provider.linkToPeer({ host: here.host, port: here.port, secret: peerSecret, peerSecret: secret })
    const [a, b] = await Promise.all([client.transport, provider.transport])
    const [left, right] = [toNodeDuplex(a.byteIO), toNodeDuplex(b.byteIO)]
    left.end('what was approved')
    right.end()
    expect(String(await allOf(right))).toBe('what was approved')
    expect(String(await allOf(left))).toBe('')
    await Promise.all([a.whenReleased, b.whenReleased])
  })

  it('fails in time where nobody confirms, and leaves no socket [VE-122]', async () => {
    await using relay = await Relay.open()
    const before = descriptors()
    const link = new VUDPRelayedLink(relay.reactor, relay.begin(7, undefined, 50), LOCAL)
    await expect(link.transport).rejects.toBeInstanceOf(VIOTimeout)
    await until(() => descriptors() <= before, 'the descriptors of before')
  })

  it('refuses a second confirm, and a peer that the filter denies [VE-122] [VE-124]', async () => {
    class Wary extends VUDPHostFilter {
      override allowPeer(): boolean {
        return false
      }
    }
    await using relay = await Relay.open()
    const link = new VUDPRelayedLink(relay.reactor, relay.begin(8, new Wary()), LOCAL)
    const { host, port } = await relay.where(8)
    link.confirmUDP(host, port)
    expect(() => link.confirmUDP(host, port)).toThrow(VIOError)
    const request = { host: '127.0.0.1', port: 4_000, secret: SECRETS[0], peerSecret: SECRETS[1] }
    expect(() => link.linkToPeer(request)).toThrow(/filter does not allow the peer 127\.0\.0\.1:4000/)
    await expect(link.transport).rejects.toBeInstanceOf(VIOError)
  })

  it('is given up by a signal, before and after its socket is open', async () => {
    await using relay = await Relay.open()
    const before = descriptors()
    const early = new VUDPRelayedLink(relay.reactor, relay.begin(9), {
      ...LOCAL,
      signal: AbortSignal.abort(new Error('early')),
    })
    await expect(early.transport).rejects.toThrow('early')
    const given = new AbortController()
    const late = new VUDPRelayedLink(relay.reactor, relay.begin(10), { ...LOCAL, signal: given.signal })
    await relay.where(10)
    given.abort(new Error('late'))
    await expect(late.transport).rejects.toThrow('late')
    await until(() => descriptors() <= before, 'the descriptors of before')
  })
})
