/**
 * Datagrams of a forwarded UDP port on their way between the two sides.
 *
 * Decides two layouts: on the flow's stream `length(2) bytes`, as an unreliable datagram of the connection `stream(4)
 * bytes`, where the number of the stream says which flow it belongs to. Which of them a datagram takes is the flow's
 * affair. Invariants: no bytes make the reader throw; it holds at most one datagram.
 */

/** The largest datagram of UDP. */
export const MAX_UDP_BYTES = 65_527

const PREFIX_BYTES = 2
const TAG_BYTES = 4
const MAX_TAG = 2 ** 32 - 1

/** A datagram with its length before it. @throws RangeError over 65,535 bytes */
export function frameDatagram(bytes: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + bytes.length)
  framed.writeUInt16BE(bytes.length, 0)
  framed.set(bytes, PREFIX_BYTES)
  return framed
}

/** Takes datagrams out of a stream, whatever pieces it comes in. */
export class DatagramUnframer {
  #held: Buffer = Buffer.alloc(0)

  /** True if the stream may end here. */
  get isBetween(): boolean {
    return this.#held.length === 0
  }

  /** Takes bytes, and gives each datagram that is complete. */
  push(bytes: Uint8Array, give: (datagram: Buffer) => void): void {
    let rest = this.#held.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes])
    while (rest.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + rest.readUInt16BE(0)
      if (rest.length < end) break
      give(rest.subarray(PREFIX_BYTES, end))
      rest = rest.subarray(end)
    }
    this.#held = rest.length === 0 ? Buffer.alloc(0) : Buffer.from(rest)
  }
}

/** A datagram with the number of its flow's stream before it; null for a number that does not fit. */
export function tagDatagram(stream: number, bytes: Uint8Array): Buffer | null {
  if (stream > MAX_TAG) return null
  const tagged = Buffer.allocUnsafe(TAG_BYTES + bytes.length)
  tagged.writeUInt32BE(stream, 0)
  tagged.set(bytes, TAG_BYTES)
  return tagged
}

/** The number and the datagram again; null where there is no number. */
export function untagDatagram(tagged: Buffer): { readonly stream: number; readonly bytes: Buffer } | null {
  if (tagged.length < TAG_BYTES) return null
  return { stream: tagged.readUInt32BE(0), bytes: tagged.subarray(TAG_BYTES) }
}
