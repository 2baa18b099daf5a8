/**
 * What must hold of a connection at any time, and of one that is over.
 *
 * Looks at two sides from outside, after each step of their world. Decides nothing; a breach throws, and the world adds
 * how to see it again. Invariant: looking changes nothing.
 */

import { VFIOCompleted } from '@vio/io'
import { VInvariantError } from '@vio/reactor'
import type { SimPeer } from './peer.js'
import type { SimWorld } from './world.js'

/** Watches two sides. */
export class SimOracle {
  readonly #a: SimPeer
  readonly #b: SimPeer

  constructor(world: SimWorld, a: SimPeer, b: SimPeer) {
    this.#a = a
    this.#b = b
    world.afterStep(() => this.check())
  }

  /** What must hold at any time. @throws VInvariantError */
  check(): void {
    this.#checkSide(this.#a, this.#b)
    this.#checkSide(this.#b, this.#a)
  }

  /** What must hold once all is over: nothing is armed, nothing in flight, and the sums are right. @throws VInvariantError */
  checkEnd(): void {
    for (const side of [this.#a, this.#b]) {
      const { engine } = side
      demand(engine.drained, side, 'is not drained')
      demand(!side.isArmed, side, 'has a timer armed')
      const stats = engine.stats()
      demand(stats.inFlightNow === 0, side, `has ${stats.inFlightNow} datagrams in flight`)
      demand(stats.bytesInFlight === 0, side, `has ${stats.bytesInFlight} bytes in flight`)
      this.#checkSums(side)
    }
  }

  /** What must hold besides where both directions ended cleanly: all arrived, and both say so. @throws VInvariantError */
  checkClean(): void {
    this.#checkArrived(this.#a, this.#b)
    this.#checkArrived(this.#b, this.#a)
    for (const side of [this.#a, this.#b]) {
      demand(side.closed instanceof VFIOCompleted, side, `ended with ${String(side.closed)}`)
    }
  }

  #checkSide(side: SimPeer, other: SimPeer): void {
    demand(side.counts.sentDrained === 0, side, 'sent something after it was drained')
    if (side.engine.drained) {
      const dueAt = side.engine.pollTimeout()
      demand(dueAt === Number.POSITIVE_INFINITY, side, `is drained and wants to be woken at ${dueAt}`)
    }
    demand(
      side.main.received <= other.main.written,
      side,
      `read ${side.main.received} of ${other.main.written} bytes`,
    )
    this.#checkSums(side)
  }

  #checkSums(side: SimPeer): void {
    const stats = side.engine.stats()
    const settled = stats.inFlightAcked + stats.inFlightLost + stats.inFlightNow
    demand(
      stats.inFlightSent === settled,
      side,
      `sent ${stats.inFlightSent} datagrams and accounts for ${settled}`,
    )
    demand(
      stats.streamBytesAcked <= stats.streamBytesSent && stats.streamBytesSent <= stats.streamBytesWritten,
      side,
      `wrote ${stats.streamBytesWritten}, sent ${stats.streamBytesSent}, had ${stats.streamBytesAcked} acknowledged`,
    )
    demand(
      stats.streamBytesRead <= stats.streamBytesReceived,
      side,
      `received ${stats.streamBytesReceived} bytes and read ${stats.streamBytesRead}`,
    )
    demand(
      stats.bytesSent === side.counts.sentBytes,
      side,
      `says ${stats.bytesSent} of ${side.counts.sentBytes} bytes`,
    )
  }

  #checkArrived(from: SimPeer, to: SimPeer): void {
    for (const [id, sent] of from.streams) {
      const arrived = to.streams.get(id)?.received ?? 0
      demand(arrived === sent.written, to, `got ${arrived} of ${sent.written} bytes of stream ${id}`)
      demand(
        sent.stream.unflushedBytes === 0,
        from,
        `holds ${sent.stream.unflushedBytes} bytes of stream ${id}`,
      )
    }
  }
}

function demand(holds: boolean, side: SimPeer, otherwise: string): void {
  if (!holds) throw new VInvariantError(`side ${side.side} ${otherwise}`)
}
