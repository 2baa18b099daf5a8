/**
 * What somebody gets from an endpoint that takes connections, if all he has is what anybody on the way can see.
 *
 * `docs/security.md` names these.
 */
import { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import {
  encodePunch,
  sessionKeys,
  VNodeCrypto,
  VUDPEndpoint,
  type VUDPSharedOptions,
  type VUDPTransport,
  vudpTag,
} from '@vio/vudp'
import { SimDatagramPort, SimWorld } from '@vio/vudp/testing'
import { describe, expect, it } from 'vitest'

const [GREATER, LESS] = [Buffer.alloc(32, 0x55), Buffer.alloc(32, 0x22)]
const VICTIM = new VIPSocketPeer('10.0.0.9', 9)

interface Ground {
  readonly world: SimWorld
  readonly server: VUDPEndpoint
  readonly made: VUDPTransport[]
  /** Sends from the address of somebody else, and returns how many bytes go there within a minute. */
  spoof(bytes: Buffer): number
}

/** An endpoint that would take a connection with these secrets. */
function ground(options: Omit<VUDPSharedOptions, 'peer'>): Ground {
  const world = new SimWorld({ seed: 5, scenario: 'security', traced: false })
  const socketAt = (address: string, port = 0): SimDatagramPort =>
    new SimDatagramPort(world, { host: world.network.host({ address, up: { delayMs: 5 } }), port })
  const made: VUDPTransport[] = []
  const server = new VUDPEndpoint(world.reactor, {
    socket: socketAt('10.0.0.1'),
    incoming: () => options,
    onTransport: (transport) => made.push(transport),
  })
  const victim = socketAt(VICTIM.host, VICTIM.port)
  let received = 0
  victim.onReady(() => {
    victim.receive({
      handleDatagram: (_bytes, start, end) => {
        received += end - start
      },
    })
  })
  const spoof = (bytes: Buffer): number => {
    const batch = new VTransmitBatch()
    batch.begin(server.sock.localPeer)
    bytes.copy(batch.buffer)
    batch.commit(bytes.length)
    const before = received
    victim.send(batch)
    world.advance(60_000)
    return received - before
  }
  return { world, server, made, spoof }
}

const keys = sessionKeys(new VNodeCrypto(), GREATER, LESS)
const FORGED = Buffer.concat([Buffer.of(0xc0), keys.tag, Buffer.alloc(20)])
const ASKED = {
  initiator: { secret: GREATER, peerSecret: LESS },
  responder: { secret: LESS, peerSecret: GREATER },
}

/** A datagram of the right kind and size with the session's tag, and nothing else that is right. */
function forged(kind: number, sizeBytes: number, tagAt = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes, 1)
  bytes[0] = kind
  keys.tag.copy(bytes, tagAt)
  return bytes
}

describe('an endpoint that takes connections', () => {
  it.each(['initiator', 'responder'] as const)(
    'makes nothing and sends nothing for a forged PUNCH as %s',
    (role) => {
      const { made, spoof } = ground(ASKED[role])
      expect(vudpTag(GREATER, LESS)).toEqual(keys.tag)
      expect([spoof(FORGED), spoof(forged(0xc3, 30)), made.length]).toEqual([0, 0, 0])
    },
  )

  it('sends no more than three times what came for a forged INIT', () => {
    const { made, spoof } = ground(ASKED.responder)
    const init = forged(0xc1, 1200, 2)
    expect(spoof(init)).toBeLessThanOrEqual(3 * init.length)
    expect(made.length).toBe(1)
    expect(ground(ASKED.responder).spoof(forged(0xc1, 1199, 2))).toBe(0)
    // The initiator has nobody who would send it one.
    expect(ground(ASKED.initiator).spoof(init)).toBe(0)
  })

  it('begins with the true PUNCH of the peer', () => {
    const { made, spoof } = ground(ASKED.initiator)
    expect(spoof(encodePunch(new VNodeCrypto(), keys.punchResponder, keys.tag, 1))).toBeGreaterThan(1200)
    expect(made.length).toBe(1)
    // And not with its own.
    const other = ground(ASKED.initiator)
    expect(other.spoof(encodePunch(new VNodeCrypto(), keys.punchInitiator, keys.tag, 1))).toBe(0)
  })

  it('makes nothing and sends nothing for a forged datagram of VUT 0.8', () => {
    const { made, spoof } = ground({ ...ASKED.initiator, version: 'vut/0.8' })
    expect([spoof(Buffer.alloc(41)), spoof(Buffer.of(0)), spoof(Buffer.alloc(0)), made.length]).toEqual([
      0, 0, 0, 0,
    ])
  })
})
