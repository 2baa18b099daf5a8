/**
 * Carries a race of addresses out: asks, opens sockets, waits, closes the losers.
 *
 * Decides nothing of the order of attempts; that is `ConnectRace`. Invariants: every address is asked about before the
 * system hears of it; the outcome is told on a later turn than the start; after the outcome no socket of the race but the
 * winner is open.
 */
import type { Socket } from 'node:net'
import { VIOLost, VIOTimeout, type VSocketPeer } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import { ATTEMPT_DELAY_MS, ConnectRace, interleaveFamilies, type RaceAction } from './connect-race.js'
import { timeOption } from './describe.js'
import { socketLost } from './errno.js'
import {
  type DeviceOpener,
  type GiveUp,
  giveUp,
  type OpenedSocket,
  type OpeningAttempt,
  type OpeningOutcome,
  type SocketOpener,
  type VSourceAddress,
} from './socket-opener.js'

/** How connections are made. */
export interface VConnectOptions extends VSourceAddress {
  /** Gives up after so many milliseconds, the look-up of a name included. By default Infinity: when the system does. */
  readonly connectTimeoutMs?: number
  /** How long one address has before the next is tried beside it, in milliseconds. By default 250. */
  readonly attemptDelayMs?: number
  /** What makes one attempt at one address. By default a socket of `node:net`. */
  readonly opener?: SocketOpener
}

/** What is to be tried. */
export interface ConnectPlan {
  readonly peers: readonly VSocketPeer[]
  /** Asked before each attempt. By default everything may be tried. */
  readonly owner?: { mayTry(peer: VSocketPeer): boolean }
  /** When it has to be done, in the reactor's time. By default `connectTimeoutMs` from the start. */
  readonly endsAt?: number
  /** Told the outcome, after the device was: whether there is a connection. */
  readonly settled?: (connected: boolean) => void
}

/** What is planned next, for whoever connects a device. */
export interface Connecting {
  /** What tries the next time that the device is connected; by default the peer that it is given. */
  plan: ConnectPlan | null
  readonly connectTimeoutMs: number
}

/** Opens sockets for one device. `M` is what an attempt makes, `O` what the device may have already. */
export abstract class SocketConnector<M = OpenedSocket, O = Socket>
  implements Connecting, DeviceOpener<M, O>
{
  plan: ConnectPlan | null = null
  readonly connectTimeoutMs: number
  readonly #reactor: IVReactor
  readonly #attemptDelayMs: number

  constructor(reactor: IVReactor, options: Pick<VConnectOptions, 'connectTimeoutMs' | 'attemptDelayMs'>) {
    this.#reactor = reactor
    this.connectTimeoutMs = timeOption(
      'connectTimeoutMs',
      options.connectTimeoutMs ?? Number.POSITIVE_INFINITY,
    )
    this.#attemptDelayMs = timeOption('attemptDelayMs', options.attemptDelayMs ?? ATTEMPT_DELAY_MS)
  }

  /** Makes one attempt at one address. */
  protected abstract openOne(
    peer: VSocketPeer,
    outcome: OpeningOutcome<M>,
    own: O | null,
  ): GiveUp | OpeningAttempt

  /** For the device: starts what is planned. */
  open(peer: VSocketPeer, outcome: OpeningOutcome<M>, own: O | null): GiveUp | OpeningAttempt {
    const planned = this.plan
    this.plan = null
    if (this.connectTimeoutMs === Number.POSITIVE_INFINITY) {
      if (planned === null) return this.#openAlone(peer, outcome, own)
      const [only] = planned.peers
      if (only !== undefined && planned.peers.length === 1) return this.#openOnly(only, planned, outcome, own)
    }
    const plan = planned ?? { peers: [peer] }
    const now = this.#reactor.time()
    const endsAt = plan.endsAt ?? now + this.connectTimeoutMs
    const peers = interleaveFamilies(plan.peers)
    const race = new ConnectRace(now, { count: peers.length, attemptDelayMs: this.#attemptDelayMs, endsAt })
    const run = new RaceRun(this.#reactor, race, {
      ...plan,
      peers,
      outcome,
      own,
      openOne: (to, told, first) => this.openOne(to, told, first),
      timeoutMs: endsAt - now,
    })
    run.step()
    return () => run.giveUp()
  }

  /** A plan with one address and all the time there is. */
  #openOnly(peer: VSocketPeer, plan: ConnectPlan, outcome: OpeningOutcome<M>, own: O | null): OpeningAttempt {
    const only = new OnlyAttempt(outcome, plan.settled)
    only.attempt =
      plan.owner?.mayTry(peer) === false ? this.#refuse(peer, only) : this.#openAlone(peer, only, own)
    return only
  }

  #refuse(peer: VSocketPeer, outcome: OpeningOutcome<M>): GiveUp {
    const error = new VIOLost(`the chain did not allow a connection to ${peer}`)
    const refused = this.#reactor.schedule(0, () => outcome.failed(error))
    return () => refused.cancel()
  }

  /** One address with all the time there is: no race. */
  #openAlone(peer: VSocketPeer, outcome: OpeningOutcome<M>, own: O | null): GiveUp | OpeningAttempt {
    try {
      return this.openOne(peer, outcome, own)
    } catch (error) {
      const failed = this.#reactor.schedule(0, () =>
        outcome.failed(socketLost(`no connection to ${peer}`, error)),
      )
      return () => failed.cancel()
    }
  }
}

