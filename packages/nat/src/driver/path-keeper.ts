/**
 * Watches over the path of a live connection: which one is in use, which others there are, and when to try one.
 *
 * Decides which address is tried next, and when everything is to be found out anew; that a path carries is found out by the
 * connection, which moves only once it does. A better path is tried by the side that begins; a path that no longer answers
 * is left by whichever side notices. Invariants: nothing is tried that the policy forbids; one address at a time; one that
 * does not answer is tried again, but ever more seldom.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { VUDPTransport } from '@vio/vudp'
import type { VLanePeers } from '../lane-peers.js'
import type { VConnectPath, VPathReport } from './connecter-options.js'
import type { EnginePort } from './engine-port.js'
import type { Punching } from './punching.js'
import type { RelayHolder } from './relay-holder.js'

/** What it is made of. */
export interface PathKeeperOptions {
  readonly reactor: IVReactor
  readonly transport: VUDPTransport
  readonly port: EnginePort
  readonly names: VLanePeers
  /** This side begins, and so decides when a connection that works moves to a better path. */
  readonly isInitiator: boolean
  readonly policy: VConnectPath
  readonly relay: Pick<RelayHolder, 'relay' | 'name' | 'via'>
  readonly punching: () => Punching | null
  readonly onPath: (report: VPathReport) => void
  /** The path is gone: everything is to be found out anew. */
  readonly onLost: () => void
}

/** An address where the peer was heard. */
interface Heard {
  readonly name: VIPSocketPeer
  /** When it may be tried again. */
  notBefore: number
  pauseMs: number
}

const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 300_000
const RECOVERY_PAUSE_MS = 1_000
const MAX_RECOVERY_PAUSE_MS = 10_000
const MAX_HEARD = 32
/** PUNCH datagrams of a new round need a moment to open what has closed. */
const ROUND_START_MS = 500
/** Where both ways are open, the two sides may begin on different ones, and need a moment to agree. */
const SETTLED_MS = 1_000
const NO_UDP = 'UDP does not get to the relay from here: let it out, or bytes go by TCP'
const LOST_DIRECT = 'the direct path stopped answering'
const NOT_YET = 'no direct path was found yet'

/** Keeps to one connection. */
export class PathKeeper {
  readonly #options: PathKeeperOptions
  readonly #heard: Heard[] = []
  #report: VPathReport | null = null
  #isConnected = false
  #isSettled = false
  #isOver = false
  #hasLostDirect = false
  /** Since when the path is direct, or was last. */
  #directAt = 0
  #trying: VIPSocketPeer | null = null
  #timer: VScheduledCall | null = null
  #roundTimer: VScheduledCall | null = null
  /** While nothing is acknowledged: what had been by then, and what is left to try. */
  #silentAt = -1
  #left: VIPSocketPeer[] = []
  #recoveryMs = RECOVERY_PAUSE_MS

  constructor(options: PathKeeperOptions) {
    this.#options = options
  }

  /** The path in use; null before the connection stands. */
  get report(): VPathReport | null {
    return this.#report
  }

  /** True while the connection is direct, and answers. */
  get isDirect(): boolean {
    return this.#report?.path === 'direct' && this.#silentAt < 0
  }

  /** At how many addresses the peer was heard. */
  get heardCount(): number {
    return this.#heard.length
  }

  /** The lane of the path in use. */
  get lane(): number {
    const { transport, names } = this.#options
    return names.resolve(transport.peerAddress).lane
  }

  /** The connection stands. */
  connected(): void {
    this.#isConnected = true
    this.pathChanged()
  }

