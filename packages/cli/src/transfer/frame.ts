/**
 * The frames that files travel in: a type, a length, a body.
 *
 * Decides what is on the wire (docs/cli.md, "How files travel") and how large a frame may be. Data is never copied: it
 * passes in the pieces that it came in. Invariant: a reader holds less than one control frame, whatever comes.
 *
 *     type, 1 byte | length of the body, 4 bytes, big endian | body
 */
import { readMemory } from '@vio/io'
import { VTransferFault } from './fault.js'

/** The types of frames. */
export interface VFrameTypes {
  /** To the receiver: a part of the list of entries, as JSON. */
  readonly entries: 1
  /** The list is whole: how many entries, 4 bytes, how many bytes, 8, and the key of the digests, 32. */
  readonly offered: 2
  /** A file begins: its index in the list, 4 bytes, and the offset that its data begins at, 8 bytes. */
  readonly file: 3
  /** Bytes of the file. */
  readonly data: 4
  /** The file is whole: its size, 8 bytes, and digest, 32 bytes. */
  readonly fileEnd: 5
  /** All receipts have come. Empty. */
  readonly done: 6
  /** Either way: the sender of this gives up. A text. */
  readonly abort: 7
  /** To the sender: so much of a file is there already: index, 4 bytes, offset, 8, the digest of what is there, 32. */
  readonly resume: 8
  /** The offer is accepted. Empty. */
  readonly accept: 9
  /** The offer is refused. A text. */
  readonly refuse: 10
  /** A file has arrived: index, 4 bytes, size, 8, and digest, 32 bytes. */
  readonly receipt: 11
}

/** The types of frames by name. */
export const FRAME: VFrameTypes = Object.freeze({
  entries: 1,
  offered: 2,
  file: 3,
  data: 4,
  fileEnd: 5,
  done: 6,
  abort: 7,
  resume: 8,
  accept: 9,
  refuse: 10,
  receipt: 11,
})

/** Bytes before a body. */
export const FRAME_HEAD_BYTES = 5
/** The most that a control frame holds, in bytes. */
export const MAX_CONTROL_BYTES = 65_536
/** The most that a data frame holds, in bytes. */
export const MAX_DATA_BYTES = 1_048_576
/** The most characters of a reason. */
const MAX_REASON = 512

const NOTHING: Buffer = Buffer.alloc(0)

/** Who hears what a reader reads. */
export interface FrameSink {
  /** A whole control frame. `body` is lent. */
  onControl(type: number, body: Buffer): void
  /** A piece of a data frame, given away. Never empty. */
  onData(piece: Buffer): void
}

/** Reads frames off a stream, however it is cut. */
export class FrameReader {
  readonly #sink: FrameSink
  #held: Buffer = NOTHING
  #dataLeft = 0

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** True between two frames: an end here cuts nothing off. */
  get between(): boolean {
    return this.#held.length === 0 && this.#dataLeft === 0
  }

  /** Takes bytes, which are given away. @throws VTransferFault for a frame that is too large; what the sink throws */
  push(bytes: Buffer): void {
    let left = bytes
    while (left.length > 0) left = this.#dataLeft > 0 ? this.#data(left) : this.#control(left)
  }

  #data(bytes: Buffer): Buffer {
    const piece = bytes.subarray(0, this.#dataLeft)
    this.#dataLeft -= piece.length
    this.#sink.onData(piece)
    return bytes.subarray(piece.length)
  }

  /** Takes what belongs to the frame at hand, and gives back what is left. */
  #control(bytes: Buffer): Buffer {
    const before = this.#held.length
    const head = this.#join(bytes, FRAME_HEAD_BYTES)
    if (head.length < FRAME_HEAD_BYTES) return this.#hold(head, bytes)
    const type = head.readUInt8(0)
    const length = head.readUInt32BE(1)
    if (length > (type === FRAME.data ? MAX_DATA_BYTES : MAX_CONTROL_BYTES)) {
      throw new VTransferFault(`a frame of type ${type} has ${length} bytes`)
    }
    if (type === FRAME.data) {
      this.#held = NOTHING
      this.#dataLeft = length
      return behind(bytes, FRAME_HEAD_BYTES - before)
    }
    const size = FRAME_HEAD_BYTES + length
    const frame = this.#join(bytes, size)
    if (frame.length < size) return this.#hold(frame, bytes)
    this.#held = NOTHING
    this.#sink.onControl(type, frame.subarray(FRAME_HEAD_BYTES))
    return behind(bytes, size - before)
  }

  /** Keeps the beginning of a frame, which all of `bytes` belong to. */
  #hold(beginning: Buffer, bytes: Buffer): Buffer {
    this.#held = Buffer.from(beginning)
    return behind(bytes, bytes.length)
  }

  /** What is held and the first of `bytes`, together up to `size` bytes. */
  #join(bytes: Buffer, size: number): Buffer {
    if (this.#held.length >= size) return this.#held
    if (this.#held.length === 0) return bytes.subarray(0, size)
    return Buffer.concat([this.#held, bytes.subarray(0, size - this.#held.length)])
  }
}

/** What is left behind the first `count` bytes, which were read and are given back. */
function behind(bytes: Buffer, count: number): Buffer {
  const rest = bytes.subarray(count)
  readMemory.giveBack(bytes.subarray(0, count))
  return rest
}

/** A frame with a body of its own. */
export function encodeFrame(type: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + body.length)
  frame.writeUInt8(type, 0)
  frame.writeUInt32BE(body.length, 1)
  frame.set(body, FRAME_HEAD_BYTES)
  return frame
}

/** Writes before `length` bytes of data what stands there, to the front of `target`. @throws RangeError for more than fit in */
export function writeDataHead(target: Buffer, length: number): void {
  if (length > MAX_DATA_BYTES)
    throw new RangeError(`a data frame holds ${MAX_DATA_BYTES} bytes, got ${length}`)
  target.writeUInt8(FRAME.data, 0)
  target.writeUInt32BE(length, 1)
}

/** A frame that holds a text, cut to what may be shown. */
export function encodeText(type: number, text: string): Buffer {
  return encodeFrame(type, Buffer.from(text.slice(0, MAX_REASON), 'utf8'))
}

/** The text of a frame, cut to what may be shown. It is the peer's: whoever shows it makes control characters visible. */
export function decodeText(body: Buffer): string {
  return body.toString('utf8').slice(0, MAX_REASON)
}
