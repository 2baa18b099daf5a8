/**
 * Opens the NATs on the way to a peer, by the PUNCH datagrams of VUT/1 (docs/vut-wire.md section 2) and a plan.
 *
 * Decides to which addresses PUNCH goes, from which socket and when, and which of those that come in are the peer's. Which
 * path is used in the end is decided by the handshake that follows. Invariants: nothing goes to an address that neither the
 * peer named nor a datagram with the right authentication came from; rate and total stay within the plan; one number of
 * the peer counts once.
 */
import { VIOError, VIPSocketPeer } from '@vio/io'
import { type IVRandom, publicBelow } from '@vio/reactor'
import { encodePunch, KIND, openPunch, type SessionKeys, sessionKeys } from '@vio/vudp'
import { type IVLaneOwner, VLane } from './lane.js'
import { BoundedQueue } from './outbox.js'
import { PunchJobs, type PunchRepeat } from './punch-jobs.js'
import { ReplayWindow } from './replay-window.js'
import type { VPunchPlan } from './strategy.js'
import type { IVNatCrypto } from './suite.js'

/** Options of a puncher. */
export interface VPuncherOptions {
  /** This side's secret of the connection that is to come, and the other side's. */
  readonly secret: Uint8Array
  readonly peerSecret: Uint8Array
  /** This side's half of the plan. */
  readonly plan: VPunchPlan
  /** The addresses of the peer that are worth a try, the best first. At most 16. */
  readonly targets: readonly VIPSocketPeer[]
  /** Where the peer is seen from outside: the host whose ports are predicted or tried, or to which many lanes send. */
  readonly outer?: VIPSocketPeer | undefined
  /** How long a round takes. By default 30 s. */
  readonly roundMs?: number
  /** How long after a round without success the next one begins; doubles each time, up to 5 min. By default 30 s. */
  readonly pauseMs?: number
  /** The number below the first; a puncher that follows another on the same secrets begins above it. By default 65,536. */
  readonly firstSequence?: number
}

/** What a puncher tells. */
export type VPuncherEvent =
  /** The peer was heard at this address, on this lane. Told once for each pair of them. */
  | { readonly type: 'heard'; readonly peer: VIPSocketPeer; readonly lane: number }
  /** A round is over; the next one begins at `nextAt`, if nobody stops. */
  | {
      readonly type: 'round-over'
      readonly round: number
      readonly packets: number
      readonly nextAt: number
    }

const MAX_TARGETS = 16
const MAX_HEARD = 16
const FIRST_PORT = 1_024
const PORTS = 65_536 - FIRST_PORT
const ROUND_MS = 30_000
const PAUSE_MS = 30_000
const MAX_PAUSE_MS = 300_000
/** Numbers of the handshake's own PUNCH datagrams stay far below. */
const FIRST_SEQUENCE = 0x1_0000
const KNOWN: PunchRepeat = { firstMs: 250, maxMs: 2_000 }
const PREDICTED: PunchRepeat = { firstMs: 500, maxMs: 1_000, times: 3 }
const FROM_MANY: PunchRepeat = { firstMs: 10_000, maxMs: 10_000, times: 3 }

/** Runs one side's half of a plan, on as many sockets as it needs. It begins with `start`. */
export class VPuncher implements IVLaneOwner<VPuncherEvent> {
  /** One machine for each socket. The first one is the socket whose addresses were told to the peer. */
  readonly lanes: readonly VLane<VPuncherEvent>[]
  /** What has passed: PUNCH datagrams sent, valid ones taken, and others dropped. */
  readonly counts = { sent: 0, heard: 0, dropped: 0 }
  readonly #options: VPuncherOptions
  readonly #suite: IVNatCrypto
  readonly #random: IVRandom
  readonly #keys: SessionKeys
  readonly #isInitiator: boolean
  readonly #window = new ReplayWindow()
  readonly #events = new BoundedQueue<VPuncherEvent>()
  readonly #heard: { readonly lane: number; readonly peer: VIPSocketPeer }[] = []
  readonly #tried = new Set<number>()
  #jobs: PunchJobs | null = null
  #heardInRound = false
  #sequence: number
  #round = 0
  #roundEndsAt = Number.POSITIVE_INFINITY
  #nextRoundAt = Number.POSITIVE_INFINITY
  #pauseMs: number

  /** @throws VIOError for more than 16 targets, or secrets that are equal */
  constructor(options: VPuncherOptions, suite: IVNatCrypto, random: IVRandom) {
    const { secret, peerSecret, targets, plan } = options
    if (targets.length > MAX_TARGETS) {
      throw new VIOError(`a peer has at most ${MAX_TARGETS} addresses, got ${targets.length}`)
    }
    const order = Buffer.compare(secret, peerSecret)
    if (order === 0) throw new VIOError('the secrets of the two sides have to differ')
    this.#options = options
    this.#sequence = options.firstSequence ?? FIRST_SEQUENCE
    this.#suite = suite
    this.#random = random
    this.#isInitiator = order > 0
    this.#keys = this.#isInitiator
      ? sessionKeys(suite, secret, peerSecret)
      : sessionKeys(suite, peerSecret, secret)
    this.#pauseMs = options.pauseMs ?? PAUSE_MS
    this.lanes = VLane.several(this, 1 + plan.lanes)
  }

