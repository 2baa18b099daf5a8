/**
 * Makes the parts of a VUT/1 connection and joins those that tell each other.
 *
 * Decides who is told by whom; what follows from it is the connection's affair. One object stands between all of them: a
 * function for each thing that is told would be most of what an idle connection weighs. Invariant: nothing happens while
 * parts are made, so no call reaches a part that is not there yet.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { V1Config, VUDPMeans } from '../config.js'
import type { VUDPEvent } from '../engine.js'
import { VUT1 } from '../profile.js'
import { AckState } from './ack-state.js'
import { Closing } from './closing.js'
import { Handshake } from './handshake.js'
import { ConnectionIds } from './ids.js'
import { Liveness } from './liveness.js'
import type { V1Parts } from './parts.js'
import type { Path } from './path.js'
import { Paths, type PathsOwner } from './paths.js'
import { Recovery, type RecoveryOwner } from './recovery.js'
import type { SentPacket } from './sent.js'
import type { Stream } from './stream.js'
import { Streams, type StreamsOwner } from './streams.js'
import { Tracer } from './tracer.js'
import { UnreliableQueue } from './unreliable.js'

/** What the connection does when its parts tell something. */
export interface PartEvents {
  pathChanged(now: number, isOwn: boolean): void
  packetAcked(packet: SentPacket): void
  /** What was in it has to be sent again. */
  packetLost(packet: SentPacket): void
  streamChanged(stream: Stream): void
  tell(event: VUDPEvent): void
}

/** Passes on what the parts tell, to each other and to the connection. */
class Joint implements RecoveryOwner, PathsOwner, StreamsOwner {
  readonly leads: boolean
  readonly #events: PartEvents
  #parts: V1Parts | null = null

  constructor(events: PartEvents, leads: boolean) {
    this.#events = events
    this.leads = leads
  }

  join(parts: V1Parts): V1Parts {
    this.#parts = parts
    return parts
  }

  get path(): Path {
    return (this.#parts as V1Parts).paths.current
  }

  get ptoMs(): number {
    return (this.#parts as V1Parts).recovery.ptoMs
  }

  onPacketAcked(_now: number, packet: SentPacket): void {
    this.#events.packetAcked(packet)
  }

  onPacketLost(now: number, packet: SentPacket): void {
    this.#parts?.tracer?.lost(now, packet.number)
    this.#events.packetLost(packet)
  }

  onProbeDue(packet: SentPacket): void {
    this.#events.packetLost(packet)
  }

  onPathChanged(now: number, isOwn: boolean): void {
    this.#events.pathChanged(now, isOwn)
  }

  onMoved(): void {
    if (this.#parts !== null) this.#parts.liveness.owesPing = true
  }

  onProbed(peer: VIPSocketPeer, answered: boolean): void {
    this.#events.tell({ type: 'path-tried', peer, answered })
  }

  onStreamChanged(stream: Stream): void {
    this.#events.streamChanged(stream)
  }

  onStreamOpened(stream: Stream): void {
    this.#events.tell({ type: 'stream-opened', stream })
  }

  onStreamsAvailable(): void {
    this.#events.tell({ type: 'streams-available' })
  }
}

/** The parts of a connection that has not begun. */
export function createParts(config: V1Config, means: VUDPMeans, events: PartEvents): V1Parts {
  const joint = new Joint(events, config.isInitiator)
  const handshake = new Handshake(config, means)
  const random = () => means.random.publicDouble()
  const pathOptions = { congestion: config.congestion, boundBytes: VUT1.datagramBytes, random }
  return joint.join({
    config,
    means,
    handshake,
    tracer: config.trace === null ? null : new Tracer(config.trace, config.isInitiator),
    recovery: new Recovery(joint),
    paths: new Paths(config.peer, pathOptions, means.random, joint),
    ids: new ConnectionIds(means, config.resetKey, config.hooks, handshake.scid),
    acks: new AckState(),
    streams: new Streams(config, joint),
    unreliable: new UnreliableQueue(),
    closing: new Closing(),
    liveness: new Liveness(config.idleTimeoutMs, config.keepAliveMs),
    counts: { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0, invalid: 0, repeated: 0 },
    protection: null,
    connected: false,
    nextNumber: 0,
  })
}
