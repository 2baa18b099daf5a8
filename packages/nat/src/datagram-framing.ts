/**
 * Datagrams in a stream: each behind its length in two bytes.
 *
 * Decides where one ends and the next begins, for the way to a relay that only TCP is let out to. What the datagrams are
 * is for others. Invariants: no datagram is longer than 65,535 bytes, as the length says no more; what is held is less than
 * one datagram.
 */

const LENGTH_BYTES = 2
const MAX_BYTES = 0xffff

/** Writes one datagram. @throws RangeError if it is longer than 65,535 bytes */
export function frameDatagram(datagram: Uint8Array): Buffer {
  if (datagram.length > MAX_BYTES) {
    throw new RangeError(`a framed datagram has at most ${MAX_BYTES} bytes, got ${datagram.length}`)
  }
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + datagram.length)
  framed.writeUInt16BE(datagram.length, 0)
  framed.set(datagram, LENGTH_BYTES)
  return framed
}

/** Reads datagrams out of a stream that comes in pieces. */
export class VDatagramUnframer {
  #held: Buffer = Buffer.alloc(0)

  /** How many bytes of a datagram that is not complete are held. */
  get heldBytes(): number {
    return this.#held.length
  }

  /** Takes the next piece; returns the datagrams that it completes, as copies. */
  push(piece: Uint8Array): Buffer[] {
    const bytes = Buffer.concat([this.#held, piece])
    const datagrams: Buffer[] = []
    let at = 0
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + bytes.readUInt16BE(at)
      if (end > bytes.length) break
      datagrams.push(Buffer.from(bytes.subarray(at + LENGTH_BYTES, end)))
      at = end
    }
    this.#held = Buffer.from(bytes.subarray(at))
    return datagrams
  }
}
