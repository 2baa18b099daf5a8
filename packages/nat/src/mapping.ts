/**
 * What kind of NAT there is, judged from samples (RFC 4787, RFC 5780).
 *
 * Decides on what mappings and filtering depend, how ports are chosen, and how long a mapping lives. Samples are taken
 * elsewhere. Invariants: what the samples do not show is 'unknown', never guessed; a judgement orders plans and forbids
 * none.
 */
import type { VIPSocketPeer } from '@vio/io'

/** On what a mapping, or what may pass inward, depends. */
export type VNatDependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'

/** How the ports of new mappings are chosen. `preserving`: the inner one where it is free. */
export type VPortAllocation = 'preserving' | 'sequential' | 'random'

/** What one socket looked like from one address. In the order in which the questions were sent. */
export interface VMappingSample {
  /** The address of the socket in this machine. */
  readonly local: VIPSocketPeer
  /** Who was asked. */
  readonly server: VIPSocketPeer
  /** What it saw. */
  readonly mapped: VIPSocketPeer
}

/** Whether answers from elsewhere came in, on a socket that had sent to one address only. */
export interface VFilteringSample {
  /** From another address and another port; undefined while not known. */
  readonly fromOtherAddress?: boolean | undefined
  /** From the same address and another port. */
  readonly fromOtherPort?: boolean | undefined
}

/** What is known of a NAT. */
export interface VNatBehaviour {
  /** True if addresses are translated at all. */
  readonly translates: boolean
  readonly mapping: VNatDependence | 'unknown'
  readonly filtering: VNatDependence | 'unknown'
  readonly ports: VPortAllocation | 'unknown'
  /** How far apart the ports of following mappings are, where they are sequential; else 0. */
  readonly portStep: number
  /** The ports that the next mappings will most likely have, the likeliest first. */
  readonly nextPorts: readonly number[]
}

/** Ports that are further apart than this do not follow each other. */
const MAX_STEP = 16
const PREDICTIONS = 24
const FIRST_PORT = 1_024
const LAST_PORT = 65_535

/** Judges samples of one socket. */
export function classifyNat(
  samples: readonly VMappingSample[],
  filtering: VFilteringSample = {},
): VNatBehaviour {
  const mapping = mappingOf(samples)
  const portStep = mapping === 'endpoint-independent' ? 0 : stepOf(samples)
  return {
    translates: samples.some(({ local, mapped }) => !isSameAddress(local, mapped)),
    mapping,
    filtering: filteringOf(filtering),
    ports: portsOf(samples, portStep),
    portStep,
    nextPorts: predict(samples.at(-1)?.mapped.port ?? 0, portStep),
  }
}

/** True where each destination sees another port, or it is not known that it does not. */
export function isDependent(mapping: VNatBehaviour['mapping']): boolean {
  return mapping === 'address-dependent' || mapping === 'address-and-port-dependent'
}

/**
 * Ports of servers differ and addresses do not: the mapping depends on the port. Only addresses were changed, and the port
 * is another: it depends on the address at least.
 */
function mappingOf(samples: readonly VMappingSample[]): VNatBehaviour['mapping'] {
  let byAddress = false
  let seenPairs = 0
  for (const [at, one] of samples.entries()) {
    for (const other of samples.slice(at + 1)) {
      if (other.server.equals(one.server) || !other.local.equals(one.local)) continue
      seenPairs += 1
      if (other.mapped.equals(one.mapped)) continue
      if (other.server.host === one.server.host) return 'address-and-port-dependent'
      byAddress = true
    }
  }
  if (seenPairs === 0) return 'unknown'
  return byAddress ? 'address-dependent' : 'endpoint-independent'
}

function filteringOf({ fromOtherAddress, fromOtherPort }: VFilteringSample): VNatBehaviour['filtering'] {
  if (fromOtherAddress === true) return 'endpoint-independent'
  // Who does not let in another port of the same address lets in nobody else either.
  if (fromOtherPort === false) return 'address-and-port-dependent'
  return fromOtherAddress === undefined || fromOtherPort === undefined ? 'unknown' : 'address-dependent'
}

function portsOf(samples: readonly VMappingSample[], portStep: number): VNatBehaviour['ports'] {
  const [first] = samples
  if (first === undefined) return 'unknown'
  if (first.local.port === first.mapped.port) return 'preserving'
  if (portStep > 0) return 'sequential'
  return new Set(samples.map(({ mapped }) => mapped.port)).size > 1 ? 'random' : 'unknown'
}

/** How far apart the last ports are, if each is a little above the one before; 0 if not. */
function stepOf(samples: readonly VMappingSample[]): number {
  // A port that was preserved says nothing about the others, which come from a range of their own.
  const following = samples
    .filter(({ local, mapped }) => local.port !== mapped.port)
    .map(({ mapped }) => mapped.port)
  const distinct = following.filter((port, at) => at === 0 || port !== following[at - 1])
  if (distinct.length < 2) return 0
  const steps = distinct.slice(1).map((port, at) => port - (distinct[at] ?? 0))
  return steps.every((step) => step > 0 && step <= MAX_STEP) ? Math.min(...steps) : 0
}

function predict(lastPort: number, step: number): number[] {
  if (step === 0 || lastPort === 0) return []
  const ports = Array.from({ length: PREDICTIONS }, (_, index) => lastPort + (index + 1) * step)
  return ports.map((port) => (port > LAST_PORT ? port - LAST_PORT - 1 + FIRST_PORT : port))
}

function isSameAddress(left: VIPSocketPeer, right: VIPSocketPeer): boolean {
  return left.host === right.host && left.port === right.port
}
