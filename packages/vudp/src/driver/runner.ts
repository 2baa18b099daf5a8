/**
 * What runs the engine of a transport: a pump of its own, or an endpoint that many share.
 *
 * Decides nothing but the shape, and the one way to have a pump of one's own. Invariant: after `release` the runner has
 * nothing to do with the engine any more.
 */
import type { IVDatagramPort, VFailure } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import type { IVUDPEngine, VUDPEvent } from '../proto/engine.js'
import { VDatagramPump } from './pump.js'

/** Drives one engine. */
export interface IVUDPRunner {
  /** The engine was called: it is to be polled. */
  kick(): void
  /** The engine is through: nothing more is sent or due. */
  release(): void
}

/** Who is told what an engine does. */
export interface RunnerClient {
  /** The engine tells something. */
  onEvent(event: VUDPEvent): void
  /** The engine was given its turn, and may be through. */
  onTurn(): void
  /** There is no way out any more: the port is closed, or the engine failed. */
  onCut(reason: VFailure): void
  /** The port refuses datagrams to the peer for good. */
  onRefused(error: Error): void
}

/** An engine on a port that it has for itself. */
export class OwnPump implements IVUDPRunner {
  readonly #pump: VDatagramPump<VUDPEvent>
  readonly #port: IVDatagramPort
  readonly #keepsPort: boolean

  constructor(
    reactor: IVReactor,
    engine: IVUDPEngine,
    client: RunnerClient,
    place: { readonly port: IVDatagramPort; readonly keepsPort: boolean },
  ) {
    this.#port = place.port
    this.#keepsPort = place.keepsPort
    this.#pump = new VDatagramPump(reactor, {
      port: place.port,
      machine: engine,
      onEvent: (event) => client.onEvent(event),
      onTurn: () => client.onTurn(),
      onEnd: (reason) => client.onCut(reason),
      onSendError: (error) => client.onRefused(error),
    })
    this.#pump.start()
  }

  kick(): void {
    this.#pump.kick()
  }

  release(): void {
    // What the port has not taken is of no use to anybody: the engine is through.
    this.#pump.stop()
    if (!this.#keepsPort) this.#port.close()
  }
}
