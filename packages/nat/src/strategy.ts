/**
 * How two sides get through to each other: a table from what is known of both NATs to a plan.
 *
 * Decides what each side sends, how fast and how much at most, and what is to be expected of it. Sending is the
 * puncher's. Invariants: the two sides of one pair get the two halves of one plan, as both look at the same two
 * judgements; every plan tries something, as a judgement can be wrong.
 */
import { isDependent, type VNatBehaviour } from './mapping.js'

/**
 * `simultaneous`: both send, and meet. `easy-answers`: the hard side opens, the easy one answers where it sees it.
 * `predict`: the easy side tries the ports that the hard one will most likely have. `birthday`: the hard side opens many
 * ports and the easy side tries many. `relay`: nothing that is likely to work.
 */
export type VPunchKind = 'simultaneous' | 'easy-answers' | 'predict' | 'birthday' | 'relay'

/** What a side does in a plan. `hard`: its mappings depend on the destination. */
export type VPunchRole = 'even' | 'hard' | 'easy'

/** One side's half of a plan. */
export interface VPunchPlan {
  readonly kind: VPunchKind
  readonly role: VPunchRole
  /** False where a direct path would be luck. */
  readonly expectsDirect: boolean
  /** How many sockets are opened beside the first. */
  readonly lanes: number
  /** Ports of the other side that are tried first. */
  readonly ports: readonly number[]
  /** How many random ports of the other side are tried after those. */
  readonly probes: number
  /** The most datagrams a second, and the most in one round. */
  readonly packetsPerSecond: number
  readonly maxPackets: number
  /** For people: what stands in the way, and what would help. Empty where nothing does. */
  readonly reason: string
}

/** Options of the table. */
export interface VPunchPlanOptions {
  /** False to send no more than to the addresses that are known. By default true. */
  readonly birthday?: boolean
  /** How many sockets the hard side opens beside the first. By default 255. */
  readonly lanes?: number
  /** How many ports the easy side tries in one round. By default 3,000. */
  readonly probes?: number
}

/** What one side must know of the other. */
export type VNatView = Pick<VNatBehaviour, 'mapping' | 'filtering' | 'nextPorts'>

const MAX_LANES = 255
const MAX_PROBES = 3_000
const EASY_PER_SECOND = 100
const HARD_PER_SECOND = 150
/** What the addresses that are known cost in a round of half a minute, repetitions included. */
const KNOWN_PACKETS = 600
const PREDICTION_ROUNDS = 3

const BOTH_HARD =
  'both NATs choose a new port for each destination: let a UDP port in on one side and name it with --port, or use IPv6'
const NO_BIRTHDAY =
  'one NAT chooses a new port for each destination and the other lets in only whom it has sent to: ' +
  'trying many ports is switched off'
const UNKNOWN = 'it is not known how the NAT here behaves, as no server could be asked from two sides'
const UNKNOWN_THERE =
  'it is not known how the NAT of the other side behaves: UDP may not get out there, ' +
  'or no server could be asked from two sides'

/** The plan of the side that is described by `mine`. */
export function planPunch(mine: VNatView, theirs: VNatView, options: VPunchPlanOptions = {}): VPunchPlan {
  const [iAmHard, theyAreHard] = [isDependent(mine.mapping), isDependent(theirs.mapping)]
  if (iAmHard && theyAreHard) return bothHard(theirs)
  if (!iAmHard && !theyAreHard) {
    const here = mine.mapping === 'unknown' ? UNKNOWN : ''
    const reason = here === '' && theirs.mapping === 'unknown' ? UNKNOWN_THERE : here
    return plan('simultaneous', 'even', { expectsDirect: reason === '', reason })
  }
  const role = iAmHard ? 'hard' : 'easy'
  const [hard, easy] = iAmHard ? [mine, theirs] : [theirs, mine]
  const letsIn = easy.filtering === 'endpoint-independent' || easy.filtering === 'address-dependent'
  if (letsIn && easy.mapping !== 'unknown') return plan('easy-answers', role, {})
  return oneHard(role, hard, options)
}

/** One side is hard, and the other lets in only the very address that it has sent to. */
function oneHard(role: VPunchRole, hard: VNatView, options: VPunchPlanOptions): VPunchPlan {
  const kind = hard.nextPorts.length > 0 ? 'predict' : 'birthday'
  const isBirthday = options.birthday !== false
  const lanes = isBirthday && role === 'hard' ? Math.min(options.lanes ?? MAX_LANES, MAX_LANES) : 0
  const probes = isBirthday && role === 'easy' ? Math.min(options.probes ?? MAX_PROBES, MAX_PROBES) : 0
  const ports = role === 'easy' ? hard.nextPorts : []
  const isHopeful = kind === 'predict' || isBirthday
  return plan(isHopeful ? kind : 'relay', role, {
    expectsDirect: isHopeful,
    lanes,
    ports,
    probes,
    packetsPerSecond: role === 'hard' ? HARD_PER_SECOND : EASY_PER_SECOND,
    maxPackets: KNOWN_PACKETS + probes + PREDICTION_ROUNDS * (ports.length + 2 * lanes),
    reason: isHopeful ? '' : NO_BIRTHDAY,
  })
}

/** Where both number their ports one after the other, the next ones may meet; it costs little to see. */
function bothHard(theirs: VNatView): VPunchPlan {
  return plan('relay', 'hard', { expectsDirect: false, ports: theirs.nextPorts, reason: BOTH_HARD })
}

function plan(kind: VPunchKind, role: VPunchRole, more: Partial<VPunchPlan>): VPunchPlan {
  return {
    kind,
    role,
    expectsDirect: true,
    lanes: 0,
    ports: [],
    probes: 0,
    packetsPerSecond: EASY_PER_SECOND,
    maxPackets: KNOWN_PACKETS,
    reason: '',
    ...more,
  }
}
