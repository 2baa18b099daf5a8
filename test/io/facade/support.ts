/**
 * What the tests of facades and adapters share: a scripted pair to attach to, the ways in which bytes can be cut, and a
 * way to let promises, Node's streams and a simulated reactor go on together.
 */
import { VByteBuffer, VByteIOPair, VByteProducer } from '@vio/io'
import { VBytePattern, VProbeConsumer, VProbeProducer, type VSizeScript } from '@vio/io/testing'
import type { IVReactor } from '@vio/reactor'
import { type VirtualHost, VSeededRandom } from '@vio/reactor/testing'
import type { VirtualReactor } from '../../reactor/support.js'
import { runningReactor } from '../support.js'

/** How a stream of bytes can be cut into pieces. */
export const CHUNKINGS: readonly { readonly how: string; readonly portions: VSizeScript }[] = [
  { how: 'one byte at a time', portions: [1] },
  { how: 'at random', portions: randomSizes('chunking', 300) },
  { how: 'as it is', portions: (wanted) => wanted },
]

/** Sizes from 1 to `most` that a seed decides. */
export function randomSizes(seed: number | string, most: number): VSizeScript {
  const random = new VSeededRandom(seed)
  return () => 1 + (random.publicUint32() % most)
}

/** A running reactor and a pair of probes on it. */
export interface ScriptedPair extends VirtualReactor {
  /** Gives what the test feeds to it. */
  readonly source: VProbeProducer
  /** Takes what it is granted; keeps it in `received`. */
  readonly sink: VProbeConsumer
  readonly pair: VByteIOPair
}

/** Makes the far side of a facade. `limit`: what its sink grants at first, null for any number (the default). */
export function scriptedPair(
  options: { readonly portions?: VSizeScript; readonly limit?: number | null } = {},
): ScriptedPair {
  const made = runningReactor()
  const { portions, limit = null } = options
  const source = new VProbeProducer({
    reactor: made.reactor,
    ...(portions === undefined ? {} : { portions }),
  })
  const sink = new VProbeConsumer({ grantAtAttach: limit })
  return { ...made, source, sink, pair: new VByteIOPair(sink, source) }
}

/** Feeds bytes or text to a probe. */
export function feed(source: VProbeProducer, data: string | Uint8Array): void {
  source.feed(new VByteBuffer(Buffer.from(data as string)))
}

/** Lets everything that can happen now happen: on the reactor, in promises and in Node's streams. */
export async function settle(host: VirtualHost, rounds = 12): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    host.runUntilIdle()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Lets things happen until `done`, or fails. */
export async function settleUntil(host: VirtualHost, done: () => boolean, rounds = 100_000): Promise<void> {
  for (let round = 0; !done(); round += 1) {
    if (round >= rounds) throw new Error(`not reached within ${rounds} rounds`)
    host.runUntilIdle()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Lets things happen until a promise has settled, and gives what it did. */
export async function pumped<T>(host: VirtualHost, promise: Promise<T>): Promise<T> {
  let settled = false
  const note = (): void => {
    settled = true
  }
  promise.then(note, note)
  await settleUntil(host, () => settled)
  return promise
}

/** What has become of a promise by now. */
export async function outcomeOf<T>(
  promise: Promise<T>,
): Promise<{ readonly value: T } | { readonly error: unknown } | 'pending'> {
  const pending = new Promise<'pending'>((resolve) => setImmediate(() => resolve('pending')))
  return Promise.race([promise.then((value) => ({ value })).catch((error: unknown) => ({ error })), pending])
}

/** The error that a promise is rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await outcomeOf(promise)
  if (typeof outcome === 'object' && 'error' in outcome) return outcome.error as Error
  throw new Error(`not rejected: ${JSON.stringify(outcome)}`)
}

/** Never ends, and counts what was taken from it. */
export class Endless extends VByteProducer {
  readonly pattern = new VBytePattern(7)
  given = 0
  readonly #chunkBytes: number

  constructor(reactor: IVReactor, chunkBytes = 1000) {
    super(reactor)
    this.#chunkBytes = chunkBytes
  }

  protected override produce(maxBytes: number): Uint8Array | null {
    const size = maxBytes < 0 ? this.#chunkBytes : Math.min(maxBytes, this.#chunkBytes)
    const bytes = this.pattern.take(size, this.given)
    this.given += size
    return bytes
  }
}
