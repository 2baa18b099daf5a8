/**
 * How much of everything a relay gives, to one source and in all.
 *
 * Decides the names of the limits and their defaults, and reads them from text. Keeping to them is the servers'. Invariant:
 * a quota that was checked is a positive number; a limit of Infinity is none.
 */
import { VIOError } from '@vio/io'

/** The limits of a relay. One source is an IPv4 address, or 64 bits of an IPv6 address. */
export interface VRelayQuotas {
  /** Rooms that are open at once. By default 10,000, and 32 of one source. */
  readonly maxRooms?: number
  readonly maxRoomsPerSource?: number
  /** How long a room lives. By default 600,000 ms. */
  readonly roomMs?: number
  /** Control links. By default 20,000, and 64 of one source. */
  readonly maxConnections?: number
  readonly maxConnectionsPerSource?: number
  /** How often one source may open or enter a room. By default 12 a minute, 20 at once. */
  readonly entersPerMinute?: number
  readonly maxEntersAtOnce?: number
  /** Messages of one source on its links. By default 50 a second, and ten times as many at once. */
  readonly messagesPerSecond?: number
  /** Relayed pairs. By default 2,000, and one source has a part in 64. */
  readonly maxPairs?: number
  readonly maxPairsPerSource?: number
  /** Relayed bytes a second. By default without limit. */
  readonly bytesPerSecond?: number
  readonly bytesPerSecondPerSource?: number
  /** How long a pair may last. By default 1,440 min. */
  readonly maxMinutes?: number
  /** STUN questions of one source that are answered. By default 20 a second. */
  readonly stunPerSecond?: number
}

/** A quota is none, or its value is no number. */
export class VRelayQuotaError extends VIOError {
  override readonly code = 'V_NAT_RELAY_QUOTA'
}

type QuotaName = keyof VRelayQuotas

const NO_LIMIT = Number.POSITIVE_INFINITY
const DEFAULTS: Required<VRelayQuotas> = {
  maxRooms: 10_000,
  maxRoomsPerSource: 32,
  roomMs: 600_000,
  maxConnections: 20_000,
  maxConnectionsPerSource: 64,
  entersPerMinute: 12,
  maxEntersAtOnce: 20,
  messagesPerSecond: 50,
  maxPairs: 2_000,
  maxPairsPerSource: 64,
  bytesPerSecond: NO_LIMIT,
  bytesPerSecondPerSource: NO_LIMIT,
  maxMinutes: 24 * 60,
  stunPerSecond: 20,
}

/** The names by which a person sets them. */
const TEXT_NAMES: Readonly<Record<string, QuotaName>> = {
  rooms: 'maxRooms',
  'rooms-per-source': 'maxRoomsPerSource',
  connections: 'maxConnections',
  'connections-per-source': 'maxConnectionsPerSource',
  'enters-per-minute': 'entersPerMinute',
  'messages-per-second': 'messagesPerSecond',
  pairs: 'maxPairs',
  'pairs-per-source': 'maxPairsPerSource',
  'bytes-per-second': 'bytesPerSecond',
  'bytes-per-second-per-source': 'bytesPerSecondPerSource',
  minutes: 'maxMinutes',
  'stun-per-second': 'stunPerSecond',
}
const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 }

/** The names that `parseRelayQuota` knows, for those who write them. */
export const RELAY_QUOTA_NAMES: readonly string[] = Object.keys(TEXT_NAMES)

/** With the defaults. @throws VRelayQuotaError for what is no positive number */
export function checkQuotas(quotas: VRelayQuotas): Required<VRelayQuotas> {
  const known = { ...DEFAULTS }
  for (const [name, value] of Object.entries(quotas)) {
    if (value === undefined) continue
    if (!Object.hasOwn(DEFAULTS, name)) {
      throw new VRelayQuotaError(`${name} is no quota: there are ${Object.keys(DEFAULTS).join(', ')}`)
    }
    if (typeof value !== 'number' || !(value > 0)) {
      throw new VRelayQuotaError(`the quota ${name} is a number above 0, got ${String(value)}`)
    }
    known[name as QuotaName] = value
  }
  return known
}

/** Reads `name=number`, where K, M or G may stand behind the number. @throws VRelayQuotaError for anything else */
export function parseRelayQuota(text: string): VRelayQuotas {
  const [, name = '', digits = '', unit = ''] = /^([a-z-]+)=(\d+(?:\.\d+)?)([kmgKMG]?)$/.exec(text) ?? []
  if (!Object.hasOwn(TEXT_NAMES, name)) {
    throw new VRelayQuotaError(
      `a quota is one of its names, = and a number; got ${JSON.stringify(text.slice(0, 60))}`,
    )
  }
  const quota = { [TEXT_NAMES[name] as QuotaName]: Number(digits) * (FACTORS[unit.toLowerCase()] ?? 1) }
  checkQuotas(quota)
  return quota
}
