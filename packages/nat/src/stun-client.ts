/**
 * The asking side of STUN, as a machine: questions are repeated until they are answered or given up (RFC 8489 section 6.2).
 *
 * Decides when a question goes out again and which datagram answers it. Which questions are asked, and what the answers
 * mean, is for others. Invariants: an answer is believed only with the number of a question that is open, and from the
 * address that was asked, unless another one was asked for.
 */
import { VIOError, type VIPSocketPeer, type VTransmitBatch } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import type { IVMachine } from '@vio/vudp'
import { BoundedQueue, Outbox } from './outbox.js'
import {
  readAddress,
  readErrorCode,
  readXorAddress,
  STUN_ATTRIBUTES,
  type VStunChange,
  type VStunErrorCode,
  writeChange,
} from './stun-attribute.js'
import {
  attributeOf,
  decodeStun,
  encodeStun,
  unknownAttributes,
  type VStunAttribute,
  type VStunMessage,
} from './stun-message.js'

/** One question: which address do you see? */
export interface VStunQuestion {
  readonly server: VIPSocketPeer
  /**
   * Asks for an answer from another address or port (RFC 5780). A change of neither asks the server to say what other
   * addresses it has.
   */
  readonly change?: VStunChange
}

/** What came of a question. */
export type VStunEvent =
  | {
      readonly type: 'answer'
      readonly id: number
      readonly question: VStunQuestion
      /** The address that the server sees. */
      readonly mapped: VIPSocketPeer
      /** Where the answer came from. */
      readonly from: VIPSocketPeer
      /** Where the server says that the answer came from. */
      readonly origin: VIPSocketPeer | undefined
      /** The other address and the other port of the server. */
      readonly other: VIPSocketPeer | undefined
      /** How long it took; -1 where it is not known which of the repetitions was answered. */
      readonly rttMs: number
    }
  | {
      readonly type: 'failed'
      readonly id: number
      readonly question: VStunQuestion
      /** `timeout`: nobody answered. `error`: the server refused. `unreadable`: the answer needs what is not known here. */
      readonly reason: 'timeout' | 'error' | 'unreadable'
      readonly error: VStunErrorCode | undefined
    }

/** Options of a client; the defaults are those of the RFC. */
export interface VStunClientOptions {
  /** After how long a question goes out for the second time; then each time after twice as long. By default 500. */
  readonly rtoMs?: number
  /** How often a question goes out. By default 7. */
  readonly maxSends?: number
  /** How many times `rtoMs` the last one waits for its answer. By default 16. */
  readonly lastWaits?: number
}

interface Transaction {
  readonly id: number
  readonly question: VStunQuestion
  readonly key: string
  readonly bytes: Buffer
  readonly sentAt: number
  sends: number
  waitMs: number
  dueAt: number
}

const MAX_OPEN = 64
const ID_BYTES = 12
const KNOWN = new Set<number>([
  STUN_ATTRIBUTES.MAPPED_ADDRESS,
  STUN_ATTRIBUTES.XOR_MAPPED_ADDRESS,
  STUN_ATTRIBUTES.ERROR_CODE,
  STUN_ATTRIBUTES.UNKNOWN_ATTRIBUTES,
])

/** Asks servers for the address that they see. */
export class VStunClient implements IVMachine<VStunEvent> {
  readonly #random: IVRandom
  readonly #options: Required<VStunClientOptions>
  readonly #open = new Map<string, Transaction>()
  readonly #outbox = new Outbox()
  readonly #events = new BoundedQueue<VStunEvent>()
  #nextId = 1

  constructor(random: IVRandom, options: VStunClientOptions = {}) {
    this.#random = random
    this.#options = { rtoMs: 500, maxSends: 7, lastWaits: 16, ...options }
  }

  /** How many questions are open. */
  get openCount(): number {
    return this.#open.size
  }

