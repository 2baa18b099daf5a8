/**
 * Digests of what passes: taken on the way, or sent behind the bytes and checked at the other end.
 *
 * Decides where a digest stands and what a wrong one means; how it is computed is left to an `IVDigest`, by default
 * CRC-32C. Invariant: the digest covers every byte that passed before the end, once and in order.
 */
import { type IVReactor, VIOError } from '@vio/reactor'
import { VByteBuffer } from '../byte-buffer.js'
import type { IVTransform } from '../types.js'
import { type IVDigest, VCrc32c } from './crc32c.js'
import { wholeOption } from './options.js'
import { VByteTap } from './tap.js'

/** What came does not have the digest that was sent behind it: bytes were changed, lost or added. */
export class VIODigestMismatch extends VIOError {
  override readonly code = 'V_IO_DIGEST_MISMATCH'
  /** The digest that came, in hex. */
  readonly received: string
  /** The digest of the bytes that came, in hex. */
  readonly computed: string

  constructor(received: string, computed: string) {
    super(`the bytes have the digest ${computed}, but ${received} came behind them; do not use them`)
    this.received = received
    this.computed = computed
  }
}

/** Options of `VDigestTap`. */
export interface VDigestTapOptions {
  /** What computes the digest, not used before. By default a `VCrc32c`. */
  readonly digest?: IVDigest
  /** Told the digest and the number of bytes when the end passes; `clean` as the end is. What it throws is logged. */
  readonly onDigest?: (digest: Buffer, bytes: number, clean: boolean) => void
}

/**
 * Computes the digest of what passes.
 *
 * ```ts
 * const digest = new VDigestTap(reactor, { digest: createHash('sha256') })
 * await chain(file, digest, socket).done
 * digest.result // the SHA-256 of the file
 * ```
 */
export class VDigestTap extends VByteTap {
  readonly #digest: IVDigest
  readonly #onDigest: ((digest: Buffer, bytes: number, clean: boolean) => void) | undefined
  #bytes = 0
  #result: Buffer | undefined

  /** @throws TypeError without a reactor or if the digest is none */
  constructor(reactor: IVReactor, options: VDigestTapOptions = {}) {
    super(reactor)
    this.#digest = checkDigest(options.digest ?? new VCrc32c())
    this.#onDigest = options.onDigest
  }

  /** Bytes that have passed. */
  get bytes(): number {
    return this.#bytes
  }

  /** The digest, once the end has passed, clean or not; undefined before, and after an abort. */
  get result(): Buffer | undefined {
    return this.#result
  }

  protected override passing(data: VByteBuffer, count: number): void {
    for (const chunk of data.peekList(count)) this.#digest.update(chunk)
    this.#bytes += count
  }

  protected override ended(clean: boolean): void {
    const digest = this.#digest.digest()
    this.#result = Buffer.from(digest.buffer, digest.byteOffset, digest.length)
    this.#onDigest?.(this.#result, this.#bytes, clean)
  }
}

/** Options of `VTrailerWriter`. */
export interface VTrailerOptions {
  /** What computes the digest, not used before. By default a `VCrc32c`. */
  readonly digest?: IVDigest
}

/** Options of `VTrailerCheck`. */
export interface VTrailerCheckOptions extends VTrailerOptions {
  /** The size of the digest: 32 for SHA-256. By default 4, the size of CRC-32C. */
  readonly digestBytes?: number
}

/** Passes bytes on and, at a clean end, their digest behind them. */
export class VTrailerWriter implements IVTransform {
  readonly #digest: IVDigest

  /** @throws TypeError if the digest is none */
  constructor(options: VTrailerOptions = {}) {
    this.#digest = checkDigest(options.digest ?? new VCrc32c())
  }

  push(input: VByteBuffer, output: VByteBuffer): void {
    for (const chunk of input.drain()) {
      this.#digest.update(chunk)
      output.append(chunk)
    }
  }

  end(output: VByteBuffer): void {
    output.append(this.#digest.digest())
  }
}

/**
 * Passes on all but the last bytes, which are the digest of the others: at a clean end the two are compared.
 *
 * What came is passed on before it can be checked, so it counts only once the end has come: a digest that is wrong takes
 * the flow down with `VIODigestMismatch` instead, and fewer bytes than a digest make the end an unclean one.
 */
export class VTrailerCheck implements IVTransform {
  /** The digest is held back, so it takes a byte more to go on. */
  readonly maxUnit: number
  readonly #digest: IVDigest
  readonly #digestBytes: number
  readonly #last = new VByteBuffer()

  /** @throws TypeError if the digest is none, RangeError if its size is not a whole number from 1 on */
  constructor(options: VTrailerCheckOptions = {}) {
    this.#digest = checkDigest(options.digest ?? new VCrc32c())
    this.#digestBytes = wholeOption('digestBytes', options.digestBytes ?? 4)
    this.maxUnit = this.#digestBytes + 1
  }

  /** Bytes that are held back. */
  get held(): number {
    return this.#last.length
  }

  push(input: VByteBuffer, output: VByteBuffer): void {
    input.moveTo(this.#last)
    while (this.#last.length > this.#digestBytes) {
      const chunk = this.#last.popChunk(this.#last.length - this.#digestBytes)
      this.#digest.update(chunk)
      output.append(chunk)
    }
  }

  end(): boolean {
    if (this.#last.length < this.#digestBytes) return false
    const received = this.#last.pop().toString('hex')
    const computed = Buffer.from(this.#digest.digest()).toString('hex')
    if (received !== computed) throw new VIODigestMismatch(received, computed)
    return true
  }
}

function checkDigest(digest: IVDigest): IVDigest {
  if (typeof digest?.update === 'function' && typeof digest.digest === 'function') return digest
  throw new TypeError(`a digest has the methods update and digest, got ${typeof digest}`)
}
