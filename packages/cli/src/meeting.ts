/**
 * What a connection between two peers is to the commands, however it came about.
 *
 * Decides nothing: types only. Invariant: whoever makes a meeting keeps it alive until `close`, and `close` leaves nothing
 * behind.
 */
import type { VEndpointOptions } from '@vio/io'
import type { VUDPHandlers, VUDPOptions, VUDPTransport } from '@vio/vudp'
import type { VCliEvent } from './view/event.js'

/** Which paths may be taken. */
export type VPathPolicy = 'auto' | 'direct' | 'relay'

/** What a command says about its connection: further streams and datagrams, and how much passes in one turn. */
export interface VTransportWishes
  extends Pick<VUDPHandlers, 'onDatagram'>,
    Pick<VUDPOptions, 'maxStreams' | 'maxUnreliableBytes'>,
    Pick<VEndpointOptions, 'maxReadBytes' | 'maxWriteBytes' | 'bufferBytes'> {}

/** What is asked for. */
export interface VMeetRequest {
  /** The code of the other side. Undefined to have one made, which an event of type `code` tells. */
  readonly code: string | undefined
  /** The relays, as they were given, at least one. `self` stands for one in this process. */
  readonly relays: readonly string[]
  /** Those of them that stood on the line: the other side has to name them too. */
  readonly namedRelays: readonly string[]
  readonly path: VPathPolicy
  /** The local UDP port; 0 for any. */
  readonly port: number
  /** How long it may take until somebody is there, in ms. Undefined for as long as the room lasts. */
  readonly timeoutMs: number | undefined
  /** What the other side types behind `vut`, where the code is told: `recv`. */
  readonly counterpart: string
  /** Options of the transport. By default its own. */
  readonly transport?: VTransportWishes
  /** Ends the attempt. */
  readonly signal: AbortSignal
  /** Is told what happens, before and after the connection stands. */
  readonly onEvent: (event: VCliEvent) => void
}

/** Two that have met. */
export interface VMeeting {
  /** The connection. Its first stream, `transport.byteIO`, is free to be attached. */
  readonly transport: VUDPTransport
  /** Lets go of everything but the transport, which ends by its own rules. */
  close(): Promise<void>
}

/** Makes a meeting. */
export type VMeeter = (request: VMeetRequest) => Promise<VMeeting>
