/**
 * Packet protection: keys by generation, nonces, whole numbers out of their low 32 bits, and the window of numbers that
 * were seen (VUT 2 and 3, RFC 9000 appendix A.3, RFC 9001 section 6).
 *
 * Decides which key a datagram is sealed and opened with, when keys change, and whether a number is new. What is inside
 * is not looked at. Invariants: a number is sealed once per key, the window only moves up, a datagram that does not
 * open changes nothing but a counter, and who asks `isSpent` before each datagram stays within what a key may be used for.
 */
import type { IVAead, IVCrypto, VAeadSpan, VCipherId } from '../crypto.js'
import { VUT1 } from '../profile.js'
import type { DatagramBuilder } from './builder.js'
import { keptCopy } from './kept.js'
import { trafficKeys } from './key-schedule.js'
import { KIND } from './packet.js'

const WORD = 2 ** 32
const HALF = 2 ** 31
const { headerBytes: HEADER, tagOfAeadBytes: TAG, idBytes: ID } = VUT1
const NUMBER_AT: number = 1 + ID
const EMPTY: Buffer = Buffer.alloc(0)
/** The last datagrams that a key may seal are for CLOSE, which may have to be repeated. */
const LAST_FOR_DATA: number = VUT1.maxDatagramsPerKey - VUT1.maxCloseRepeats
const WINDOW_WORDS: number = VUT1.replayWindow / 32
/** One nonce and one span for all: they are looked at within the call alone, and thousands of connections would hold theirs. */
const NONCE: Buffer = Buffer.alloc(VUT1.nonceBytes)
const SPAN: VAeadSpan = { start: 0, headerEnd: 0, plainEnd: 0 }

/** One direction's cipher in one generation. */
interface Generation {
  readonly aead: IVAead
  /** The iv in three words; signed, as small integers are no objects. */
  readonly ivFirst: number
  readonly ivHigh: number
  readonly ivLow: number
  readonly next: Buffer
}

/** The whole number whose low 32 bits are `low`: the one nearest to what comes after `largest`. */
export function wholeNumber(low: number, largest: number): number {
  const expected = largest + 1
  const candidate = Math.floor(expected / WORD) * WORD + low
  if (candidate <= expected - HALF && candidate + WORD <= VUT1.maxNumber) return candidate + WORD
  if (candidate > expected + HALF && candidate >= WORD) return candidate - WORD
  return candidate
}

/**
 * Which numbers were seen: a bit each for the highest `VUT1.replayWindow`, those below count as seen. While they come in
 * order there is nothing to note but the highest: the bits are made when the first one is passed over.
 */
export class ReplayWindow {
  #bits: Uint32Array | null = null
  #largest = -1

  /** The highest number that was seen; -1 before the first. */
  get largest(): number {
    return this.#largest
  }

