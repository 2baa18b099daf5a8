/**
 * Whole connections over a line in memory: handshake, transfer, ends.
 */
import { VFIOCompleted } from '@vio/io'
import { describe, expect, it } from 'vitest'
import { type LineOptions, Pair, Reader, writer } from './pair.js'

function transfer(options: LineOptions, sizeBytes: number): Pair {
  const pair = new Pair(options)
  const ends = [
    {
      write: writer(pair.left.connection.stream, sizeBytes),
      reader: new Reader(pair.right.connection.stream),
    },
    {
      write: writer(pair.right.connection.stream, sizeBytes),
      reader: new Reader(pair.left.connection.stream),
    },
  ]
  pair.until(() => {
    for (const { write, reader } of ends) {
      if (pair.left.connection.connected && pair.right.connection.connected) write()
      reader.read()
    }
    return pair.left.connection.closed !== null && pair.right.connection.closed !== null
  }, 600_000)
  for (const { reader } of ends) expect(reader.received).toBe(sizeBytes)
  return pair
}

describe('a VUT/1 connection', () => {
  it('carries a stream both ways and ends cleanly', () => {
    const pair = transfer({}, 300_000)
    pair.drain()
    for (const { connection, told } of [pair.left, pair.right]) {
      expect(told).toEqual(['connected', 'closed'])
      expect(connection.closed).toBeInstanceOf(VFIOCompleted)
      expect(connection.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
      const stats = connection.stats()
      expect(stats.streamBytesAcked).toBe(300_000)
      expect(stats.streamBytesRead).toBe(300_000)
    }
  })

  it.each([0.02, 0.1, 0.3])('does so at a loss of %d', (loss) => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const pair = transfer({ seed, loss, jitterMs: 5, duplicate: 0.02, delayMs: 20 }, 100_000)
      pair.drain()
      for (const { connection } of [pair.left, pair.right])
        expect(connection.closed).toBeInstanceOf(VFIOCompleted)
    }
  })

  it('looks for larger datagrams only once it has carried something', () => {
    const pair = new Pair().connect()
    const { connection } = pair.left
    let largest = 0
    pair.onLine = (flight) => {
      largest = Math.max(largest, flight.bytes.length)
      return flight
    }
    pair.run(5_000)
    connection.stream.writeSome(Buffer.alloc(5_000))
    pair.run(5_000)
    expect(largest).toBeLessThanOrEqual(1200)
    connection.stream.writeSome(Buffer.alloc(100_000))
    pair.run(5_000)
    expect(connection.stats().datagramBytes).toBe(1472)
    // The other side has only acknowledged, and goes on with what it has.
    expect(pair.right.connection.stats().datagramBytes).toBe(1200)
  })
})
