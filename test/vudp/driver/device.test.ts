/**
 * The device of a stream: when whoever drives the engine is told.
 */
import { describe, expect, it } from 'vitest'
import { StreamDevice } from '../../../packages/vudp/src/driver/device.js'
import { Pair } from '../proto/v1/pair.js'

describe('the device of a stream', () => {
  it('has the engine polled for what was read only where the peer is to hear of it', () => {
    const windowBytes = 65_536
    const pair = new Pair({ right: { windowBytes, maxWindowBytes: windowBytes } }).connect()
    let kicks = 0
    const kick = (): void => {
      kicks += 1
    }
    const device = new StreamDevice(
      { engine: pair.right.connection, kick, deviceReleased: () => undefined },
      pair.right.connection.stream,
    )
    const kicksOf = (sizeBytes: number): number => {
      pair.left.connection.stream.writeSome(Buffer.alloc(sizeBytes))
      const { left } = pair
      pair.until(() => left.connection.stream.unflushedBytes === 0)
      const before = kicks
      for (let read = 0; read < sizeBytes; ) read += device.readSome(sizeBytes).length
      return kicks - before
    }
    expect(kicksOf(64)).toBe(0)
    // So much of the window is used up that the peer has to be told of another one.
    expect(kicksOf(60_000)).toBeGreaterThan(0)
    expect(kicksOf(60_000)).toBeGreaterThan(0)
  })
})
