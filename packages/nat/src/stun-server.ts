/**
 * The answering side of STUN, as a machine with one lane for each of its addresses (RFC 8489, RFC 5780).
 *
 * Decides what is answered, by which lane, and how often one source is answered at all. It keeps nothing of who asked.
 * Invariants: an answer goes to where the question came from and nowhere else; a plain question is answered with as few
 * bytes as there can be, and what makes answers longer has to be asked for.
 */
import type { VIPSocketPeer } from '@vio/io'
import { type IVLaneOwner, VLane } from './lane.js'
import { SourceLimit, type VSourceLimitOptions } from './source-limit.js'
import {
  readChange,
  STUN_ATTRIBUTES,
  type VStunChange,
  writeAddress,
  writeErrorCode,
  writeTypes,
  writeXorAddress,
} from './stun-attribute.js'
import {
  attributeOf,
  decodeStun,
  encodeStun,
  STUN_BINDING,
  unknownAttributes,
  type VStunAttribute,
  type VStunMessage,
} from './stun-message.js'

/** Options of a server. */
export interface VStunServerOptions {
  /**
   * Its addresses: one, or four in the order (ip 1, port 1), (ip 1, port 2), (ip 2, port 1), (ip 2, port 2), which is what
   * the behaviour of a NAT is found out with. Or two ports of one address, which tell a part of it.
   */
  readonly addresses: readonly VIPSocketPeer[]
  /** How often one source is answered. By default 20 a second, 60 at once. */
  readonly limit?: VSourceLimitOptions
}

/** What a server has done. */
export interface VStunServerCounts {
  /** Questions that were answered, refusals included. */
  answered: number
  /** Datagrams that were no question. */
  ignored: number
  /** Questions that were dropped because their source asked too often. */
  limited: number
}

const ALL_ADDRESSES = 4
const PORT_BIT = 1
const IP_BIT = 2
const UNKNOWN_ATTRIBUTE = { code: 420, reason: 'Unknown Attribute' }
const KNOWN_ALWAYS: ReadonlySet<number> = new Set([
  STUN_ATTRIBUTES.USERNAME,
  STUN_ATTRIBUTES.MESSAGE_INTEGRITY,
  STUN_ATTRIBUTES.MESSAGE_INTEGRITY_SHA256,
])
const KNOWN: ReadonlySet<number> = new Set([...KNOWN_ALWAYS, STUN_ATTRIBUTES.CHANGE_REQUEST])

/** Tells who asks which address it is seen at. */
export class VStunServer implements IVLaneOwner<never> {
  /** One machine for each address, in their order. */
  readonly lanes: readonly VLane<never>[]
  readonly counts: VStunServerCounts = { answered: 0, ignored: 0, limited: 0 }
  readonly #addresses: readonly VIPSocketPeer[]
  readonly #limit: SourceLimit

  /** @throws RangeError unless it has one address, two ports of one, or four addresses */
  constructor(options: VStunServerOptions) {
    const { addresses } = options
    const isPossible = addresses.length === 1 || addresses.length === ALL_ADDRESSES
    if (!isPossible && !(addresses.length === 2 && addresses[0]?.host === addresses[1]?.host)) {
      throw new RangeError(
        `a STUN server has 1 address, 2 ports of it or 4 addresses, got ${addresses.length}`,
      )
    }
    this.#addresses = addresses
    this.#limit = new SourceLimit(options.limit ?? { perSecond: 20, burst: 60 })
    this.lanes = VLane.several<never>(this, addresses.length)
  }

  handleLane(now: number, lane: number, from: VIPSocketPeer, bytes: Buffer): void {
    const message = decodeStun(bytes)
    if (message === undefined || message.class !== 'request' || message.method !== STUN_BINDING) {
      this.counts.ignored += 1
      return
    }
    if (!this.#limit.allows(now, from.host)) {
      this.counts.limited += 1
      return
    }
    this.counts.answered += 1
    const unknown = this.#unknown(message)
    if (unknown.length > 0) {
      const attributes = [
        { type: STUN_ATTRIBUTES.ERROR_CODE, value: writeErrorCode(UNKNOWN_ATTRIBUTE) },
        { type: STUN_ATTRIBUTES.UNKNOWN_ATTRIBUTES, value: writeTypes(unknown) },
      ]
      this.#answer(lane, from, message, { class: 'error', attributes })
    } else this.#tell(lane, from, message)
  }

  handleTimeout(_now: number): void {}

  pollTimeout(): number {
    return Number.POSITIVE_INFINITY
  }

  pollEvent(): undefined {
    return undefined
  }

  /** What it cannot do for a question. To ask for no change at all is to ask whether changes could be asked for. */
  #unknown(message: VStunMessage): readonly number[] {
    const count = this.#addresses.length
    const { ip, port } = changeIn(message) ?? { ip: false, port: false }
    const canDo = (!ip || count === ALL_ADDRESSES) && (!port || count > 1)
    return unknownAttributes(message, canDo ? KNOWN : KNOWN_ALWAYS)
  }

  #tell(lane: number, from: VIPSocketPeer, message: VStunMessage): void {
    const mapped = writeXorAddress(from, message.transactionId)
    const attributes: VStunAttribute[] = [{ type: STUN_ATTRIBUTES.XOR_MAPPED_ADDRESS, value: mapped }]
    const change = changeIn(message)
    const by = change === undefined ? lane : this.#changed(lane, change)
    const other = this.#addresses[lane ^ (IP_BIT | PORT_BIT)]
    const origin = this.#addresses[by]
    // Two ports alone may be bound to any address: which one an answer comes from is not known then.
    if (change !== undefined && origin !== undefined && other !== undefined) {
      attributes.push(
        { type: STUN_ATTRIBUTES.RESPONSE_ORIGIN, value: writeAddress(origin) },
        { type: STUN_ATTRIBUTES.OTHER_ADDRESS, value: writeAddress(other) },
      )
    }
    this.#answer(by, from, message, { class: 'success', attributes })
  }

  #changed(lane: number, { ip, port }: VStunChange): number {
    return lane ^ (ip ? IP_BIT : 0) ^ (port ? PORT_BIT : 0)
  }

  #answer(
    lane: number,
    to: VIPSocketPeer,
    { transactionId, fingerprint }: VStunMessage,
    answer: { readonly class: 'success' | 'error'; readonly attributes: readonly VStunAttribute[] },
  ): void {
    this.lanes[lane]?.send(to, encodeStun({ ...answer, transactionId, fingerprint }))
  }
}

/** The change that a question asks for; undefined if it says nothing of changes. */
function changeIn(message: VStunMessage): VStunChange | undefined {
  const value = attributeOf(message, STUN_ATTRIBUTES.CHANGE_REQUEST)
  return value && readChange(value)
}
