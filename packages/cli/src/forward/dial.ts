/**
 * From a target to a connected socket, for the side that was asked to reach it.
 *
 * Decides which addresses are tried: those that the rules allow, and no other, also where a name leads to several.
 * Invariants: nothing is looked up or connected before the rules were asked; what fails is told by a status.
 */
import { VIOError, type VIPSocketPeer, VUnixSocketPeer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import {
  lookupAll,
  type VClientSocketAgent,
  type VResolver,
  VTCPClientSocketAgent,
  VUnixClientSocketAgent,
} from '@vio/sock'
import type { AllowList } from './allow.js'
import { ForwardRefused } from './errors.js'
import { codeOf, statusOf } from './status.js'
import { type ForwardTarget, formatTarget, type NetTarget } from './target.js'

/** What dialling is done with. */
export interface DialTerms {
  readonly reactor: IVReactor
  /** What is allowed; null for a target that this side itself has named. */
  readonly allow: AllowList | null
  readonly timeoutMs: number
  /** What finds addresses. By default the system. */
  readonly resolver?: VResolver
}

/** Connects. @throws (rejects) ForwardRefused */
export async function dial(
  target: Exclude<ForwardTarget, { readonly kind: 'udp' }>,
  terms: DialTerms,
): Promise<VClientSocketAgent> {
  const { reactor, timeoutMs } = terms
  const to = target.kind === 'unix' ? unixPeer(target.path, terms) : await addressesOf(target, terms)
  const options = { connectTimeoutMs: timeoutMs }
  const agent =
    target.kind === 'unix'
      ? new VUnixClientSocketAgent(reactor, null, options)
      : new VTCPClientSocketAgent(reactor, null, options)
  if (await agent.connectTo(to)) return agent
  throw refusedBy(target, agent.endReason?.value)
}

/** The addresses of a target that may be tried, in order. @throws (rejects) ForwardRefused if there are none */
export async function addressesOf(target: NetTarget, terms: DialTerms): Promise<readonly VIPSocketPeer[]> {
  const verdict = terms.allow?.allows(target) ?? 'yes'
  if (verdict === 'no') throw new ForwardRefused(formatTarget(target), 'forbidden', '')
  let found: readonly VIPSocketPeer[]
  try {
    found = await lookupAll(target.host, target.port, {
      timeoutMs: terms.timeoutMs,
      ...(terms.resolver === undefined ? {} : { resolver: terms.resolver }),
      socketType: target.kind === 'udp' ? 'dgram' : 'stream',
    })
  } catch (error) {
    throw refusedBy(target, error)
  }
  if (verdict === 'yes') return found
  const allowed = found.filter(({ host }) => terms.allow?.allowsAddress(target, host))
  if (allowed.length > 0) return allowed
  throw new ForwardRefused(formatTarget(target), 'forbidden', '')
}

function unixPeer(path: string, { allow }: DialTerms): VUnixSocketPeer {
  const target = { kind: 'unix', path } as const
  if (allow !== null && allow.allows(target) !== 'yes')
    throw new ForwardRefused(formatTarget(target), 'forbidden', '')
  return new VUnixSocketPeer(path)
}

/** An error of the system as a refusal. */
export function refusedBy(target: ForwardTarget, error: unknown): ForwardRefused {
  if (error instanceof ForwardRefused) return error
  const reason = codeOf(error) || (error instanceof VIOError ? error.message : '')
  return new ForwardRefused(formatTarget(target), statusOf(error), reason)
}
