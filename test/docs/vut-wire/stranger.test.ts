/**
 * A peer that was written from the page of the wire talks with the engine, in either role, to a clean end.
 */
import { readFileSync } from 'node:fs'
import { VFIOCompleted, VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { VSeededRandom } from '@vio/reactor/testing'
import { VNodeCrypto, VUDPConnection } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { Stranger } from './stranger.js'

const PEER = new VIPSocketPeer('192.0.2.1', 1)
const [GREATER, LESS] = [Buffer.alloc(40, 0x99), Buffer.alloc(16, 0x11)]

/** Passes what both want to send, until neither has anything left. */
function pass(engine: VUDPConnection, stranger: Stranger, now: number): void {
  const batch = new VTransmitBatch()
  for (let isBusy = true; isBusy; ) {
    isBusy = false
    for (const datagram of stranger.out.splice(0)) {
      isBusy = true
      engine.handleDatagram(now, PEER, Buffer.from(datagram))
    }
    while (engine.pollTransmit(now, batch)) {
      isBusy = true
      for (let at = batch.start; at < batch.end; at += batch.segmentBytes) {
        stranger.take(Buffer.from(batch.buffer.subarray(at, Math.min(at + batch.segmentBytes, batch.end))))
      }
    }
  }
}

describe('a peer written from docs/vut-wire.md', () => {
  it.each([
    ['initiator', GREATER, LESS],
    ['responder', LESS, GREATER],
  ])('talks with the engine as %s', (role, secret, peerSecret) => {
    const stranger = new Stranger(secret, peerSecret, 'stranger')
    const engine = new VUDPConnection(
      { secret: peerSecret, peerSecret: secret, peer: PEER, context: 'stranger' },
      { crypto: new VNodeCrypto(), random: new VSeededRandom(1) },
    )
    expect(stranger.isInitiator).toBe(role === 'initiator')
    engine.handleTimeout(0)
    stranger.start()
    pass(engine, stranger, 0)
    expect(engine.connected).toBe(true)
    engine.stream.writeSome(Buffer.from('from the engine'))
    engine.stream.finish()
    pass(engine, stranger, 10)
    stranger.say('from a stranger')
    pass(engine, stranger, 20)
    for (let now = 30; now < 30_000 && !engine.drained; now += 10) {
      if (engine.pollTimeout() <= now) engine.handleTimeout(now)
      pass(engine, stranger, now)
    }
    expect(engine.stream.readSome(100).toString()).toBe('from a stranger')
    expect(stranger.received.toString()).toBe('from the engine')
    expect(engine.closed).toBeInstanceOf(VFIOCompleted)
    expect(stranger.closed).toBe(0)
    expect(engine.drained).toBe(true)
    // What it had to understand on the way, a challenge where the engine has to look for its peer.
    expect([...stranger.types]).toEqual(
      expect.arrayContaining(role === 'initiator' ? [0x02, 0x1a, 0x1c] : [0x02, 0x1c]),
    )
  })

  it('has nothing of the packages in it', () => {
    const source = readFileSync(new URL('stranger.ts', import.meta.url), 'utf8')
    expect(source.match(/from '[^']+'/g)).toEqual(["from 'node:crypto'"])
  })
})
