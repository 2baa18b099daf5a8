/**
 * The puncher of a connecter, with the sockets that its plan needs.
 *
 * Decides when a new plan takes the place of the one before, and which of the peer's addresses are worth a try. Invariants:
 * the numbers of PUNCH datagrams rise over all plans of a connection; sockets of a plan that is over are closed, unless the
 * peer was heard on them.
 */
import type { VIPSocketPeer } from '@vio/io'
import { KIND } from '@vio/vudp'
import { pairCandidates, type VCandidate } from '../candidate.js'
import type { VOffer } from '../offer.js'
import { VPuncher, type VPuncherEvent } from '../puncher.js'
import { planPunch, type VNatView, type VPunchPlan } from '../strategy.js'
import type { Cancel, ConnecterMeans } from './connecter-means.js'
import type { HubPlace, SocketHub } from './socket-hub.js'

/** What it is made of. */
export interface PunchingOptions {
  readonly hub: SocketHub
  readonly means: ConnecterMeans
  readonly secret: Buffer
  readonly peerSecret: Buffer
  readonly birthday: boolean
  /** The peer was heard at that address, on that lane. */
  readonly onHeard: (lane: number, peer: VIPSocketPeer) => void
  /** A round is over without success. */
  readonly onRoundOver: (event: Extract<VPuncherEvent, { type: 'round-over' }>) => void
}

/** What both sides know of each other. */
export interface PunchingKnowledge {
  readonly candidates: readonly VCandidate[]
  readonly nat: VNatView
  readonly offer: VOffer
}

/** How long one waits for what the NATs let in, before many ports are opened because it is not known. */
export const SURE_AFTER_MS = 2_500

/** So many numbers are one plan's: more than any sends. */
const NUMBERS = 0x10_0000

/** Opens the way to one peer. */
export class Punching {
  readonly #options: PunchingOptions
  readonly #kept = new Set<number>()
  #puncher: VPuncher | null = null
  #plan: VPunchPlan | null = null
  #places: HubPlace[] = []
  #cancels: Cancel[] = []
  #plans = 0
  #told = ''
  #neighbours = ''
  #firstAt: number | null = null
  #sent = 0

  constructor(options: PunchingOptions) {
    this.#options = options
  }

  /** The plan that is being carried out, or was last; null before the first. */
  get plan(): VPunchPlan | null {
    return this.#plan
  }

  /** What stands in the way of a direct path, for people; empty where nothing is known to. */
  get obstacle(): string {
    const reason = this.#plan?.reason ?? ''
    return reason === '' ? this.#neighbours : reason
  }

  /** True while it is at work, between rounds too. */
  get isRunning(): boolean {
    return this.#puncher !== null
  }

  /** How many PUNCH datagrams have left. */
  get sent(): number {
    return this.#sent + (this.#puncher?.counts.sent ?? 0)
  }

  /**
   * Something is known, or known better: makes a plan, and carries it out unless it is the one at work; `isForced` to begin
   * anew.
   */
  update(known: PunchingKnowledge, isForced = false): void {
    const { candidates, nat, offer } = known
    const targets = pairCandidates(candidates, offer.candidates).map(({ remote }) => remote.peer)
    const isSure = nat.filtering !== 'unknown' && offer.nat.filtering !== 'unknown'
    const birthday = this.#options.birthday && (isSure || this.#isLate)
    const plan = planPunch(nat, offer.nat, { birthday })
    const outer = outerOf(offer.candidates)
    this.#neighbours = neighbours(outerOf(candidates), outer)
    const told = JSON.stringify([plan, targets.map(String), String(outer)])
    if (!isForced && told === this.#told && this.isRunning) return
    this.#told = told
    this.#plan = plan
    this.#begin(plan, targets, outer)
  }

  /** Sends nothing more. Sockets on which the peer was heard stay open as long as `keep` names them. */
  stop(keepLane = 0): void {
    this.#sent += this.#puncher?.counts.sent ?? 0
    this.#puncher?.stop()
    this.#puncher = null
    for (const cancel of this.#cancels.splice(0)) cancel()
    for (const place of this.#places.splice(0)) place.remove()
    for (const lane of [...this.#kept]) {
      if (lane === keepLane) continue
      this.#options.hub.drop(lane)
      this.#kept.delete(lane)
    }
  }

  get #isLate(): boolean {
    const now = this.#options.hub.reactor.time()
    this.#firstAt ??= now
    return now - this.#firstAt >= SURE_AFTER_MS
  }

  #begin(plan: VPunchPlan, targets: readonly VIPSocketPeer[], outer: VIPSocketPeer | undefined): void {
    const { hub, means, secret, peerSecret } = this.#options
    this.stop()
    const firstSequence = (this.#plans + 1) * NUMBERS
    const base = this.#plans * 256
    this.#plans += 1
    const options = { secret, peerSecret, plan, targets: targets.slice(0, 16), outer, firstSequence }
    const puncher = new VPuncher(options, means.crypto, means.random)
    this.#puncher = puncher
    const [first, ...others] = puncher.lanes
    if (first === undefined) return
    const attach = (lane: typeof first, at: number): HubPlace => {
      const place = hub.attach({
        machine: lane,
        lane: at,
        takes: ([kind]) => kind === KIND.punch,
        onEvent: (event) => this.#take(event, base),
      })
      this.#places.push(place)
      return place
    }
    const place = attach(first, 0)
    for (const lane of others) {
      const host = (outer ?? targets[0])?.ipVersion === 6 ? '::' : '0.0.0.0'
      this.#cancels.push(
        means.bind({ host, port: 0 }, (port) => {
          if (port instanceof Error) return
          const at = base + lane.index
          this.#kept.add(at)
          hub.add(at, port)
          attach(lane, at).poke()
        }),
      )
    }
    puncher.start(hub.reactor.time())
    place.poke()
  }

  #take(event: VPuncherEvent, base: number): void {
    if (event.type === 'heard') {
      this.#options.onHeard(event.lane === 0 ? 0 : base + event.lane, event.peer)
    } else this.#options.onRoundOver(event)
  }
}

/** Where the peer is seen from outside: the host whose ports are tried. */
function outerOf(candidates: readonly VCandidate[]): VIPSocketPeer | undefined {
  const seen = candidates.filter(({ kind }) => kind === 'server-reflexive').map(({ peer }) => peer)
  return seen.find(({ ipVersion }) => ipVersion === 4) ?? seen[0]
}

/** Behind one NAT there are two ways, and both may be shut. */
function neighbours(own: VIPSocketPeer | undefined, theirs: VIPSocketPeer | undefined): string {
  if (own === undefined || own.host !== theirs?.host) return ''
  return (
    `both sides are behind the same NAT, ${own.host}: let them reach each other inside, ` +
    'or let it take back what goes to its own address (hairpinning)'
  )
}
