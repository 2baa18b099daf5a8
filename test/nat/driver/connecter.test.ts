/**
 * Two connecters and a relay on loopback: every path, and what they tell on the way.
 */
import { describe, expect, it } from 'vitest'
import { allOf, Ground, type Side, streamOf } from './lib/pair.js'

/** Sends bytes both ways and ends; returns what each side got. */
async function exchange(
  [a, b]: readonly [Side, Side],
  sizeBytes = 200_000,
): Promise<readonly [Buffer, Buffer]> {
  const [left, right] = [streamOf(await a.connecting), streamOf(await b.connecting)]
  left.end(Buffer.alloc(sizeBytes, 1))
  right.end(Buffer.alloc(sizeBytes, 2))
  return await Promise.all([allOf(left), allOf(right)])
}

describe('two connecters on one machine', () => {
  it.each(['auto', 'direct', 'relay'] as const)('connect with the path %s', async (path) => {
    await using ground = await Ground.open()
    const pair = await ground.pair({ path }, { path })
    const [atA, atB] = await exchange(pair)
    expect(atA.equals(Buffer.alloc(200_000, 2))).toBe(true)
    expect(atB.equals(Buffer.alloc(200_000, 1))).toBe(true)
    for (const side of pair) {
      const report = side.of('path').at(-1)
      if (path !== 'auto') expect(report?.path).toBe(path)
      expect(report).toMatchObject({ family: 4 })
      await side.connecter.whenReleased
      expect(side.phases.at(-1)).toBe('closed')
    }
  })
})