/** A plan with one address, and its outcome: the device is told first. */
class OnlyAttempt<M> implements OpeningOutcome<M>, OpeningAttempt {
  attempt: GiveUp | OpeningAttempt | null = null
  readonly #outcome: OpeningOutcome<M>
  #settled: ((connected: boolean) => void) | undefined

  constructor(outcome: OpeningOutcome<M>, settled: ((connected: boolean) => void) | undefined) {
    this.#outcome = outcome
    this.#settled = settled
  }

  opened(made: M, fromLoop?: boolean): void {
    this.#outcome.opened(made, fromLoop)
    OnlyAttempt.#settle(this, true)
  }

  failed(error: Error): void {
    this.#outcome.failed(error)
    OnlyAttempt.#settle(this, false)
  }

  giveUp(): void {
    if (this.attempt !== null) giveUp(this.attempt)
    OnlyAttempt.#settle(this, false)
  }

  static #settle<T>(only: OnlyAttempt<T>, connected: boolean): void {
    const settled = only.#settled
    only.#settled = undefined
    settled?.(connected)
  }
}

interface RunTerms<M, O> extends ConnectPlan {
  readonly outcome: OpeningOutcome<M>
  readonly own: O | null
  readonly openOne: SocketOpener<M, O>
  readonly timeoutMs: number
}

/** One race that is being run. */
class RaceRun<M, O> {
  readonly #reactor: IVReactor
  readonly #race: ConnectRace
  readonly #terms: RunTerms<M, O>
  readonly #attempts = new Map<number, GiveUp | OpeningAttempt>()
  readonly #made = new Map<number, M>()
  readonly #errors: Error[] = []
  #timer: VScheduledCall | undefined
  #stepping = false
  #ownTried = false
  #settled = false

  constructor(reactor: IVReactor, race: ConnectRace, terms: RunTerms<M, O>) {
    this.#reactor = reactor
    this.#race = race
    this.#terms = terms
  }

  giveUp(): void {
    this.#race.handleGivenUp()
    this.step()
    this.#settle(false)
  }

  /** Does what the race asks for, then waits until it is due. */
  step(): void {
    if (this.#stepping) return
    this.#stepping = true
    for (let action = this.#race.pollAction(); action !== undefined; action = this.#race.pollAction())
      this.#do(action)
    this.#stepping = false
    this.#timer?.cancel()
    const dueAt = this.#race.pollTimeout()
    if (dueAt === Number.POSITIVE_INFINITY) return
    this.#timer = this.#reactor.schedule(dueAt - this.#reactor.time(), () => {
      this.#race.handleTimeout(this.#reactor.time())
      this.step()
    })
  }

  #do(action: RaceAction): void {
    if (action.kind === 'attempt') this.#attempt(action.index)
    else if (action.kind === 'giveUp') this.#giveUp(action.index)
    else if (action.kind === 'won') this.#won(action.index)
    else this.#reactor.schedule(0, () => this.#lost(action.late))
  }

  #giveUp(index: number): void {
    const attempt = this.#attempts.get(index)
    if (attempt !== undefined) giveUp(attempt)
  }

  #attempt(index: number): void {
    const peer = this.#terms.peers[index] as VSocketPeer
    if (this.#terms.owner?.mayTry(peer) === false) {
      this.#failed(index, new VIOLost(`the chain did not allow a connection to ${peer}`))
      return
    }
    const outcome: OpeningOutcome<M> = {
      opened: (made) => {
        this.#made.set(index, made)
        this.#race.handleConnected(index)
        this.step()
      },
      failed: (error) => this.#failed(index, error),
    }
    try {
      const own = this.#ownTried ? null : this.#terms.own
      this.#ownTried = true
      this.#attempts.set(index, this.#terms.openOne(peer, outcome, own))
    } catch (error) {
      this.#failed(index, socketLost(`no connection to ${peer}`, error))
    }
  }

  #failed(index: number, error: Error): void {
    this.#errors.push(error)
    this.#race.handleFailed(this.#reactor.time(), index)
    this.step()
  }

  #won(index: number): void {
    const made = this.#made.get(index) as M
    this.#terms.outcome.opened(made)
    this.#settle(true)
  }

  #lost(late: boolean): void {
    const [only, ...more] = this.#errors
    const what = `no connection to ${this.#terms.peers.join(', ')}`
    if (late) this.#terms.outcome.failed(new VIOTimeout(`${what} within ${this.#terms.timeoutMs} ms`))
    else if (only !== undefined && more.length === 0) this.#terms.outcome.failed(only)
    else this.#terms.outcome.failed(socketLost(what, new AggregateError(this.#errors)))
    this.#settle(false)
  }

  #settle(connected: boolean): void {
    if (this.#settled) return
    this.#settled = true
    this.#terms.settled?.(connected)
  }
}
