/**
 * `VTLSTransport`: TLS over any pair of byte ends, as a two-way filter; `VTLSServer` and `VTLSClient` are its two sides.
 *
 * Decides nothing but what may be asked of a transport: the course of a connection is the core's affair. Invariant: the
 * four ends belong together; an abort of one takes the others down with its reason.
 */
import type { IVByteConsumer, IVByteProducer, VByteIOPair } from '@vio/io'
import { VByteDuplexFilter } from '@vio/io/filter'
import type { IVReactor, IVReactorObject } from '@vio/reactor'
import { describeValue, sizeOption, timeOption } from '../describe.js'
import type { VTLSPeer } from './authorize.js'
import { VTLSClientContext, VTLSServerContext } from './context.js'
import { type CoreParts, TLSCore } from './core.js'
import { badOption, type VTLSClientOptions, type VTLSServerOptions, type VTLSVersion } from './options.js'

/** The default of `handshakeTimeoutMs`. */
export const DEFAULT_HANDSHAKE_TIMEOUT_MS = 30_000

/** The default of `bufferBytes`. */
export const DEFAULT_TLS_BUFFER_BYTES = 65_536

/** Options of a transport, beside its context. */
export interface VTLSTransportOptions {
  /**
   * How long the handshake may take, counted from the time that the ciphertext side is attached or told `connected`. By
   * default 30,000; Infinity for ever.
   */
  readonly handshakeTimeoutMs?: number
  /** The most bytes of each form that wait in each direction. By default 65,536. */
  readonly bufferBytes?: number
  /** Asked about the other side before the application is; only true means yes. What it throws is a no. */
  readonly authorize?: (peer: VTLSPeer) => boolean
  /** Ciphertext that has been read already: it comes before what the chain brings. */
  readonly initialBytes?: Uint8Array
  /** True if what is below tells `connected`, and the time for the handshake is to begin then only. By default false. */
  readonly waitsForConnection?: boolean
  /** Called once, in a turn, when plaintext may pass. What it throws is logged. */
  readonly onSecured?: () => void
}

/** Options of one client, beside its context. */
export interface VTLSClientTransportOptions extends VTLSTransportOptions {
  /** The name of the server. By default that of the context. */
  readonly serverName?: string
  /** A session of an earlier connection to the same server, as `session` gave it. */
  readonly session?: Uint8Array
}

/** TLS between a side for plaintext and a side for ciphertext. Made as `VTLSServer` or `VTLSClient`. */
export abstract class VTLSTransport extends VByteDuplexFilter implements IVReactorObject {
  readonly reactor: IVReactor
  readonly #core: TLSCore

  constructor(reactor: IVReactor, parts: CoreParts) {
    const core = new TLSCore(reactor, parts)
    const { inbound, outbound } = core
    super(
      { byteConsume: inbound.intake, byteProduce: inbound.outlet },
      { byteConsume: outbound.intake, byteProduce: outbound.outlet },
      // The core itself spreads aborts.
      { independent: true },
    )
    this.reactor = reactor
    this.#core = core
  }

  /** Takes what is to be sealed. The same object on every access. */
  get plainConsume(): IVByteConsumer {
    return this.appIO.consumer
  }

  /** Gives what was opened. The same object on every access. */
  get plainProduce(): IVByteProducer {
    return this.appIO.producer
  }

  /** The side of the application. The same object on every access. */
  get plainIO(): VByteIOPair {
    return this.appIO
  }

  /** Takes ciphertext. The same object on every access. */
  get cipherConsume(): IVByteConsumer {
    return this.deviceIO.consumer
  }

  /** Gives ciphertext. The same object on every access. */
  get cipherProduce(): IVByteProducer {
    return this.deviceIO.producer
  }

  /** The side of the device: attach it to a socket, a pipe, anything that carries bytes. The same object on every access. */
  get cipherIO(): VByteIOPair {
    return this.deviceIO
  }

  /** True once the handshake was had, the other side was found to be the right one, and the application agreed. */
  get secured(): boolean {
    return this.#core.secured
  }

  /** What the other side has shown of itself; null before the handshake. */
  get peer(): VTLSPeer | null {
    return this.#core.peer
  }

