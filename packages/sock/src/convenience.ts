/**
 * The short ways: connect, and listen, in one call that can be awaited.
 *
 * Nothing is decided here. What fails rejects; whoever wants the outcome in the chain instead uses the classes.
 */
import { type VFailure, VIOLost, VIPSocketPeer, VUnixSocketPeer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { lookup } from './address.js'
import type { VConnectTarget, VConnectToOptions, VHostPort } from './connecting.js'
import type { IVSocket } from './interfaces.js'
import type { VListeningSocket, VListeningSocketOptions } from './listener.js'
import type { VClientSocketAgent, VClientSocketAgentOptions } from './socket-agent.js'
import { VTCPClientSocketAgent, VTCPListeningSocket } from './tcp.js'
import { VUnixClientSocketAgent, VUnixListeningSocket } from './unix.js'

/** Options of `connectTCP` and `connectUnix`. */
export interface VConnectAgentOptions extends VClientSocketAgentOptions, VConnectToOptions {}

/** Makes the client of a connection out of an agent that is attached to nothing yet. */
export type VAgentHandler = (agent: VClientSocketAgent) => void

/** Options of `listenTCP` and `listenUnix`. */
export interface VListenOptions extends Omit<VListeningSocketOptions, 'factory'> {
  /** Options of the agents. */
  readonly agent?: VClientSocketAgentOptions
}

/**
 * An agent that is connected to a host by name or address; attach it then.
 *
 * @throws (rejects) VIOLost, with the reason, if there is no connection; VIOTimeout; the signal's reason
 */
export async function connectTCP(
  reactor: IVReactor,
  target: VHostPort,
  options: VConnectAgentOptions = {},
): Promise<VTCPClientSocketAgent> {
  return await connectAgent(new VTCPClientSocketAgent(reactor, null, options), target, options)
}

/** An agent that is connected to a Unix socket; attach it then. Rejects as `connectTCP`. */
export async function connectUnix(
  reactor: IVReactor,
  path: string,
  options: VConnectAgentOptions = {},
): Promise<VUnixClientSocketAgent> {
  return await connectAgent(
    new VUnixClientSocketAgent(reactor, null, options),
    new VUnixSocketPeer(path),
    options,
  )
}

async function connectAgent<A extends VClientSocketAgent>(
  agent: A,
  target: VConnectTarget,
  { signal, family, resolver }: VConnectToOptions,
): Promise<A> {
  const connected = await agent.connectTo(target, {
    ...(signal === undefined ? {} : { signal }),
    ...(family === undefined ? {} : { family }),
    ...(resolver === undefined ? {} : { resolver }),
  })
  if (connected) return agent
  throw reasonOf(agent.endReason)
}

function reasonOf(failure: VFailure | null): Error {
  return failure?.value ?? new VIOLost('the connection was closed before it was there')
}

/**
 * A listener on a TCP port that hands an agent to `handler` for each connection. Without a host it listens on the
 * loopback address; the empty host stands for all addresses.
 *
 * @throws (rejects) VSocketError with the system's code, such as EADDRINUSE; what `lookup` rejects with
 */
export async function listenTCP(
  reactor: IVReactor,
  where: Partial<VHostPort>,
  handler: VAgentHandler,
  options: VListenOptions = {},
): Promise<VTCPListeningSocket> {
  const { host = '127.0.0.1', port = 0 } = where
  const peer = host === '' ? new VIPSocketPeer('', port) : await lookup(host, port)
  const build = agentFactory((sock, more) => new VTCPClientSocketAgent(reactor, sock, more), handler, options)
  const listener = new VTCPListeningSocket(reactor, null, { ...options, factory: build })
  return await listenOn(listener, peer)
}

/** A listener on a Unix socket, as `listenTCP`. */
export async function listenUnix(
  reactor: IVReactor,
  path: string,
  handler: VAgentHandler,
  options: VListenOptions = {},
): Promise<VUnixListeningSocket> {
  const build = agentFactory(
    (sock, more) => new VUnixClientSocketAgent(reactor, sock, more),
    handler,
    options,
  )
  const listener = new VUnixListeningSocket(reactor, null, { ...options, factory: build })
  return await listenOn(listener, new VUnixSocketPeer(path))
}

async function listenOn<L extends VListeningSocket>(
  listener: L,
  peer: VIPSocketPeer | VUnixSocketPeer,
): Promise<L> {
  await listener.bind(peer)
  listener.listen()
  return listener
}

type Build = NonNullable<Extract<VListeningSocketOptions['factory'], (...args: never[]) => unknown>>
type MakeAgent = (
  sock: Parameters<Build>[0]['sock'],
  options: VClientSocketAgentOptions,
) => VClientSocketAgent

function agentFactory(make: MakeAgent, handler: VAgentHandler, options: VListenOptions): Build {
  return ({ sock, peer, closeCallback }): IVSocket => {
    const agent = make(sock, {
      peer,
      ...(closeCallback === undefined ? {} : { closeCallback }),
      ...options.agent,
    })
    handler(agent)
    return agent
  }
}
