/**
 * Frames behind their length: a prefix tells how many bytes follow.
 *
 * Decides how the length is written and which lengths are refused. The prefix counts the frame alone, not itself.
 * `varint` is unsigned LEB128: seven bits a byte, the lowest first, the top bit set on all but the last byte; at most 5
 * bytes and 32 bits, and only the shortest form of a number is one. Invariant: a length over the maximum is refused
 * when the prefix is complete, before any of the frame is waited for.
 */
import type { VByteBuffer } from '../byte-buffer.js'
import { VIOMalformed } from '../errors.js'
import {
  ByteFrameDecoder,
  checkBytes,
  checkFrameSize,
  DEFAULT_MAX_FRAME_BYTES,
  FrameEncoder,
} from './frame-codec.js'
import { choiceOption, wholeOption } from './options.js'

/** How a length is written: 1, 2 or 4 bytes, big-endian (be) or little-endian (le), or LEB128. */
export type VLengthPrefix = 'u8' | 'u16be' | 'u16le' | 'u32be' | 'u32le' | 'varint'

/** Options of `VLengthPrefixDecoder` and `VLengthPrefixEncoder`. */
export interface VLengthPrefixOptions {
  /** The largest frame, without its prefix. By default 65,536, or the most that the prefix can tell if that is less. */
  readonly maxFrameBytes?: number
}

/** How one kind of prefix is read and written. */
interface PrefixCode {
  readonly maxBytes: number
  readonly maxValue: number
  /** Reads a prefix off the front; undefined while it is not complete. */
  read(bytes: VByteBuffer): { readonly sizeBytes: number; readonly frameBytes: number } | undefined
  write(value: number): Buffer
}

const MAX_U32 = 0xffff_ffff
const VARINT_BYTES = 5

function fixedCode(sizeBytes: number, littleEndian: boolean): PrefixCode {
  return {
    maxBytes: sizeBytes,
    maxValue: 2 ** (8 * sizeBytes) - 1,
    read: (bytes) => {
      if (bytes.length < sizeBytes) return undefined
      const prefix = bytes.peek(sizeBytes)
      const frameBytes = littleEndian ? prefix.readUIntLE(0, sizeBytes) : prefix.readUIntBE(0, sizeBytes)
      return { sizeBytes, frameBytes }
    },
    write: (value) => {
      const prefix = Buffer.allocUnsafe(sizeBytes)
      if (littleEndian) prefix.writeUIntLE(value, 0, sizeBytes)
      else prefix.writeUIntBE(value, 0, sizeBytes)
      return prefix
    },
  }
}

function readVarint(bytes: VByteBuffer): { sizeBytes: number; frameBytes: number } | undefined {
  let frameBytes = 0
  for (let at = 0; at < VARINT_BYTES; at += 1) {
    const byte = bytes.byteAt(at)
    if (byte === undefined) return undefined
    // Above 31 bits the shift operators would give a negative number.
    frameBytes += (byte & 0x7f) * 2 ** (7 * at)
    if (byte >= 0x80) continue
    if (byte === 0 && at > 0) throw new VIOMalformed('a varint ends in a byte of zero: not its shortest form')
    if (frameBytes > MAX_U32) throw new VIOMalformed(`a varint of ${frameBytes} is over 32 bits`)
    return { sizeBytes: at + 1, frameBytes }
  }
  throw new VIOMalformed(`a varint goes on after ${VARINT_BYTES} bytes`)
}

function writeVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}

const CODES: Readonly<Record<VLengthPrefix, PrefixCode>> = {
  u8: fixedCode(1, false),
  u16be: fixedCode(2, false),
  u16le: fixedCode(2, true),
  u32be: fixedCode(4, false),
  u32le: fixedCode(4, true),
  varint: { maxBytes: VARINT_BYTES, maxValue: MAX_U32, read: readVarint, write: writeVarint },
}

const PREFIXES = Object.keys(CODES) as VLengthPrefix[]

function maxFrameOf(code: PrefixCode, options: VLengthPrefixOptions): number {
  const asked = options.maxFrameBytes ?? Math.min(DEFAULT_MAX_FRAME_BYTES, code.maxValue)
  return wholeOption('maxFrameBytes', asked, 1, code.maxValue)
}

/**
 * Reads frames that stand behind their length.
 *
 * ```ts
 * new VByteDecoder(reactor, new VLengthPrefixDecoder('u32be', { maxFrameBytes: 1_000_000 }))
 * ```
 *
 * Refuses a longer frame with `VIOOversize`, a prefix that is none with `VIOMalformed`.
 */
export class VLengthPrefixDecoder extends ByteFrameDecoder<Buffer> {
  readonly maxUnit: number
  readonly #code: PrefixCode
  readonly #maxFrameBytes: number
  /** What the prefix in front of `bytes` says; undefined while it is not complete. */
  #head: { readonly sizeBytes: number; readonly frameBytes: number } | undefined

  /** @throws TypeError for an unknown prefix, RangeError for a maximum that the prefix cannot tell */
  constructor(prefix: VLengthPrefix, options: VLengthPrefixOptions = {}) {
    super()
    this.#code = CODES[choiceOption('a length prefix', prefix, PREFIXES)]
    this.#maxFrameBytes = maxFrameOf(this.#code, options)
    this.maxUnit = this.#code.maxBytes + this.#maxFrameBytes
  }

  protected next(): Buffer | undefined {
    if (this.#head === undefined) {
      this.#head = this.#code.read(this.bytes)
      if (this.#head === undefined) return undefined
      checkFrameSize(this.#head.frameBytes, this.#maxFrameBytes)
    }
    const { sizeBytes, frameBytes } = this.#head
    // The prefix stays until its frame is there: an end in between is an end inside a unit.
    if (this.bytes.length < sizeBytes + frameBytes) return undefined
    this.#head = undefined
    this.bytes.remove(sizeBytes)
    return this.bytes.pop(frameBytes)
  }
}

/** Writes each frame behind its length. Refuses a longer frame with `VIOOversize`. */
export class VLengthPrefixEncoder extends FrameEncoder<Uint8Array> {
  readonly #code: PrefixCode
  readonly #maxFrameBytes: number

  /** @throws TypeError for an unknown prefix, RangeError for a maximum that the prefix cannot tell */
  constructor(prefix: VLengthPrefix, options: VLengthPrefixOptions = {}) {
    super()
    this.#code = CODES[choiceOption('a length prefix', prefix, PREFIXES)]
    this.#maxFrameBytes = maxFrameOf(this.#code, options)
  }

  protected encode(frame: Uint8Array, output: VByteBuffer): void {
    checkBytes(frame)
    checkFrameSize(frame.length, this.#maxFrameBytes)
    output.append(this.#code.write(frame.length))
    output.append(frame)
  }
}
