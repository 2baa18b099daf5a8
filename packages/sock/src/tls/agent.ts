/**
 * `VTLSClientSocketAgent` and `VTLSListeningSocket`: sockets whose plaintext is the chain's.
 *
 * They decide only which side of TLS a socket is and whom the server has to be: the name that was connected to, where no
 * other is given. All else is that of the socket classes and of the transport. Invariant: a socket that is not secured
 * gives and takes no byte of the chain.
 */
import { Socket } from 'node:net'
import { type IVAnyConsumer, VFIOLost, VIOLost, VIPSocketPeer, type VPeer, type VSocketPeer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import type { VConnectTarget, VConnectToOptions } from '../connecting.js'
import { describeValue } from '../describe.js'
import type { IVSocket } from '../interfaces.js'
import type { VListeningSocketOptions } from '../listener.js'
import { VListeningSocket } from '../listener.js'
import { VClientSocketAgent, type VClientSocketAgentOptions } from '../socket-agent.js'
import type { IVSocketDevice } from '../socket-device.js'
import type { VStreamSocket } from '../stream-socket.js'
import { VTLSClientContext, VTLSServerContext } from './context.js'
import { TLSDevice } from './device.js'
import {
  DEFAULT_TLS_BUFFER_BYTES,
  VTLSClient,
  type VTLSClientTransportOptions,
  VTLSServer,
  type VTLSTransport,
  type VTLSTransportOptions,
} from './filter.js'
import type { VTLSClientOptions, VTLSServerOptions } from './options.js'

/** Options of `VTLSClientSocketAgent`. */
export interface VTLSClientSocketAgentOptions
  extends Omit<VClientSocketAgentOptions, 'wrapDevice'>,
    Omit<VTLSClientTransportOptions, 'initialBytes'> {
  /** Identity and trust: a `VTLSServerContext` makes it the server's side. By default a client that trusts as Node does. */
  readonly tls?: VTLSServerContext | VTLSClientContext | VTLSClientOptions
}

/**
 * A socket whose output is sealed and whose input is opened.
 *
 * ```ts
 * const agent = new VTLSClientSocketAgent(reactor)
 * chain(source, agent.byteIO, sink)
 * await agent.connectTo({ host: 'example.org', port: 443 })
 * ```
 *
 * It is connected once the handshake is through and the chain has agreed (`authorize`). A handshake that fails is told as
 * an unclean end.
 */
export class VTLSClientSocketAgent extends VClientSocketAgent {
  readonly #tls: TLSDevice
  readonly #names: ServerName

  /**
   * @param socket as for `VClientSocketAgent`; the handshake begins at once on one that was given, else on connecting
   * @throws VTLSInputError if the context cannot be made, or the server's name is to be checked and nothing names it; what
   *   `VClientSocketAgent` throws
   */
  constructor(
    reactor: IVReactor,
    socket: VStreamSocket | IVSocketDevice | null = null,
    options: VTLSClientSocketAgentOptions = {},
  ) {
    const names: ServerName = { target: undefined }
    const context = contextOf(options.tls)
    // Both are there before anybody asks for them: the device asks when it is at work.
    let consumer: () => ReturnType<TLSConsumer> = () => null
    let made: TLSDevice | undefined
    super(reactor, socket, {
      ...options,
      wrapDevice: (device) => {
        made = new TLSDevice(reactor, device, {
          makeTransport: (onSecured) =>
            makeTransport(reactor, context, options, { target: nameFor(device, names), onSecured }),
          consumer: () => consumer(),
          bufferBytes: options.bufferBytes ?? DEFAULT_TLS_BUFFER_BYTES,
        })
        return made
      },
    })
    this.#tls = made as unknown as TLSDevice
    this.#names = names
    consumer = () => this.byteProduce.consumer
    if (this.#tls.hasSocket || (socket instanceof Socket && socket.connecting)) this.#tls.begin()
  }

  /** TLS itself: what was agreed upon, and who the other side is. Null before the handshake begins. */
  get tls(): VTLSTransport | null {
    return this.#tls.transport
  }

  override connect(peer: VPeer): boolean {
    this.#names.target ??= peer instanceof VIPSocketPeer ? peer.host : undefined
    return super.connect(peer)
  }

  /**
   * Connects as `VClientSocketAgent` does; the promise is true once the connection is secured. The host that is named is
   * the one that the server has to be, unless the option `serverName` says another.
   */
  override connectTo(target: VConnectTarget, options: VConnectToOptions = {}): Promise<boolean> {
    if ('host' in target && typeof target.host === 'string') this.#names.target = target.host
    const outcome = this.#secured(super.connectTo(target, options), options.signal)
    outcome.catch(() => undefined)
    return outcome
  }

  protected override inputAttached(): void {
    this.#tls.attachInput()
  }

  protected override inputDetached(): void {
    this.#tls.detachInput()
  }

  protected override tellState(consumer: IVAnyConsumer): void {
    super.tellState(consumer)
    this.#tls.askAgain(consumer)
  }

  /** The handshake is a part of connecting: the signal ends it, too. */
  async #secured(connecting: Promise<boolean>, signal: AbortSignal | undefined): Promise<boolean> {
    if (!(await connecting)) return false
    const onAbort = (): void => {
      this.reset(new VFIOLost(new VIOLost('the connection was given up', { cause: signal?.reason })))
    }
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    const secured = await this.#isSecured()
    signal?.removeEventListener('abort', onAbort)
    if (!secured) signal?.throwIfAborted()
    return secured
  }

  #isSecured(): Promise<boolean> {
    return new Promise((settled) => this.#tls.onSettled(() => settled(this.#tls.connected)))
  }
}

/** Options of `VTLSListeningSocket`. */
export interface VTLSListeningSocketOptions extends Omit<VListeningSocketOptions, 'factory'> {
  /** Identity and trust. The key and the certificate are mandatory. */
  readonly tls: VTLSServerContext | VTLSServerOptions
  /** Gets an agent for each connection, attached to nothing; its handshake is under way. What it throws closes it. */
  readonly handler: (agent: VTLSClientSocketAgent) => void
  /** Options of the agents. */
  readonly agent?: Omit<VTLSClientSocketAgentOptions, 'tls' | 'serverName' | 'session'>
}

/**
 * Takes connections and secures them.
 *
 * ```ts
 * const listener = new VTLSListeningSocket(reactor, null, { tls: { key, cert }, handler: (agent) => chain(...) })
 * await listener.bind(new VIPSocketPeer('127.0.0.1', 4433))
 * listener.listen()
 * ```
 */
export class VTLSListeningSocket extends VListeningSocket {
  /** Identity and trust; give it a new certificate at any time. */
  readonly context: VTLSServerContext
  readonly #options: VTLSListeningSocketOptions

  /** @throws VTLSInputError if the context cannot be made; TypeError without a handler; what `VListeningSocket` throws */
  constructor(
    reactor: IVReactor,
    server: ConstructorParameters<typeof VListeningSocket>[1],
    options: VTLSListeningSocketOptions,
  ) {
    if (typeof options?.handler !== 'function')
      throw new TypeError(`a TLS listener needs a handler, got ${describeValue(options?.handler)}`)
    const { tls } = options
    const context = tls instanceof VTLSServerContext ? tls : new VTLSServerContext(tls)
    super(reactor, server, options)
    this.context = context
    this.#options = options
  }

  protected override accepted(sock: VStreamSocket, peer: VSocketPeer): IVSocket {
    const { agent: more, clientClose, handler } = this.#options
    const agent = new VTLSClientSocketAgent(this.reactor, sock, {
      peer,
      ...(clientClose === undefined ? {} : { closeCallback: clientClose }),
      ...more,
      tls: this.context,
    })
    handler(agent)
    return agent
  }
}

type TLSConsumer = ConstructorParameters<typeof TLSDevice>[2]['consumer']

/** The host that was connected to, as it was named. */
interface ServerName {
  target: string | undefined
}

function contextOf(given: VTLSClientSocketAgentOptions['tls']): VTLSServerContext | VTLSClientContext {
  if (given instanceof VTLSServerContext || given instanceof VTLSClientContext) return given
  return new VTLSClientContext(given)
}

/** Whom a server has to be, where it was not said: the host that was connected to. */
function nameFor(device: IVSocketDevice, names: ServerName): string | undefined {
  return names.target ?? (device.peer instanceof VIPSocketPeer ? device.peer.host : undefined)
}

function makeTransport(
  reactor: IVReactor,
  context: VTLSServerContext | VTLSClientContext,
  options: VTLSClientSocketAgentOptions,
  { target, onSecured }: { readonly target: string | undefined; readonly onSecured: () => void },
): VTLSTransport {
  const { handshakeTimeoutMs, bufferBytes, authorize, session } = options
  const common: VTLSTransportOptions = {
    onSecured,
    waitsForConnection: true,
    ...(handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs }),
    ...(bufferBytes === undefined ? {} : { bufferBytes }),
    ...(authorize === undefined ? {} : { authorize }),
  }
  if (context instanceof VTLSServerContext) return new VTLSServer(reactor, context, common)
  const serverName = options.serverName ?? context.serverName ?? target
  return new VTLSClient(reactor, context, {
    ...common,
    ...(serverName === undefined ? {} : { serverName }),
    ...(session === undefined ? {} : { session }),
  })
}
