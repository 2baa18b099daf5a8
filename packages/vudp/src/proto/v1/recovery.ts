/**
 * Which datagrams have arrived and which are lost (RFC 9002).
 *
 * Decides when a datagram counts as acknowledged or lost and when a probe is due. What was in a datagram, and so what is
 * sent again, is told to the owner; how much may be sent is the path's controller's affair. The work for an ACK follows
 * from what it newly says and from how far datagrams overtake each other, not from what is in flight: whatever is far
 * below the highest acknowledged number has been given up before. Invariant: each record is acknowledged or lost once.
 */
import { VUT1 } from '../profile.js'
import type { FrameReader } from './frames.js'
import type { Path } from './path.js'
import { SENT_RECORDS, SentList, type SentPacket, type SentPool } from './sent.js'

/** Whom recovery tells. */
export interface RecoveryOwner {
  /** The path that is sent on now. */
  readonly path: Path
  /** What was in the datagram has arrived. */
  onPacketAcked(now: number, packet: SentPacket): void
  /** What was in the datagram has to be sent again, if it still matters. */
  onPacketLost(now: number, packet: SentPacket): void
  /** A probe is due: what is in the datagram had better be sent again, though it is not lost yet. */
  onProbeDue(packet: SentPacket): void
}

/** Counters of recovery; they only rise. */
export interface RecoveryCounts {
  sent: number
  acked: number
  lost: number
  spurious: number
  timeouts: number
}

/** The recovery of one connection. */
export class Recovery {
  /** How often a probe timer ran out since the last acknowledgement. */
  ptoCount = 0
  /** Datagrams that may leave in spite of the window, as probes. */
  probesOwed = 0
  /** The highest number that the peer has acknowledged; -1 before the first. */
  largestAcked = -1
  /** What the peer says it waits at most. */
  peerAckDelayMs: number = VUT1.ackDelayMs
  readonly counts: RecoveryCounts = { sent: 0, acked: 0, lost: 0, spurious: 0, timeouts: 0 }
  readonly pool: SentPool = SENT_RECORDS
  readonly #owner: RecoveryOwner
  readonly #outstanding = new SentList()
  /** Given up not long ago: an acknowledgement shows that this was an error. */
  readonly #lost = new SentList()
  #packetThreshold = VUT1.packetThreshold
  #timeThreshold = VUT1.timeThreshold
  #lossAt = Number.POSITIVE_INFINITY
  #lastSentAt = 0
  /** What the probe timer counts from: it also runs out where nothing may be sent. */
  #ptoFrom = 0
  /** When the newest of the acknowledged datagrams left, and when the last acknowledgement came. */
  #ackedSentAt = -1
  #goodAt = Number.NEGATIVE_INFINITY

  constructor(owner: RecoveryOwner) {
    this.#owner = owner
  }

  /** How many datagrams are in flight, on any path. */
  get outstandingCount(): number {
    return this.#outstanding.count
  }

  /** The oldest datagram in flight. */
  get oldest(): SentPacket | null {
    return this.#outstanding.head
  }

  /** True if nothing was acknowledged for three probe time-outs, and for a second at least. */
  isSilent(now: number): boolean {
    return this.ptoCount >= VUT1.validationPtos && now - this.#goodAt >= VUT1.validationMs
  }

