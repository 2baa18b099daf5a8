/**
 * What the tests of Node streams in chains share: a chain on simulated time whose stream works in real time.
 *
 * Nothing here asserts how long something takes; waiting ends when what is waited for has come.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { VNodeThrough } from '@vio/io/node'
import { EmbeddedChain, type VEmbeddedOptions } from '@vio/io/testing'
import type { VReactor } from '@vio/reactor'

/** An element around a stream, in a chain. */
export type Through = EmbeddedChain<VNodeThrough>

/** Puts an element into a chain. What it logs is looked at by the test. */
export function through(build: (reactor: VReactor) => VNodeThrough, options: VEmbeddedOptions = {}): Through {
  return new EmbeddedChain(build, { expectFailures: true, ...options })
}

/** Lets the stream and the chain work until `done`. The test's own time limit is the end of it. */
export async function until(
  chain: Through,
  done: () => boolean,
  look: () => void = () => undefined,
): Promise<void> {
  while (!done()) {
    await nextTurn()
    chain.advance(0)
    look()
  }
}

/** Lets everything work until nothing has moved for a while. */
export async function settle(chain: Through): Promise<void> {
  let seen = ''
  for (let quiet = 0; quiet < 30; quiet += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    chain.advance(0)
    const now = `${chain.sink.received.length} ${chain.unsent} ${chain.element.held}`
    if (now !== seen) quiet = 0
    seen = now
  }
}

/** Feeds all of `bytes` in pieces, ends, and drains until the flow is over. */
export async function passAll(
  chain: Through,
  pieces: readonly Uint8Array[],
  grant: number | null = null,
): Promise<Buffer> {
  for (const piece of pieces) chain.feed(piece)
  chain.end()
  const over = (): boolean => chain.ended !== null || chain.aborted
  await until(chain, over, () => {
    if (!over()) chain.grant(grant)
  })
  return chain.drain()
}

/** How a flow came out: 'clean', 'unclean', or the code of what it was aborted with. */
export function outcome(chain: Through): string {
  if (chain.ended !== null) return chain.ended.clean ? 'clean' : 'unclean'
  const reason = chain.sink.aborted?.reason as (Error & { readonly code?: string }) | undefined
  return chain.aborted ? (reason?.code ?? reason?.message ?? 'aborted') : 'open'
}
