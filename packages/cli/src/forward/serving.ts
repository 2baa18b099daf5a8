/**
 * What is done for the other side: the streams that it opens, from their request to their end.
 *
 * Decides nothing about what is allowed, which `allow` says; it asks, does, and answers. Invariants: every request is
 * answered, if only with why not; a target is tried only after the rules were asked; what a connection to a listener of
 * this side's own wish leads to is what this side has named, whatever the other side says.
 */
import { VFIOCompleted, VIOLost } from '@vio/io'
import type { VUDPStream } from '@vio/vudp'
import { ruleFor } from './allow.js'
import { addressesOf, type DialTerms, dial, refusedBy } from './dial.js'
import { EndWatch } from './end-watch.js'
import { ForwardListenError, ForwardProtocol, ForwardRefused, printable } from './errors.js'
import { Flow } from './flow.js'
import { type Ingress, openIngress } from './ingress.js'
import { Junction } from './junction.js'
import type { ForwardLink } from './link.js'
import type { ForwardRequest } from './message.js'
import { formatListen, type ListenAt } from './spec.js'
import { statusOf } from './status.js'
import { type ForwardTarget, formatTarget, type NetTarget } from './target.js'
import { UDPPort } from './udp-port.js'

/** Does what the other side asks for. */
export class ForwardServing {
  readonly #link: ForwardLink
  readonly #own: ReadonlyMap<number, ForwardTarget>
  readonly #listeners = new Set<Ingress>()
  #listenersAsked = 0

  /** @param own where the listeners lead that the other side has for this one, by their numbers */
  constructor(link: ForwardLink, own: ReadonlyMap<number, ForwardTarget>) {
    this.#link = link
    this.#own = own
  }

  /** Takes a stream that the other side has opened. */
  take(stream: VUDPStream): void {
    this.#serve(stream).catch((error: unknown) => this.#refuse(stream, error))
  }

  async #serve(stream: VUDPStream): Promise<void> {
    const request = await this.#link.requestOf(stream)
    if (request.kind === 'listen') return await this.#listen(stream, request.number, request.listen)
    const { target, isOwn } = this.#targetOf(request)
    const terms: DialTerms = {
      reactor: this.#link.reactor,
      allow: isOwn ? null : this.#link.allow,
      timeoutMs: this.#link.limits.connectTimeoutMs,
    }
    const what = `${request.kind === 'arrived' ? printable(request.from) : 'peer'} -> ${formatTarget(target)}`
    if (target.kind === 'udp') await this.#serveDatagrams(stream, target, terms, what)
    else await this.#serveStream(stream, target, terms, what)
  }

  #targetOf(request: Exclude<ForwardRequest, { kind: 'listen' }>): { target: ForwardTarget; isOwn: boolean } {
    if (request.kind === 'connect') return { target: request.target, isOwn: false }
    const target = this.#own.get(request.number)
    if (target === undefined)
      throw new ForwardProtocol(`a connection to the listener ${request.number}, which nobody has asked for`)
    return { target, isOwn: true }
  }

  async #serveStream(
    stream: VUDPStream,
    target: Exclude<ForwardTarget, { kind: 'udp' }>,
    terms: DialTerms,
    what: string,
  ): Promise<void> {
    const link = this.#link
    const socket = await dial(target, terms)
    const junction = new Junction(socket, stream)
    const forget = link.onClose((reason) => junction.abort(reason))
    try {
      if (link.closed !== null) throw link.closed
      link.answer(stream, { status: 'ok', text: '' })
    } catch (error) {
      // Whoever asked is gone by now.
      junction.abort(error instanceof Error ? error : new VIOLost(String(error)))
    }
    link.tell({ type: 'opened', what })
    junction.joinUp()
    junction.joinDown()
    const { sentBytes, receivedBytes, clean } = await junction.done
    forget()
    link.tell({ type: 'closed', what, sentBytes, receivedBytes, clean })
  }

  async #serveDatagrams(
    stream: VUDPStream,
    target: NetTarget,
    terms: DialTerms,
    what: string,
  ): Promise<void> {
    const link = this.#link
    const [remote] = await addressesOf(target, terms)
    if (remote === undefined) throw new ForwardRefused(formatTarget(target), 'not-found', '')
    let flow: Flow | null = null
    let port: UDPPort
    try {
      port = await UDPPort.bind({ remote }, (bytes) => flow?.send(bytes))
    } catch (error) {
      throw refusedBy(target, error)
    }
    flow = new Flow(link, stream, {
      received: (bytes) => port.send(bytes),
      ended: ({ sentBytes, receivedBytes }) => {
        port.close()
        link.tell({ type: 'closed', what, sentBytes, receivedBytes, clean: true })
      },
    })
    if (link.closed !== null) return flow.close(link.closed)
    link.tell({ type: 'opened', what })
    try {
      link.answer(stream, { status: 'ok', text: '' })
      flow.begin()
    } catch (error) {
      flow.close(error instanceof Error ? error : new VIOLost(String(error)))
    }
  }

  /** Listens for the other side as long as the stream is there. */
  async #listen(stream: VUDPStream, number: number, listen: ListenAt): Promise<void> {
    const link = this.#link
    const where = formatListen(listen)
    if (!link.allow.allowsListen(listen)) throw new ForwardRefused(`listen:${where}`, 'forbidden', '')
    if (this.#listenersAsked >= link.limits.maxPeerListeners) throw new ForwardRefused(where, 'too-many', '')
    this.#listenersAsked += 1
    let ingress: Ingress
    try {
      ingress = await openIngress(link, {
        listen,
        requestOf: (from) => ({ kind: 'arrived', number, from }),
        what: `${where} -> peer`,
      })
    } catch (error) {
      this.#listenersAsked -= 1
      const status = statusOf(error instanceof ForwardListenError ? error.cause : error)
      throw new ForwardRefused(where, status, error instanceof ForwardListenError ? error.systemCode : '')
    }
    this.#listeners.add(ingress)
    link.tell({ type: 'serving', at: ingress.at })
    link.answer(stream, { status: 'ok', text: formatListen(ingress.at) })
    await endOf(stream)
    ingress.close()
    this.#listeners.delete(ingress)
    this.#listenersAsked -= 1
  }

  #refuse(stream: VUDPStream, error: unknown): void {
    const refused =
      error instanceof ForwardRefused
        ? error
        : new ForwardRefused(
            'a request',
            error instanceof ForwardProtocol ? 'unsupported' : 'failed',
            textOf(error),
          )
    if (refused.status === 'forbidden')
      this.#link.tell({ type: 'refused', what: refused.what, rule: ruleFor(refused.what) })
    try {
      this.#link.answer(stream, { status: refused.status, text: refused.reason })
    } catch {
      // The stream has ended on the way, so nobody waits for an answer.
    }
    stream.closeIO(new VFIOCompleted())
  }
}

/** Waits until the other side has ended a stream that carries nothing more, and ends it too. */
async function endOf(stream: VUDPStream): Promise<void> {
  await new EndWatch(stream).ended
  stream.closeIO(new VFIOCompleted())
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
