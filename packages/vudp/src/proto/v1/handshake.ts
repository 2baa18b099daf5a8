/**
 * The handshake: PUNCH, INIT, RESP and VERSION (VUT 2 and 3).
 *
 * Decides what is sent before there are keys, what is believed of what arrives, and when there are keys. Whether the peer
 * has proved itself is decided by the connection, as for the responder only the first DATA shows it. Invariants: what
 * fails a check changes nothing but counts; RESP goes out once for each INIT, which is larger.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { V1Config, VUDPMeans } from '../config.js'
import type { VCipherId } from '../crypto.js'
import { VUT_CODE } from '../errors.js'
import { VUT1 } from '../profile.js'
import { type Candidate, Candidates } from './candidates.js'
import { FailureLimit } from './failure-limit.js'
import { Fifo } from './fifo.js'
import { keptBytes, keptCopy } from './kept.js'
import { resetToken, type SessionKeys, sessionKeys } from './key-schedule.js'
import { Noise } from './noise.js'
import {
  encodeInit,
  encodePunch,
  encodeResp,
  encodeVersion,
  hasId,
  hasTag,
  type InitDatagram,
  KIND,
  openPunch,
  openVersion,
  parseInit,
  parseResp,
} from './packet.js'
import { decodeParameters, encodeParameters, type Parameters } from './parameters.js'

const KEY_BYTES = 32
const EMPTY: Buffer = Buffer.alloc(0)
const TAG_IN_INIT = 2

/** A datagram that waits to leave. */
export interface LongDatagram {
  readonly peer: VIPSocketPeer
  readonly bytes: Buffer
}

/** What the handshake ends in. */
export interface HandshakeResult {
  /** Where the other side was met. */
  readonly peer: VIPSocketPeer
  readonly sendSecret: Buffer
  readonly receiveSecret: Buffer
  readonly cipher: VCipherId
  readonly parameters: Parameters
  /** What goes into the header of DATA. */
  readonly dcid: Buffer
  /** How long RESP took; -1 where that is not known. */
  readonly rttMs: number
  /** False if `canConnect` said no. */
  readonly isAllowed: boolean
}

/** What a datagram was. */
export type HandshakeVerdict = 'taken' | 'invalid' | 'ignored'

/** One side of the handshake of one connection. */
export class Handshake {
  /** The id that the peer puts into what it sends. */
  readonly scid: Buffer
  keys: SessionKeys
  readonly candidates: Candidates
  /** What waits to leave. */
  readonly outbox: Fifo<LongDatagram> = new Fifo<LongDatagram>()
  /** Set when there are keys. */
  result: HandshakeResult | null = null
  /** The code it failed with; -1 if it did not. */
  failure = -1
  /** True once nothing is sent or taken any more. */
  isOver = false
  readonly #config: V1Config
  readonly #means: VUDPMeans
  #limit: FailureLimit | null = new FailureLimit()
  #noise: Noise | null = null
  #init: Buffer | null = null
  #resp: Buffer | null = null
  #sequence = 0
  #peerSequence = -1
  #deadline = Number.POSITIVE_INFINITY

  constructor(config: V1Config, means: VUDPMeans) {
    this.#config = config
    this.#means = means
    const { secret, peerSecret, isInitiator } = config
    const secrets = isInitiator ? ([secret, peerSecret] as const) : ([peerSecret, secret] as const)
    const keys = sessionKeys(means.crypto, ...secrets)
    this.keys = { ...keys, tag: keptCopy(keys.tag) }
    this.scid = keptBytes(VUT1.idBytes)
    means.random.fillPublic(this.scid)
    this.candidates = new Candidates(isInitiator)
  }

