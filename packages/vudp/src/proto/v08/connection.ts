/**
 * `V08Connection`: the order of work between the parts of VUT 0.8.
 *
 * Decides in which order a datagram's fields take effect, and when the connection is over. What each field means is for
 * its part (`recv-buffer`, `send-buffer`, `recovery`, `ending`, `linger`), what goes out for the `sender`. Invariants:
 * nothing a peer sends makes it throw; once `drained` it transmits nothing and has no time-out; nothing is ever sent to
 * another address than the one it was made with.
 */
import {
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOTimeout,
  type VIPSocketPeer,
  type VTransmitBatch,
} from '@vio/io'
import type { IVCrypto } from '../crypto.js'
import type { IVUDPEngine, IVUDPStream, VUDPEvent } from '../engine.js'
import { VUDPLost, VUT_CODE } from '../errors.js'
import { DatagramMac } from '../seal.js'
import type { VUDPStats } from '../stats.js'
import { resolveConfig08, type V08Config, type V08Options } from './config.js'
import { statsOf } from './counters.js'
import { decodePacket08, FLAG_ACK_CLOSE, FLAG_CLOSE, FLAG_FAIL, Packet08 } from './packet.js'
import type { V08Profile } from './profile.js'
import { Sender08 } from './sender.js'
import { State08 } from './state.js'
import { Stream08 } from './stream.js'
import { WindowDefect } from './window-defect.js'

const NEVER = Number.POSITIVE_INFINITY
const NO_BYTES = new Uint8Array(0)

/** A connection that speaks VUT 0.8. */
export class V08Connection implements IVUDPEngine {
  readonly version = 'vut/0.8'
  readonly peer: VIPSocketPeer
  readonly #config: V08Config
  readonly #profile: V08Profile
  readonly #state: State08
  readonly #sender: Sender08
  readonly #opener: DatagramMac
  readonly #defect: WindowDefect
  readonly #stream: Stream08
  readonly #packet = new Packet08()
  readonly #events: VUDPEvent[] = []
  readonly #changed: VUDPEvent
  #changedWaits = false
  /** The peer object that was found to be ours last: most datagrams come from the same one. */
  #knownFrom: VIPSocketPeer
  #startedAt = -1
  #closed: VFailure | null = null
  #drained = false

