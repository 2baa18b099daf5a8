/**
 * Which path is used, and how an address proves itself (VUT 5, RFC 9000 sections 8.2 and 9).
 *
 * Decides when the connection moves to another address, what is sent there before it has answered, and when it goes back.
 * Congestion, round-trip times and sizes are a path's own. Invariants: one path is in use; at most one challenge waits
 * for its answer; an address that never answers costs it at most three times what it sent.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import { VUT1 } from '../profile.js'
import type { DatagramBuilder } from './builder.js'
import { FRAME, writeWithBytes } from './frames.js'
import { Path, type PathOptions } from './path.js'
import { PathAnswers } from './path-answers.js'
import { PathProbe, type ProbeOutcome } from './path-probe.js'

const CHALLENGE_BYTES = 8
const FRAME_BYTES: number = 1 + CHALLENGE_BYTES

/** Whom the paths tell. */
export interface PathsOwner {
  /** How long a probe waits on the present path. */
  readonly ptoMs: number
  /** True for the side whose moves the other one follows, not the other way round: the initiator. */
  readonly leads: boolean
  /** Another path is used from now on, because this side wants it (`isOwn`) or because the peer is there. */
  onPathChanged(now: number, isOwn: boolean): void
  /** The peer is asked to follow: something has to leave on the present path that does more than probe. */
  onMoved(): void
  /** It is known whether the peer answers at an address that `probe` was called for. */
  onProbed(peer: VIPSocketPeer, answered: boolean): void
}

/** What is known of the address where the handshake has met the peer. */
export interface PathStart {
  /** True if the application named the address itself: there is nothing to prove then. */
  readonly isKnown: boolean
  /** The largest datagram that either side or the interface allows. */
  readonly boundBytes: number
  /** Bytes that came from it and that went to it during the handshake. */
  readonly receivedBytes: number
  readonly sentBytes: number
  /** Other addresses where the peer may be, if it turns out not to be there. */
  readonly spares: readonly VIPSocketPeer[]
}

/** The paths of one connection. */
export class Paths {
  readonly #options: PathOptions
  readonly #random: IVRandom
  readonly #owner: PathsOwner
  #current: Path
  /** Where to go back to if the present path does not answer. */
  #previous: Path | null = null
  /** Addresses where the peer may be, as long as none has proved itself. */
  #spares: readonly VIPSocketPeer[] = []
  #challenge: Buffer | null = null
  #owesChallenge = false
  #challengeAt = Number.POSITIVE_INFINITY
  #deadline = Number.POSITIVE_INFINITY
  /** The answers that are owed to challenges. */
  readonly answers: PathAnswers = new PathAnswers()
  /** The question to an address beside the present path, and who asked: this side itself, or only because it was asked. */
  readonly #probe: PathProbe
  #isProbeOwn = false
  /** An address that has answered without having been moved to. */
  #standby: Path | null = null
  /** Until when the peer may take to follow a move of this side's own; Infinity while there is none. */
  #followBy = Number.POSITIVE_INFINITY
  /** How often the connection has moved. */
  migrations = 0

  constructor(peer: VIPSocketPeer, options: PathOptions, random: IVRandom, owner: PathsOwner) {
    this.#options = options
    this.#random = random
    this.#owner = owner
    this.#current = new Path(peer, options)
    this.#probe = new PathProbe(random)
  }

  /** The path in use. */
  get current(): Path {
    return this.#current
  }

  /** True while the present path has to be challenged right now. */
  get owesChallenge(): boolean {
    return this.#owesChallenge
  }

