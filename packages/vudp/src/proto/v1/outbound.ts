/**
 * What leaves next, and how it is put into datagrams.
 *
 * Decides the order: long datagrams, CLOSE, answers to other addresses, a probe for a larger size, and then a batch of
 * DATA as far as the path, its pacer and its window let it. Frames are written by the parts. Invariants: all datagrams of a
 * batch have one size but the last; a number is used once; what is sent to an address stays within what it may get.
 */
import type { VTransmitBatch } from '@vio/io'
import { VUT1 } from '../profile.js'
import { DatagramBuilder } from './builder.js'
import { FRAME } from './frames.js'
import type { V1Parts } from './parts.js'
import type { Path } from './path.js'
import type { Protection } from './protection.js'

const HEADER: number = VUT1.headerBytes
const TAG: number = VUT1.tagOfAeadBytes
/** Less than this is not worth a datagram. */
const LEAST_BYTES: number = HEADER + TAG + 32

/** Of what an address may get before it has proved itself, this much is for the challenges that let it do so. */
const RESERVED_BYTES: number = 4 * LEAST_BYTES

/** What a datagram would be for. */
type Want = 'nothing' | 'ack' | 'data'

/** One for all connections: a datagram is filled within one call, and thousands of them would hold one each. */
const BUILDER = new DatagramBuilder()

/** Puts datagrams together; one for a connection. */
export class Outbound {
  /** When the pacer lets the next datagram go; Infinity if nothing waits for it. */
  pacedUntil: number = Number.POSITIVE_INFINITY
  /** True if nothing may leave until more has come from the peer's new address. */
  isHeldBack = false
  readonly #parts: V1Parts
  readonly #builder = BUILDER
  /** When an acknowledgement may next ask to be acknowledged itself. */
  #askAckAt = Number.NEGATIVE_INFINITY

  constructor(parts: V1Parts) {
    this.#parts = parts
  }

  /** Fills `batch`; false if there is nothing to send. */
  poll(now: number, batch: VTransmitBatch): boolean {
    this.pacedUntil = Number.POSITIVE_INFINITY
    const { handshake, protection, closing, connected } = this.#parts
    const long = handshake.outbox.shift()
    if (long !== undefined) {
      batch.begin(long.peer)
      long.bytes.copy(batch.buffer, batch.end)
      this.#commit(batch, long.bytes.length)
      return true
    }
    if (protection === null) return false
    if (closing.state !== 'open') return closing.owesClose && this.#sendClose(now, batch, protection)
    if (!connected || protection.isSpent(this.#parts.nextNumber)) return false
    return (
      this.#sendAnswer(now, batch, protection) ||
      this.#sendQuestion(now, batch, protection) ||
      this.#sendProbe(now, batch, protection) ||
      this.#sendData(now, batch, protection)
    )
  }

  #sendClose(now: number, batch: VTransmitBatch, protection: Protection): boolean {
    const { paths, closing, acks, recovery } = this.#parts
    const path = paths.current
    if (path.allowedBytes < LEAST_BYTES) return false
    batch.begin(path.peer)
    const builder = this.#begin(batch, Math.min(VUT1.datagramBytes, path.allowedBytes))
    if (builder === null) return false
    closing.write(builder)
    // What came last is acknowledged in the same breath: no other chance will come.
    acks.write(now, builder, path.rtt.smoothedMs)
    this.#seal(now, batch, protection)
    path.onTransmit(batch.end)
    if (builder.packet !== null) recovery.pool.give(builder.packet)
    return true
  }

  /** An answer to a challenge from another address than the one in use. */
  #sendAnswer(now: number, batch: VTransmitBatch, protection: Protection): boolean {
    const { paths, recovery, ids } = this.#parts
    const peer = paths.answers.peer
    if (peer === null || peer === paths.current.peer) return false
    batch.begin(peer)
    const builder = this.#begin(batch, LEAST_BYTES)
    if (builder === null) return false
    paths.answers.write(builder, peer)
    this.#seal(now, batch, protection, ids.dcidFor(peer))
    if (builder.packet !== null) recovery.pool.give(builder.packet)
    this.#parts.liveness.onAsked(now)
    return true
  }

