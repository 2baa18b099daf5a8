/**
 * What the two halves of a 0.8 connection share: its parts, and the few values that both read and write.
 *
 * Decides nothing. The receiving half (`connection`) sets what is owed, the sending half (`sender`) pays it. Invariant:
 * the right edges of both directions never fall.
 */
import { Counters08 } from './counters.js'
import { Ending08 } from './ending.js'
import { Linger08 } from './linger.js'
import type { V08Profile } from './profile.js'
import { Recovery08 } from './recovery.js'
import { RecvBuffer08 } from './recv-buffer.js'
import { SendBuffer08 } from './send-buffer.js'

/** The parts and the shared values of one connection. */
export class State08 {
  readonly profile: V08Profile
  /** The octets that open each stream. */
  readonly hello: Buffer
  readonly send: SendBuffer08
  readonly recv: RecvBuffer08
  readonly recovery: Recovery08
  readonly ending: Ending08
  readonly linger: Linger08
  readonly counters: Counters08 = new Counters08()
  /** Both hellos have arrived, and nobody objected. */
  connected = false
  /** It is over, in whatever way. */
  over = false
  /** It is over because of a fault or an abort on this side: the last datagram says so. */
  failed = false
  /** The right edge up to which the peer takes data. */
  sendEdge: number
  /** A datagram is owed that tells how things stand; any pays it that acknowledges all. */
  ackOwed = false
  /** Acknowledgements that are owed to segments out of order, each by an empty datagram of its own. */
  repeatsOwed = 0
  /** When the last datagram was sent. */
  lastSentAt = 0
  /** The peer was asked whether it is there, and has not answered yet. */
  asked = false
  /** Since when nothing has come from the peer, or since when it owes something if that is later. */
  quietSince = 0

  /** Positions that are to be acknowledged one by one, rising. */
  readonly #ackPoints: number[] = []
  #evenAck = false

  constructor(profile: V08Profile) {
    this.profile = profile
    this.hello = Buffer.from(profile.hello)
    this.send = new SendBuffer08(profile.bufferBytes)
    this.send.write(this.hello)
    this.sendEdge = profile.helloWindow
    this.recv = new RecvBuffer08({ ...profile, firstEdge: profile.helloWindow })
    this.recovery = new Recovery08(profile, this.send.segments)
    this.ending = new Ending08(profile)
    this.linger = new Linger08(profile)
  }

  /** True once both hellos have arrived. */
  get helloDone(): boolean {
    return this.recv.next > 0 && this.send.ackedTo >= this.hello.length
  }

  /** True while the only segment in flight is one octet that the peer has no room for yet. */
  get probing(): boolean {
    return this.send.segments.count === 1 && this.send.nextSeq === this.sendEdge + 1
  }

  /** When the peer's window is to be probed; Infinity while it is open or an answer is on its way. */
  get probeAt(): number {
    const { send, recovery } = this
    const blocked = send.waitingBytes > 0 && send.segments.count === 0 && send.nextSeq >= this.sendEdge
    return blocked ? recovery.lastDataAt + recovery.rto.rtoMs : Number.POSITIVE_INFINITY
  }

  /** When the peer has been silent for too long; Infinity while it owes nothing. */
  get silentAt(): number {
    const owed = this.send.segments.count > 0 || this.ending.closing || this.asked
    return owed && this.connected ? this.quietSince + this.profile.silenceTimeoutMs : Number.POSITIVE_INFINITY
  }

  /** When the peer is to be asked whether it is still there, which keeps the mapping of a NAT as well. */
  get keepAliveAt(): number {
    // One that takes no more data may take the question for a fault.
    const mayAsk = this.connected && !this.ending.aborted
    return mayAsk ? this.lastSentAt + this.profile.keepAliveMs : Number.POSITIVE_INFINITY
  }

  /** A valid datagram came from the peer. */
  heard(now: number): void {
    this.quietSince = now
    this.asked = false
  }

  /** The peer owes something from now on, if it did not before. */
  expectAnswer(now: number): void {
    if (this.silentAt === Number.POSITIVE_INFINITY) this.quietSince = now
  }

  /** The position that the next datagram acknowledges. */
  get nextAck(): number {
    return this.#ackPoints[0] ?? this.recv.next
  }

  /** True if positions wait to be acknowledged. */
  get ackPointsOwed(): boolean {
    return this.#ackPoints.length > 0
  }

  /**
   * A segment was taken in order. Each other one is acknowledged on its own also when many were taken at once: the
   * window of an original grows with the number of acknowledgements.
   */
  oweAck(): void {
    const points = this.#ackPoints
    if (this.#evenAck && points.length > 0) points[points.length - 1] = this.recv.next
    else points.push(this.recv.next)
    this.#evenAck = !this.#evenAck
    if (points.length > this.profile.maxOwedAcks) points.shift()
  }

  /** The next position was acknowledged. */
  ackSent(): void {
    this.#ackPoints.shift()
    if (this.#ackPoints.length === 0) {
      this.#evenAck = false
      this.ackOwed = false
    }
  }

  /** Drops all that was to be sent. */
  dropOutput(): void {
    this.recovery.onDropped()
    this.send.dropAll()
  }
}
