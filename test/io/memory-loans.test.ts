/** Memory that comes back: when it does, and that only what was lent does. */
import { describe, expect, it } from 'vitest'
import { readMemory, VMemoryLoans, writtenMemory } from '../../packages/io/src/memory-loans.js'

const loans = new VMemoryLoans()

function lent(...pieces: readonly Buffer[]): () => number {
  let times = 0
  for (const piece of pieces) {
    loans.lend(piece, (memory) => {
      expect(memory).toBe(piece.buffer)
      times += 1
    })
  }
  return () => times
}

describe('lent memory', () => {
  it('comes back with the last of its bytes, in whatever pieces and order, once', () => {
    const bytes = Buffer.allocUnsafeSlow(100)
    const times = lent(bytes)
    loans.giveBack(bytes.subarray(60))
    loans.giveBack(bytes.subarray(0, 59))
    expect(times()).toBe(0)
    loans.giveBack(bytes.subarray(59, 60))
    loans.giveBack(bytes)
    expect(times()).toBe(1)
  })

  it('that is lent in parts comes back when all parts have', () => {
    const bytes = Buffer.allocUnsafeSlow(100)
    const times = lent(bytes.subarray(10, 40), bytes.subarray(50))
    loans.giveBack(bytes.subarray(50))
    expect(times()).toBe(0)
    loans.giveBack(bytes.subarray(10, 40))
    expect(times()).toBe(1)
  })

  it('can be lent again', () => {
    const bytes = Buffer.allocUnsafeSlow(100)
    const first = lent(bytes)
    loans.giveBack(bytes)
    const second = lent(bytes)
    loans.giveBack(bytes)
    expect([first(), second()]).toEqual([1, 1])
  })

  it('is another thing on its way in than on its way out', () => {
    const bytes = Buffer.allocUnsafeSlow(100)
    let times = 0
    readMemory.lend(bytes, () => {
      times += 1
    })
    writtenMemory.giveBack(bytes)
    expect(times).toBe(0)
    readMemory.giveBack(bytes)
    expect(times).toBe(1)
  })

  it('is none that nobody lent', () => {
    const bytes = Buffer.alloc(10, 7)
    loans.giveBack(bytes)
    expect(bytes.toString()).toBe('\x07'.repeat(10))
  })
})
