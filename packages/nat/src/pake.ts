/**
 * CPace: a secret key from a few spoken words (draft-irtf-cfrg-cpace, ristretto255 with SHA-512).
 *
 * Decides what the two sides send each other and when they may believe that they said the same words. The curve is
 * another project's; who sends when is the rendezvous'. Invariants: a run serves one guess: whatever did not confirm is
 * over for good; a key is called by another name before the other side has proved that it has it too.
 */
import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js'
import { VIOError } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import type { IVNatCrypto } from './suite.js'

/** The words were not the same, or somebody stands between: nobody will believe these words any more. */
export class VPakeError extends VIOError {
  override readonly code = 'V_NAT_PAKE'
}

/** How a run is made. Both sides give the same `password`, `channel` and `session`. */
export interface VPakeOptions {
  /** Who speaks first; one of the two. */
  readonly role: 'initiator' | 'responder'
  /** What was spoken. */
  readonly password: Uint8Array
  /** What both know of each other and of the place where they meet; not secret. By default empty. */
  readonly channel?: Uint8Array
  /** Names this meeting. By default empty. */
  readonly session?: Uint8Array
  /** Sent along with the share in the open, and authenticated. By default empty. */
  readonly associated?: Uint8Array
}

const DSI = Buffer.from('CPaceRistretto255')
const DSI_ISK = Buffer.from('CPaceRistretto255_ISK')
const DSI_MAC = Buffer.from('CPaceMac')
/** The block of SHA-512, which the words and the padding fill. */
const BLOCK_BYTES = 128
const POINT_BYTES = 32
const MAC_BYTES = 32
/** Scalars have 252 bits. */
const TOP_MASK = 0x0f
const EMPTY = new Uint8Array(0)

type Point = InstanceType<typeof ristretto255.Point>

/**
 * One side of one run.
 *
 * The initiator sends `share`; the responder answers with its own and with `tag`; the initiator checks that with `confirm`
 * and sends its `tag`, which the responder confirms. Then both have the same `key`.
 */
export class VPake {
  /** What the other side needs, 32 bytes. */
  readonly share: Buffer
  readonly #suite: IVNatCrypto
  readonly #options: Required<VPakeOptions>
  #scalar: bigint | null
  #state: 'open' | 'shared' | 'confirmed' | 'burnt' = 'open'
  #isk: Uint8Array = EMPTY
  #ownTag: Uint8Array = EMPTY
  #theirTag: Uint8Array = EMPTY

