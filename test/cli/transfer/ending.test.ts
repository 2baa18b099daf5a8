/**
 * How long a transfer takes its leave, in simulated time.
 */
import type { VFailure } from '@vio/io'
import { VFIOCompleted } from '@vio/io'
import type { VUDPTransport } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { leave, POLITE_MS } from '../../../packages/cli/src/transfer/ending.js'
import { runningReactor } from '../../io/support.js'

/** How long it takes, in ms, with a transport that never tells that its last word was heard. */
async function leaving(closed: Promise<VFailure>, smoothedRttMs: number): Promise<readonly [number, number]> {
  const { reactor, host } = runningReactor()
  const broken: VFailure[] = []
  const transport = {
    reactor,
    whenClosed: closed,
    whenReleased: new Promise<void>(() => undefined),
    closeIO: (reason: VFailure) => broken.push(reason) > 0,
    stats: () => ({ smoothedRttMs }),
  }
  let isOver = false
  const over = leave(transport as unknown as VUDPTransport).then(() => {
    isOver = true
  })
  let elapsedMs = 0
  for (; elapsedMs < 10_000; elapsedMs += 1) {
    for (let step = 0; step < 10; step += 1) await Promise.resolve()
    if (isOver) break
    host.advance(1)
  }
  await over
  return [elapsedMs, broken.length]
}

describe('the end of a transfer', () => {
  it.each([
    [0.2, 5],
    [8, 16],
    [200, 30],
  ])(
    'that both sides know of waits for two round trips at most: of %d ms each, %d ms',
    async (rttMs, waitMs) => {
      expect(await leaving(Promise.resolve(new VFIOCompleted()), rttMs)).toEqual([waitMs, 1])
    },
  )

  it('that the peer has not told is waited for, and then broken off', async () => {
    expect(await leaving(new Promise(() => undefined), 1)).toEqual([POLITE_MS + POLITE_MS / 2, 1])
  })
})