  /** A challenge to another address than the one in use. */
  #sendQuestion(now: number, batch: VTransmitBatch, protection: Protection): boolean {
    const { paths, recovery, ids } = this.#parts
    const peer = paths.probePeer
    if (peer === null) return false
    batch.begin(peer)
    const builder = this.#begin(batch, Math.max(LEAST_BYTES, Math.min(VUT1.datagramBytes, paths.probeBytes)))
    if (builder === null) return false
    paths.writeProbe(now, builder)
    this.#seal(now, batch, protection, ids.dcidFor(peer))
    if (builder.packet !== null) recovery.pool.give(builder.packet)
    this.#parts.liveness.onAsked(now)
    return true
  }

  /** A probe for a larger size, alone in its batch. */
  #sendProbe(now: number, batch: VTransmitBatch, protection: Protection): boolean {
    const { paths } = this.#parts
    const path = paths.current
    const size = path.mtu.probeBytes(now)
    if (size === 0 || !path.hasWindow || !path.pacer.canSend(now) || this.#isSilent(now, path)) return false
    batch.begin(path.peer)
    if (size > batch.room) return false
    const builder = this.#begin(batch, size)
    if (builder === null) return false
    builder.bytes[builder.at] = FRAME.ping
    builder.wrote(builder.at + 1)
    builder.bytes.fill(FRAME.padding, builder.at, builder.limit)
    builder.at = builder.limit
    if (builder.packet !== null) builder.packet.isProbe = true
    this.#finish(now, batch, protection, path)
    return true
  }

  #sendData(now: number, batch: VTransmitBatch, protection: Protection): boolean {
    const { paths } = this.#parts
    const path = paths.current
    batch.begin(path.peer)
    let want = this.#wants(now, path)
    while (want !== 'nothing' && batch.open && !protection.isSpent(this.#parts.nextNumber)) {
      if (!this.#sendOne(now, batch, protection, want === 'data')) break
      want = this.#wants(now, path)
    }
    return batch.count > 0
  }

  /** Builds one datagram. Returns false if it came out empty or no other may follow it. */
  #sendOne(now: number, batch: VTransmitBatch, protection: Protection, withData: boolean): boolean {
    const { paths, recovery } = this.#parts
    const path = paths.current
    const allowed = path.allowedBytes - (withData ? RESERVED_BYTES : 0)
    const wanted = this.#isBetterSmall(path) ? VUT1.datagramBytes : path.datagramBytes
    if (batch.count > 0 && batch.room < wanted) return false
    const size = Math.min(wanted, batch.room, allowed)
    if (size < LEAST_BYTES) return false
    const builder = this.#begin(batch, size)
    if (builder === null) return false
    this.#fill(now, builder, withData)
    if (builder.isEmpty) {
      if (builder.packet !== null) recovery.pool.give(builder.packet)
      return false
    }
    this.#finish(now, batch, protection, path)
    return true
  }

  /** True if what is sent next has to arrive, and a large datagram might not. */
  #isBetterSmall(path: Path): boolean {
    const { recovery, unreliable } = this.#parts
    if (recovery.probesOwed > 0) return true
    // Unreliable ones are not cut up, so they go as they are: whether they arrive tells as much as a probe.
    return path.mtu.isSuspect && unreliable.nextBytes <= VUT1.datagramBytes - HEADER - TAG
  }

  #fill(now: number, builder: DatagramBuilder, withData: boolean): void {
    const { paths, acks, streams, ids, liveness, unreliable, recovery } = this.#parts
    const smoothedRttMs = paths.current.rtt.smoothedMs
    if (acks.isOwed) acks.write(now, builder, smoothedRttMs)
    const wantsAck = acks.rangeCount >= VUT1.pingAtRanges && now >= this.#askAckAt && !builder.isEmpty
    paths.writeChallenge(builder)
    paths.answers.write(builder, paths.current.peer)
    if (withData) {
      const { isEmpty } = builder
      ids.write(builder)
      streams.scheduler.writeControls(now, builder, smoothedRttMs)
      unreliable.write(builder, isEmpty && recovery.probesOwed === 0)
      streams.scheduler.writeBytes(builder)
    }
    const mustAsk = wantsAck || (withData && (liveness.owesPing || recovery.probesOwed > 0))
    if (wantsAck) this.#askAckAt = now + smoothedRttMs
    if (builder.isEliciting || !mustAsk || builder.room < 1) return
    builder.bytes[builder.at] = FRAME.ping
    builder.wrote(builder.at + 1)
  }

  /** What the next datagram would be for. Notes when the pacer allows it, if that is what holds it up. */
  #wants(now: number, path: Path): Want {
    const { acks, streams, ids, liveness, unreliable, recovery, paths } = this.#parts
    this.isHeldBack = path.allowedBytes < LEAST_BYTES
    if (this.isHeldBack) return 'nothing'
    const mustAnswer = acks.dueAt <= now || paths.owesChallenge || paths.answers.peer !== null
    if (path.allowedBytes < LEAST_BYTES + RESERVED_BYTES) return mustAnswer ? 'ack' : 'nothing'
    if (recovery.probesOwed > 0 && !this.#isSilent(now, path)) return 'data'
    const work = streams.scheduler.hasWork || ids.hasWork || unreliable.hasWork || liveness.owesPing
    if (work && this.#isSilent(now, path)) paths.askForConsent(now)
    else if (work && path.hasWindow) {
      if (path.pacer.canSend(now)) return 'data'
      this.pacedUntil = path.pacer.nextAt(now)
    } else if (!work && path.hasWindow) path.congestion.onAppLimited(path.inFlightBytes)
    return mustAnswer ? 'ack' : 'nothing'
  }

  /** True if the peer has not shown for so long that it is there that nothing but a challenge may go to it. */
  #isSilent(now: number, path: Path): boolean {
    return path.isValidated && now - path.provenAt > VUT1.consentMs
  }

  #begin(batch: VTransmitBatch, sizeBytes: number): DatagramBuilder | null {
    const { recovery } = this.#parts
    const size = Math.min(sizeBytes, batch.room)
    if (size < HEADER + TAG + 1) return null
    const packet = recovery.pool.take()
    this.#builder.begin(batch.buffer, batch.end, size, packet)
    return this.#builder
  }

  /** Seals the datagram and remembers it if it has to be acknowledged. */
  #finish(now: number, batch: VTransmitBatch, protection: Protection, path: Path): void {
    const { recovery, liveness } = this.#parts
    const builder = this.#builder
    const number = this.#parts.nextNumber
    const before = batch.end
    this.#seal(now, batch, protection)
    const sizeBytes = batch.end - before
    path.onTransmit(sizeBytes)
    const { packet } = builder
    if (packet === null) return
    if (!builder.isEliciting) {
      recovery.pool.give(packet)
      return
    }
    packet.number = number
    packet.sizeBytes = sizeBytes
    packet.sentAt = now
    packet.path = path
    recovery.onSent(now, packet)
    liveness.onAsked(now)
  }

  #seal(now: number, batch: VTransmitBatch, protection: Protection, dcid = this.#parts.ids.dcid): void {
    const { tracer } = this.#parts
    const { bytes, start, at } = this.#builder
    const number = this.#parts.nextNumber
    this.#parts.nextNumber += 1
    tracer?.sent(now, number, bytes.subarray(start + HEADER, at))
    const end = protection.seal(this.#builder, dcid, number)
    this.#commit(batch, end - start)
  }

  #commit(batch: VTransmitBatch, sizeBytes: number): void {
    batch.commit(sizeBytes)
    this.#parts.counts.sent += 1
    this.#parts.counts.sentBytes += sizeBytes
  }
}
