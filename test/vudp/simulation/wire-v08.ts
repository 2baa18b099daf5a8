/**
 * Watches what a side of VUT 0.8 puts on the wire, where nothing is encrypted.
 *
 * Two rules hold of each datagram against all before it: the right edge of the window never moves back, and octets that
 * are sent again are the same. Invariant: looking changes nothing.
 */
import { VInvariantError } from '@vio/reactor'
import type { SimLink } from '@vio/vudp/testing'
import { decodePacket08, FLAG_FAIL, Packet08 } from '../../../packages/vudp/src/proto/v08/packet.js'

/** Watches a link that only one side sends over. */
export function watchWire08(link: SimLink): { readonly seen: number; readonly again: number } {
  const packet = new Packet08()
  const segments = new Map<number, Buffer>()
  const watched = { seen: 0, again: 0 }
  let edge = 0
  link.tap((_now, { bytes }) => {
    if (!decodePacket08(bytes, bytes.length, packet) || (packet.flags & FLAG_FAIL) !== 0) {
      throw new VInvariantError(`${link.name}: a datagram of ${bytes.length} bytes makes no sense`)
    }
    watched.seen += 1
    if (packet.edge < edge)
      throw new VInvariantError(`${link.name}: the window moved from ${edge} to ${packet.edge}`)
    edge = packet.edge
    if (packet.dataBytes === 0) return
    const data = Buffer.from(bytes.subarray(packet.dataStart, packet.dataEnd))
    const before = segments.get(packet.seq)
    if (before === undefined) segments.set(packet.seq, data)
    else {
      watched.again += 1
      if (!before.equals(data))
        throw new VInvariantError(`${link.name}: other octets at ${packet.seq} than before`)
    }
  })
  return watched
}
