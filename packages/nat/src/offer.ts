/**
 * What two parties tell each other once they have a key: addresses, how their NATs behave, and the secret of VUT.
 *
 * Decides the form of it and what is none. It travels sealed, so that the server sees its size alone. Invariant: what was
 * read is complete and within its bounds, whatever the other side wrote.
 */
import { VIOError } from '@vio/io'
import { readCandidates, type VCandidate, writeCandidates } from './candidate.js'
import type { VNatView } from './strategy.js'

/** What one party tells the other. */
export interface VOffer {
  /** This side's secret of the connection, 32 bytes. */
  readonly secret: Buffer
  readonly candidates: readonly VCandidate[]
  readonly nat: VNatView
  /** What the application has to say beforehand; at most 1,024 characters. By default empty. */
  readonly note: string
}

/** What the other side told is no offer. */
export class VOfferError extends VIOError {
  override readonly code = 'V_NAT_OFFER'
}

const SECRET_BYTES = 32
const MAX_NOTE = 1_024
const MAX_PORTS = 32
const DEPENDENCES: readonly unknown[] = [
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
  'unknown',
]

/** Writes an offer. @throws RangeError for a secret that has not 32 bytes, or a note that is too long */
export function writeOffer(offer: VOffer): Buffer {
  const { secret, candidates, nat, note } = offer
  if (secret.length !== SECRET_BYTES) {
    throw new RangeError(`the secret of a connection has ${SECRET_BYTES} bytes, got ${secret.length}`)
  }
  if (note.length > MAX_NOTE)
    throw new RangeError(`a note has at most ${MAX_NOTE} characters, got ${note.length}`)
  const { mapping, filtering, nextPorts } = nat
  const text = {
    secret: secret.toString('base64'),
    candidates: writeCandidates(candidates),
    nat: { mapping, filtering, nextPorts: nextPorts.slice(0, MAX_PORTS) },
    note,
  }
  return Buffer.from(JSON.stringify(text))
}

/** Reads an offer. @throws VOfferError or VCandidateError for what is none */
export function readOffer(bytes: Uint8Array): VOffer {
  const { secret, candidates, nat, note } = parse(bytes)
  if (typeof secret !== 'string' || !/^[A-Za-z0-9+/]{43}=$/.test(secret)) {
    throw new VOfferError(`an offer needs a secret of ${SECRET_BYTES} bytes`)
  }
  if (typeof note !== 'string' || note.length > MAX_NOTE) {
    throw new VOfferError(`the note of an offer is a text of at most ${MAX_NOTE} characters`)
  }
  return {
    secret: Buffer.from(secret, 'base64'),
    candidates: readCandidates(candidates),
    nat: readNat(nat),
    note,
  }
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (cause) {
    throw new VOfferError('an offer is JSON', { cause })
  }
  throw new VOfferError('an offer is a JSON object')
}

function readNat(value: unknown): VNatView {
  const { mapping, filtering, nextPorts } = (value ?? {}) as Record<string, unknown>
  if (!DEPENDENCES.includes(mapping) || !DEPENDENCES.includes(filtering)) {
    throw new VOfferError('an offer says on what mapping and filtering of the NAT depend')
  }
  const isPort = (port: unknown) =>
    Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535
  if (!Array.isArray(nextPorts) || nextPorts.length > MAX_PORTS || !nextPorts.every(isPort)) {
    throw new VOfferError(`an offer has at most ${MAX_PORTS} ports that may come next`)
  }
  const view = { mapping, filtering, nextPorts: [...new Set(nextPorts as number[])] }
  return view as VNatView
}