  constructor(options: VPakeOptions, suite: IVNatCrypto, random: IVRandom) {
    this.#suite = suite
    this.#options = { channel: EMPTY, session: EMPTY, associated: EMPTY, ...options }
    this.#scalar = drawScalar(random)
    const generator = generatorOf(suite, this.#options)
    this.share = Buffer.from(generator.multiply(this.#scalar).toBytes())
  }

  /** True once a wrong or unusable answer has come: this run will never give a key. */
  get isBurnt(): boolean {
    return this.#state === 'burnt'
  }

  /** What proves to the other side that this one has the key, 32 bytes. @throws VPakeError before `accept` has succeeded */
  get tag(): Buffer {
    if (this.#state !== 'shared' && this.#state !== 'confirmed') throw this.#refusal()
    return Buffer.from(this.#ownTag)
  }

  /** The common key, 64 bytes. @throws VPakeError before `confirm` has succeeded */
  get key(): Buffer {
    if (this.#state !== 'confirmed') throw this.#refusal()
    return Buffer.from(this.#isk)
  }

  /**
   * The key, 64 bytes, while nobody knows whether the other side has it too: fit to seal what only somebody who knows the
   * words may read, and nothing else.
   *
   * @throws VPakeError before `accept` has succeeded
   */
  get unconfirmedKey(): Buffer {
    if (this.#state !== 'shared' && this.#state !== 'confirmed') throw this.#refusal()
    return Buffer.from(this.#isk)
  }

  /**
   * Takes the other side's share and what was sent along with it. Returns false, and is burnt, if the share is none.
   *
   * @throws VPakeError the second time: a run serves one guess
   */
  accept(share: Uint8Array, associated: Uint8Array = EMPTY): boolean {
    const scalar = this.#scalar
    if (this.#state !== 'open' || scalar === null) throw this.#refusal()
    this.#scalar = null
    const secret = multiplyChecked(scalar, share)
    if (secret === null || this.#isOwn(share)) {
      this.#state = 'burnt'
      return false
    }
    const own = catenate(this.share, this.#options.associated)
    const theirs = catenate(share, associated)
    const transcript = this.#options.role === 'initiator' ? [own, theirs] : [theirs, own]
    const { session } = this.#options
    this.#isk = this.#suite.sha512(catenate(DSI_ISK, session, secret), ...transcript)
    const macKey = this.#suite.sha512(DSI_MAC, session, this.#isk)
    this.#ownTag = this.#suite.hmac(macKey, own).subarray(0, MAC_BYTES)
    this.#theirTag = this.#suite.hmac(macKey, theirs).subarray(0, MAC_BYTES)
    this.#state = 'shared'
    return true
  }

  /**
   * Takes the other side's tag. Returns false, and is burnt, if it is not the one: the words were others.
   *
   * @throws VPakeError before `accept` has succeeded, or once it is burnt
   */
  confirm(tag: Uint8Array): boolean {
    if (this.#state !== 'shared') throw this.#refusal()
    const isRight = this.#suite.equal(tag, this.#theirTag)
    this.#state = isRight ? 'confirmed' : 'burnt'
    if (!isRight) this.#isk = EMPTY
    return isRight
  }

  /** Gives up: the code is not to be used any more. */
  burn(): void {
    this.#state = 'burnt'
    this.#scalar = null
    this.#isk = EMPTY
  }

  /** Somebody sends back what was sent: that proves nothing. */
  #isOwn(share: Uint8Array): boolean {
    return this.share.equals(share)
  }

  #refusal(): VPakeError {
    return new VPakeError(
      this.#state === 'burnt'
        ? 'the words of this code were tried and did not match: make a new code'
        : `a key exchange that is ${this.#state} does not do this now: share, then confirm, then use the key`,
    )
  }
}

/** The bytes of all parts, each behind its length. */
export function catenate(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts.flatMap((part) => [lengthOf(part), part]))
}

/** Little-endian, seven bits a byte. */
function lengthOf(part: Uint8Array): Uint8Array {
  const bytes: number[] = []
  let rest = part.length
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return Uint8Array.from(bytes)
}

/** What the generator is hashed from: the words fill the first block of the hash, whatever their length. */
export function generatorString(options: Omit<VPakeOptions, 'role' | 'associated'>): Buffer {
  const { password, channel = EMPTY, session = EMPTY } = options
  const used = catenate(password).length + catenate(DSI).length + 1
  return catenate(DSI, password, new Uint8Array(Math.max(0, BLOCK_BYTES - used)), channel, session)
}

/** The generator that follows from the words. */
export function generatorOf(
  suite: Pick<IVNatCrypto, 'sha512'>,
  options: Omit<VPakeOptions, 'role' | 'associated'>,
): Point {
  return ristretto255_hasher.deriveToCurve?.(suite.sha512(generatorString(options))) as Point
}

/** The product of a scalar and a point that somebody sent; null if that is no point, or the neutral one. */
export function multiplyChecked(scalar: bigint, share: Uint8Array): Uint8Array | null {
  const point = pointOf(share)
  return point === null || point.is0() ? null : point.multiply(scalar).toBytes()
}

/** The number that 32 bytes stand for, the lowest first. */
export function scalarOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

function pointOf(share: Uint8Array): Point | null {
  if (share.length !== POINT_BYTES) return null
  try {
    return ristretto255.Point.fromBytes(share)
  } catch {
    // 32 bytes that encode no point: the peer's fault, not ours.
    return null
  }
}

function drawScalar(random: IVRandom): bigint {
  const bytes = new Uint8Array(POINT_BYTES)
  for (;;) {
    random.fillSecret(bytes)
    bytes[POINT_BYTES - 1] = (bytes[POINT_BYTES - 1] ?? 0) & TOP_MASK
    const scalar = scalarOf(bytes)
    if (scalar !== 0n) return scalar
  }
}
