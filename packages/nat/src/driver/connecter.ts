/**
 * `VUDPConnecter`: from a code that two people share to a connection.
 *
 * Decides nothing about the way there (`ConnectSession` does); it is what an application sees: options in, a transport out,
 * phases as events, an end by a signal. Invariants: `connect` settles once; whatever ends it leaves no socket, no link and
 * no timer behind, once the transport, where there is one, is through.
 */
import { VIOError, VIOLost } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import type { VUDPTransport } from '@vio/vudp'
import {
  type ConnecterConfig,
  checkConnecterOptions,
  VConnecterError,
  type VPathReport,
  type VUDPConnecterOptions,
} from './connecter-options.js'
import { parseRelayAddress } from './relay-address.js'
import { ConnectSession } from './session.js'
import { systemMeans } from './system-means.js'

/**
 * Connects two machines, wherever they are.
 *
 * ```ts
 * const connecter = new VUDPConnecter(reactor, { relays: ['relay.example.org'], onEvent: (event) => console.log(event) })
 * const transport = await connecter.connect({ signal: AbortSignal.timeout(60_000) })
 * application.byteIO.attach(transport.byteIO)
 * ```
 */
export class VUDPConnecter implements AsyncDisposable {
  readonly reactor: IVReactor
  readonly #config: ConnecterConfig
  #session: ConnectSession | null = null
  #released: Promise<void> | null = null

  /**
   * @throws VIOError for relays, a path, a port or an address that cannot be; VRelayAddressError for a relay; VCodeError for a
   *   code; RangeError for a time or a size
   */
  constructor(reactor: IVReactor, options: VUDPConnecterOptions) {
    this.reactor = reactor
    this.#config = checkConnecterOptions(options)
    for (const relay of this.#config.relays) parseRelayAddress(relay)
  }

  /** The path in use; null while there is none. */
  get path(): VPathReport | null {
    return this.#session?.path ?? null
  }

  /**
   * Settles once nothing is left: no socket, no link, no timer; what was told to the relays has left this process. At once if
   * nothing was begun.
   */
  get whenReleased(): Promise<void> {
    return this.#released ?? Promise.resolve()
  }

  /**
   * Connects, once. The transport is the application's; its socket and what keeps the path live as long as it does.
   *
   * @throws (rejects) VRendezvousError if the meeting fails (its `reason` says why); VConnecterError if no relay answers,
   *   nobody comes, no path is found or a socket cannot be opened; VUDPLost if the other side refuses; the reason of
   *   `signal`; VIOError the second time
   */
  async connect(options: { readonly signal?: AbortSignal } = {}): Promise<VUDPTransport> {
    const { signal } = options
    signal?.throwIfAborted()
    if (this.#session !== null) throw new VIOError('a connecter connects once; make another one')
    let reason: unknown
    const onAbort = (): void => {
      reason = signal?.reason
      this.#session?.close(reason instanceof Error ? reason : new VIOLost(String(reason)))
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await this.#begin()
    } catch (error) {
      throw reason ?? error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /**
   * Gives up what is not connected yet. A connection that stands goes on by its own rules, on the path that it has; nothing
   * better is looked for any more. Idempotent.
   */
  close(): void {
    const phase = 'closed'
    this.#session?.close(new VConnecterError({ phase, reason: 'closed' }, 'the connecter was closed'))
  }

  /** Closes it, and waits until nothing is left; for a connection that stands this is when that is through. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.whenReleased
  }

  #begin(): Promise<VUDPTransport> {
    const config = this.#config
    const means = systemMeans(this.reactor, { tls: config.tls, linkTimeoutMs: config.connectTimeoutMs })
    return new Promise((connected, failed) => {
      this.#released = new Promise((released) => {
        const session = new ConnectSession(
          this.reactor,
          { means, config },
          {
            onConnected: connected,
            onFailed: failed,
            onReleased: () => void means.whenNoLinks().then(released),
          },
        )
        this.#session = session
        session.start()
      })
    })
  }
}
