/**
 * The relay handshake of VUT 0.8: when tokens leave, what each call of the relay may be, and whom the filter keeps away.
 */
import { VIOError, VIOTimeout, VTransmitBatch } from '@vio/io'
import {
  type VUDPApproveRequest,
  type VUDPConnectRequest,
  VUDPHostFilter,
  VUDPRelayedApprover,
  VUDPRelayedConnecter,
  type VUDPRelayedEvent,
} from '@vio/nat'
import { describe, expect, it } from 'vitest'

const LOCAL = Buffer.alloc(32, 1)
const REMOTE = Buffer.alloc(32, 2)
const REQUEST: VUDPConnectRequest = {
  host: '203.0.113.10',
  port: 4000,
  localToken: LOCAL,
  remoteToken: REMOTE,
}
const LINK = {
  host: '198.51.100.2',
  port: 5000,
  secret: Buffer.alloc(16, 3),
  peerSecret: Buffer.alloc(32, 4),
}

class Denying extends VUDPHostFilter {
  readonly asked: string[] = []

  override allowRelay(host: string, port: number): boolean {
    this.asked.push(`relay ${host} ${port}`)
    return false
  }

  override allowPeer(host: string, port: number): boolean {
    this.asked.push(`peer ${host} ${port}`)
    return false
  }
}

class PeerDenying extends VUDPHostFilter {
  override allowPeer(): boolean {
    return false
  }
}

/** Drives a connecter to `until` and returns when datagrams left. */
function sentAt(connecter: VUDPRelayedConnecter, until: number): number[] {
  const batch = new VTransmitBatch(Buffer.alloc(2_000))
  const times: number[] = []
  for (let now = 0; ; ) {
    while (connecter.pollTransmit(now, batch)) {
      expect(batch.buffer.subarray(batch.start, batch.end)).toEqual(Buffer.concat([LOCAL, REMOTE]))
      expect(String(batch.peer)).toBe('203.0.113.10:4000')
      times.push(now)
    }
    now = connecter.pollTimeout()
    if (now > until) return times
    connecter.handleTimeout(now)
  }
}

function eventsOf(connecter: VUDPRelayedConnecter): VUDPRelayedEvent[] {
  const events: VUDPRelayedEvent[] = []
  for (let event = connecter.pollEvent(); event !== undefined; event = connecter.pollEvent())
    events.push(event)
  return events
}

function begun(filter?: VUDPHostFilter): VUDPRelayedConnecter {
  const connecter = new VUDPRelayedConnecter(filter)
  connecter.connectUDP(0, REQUEST)
  return connecter
}

