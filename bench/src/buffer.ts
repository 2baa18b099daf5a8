/**
 * What a byte costs in a byte buffer, however many are held.
 *
 * Each subject moves the same bytes in chunks of 16, and lets 10^3 to 10^6 of them gather before it takes them out
 * again: in pieces, by searching a delimiter, or looking ahead at each chunk. A rate that does not fall with the
 * number held is growth in proportion. Beside them stands the usual way without a queue, `Buffer.concat` at each
 * chunk, which is quadratic and therefore measured up to 10^4 only.
 */
import { VByteBuffer } from '@vio/io'
import type { Bench, BenchSubject } from './harness.js'

const CHUNK_BYTES = 16
const TOTAL_BYTES = 4_000_000
const HELD = [1000, 10_000, 100_000, 1_000_000] as const
const DELIMITER = Buffer.from('\r\n')

const chunk = Buffer.alloc(CHUNK_BYTES, 0x61)
const last = Buffer.concat([Buffer.alloc(CHUNK_BYTES - DELIMITER.length, 0x61), DELIMITER])

/** Calls `round` with the number of chunks to gather until all bytes have passed. Returns how many came out. */
function inRounds(heldBytes: number, round: (chunks: number) => number): number {
  let out = 0
  for (let left = TOTAL_BYTES / CHUNK_BYTES; left > 0; ) {
    const chunks = Math.min(left, Math.ceil(heldBytes / CHUNK_BYTES))
    out += round(chunks)
    left -= chunks
  }
  return out
}

/** Gathers, then takes pieces that do not fall on the bounds of chunks. */
function popPieces(heldBytes: number): number {
  const buffer = new VByteBuffer()
  return inRounds(heldBytes, (chunks) => {
    for (let at = 0; at < chunks; at += 1) buffer.append(chunk)
    let out = 0
    while (buffer.length > 0) out += buffer.pop(100).length
    return out
  })
}

/** Searches a delimiter at each chunk, from where the last search ended; it comes in the last chunk. */
function search(heldBytes: number): number {
  const buffer = new VByteBuffer()
  return inRounds(heldBytes, (chunks) => {
    let from = 0
    for (let at = 1; at < chunks; at += 1) {
      buffer.append(chunk)
      if (buffer.indexOf(DELIMITER, from) !== -1) throw new Error('found a delimiter that was not there')
      from = Math.max(0, buffer.length - DELIMITER.length + 1)
    }
    buffer.append(last)
    const found = buffer.indexOf(DELIMITER, from)
    return buffer.remove(found + DELIMITER.length)
  })
}

/** Looks at the first four bytes at each chunk, as a length prefix is read. */
function lookAhead(heldBytes: number): number {
  const buffer = new VByteBuffer()
  return inRounds(heldBytes, (chunks) => {
    for (let at = 0; at < chunks; at += 1) {
      buffer.append(chunk)
      if (buffer.peek(4).length !== 4) throw new Error('fewer bytes than were put in')
    }
    return buffer.remove()
  })
}

function concat(heldBytes: number): number {
  return inRounds(heldBytes, (chunks) => {
    let held: Buffer = Buffer.alloc(0)
    for (let at = 0; at < chunks; at += 1) held = Buffer.concat([held, chunk])
    let out = 0
    while (held.length > 0) {
      const piece = held.subarray(0, 100)
      held = held.subarray(piece.length)
      out += piece.length
    }
    return out
  })
}

function subject(way: string, heldBytes: number, run: (heldBytes: number) => number): BenchSubject {
  const name = `${way}_1e${Math.log10(heldBytes)}`
  return { subject: name, unit: 'MB/s', load: TOTAL_BYTES, loadPerUnit: 1e6, run: () => run(heldBytes) }
}

/** Append, pop, search and look-ahead with 10^3 to 10^6 bytes held. */
export const bench: Bench = {
  name: 'buffer',
  what: 'bytes in chunks of 16 through a byte buffer that holds 10^3 to 10^6 of them',
  subjects: () => [
    ...HELD.map((held) => subject('pop', held, popPieces)),
    ...HELD.map((held) => subject('search', held, search)),
    ...HELD.map((held) => subject('peek', held, lookAhead)),
    ...HELD.slice(0, 2).map((held) => subject('concat', held, concat)),
  ],
  ratios: [
    { key: 'pop_1e6_vs_1e3', of: 'pop_1e6', over: 'pop_1e3', target: 0.5 },
    { key: 'search_1e6_vs_1e3', of: 'search_1e6', over: 'search_1e3', target: 0.5 },
    { key: 'peek_1e6_vs_1e3', of: 'peek_1e6', over: 'peek_1e3', target: 0.5 },
    { key: 'pop_1e4_vs_concat', of: 'pop_1e4', over: 'concat_1e4' },
  ],
}
