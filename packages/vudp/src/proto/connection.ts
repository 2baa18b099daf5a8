/**
 * A VUT/1 connection: the order of work between its parts, and nothing else.
 *
 * In: admit, open, frames to their parts, then what follows from all of them. Out: what was asked of it meanwhile, then
 * `Outbound`. Each part decides its own affair. Invariants: nothing that a peer sends throws out of here; after its end a
 * connection holds no data but what can still be read; a drained one sends nothing and has no timeout.
 */
import {
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOLost,
  type VIPSocketPeer,
  type VTransmitBatch,
} from '@vio/io'
import { forgetSecrets, resolveConfig, type VUDPMeans, type VUDPOptions } from './config.js'
import type { IVUDPEngine, IVUDPStream, VUDPEvent } from './engine.js'
import { ProtocolFault, VUDPLost, VUT_CODE } from './errors.js'
import { VUT1 } from './profile.js'
import type { VUDPStats } from './stats.js'
import { createParts, type PartEvents } from './v1/create-parts.js'
import { Fifo } from './v1/fifo.js'
import { FRAME } from './v1/frames.js'
import { Inbound } from './v1/inbound.js'
import { Outbound } from './v1/outbound.js'
import { isData, KIND, resetTokenIn } from './v1/packet.js'
import type { FrameEvents, V1Parts } from './v1/parts.js'
import { Protection } from './v1/protection.js'
import type { SentPacket } from './v1/sent.js'
import { statsOf } from './v1/stats.js'
import type { Stream } from './v1/stream.js'

