/**
 * The addresses at which a side may be reached, and which pairs of them are worth a try (RFC 8445).
 *
 * Decides priorities, the form in which candidates are told to the peer, and which of the peer's addresses are ever sent
 * to. When each of them is tried is the strategy's. Invariants: nothing that a peer tells becomes a candidate without
 * being checked, and it cannot name more than a few; what is private is tried only where it can mean the peer.
 */
import { VIOError, VIPSocketPeer } from '@vio/io'
import { isSameNetwork, scopeOf } from './address-scope.js'

/**
 * What an address is. `host`: of the machine itself. `mapped`: a port that the router opened on request. `server-reflexive`:
 * as a server sees it. `peer-reflexive`: as the peer saw it. `relayed`: of a relay.
 */
export type VCandidateKind = 'host' | 'mapped' | 'peer-reflexive' | 'server-reflexive' | 'relayed'

/** What a peer told is no list of candidates. */
export class VCandidateError extends VIOError {
  override readonly code = 'V_NAT_CANDIDATE'
}

/** An address at which a side may be reached. */
export interface VCandidate {
  readonly kind: VCandidateKind
  readonly peer: VIPSocketPeer
  /** The greater, the sooner it is tried. */
  readonly priority: number
}

/** A candidate as it stands in a message. */
export interface VCandidateText {
  readonly kind: VCandidateKind
  readonly host: string
  readonly port: number
}

/** One of each side. */
export interface VCandidatePair {
  readonly local: VCandidate
  readonly remote: VCandidate
  readonly priority: number
}

/** The most candidates that one side may have. */
export const MAX_CANDIDATES = 16

const KIND_PREFERENCE: Readonly<Record<VCandidateKind, number>> = {
  host: 126,
  mapped: 112,
  'peer-reflexive': 110,
  'server-reflexive': 100,
  relayed: 0,
}
const MAX_LOCAL_PREFERENCE = 65_535
const COMPONENT = 255

/** An address as a candidate. `rank` orders those of one kind, the first is 0. @throws VCandidateError if it reaches nobody */
export function candidateOf(kind: VCandidateKind, peer: VIPSocketPeer, rank = 0): VCandidate {
  if (peer.port === 0 || scopeOf(peer.host) === 'none') {
    throw new VCandidateError(`${peer} is no address at which somebody can be reached`)
  }
  // IPv6 needs no translation more often than not, so it comes first among equals.
  const family = peer.ipVersion === 6 ? 1 << 15 : 0
  const local = Math.max(0, ((MAX_LOCAL_PREFERENCE >> 1) | family) - rank)
  return { kind, peer, priority: KIND_PREFERENCE[kind] * 2 ** 24 + local * 2 ** 8 + COMPONENT }
}

/** Candidates as they stand in a message: each address once, those with the highest priority first, at most 16. */
export function writeCandidates(candidates: readonly VCandidate[]): VCandidateText[] {
  return distinct(candidates).map(({ kind, peer }) => ({ kind, host: peer.host, port: peer.port }))
}

/** Reads what a peer told. @throws VCandidateError for what is no such list */
export function readCandidates(value: unknown): VCandidate[] {
  if (!Array.isArray(value)) throw new VCandidateError('candidates are a list')
  if (value.length > MAX_CANDIDATES) {
    throw new VCandidateError(`a side has at most ${MAX_CANDIDATES} candidates, got ${value.length}`)
  }
  return distinct(value.map((each: unknown, rank) => readCandidate(each, rank)))
}

/**
 * The pairs that are worth a try, the best first.
 *
 * Private addresses of the peer are left out unless it can be in the same network: both are seen at the same address, one
 * of the own addresses is of the same network, or one side has no address but private ones.
 */
export function pairCandidates(
  local: readonly VCandidate[],
  remote: readonly VCandidate[],
): VCandidatePair[] {
  const isNear = mayBeNear(local, remote)
  const pairs: VCandidatePair[] = []
  for (const theirs of remote) {
    if (!isWorthIt(local, theirs, isNear)) continue
    const own = local
      .filter(({ peer }) => peer.ipVersion === theirs.peer.ipVersion)
      .reduce<VCandidate | undefined>(
        (best, each) => (best && best.priority >= each.priority ? best : each),
        undefined,
      )
    if (own !== undefined) pairs.push({ local: own, remote: theirs, priority: pairPriority(own, theirs) })
  }
  return pairs.sort((a, b) => b.priority - a.priority)
}

/** True if both sides may be in one network: behind the same NAT, on the same machine, or without a way out. */
export function mayBeNear(local: readonly VCandidate[], remote: readonly VCandidate[]): boolean {
  const [own, theirs] = [outerHosts(local), outerHosts(remote)]
  if (own.length === 0 || theirs.length === 0) return true
  return own.some((host) => theirs.includes(host))
}

function isWorthIt(local: readonly VCandidate[], remote: VCandidate, isNear: boolean): boolean {
  const { host } = remote.peer
  switch (scopeOf(host)) {
    case 'none':
      return false
    case 'global':
      return true
    case 'host':
      // Loopback means the peer only where both are one machine, which then has an address in common.
      return local.some(({ peer }) => scopeOf(peer.host) === 'host')
    default:
      return remote.kind !== 'host' || isNear || local.some((each) => isOfNetwork(each, host))
  }
}

function isOfNetwork({ kind, peer }: VCandidate, host: string): boolean {
  return kind === 'host' && isSameNetwork(peer.host, host)
}

/** Where others see a side: outside of every NAT that is known of. */
function outerHosts(candidates: readonly VCandidate[]): string[] {
  return candidates
    .filter(({ kind, peer }) => kind !== 'relayed' && (kind !== 'host' || scopeOf(peer.host) === 'global'))
    .map(({ peer }) => peer.host)
}

function pairPriority({ priority: a }: VCandidate, { priority: b }: VCandidate): number {
  return 2 ** 20 * Math.min(a, b) + Math.max(a, b) / 2 ** 12
}

function distinct(candidates: readonly VCandidate[]): VCandidate[] {
  const sorted = [...candidates].sort((a, b) => b.priority - a.priority)
  const isFirst = (each: VCandidate, at: number) =>
    sorted.findIndex(({ peer }) => peer.equals(each.peer)) === at
  return sorted.filter(isFirst).slice(0, MAX_CANDIDATES)
}

function readCandidate(value: unknown, rank: number): VCandidate {
  const { kind, host, port } = (value ?? {}) as Partial<Record<keyof VCandidateText, unknown>>
  if (typeof kind !== 'string' || !Object.hasOwn(KIND_PREFERENCE, kind)) {
    throw new VCandidateError('a candidate needs a kind that exists')
  }
  if (typeof host !== 'string' || host === '' || host.includes('%') || typeof port !== 'number') {
    throw new VCandidateError('a candidate needs a numeric address without a zone, and a port')
  }
  return candidateOf(kind as VCandidateKind, peerOf(host, port), rank)
}

function peerOf(host: string, port: number): VIPSocketPeer {
  try {
    return new VIPSocketPeer(host, port, { socketType: 'dgram' })
  } catch (cause) {
    throw new VCandidateError('a candidate needs a numeric address and a port of 1 to 65535', { cause })
  }
}
