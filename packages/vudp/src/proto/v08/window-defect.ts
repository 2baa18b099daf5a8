/**
 * The window number that one of the originals gets wrong when it sends a segment again.
 *
 * It writes one octet, the lowest of the negative remainder of its acknowledgement by its window step. Mostly that is a
 * window that is far too small and does no harm. With a remainder of 1 to 9 the octet is a prefix of a longer number, which
 * then swallows the first octets of the data: under a right code, data that begins too late. Such a datagram is read
 * again here as it was meant. Invariant: a datagram is mended only if no well-formed one could look like it, which takes
 * a peer whose edges all have been those of the originals' own buffers.
 */
import type { Packet08 } from './packet.js'
import type { V08Profile } from './profile.js'

/** Remainders up to this make a prefix. */
const MAX_REMAINDER = 9

/** Knows whether a peer may have the defect, and mends its datagrams. */
export class WindowDefect {
  readonly #profile: V08Profile
  /** True while all edges, of datagrams without data, were such as the originals advertise with their own buffers. */
  #possible = true
  #sawEdge = false

  constructor(profile: V08Profile) {
    this.#profile = profile
  }

  /** Puts the fields of a packet right, if its window has swallowed data; `bytes` is the datagram. */
  mend(packet: Packet08, bytes: Uint8Array): void {
    const { originalStep, helloWindow } = this.#profile
    const isMultiple = packet.edge % originalStep === 0
    if (packet.dataBytes === 0) {
      if (packet.edge === helloWindow) return
      this.#sawEdge = true
      if (!isMultiple) this.#possible = false
      return
    }
    const remainder = packet.ack % originalStep
    if (!this.#possible || !this.#sawEdge || isMultiple) return
    if (remainder < 1 || remainder > MAX_REMAINDER) return
    const prefix = 256 - remainder
    if (bytes[packet.winStart] !== prefix) return
    packet.win = 0
    packet.dataStart = packet.winStart + 1
  }
}