/** One connection of VUT/1, without a socket. It begins with the first call that tells it the time. */
export class VUDPConnection implements IVUDPEngine {
  /** What the parts tell comes here: one small object for each connection, and not a function for each thing told. */
  static readonly #Ear = class implements PartEvents, FrameEvents {
    readonly #of: VUDPConnection
    constructor(of: VUDPConnection) {
      this.#of = of
    }
    pathChanged(now: number, isOwn: boolean): void {
      this.#of.#pathChanged(now, isOwn)
    }
    packetAcked(packet: SentPacket): void {
      this.#of.#packetAcked(packet)
    }
    packetLost(packet: SentPacket): void {
      this.#of.#sendAgain(packet)
    }
    streamChanged(stream: Stream): void {
      this.#of.#streamChanged(stream)
    }
    tell(event: VUDPEvent): void {
      this.#of.#events.push(event)
    }
    onClose(now: number, code: number, text: Buffer): void {
      this.#of.#closedByPeer(now, code, text)
    }
    onUnreliable(bytes: Buffer): void {
      this.#of.#unreliable(bytes)
    }
  }

  readonly version: string = VUT1.name
  readonly #parts: V1Parts
  readonly #inbound: Inbound
  readonly #outbound: Outbound
  readonly #events = new Fifo<VUDPEvent>()
  readonly #changed = new Fifo<Stream>()
  #hasBegun = false
  /** What the application asked for and the time is needed for. */
  #closeAsked: VFailure | null = null
  #addressAsked = false
  #isSilent = false
  #isFinishing = false
  #closedEvent: VUDPEvent | null = null

  /** @throws TypeError or RangeError for an option that cannot be, see `VUDPOptions` */
  constructor(options: VUDPOptions, means: VUDPMeans) {
    const config = resolveConfig(options, means)
    const ear = new VUDPConnection.#Ear(this)
    this.#parts = createParts(config, means, ear)
    forgetSecrets(config)
    this.#inbound = new Inbound(this.#parts, ear)
    this.#outbound = new Outbound(this.#parts)
  }

  get connected(): boolean {
    return this.#parts.connected
  }

  get closed(): VFailure | null {
    return this.#parts.closing.reason
  }

  get drained(): boolean {
    return this.#parts.closing.state === 'drained'
  }

  get peer(): VIPSocketPeer {
    return this.#parts.paths.current.peer
  }

  get stream(): IVUDPStream {
    return this.#parts.streams.main
  }

  /** What names the session in datagrams that are not encrypted, 8 bytes; a socket with many connections looks it up. */
  get tag(): Buffer {
    return Buffer.from(this.#parts.handshake.keys.tag)
  }

  /** An address where the peer may be: it is tried at once, also if it is known, and as long as the handshake goes on. */
  addCandidate(now: number, peer: VIPSocketPeer): void {
    this.#begin(now)
    const { handshake } = this.#parts
    if (handshake.isOver || handshake.result !== null || handshake.failure >= 0) return
    handshake.candidates.hasten(now, peer)
    handshake.onTimeout(now)
  }

  /**
   * Asks whether the peer is at another address, while everything goes on as it is; if it is, goes over to it, or with
   * `onlyAsk` leaves it at that. The event `path-tried` follows, unless another address is tried before. False before the
   * handshake is over, after the end, and for the address in use.
   */
  tryPath(now: number, peer: VIPSocketPeer, onlyAsk = false): boolean {
    if (!this.connected || this.#parts.closing.state !== 'open') return false
    if (!this.#parts.paths.probe(now, peer, !onlyAsk)) return false
    this.#parts.ids.reserve(peer)
    return true
  }

  openStream(): IVUDPStream | null {
    return this.#isFinishing ? null : this.#parts.streams.open()
  }

  sendDatagram(bytes: Uint8Array): boolean {
    const { unreliable, paths, connected, closing } = this.#parts
    if (!connected || closing.state !== 'open') return false
    return unreliable.send(bytes, paths.current.datagramBytes - VUT1.headerBytes - VUT1.tagOfAeadBytes)
  }

  close(reason: VFailure): void {
    if (this.closed !== null) return
    if (this.#closeAsked === null || !(reason instanceof VFIOCompleted)) this.#closeAsked = reason
  }

  localAddressChanged(): void {
    this.#addressAsked = true
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    this.#begin(now)
    const { counts } = this.#parts
    counts.received += 1
    counts.receivedBytes += bytes.length
    this.#checkIdle(now)
    const first = bytes[0] ?? 0
    if (isData(first)) this.#takeData(now, from, bytes)
    else if (first === KIND.reset) this.#takeReset(now, from, bytes)
    else this.#takeLong(now, from, bytes)
    this.#settle(now)
  }

  handleTimeout(now: number): void {
    this.#begin(now)
    const { handshake, recovery, closing, liveness, paths } = this.#parts
    this.#checkIdle(now)
    if (now >= closing.dueAt) this.#drain()
    if (now >= handshake.dueAt) {
      handshake.onTimeout(now)
      this.#checkHandshake(now)
    }
    if (closing.state === 'open' && this.connected) {
      if (now >= paths.dueAt) paths.onTimeout(now)
      if (now >= recovery.dueAt) this.#lossTimeout(now)
      if (now >= liveness.pingAt) liveness.owesPing = true
      const { blocked } = this.#parts.streams.scheduler
      if (now >= blocked.dueAt) blocked.onTimeout(now, recovery.ptoMs)
    }
    this.#settle(now)
  }

  pollTransmit(now: number, batch: VTransmitBatch): boolean {
    this.#begin(now)
    this.#settle(now)
    return this.#outbound.poll(now, batch)
  }

  pollTimeout(): number {
    const { handshake, recovery, closing, liveness, paths, acks, connected } = this.#parts
    const asksForTime = this.#closeAsked !== null || (this.#addressAsked && connected)
    if (!this.#hasBegun || (asksForTime && closing.state === 'open')) return 0
    if (closing.state !== 'open') return closing.dueAt
    if (!connected) return handshake.dueAt
    return Math.min(
      handshake.dueAt, // of a responder that began with INIT
      recovery.dueAt,
      this.#outbound.isHeldBack ? Number.POSITIVE_INFINITY : acks.dueAt,
      paths.dueAt,
      liveness.pingAt,
      liveness.idleAt(recovery.ptoMs),
      paths.current.mtu.retryAt,
      this.#parts.streams.scheduler.blocked.dueAt,
      this.#outbound.pacedUntil,
    )
  }

  pollEvent(): VUDPEvent | undefined {
    const event = this.#events.shift()
    if (event !== undefined) return event
    const stream = this.#changed.shift()
    if (stream !== undefined) {
      stream.inChangedQueue = false
      return stream.changed
    }
    const closed = this.#closedEvent
    this.#closedEvent = null
    return closed ?? undefined
  }

  prepare(): void {
    this.#parts.protection?.prepare(this.#parts.nextNumber)
  }

  stats(): VUDPStats {
    return statsOf(this.#parts)
  }

  #begin(now: number): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    const role = this.#parts.config.isInitiator ? 'client' : 'server'
    this.#parts.tracer?.state(now, 'attempted', { role })
    this.#parts.handshake.start(now)
  }

  #lossTimeout(now: number): void {
    const { recovery } = this.#parts
    recovery.onTimeout(now)
    if (recovery.ptoCount <= 1) this.#isSilent = false
    if (this.#isSilent || !recovery.isSilent(now)) return
    this.#isSilent = true
    this.#events.push({ type: 'path-silent', peer: this.peer })
  }

  #takeData(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    const { protection, ids, recovery, counts, closing, connected, handshake } = this.#parts
    if (closing.state === 'drained') return
    if (protection === null || !ids.isLocal(bytes, 1)) {
      this.#invalid(now, from, bytes)
      return
    }
    const result = protection.open(now, bytes, recovery.ptoMs)
    if (result === 'repeated') counts.repeated += 1
    else if (result === 'invalid') this.#invalid(now, from, bytes)
    else this.#parts.tracer?.received(now, protection.number, protection.plain)
    if (result !== 'opened') return
    if (closing.state === 'open' && !connected) this.#connect(now, from)
    if (closing.state === 'open' && !handshake.isOver) handshake.forget()
    this.#parts.liveness.onReceived(now)
    closing.onDatagram()
    try {
      this.#inbound.take(now, from, bytes.length)
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error
      this.#end(now, error.closeCode, error.message)
    }
  }

  #takeReset(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    const token = resetTokenIn(bytes)
    if (token === null || !this.#parts.ids.isReset(token)) {
      this.#invalid(now, from, bytes)
      return
    }
    this.#endSilently(now, new VFIOLost(new VUDPLost(VUT_CODE.aborted, 'it no longer knows of it', true)))
  }

  #takeLong(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    const verdict = this.#parts.handshake.onDatagram(now, from, bytes)
    // Only after a refusal: who asks again is told again.
    if (verdict === 'taken') this.#parts.closing.onDatagram()
    if (verdict === 'invalid') this.#invalid(now, from, bytes)
    this.#checkHandshake(now)
  }

  /** A check failed: it is counted, and told to who wants to know. */
  #invalid(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    const { counts, config, paths, handshake, tracer } = this.#parts
    counts.invalid += 1
    tracer?.dropped(now, 'invalid', bytes.length)
    const { peer } = paths.current
    const isKnown = from === peer || from.equals(peer) || handshake.candidates.find(from) !== null
    if (isKnown) config.hooks.invalidMac?.(from, bytes)
    else config.hooks.invalidPeer?.(from, bytes)
  }

  /** Follows what the handshake has come to. */
  #checkHandshake(now: number): void {
    const { handshake, closing, config, means, protection } = this.#parts
    if (handshake.failure >= 0 && closing.state === 'open') {
      const why =
        handshake.failure === VUT_CODE.handshakeTimeout ? 'nobody answered in time' : 'the handshake failed'
      this.#endSilently(now, new VFIOLost(new VUDPLost(handshake.failure, why)))
      return
    }
    const { result } = handshake
    if (result === null || protection !== null) return
    const { sendSecret, receiveSecret, cipher, parameters, dcid } = result
    const { datagramsPerKey } = config
    const secrets = { send: sendSecret, receive: receiveSecret, cipher, datagramsPerKey }
    this.#parts.protection = new Protection(means.crypto, secrets)
    this.#parts.ids.start(dcid, parameters.resetToken)
    this.#parts.recovery.peerAckDelayMs = parameters.ackDelayMs
    if (config.isInitiator || (config.answersWithData && result.isAllowed)) this.#connect(now, result.peer)
    else if (!result.isAllowed) {
      this.#startPath(now, result.peer, parameters.datagramBytes)
      this.#refuse(now)
    }
  }

  /** The peer has proved itself at this address, or is taken at its INIT. */
  #connect(now: number, from: VIPSocketPeer): void {
    const parts = this.#parts
    const { result } = parts.handshake
    if (result === null) return
    const { parameters, rttMs } = result
    this.#startPath(now, from, parameters.datagramBytes)
    if (rttMs >= 0) parts.paths.current.rtt.update(rttMs, 0)
    // Else RESP may have to be sent again.
    if (parts.config.isInitiator) parts.handshake.forget()
    parts.liveness.start(now, parameters.idleTimeoutMs)
    parts.acks.maxEvery = parameters.ackFrequency
    // Both have to offer them.
    parts.unreliable.peerMaxBytes = parts.config.maxUnreliableBytes > 0 ? parameters.unreliableBytes : 0
    parts.connected = true
    parts.tracer?.state(now, 'handshake_completed', { peer: String(from) })
    if (!result.isAllowed) {
      this.#refuse(now)
      return
    }
    parts.streams.start(parameters)
    parts.ids.issue()
    parts.liveness.owesPing = parts.config.isInitiator
    this.#events.push({ type: 'connected', peer: from })
  }

  #startPath(now: number, from: VIPSocketPeer, peerBytes: number): void {
    const { config, handshake, paths } = this.#parts
    const boundBytes = Math.min(config.maxSendBytes, peerBytes)
    const { receivedBytes = 0, sentBytes = 0 } = handshake.candidates.find(from) ?? {}
    const spares = handshake.candidates.all.map(({ peer }) => peer)
    const isKnown = config.isInitiator && from.equals(config.peer)
    paths.start(now, from, { isKnown, boundBytes, receivedBytes, sentBytes, spares })
  }

  #refuse(now: number): void {
    this.#end(now, VUT_CODE.refused, 'the application refused the peer')
  }

  /** Does what was asked without a time, and ends what is through. */
  #settle(now: number): void {
    const { closing, streams, paths, protection, nextNumber, tracer, ids, recovery } = this.#parts
    tracer?.metrics(now, this.#parts)
    if (closing.state !== 'open') return
    const worn = protection?.wornBy(nextNumber) ?? ''
    if (worn !== '') this.#end(now, VUT_CODE.aborted, worn)
    if (ids.isLeaving) ids.settle(recovery.oldest?.number ?? Number.POSITIVE_INFINITY)
    if (this.#addressAsked && this.connected) {
      this.#addressAsked = false
      paths.localAddressChanged(now)
    }
    if (this.#closeAsked !== null) this.#beginClose(now, this.#closeAsked)
    if (this.connected && closing.state === 'open' && streams.isAllDone) this.#complete(now)
  }

  #beginClose(now: number, reason: VFailure): void {
    this.#closeAsked = null
    if (!(reason instanceof VFIOCompleted)) {
      if (this.#parts.protection !== null && this.connected)
        this.#end(now, VUT_CODE.aborted, reason.value.message, reason)
      else this.#endSilently(now, reason)
      return
    }
    if (!this.connected) {
      this.#endSilently(now, new VFIOLost(new VIOLost('the connection was closed before it was established')))
      return
    }
    this.#isFinishing = true
    for (const stream of this.#parts.streams.all()) {
      stream.finish()
      stream.stop(VUT_CODE.done)
    }
  }

  /** Every stream is through: whoever notices says so. */
  #complete(now: number): void {
    if (this.#parts.streams.isComplete) this.#end(now, VUT_CODE.done, '', new VFIOCompleted())
    else this.#end(now, VUT_CODE.aborted, 'a stream was broken off')
  }

  /** Ends it from this side. */
  #end(now: number, code: number, text: string, reason?: VFailure): void {
    const { closing, recovery } = this.#parts
    const why = reason ?? new VFIOLost(new VUDPLost(code, text))
    // A clean end is waited for longer: the other side may still have to hear that all of it has come.
    const ptos = code === VUT_CODE.done ? VUT1.cleanClosePtos : VUT1.closePtos
    const lingerMs = Math.max(ptos * recovery.ptoMs, code === VUT_CODE.done ? VUT1.cleanCloseMs : 0)
    if (closing.begin(why, code, text, now + lingerMs)) this.#ended(now, why)
  }

  #endSilently(now: number, reason: VFailure): void {
    if (this.#parts.closing.beginSilently(reason)) this.#ended(now, reason)
    this.#drain()
  }

  #closedByPeer(now: number, code: number, text: Buffer): void {
    const { closing, recovery, streams } = this.#parts
    if (closing.state === 'open' && code === VUT_CODE.done) streams.completeOutputs()
    const isClean = code === VUT_CODE.done && streams.isComplete
    const why = text.length > 0 ? printable(text) : 'without a reason'
    const reason = isClean ? new VFIOCompleted() : new VFIOLost(new VUDPLost(code, why, true))
    if (closing.beginByPeer(reason, code, now + VUT1.closePtos * recovery.ptoMs)) this.#ended(now, reason)
    if (closing.state === 'drained') this.#drain()
  }

  /** Lets go of all that is of no use after the end. */
  #ended(now: number, reason: VFailure): void {
    this.#parts.tracer?.closed(now, reason)
    const { handshake, recovery, streams, unreliable, paths } = this.#parts
    this.#isFinishing = true
    this.#closeAsked = null
    const lost =
      reason instanceof VFIOCompleted ? new VFIOLost(new VUDPLost(VUT_CODE.done, 'it ended')) : reason
    streams.lose(lost)
    if (handshake.result?.isAllowed !== false) handshake.end()
    recovery.clear(reason instanceof VFIOCompleted)
    unreliable.clear()
    paths.clear()
    this.#closedEvent = { type: 'closed', reason }
  }

  #drain(): void {
    this.#parts.closing.drain()
    this.#parts.handshake.end()
    this.#parts.ids.clear()
  }

  #checkIdle(now: number): void {
    const { connected, closing, liveness, recovery } = this.#parts
    if (!connected || closing.state !== 'open' || now < liveness.idleAt(recovery.ptoMs)) return
    this.#endSilently(
      now,
      new VFIOLost(new VUDPLost(VUT_CODE.idle, 'nothing was heard of the peer for too long')),
    )
  }

  #packetAcked(packet: SentPacket): void {
    const { streams, acks, protection } = this.#parts
    protection?.onAcked(packet.number)
    if (packet.ackLargest >= 0) acks.onAckAcked(packet.ackLargest)
    streams.onAcked(packet)
  }

  /** What was in a datagram has to be sent again, as far as it still matters. */
  #sendAgain(packet: SentPacket): void {
    const { streams, ids } = this.#parts
    streams.onLost(packet)
    for (const { type, value } of packet.controls ?? []) {
      if (type === FRAME.newId || type === FRAME.retireId) ids.onLost(type, value)
    }
  }

  #streamChanged(stream: Stream): void {
    if (stream.inChangedQueue) return
    stream.inChangedQueue = true
    this.#changed.push(stream)
  }

  #pathChanged(now: number, isOwn: boolean): void {
    this.#parts.tracer?.path(now, String(this.peer))
    this.#parts.ids.onMoved(this.peer, isOwn, this.#parts.nextNumber)
    this.#parts.recovery.onPathChanged()
    this.#events.push({ type: 'peer-changed', peer: this.peer })
  }

  #unreliable(bytes: Buffer): void {
    if (this.#events.length < VUT1.datagramQueue) this.#events.push({ type: 'datagram', bytes })
  }
}

/** What a peer gave as its reason, fit for a message. */
function printable(text: Buffer): string {
  return text
    .subarray(0, VUT1.maxReasonBytes)
    .toString('utf8')
    .replaceAll(/[^\x20-\x7e]/g, '?')
}
