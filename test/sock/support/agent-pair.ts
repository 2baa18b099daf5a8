/**
 * Two agents of the public classes that are connected to each other by a listener.
 *
 * Decides nothing but how they come about; they are taken down when the test is over.
 */
import { VIPSocketPeer, type VSocketPeer, VUnixSocketPeer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import {
  VClientSocketAgent,
  type VClientSocketAgentOptions,
  VListeningSocket,
  type VTransport,
} from '@vio/sock'
import { onTestFinished } from 'vitest'
import { eventually } from './net-rig.js'
import { freeUnixPath, LOOPBACK, type NetKind } from './places.js'

/** What the pair is to be. */
export interface AgentPairTerms {
  /** By default over IPv4. */
  readonly kind?: NetKind
  /** Of both agents. */
  readonly options?: VClientSocketAgentOptions
  /** Of the one that connects, and of the listener. By default as everywhere. */
  readonly connecting?: VTransport
  readonly serving?: VTransport
}

/** Who connected, who was found, and by what. */
export interface AgentPair {
  readonly client: VClientSocketAgent
  readonly server: VClientSocketAgent
  readonly listener: VListeningSocket
  readonly peer: VSocketPeer
}

/** Makes a pair on a reactor that runs. */
export async function agentPair(reactor: IVReactor, terms: AgentPairTerms = {}): Promise<AgentPair> {
  const { kind = 'tcp4', options = {}, connecting, serving } = terms
  const accepted: VClientSocketAgent[] = []
  const listener = new VListeningSocket(reactor, null, {
    ...(serving === undefined ? {} : { transport: serving }),
    factory: ({ sock, peer }) => {
      const agent = new VClientSocketAgent(reactor, sock, { peer, ...options })
      accepted.push(agent)
      return agent
    },
  })
  const where = kind === 'unix' ? new VUnixSocketPeer(freeUnixPath()) : new VIPSocketPeer(LOOPBACK[kind], 0)
  const peer = await listener.bind(where)
  listener.listen()
  const transport = connecting === undefined ? {} : { transport: connecting }
  const client = new VClientSocketAgent(reactor, null, { ...options, ...transport })
  await client.connectTo(peer)
  await eventually(() => accepted.length === 1)
  const [server] = accepted as [VClientSocketAgent]
  onTestFinished(() => {
    client.reset()
    void listener.drain(0)
  })
  return { client, server, listener, peer }
}