  /** Asks, and returns the number that the answer will have. @throws VIOError if 64 questions are open */
  ask(now: number, question: VStunQuestion): number {
    if (this.#open.size >= MAX_OPEN) {
      throw new VIOError(`${MAX_OPEN} questions are open; wait for some of them`)
    }
    const transactionId = Buffer.alloc(ID_BYTES)
    this.#random.fillSecret(transactionId)
    const attributes: VStunAttribute[] = []
    if (question.change !== undefined) {
      attributes.push({ type: STUN_ATTRIBUTES.CHANGE_REQUEST, value: writeChange(question.change) })
    }
    const id = this.#nextId
    this.#nextId += 1
    const transaction: Transaction = {
      id,
      question,
      key: transactionId.toString('latin1'),
      bytes: encodeStun({ class: 'request', transactionId, attributes }),
      sentAt: now,
      sends: 0,
      waitMs: this.#options.rtoMs,
      dueAt: now,
    }
    this.#open.set(transaction.key, transaction)
    this.#serve(now, transaction)
    return id
  }

  /** Asks no further; questions that are open are forgotten. */
  cancel(): void {
    this.#open.clear()
    this.#outbox.clear()
  }

  handleDatagram(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    const message = decodeStun(bytes)
    if (message === undefined || (message.class !== 'success' && message.class !== 'error')) return
    const transaction = this.#open.get(message.transactionId.toString('latin1'))
    if (transaction === undefined) return
    const { server, change } = transaction.question
    if (change?.ip !== true && change?.port !== true && !from.equals(server)) return
    this.#open.delete(transaction.key)
    this.#events.push(this.#eventOf(now, transaction, message, from))
  }

  handleTimeout(now: number): void {
    for (const transaction of this.#open.values()) {
      if (now >= transaction.dueAt) this.#serve(now, transaction)
    }
  }

  pollTransmit(_now: number, batch: VTransmitBatch): boolean {
    return this.#outbox.poll(batch)
  }

  pollTimeout(): number {
    let dueAt = Number.POSITIVE_INFINITY
    for (const transaction of this.#open.values()) dueAt = Math.min(dueAt, transaction.dueAt)
    return dueAt
  }

  pollEvent(): VStunEvent | undefined {
    return this.#events.shift()
  }

  #serve(now: number, transaction: Transaction): void {
    const { maxSends, lastWaits, rtoMs } = this.#options
    if (transaction.sends >= maxSends) {
      this.#open.delete(transaction.key)
      const { id, question } = transaction
      this.#events.push({ type: 'failed', id, question, reason: 'timeout', error: undefined })
      return
    }
    transaction.sends += 1
    const isLast = transaction.sends === maxSends
    transaction.dueAt = now + (isLast ? lastWaits * rtoMs : transaction.waitMs)
    transaction.waitMs *= 2
    this.#outbox.push(transaction.question.server, transaction.bytes)
  }

  #eventOf(now: number, transaction: Transaction, message: VStunMessage, from: VIPSocketPeer): VStunEvent {
    const { id, question, sends, sentAt } = transaction
    const failed = { type: 'failed', id, question } as const
    if (message.class === 'error') {
      const value = attributeOf(message, STUN_ATTRIBUTES.ERROR_CODE)
      return { ...failed, reason: 'error', error: value && readErrorCode(value) }
    }
    const mapped = mappedOf(message)
    if (mapped === undefined || unknownAttributes(message, KNOWN).length > 0) {
      return { ...failed, reason: 'unreadable', error: undefined }
    }
    return {
      type: 'answer',
      id,
      question,
      mapped,
      from,
      origin: addressIn(message, STUN_ATTRIBUTES.RESPONSE_ORIGIN),
      other: addressIn(message, STUN_ATTRIBUTES.OTHER_ADDRESS),
      rttMs: sends === 1 ? now - sentAt : -1,
    }
  }
}

function mappedOf(message: VStunMessage): VIPSocketPeer | undefined {
  const value = attributeOf(message, STUN_ATTRIBUTES.XOR_MAPPED_ADDRESS)
  const mapped = value && readXorAddress(value, message.transactionId)
  return mapped ?? addressIn(message, STUN_ATTRIBUTES.MAPPED_ADDRESS)
}

function addressIn(message: VStunMessage, type: number): VIPSocketPeer | undefined {
  const value = attributeOf(message, type)
  return value && readAddress(value)
}
