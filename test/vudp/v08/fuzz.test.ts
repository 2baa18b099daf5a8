/**
 * Any datagrams at any time: no throw, bounded memory, time-outs that are finite or never.
 */
import { VFIOCompleted, VFIOLost, VTransmitBatch } from '@vio/io'
import { VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import type { V08Connection } from '../../../packages/vudp/src/proto/v08/connection.js'
import { decodePacket08, Packet08 } from '../../../packages/vudp/src/proto/v08/packet.js'
import { seeds } from '../../lib/runs.js'
import { BOTH, craft, HELLO, type Saying } from './hand.js'
import { engineOf, PEER_B } from './link.js'

const BUFFER_BYTES = 4000
const STEPS = 250
const PIECE = 100
/** Both buffers, and what they were grown from. */
const MAX_MEMORY = 4 * BUFFER_BYTES

class Fuzz {
  readonly engine: V08Connection
  readonly #random: VSeededRandom
  readonly #batch = new VTransmitBatch()
  readonly #heard = new Packet08()
  #now = 0
  #seq = 17
  #sent = 17
  #edge = 128

  constructor(seed: number) {
    this.#random = new VSeededRandom(seed)
    this.engine = engineOf('a', { bufLen: BUFFER_BYTES })
  }

  run(): void {
    for (let step = 0; step < STEPS; step += 1) {
      this.#step(step)
      this.#check()
    }
    // However it was left, it comes to an end when it is told to.
    this.engine.close(this.#chance(0.5) ? new VFIOCompleted() : new VFIOLost())
    for (let turns = 0; !this.engine.drained; turns += 1) {
      if (turns > 2000) throw new Error('it never ends')
      this.#listen()
      if (turns < 20) this.#give(craft({ flags: BOTH, seq: this.#seq, ack: this.#sent }))
      this.#now = Math.max(this.#now, this.engine.pollTimeout())
      this.engine.handleTimeout(this.#now)
    }
    expect(this.engine.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
    expect(this.engine.pollTransmit(this.#now, this.#batch)).toBe(false)
  }

  #step(step: number): void {
    const { engine } = this
    const random = this.#random
    this.#now += this.#chance(0.9) ? random.publicDouble() * 50 : random.publicDouble() * 5000
    if (engine.pollTimeout() <= this.#now || this.#chance(0.1)) engine.handleTimeout(this.#now)
    if (step === 0) this.#listen()
    if (step === 0) this.#give(craft({ seq: 0, ack: 0, win: 128, data: HELLO }))
    else if (step === 1) this.#give(craft({}))
    else if (this.#chance(0.2)) this.#give(this.#junk())
    else this.#give(craft(this.#saying()))
    if (this.#chance(0.3)) engine.stream.writeSome(Buffer.alloc(this.#below(2000)))
    if (this.#chance(0.3)) engine.stream.readSome(this.#below(2000) + 1)
    if (this.#chance(0.002)) engine.stream.finish()
    if (this.#chance(0.002)) engine.stream.stop()
    if (step < 3 || this.#chance(0.7)) this.#listen()
    while (engine.pollEvent() !== undefined) {
      // Fetched, so that none pile up.
    }
  }

  /** Mostly what fits, with something wrong now and then. Data is in pieces of one size, so that it seldom overlaps. */
  #saying(): Saying {
    const far = [0, 1, 17, this.#sent, this.#edge, 2 ** 31, 2 ** 53 - 1, this.#seq + 100]
    const odd = (usual: number): number => {
      if (!this.#chance(0.0004)) return usual
      return Math.min(Math.max((far[this.#below(far.length)] ?? 0) + this.#below(3) - 1, 0), 2 ** 53 - 1)
    }
    const seq = odd(Math.max(this.#seq + (this.#chance(0.8) ? 0 : this.#below(9) - 1) * PIECE, 17))
    const fits = seq + PIECE <= this.#edge || this.#chance(0.0005)
    const data = Buffer.alloc(fits && this.#chance(0.5) ? PIECE : 0, 7)
    if (seq === this.#seq) this.#seq += data.length
    const flags = this.#chance(0.0004) ? this.#below(256) : 0
    const ack = odd(this.#chance(0.7) ? this.#sent : 17)
    return { flags, seq, ack, win: odd(this.#below(5000)), data }
  }

  #junk(): Buffer {
    const bytes = Buffer.alloc(this.#below(600))
    this.#random.fillPublic(bytes)
    return bytes
  }

  #give(bytes: Buffer): void {
    this.engine.handleDatagram(this.#now, PEER_B, Buffer.from(bytes))
  }

  #listen(): void {
    for (let count = 0; this.engine.pollTransmit(this.#now, this.#batch); count += 1) {
      if (count > 500) throw new Error('it talks without end')
      const { buffer, start, end, segmentBytes } = this.#batch
      for (let at = start; at < end; at += segmentBytes) {
        const datagram = buffer.subarray(at, Math.min(at + segmentBytes, end))
        if (datagram.length > 508) throw new Error(`a datagram of ${datagram.length} bytes`)
        if (!decodePacket08(datagram, datagram.length, this.#heard)) throw new Error('it makes no sense')
        if (this.#heard.dataBytes > 0) this.#sent = Math.max(this.#sent, this.#heard.endSeq)
        if (this.#heard.edge < this.#edge) throw new Error(`its edge went back to ${this.#heard.edge}`)
        this.#edge = this.#heard.edge
      }
    }
  }

  #check(): void {
    const { engine } = this
    const due = engine.pollTimeout()
    if (!(due >= 0)) throw new Error(`the time-out is ${due}`)
    if (engine.memoryBytes > MAX_MEMORY) throw new Error(`it holds ${engine.memoryBytes} bytes`)
    const { inFlightSent, inFlightAcked, inFlightLost, inFlightNow, bytesInFlight } = engine.stats()
    const sum = inFlightAcked + inFlightLost + inFlightNow
    if (inFlightSent !== sum || bytesInFlight < 0) throw new Error(`${inFlightSent} sent, ${sum} known of`)
  }

  #chance(part: number): boolean {
    return this.#random.publicDouble() < part
  }

  #below(count: number): number {
    return this.#random.publicUint32() % count
  }
}

describe('a connection of VUT 0.8', () => {
  it('takes anything that passes the code, or does not, at any time', () => {
    const closed = { clean: 0, lost: 0 }
    for (const seed of seeds(150, 20_000)) {
      const fuzz = new Fuzz(seed)
      try {
        fuzz.run()
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
      if (fuzz.engine.closed instanceof VFIOCompleted) closed.clean += 1
      else closed.lost += 1
    }
    // Both kinds of ends are reached, else the inputs are too wild or too tame.

    expect(closed.clean).toBeGreaterThan(10)
    expect(closed.lost).toBeGreaterThan(10)
  })
})