  /** When `onTimeout` is due; Infinity for never. */
  get dueAt(): number {
    return Math.min(this.#challengeAt, this.#deadline, this.#probe.dueAt, this.#followBy)
  }

  /** The address beside the present path that is to be asked now; null if there is none. */
  get probePeer(): VIPSocketPeer | null {
    return this.#probe.owedPeer
  }

  /** How large the datagram with that question is at most. */
  get probeBytes(): number {
    return this.#probe.question?.sizeBytes ?? 0
  }

  /** The handshake has shown where the peer is. */
  start(now: number, peer: VIPSocketPeer, about: PathStart): void {
    const { isKnown, boundBytes } = about
    this.#boundBytes = boundBytes
    this.#current = new Path(peer, this.#pathOptions)
    this.#spares = isKnown ? [] : about.spares.filter((spare) => !spare.equals(peer))
    if (isKnown) this.#current.validate(now)
    else {
      this.#current.onReceived(now, about.receivedBytes)
      this.#current.onTransmit(about.sentBytes)
      this.#beginChallenge(now)
    }
  }

  #boundBytes: number = VUT1.datagramBytes

  /**
   * A DATA datagram from `from` was opened; it `moves` the connection if its number is the highest yet and it does more
   * than probe a path.
   */
  onDatagram(now: number, from: VIPSocketPeer, sizeBytes: number, moves: boolean): void {
    const { peer } = this.#current
    const isCurrent = from === peer || from.equals(peer)
    if (this.#followBy !== Number.POSITIVE_INFINITY) {
      // What still comes from elsewhere was sent before the peer knew of the move.
      if (isCurrent && moves) this.#followed()
      if (isCurrent) this.#current.onReceived(now, sizeBytes)
      return
    }
    if (!isCurrent && moves) this.#move(now, from)
    if (isCurrent || moves) this.#current.onReceived(now, sizeBytes)
  }

  /** PATH_CHALLENGE: is answered to where it came from; from elsewhere it is a reason to ask as well. */
  onChallenge(now: number, from: VIPSocketPeer, data: Buffer, sizeBytes: number): void {
    this.answers.add(from, data)
    if (this.#probe.question !== null || from === this.#current.peer || from.equals(this.#current.peer))
      return
    if (this.#standbyAt(now, from) === null) this.#ask(now, from, { moves: false, sizeBytes })
  }

  /**
   * Asks whether the peer is at another address, while everything goes on as it is; `moves` to go over to it if so. False
   * if that is the present address.
   */
  probe(now: number, peer: VIPSocketPeer, moves: boolean): boolean {
    if (peer.equals(this.#current.peer)) return false
    this.#isProbeOwn = true
    this.#ask(now, peer, { moves, sizeBytes: VUT1.datagramBytes })
    return true
  }

  /** PATH_RESPONSE: proves the present path if it answers its challenge. */
  onResponse(now: number, data: Buffer): void {
    if (this.#challenge === null || !this.#challenge.equals(data)) {
      this.#probed(now, this.#probe.take(now, data))
      return
    }
    this.#endChallenge()
    this.#previous = null
    this.#spares = []
    this.#current.validate(now)
  }

  /** The local address may be another one: the road to the peer is a new one, and is tried at once. */
  localAddressChanged(now: number): void {
    const path = new Path(this.#current.peer, this.#pathOptions)
    // The address is the same, and has proved itself.
    path.validate(now)
    this.#replace(now, path, true)
    this.#beginChallenge(now)
  }

  /** Nothing may be sent any more without proof that the peer is there: asks for it. */
  askForConsent(now: number): void {
    if (this.#challenge === null) this.#beginChallenge(now)
  }

  /** Sends a challenge again, or goes back. */
  onTimeout(now: number): void {
    this.#probed(now, this.#probe.onTimeout(now))
    if (now >= this.#followBy) this.#notFollowed(now)
    if (now >= this.#deadline) {
      this.#endChallenge()
      this.#goBack(now)
    } else if (now >= this.#challengeAt) {
      this.#owesChallenge = true
      this.#challengeAt = now + this.#owner.ptoMs
    }
  }

  /** Writes the challenge that is owed. */
  writeChallenge(builder: DatagramBuilder): void {
    if (!this.#owesChallenge || this.#challenge === null || builder.room < FRAME_BYTES) return
    builder.wrote(writeWithBytes(builder.bytes, builder.at, [FRAME.pathChallenge], this.#challenge))
    this.#owesChallenge = false
  }

  /** Writes the question to the address beside the present path. */
  writeProbe(now: number, builder: DatagramBuilder): void {
    this.#probe.write(now, builder)
  }

  /** The connection is over. */
  clear(): void {
    this.answers.clear()
    this.#endChallenge()
    this.#probe.end()
    this.#followBy = Number.POSITIVE_INFINITY
  }

  get #pathOptions(): PathOptions {
    return { ...this.#options, boundBytes: this.#boundBytes }
  }

  #ask(now: number, peer: VIPSocketPeer, how: { readonly moves: boolean; readonly sizeBytes: number }): void {
    const waitMs = Math.max(this.#owner.ptoMs, VUT1.initFirstDelayMs)
    this.#probe.begin(now, { path: new Path(peer, this.#pathOptions), waitMs, ...how })
  }

  #probed(now: number, outcome: ProbeOutcome | null): void {
    if (outcome === null) return
    const { path, moves, answered } = outcome
    const isOwn = this.#isProbeOwn
    this.#isProbeOwn = false
    if (answered && !moves) this.#standby = path
    else if (answered) this.#goOver(now, path)
    if (isOwn) this.#owner.onProbed(path.peer, answered)
  }

  /** To an address that has answered, on this side's own account. */
  #goOver(now: number, path: Path): void {
    this.#endChallenge()
    this.#previous = this.#current
    this.#standby = null
    this.#use(now, path, true)
    // Who does not lead goes where the other side is heard, also if that is back.
    if (this.#owner.leads) {
      this.#followBy = now + VUT1.validationPtos * Math.max(this.#owner.ptoMs, VUT1.validationMs)
    }
    this.#owner.onMoved()
  }

  #followed(): void {
    this.#followBy = Number.POSITIVE_INFINITY
    this.#previous = null
  }

  /** Nothing came on the new path although it had answered: back. */
  #notFollowed(now: number): void {
    const previous = this.#previous
    this.#followed()
    if (previous === null) return
    this.#use(now, previous, true)
    this.#owner.onMoved()
  }

  /** What is known of an address that has answered not long ago. */
  #standbyAt(now: number, peer: VIPSocketPeer): Path | null {
    const path = this.#standby
    if (path === null || !path.peer.equals(peer)) return null
    return now - path.provenAt <= VUT1.consentMs ? path : null
  }

  #move(now: number, from: VIPSocketPeer): void {
    if (this.#probe.question?.path.peer.equals(from) === true) this.#probe.end()
    const standby = this.#standbyAt(now, from)
    if (standby !== null) {
      this.#standby = null
      this.#endChallenge()
      this.#previous = null
      this.#use(now, standby, false)
      return
    }
    const previous = this.#previous
    if (previous !== null && (previous.peer === from || previous.peer.equals(from))) {
      // The newest comes from where it always came from: what came from elsewhere was a copy, or a short trip.
      this.#endChallenge()
      this.#previous = null
      this.#use(now, previous, false)
      return
    }
    this.#replace(now, new Path(from, this.#pathOptions), false)
  }

  /** The present path has not answered: back to the one before, or on to the next address where the peer may be. */
  #goBack(now: number): void {
    const previous = this.#previous
    this.#previous = null
    if (previous !== null) {
      this.#use(now, previous, true)
      return
    }
    if (this.#current.isValidated) return
    const [spare, ...others] = this.#spares
    if (spare === undefined) {
      // It is the only one there is: asked again until it answers.
      this.#beginChallenge(now)
      return
    }
    this.#spares = [...others, this.#current.peer]
    const path = new Path(spare, this.#pathOptions)
    // Enough for a challenge, and next to nothing for whoever had a PUNCH sent on from there.
    path.onReceived(now, VUT1.punchBytes)
    this.#use(now, path, true)
  }

  /** Puts another path in the place of the present one, which is kept as long as the new one is to be proved. */
  #replace(now: number, path: Path, isOwn: boolean): void {
    if (this.#current.isValidated) this.#previous = this.#current
    this.#endChallenge()
    this.#use(now, path, isOwn)
  }

  /** One that has not proved itself, new or left before it could, is challenged: else it would stay held to three times. */
  #use(now: number, path: Path, isOwn: boolean): void {
    this.#current = path
    this.migrations += 1
    this.#owner.onPathChanged(now, isOwn)
    if (!path.isValidated) this.#beginChallenge(now)
  }

  #beginChallenge(now: number): void {
    this.#challenge = Buffer.alloc(CHALLENGE_BYTES)
    this.#random.fillSecret(this.#challenge)
    this.#owesChallenge = true
    const waitMs = Math.max(this.#owner.ptoMs, this.#current.rtt.ptoMs(0))
    this.#challengeAt = now + waitMs
    this.#deadline = now + VUT1.validationPtos * Math.max(waitMs, VUT1.validationMs)
  }

  #endChallenge(): void {
    this.#challenge = null
    this.#owesChallenge = false
    this.#challengeAt = Number.POSITIVE_INFINITY
    this.#deadline = Number.POSITIVE_INFINITY
  }
}
