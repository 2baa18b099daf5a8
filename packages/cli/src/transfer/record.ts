/**
 * The bodies of fixed size that frames of a transfer hold.
 *
 * Decides their layout. Invariant: what is read back is what was written, and a body of another size or with a number
 * beyond what a double holds exactly is a fault of the peer.
 */
import { VTransferFault } from './fault.js'
import { encodeFrame, FRAME } from './frame.js'

/** Bytes of the digest of a file. */
export const DIGEST_BYTES = 32
/** Bytes of the key that the digests of a transfer are made with. */
export const DIGEST_KEY_BYTES = 32

/** So much of a file: all of it, or what is there already. */
export interface VExtent {
  /** The place of the file in the list of entries, from 0. */
  readonly index: number
  readonly sizeBytes: number
  /** Of these bytes. */
  readonly digest: Buffer
}

/** What stands behind a list. */
export interface VOffered {
  readonly entries: number
  readonly bytes: number
  /** The key of the digests, `DIGEST_KEY_BYTES`. */
  readonly key: Buffer
}

/** A frame of the type `resume` or `receipt`. */
export function encodeExtent(type: number, { index, sizeBytes, digest }: VExtent): Buffer {
  return encodeFrame(type, Buffer.concat([u32(index), u64(sizeBytes), digest]))
}

/** The body of a frame of the type `resume` or `receipt`. @throws VTransferFault if it is none */
export function decodeExtent(body: Buffer): VExtent {
  checkSize(body, 12 + DIGEST_BYTES)
  return { index: body.readUInt32BE(0), sizeBytes: readU64(body, 4), digest: Buffer.from(body.subarray(12)) }
}

/** A frame of the type `file`. */
export function encodeFileStart(index: number, offset: number): Buffer {
  return encodeFrame(FRAME.file, Buffer.concat([u32(index), u64(offset)]))
}

/** The body of a frame of the type `file`. @throws VTransferFault if it is none */
export function decodeFileStart(body: Buffer): { index: number; offset: number } {
  checkSize(body, 12)
  return { index: body.readUInt32BE(0), offset: readU64(body, 4) }
}

/** A frame of the type `fileEnd`. */
export function encodeFileEnd(sizeBytes: number, digest: Uint8Array): Buffer {
  return encodeFrame(FRAME.fileEnd, Buffer.concat([u64(sizeBytes), digest]))
}

/** The body of a frame of the type `fileEnd`. @throws VTransferFault if it is none */
export function decodeFileEnd(body: Buffer): { sizeBytes: number; digest: Buffer } {
  checkSize(body, 8 + DIGEST_BYTES)
  return { sizeBytes: readU64(body, 0), digest: Buffer.from(body.subarray(8)) }
}

/** A frame of the type `offered`. */
export function encodeOffered({ entries, bytes, key }: VOffered): Buffer {
  return encodeFrame(FRAME.offered, Buffer.concat([u32(entries), u64(bytes), key]))
}

/** The body of a frame of the type `offered`. @throws VTransferFault if it is none */
export function decodeOffered(body: Buffer): VOffered {
  checkSize(body, 12 + DIGEST_KEY_BYTES)
  return { entries: body.readUInt32BE(0), bytes: readU64(body, 4), key: Buffer.from(body.subarray(12)) }
}

/** @throws VTransferFault if a body is not of this size */
export function checkSize(body: Buffer, sizeBytes: number): void {
  if (body.length !== sizeBytes) {
    throw new VTransferFault(`a frame has ${body.length} bytes, where ${sizeBytes} were to be`)
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function readU64(body: Buffer, at: number): number {
  const value = Number(body.readBigUInt64BE(at))
  if (!Number.isSafeInteger(value)) throw new VTransferFault(`a size of ${value} bytes`)
  return value
}