  /** It goes another way. */
  pathChanged(): void {
    if (!this.#isConnected || this.#isOver) return
    const before = this.#report
    const now = this.#options.reactor.time()
    this.#silentAt = -1
    this.#report = this.#look()
    const isLost =
      before?.path === 'direct' && this.#report.path === 'relay' && now - this.#directAt >= SETTLED_MS
    if (isLost) {
      this.#hasLostDirect = true
      for (const each of this.#heard) this.#putOff(each)
      this.#report = this.#look()
    }
    if (this.#report.path === 'direct' && before?.path !== 'direct') this.#directAt = now
    if (!isSamePath(before, this.#report)) this.#options.onPath(this.#report)
    if (isLost) this.#options.onLost()
    this.#consider()
  }

  /** The peer was heard under this name. */
  heard(name: VIPSocketPeer): void {
    const known = this.#heard.find((each) => each.name.equals(name))
    if (known === undefined) {
      if (this.#heard.length >= MAX_HEARD) this.#heard.shift()
      this.#heard.push({ name, notBefore: 0, pauseMs: FIRST_PAUSE_MS })
    }
    if (this.#silentAt >= 0 && !this.#left.some((each) => each.equals(name))) this.#left.push(name)
    this.#consider()
  }

  /** The relay carries, or does so another way. */
  relayOpened(): void {
    const { name, via } = this.#options.relay
    if (this.#silentAt >= 0 && name !== null) this.#left.unshift(name)
    if (this.#report?.path === 'relay' && this.#isConnected && this.#report.via !== via) {
      this.#report = this.#look()
      this.#options.onPath(this.#report)
    }
    this.#consider()
  }

  /** The relay carries nothing more. */
  relayLost(): void {
    if (this.#report?.path === 'relay') this.silent()
  }

  /** Nothing is acknowledged any more: every other path is tried, and everything is found out anew. */
  silent(): void {
    if (!this.#isConnected || this.#isOver) return
    if (this.#silentAt < 0) {
      this.#silentAt = this.#options.transport.stats().inFlightAcked
      this.#recoveryMs = RECOVERY_PAUSE_MS
    }
    this.#left = this.#others()
    this.#options.onLost()
    this.#consider()
  }

  /** The address that was tried has answered, or has not. */
  tried(peer: VIPSocketPeer, answered: boolean): void {
    this.#trying = null
    const known = this.#heard.find((each) => each.name.equals(peer))
    if (!answered && known !== undefined) this.#putOff(known)
    // If it has answered, that the path has changed is told next.
    if (!answered) this.#consider()
  }

  /** A round of punching is over; the next one begins at that time. */
  roundOver(nextAt: number): void {
    const { reactor } = this.#options
    this.#roundTimer?.cancel()
    this.#roundTimer = reactor.schedule(Math.max(0, nextAt - reactor.time()) + ROUND_START_MS, () => {
      this.#roundTimer = null
      for (const each of this.#heard) {
        each.notBefore = 0
        each.pauseMs = FIRST_PAUSE_MS
      }
      this.#consider()
    })
  }

  /** By now it is known what stands in the way of a direct path: told, if something else was. */
  reasonKnown(): void {
    if (!this.#isConnected || this.#isOver || this.#report?.path !== 'relay') return
    const before = this.#report
    this.#report = this.#look()
    if (!isSamePath(before, this.#report)) this.#options.onPath(this.#report)
  }

  /** No better path is looked for any more; one that stops answering is still left. */
  settle(): void {
    this.#isSettled = true
    this.#roundTimer?.cancel()
    this.#roundTimer = null
  }

  /** The connection is through. */
  close(): void {
    this.#isOver = true
    this.settle()
    this.#cancelTimer()
  }

  /** Tries what is to be tried now. */
  #consider(): void {
    if (!this.#isConnected || this.#isOver || this.#trying !== null) return
    this.#cancelTimer()
    if (this.#silentAt >= 0) this.#recover()
    else this.#improve()
  }

  /** From the relay to where the peer was heard. */
  #improve(): void {
    const { policy, isInitiator, reactor } = this.#options
    if (policy !== 'auto' || !isInitiator || this.#isSettled || this.#report?.path !== 'relay') return
    const now = reactor.time()
    let soonest = Number.POSITIVE_INFINITY
    for (const each of this.#heard) {
      if (each.notBefore > now) soonest = Math.min(soonest, each.notBefore)
      else if (this.#try(each.name)) return
    }
    if (soonest !== Number.POSITIVE_INFINITY) this.#later(soonest - now)
  }

  /** From a path that does not answer to any other. */
  #recover(): void {
    if (this.#options.transport.stats().inFlightAcked > this.#silentAt) {
      this.#silentAt = -1
      this.#improve()
      return
    }
    for (let next = this.#left.shift(); next !== undefined; next = this.#left.shift()) {
      if (this.#try(next)) return
    }
    this.#left = this.#others()
    this.#later(this.#recoveryMs)
    this.#recoveryMs = Math.min(2 * this.#recoveryMs, MAX_RECOVERY_PAUSE_MS)
  }

  /** Every path but the one in use, the relay first. */
  #others(): VIPSocketPeer[] {
    const { policy, transport } = this.#options
    const { name: way, via } = this.#options.relay
    const relay = way !== null && via !== null && policy !== 'direct' ? [way] : []
    const direct = policy === 'relay' ? [] : this.#heard.map(({ name }) => name)
    return [...relay, ...direct].filter((each) => !each.equals(transport.peerAddress))
  }

  #try(name: VIPSocketPeer): boolean {
    if (!this.#options.transport.tryPath(name)) return false
    this.#trying = name
    return true
  }

  #putOff(each: Heard): void {
    each.notBefore = this.#options.reactor.time() + each.pauseMs
    each.pauseMs = Math.min(2 * each.pauseMs, MAX_PAUSE_MS)
  }

  #later(ms: number): void {
    this.#timer = this.#options.reactor.schedule(Math.max(1, ms), () => {
      this.#timer = null
      this.#consider()
    })
  }

  #cancelTimer(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #look(): VPathReport {
    const { transport, port, names, punching } = this.#options
    const name = transport.peerAddress
    const rttMs = Math.round(transport.stats().smoothedRttMs * 10) / 10
    if (!port.isRelay(name)) {
      const { peer } = names.resolve(name)
      const report = { path: 'direct', family: peer.ipVersion, rttMs, remote: String(peer) } as const
      const plan = punching()?.plan ?? null
      return plan === null ? report : { ...report, kind: plan.kind }
    }
    const { relay, via: known } = this.#options.relay
    const via = known ?? 'udp'
    return { path: 'relay', family: name.ipVersion, rttMs, remote: String(name), relay, via, why: this.#why }
  }

  get #why(): string {
    const { policy, punching } = this.#options
    if (policy === 'relay') return 'the relay was asked for'
    if (this.#options.relay.via === 'stream') return NO_UDP
    if (this.#hasLostDirect) return LOST_DIRECT
    const obstacle = punching()?.obstacle ?? ''
    return obstacle === '' ? NOT_YET : obstacle
  }
}

/** True if a person would be told the same of both, but for the round trip. */
function isSamePath(one: VPathReport | null, other: VPathReport): boolean {
  if (one === null) return false
  const { rttMs: _one, ...first } = one
  const { rttMs: _other, ...second } = other
  return JSON.stringify(first) === JSON.stringify(second)
}
