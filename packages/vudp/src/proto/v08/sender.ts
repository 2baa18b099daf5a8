/**
 * The sending half of a 0.8 connection: what the next datagram is, and its octets.
 *
 * Decides the order in which things go out: what is lost, new data, what the end needs, acknowledgements. Which segments
 * are lost and how many may be out is for the recovery. Invariant: a datagram is counted as sent if and only if it is in
 * the batch.
 */
import type { VTransmitBatch } from '@vio/io'
import { posintBytes } from '../posint.js'
import { type DatagramMac, MAC_BYTES } from '../seal.js'
import { encodeHeader08, FLAG_ACK_CLOSE, FLAG_CLOSE, FLAG_FAIL, Packet08 } from './packet.js'
import type { State08 } from './state.js'

/**
 * What a datagram is for. `'resend'` and `'new'`: data. `'ask'`: the hello once more, which makes an original answer.
 * `'empty'`: flags and numbers. `'last'`: what is said after the end.
 */
type Plan = 'none' | 'resend' | 'new' | 'ask' | 'empty' | 'last'

/** Fills batches. */
export class Sender08 {
  readonly #state: State08
  readonly #mac: DatagramMac
  readonly #packet = new Packet08()
  #askOwed = false

  constructor(state: State08, mac: DatagramMac) {
    this.#state = state
    this.#mac = mac
  }

  /** Adds the next datagram to the batch. False if there is none, or none that fits behind those before. */
  encodeNext(now: number, batch: VTransmitBatch): boolean {
    const plan = this.#plan(now)
    if (plan === 'none') return false
    const state = this.#state
    const packet = this.#packet
    const size = this.#sizeOf(plan)
    packet.flags = this.#flagsOf(plan)
    packet.seq = this.#seqOf(plan)
    packet.ack = state.nextAck
    packet.win = state.recv.edge - packet.ack
    const headerBytes = 1 + posintBytes(packet.seq) + posintBytes(packet.ack) + posintBytes(packet.win)
    if (headerBytes + size + MAC_BYTES > batch.room) return false
    const start = batch.end
    const dataAt = encodeHeader08(packet, batch.buffer, start)
    if (plan === 'ask') batch.buffer.set(state.hello, dataAt)
    else state.send.copy(packet.seq, size, batch.buffer, dataAt)
    const end = this.#mac.append(batch.buffer, start, dataAt + size)
    batch.commit(end - start)
    this.#noteSent(plan, size, now)
    state.counters.datagramsSent += 1
    state.counters.bytesSent += end - start
    state.lastSentAt = now
    return true
  }

  #plan(now: number): Plan {
    const state = this.#state
    if (state.over) return state.linger.owed ? 'last' : 'none'
    if (state.recovery.resendIndex !== -1) return 'resend'
    if (state.send.waitingBytes > 0 && state.recovery.mayOpen) {
      if (state.send.nextSeq < state.sendEdge || now >= state.probeAt) return 'new'
    }
    if (this.#askOwed) return 'ask'
    const due = state.ackOwed || state.ackPointsOwed || state.repeatsOwed > 0
    if (due || now >= state.ending.repeatAt) return 'empty'
    return now >= state.keepAliveAt ? 'ask' : 'none'
  }

  #sizeOf(plan: Plan): number {
    const { send, recovery, hello, profile, sendEdge } = this.#state
    if (plan === 'ask') return hello.length
    if (plan === 'resend') {
      const index = recovery.resendIndex
      return send.segments.endOf(index) - send.segments.startOf(index)
    }
    if (plan !== 'new') return 0
    // One octet where there is no room: it asks whether there is some.
    const room = Math.max(sendEdge - send.nextSeq, 1)
    return Math.min(profile.maxDataBytes, room, send.waitingBytes)
  }

  #seqOf(plan: Plan): number {
    const { send, recovery } = this.#state
    if (plan === 'ask') return 0
    return plan === 'resend' ? send.segments.startOf(recovery.resendIndex) : send.nextSeq
  }

  #flagsOf(plan: Plan): number {
    const { ending, failed } = this.#state
    if (plan === 'last') {
      const both = FLAG_CLOSE | FLAG_ACK_CLOSE
      return failed ? both | FLAG_FAIL : both
    }
    // The end of the hello is not the end of the stream.
    return plan === 'ask' ? ending.flags & ~FLAG_CLOSE : ending.flags
  }

  #noteSent(plan: Plan, size: number, now: number): void {
    if (plan === 'last') this.#state.linger.onSent()
    else if (plan === 'ask') this.#noteAsked(now)
    else if (plan === 'empty') this.#noteEmpty(now)
    else this.#noteData(plan === 'resend', size, now)
  }

  #noteAsked(now: number): void {
    this.#askOwed = false
    this.#state.expectAnswer(now)
    this.#state.asked = true
  }

  #noteEmpty(now: number): void {
    const state = this.#state
    if (state.ackPointsOwed || state.ackOwed) state.ackSent()
    else state.repeatsOwed = Math.max(state.repeatsOwed - 1, 0)
    if (now < state.ending.repeatAt) return
    // An original does not answer a CLOSE that it knows already; to old data it does.
    this.#askOwed = state.ending.repeats > 0
    state.ending.onCloseSent(now, state.recovery.rto.rtoMs)
  }

  #noteData(again: boolean, size: number, now: number): void {
    const { counters, recovery, send, hello } = this.#state
    const streamBytes = send.ackedTo < hello.length ? 0 : size
    this.#state.ackSent()
    counters.dataSent += 1
    if (again) {
      counters.streamBytesResent += streamBytes
      recovery.onResent(recovery.resendIndex, now)
      return
    }
    counters.streamBytesSent += streamBytes
    this.#state.expectAnswer(now)
    recovery.onOpening(now)
    send.openSegment(size, now)
  }
}
