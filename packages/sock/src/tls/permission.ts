/**
 * Whether the other side is wanted: what the application says of it.
 *
 * Decides whom to ask, and what no answer comes to: the function that the transport was given first, then the control of
 * each consumer of plaintext, once for each attachment. What a no leads to is the core's affair. Invariant: only the
 * answer true is a yes.
 */
import { askPermission, type IVByteConsumer, type VIOControl } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import type { VTLSPeer } from './authorize.js'

/** Says whether the other side is wanted. Only true means yes. */
export type PeerAuthorizer = (peer: VTLSPeer) => boolean

/** Asks, and remembers who said yes. */
export class Permission {
  readonly #reactor: IVReactor
  readonly #strict: boolean
  readonly #authorize: PeerAuthorizer | undefined
  #peer: VTLSPeer | null = null
  /** The function said yes, so the question was taken. */
  #vouched = false
  #admitted: IVByteConsumer | null = null

  /** `strict`: somebody has to take the question. */
  constructor(reactor: IVReactor, strict: boolean, authorize: PeerAuthorizer | undefined) {
    this.#reactor = reactor
    this.#strict = strict
    this.#authorize = authorize
  }

  /** True if no answer is a no. */
  get mustBeTaken(): boolean {
    return this.#strict && !this.#vouched
  }

  /** The other side is known: asks the function, if there is one. */
  vouch(peer: VTLSPeer): boolean {
    this.#peer = peer
    if (this.#authorize === undefined) return true
    try {
      this.#vouched = this.#authorize(peer) === true
    } catch (error) {
      this.#failed(error)
    }
    return this.#vouched
  }

  /** True if `consumer` may have plaintext: it said yes, now or before. */
  admits(consumer: IVByteConsumer): boolean {
    if (consumer === this.#admitted) return true
    this.#admitted = this.asked(consumer.control) ? consumer : null
    return this.#admitted !== null
  }

  /** Another attachment begins: who is attached now is asked anew. */
  forget(): void {
    this.#admitted = null
  }

  /** Asks a control. */
  asked(control: VIOControl): boolean {
    const { key, certs, identity } = this.#peer ?? { key: null, certs: null, identity: null }
    const terms = { fallback: !this.mustBeTaken, failed: (error: unknown) => this.#failed(error) }
    return askPermission(control, 'authorize', terms, key, certs, identity, 'TLS')
  }

  #failed(error: unknown): void {
    this.#reactor.log.error('authorize failed, which counts as no', error)
  }
}