  /** When something is due; Infinity for never. */
  get dueAt(): number {
    return this.isOver ? Number.POSITIVE_INFINITY : Math.min(this.#deadline, this.candidates.dueAt)
  }

  /** Begins: the first PUNCH, and INIT from the initiator. */
  start(now: number): void {
    this.#deadline = now + this.#config.handshakeTimeoutMs
    if (this.#config.isInitiator) this.#makeInit()
    this.candidates.add(now, this.#config.peer)
    this.onTimeout(now)
  }

  /** Sends what is due, or gives up. */
  onTimeout(now: number): void {
    if (this.isOver) return
    if (now >= this.#deadline) {
      this.#fail(VUT_CODE.handshakeTimeout)
      return
    }
    for (const candidate of this.candidates.all) this.#serve(now, candidate)
  }

  /** The connection has begun, or is over: nothing more is sent. */
  end(): void {
    this.isOver = true
    this.candidates.end()
    this.outbox.clear()
    this.#noise = null
    this.#init = null
    this.#resp = null
  }

  /** The connection has what it needs: keys and parameters are let go of for as long as it lives. */
  forget(): void {
    this.end()
    this.result = null
    this.keys = { psk: EMPTY, tag: this.keys.tag, punchInitiator: EMPTY, punchResponder: EMPTY }
    this.#limit = null
  }

  /** Takes a long datagram other than RESET. */
  onDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): HandshakeVerdict {
    const kind = bytes[0] ?? 0
    if (kind < KIND.punch || kind > KIND.version) return 'invalid'
    if (this.isOver) return 'ignored'
    switch (kind) {
      case KIND.punch:
        return this.#onPunch(now, from, bytes)
      case KIND.init:
        return this.#config.isInitiator ? 'ignored' : this.#onInit(now, from, bytes)
      case KIND.resp:
        return this.#config.isInitiator ? this.#onResp(now, from, bytes) : 'ignored'
      case KIND.version:
        return this.#config.isInitiator ? this.#onVersion(now, from, bytes) : 'ignored'
      default:
        return 'invalid'
    }
  }

  #onPunch(now: number, from: VIPSocketPeer, bytes: Buffer): HandshakeVerdict {
    if (!hasTag(bytes, 1, this.keys.tag) || this.#limit?.allows(now, from) !== true) return 'invalid'
    const key = this.#config.isInitiator ? this.keys.punchResponder : this.keys.punchInitiator
    const sequence = openPunch(this.#means.crypto, key, this.keys.tag, bytes)
    if (sequence < 0) return this.#forged(now, from)
    if (sequence <= this.#peerSequence) return 'ignored'
    this.#peerSequence = sequence
    const candidate = this.candidates.add(now, from)
    if (candidate !== null) {
      candidate.receivedBytes += bytes.length
      this.#serve(now, candidate)
    }
    return 'taken'
  }

  #onInit(now: number, from: VIPSocketPeer, bytes: Buffer): HandshakeVerdict {
    if (!hasTag(bytes, TAG_IN_INIT, this.keys.tag)) return 'invalid'
    const init = parseInit(bytes)
    if (init === null) return 'invalid'
    // Most others are told apart from the true one, once that has come, without a key.
    if (this.#init === null && this.#limit?.allows(now, from) !== true) return 'invalid'
    if (init.version !== VUT1.version) {
      // Once the true one has come, nobody who matters speaks another version.
      if (this.#init !== null) return 'invalid'
      this.#send(from, encodeVersion(this.#means.crypto, this.#ownPunchKey, this.keys.tag, [VUT1.version]))
      // Anybody may ask for this answer, so it counts like a check that failed.
      return this.#forged(now, from)
    }
    if (this.#init === null) {
      if (!this.#answer(from, init)) return this.#forged(now, from)
      // Without the padding, which nothing protects.
      this.#init = Buffer.from(bytes.subarray(0, init.endAt))
      this.candidates.end()
    } else if (!this.#init.equals(bytes.subarray(0, init.endAt))) return 'invalid'
    if (this.#resp === null) return 'ignored'
    // Whoever copies INIT can fill the list of addresses before the true one comes: it is answered all the same.
    const candidate = this.candidates.add(now, from)
    if (candidate !== null) {
      candidate.receivedBytes += bytes.length
      candidate.sentBytes += this.#resp.length
    }
    this.#send(from, this.#resp)
    return 'taken'
  }

  /** Reads the first INIT and prepares RESP. Returns false if it does not open. */
  #answer(from: VIPSocketPeer, init: InitDatagram): boolean {
    const { crypto: suite } = this.#means
    const scid = Buffer.from(init.scid)
    const noise = new Noise(suite, this.keys.psk, this.#prologue(scid), this.#drawKey())
    const payload = noise.readFirst(init.message)
    if (payload === null) return false
    const parameters = decodeParameters(payload)
    const cipher = parameters?.ciphers.find((each) => this.#config.ciphers.includes(each))
    if (parameters === null || cipher === undefined) {
      this.#fail(VUT_CODE.frame)
      return true
    }
    const own = { ...this.#ownParameters(), ciphers: [cipher], respId: this.scid }
    const message = noise.writeSecond(encodeParameters(own))
    if (message === null) return false
    this.#resp = encodeResp(scid, this.scid, message)
    const { initiatorSecret, responderSecret } = noise.split()
    this.result = {
      peer: from,
      sendSecret: responderSecret,
      receiveSecret: initiatorSecret,
      cipher,
      parameters,
      dcid: scid,
      rttMs: -1,
      isAllowed: this.#allows(from, parameters),
    }
    return true
  }

  #onResp(now: number, from: VIPSocketPeer, bytes: Buffer): HandshakeVerdict {
    if (!hasId(bytes, 1, this.scid) || this.#limit?.allows(now, from) !== true) return 'invalid'
    const resp = parseResp(bytes)
    const payload = resp === null ? null : (this.#noise?.readSecond(resp.message) ?? null)
    if (resp === null || payload === null || this.#noise === null) return this.#forged(now, from)
    const parameters = decodeParameters(payload)
    const cipher = parameters?.ciphers[0]
    const fits = parameters?.respId.length === VUT1.idBytes && parameters.ciphers.length === 1
    if (!fits || parameters === null || cipher === undefined || !this.#config.ciphers.includes(cipher)) {
      this.#fail(VUT_CODE.frame)
      return 'taken'
    }
    const { initiatorSecret, responderSecret } = this.#noise.split()
    const candidate = this.candidates.add(now, from)
    if (candidate !== null) candidate.receivedBytes += bytes.length
    this.result = {
      peer: from,
      sendSecret: initiatorSecret,
      receiveSecret: responderSecret,
      cipher,
      parameters,
      // The header says the same, unless somebody has changed it: nothing protects it there.
      dcid: parameters.respId,
      // Only where it cannot be the answer to an earlier one.
      rttMs: candidate?.init.count === 1 ? now - candidate.initSentAt : -1,
      isAllowed: this.#allows(from, parameters),
    }
    return 'taken'
  }

  #onVersion(now: number, from: VIPSocketPeer, bytes: Buffer): HandshakeVerdict {
    if (!hasTag(bytes, 1, this.keys.tag) || this.#limit?.allows(now, from) !== true) return 'invalid'
    const versions = openVersion(this.#means.crypto, this.keys.punchResponder, this.keys.tag, bytes)
    if (versions === null) return this.#forged(now, from)
    if (!versions.includes(VUT1.version)) this.#fail(VUT_CODE.version)
    return 'taken'
  }

  /** A check with a key has failed. */
  #forged(now: number, from: VIPSocketPeer): HandshakeVerdict {
    this.#limit?.failed(now, from)
    return 'invalid'
  }

  #allows(peer: VIPSocketPeer, parameters: Parameters): boolean {
    return this.#config.hooks.canConnect?.(peer, parameters.userData) ?? true
  }

  /** Sends PUNCH and INIT to an address, where they are due. */
  #serve(now: number, candidate: Candidate): void {
    if (now >= candidate.punch.dueAt) {
      candidate.punch.done(now)
      this.#sequence += 1
      const { crypto: suite } = this.#means
      this.#send(candidate.peer, encodePunch(suite, this.#ownPunchKey, this.keys.tag, this.#sequence))
    }
    if (now >= candidate.init.dueAt && this.#init !== null) {
      candidate.init.done(now)
      candidate.initSentAt = now
      this.#send(candidate.peer, this.#init)
    }
  }

  #makeInit(): void {
    this.#noise = new Noise(this.#means.crypto, this.keys.psk, this.#prologue(this.scid), this.#drawKey())
    const parameters = { ...this.#ownParameters(), ciphers: this.#config.ciphers }
    this.#init = encodeInit(this.keys.tag, this.scid, this.#noise.writeFirst(encodeParameters(parameters)))
  }

  #ownParameters(): Partial<Parameters> {
    const config = this.#config
    const token = resetToken(this.#means.crypto, config.resetKey, this.scid)
    return {
      idleTimeoutMs: Math.min(Math.round(config.idleTimeoutMs), VUT1.maxNumber),
      streamLimit: config.windowBytes,
      totalLimit: Math.floor(config.windowBytes * VUT1.totalLimitFactor),
      maxStreams: config.maxStreams,
      datagramBytes: config.maxDatagramBytes,
      resetToken: token,
      userData: config.userData,
      ackFrequency: VUT1.ackFrequency,
      ...(config.maxUnreliableBytes > 0 && { unreliableBytes: config.maxUnreliableBytes }),
    }
  }

  #prologue(scid: Buffer): Buffer {
    const { context } = this.#config
    const version = Uint8Array.of(VUT1.version)
    const length = Uint8Array.of(context.length)
    return Buffer.concat([Buffer.from('VUT/1'), version, this.keys.tag, scid, length, context])
  }

  #drawKey(): Buffer {
    const key = Buffer.alloc(KEY_BYTES)
    this.#means.random.fillSecret(key)
    return key
  }

  get #ownPunchKey(): Buffer {
    return this.#config.isInitiator ? this.keys.punchInitiator : this.keys.punchResponder
  }

  #send(peer: VIPSocketPeer, bytes: Buffer): void {
    if (this.outbox.length >= VUT1.waitingLong) this.outbox.shift()
    this.outbox.push({ peer, bytes })
  }

  #fail(code: number): void {
    this.failure = code
    this.end()
  }
}
