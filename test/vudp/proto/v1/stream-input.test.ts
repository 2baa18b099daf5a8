/** In how many pieces a peer may make a receiver keep a stream. */
import { describe, expect, it } from 'vitest'
import { VUT1 } from '../../../../packages/vudp/src/proto/profile.js'
import { StreamInput } from '../../../../packages/vudp/src/proto/v1/stream-input.js'

const BYTE = Buffer.alloc(1, 7)

/** Takes `count` single bytes with a byte missing before each. */
function inPieces(count: number): StreamInput {
  const input = new StreamInput(1 << 20, 1 << 20)
  for (let index = 0; index < count; index += 1) input.receive(2 * index + 1, BYTE, false, true)
  return input
}

describe('a stream in pieces', () => {
  it('may be in 8,192 of them: more than half of what a window of 16 MiB has datagrams', () => {
    expect(VUT1.maxGaps).toBe(8192)
    expect(VUT1.maxGaps).toBeGreaterThan(VUT1.maxWindowBytes / VUT1.datagramBytes / 2)
    const input = inPieces(VUT1.maxGaps)
    expect(input.buffer.gapCount).toBe(VUT1.maxGaps)
    // What is missing may still come.
    for (let index = 0; index < VUT1.maxGaps; index += 1) input.receive(2 * index, BYTE, false, true)
    expect(input.buffer.readableBytes).toBe(2 * VUT1.maxGaps)
  })

  it('in one more is the fault of the peer', () => {
    const input = inPieces(VUT1.maxGaps)
    expect(() => input.receive(2 * VUT1.maxGaps + 1, BYTE, false, true)).toThrow('in over 8192 pieces')
  })
})
