/**
 * The networks between two peers that the command is tried in, and what is to be expected in each.
 *
 * Decides which pairs of NATs there are and which path theory allows them. Invariant: what is expected follows from how
 * the NATs behave (RFC 4787), not from what the command was seen to do.
 */

/** How bytes are to get through: straight, straight after trying many ports, or by way of the relay. */
export type Expected = 'direct' | 'birthday' | 'relay'

/** One network. */
export interface Row {
  readonly name: string
  /** Options of `natlab up`. */
  readonly network: readonly string[]
  readonly expected: Expected
  /** What the reason for the relay has to say. */
  readonly why?: string
}

/** Whether each host behind such a NAT is seen under one address by all (`hard`: no), and whom the NAT lets in. */
interface Nat {
  readonly type: string
  readonly hard: boolean
  /** True if only the very address and port that was sent to gets in. */
  readonly strict: boolean
}

const NATS: readonly Nat[] = [
  { type: 'direct', hard: false, strict: false },
  { type: 'full-cone', hard: false, strict: false },
  { type: 'address-restricted', hard: false, strict: false },
  { type: 'port-restricted', hard: false, strict: true },
  { type: 'symmetric', hard: true, strict: true },
]

/**
 * One side hard: its datagrams come from a port that the other does not know. Who lets in an address from any port hears
 * them; who does not has to guess.
 */
function expectedOf(a: Nat, b: Nat): Expected {
  if (a.hard && b.hard) return 'relay'
  if (!a.hard && !b.hard) return 'direct'
  const easy = a.hard ? b : a
  return easy.strict ? 'birthday' : 'direct'
}

/** Every pair of NATs, in both orders. */
export const PAIRS: readonly Row[] = NATS.flatMap((a) =>
  NATS.map((b) => ({
    name: `${a.type} to ${b.type}`,
    network: ['--a', a.type, '--b', b.type],
    expected: expectedOf(a, b),
  })),
)

const SAME = ['--same-nat', '--a']

/** Two peers behind one NAT, NATs behind NATs, a network without UDP. */
export const TOPOLOGIES: readonly Row[] = [
  { name: 'the same NAT', network: [...SAME, 'port-restricted'], expected: 'direct' },
  {
    name: 'the same NAT, hosts kept apart, with hairpin',
    network: [...SAME, 'port-restricted:hairpin', '--isolate'],
    expected: 'direct',
  },
  {
    name: 'the same NAT, hosts kept apart, without hairpin',
    network: [...SAME, 'port-restricted', '--isolate'],
    expected: 'relay',
    why: 'behind the same NAT',
  },
  { name: 'equal private addresses', network: ['--overlap'], expected: 'direct' },
  { name: 'a carrier NAT on one side', network: ['--cgn-a', 'port-restricted'], expected: 'direct' },
  {
    name: 'carrier NATs on both sides',
    network: ['--cgn-a', 'port-restricted', '--cgn-b', 'address-restricted'],
    expected: 'direct',
  },
  { name: 'a symmetric carrier NAT on one side', network: ['--cgn-a', 'symmetric'], expected: 'birthday' },
  {
    name: 'symmetric carrier NATs on both sides',
    network: ['--cgn-a', 'symmetric', '--cgn-b', 'symmetric'],
    expected: 'relay',
  },
  { name: 'the same carrier NAT, with hairpin', network: ['--cgn', 'full-cone:hairpin'], expected: 'direct' },
  {
    name: 'the same carrier NAT, without hairpin',
    network: ['--cgn', 'full-cone'],
    expected: 'relay',
    why: 'behind the same NAT',
  },
  {
    name: 'no UDP on the side that sends',
    network: ['--a', 'udp-blocked', '--b', 'full-cone'],
    expected: 'relay',
    why: 'UDP may not get out there',
  },
  {
    name: 'no UDP on the side that receives',
    network: ['--a', 'port-restricted', '--b', 'udp-blocked'],
    expected: 'relay',
    why: 'UDP does not get to the relay from here',
  },
  {
    name: 'a firewall without NAT on each side',
    network: ['--a', 'firewall', '--b', 'firewall'],
    expected: 'direct',
  },
]

/** The link of all networks: 20 ms there and back, and slow enough that a transfer takes a while. */
export const LINK: readonly string[] = ['--link', 'delay=10ms,rate=50mbit,queue=50ms']
