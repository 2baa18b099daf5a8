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
import { Fifo } from './fifo.js'
import { FRAME, writeWithBytes } from './frames.js'
import { Path, type PathOptions } from './path.js'

const CHALLENGE_BYTES = 8
const FRAME_BYTES: number = 1 + CHALLENGE_BYTES

/** Whom the paths tell. */
export interface PathsOwner {
  /** How long a probe waits on the present path. */
  readonly ptoMs: number
  /** Another path is used from now on. */
  onPathChanged(now: number): void
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

/** An answer that waits to leave. */
interface Answer {
  readonly peer: VIPSocketPeer
  readonly data: Buffer
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
  readonly #answers = new Fifo<Answer>()
  /** How often the connection has moved. */
  migrations = 0

  constructor(peer: VIPSocketPeer, options: PathOptions, random: IVRandom, owner: PathsOwner) {
    this.#options = options
    this.#random = random
    this.#owner = owner
    this.#current = new Path(peer, options)
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
    return Math.min(this.#challengeAt, this.#deadline)
  }

  /** The address where an answer has to go next; null if there is none. */
  get answerPeer(): VIPSocketPeer | null {
    return this.#answers.first?.peer ?? null
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
    if (!isCurrent && moves) this.#move(now, from)
    if (isCurrent || moves) this.#current.onReceived(now, sizeBytes)
  }

  /** PATH_CHALLENGE: is answered to where it came from. */
  onChallenge(from: VIPSocketPeer, data: Buffer): void {
    if (this.#answers.length >= VUT1.maxPathResponses) this.#answers.shift()
    this.#answers.push({ peer: from, data: Buffer.from(data) })
  }

  /** PATH_RESPONSE: proves the present path if it answers its challenge. */
  onResponse(now: number, data: Buffer): void {
    if (this.#challenge === null || !this.#challenge.equals(data)) return
    this.#endChallenge()
    this.#previous = null
    this.#spares = []
    this.#current.validate(now)
  }

  /** The local address may be another one: the road to the peer is a new one, and is tried at once. */
  localAddressChanged(now: number): void {
    this.#replace(now, new Path(this.#current.peer, this.#pathOptions))
    // The address is the same, and has proved itself.
    this.#current.validate(now)
    this.#beginChallenge(now)
  }

  /** Nothing may be sent any more without proof that the peer is there: asks for it. */
  askForConsent(now: number): void {
    if (this.#challenge === null) this.#beginChallenge(now)
  }

  /** Sends a challenge again, or goes back. */
  onTimeout(now: number): void {
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

  /** Writes the answers that are owed to `peer`, as far as there is room. */
  writeAnswers(builder: DatagramBuilder, peer: VIPSocketPeer): void {
    for (let answer = this.#answers.first; answer?.peer === peer; answer = this.#answers.first) {
      if (builder.room < FRAME_BYTES) return
      builder.wrote(writeWithBytes(builder.bytes, builder.at, [FRAME.pathResponse], answer.data))
      this.#answers.shift()
    }
  }

  /** The connection is over. */
  clear(): void {
    this.#answers.clear()
    this.#endChallenge()
  }

  get #pathOptions(): PathOptions {
    return { ...this.#options, boundBytes: this.#boundBytes }
  }

  #move(now: number, from: VIPSocketPeer): void {
    const previous = this.#previous
    if (previous !== null && (previous.peer === from || previous.peer.equals(from))) {
      // The newest comes from where it always came from: what came from elsewhere was a copy, or a short trip.
      this.#endChallenge()
      this.#previous = null
      this.#use(now, previous)
      return
    }
    this.#replace(now, new Path(from, this.#pathOptions))
    this.#beginChallenge(now)
  }

  /** The present path has not answered: back to the one before, or on to the next address where the peer may be. */
  #goBack(now: number): void {
    const previous = this.#previous
    this.#previous = null
    if (previous !== null) {
      this.#use(now, previous)
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
    this.#use(now, path)
    this.#beginChallenge(now)
  }

  /** Puts another path in the place of the present one, which is kept as long as the new one is to be proved. */
  #replace(now: number, path: Path): void {
    if (this.#current.isValidated) this.#previous = this.#current
    this.#endChallenge()
    this.#use(now, path)
  }

  #use(now: number, path: Path): void {
    this.#current = path
    this.migrations += 1
    this.#owner.onPathChanged(now)
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