  /** The version that was agreed upon; null before the handshake. */
  get version(): VTLSVersion | null {
    return (this.#core.socket?.getProtocol() as VTLSVersion | null | undefined) ?? null
  }

  /** The application protocol that was agreed upon, or null. */
  get alpn(): string | null {
    return this.#core.socket?.alpnProtocol || null
  }

  /** True if an earlier session was taken up. */
  get resumed(): boolean {
    return this.#core.socket?.isSessionReused() === true
  }

  /** Why the connection was lost, or null. */
  get failure(): Error | null {
    return this.#core.failure
  }

  /** Bytes that are held, plaintext and ciphertext of both directions. */
  get heldBytes(): number {
    return this.#core.heldBytes
  }

  /** Takes all four ends down. */
  abort(reason?: Error): void {
    this.#core.abort(reason)
  }

  /** For the two sides. */
  protected get core(): TLSCore {
    return this.#core
  }
}

/**
 * The server's side.
 *
 * ```ts
 * const tls = new VTLSServer(reactor, { key, cert })
 * tls.cipherIO.attach(socket.byteIO)
 * tls.plainIO.attach(agent.byteIO)
 * ```
 */
export class VTLSServer extends VTLSTransport {
  /** Identity and trust; give it to further transports, and new certificates to it. */
  readonly context: VTLSServerContext

  /**
   * @param context identity and trust, or the options to make them of: the key and the certificate are mandatory
   * @throws VTLSInputError if the context cannot be made; TypeError, RangeError for options that are none
   */
  constructor(
    reactor: IVReactor,
    context: VTLSServerContext | VTLSServerOptions,
    options: VTLSTransportOptions = {},
  ) {
    const made = context instanceof VTLSServerContext ? context : new VTLSServerContext(context)
    super(reactor, {
      ...commonParts(options),
      start: (wire, events) => made.open(wire, events),
      judge: (socket) => made.judge(socket),
      strict: false,
    })
    this.context = made
  }

  /** The name that the client asked for (SNI); null if it named none, and before the handshake. */
  get serverName(): string | null {
    const name: unknown = this.core.socket?.servername
    return typeof name === 'string' && name !== '' ? name : null
  }
}

/**
 * The client's side.
 *
 * ```ts
 * const tls = new VTLSClient(reactor, { serverName: 'example.org' })
 * tls.cipherIO.attach(socket.byteIO)
 * tls.plainIO.attach(agent.byteIO)
 * ```
 */
export class VTLSClient extends VTLSTransport {
  /** Identity and trust; give it to further transports. */
  readonly context: VTLSClientContext
  /** The name of the server, or null. */
  readonly serverName: string | null

  /**
   * @param context identity and trust, or the options to make them of
   * @throws VTLSInputError if the context cannot be made, or the server's name is to be checked and none is given;
   *   TypeError, RangeError for options that are none
   */
  constructor(
    reactor: IVReactor,
    context: VTLSClientContext | VTLSClientOptions = {},
    options: VTLSClientTransportOptions = {},
  ) {
    const made = context instanceof VTLSClientContext ? context : new VTLSClientContext(context)
    const serverName = options.serverName ?? made.serverName
    checkServerName(serverName, made.verify === 'name')
    const wanted = {
      serverName,
      session: options.session === undefined ? undefined : copyOf(options.session),
    }
    super(reactor, {
      ...commonParts(options),
      start: (wire, events) => made.open(wire, wanted, events),
      judge: (socket) => made.judge(socket, wanted),
      strict: made.verify === 'none',
    })
    this.context = made
    this.serverName = serverName ?? null
  }

  /** The session to take up at the next connection to the same server; null while the server has given none. Secret. */
  get session(): Buffer | null {
    return this.core.session
  }
}

function commonParts(options: VTLSTransportOptions): Omit<CoreParts, 'start' | 'judge' | 'strict'> {
  const { authorize, initialBytes, onSecured, waitsForConnection = false } = options
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw new TypeError(`authorize is a function, got ${describeValue(authorize)}`)
  }
  return {
    handshakeTimeoutMs: timeOption(
      'handshakeTimeoutMs',
      options.handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS,
    ),
    bufferBytes: sizeOption('bufferBytes', options.bufferBytes ?? DEFAULT_TLS_BUFFER_BYTES),
    authorize,
    onSecured,
    waitsForConnection,
    initialBytes: initialBytes === undefined ? undefined : copyOf(initialBytes),
  }
}

function checkServerName(name: string | undefined, needed: boolean): void {
  if (name === undefined && !needed) return
  if (typeof name === 'string' && name !== '') return
  throw badOption(
    `a client that checks its server's name needs the option serverName, got ${describeValue(name)}; ` +
      "give it, or set verify to 'authority' or 'none'",
  )
}

function copyOf(bytes: Uint8Array): Buffer {
  if (bytes instanceof Uint8Array) return Buffer.from(bytes)
  throw new TypeError(`bytes are needed, got ${describeValue(bytes)}`)
}