  /** When `onTimeout` is due; Infinity for never. */
  get dueAt(): number {
    return Math.min(this.#lossAt, this.#ptoAt())
  }

  /** The probe time-out without back-off. */
  get ptoMs(): number {
    return this.#owner.path.rtt.ptoMs(this.peerAckDelayMs)
  }

  /** A datagram that elicits an acknowledgement has left. */
  onSent(now: number, packet: SentPacket): void {
    this.#outstanding.append(packet)
    this.counts.sent += 1
    this.#lastSentAt = now
    this.#ptoFrom = now
    if (this.probesOwed > 0) this.probesOwed -= 1
    packet.path?.onSent(now, packet)
  }

  /** Takes an ACK. Returns false if it acknowledges what was never sent. */
  onAck(now: number, ack: FrameReader, nextNumber: number): boolean {
    const largest = ack.ackHigh[0] as number
    if (largest >= nextNumber) return false
    const before = this.largestAcked
    this.largestAcked = Math.max(before, largest)
    const newest = this.#takeRanges(now, ack)
    this.#takeLate(now, ack)
    const { path } = this.#owner
    let sampleMs = -1
    if (newest !== null) {
      this.ptoCount = 0
      this.probesOwed = 0
      this.#goodAt = now
      if (newest.number === largest && newest.path === path) {
        const delayMs = Math.min((ack.value * VUT1.ackDelayUnitUs) / 1000, this.peerAckDelayMs)
        sampleMs = path.rtt.update(now - newest.sentAt, delayMs)
      }
      this.#ackedSentAt = Math.max(this.#ackedSentAt, newest.sentAt)
      this.pool.give(newest)
    }
    this.#detect(now)
    path.onBatchEnd(now, sampleMs)
    return true
  }

  /** Gives up what is late, or asks for probes. */
  onTimeout(now: number): void {
    if (now >= this.#lossAt) {
      this.#detect(now)
      this.#owner.path.onBatchEnd(now, -1)
      return
    }
    if (now < this.#ptoAt()) return
    this.ptoCount += 1
    this.#ptoFrom = now
    this.counts.timeouts += 1
    this.probesOwed = VUT1.ptoProbes
    let packet = this.#outstanding.head
    for (let left = VUT1.ptoProbes; left > 0 && packet !== null; left -= 1) {
      this.#owner.onProbeDue(packet)
      packet = packet.next
    }
  }

  /** Forgets all, at the end of the connection: what is in flight has arrived if the peer says so, and counts as lost else. */
  clear(hasArrived: boolean): void {
    this.counts[hasArrived ? 'acked' : 'lost'] += this.#outstanding.count
    for (const list of [this.#outstanding, this.#lost]) {
      for (let packet = list.head; packet !== null; packet = list.head) {
        if (list === this.#outstanding && packet.path !== null) packet.path.inFlightBytes -= packet.sizeBytes
        list.remove(packet)
        this.pool.give(packet)
      }
    }
    this.#lossAt = Number.POSITIVE_INFINITY
    this.probesOwed = 0
  }

  /** Another path: what was learned about the order of datagrams does not hold there. */
  onPathChanged(): void {
    this.#packetThreshold = VUT1.packetThreshold
    this.#timeThreshold = VUT1.timeThreshold
    this.ptoCount = 0
  }

  #ptoAt(): number {
    if (this.#outstanding.count === 0) return Number.POSITIVE_INFINITY
    const wasGood = this.#lastSentAt - this.#goodAt < VUT1.goodPathMs
    const capMs = Math.max(wasGood ? VUT1.maxPtoMs : VUT1.maxQuietPtoMs, this.ptoMs)
    return this.#ptoFrom + Math.min(this.ptoMs * 2 ** this.ptoCount, capMs)
  }

  /** Acknowledges what the ranges say; returns the newest of these, which is still to be given back. */
  #takeRanges(now: number, ack: FrameReader): SentPacket | null {
    let newest: SentPacket | null = null
    let packet = this.#outstanding.head
    for (let index = ack.ackCount - 1; index >= 0 && packet !== null; index -= 1) {
      const low = ack.ackLow[index] as number
      const high = ack.ackHigh[index] as number
      while (packet !== null && packet.number <= high) {
        const { next }: SentPacket = packet
        if (packet.number >= low) {
          if (newest !== null) this.pool.give(newest)
          this.#acknowledge(now, packet)
          newest = packet
        }
        packet = next
      }
    }
    return newest
  }

  #acknowledge(now: number, packet: SentPacket): void {
    this.#outstanding.remove(packet)
    this.counts.acked += 1
    packet.path?.onAcked(now, packet)
    this.#owner.onPacketAcked(now, packet)
  }

  /** Datagrams that were given up and came after all. */
  #takeLate(now: number, ack: FrameReader): void {
    let packet = this.#lost.head
    for (let index = ack.ackCount - 1; index >= 0 && packet !== null; index -= 1) {
      while (packet !== null && packet.number <= (ack.ackHigh[index] as number)) {
        const { next }: SentPacket = packet
        if (packet.number >= (ack.ackLow[index] as number)) this.#late(now, packet)
        packet = next
      }
    }
  }

  /** It was overtaken by so many, or by so much time: wait for as long from now on. */
  #late(now: number, packet: SentPacket): void {
    this.#lost.remove(packet)
    this.counts.spurious += 1
    const { path } = packet
    if (path === this.#owner.path) {
      const distance = this.largestAcked - packet.number + 1
      this.#packetThreshold = Math.min(Math.max(this.#packetThreshold, distance), VUT1.maxPacketThreshold)
      const ratio = (now - packet.sentAt) / Math.max(path.rtt.smoothedMs, VUT1.granularityMs)
      this.#timeThreshold = Math.min(Math.max(this.#timeThreshold, ratio), VUT1.maxTimeThreshold)
      path.congestion.onSpurious(now, packet)
    }
    this.#owner.onPacketAcked(now, packet)
    this.pool.give(packet)
  }