  /** @throws TypeError for a value of the wrong kind, RangeError for one out of range */
  constructor(options: V08Options, means: Pick<IVCrypto, 'sha1'>) {
    const config = resolveConfig08(options)
    const { profile, secret, peerSecret, standardHmac } = config
    const common = { sha1: (bytes: Uint8Array): Uint8Array => means.sha1(bytes), standardHmac }
    this.#config = config
    this.#profile = profile
    this.peer = config.peer
    this.#knownFrom = config.peer
    this.#state = new State08(profile)
    const { maxDatagramBytes } = profile
    this.#sender = new Sender08(
      this.#state,
      new DatagramMac({ ...common, senderSecret: secret, receiverSecret: peerSecret, maxDatagramBytes }),
    )
    this.#opener = new DatagramMac({
      ...common,
      senderSecret: peerSecret,
      receiverSecret: secret,
      // Room for datagrams that are too long: under a right code they are a fault, else they are dropped.
      maxDatagramBytes: 2 * maxDatagramBytes,
    })
    this.#defect = new WindowDefect(profile)
    this.#stream = this.#makeStream()
    this.#changed = { type: 'stream-changed', stream: this.#stream }
  }

  get connected(): boolean {
    return this.#state.connected
  }

  get closed(): VFailure | null {
    return this.#closed
  }

  get drained(): boolean {
    return this.#drained
  }

  get stream(): IVUDPStream {
    return this.#stream
  }

  /** Memory that is held for the stream, in bytes. */
  get memoryBytes(): number {
    return this.#state.send.memoryBytes + this.#state.recv.memoryBytes
  }

  /** Version 0.8 has one stream. */
  openStream(): null {
    return null
  }

  /** Version 0.8 has no unreliable datagrams. */
  sendDatagram(_bytes: Uint8Array): boolean {
    return false
  }

  /** Version 0.8 is bound to the addresses that it was made with. */
  localAddressChanged(): void {
    // Nothing to try.
  }

  close(reason: VFailure): void {
    if (this.#closed !== null) return
    const clean = reason instanceof VFIOCompleted
    if (clean && this.connected) {
      this.#stream.finish()
      this.#stream.stop()
    } else if (clean) {
      this.#fail(new VFIOLost(new VUDPLost(VUT_CODE.aborted, 'closed before it was connected')), true)
    } else this.#fail(reason, true)
  }

  stats(): VUDPStats {
    const { counters, send, recovery, hello } = this.#state
    const { maxDataBytes, maxDatagramBytes } = this.#profile
    const own = { stream: this.#stream, maxDataBytes, maxDatagramBytes, helloBytes: hello.length }
    return statsOf(counters, { send, recovery, ...own })
  }

  pollEvent(): VUDPEvent | undefined {
    if (this.#events[0]?.type === 'connected') return this.#events.shift()
    if (this.#changedWaits) {
      this.#changedWaits = false
      return this.#changed
    }
    return this.#events.shift()
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (this.#drained) return
    this.#begin(now)
    const { counters } = this.#state
    counters.datagramsReceived += 1
    counters.bytesReceived += bytes.length
    if (from !== this.#knownFrom && !this.#isPeer(from)) {
      counters.datagramsInvalid += 1
      this.#config.hooks.invalidPeer?.(from, bytes)
    } else if (this.#opener.verify(bytes, 0, bytes.length)) {
      this.#handlePacket(now, bytes)
      this.#advance(now)
    } else {
      counters.datagramsInvalid += 1
      this.#config.hooks.invalidMac?.(from, bytes)
    }
  }

  handleTimeout(now: number): void {
    if (this.#drained) return
    this.#begin(now)
    this.#advance(now)
    if (this.#closed === null) this.#checkLimits(now)
    if (this.#closed !== null) {
      this.#state.linger.onTimer(now)
      this.#drainIfOver(now)
      return
    }
    const { recovery, probing, connected } = this.#state
    if (connected) recovery.onTimer(now, probing)
    else recovery.onHelloTimer(now, this.#state.recv.next > 0)
  }

  pollTimeout(): number {
    if (this.#drained) return NEVER
    if (this.#startedAt < 0) return 0
    const state = this.#state
    if (this.#closed !== null) return state.linger.begun ? state.linger.dueAt : 0
    return Math.min(
      state.connected ? NEVER : this.#startedAt + this.#profile.handshakeTimeoutMs,
      state.recovery.timerAt,
      state.probeAt,
      state.ending.repeatAt,
      state.ending.deadlineAt,
      state.silentAt,
      state.keepAliveAt,
    )
  }

  pollTransmit(now: number, batch: VTransmitBatch): boolean {
    batch.begin(this.peer)
    if (this.#drained) return false
    this.#begin(now)
    this.#advance(now)
    let more = true
    while (more && batch.open) more = this.#sender.encodeNext(now, batch)
    this.#drainIfOver(now)
    return batch.count > 0
  }

  #handlePacket(now: number, bytes: Buffer): void {
    const packet = this.#packet
    if (bytes.length > this.#profile.maxDatagramBytes) {
      this.#fault(`a datagram has ${bytes.length} bytes`)
      return
    }
    if (!decodePacket08(bytes, bytes.length, packet)) {
      this.#fault('the numbers of a datagram make no sense')
      return
    }
    const failure = (packet.flags & FLAG_FAIL) !== 0
    if (this.#closed !== null) {
      // A failure is never answered: two ends that have failed would go on for ever.
      if (!failure) this.#state.linger.answer(now)
      return
    }
    this.#defect.mend(packet, bytes)
    this.#state.heard(now)
    if (failure) this.#peerFailed()
    else if (this.#takeAck(packet, now) && this.#takeData(packet, bytes, now)) this.#takeEnds(packet)
  }

  /** Returns false if the connection has failed. */
  #takeAck(packet: Packet08, now: number): boolean {
    const { send, recovery, sendEdge } = this.#state
    const outcome = send.judge(packet.ack)
    if (outcome === 'unaligned') return this.#fault(`${packet.ack} was acknowledged, where no segment ends`)
    if (outcome === 'new') {
      recovery.onAck(packet.ack, now)
      this.#tellChange()
    } else if (packet.dataBytes === 0 && packet.edge <= sendEdge) {
      if (outcome === 'same' && send.segments.count > 0) recovery.onDuplicate()
      else recovery.onOther()
    }
    return true
  }

  #takeData(packet: Packet08, bytes: Buffer, now: number): boolean {
    if (packet.dataBytes === 0) return true
    const state = this.#state
    if (state.recv.next === 0) return this.#takeHello(packet, bytes, now)
    const { closeAt } = state.ending
    if (closeAt !== -1 && packet.endSeq > closeAt) {
      return this.#fault(`data up to ${packet.endSeq} behind the end at ${closeAt}`)
    }
    const before = state.recv.next
    const outcome = state.recv.insert(packet.seq, bytes, packet.dataStart, packet.dataEnd)
    if (outcome === 'behind-window' || outcome === 'overlap') {
      return this.#fault(`data from ${packet.seq} to ${packet.endSeq}: ${outcome}`)
    }
    if (outcome !== 'in-order') {
      if (outcome !== 'queued') state.counters.datagramsRepeated += 1
      state.repeatsOwed = Math.min(state.repeatsOwed + 1, this.#profile.maxOwedAcks)
      return true
    }
    state.counters.streamBytesReceived += state.recv.next - before
    state.oweAck()
    // What was owed before would now only look like a loss.
    state.repeatsOwed = 0
    this.#tellChange()
    return true
  }

  #takeHello(packet: Packet08, bytes: Buffer, now: number): boolean {
    const { recv, recovery, hello } = this.#state
    if (packet.seq !== 0 || !hello.equals(bytes.subarray(packet.dataStart, packet.dataEnd))) {
      return this.#fault('the peer did not begin with the hello')
    }
    recv.insert(0, bytes, packet.dataStart, packet.dataEnd)
    recv.skip(hello.length)
    this.#state.ackOwed = true
    recovery.onHello(now)
    return true
  }

  #takeEnds(packet: Packet08): void {
    const state = this.#state
    const { ending, recv } = state
    if ((packet.flags & FLAG_CLOSE) !== 0) {
      const least = Math.max(recv.highest, state.hello.length)
      if (!ending.onClose(packet.endSeq, least)) {
        this.#fault(`an end at ${packet.endSeq}, with data up to ${recv.highest}, end at ${ending.closeAt}`)
        return
      }
      state.ackOwed = true
    }
    if ((packet.flags & FLAG_ACK_CLOSE) !== 0 && state.helloDone) this.#takeAckClose()
    if (packet.edge <= state.sendEdge) return
    // The octet that probed was not kept; now there is room for it.
    if (state.probing) state.recovery.hurry()
    state.sendEdge = packet.edge
    this.#tellChange()
  }

  #takeAckClose(): void {
    const { ending, send } = this.#state
    const left = { waitingBytes: send.waitingBytes, inFlight: send.segments.count }
    const knew = ending.aborted
    if (ending.onAckClose(left) !== 'aborted' || knew) return
    this.#state.dropOutput()
    this.#stream.onOutputLost(new VFIOLost(new VUDPLost(VUT_CODE.aborted, 'it takes no more data', true)))
    this.#tellChange()
  }

  /** The first call of all brings the time. */
  #begin(now: number): void {
    if (this.#startedAt >= 0) return
    this.#startedAt = now
    this.#state.lastSentAt = now
  }

  /** Draws the conclusions from what came in or was asked for. */
  #advance(now: number): void {
    const state = this.#state
    if (this.#closed === null && !state.connected && state.helloDone) this.#validate()
    if (this.#closed === null && state.connected) this.#advanceConnected(now)
    if (this.#closed === null) return
    // A peer that was never heard of is told once, in case it is there.
    state.linger.begin(now, state.recv.next > 0 ? this.#profile.lingerMs : 0)
  }

  #advanceConnected(now: number): void {
    const state = this.#state
    const { ending, send, recv } = state
    if (recv.advanceEdge()) state.ackOwed = true
    const left = { waitingBytes: send.waitingBytes, inFlight: send.segments.count }
    if (ending.isDue(left)) {
      state.expectAnswer(now)
      ending.begin(now)
    }
    if (ending.lookAtInput(recv.next)) {
      state.ackOwed = true
      this.#stream.onInputEnd()
      this.#tellChange()
    }
    ending.boundInput(now)
    if (ending.complete) this.#end(ending.aborted ? this.#stream.outputEnd : null, false)
  }

  #validate(): void {
    const { hooks } = this.#config
    if (hooks.canConnect !== undefined && !hooks.canConnect(this.peer, NO_BYTES)) {
      this.#fail(new VFIOLost(new VUDPLost(VUT_CODE.refused, 'this side did not allow it')), true)
    }
    // A hook may have closed it.
    if (this.#closed !== null) return
    this.#state.connected = true
    this.#state.recv.openWindow()
    this.#events.push({ type: 'connected', peer: this.peer })
    this.#tellChange()
  }

  #checkLimits(now: number): void {
    const { silentAt, ending, connected } = this.#state
    const { handshakeTimeoutMs, silenceTimeoutMs } = this.#profile
    if (!connected && now >= this.#startedAt + handshakeTimeoutMs) {
      this.#giveUp(VUT_CODE.handshakeTimeout, `no connection within ${handshakeTimeoutMs} ms`)
    } else if (now >= silentAt) {
      this.#giveUp(VUT_CODE.idle, `the peer owed an answer for ${silenceTimeoutMs} ms`)
    } else if (now >= ending.deadlineAt) {
      // What is missing is the end of an input that nobody wants, or the peer's word that it knows our end.
      if (ending.outputClosed) this.#end(null, false)
      else this.#giveUp(VUT_CODE.idle, 'the peer did not confirm the end')
    }
    this.#advance(now)
  }

  #giveUp(code: number, message: string): void {
    const error = new VUDPLost(code, message)
    error.cause = new VIOTimeout(message)
    this.#fail(new VFIOLost(error), false)
  }

  /** The peer broke the rules. Always false, for callers that have to stop. */
  #fault(message: string): false {
    if (this.#closed === null) this.#fail(new VFIOLost(new VUDPLost(VUT_CODE.stream, message)), false)
    return false
  }

  #peerFailed(): void {
    this.#end(new VFIOLost(new VUDPLost(VUT_CODE.aborted, 'it failed or was aborted', true)), false)
    this.#drained = true
  }

  /** Ends the connection as unclean, and tells the peer. `dropInput`: nobody here wants what has arrived. */
  #fail(reason: VFailure, dropInput: boolean): void {
    this.#state.failed = true
    this.#end(reason, dropInput)
    // Nobody has heard of a connection that never began.
    if (this.#startedAt < 0) this.#drained = true
  }

  /** Ends the connection, cleanly where there is no reason against it. */
  #end(lost: VFailure | null, dropInput: boolean): void {
    const reason = lost ?? new VFIOCompleted()
    this.#closed = reason
    this.#state.over = true
    this.#state.dropOutput()
    if (dropInput || this.#state.recv.readableBytes === 0) this.#state.recv.release()
    this.#stream.onClosed(reason, dropInput)
    this.#changedWaits = true
    this.#events.push({ type: 'closed', reason })
  }

  #drainIfOver(now: number): void {
    if (this.#closed !== null && this.#state.linger.isOver(now)) this.#drained = true
  }

  /** Nothing is told of a stream before it can be used. */
  #tellChange(): void {
    if (this.#state.connected) this.#changedWaits = true
  }

  #isPeer(from: VIPSocketPeer): boolean {
    if (!from.equals(this.peer)) return false
    this.#knownFrom = from
    return true
  }

  #makeStream(): Stream08 {
    const state = this.#state
    return new Stream08(state, {
      abort: () => {
        const error = new VUDPLost(VUT_CODE.aborted, 'this side gave its output up')
        if (this.#closed === null) this.#fail(new VFIOLost(error), true)
      },
      stopped: () => {
        state.ackOwed = true
      },
      wasRead: () => {
        if (state.over && state.recv.readableBytes === 0) state.recv.release()
      },
    })
  }
}
