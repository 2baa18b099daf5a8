/**
 * What the size of datagrams does on a line that loses them for other reasons than their size.
 */
import { VFIOLost } from '@vio/io'
import { describe, expect, it } from 'vitest'
import { Pair } from '../proto/v1/pair.js'
import { makeV1 } from './makers.js'
import { Rig } from './rig.js'

const MTU = 1472

/** How often the size fell during a transfer, and where it ended. */
function sizesOver(seed: number, burst: { rate: number; length: number }): { falls: number; last: number } {
  const link = { delayMs: 20, rateMbit: 20, burst }
  const rig = new Rig({ name: 'size under bursts', seed, maker: makeV1, bytes: 1_000_000, link })
  let [falls, last] = [0, 0]
  rig.world.every(5, () => {
    if (rig.a.isDrained || rig.a.closed !== null) return false
    const { datagramBytes } = rig.a.engine.stats()
    if (datagramBytes < last) falls += 1
    last = datagramBytes
    return true
  })
  rig.finishClean(600_000)
  return { falls, last }
}

describe('the size of datagrams', () => {
  it.each([
    { rate: 0.01, length: 8 },
    { rate: 0.05, length: 8 },
  ])('does not fall where $rate of all is lost, $length in a row, in 30 seeds', (burst) => {
    const ends: number[] = []
    for (let seed = 1; seed <= 30; seed += 1) {
      const { falls, last } = sizesOver(seed, burst)
      expect(falls, `seed ${seed}`).toBe(0)
      ends.push(last)
    }
    // A search may have lost three probes by chance, but hardly any has.
    expect(ends.filter((size) => size === MTU).length).toBeGreaterThanOrEqual(28)
  })
})

describe('an unreliable datagram larger than what every path carries', () => {
  it('is sent when the line is back, and not dropped for the small probes meanwhile', () => {
    const options = { maxUnreliableBytes: 1_400 }
    const pair = new Pair({ rate: 500, left: options, right: options }).connect()
    const { connection } = pair.left
    const { stream } = connection
    pair.until(() => {
      stream.writeSome(Buffer.alloc(50_000))
      pair.right.connection.stream.readSome(1_000_000)
      return connection.stats().datagramBytes === MTU
    })
    let isDown = true
    pair.onLine = (flight) => (isDown ? null : flight)
    pair.run(50)
    const { timeouts, bytesInFlight, windowBytes } = connection.stats()
    expect(bytesInFlight).toBeGreaterThan(windowBytes - MTU)
    expect(connection.sendDatagram(Buffer.alloc(1_400, 7))).toBe(true)
    pair.until(() => connection.stats().timeouts >= timeouts + 2)
    isDown = false
    const isThere = () => pair.right.events.some((event) => event.type === 'datagram')
    pair.until(isThere, 5_000)
    expect(pair.right.events.find((event) => event.type === 'datagram')).toMatchObject({
      bytes: Buffer.alloc(1_400, 7),
    })
    connection.close(new VFIOLost())
  })
})
