/**
 * What a connection tells its trace, in the names of qlog (draft-ietf-quic-qlog-quic-events).
 *
 * Decides which events there are and what is in them. It is made only where somebody listens, so nothing of it is on the
 * way otherwise. Invariant: no secret, no id, no token and no payload ever gets in; of bytes only the number is told.
 */
import type { VFailure } from '@vio/io'
import { VUT1 } from '../profile.js'
import type { IVTrace } from '../trace.js'
import { FRAME, FrameReader } from './frames.js'
import type { V1Parts } from './parts.js'

type Told = Readonly<Record<string, unknown>>

const NAMES: ReadonlyMap<number, string> = new Map([
  [FRAME.ping, 'ping'],
  [FRAME.streamLimit, 'max_stream_data'],
  [FRAME.totalLimit, 'max_data'],
  [FRAME.streams, 'max_streams'],
  [FRAME.blocked, 'stream_data_blocked'],
  [FRAME.resetStream, 'reset_stream'],
  [FRAME.stopSending, 'stop_sending'],
  [FRAME.pathChallenge, 'path_challenge'],
  [FRAME.pathResponse, 'path_response'],
  [FRAME.newId, 'new_connection_id'],
  [FRAME.retireId, 'retire_connection_id'],
  [FRAME.close, 'connection_close'],
  [FRAME.datagram, 'datagram'],
])

/** Tells one connection's trace. */
export class Tracer {
  readonly #trace: IVTrace
  /** What the schema calls the keys: it knows clients and servers. */
  readonly #keyType: string
  readonly #reader = new FrameReader()
  #window = -1
  #inFlight = -1
  #generation = 0

  constructor(trace: IVTrace, isInitiator: boolean) {
    this.#trace = trace
    this.#keyType = isInitiator ? 'client_1rtt_secret' : 'server_1rtt_secret'
  }

  /** The connection has begun, or has come to another state. */
  state(now: number, state: string, about: Told = {}): void {
    this.#trace.event(now, 'connectivity:connection_state_updated', { new: state, ...about })
  }

  /** It is over. */
  closed(now: number, reason: VFailure): void {
    this.#trace.event(now, 'connectivity:connection_closed', { reason: reason.value.message })
  }

  /** Another path is used. */
  path(now: number, peer: string): void {
    this.#trace.event(now, 'connectivity:path_assigned', { path_remote: peer })
  }

  /** A DATA datagram leaves; `plain` are its frames. */
  sent(now: number, number: number, plain: Buffer): void {
    this.#packet(now, 'transport:packet_sent', number, plain)
  }

  /** A DATA datagram was opened. */
  received(now: number, number: number, plain: Buffer): void {
    this.#packet(now, 'transport:packet_received', number, plain)
  }

  /** A datagram was dropped. */
  dropped(now: number, trigger: string, sizeBytes: number): void {
    this.#trace.event(now, 'transport:packet_dropped', { raw: { length: sizeBytes }, trigger })
  }

  /** A datagram was given up as lost. */
  lost(now: number, number: number): void {
    const header = { packet_type: '1RTT', packet_number: number }
    this.#trace.event(now, 'recovery:packet_lost', { header })
  }

  /** What follows from all that was done, where it has changed. */
  metrics(now: number, parts: V1Parts): void {
    const { rtt, congestion, inFlightBytes } = parts.paths.current
    const generation = parts.protection?.generation ?? 0
    if (generation !== this.#generation) {
      this.#generation = generation
      this.#trace.event(now, 'security:key_updated', { key_type: this.#keyType, key_phase: generation })
    }
    if (congestion.windowBytes === this.#window && inFlightBytes === this.#inFlight) return
    this.#window = congestion.windowBytes
    this.#inFlight = inFlightBytes
    this.#trace.event(now, 'recovery:metrics_updated', {
      ...(rtt.hasSample && { smoothed_rtt: rtt.smoothedMs, min_rtt: rtt.minMs, latest_rtt: rtt.latestMs }),
      congestion_window: this.#window,
      bytes_in_flight: this.#inFlight,
      // Bits a second.
      ...(Number.isFinite(congestion.pacingRate) && {
        pacing_rate: Math.round(congestion.pacingRate * 8000),
      }),
    })
  }

  #packet(now: number, name: string, number: number, plain: Buffer): void {
    const header = { packet_type: '1RTT', packet_number: number }
    const length = VUT1.headerBytes + plain.length + VUT1.tagOfAeadBytes
    this.#trace.event(now, name, { header, raw: { length }, frames: this.#frames(plain) })
  }

  #frames(plain: Buffer): Told[] {
    const frames: Told[] = []
    const reader = this.#reader
    reader.reset(plain)
    while (reader.next()) frames.push(this.#frame())
    return frames
  }

  #frame(): Told {
    const { type, stream, value, code, final, data } = this.#reader
    const frame_type = NAMES.get(type) ?? 'unknown'
    switch (type) {
      case FRAME.ack:
        return this.#ack()
      case FRAME.stream:
        return { frame_type: 'stream', stream_id: stream, offset: value, length: data.length, fin: final }
      case FRAME.streamLimit:
      case FRAME.blocked:
        return { frame_type, stream_id: stream, maximum: value }
      case FRAME.totalLimit:
      case FRAME.streams:
        return { frame_type, maximum: value }
      case FRAME.resetStream:
        return { frame_type, stream_id: stream, error_code: code, final_size: value }
      case FRAME.stopSending:
        return { frame_type, stream_id: stream, error_code: code }
      case FRAME.close:
        return { frame_type, error_space: 'application', error_code: code }
      case FRAME.datagram:
        return { frame_type, length: data.length }
      default:
        return { frame_type }
    }
  }

  #ack(): Told {
    const { ackCount, ackLow, ackHigh, value } = this.#reader
    const acked_ranges = Array.from({ length: ackCount }, (_, at) => [ackLow[at], ackHigh[at]])
    return { frame_type: 'ack', ack_delay: (value * VUT1.ackDelayUnitUs) / 1000, acked_ranges }
  }
}
