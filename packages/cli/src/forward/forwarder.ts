/**
 * `Forwarder`: all forwards of one side over one connection, from the first listener to the end.
 *
 * Decides the order: listeners of this side before there is a connection, so that a port that is taken costs nobody a
 * code; then the greeting, then what the other side is to listen on. Invariants: what it opened is closed when it ends,
 * however it ends; streams that are cut off by the end are reset, never ended as if they were complete.
 */
import { VFIOCompleted, VFIOLost, VIOLost } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import type { VUDPTransport } from '@vio/vudp'
import { encodeGreeting, type VGreeting } from '../greeting.js'
import { GreetingFront } from '../greeting-front.js'
import type { VTransportWishes } from '../meeting.js'
import { rejection, within } from '../waiting.js'
import type { AllowList } from './allow.js'
import { EndWatch } from './end-watch.js'
import { ForwardRefused } from './errors.js'
import type { ForwardListener, ForwardListening } from './events.js'
import { takeFront } from './front.js'
import { openIngress } from './ingress.js'
import { FORWARD_LIMITS, type ForwardLimits, ForwardLink } from './link.js'
import { MESSAGE_VERSION } from './message.js'
import { ForwardServing } from './serving.js'
import { openSocks } from './socks-port.js'
import { type ForwardSpec, formatListen, formatSpec } from './spec.js'
import type { ForwardTarget } from './target.js'

/** How long the end of the connection is waited for. */
const POLITE_MS = 1500

/** How both sides greet. The version is that of the streams' requests. */
const GREETING: VGreeting = { command: 'forward', version: MESSAGE_VERSION }
/** The largest datagram that is taken beside the streams. */
const MAX_BESIDE_BYTES = 65_507
/** How many streams the other side may have open here. */
const MAX_STREAMS = 512

/** Options of a forwarder. */
export interface ForwarderOptions {
  /** The forwards that this side asks for. */
  readonly specs: readonly ForwardSpec[]
  /** What the other side may ask for. */
  readonly allow: AllowList
  /** Takes what happens. */
  readonly tell: ForwardListener
  /** Limits other than the usual ones. */
  readonly limits?: Partial<ForwardLimits>
}

/** The forwards of one side. */
export class Forwarder {
  /** What the connection has to be made with. */
  readonly wishes: VTransportWishes
  readonly #link: ForwardLink
  readonly #specs: readonly ForwardSpec[]
  readonly #serving: ForwardServing
  /** What is in place. */
  readonly #listening: ForwardListening[] = []

  constructor(reactor: IVReactor, options: ForwarderOptions) {
    const { specs, allow, tell } = options
    this.#specs = specs
    this.#link = new ForwardLink({ reactor, allow, tell, limits: { ...FORWARD_LIMITS, ...options.limits } })
    this.#serving = new ForwardServing(this.#link, targetsOf(specs))
    this.wishes = {
      maxStreams: MAX_STREAMS,
      maxUnreliableBytes: MAX_BESIDE_BYTES,
      onDatagram: (bytes) => this.#link.datagramReceived(bytes),
    }
  }

  /** Opens the listeners of this side. @throws (rejects) ForwardListenError; nothing is left open then */
  async listen(): Promise<void> {
    try {
      for (const spec of this.#specs) if (spec.side !== 'remote') await this.#listenHere(spec)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /**
   * Forwards over a connection until the other side ends it cleanly. What is open is closed then.
   *
   * @throws (rejects) the reason of `signal`, once the connection was closed politely; VIOLost if the connection was lost or
   *   the other side broke it off; ForwardRefused if the other side does not listen where it was asked to; VCommandError
   *   if it runs another command
   */
  async run(transport: VUDPTransport, signal: AbortSignal): Promise<void> {
    const link = this.#link
    const aborted = rejection(signal)
    try {
      const { ended } = await Promise.race([aborted.promise, this.#greet(transport)])
      await Promise.race([aborted.promise, ended, this.#askFor()])
      link.tell({ type: 'ready', listening: this.#listening })
      const { clean, reason } = await Promise.race([aborted.promise, ended])
      if (!clean) throw reason ?? new VIOLost('the connection was broken off')
    } catch (error) {
      // A person who ends the command does so politely; anything else the other side is told of.
      if (!signal.aborted) transport.closeIO(new VFIOLost(new VIOLost(textOf(error), { cause: error })))
      throw error
    } finally {
      aborted.forget()
      link.close(new VIOLost('the forwarding has ended'))
      transport.closeIO(new VFIOCompleted())
      // Not for a peer that is gone.
      await within(link.reactor, POLITE_MS, transport.whenClosed)
    }
  }

  /** Closes the listeners and resets what goes on. Idempotent. */
  close(): void {
    this.#link.close(new VIOLost('the forwarding was given up'))
  }

  async #greet(transport: VUDPTransport): Promise<EndWatch> {
    const reader = new GreetingFront()
    await transport.whenConnected
    transport.writeSome(encodeGreeting(GREETING))
    await takeFront(transport, reader, 'a greeting', this.#link.limits.requestTimeoutMs)
    reader.check(GREETING)
    const watch = new EndWatch(transport)
    this.#link.start(transport)
    transport.onStream((stream) => this.#serving.take(stream))
    return watch
  }

  async #listenHere(spec: Exclude<ForwardSpec, { side: 'remote' }>): Promise<void> {
    const ingress =
      spec.side === 'socks'
        ? await openSocks(this.#link, spec.listen)
        : await openIngress(this.#link, {
            listen: spec.listen,
            requestOf: () => ({ kind: 'connect', target: spec.target }),
            what: formatSpec(spec),
            removesStale: true,
          })
    this.#listening.push({ spec, at: formatListen(ingress.at) })
  }

  /** Asks the other side for the listeners that it is to have. */
  async #askFor(): Promise<void> {
    const link = this.#link
    for (const [number, spec] of this.#specs.entries()) {
      if (spec.side !== 'remote') continue
      const stream = await link.open()
      link.ask(stream, { kind: 'listen', number, listen: spec.listen })
      const { status, text } = await link.answerOf(stream)
      if (status !== 'ok') throw new ForwardRefused(`-R ${formatListen(spec.listen)}`, status, text)
      this.#listening.push({ spec, at: text })
    }
  }
}

function targetsOf(specs: readonly ForwardSpec[]): ReadonlyMap<number, ForwardTarget> {
  const targets = new Map<number, ForwardTarget>()
  for (const [number, spec] of specs.entries()) if (spec.side === 'remote') targets.set(number, spec.target)
  return targets
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
