/**
 * The datagram of VUT 0.8: flags, three numbers, data, code.
 *
 * Decides where the fields of a datagram lie, in both directions, in place. What they mean is for the connection, and
 * whether the code is right for `seal`. Invariant: all sums of a decoded packet are safe integers.
 */
import { decodePosint, encodePosint, PosintResult } from '../posint.js'
import { MAC_BYTES } from '../seal.js'

/** The position behind the data is the end of the sender's stream. */
export const FLAG_CLOSE = 0x80
/** The sender has received the end of the other stream, or takes no more of it. */
export const FLAG_ACK_CLOSE = 0x40
/** The sender has failed; nothing else in the datagram counts. */
export const FLAG_FAIL = 0x20

/** The fields of one datagram. One object is made once and used for all. */
export class Packet08 {
  /** The three flags that have a meaning. */
  flags = 0
  /** Stream position of the first octet of data, or of the next one never sent. */
  seq = 0
  /** The position that is expected next from the other end. */
  ack = 0
  /** How many octets the other end may send, counted from `ack`. */
  win = 0
  /** Where the data begins in the datagram. */
  dataStart = 0
  /** Where the data ends in the datagram. */
  dataEnd = 0
  /** Where the octets of `win` begin in the datagram. */
  winStart = 0

  /** How many octets of data there are. */
  get dataBytes(): number {
    return this.dataEnd - this.dataStart
  }

  /** The position behind the data. */
  get endSeq(): number {
    return this.seq + (this.dataEnd - this.dataStart)
  }

  /** The right edge of the window that is told. */
  get edge(): number {
    return this.ack + this.win
  }
}

const KNOWN_FLAGS = FLAG_CLOSE | FLAG_ACK_CLOSE | FLAG_FAIL
const SCRATCH = new PosintResult()

/**
 * Reads the fields of a datagram that ends, with its code, at `end`. False if they do not make sense: octets are missing,
 * or a number is over what can be counted.
 */
export function decodePacket08(bytes: Uint8Array, end: number, packet: Packet08): boolean {
  const stop = end - MAC_BYTES
  if (stop < 1) return false
  packet.flags = (bytes[0] ?? 0) & KNOWN_FLAGS
  if (decodePosint(bytes, 1, stop, SCRATCH) !== 'ok') return false
  packet.seq = SCRATCH.value
  if (decodePosint(bytes, SCRATCH.next, stop, SCRATCH) !== 'ok') return false
  packet.ack = SCRATCH.value
  packet.winStart = SCRATCH.next
  if (decodePosint(bytes, SCRATCH.next, stop, SCRATCH) !== 'ok') return false
  packet.win = SCRATCH.value
  packet.dataStart = SCRATCH.next
  packet.dataEnd = stop
  return Number.isSafeInteger(packet.endSeq) && Number.isSafeInteger(packet.edge)
}

/**
 * Writes flags and numbers of a packet at `at` and returns the index behind them, where its data belongs.
 *
 * @throws RangeError if a number is no safe integer or does not fit
 */
export function encodeHeader08(packet: Packet08, into: Uint8Array, at: number): number {
  into[at] = packet.flags
  const ackAt = encodePosint(packet.seq, into, at + 1)
  const winAt = encodePosint(packet.ack, into, ackAt)
  return encodePosint(packet.win, into, winAt)
}
