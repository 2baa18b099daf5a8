/**
 * How two parties of a room come to a common key, and what they say under it.
 *
 * Decides the four messages between them: share, share and proof, proof, and from then on sealed ones. How they travel is
 * for others. Invariants: nothing is sealed or opened before the other side has proved that it knows the words; after
 * anything that does not fit, it is over.
 */
import type { IVRandom } from '@vio/reactor'
import { VPake } from './pake.js'
import { deriveKey, type IVNatCrypto, MessageSeal } from './suite.js'

/** What both sides know, and which one this is. */
export interface IntroductionOptions {
  readonly isJoiner: boolean
  readonly words: readonly string[]
  readonly room: number
  /** 16 bytes in hex, the same for both. */
  readonly session: string
}

/** What came of a message. `reply` is to be sent; `met`: both have the key now. */
export interface IntroductionStep {
  readonly type: 'shared' | 'met' | 'plain' | 'wrong-words' | 'out-of-place'
  readonly reply?: Buffer
  /** What was sealed. */
  readonly plain?: Buffer
}

const SHARE = 1
const ANSWER = 2
const PROOF = 3
const SEALED = 4
const SHARE_BYTES = 32
const WRONG: IntroductionStep = { type: 'wrong-words' }
const OUT_OF_PLACE: IntroductionStep = { type: 'out-of-place' }

/** One side. */
export class Introduction {
  readonly #isJoiner: boolean
  readonly #suite: IVNatCrypto
  readonly #pake: VPake
  #state: 'sharing' | 'proving' | 'met' | 'over' = 'sharing'
  #sealing: MessageSeal | null = null
  #opening: MessageSeal | null = null

  constructor(options: IntroductionOptions, suite: IVNatCrypto, random: IVRandom) {
    const { isJoiner, words, room, session } = options
    this.#isJoiner = isJoiner
    this.#suite = suite
    const pake = {
      role: isJoiner ? 'initiator' : 'responder',
      password: Buffer.from(words.join('-')),
      channel: Buffer.from(`vio 1 room ${room}`),
      session: Buffer.from(session, 'hex'),
      associated: Buffer.from(this.#ownName),
    } as const
    this.#pake = new VPake(pake, suite, random)
  }

  /** True once both have the key. */
  get isMet(): boolean {
    return this.#state === 'met'
  }

  /** What the joiner sends first. */
  get first(): Buffer | undefined {
    return this.#isJoiner ? message(SHARE, this.#pake.share) : undefined
  }

  /** Takes a message of the other side, which may be anybody until it has proved itself. */
  take(bytes: Uint8Array): IntroductionStep {
    const step = this.#step(bytes[0] ?? 0, bytes.subarray(1))
    if (step.type === 'wrong-words' || step.type === 'out-of-place') {
      this.#pake.burn()
      this.#state = 'over'
    }
    return step
  }

  /** A message under the key; undefined before there is one. */
  seal(plain: Uint8Array): Buffer | undefined {
    return this.#sealing === null ? undefined : message(SEALED, this.#sealing.seal(plain))
  }

  #step(kind: number, body: Uint8Array): IntroductionStep {
    if (kind === SHARE && this.#state === 'sharing' && !this.#isJoiner) return this.#answer(body)
    if (kind === ANSWER && this.#state === 'sharing' && this.#isJoiner) return this.#prove(body)
    if (kind === PROOF && this.#state === 'proving') return this.#check(body)
    if (kind === SEALED && this.#state === 'met') {
      const plain = this.#opening?.open(body)
      return plain ? { type: 'plain', plain } : OUT_OF_PLACE
    }
    return OUT_OF_PLACE
  }

  #answer(share: Uint8Array): IntroductionStep {
    if (!this.#pake.accept(share, this.#otherName)) return WRONG
    this.#state = 'proving'
    return { type: 'shared', reply: message(ANSWER, this.#pake.share, this.#pake.tag) }
  }

  #prove(body: Uint8Array): IntroductionStep {
    if (!this.#pake.accept(body.subarray(0, SHARE_BYTES), this.#otherName)) return WRONG
    if (!this.#pake.confirm(body.subarray(SHARE_BYTES))) return WRONG
    this.#meet()
    return { type: 'met', reply: message(PROOF, this.#pake.tag) }
  }

  #check(tag: Uint8Array): IntroductionStep {
    if (!this.#pake.confirm(tag)) return WRONG
    this.#meet()
    return { type: 'met' }
  }

  #meet(): void {
    const key = (from: Buffer) => deriveKey(this.#suite, this.#pake.key, `from ${from}`)
    this.#sealing = new MessageSeal(this.#suite, key(this.#ownName))
    this.#opening = new MessageSeal(this.#suite, key(this.#otherName))
    this.#state = 'met'
  }

  get #ownName(): Buffer {
    return Buffer.from(this.#isJoiner ? 'joiner' : 'creator')
  }

  get #otherName(): Buffer {
    return Buffer.from(this.#isJoiner ? 'creator' : 'joiner')
  }
}

function message(kind: number, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Uint8Array.of(kind), ...parts])
}