describe('VUDPRelayedConnecter', () => {
  it('sends tokens again after 0.1 s doubling to 5 s, until 30 s are over [VE-122]', () => {
    const connecter = begun()
    expect(sentAt(connecter, 60_000)).toEqual([
      0, 100, 300, 700, 1500, 3100, 6300, 11300, 16300, 21300, 26300,
    ])
    const [event] = eventsOf(connecter)
    expect(event).toMatchObject({ type: 'failed', error: expect.any(VIOTimeout) })
    expect([connecter.isOver, connecter.pollTimeout()]).toEqual([true, Number.POSITIVE_INFINITY])
    expect(() => connecter.confirmUDP('198.51.100.1', 5000)).toThrow('is over')
  })

  it('sends no more once it was confirmed, and ends in what a transport needs [VE-122]', () => {
    const connecter = begun()
    sentAt(connecter, 500)
    expect(connecter.peerGw).toBeNull()
    connecter.confirmUDP('198.51.100.1', 40_000)
    expect(String(connecter.peerGw)).toBe('198.51.100.1:40000')
    expect(sentAt(connecter, 29_000)).toEqual([])
    connecter.linkToPeer(LINK)
    const { secret, peerSecret } = LINK
    expect(eventsOf(connecter)).toMatchObject([
      { type: 'confirmed', gateway: { port: 40_000 } },
      { type: 'linked', peer: { host: '198.51.100.2', port: 5000 }, secret, peerSecret },
    ])
    expect([connecter.isOver, connecter.pollTimeout()]).toEqual([true, Number.POSITIVE_INFINITY])
  })

  it('takes the times of its options', () => {
    const connecter = new VUDPRelayedConnecter()
    connecter.connectUDP(0, { ...REQUEST, minResendMs: 1_000, maxResendMs: 2_000, timeoutMs: 8_000 })
    expect(sentAt(connecter, 60_000)).toEqual([0, 1_000, 3_000, 5_000, 7_000])
  })

  it('is confirmed before the token was ever sent: the calls of the relay may come first', () => {
    const connecter = new VUDPRelayedConnecter()
    connecter.confirmUDP('198.51.100.1', 40_000)
    connecter.connectUDP(0, REQUEST)
    expect(sentAt(connecter, 29_000)).toEqual([])
  })

  it('refuses a second confirm, a second link and a second connect [VE-122]', () => {
    const connecter = begun()
    connecter.confirmUDP('198.51.100.1', 40_000)
    expect(() => connecter.confirmUDP('198.51.100.1', 40_001)).toThrow(VIOError)
    expect(String(connecter.peerGw)).toBe('198.51.100.1:40000')
    expect(() => connecter.connectUDP(1, REQUEST)).toThrow(VIOError)
    connecter.linkToPeer(LINK)
    expect(() => connecter.linkToPeer(LINK)).toThrow(VIOError)
    expect(eventsOf(connecter).map(({ type }) => type)).toEqual(['confirmed', 'linked'])
    expect(() => new VUDPRelayedConnecter().linkToPeer(LINK)).toThrow('after connectUDP')
  })

  it('throws VIOError where the filter denies the relay, before any packet [VE-122] [VE-124]', () => {
    const filter = new Denying()
    const connecter = new VUDPRelayedConnecter(filter)
    expect(() => connecter.connectUDP(0, REQUEST)).toThrow(VIOError)
    expect(filter.asked).toEqual(['relay 203.0.113.10 4000'])
    expect(sentAt(connecter, 60_000)).toEqual([])
    expect(connecter.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
  })

  it('fails where the filter denies the peer, and never sends to it [VE-122] [VE-124]', () => {
    const connecter = begun(new PeerDenying())
    connecter.confirmUDP('198.51.100.1', 40_000)
    expect(() => connecter.linkToPeer(LINK)).toThrow('does not allow the peer 198.51.100.2:5000')
    expect(eventsOf(connecter).map(({ type }) => type)).toEqual(['confirmed', 'failed'])
    expect(connecter.pollTransmit(1, new VTransmitBatch(Buffer.alloc(2_000)))).toBe(false)
  })

  it('allows every host by default [VE-124]', () => {
    const filter = new VUDPHostFilter()
    expect([filter.allowRelay('192.0.2.1', 1024), filter.allowPeer('::1', 65_535)]).toEqual([true, true])
  })

  it.each([
    [{ port: 80 }, RangeError],
    [{ port: 65_536 }, RangeError],
    [{ port: 1024.5 }, RangeError],
    [{ localToken: Buffer.alloc(33) }, RangeError],
    [{ remoteToken: Buffer.alloc(33) }, RangeError],
    [{ remoteToken: 'token' as unknown as Buffer }, TypeError],
    [{ host: 'relay.example' }, TypeError],
  ])('refuses %o at once', (change, error) => {
    const connecter = new VUDPRelayedConnecter()
    expect(() => connecter.connectUDP(0, { ...REQUEST, ...change })).toThrow(error)
    expect(connecter.pollTransmit(0, new VTransmitBatch(Buffer.alloc(2_000)))).toBe(false)
    connecter.connectUDP(0, REQUEST)
  })

  it.each([
    { port: 80 },
    { secret: Buffer.alloc(33) },
    { peerSecret: Buffer.alloc(33) },
    { secret: Buffer.alloc(0) },
  ])('refuses a link with %o, and takes a right one afterwards', (change) => {
    const connecter = begun()
    expect(() => connecter.linkToPeer({ ...LINK, ...change })).toThrow(RangeError)
    connecter.linkToPeer(LINK)
    expect(() => begun().confirmUDP('198.51.100.1', 80)).toThrow(RangeError)
  })

  it('can be given up, once', () => {
    const connecter = begun()
    connecter.cancel()
    connecter.cancel()
    expect(eventsOf(connecter).map(({ type }) => type)).toEqual(['failed'])
    expect(sentAt(connecter, 60_000)).toEqual([])
  })
})

describe('VUDPRelayedApprover', () => {
  const request: VUDPApproveRequest = {
    path: ['files'],
    host: '203.0.113.10',
    port: 4000,
    remoteToken: REMOTE,
  }

  class Approving extends VUDPRelayedApprover {
    readonly seen: VUDPApproveRequest[] = []

    protected override handleApprove(asked: VUDPApproveRequest): boolean {
      this.seen.push(asked)
      return asked.path[0] === 'files'
    }
  }

  it('begins the handshake of what it approves before it answers [VE-123]', () => {
    const approver = new Approving((token) => token.fill(1))
    const approval = approver.approve(0, { ...request, clientHost: '198.51.100.2' })
    expect(approval?.localToken).toEqual(LOCAL)
    expect(sentAt(approval?.connecter as VUDPRelayedConnecter, 200)).toEqual([0, 100])
    expect(approver.seen).toMatchObject([{ clientHost: '198.51.100.2' }])
  })

  it('returns nothing for what it rejects [VE-123]', () => {
    const approver = new Approving(() => {})
    expect(approver.approve(0, { ...request, path: ['other'] })).toBeUndefined()
    expect(new VUDPRelayedApprover(() => {}).approve(0, request)).toBeUndefined()
  })

  it.each([{ port: 80 }, { port: 1023 }, { port: 65_536 }, { remoteToken: Buffer.alloc(33) }])(
    'throws for %o, without asking anybody [VE-123]',
    (change) => {
      const approver = new Approving(() => {})
      expect(() => approver.approve(0, { ...request, ...change })).toThrow(RangeError)
      expect(approver.seen).toEqual([])
    },
  )

  it('takes the ports 1024 and 65535, and tokens of 32 bytes [VE-123]', () => {
    const approver = new Approving((token) => token.fill(1))
    expect(approver.approve(0, { ...request, port: 1024 })).toBeDefined()
    expect(approver.approve(0, { ...request, port: 65_535, remoteToken: Buffer.alloc(0) })).toBeDefined()
  })

  it('throws VIOError where the filter denies the relay, without asking anybody [VE-124]', () => {
    const filter = new Denying()
    const approver = new Approving(() => {}, filter)
    expect(() => approver.approve(0, request)).toThrow(VIOError)
    expect([approver.seen, filter.asked]).toEqual([[], ['relay 203.0.113.10 4000']])
  })
})
