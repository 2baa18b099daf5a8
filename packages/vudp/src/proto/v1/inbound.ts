/**
 * What a DATA datagram means, frame by frame.
 *
 * Decides which part a frame is for, and whether the datagram asks for an acknowledgement or moves the path. Whether it is
 * genuine was decided before. Invariant: a fault of the peer leaves as a `ProtocolFault` and is caught by the connection.
 */
import type { VIPSocketPeer } from '@vio/io'
import { ProtocolFault, VUT_CODE } from '../errors.js'
import { FRAME, FrameReader } from './frames.js'
import type { FrameEvents, V1Parts } from './parts.js'

/** One for all connections: they take their datagrams one after the other, and thousands of them would hold one each. */
const READER = new FrameReader()

/** Takes datagrams apart; one for a connection. */
export class Inbound {
  readonly #parts: V1Parts
  readonly #events: FrameEvents
  readonly #frame = READER
  #asks = false
  #moves = false
  #sizeBytes = 0

  constructor(parts: V1Parts, events: FrameEvents) {
    this.#parts = parts
    this.#events = events
  }

  /** Takes the frames of the datagram that was opened last. @throws ProtocolFault */
  take(now: number, from: VIPSocketPeer, sizeBytes: number): void {
    const { protection, acks, paths, closing, ids } = this.#parts
    if (protection === null) return
    this.#asks = false
    this.#moves = false
    this.#frame.reset(protection.plain)
    this.#sizeBytes = sizeBytes
    while (this.#frame.next()) this.#takeFrame(now, from, protection.plainIsLent)
    if (this.#frame.fault !== '') throw new ProtocolFault(VUT_CODE.frame, this.#frame.fault)
    if (closing.state === 'open') acks.onReceived(now, protection.number, this.#asks)
    // After the end too: CLOSE has to find a peer that has moved meanwhile.
    const moves = protection.isHighest && this.#moves
    paths.onDatagram(now, from, sizeBytes, moves)
    if (moves) ids.onFollowed()
    this.#frame.clear()
    protection.clear()
  }

  #takeFrame(now: number, from: VIPSocketPeer, isLent: boolean): void {
    const frame = this.#frame
    const { type } = frame
    if (this.#parts.closing.state !== 'open' && type !== FRAME.close) {
      this.#moves = true
      return
    }
    if (type === FRAME.ack) {
      this.#moves = true
      this.#takeAck(now)
      return
    }
    if (type === FRAME.close) {
      this.#events.onClose(now, frame.code, frame.data)
      return
    }
    this.#asks = true
    if (type === FRAME.stream) {
      this.#moves = true
      this.#parts.streams.onBytes(frame, isLent)
    } else if (type >= FRAME.pathChallenge && type <= FRAME.newId) this.#takePath(now, from)
    else {
      this.#moves = true
      this.#takeOther()
    }
  }

  #takeAck(now: number): void {
    const { recovery, nextNumber } = this.#parts
    if (!recovery.onAck(now, this.#frame, nextNumber)) {
      throw new ProtocolFault(VUT_CODE.frame, 'an acknowledgement of what was never sent')
    }
  }

  /** Frames that probe a path and do not move the connection there. */
  #takePath(now: number, from: VIPSocketPeer): void {
    const { paths, ids } = this.#parts
    const { type, data, stream } = this.#frame
    if (type === FRAME.pathChallenge) {
      const { peer } = paths.current
      if (from !== peer && !from.equals(peer)) ids.onAsked(from)
      paths.onChallenge(now, from, data, this.#sizeBytes)
    } else if (type === FRAME.pathResponse) paths.onResponse(now, data)
    else ids.onNew(stream, data)
  }

  #takeOther(): void {
    const { streams, ids, config } = this.#parts
    const frame = this.#frame
    switch (frame.type) {
      case FRAME.streamLimit:
      case FRAME.blocked:
      case FRAME.resetStream:
      case FRAME.stopSending:
        streams.onFrame(frame)
        return
      case FRAME.totalLimit:
        streams.onTotalLimit(frame.value)
        return
      case FRAME.streams:
        streams.onStreamsLimit(frame.value)
        return
      case FRAME.retireId:
        ids.onRetire(frame.stream)
        return
      case FRAME.datagram:
        if (frame.data.length > config.maxUnreliableBytes || config.maxUnreliableBytes === 0) {
          throw new ProtocolFault(VUT_CODE.frame, `an unreliable datagram of ${frame.data.length} bytes`)
        }
        // A copy in any case: what is in the same datagram of a stream may take the memory with it.
        this.#events.onUnreliable(Buffer.from(frame.data))
    }
  }
}
