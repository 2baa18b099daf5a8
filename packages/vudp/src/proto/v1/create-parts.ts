/**
 * Makes the parts of a VUT/1 connection and joins those that tell each other.
 *
 * Decides who is told by whom; what follows from it is the connection's affair. Invariant: nothing happens while parts are
 * made, so no call reaches a part that is not there yet.
 */
import type { V1Config, VUDPMeans } from '../config.js'
import type { VUDPEvent } from '../engine.js'
import { VUT1 } from '../profile.js'
import { AckState } from './ack-state.js'
import { Closing } from './closing.js'
import { Handshake } from './handshake.js'
import { ConnectionIds } from './ids.js'
import { Liveness } from './liveness.js'
import type { V1Parts } from './parts.js'
import { Paths } from './paths.js'
import { Recovery } from './recovery.js'
import type { SentPacket } from './sent.js'
import type { Stream } from './stream.js'
import { Streams } from './streams.js'
import { Tracer } from './tracer.js'
import { UnreliableQueue } from './unreliable.js'

/** What the connection does when its parts tell something. */
export interface PartEvents {
  pathChanged(now: number): void
  packetAcked(packet: SentPacket): void
  /** What was in it has to be sent again. */
  packetLost(packet: SentPacket): void
  streamChanged(stream: Stream): void
  tell(event: VUDPEvent): void
}

/** The parts of a connection that has not begun. */
export function createParts(config: V1Config, means: VUDPMeans, events: PartEvents): V1Parts {
  const handshake = new Handshake(config, means)
  const tracer = config.trace === null ? null : new Tracer(config.trace)
  const recovery: Recovery = new Recovery({
    get path() {
      return paths.current
    },
    onPacketAcked: (_now, packet) => events.packetAcked(packet),
    onPacketLost: (now, packet) => {
      tracer?.lost(now, packet.number)
      events.packetLost(packet)
    },
    onProbeDue: (packet) => events.packetLost(packet),
  })
  const random = () => means.random.publicDouble()
  const pathOptions = { congestion: config.congestion, boundBytes: VUT1.datagramBytes, random }
  const paths: Paths = new Paths(config.peer, pathOptions, means.random, {
    get ptoMs() {
      return recovery.ptoMs
    },
    leads: config.isInitiator,
    onPathChanged: (now) => events.pathChanged(now),
    onMoved: () => {
      liveness.owesPing = true
    },
    onProbed: (peer, answered) => events.tell({ type: 'path-tried', peer, answered }),
  })
  const liveness = new Liveness(config.idleTimeoutMs, config.keepAliveMs)
  return {
    config,
    means,
    handshake,
    tracer,
    recovery,
    paths,
    ids: new ConnectionIds(means, config.resetKey, config.hooks, handshake.scid),
    acks: new AckState(),
    streams: new Streams(config, {
      onStreamChanged: (stream) => events.streamChanged(stream),
      onStreamOpened: (stream) => events.tell({ type: 'stream-opened', stream }),
      onStreamsAvailable: () => events.tell({ type: 'streams-available' }),
    }),
    unreliable: new UnreliableQueue(),
    closing: new Closing(),
    liveness,
    counts: { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0, invalid: 0, repeated: 0 },
    protection: null,
    connected: false,
    nextNumber: 0,
  }
}