  /** True if `number` was seen or is too old to tell. */
  has(number: number): boolean {
    if (number > this.#largest) return false
    const bits = this.#bits
    if (bits === null || number <= this.#largest - VUT1.replayWindow) return true
    return ((bits[indexOf(number)] as number) & (1 << (number % 32))) !== 0
  }

  /** Notes a number that `has` does not know. */
  add(number: number): void {
    if (this.#bits === null) {
      if (number === this.#largest + 1) {
        this.#largest = number
        return
      }
      // All below were seen, or are below the window; what is above the highest is cleared as it moves up.
      this.#bits = new Uint32Array(WINDOW_WORDS).fill(0xffff_ffff)
    }
    const bits = this.#bits
    if (number > this.#largest) {
      clearBits(bits, this.#largest + 1, number)
      this.#largest = number
    }
    const at = indexOf(number)
    bits[at] = (bits[at] as number) | (1 << (number % 32))
  }
}

function indexOf(number: number): number {
  return Math.floor(number / 32) % WINDOW_WORDS
}

function clearBits(bits: Uint32Array, from: number, to: number): void {
  if (to - from >= VUT1.replayWindow) {
    bits.fill(0)
    return
  }
  for (let number = from; number <= to; ) {
    const at = indexOf(number)
    const bit = number % 32
    // A whole word at a time where the stretch covers it.
    if (bit === 0 && number + 31 <= to) {
      bits[at] = 0
      number += 32
    } else {
      bits[at] = (bits[at] as number) & ~(1 << bit)
      number += 1
    }
  }
}

/** What a datagram turned out to be. */
export type OpenResult = 'opened' | 'invalid' | 'repeated'

/** The secrets that the handshake ended in, seen from one side. */
export interface ProtectionSecrets {
  readonly send: Buffer
  readonly receive: Buffer
  readonly cipher: VCipherId
  /** Datagrams after which the sender changes keys. */
  readonly datagramsPerKey: number
}

/** The packet protection of one connection, both directions. */
export class Protection {
  /** What `open` found, until `clear`. Belongs to the caller, unless `plainIsLent`. */
  plain: Buffer = EMPTY
  /** The number of the datagram that was opened last, and whether it was the highest yet. */
  number = -1
  isHighest = false
  /** True if `plain` is a view of the datagram. */
  plainIsLent = false
  readonly #crypto: IVCrypto
  readonly #cipher: VCipherId
  readonly #datagramsPerKey: number
  readonly #window = new ReplayWindow()
  #send: Generation
  #sendGeneration = 0
  /** The first number under the present sending key, and whether the peer has acknowledged one of them. */
  #sendFirst = 0
  #sendConfirmed = false
  #lastSealed = -1
  #receive: Generation
  #receiveGeneration = 0
  /** The first number that opened under the present receiving key. */
  #receiveFirst = 0
  #next: Generation | null = null
  #old: Generation | null = null
  #oldUntil = 0
  /** How many datagrams failed to open under the present receiving key, the next one and the old one. */
  #failures = 0
  #nextFailures = 0
  #oldFailures = 0

  constructor(suite: IVCrypto, secrets: ProtectionSecrets) {
    this.#crypto = suite
    this.#cipher = secrets.cipher
    this.#datagramsPerKey = Math.min(secrets.datagramsPerKey, LAST_FOR_DATA)
    this.#send = this.#make(secrets.send)
    this.#receive = this.#make(secrets.receive)
  }

  /** The highest number that was opened; -1 before the first. */
  get largest(): number {
    return this.#window.largest
  }

  /** How often the sending keys have changed. */
  get generation(): number {
    return this.#sendGeneration
  }

  /** True if `number` must not be sealed, except with CLOSE in it: the key has done enough, and may not be changed yet. */
  isSpent(number: number): boolean {
    return number - this.#sendFirst >= LAST_FOR_DATA && !this.#mayUpdate
  }

  /** Why the connection cannot go on with its keys, if `number` is the next one to seal; empty while it can (VUT 3). */
  wornBy(number: number): string {
    if (this.isSpent(number)) return 'a key has sealed all that it may, and the peer has not followed to it'
    const failures = Math.max(this.#failures, this.#nextFailures, this.#oldFailures)
    return failures >= VUT1.maxFailuresPerKey ? 'too many datagrams failed to open under one key' : ''
  }

  /** The peer has acknowledged `number`: if it was sealed under the present key, the key may change again. */
  onAcked(number: number): void {
    if (number >= this.#sendFirst) this.#sendConfirmed = true
  }

  /** Writes the header before the frames of `datagram` and seals; returns where the datagram ends. */
  seal(datagram: DatagramBuilder, dcid: Buffer, number: number): number {
    if (number - this.#sendFirst >= this.#datagramsPerKey && this.#mayUpdate) this.#changeSending()
    this.#lastSealed = number
    const { bytes, start, at: end } = datagram
    bytes[start] = KIND.data | (this.#sendGeneration & 1)
    bytes.set(dcid, start + 1)
    bytes.writeUInt32BE(number % WORD, start + NUMBER_AT)
    place(start, end)
    this.#send.aead.seal(nonceOf(this.#send, number), bytes, SPAN)
    return end + TAG
  }

  /** Opens a DATA datagram. `ptoMs` is how long a probe waits: old keys live three of these. */
  open(now: number, bytes: Buffer, ptoMs: number): OpenResult {
    if (bytes.length < HEADER + TAG) return 'invalid'
    const number = wholeNumber(bytes.readUInt32BE(NUMBER_AT), this.#window.largest)
    if (this.#window.has(number)) return 'repeated'
    const isPresent = ((bytes[0] as number) & 1) === (this.#receiveGeneration & 1)
    const plain = isPresent ? this.#openPresent(bytes, number) : this.#openOther(now, bytes, number)
    if (plain === null) return 'invalid'
    this.isHighest = number > this.#window.largest
    if (!isPresent && this.isHighest) this.#follow(number, now + VUT1.oldKeyPtos * ptoMs)
    this.#window.add(number)
    this.plain = plain
    this.plainIsLent = plain.buffer === bytes.buffer
    this.number = number
    return 'opened'
  }

  /** Does ahead what needs the numbers alone: `next` is sealed next, and what follows the highest one is opened. */
  prepare(next: number): void {
    const [send, receive] = [this.#send, this.#receive]
    send.aead.expectSeal?.(nonceOf(send, next))
    receive.aead.expectOpen?.(nonceOf(receive, this.#window.largest + 1))
  }

  /** Lets go of what `open` found: thousands of idle connections would keep a datagram each. */
  clear(): void {
    this.plain = EMPTY
  }

  #openPresent(bytes: Buffer, number: number): Buffer | null {
    const plain = this.#tryOpen(this.#receive, bytes, number)
    if (plain === null) this.#failures += 1
    return plain
  }

  /** A datagram of the other phase: from before the last change, or the first one of the next. */
  #openOther(now: number, bytes: Buffer, number: number): Buffer | null {
    if (number > this.#window.largest) {
      this.#next ??= this.#make(this.#receive.next)
      const plain = this.#tryOpen(this.#next, bytes, number)
      if (plain === null) this.#nextFailures += 1
      return plain
    }
    if (this.#old === null || number >= this.#receiveFirst || now > this.#oldUntil) return null
    const plain = this.#tryOpen(this.#old, bytes, number)
    if (plain === null) this.#oldFailures += 1
    return plain
  }

  /** The peer has changed its keys: so do we, if we did not begin it. */
  #follow(number: number, oldUntil: number): void {
    if (this.#next === null) return
    this.#old = this.#receive
    this.#oldUntil = oldUntil
    this.#receive = this.#next
    this.#next = null
    this.#receiveFirst = number
    this.#receiveGeneration += 1
    this.#oldFailures = this.#failures
    this.#failures = this.#nextFailures
    this.#nextFailures = 0
    if (this.#sendGeneration < this.#receiveGeneration) this.#changeSending()
  }

  /** True if the peer has shown that it has the present key, and has followed the last change. */
  get #mayUpdate(): boolean {
    return this.#sendConfirmed && this.#sendGeneration === this.#receiveGeneration
  }

  #changeSending(): void {
    this.#send = this.#make(this.#send.next)
    this.#sendGeneration += 1
    this.#sendConfirmed = false
    this.#sendFirst = this.#lastSealed + 1
  }

  #make(secret: Buffer): Generation {
    const { key, iv, next } = trafficKeys(this.#crypto, secret, this.#cipher)
    return {
      aead: this.#crypto.aead(this.#cipher, key),
      ivFirst: iv.readInt32BE(0),
      ivHigh: iv.readInt32BE(4),
      ivLow: iv.readInt32BE(8),
      next: keptCopy(next),
    }
  }

  #tryOpen(generation: Generation, bytes: Buffer, number: number): Buffer | null {
    place(0, bytes.length - TAG)
    return generation.aead.open(nonceOf(generation, number), bytes, SPAN)
  }
}

function place(start: number, end: number): void {
  SPAN.start = start
  SPAN.headerEnd = start + HEADER
  SPAN.plainEnd = end
}

function nonceOf({ ivFirst, ivHigh, ivLow }: Generation, number: number): Buffer {
  NONCE.writeInt32BE(ivFirst, 0)
  NONCE.writeInt32BE(ivHigh ^ Math.floor(number / WORD), 4)
  NONCE.writeInt32BE(ivLow ^ (number % WORD), 8)
  return NONCE
}
