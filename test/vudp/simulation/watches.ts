/**
 * What rows of the checklist watch while they run, beyond what the oracle does.
 *
 * Each looks at the line or at an engine and fails the row of its rig. Invariant: looking changes nothing.
 */
import { VFIOLost } from '@vio/io'
import type { SimForger, SimPeer } from '@vio/vudp/testing'
import { VUDPLost, VUT_CODE } from '../../../packages/vudp/src/proto/errors.js'
import { KIND } from '../../../packages/vudp/src/proto/v1/packet.js'
import { Stream } from '../../../packages/vudp/src/proto/v1/stream.js'
import type { Rig } from './rig.js'

/** The ids on the line: whoever looks at it must not see one on two paths, unless the side that moved does not know. */
export function watchIds(rig: Rig, knowsOfMoves: boolean): Map<string, string> {
  const paths = new Map<string, string>()
  for (const link of rig.links) {
    link.tap((_, { bytes, from, to }) => {
      if (((bytes[0] ?? 0) & 0xc0) !== 0x40) return
      const id = bytes.toString('hex', 1, 9)
      const path = `${from} ${to}`
      const isOn = paths.get(id) ?? path
      rig.expect(isOn === path || !knowsOfMoves, `an id is on the path ${isOn} and on ${path}`)
      paths.set(id, path)
    })
  }
  return paths
}

/** How far a side lets the other one send: what was told is never taken back. VUT 0.8 is watched on the line. */
export function watchLimits(rig: Rig): void {
  const told = { a: 0, b: 0 }
  rig.world.afterStep(() => {
    for (const { side, main } of [rig.a, rig.b]) {
      if (!(main.stream instanceof Stream)) continue
      const { limit } = main.stream.input.window
      rig.expect(limit >= told[side], `side ${side} allows ${limit}, and allowed ${told[side]}`)
      told[side] = limit
    }
  })
}

/** What a datagram changes: all that is counted but the datagram itself, and when the engine wants to be woken. */
function stateOf({ engine, main }: SimPeer): string {
  const { datagramsReceived, bytesReceived, datagramsInvalid, datagramsRepeated, ...rest } = engine.stats()
  const { connected, drained, closed } = engine
  const { readable, inputEnd, outputEnd, unflushedBytes } = main.stream
  const ends = [closed, inputEnd, outputEnd].map((end) => end?.constructor.name)
  return JSON.stringify([rest, engine.pollTimeout(), connected, drained, readable, unflushedBytes, ends])
}

/** How many datagrams it has dropped: a bit of the number makes another one of it, which may have come before. */
function droppedBy({ engine }: SimPeer): number {
  const { datagramsInvalid, datagramsRepeated } = engine.stats()
  return datagramsInvalid + datagramsRepeated
}

/** What of a datagram its receiver looks at: not the padding of INIT, and not the copy of an id in RESP (VUT 2). */
function meaningOf(bytes: Buffer): string {
  if (bytes[0] === KIND.init && bytes.length >= 20)
    return bytes.toString('latin1', 0, 20 + bytes.readUInt16BE(18))
  if (bytes[0] === KIND.resp) return bytes.toString('latin1', 0, 9) + bytes.toString('latin1', 17)
  return bytes.toString('latin1')
}

/** Each datagram that arrives otherwise than it was sent: it is counted, and changes nothing else. */
export function watchCorruption(rig: Rig): { readonly seen: number; readonly counted: number } {
  const sent = new Set<string>()
  const watched = { seen: 0, counted: 0 }
  for (const link of rig.links) link.tap((_, { bytes }) => void sent.add(meaningOf(bytes)))
  for (const side of [rig.a, rig.b]) {
    const { engine } = side
    const take = engine.handleDatagram.bind(engine)
    engine.handleDatagram = (now, from, bytes) => {
      if (sent.has(meaningOf(bytes))) {
        take(now, from, bytes)
        return
      }
      const dropped = droppedBy(side)
      const before = stateOf(side)
      take(now, from, bytes)
      watched.seen += 1
      const after = stateOf(side)
      rig.expect(before === after, `side ${side.side} was changed from ${before} to ${after}`)
      // What looks like part of a handshake that is over is dropped without being looked at.
      const counted = droppedBy(side) - dropped
      rig.expect(counted <= 1, `side ${side.side} counted a corrupted datagram ${counted} times`)
      watched.counted += counted
    }
  }
  return watched
}

/**
 * At no time has more been sent to the forger than three times what it had sent. PUNCH and INIT are apart: they go wherever
 * a true PUNCH seems to come from, ten of each at most to one address.
 */
export function watchAmplification(rig: Rig, { own }: SimForger, address: string): void {
  const sent = { bytes: 0, punch: 0, init: 0 }
  for (const link of rig.links) {
    link.tap((_, { bytes, to }) => {
      if (to.host !== address) return
      if (bytes[0] === KIND.punch) sent.punch += 1
      else if (bytes[0] === KIND.init) sent.init += 1
      else sent.bytes += bytes.length
      rig.expect(sent.bytes <= 3 * own.sentBytes, `the forger gets ${sent.bytes} bytes for ${own.sentBytes}`)
      rig.expect(
        sent.punch <= 10 && sent.init <= 10,
        `the forger gets ${sent.punch} PUNCH, ${sent.init} INIT`,
      )
    })
  }
}

/** What one address of a forger has sent, and what was sent there. */
export interface ForgedAddress {
  readonly sentBytes: number
  gotBytes: number
}

/**
 * Somebody who is faster than the line: now and then a copy of what has just left comes from a new address of his, before
 * the true one, so that the connection moves there until the next one. No address gets more than three times what it sent.
 */
export function moveAway(rig: Rig, address: string, everyMs: number): readonly ForgedAddress[] {
  const host = rig.world.network.host({ address, up: { delayMs: 1 } })
  const addresses: ForgedAddress[] = []
  const byPort = new Map<number, ForgedAddress>()
  let nextAt = 0
  rig.links.forEach((link, index) => {
    link.tap((now, { bytes, to }) => {
      if (to.host === address) {
        const forged = byPort.get(to.port)
        if (forged === undefined) return
        forged.gotBytes += bytes.length
        const { sentBytes, gotBytes } = forged
        rig.expect(gotBytes <= 3 * sentBytes, `an address gets ${gotBytes} bytes for ${sentBytes}`)
        return
      }
      const isTurn = addresses.length % 2 === index && now >= nextAt
      if (!isTurn || bytes[0] !== KIND.data || !rig.a.isConnected || !rig.b.isConnected) return
      nextAt = now + everyMs
      const forged = { sentBytes: bytes.length, gotBytes: 0 }
      const port = host.open(0, () => undefined)
      byPort.set(port, forged)
      addresses.push(forged)
      host.send(now, port, to, Buffer.from(bytes))
    })
  })
  return addresses
}

/** Each of these sides has ended because it heard nothing for too long, and says that it was no clean end. */
export function expectIdle(rig: Rig, ...sides: readonly SimPeer[]): void {
  for (const { side, closed } of sides) {
    const value = closed instanceof VFIOLost ? closed.value : null
    const code = value instanceof VUDPLost ? value.closeCode : -1
    rig.expect(code === VUT_CODE.idle, `side ${side} ended with ${String(closed?.value)}, not with idle`)
  }
}
