/** Memory that is given back at once: whose it may be, and that a view of somebody else's memory is left alone. */
import { describe, expect, it } from 'vitest'
import { releaseMemory } from '../../packages/io/src/release-memory.js'

const LARGE = 65_536

describe('releaseMemory', () => {
  it('takes memory away that a buffer has for itself', () => {
    const bytes = Buffer.allocUnsafeSlow(LARGE)
    const view = bytes.subarray(10, 20)
    releaseMemory(bytes)
    expect([bytes.length, view.length]).toEqual([0, 0])
  })

  it('does so again and again', () => {
    for (let round = 0; round < 1000; round += 1) {
      const bytes = Buffer.allocUnsafeSlow(LARGE)
      bytes.fill(round)
      releaseMemory(bytes)
      expect(bytes.length).toBe(0)
    }
  })

  it('leaves the memory of others: a part of a buffer, and what comes out of a pool', () => {
    const whole = Buffer.alloc(LARGE, 7)
    const part = whole.subarray(1)
    const pooled = Buffer.from('pooled')
    releaseMemory(part)
    releaseMemory(pooled)
    expect([whole.length, part.length, part[0], pooled.toString()]).toEqual([LARGE, LARGE - 1, 7, 'pooled'])
  })

  it('leaves memory that threads share, and takes what is empty already', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(LARGE))
    const empty = Buffer.alloc(0)
    const twice = Buffer.allocUnsafeSlow(LARGE)
    releaseMemory(shared)
    releaseMemory(empty)
    releaseMemory(twice)
    releaseMemory(twice)
    expect([shared.length, empty.length, twice.length]).toEqual([LARGE, 0, 0])
  })
})