  /** Gives up what is too far behind, in number or in time, and notes when more will be (RFC 9002 section 6.1). */
  #detect(now: number): void {
    const { rtt } = this.#owner.path
    const delayMs = Math.max(this.#timeThreshold * Math.max(rtt.latestMs, rtt.smoothedMs), VUT1.granularityMs)
    const lastNumber = this.largestAcked - this.#packetThreshold
    let firstLostAt = -1
    let lastLostAt = -1
    this.#lossAt = Number.POSITIVE_INFINITY
    let packet = this.#outstanding.head
    while (packet !== null && packet.number < this.largestAcked) {
      const { next, sentAt }: SentPacket = packet
      // The sum, not the difference: the timer was set to it, and rounding must not make it come in vain for ever.
      if (packet.number > lastNumber && sentAt + delayMs > now) {
        this.#lossAt = Math.min(this.#lossAt, sentAt + delayMs)
      } else {
        if (sentAt > this.#ackedBefore && firstLostAt < 0) firstLostAt = sentAt
        lastLostAt = sentAt
        this.#giveUp(now, packet)
      }
      packet = next
    }
    if (firstLostAt >= 0) this.#checkPersistent(now, lastLostAt - firstLostAt)
    this.#ackedBefore = this.#ackedSentAt
  }

  /** When the newest datagram left that had been acknowledged before the last ACK. */
  #ackedBefore = -1

  #checkPersistent(now: number, spanMs: number): void {
    const { path } = this.#owner
    if (!path.rtt.hasSample || spanMs <= VUT1.persistentCongestionPtos * this.ptoMs) return
    path.congestion.onPersistentCongestion(now)
    path.rtt.resetMin()
  }

  #giveUp(now: number, packet: SentPacket): void {
    this.#outstanding.remove(packet)
    this.counts.lost += 1
    packet.path?.onLost(now, packet)
    this.#owner.onPacketLost(now, packet)
    if (packet.isProbe) {
      this.pool.give(packet)
      return
    }
    this.#insertLost(packet)
    const { head } = this.#lost
    if (this.#lost.count <= VUT1.keptLostRecords || head === null) return
    this.#lost.remove(head)
    this.pool.give(head)
  }

  /** Mostly the newest of the lost ones; where it is not, an older one is of no use there and is let go. */
  #insertLost(packet: SentPacket): void {
    for (let { tail } = this.#lost; tail !== null && tail.number > packet.number; { tail } = this.#lost) {
      this.#lost.remove(tail)
      this.pool.give(tail)
    }
    this.#lost.append(packet)
  }
}