  /** Names the connection in PUNCH datagrams, 8 bytes. */
  get tag(): Buffer {
    return this.#keys.tag
  }

  /** Begins the first round. */
  start(now: number): void {
    if (this.#round === 0) this.#begin(now)
  }

  /** Another address of the peer, which became known later. */
  addTarget(now: number, peer: VIPSocketPeer): void {
    this.#jobs?.add(now, 0, peer, KNOWN)
    this.#serve(now)
  }

  /** Ends it: nothing is sent any more. */
  stop(): void {
    this.#jobs = null
    this.#roundEndsAt = Number.POSITIVE_INFINITY
    this.#nextRoundAt = Number.POSITIVE_INFINITY
    for (const lane of this.lanes) lane.clear()
  }

  handleLane(now: number, lane: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (bytes[0] !== KIND.punch || this.#round === 0) return
    const key = this.#isInitiator ? this.#keys.punchResponder : this.#keys.punchInitiator
    const sequence = openPunch(this.#suite, key, this.#keys.tag, bytes)
    if (sequence < 0 || !this.#window.accept(sequence)) {
      this.counts.dropped += 1
      return
    }
    this.counts.heard += 1
    this.#heardInRound = true
    this.#note(now, lane, from)
  }

  handleTimeout(now: number): void {
    if (now >= this.#roundEndsAt) this.#endRound(now)
    if (now >= this.#nextRoundAt) this.#begin(now)
    this.#serve(now)
  }

  pollTimeout(): number {
    const jobs = this.#jobs
    const dueAt = jobs === null ? Number.POSITIVE_INFINITY : jobs.dueAt
    const probeAt = jobs !== null && this.#mayProbe ? jobs.mayLeaveAt : Number.POSITIVE_INFINITY
    return Math.min(dueAt, probeAt, this.#roundEndsAt, this.#nextRoundAt)
  }

  pollEvent(): VPuncherEvent | undefined {
    return this.#events.shift()
  }

  #begin(now: number): void {
    const { plan, targets, outer, roundMs } = this.#options
    this.#round += 1
    this.#nextRoundAt = Number.POSITIVE_INFINITY
    this.#roundEndsAt = now + (roundMs ?? ROUND_MS)
    this.#tried.clear()
    this.#heardInRound = false
    const jobs = new PunchJobs(now, plan.packetsPerSecond, plan.maxPackets)
    this.#jobs = jobs
    for (const peer of targets) jobs.add(now, 0, peer, KNOWN)
    for (const { lane, peer } of this.#heard) jobs.add(now, lane, peer, KNOWN)
    if (outer !== undefined) {
      for (const port of plan.ports) jobs.add(now, 0, atPort(outer, port), PREDICTED)
      for (let lane = 1; lane <= plan.lanes; lane += 1) jobs.add(now, lane, outer, FROM_MANY)
    }
    this.#serve(now)
  }

  #endRound(now: number): void {
    this.#roundEndsAt = Number.POSITIVE_INFINITY
    this.#nextRoundAt = now + this.#pauseMs
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS)
    const packets = this.#jobs?.sent ?? 0
    this.#jobs = null
    this.#events.push({ type: 'round-over', round: this.#round, packets, nextAt: this.#nextRoundAt })
  }

  /** The peer was heard: it is answered there at once, from the socket that has heard it. */
  #note(now: number, lane: number, peer: VIPSocketPeer): void {
    const isKnown = this.#heard.some((each) => each.lane === lane && each.peer.equals(peer))
    if (isKnown || this.#heard.length >= MAX_HEARD) return
    this.#heard.push({ lane, peer })
    this.#events.push({ type: 'heard', peer, lane })
    this.#jobs?.add(now, lane, peer, KNOWN)
    this.#serve(now)
  }

  #serve(now: number): void {
    const jobs = this.#jobs
    if (jobs === null) return
    for (let job = jobs.take(now); job !== undefined; job = jobs.take(now)) this.#punch(job.lane, job.peer)
    const { outer } = this.#options
    while (outer !== undefined && this.#mayProbe && jobs.mayLeave(now)) {
      jobs.spend(now)
      this.#punch(0, atPort(outer, this.#drawPort()))
    }
  }

  /** Random ports are tried until the peer is heard: then there is a better place to send to. */
  get #mayProbe(): boolean {
    const { plan, outer } = this.#options
    return outer !== undefined && this.#tried.size < plan.probes && !this.#heardInRound
  }

  #drawPort(): number {
    for (;;) {
      const port = FIRST_PORT + publicBelow(this.#random, PORTS)
      if (this.#tried.has(port)) continue
      this.#tried.add(port)
      return port
    }
  }

  #punch(lane: number, peer: VIPSocketPeer): void {
    const key = this.#isInitiator ? this.#keys.punchInitiator : this.#keys.punchResponder
    this.#sequence += 1
    this.counts.sent += 1
    this.lanes[lane]?.send(peer, encodePunch(this.#suite, key, this.#keys.tag, this.#sequence))
  }
}

function atPort(peer: VIPSocketPeer, port: number): VIPSocketPeer {
  return new VIPSocketPeer(peer.host, port, { socketType: 'dgram' })
}
