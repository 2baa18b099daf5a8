/**
 * How two parties of a room come to a common key, and what they say under it.
 *
 * Decides what passes between them: each a share, handed over as they meet; then each its proof, and from then on sealed
 * messages, which need not wait for the other's proof. The secrets of the connection that is to come follow from the key,
 * so that nobody has to be told them. How messages travel is for others. Invariants: what is sealed can be read by somebody
 * only who knows the words; nothing is opened before the other side has proved that it does; after anything that does not
 * fit, it is over.
 */
import type { IVRandom } from '@vio/reactor'
import { VPake } from './pake.js'
import { deriveKey, type IVNatCrypto, MessageSeal } from './suite.js'

/** Which side this is, and what it knows. */
export interface IntroductionOptions {
  readonly isJoiner: boolean
  readonly words: readonly string[]
}

/** What both sides know of their meeting. */
export interface IntroductionPlace {
  readonly room: number
  /** 16 bytes in hex, the same for both. */
  readonly session: string
}

/** The secrets of the connection that two parties are about to have, 32 bytes each. */
export interface VMeetingSecrets {
  readonly own: Buffer
  /** The other side's: it has the same if it knows the words. */
  readonly peer: Buffer
}

/** What came of a message. `met`: the other side has proved itself. */
export interface IntroductionStep {
  readonly type: 'met' | 'plain' | 'wrong-words' | 'out-of-place'
  /** What was sealed. */
  readonly plain?: Buffer
}

const PROOF = 1
const SEALED = 2
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
  #secrets: VMeetingSecrets | null = null

  constructor(options: IntroductionOptions, suite: IVNatCrypto, random: IVRandom) {
    const { isJoiner, words } = options
    this.#isJoiner = isJoiner
    this.#suite = suite
    const pake = {
      role: isJoiner ? 'initiator' : 'responder',
      password: Buffer.from(words.join('-')),
      channel: Buffer.from('vio 1'),
      associated: Buffer.from(this.#ownName),
    } as const
    this.#pake = new VPake(pake, suite, random)
  }

  /** What the other side needs, 32 bytes. It serves one meeting. */
  get share(): Buffer {
    return this.#pake.share
  }

  /** Takes the other side's share. Gives the proof that is to be sent; null, and is over, if it is no share. */
  begin(share: Uint8Array, place: IntroductionPlace): Buffer | null {
    if (this.#state !== 'sharing' || !this.#pake.accept(share, this.#otherName)) {
      this.#end()
      return null
    }
    const { room, session } = place
    const key = (from: Buffer) =>
      deriveKey(this.#suite, this.#pake.unconfirmedKey, `from ${from} of room ${room}, ${session}`)
    this.#sealing = new MessageSeal(this.#suite, key(this.#ownName))
    this.#opening = new MessageSeal(this.#suite, key(this.#otherName))
    const secret = (of: Buffer, isJoiner: boolean) =>
      secretOf(
        deriveKey(this.#suite, this.#pake.unconfirmedKey, `vut ${of} of room ${room}, ${session}`),
        isJoiner,
      )
    this.#secrets = {
      own: secret(this.#ownName, this.#isJoiner),
      peer: secret(this.#otherName, !this.#isJoiner),
    }
    this.#state = 'proving'
    return message(PROOF, this.#pake.tag)
  }

  /** The secrets of the connection; null before `begin`. They stay. */
  get secrets(): VMeetingSecrets | null {
    return this.#secrets
  }

  /** Takes a message of the other side, which may be anybody until it has proved itself. */
  take(bytes: Uint8Array): IntroductionStep {
    const step = this.#step(bytes[0] ?? 0, bytes.subarray(1))
    if (step.type === 'wrong-words' || step.type === 'out-of-place') this.#end()
    return step
  }

  /** A message under the key; undefined before there is one. */
  seal(plain: Uint8Array): Buffer | undefined {
    return this.#sealing === null ? undefined : message(SEALED, this.#sealing.seal(plain))
  }

  #step(kind: number, body: Uint8Array): IntroductionStep {
    if (kind === PROOF && this.#state === 'proving') {
      if (!this.#pake.confirm(body)) return WRONG
      this.#state = 'met'
      return { type: 'met' }
    }
    if (kind !== SEALED || this.#state !== 'met') return OUT_OF_PLACE
    const plain = this.#opening?.open(body)
    return plain ? { type: 'plain', plain } : OUT_OF_PLACE
  }

  #end(): void {
    this.#pake.burn()
    this.#state = 'over'
    this.#sealing = null
    this.#opening = null
  }

  get #ownName(): Buffer {
    return Buffer.from(this.#isJoiner ? 'joiner' : 'creator')
  }

  get #otherName(): Buffer {
    return Buffer.from(this.#isJoiner ? 'creator' : 'joiner')
  }
}

/** Who joins has the greater one, by its first bit: so it is the initiator of the connection. */
function secretOf(key: Buffer, isJoiner: boolean): Buffer {
  const [first = 0] = key
  key[0] = isJoiner ? first | 0x80 : first & 0x7f
  return key
}

function message(kind: number, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Uint8Array.of(kind), ...parts])
}
