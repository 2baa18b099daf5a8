/**
 * What the tests of filters share: transforms run by hand over any cut of their input, and the same inside a chain.
 *
 * A run is told as frames and an outcome, so that two runs can be compared as values. Whatever a transform throws that
 * is not one of the declared errors fails the test that ran it.
 */
import { type IVTransform, VByteBuffer, VIOMalformed, VIOOversize, VMessageQueue } from '@vio/io'
import { VByteDecoder } from '@vio/io/filter'
import { EmbeddedChain } from '@vio/io/testing'
import fc from 'fast-check'

/** How a run came out. */
export interface Outcome<M> {
  readonly frames: readonly M[]
  /** 'clean', 'unclean', or the code and message of a declared error. */
  readonly end: string
  /** The most units that the transform held after a push. */
  readonly mostHeld: number
}

/** A transform from bytes to frames. */
export type Decoder<M> = IVTransform<VByteBuffer, VMessageQueue<M>>

/** Cuts bytes into pieces whose sizes are those of `sizes`, over and over. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? bytes.length
    pieces.push(Buffer.from(bytes.subarray(at, at + size)))
    at += size
  }
  return pieces
}

/** Sizes of pieces: one byte each, random ones, all at once. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.constant([1]),
  fc.constant([Number.MAX_SAFE_INTEGER]),
  fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8, size: 'max' }),
)

/** The name of a declared error. @throws what is none */
export function declared(error: unknown): string {
  if (error instanceof VIOMalformed || error instanceof VIOOversize) return `${error.code}: ${error.message}`
  throw error
}

/** Runs a decoder by hand, as a lane would. */
export function decode<M>(decoder: Decoder<M>, bytes: Uint8Array, sizes: readonly number[]): Outcome<M> {
  const input = new VByteBuffer()
  const output = new VMessageQueue<M>()
  const frames: M[] = []
  let mostHeld = 0
  try {
    for (const piece of cut(bytes, sizes)) {
      input.append(piece)
      decoder.push(input, output)
      frames.push(...output.popList())
      mostHeld = Math.max(mostHeld, input.length + (decoder.held ?? 0))
    }
    const whole = decoder.end?.(output) !== false && input.length === 0
    frames.push(...output.popList())
    return { frames, end: whole ? 'clean' : 'unclean', mostHeld }
  } catch (error) {
    return { frames, end: declared(error), mostHeld }
  }
}

/** Encodes frames by hand. */
export function encode<M>(encoder: IVTransform<VMessageQueue<M>, VByteBuffer>, frames: readonly M[]): Buffer {
  const output = new VByteBuffer()
  if (frames.length > 0) encoder.push(new VMessageQueue(frames), output)
  encoder.end?.(output)
  return output.pop()
}

/** Runs a decoder inside a chain whose sink takes one frame after the other, with a capacity of one unit. */
export function decodeInChain<M>(
  decoder: Decoder<M>,
  bytes: Uint8Array,
  sizes: readonly number[],
): Outcome<M> {
  const capacity = decoder.maxUnit ?? 1
  const chain = new EmbeddedChain((reactor) => new VByteDecoder<M>(reactor, decoder, { capacity }), {
    limit: 0,
    expectFailures: true,
  })
  const frames: M[] = []
  let mostHeld = 0
  const drain = (): void => {
    // The lane asks for the next frame only when the one before has left.
    for (let more = true; more && chain.ended === null && !chain.aborted; ) {
      chain.grant(1)
      const got = chain.drainMessages() as M[]
      mostHeld = Math.max(mostHeld, chain.element.held)
      frames.push(...got)
      more = got.length > 0
    }
    frames.push(...(chain.drainMessages() as M[]))
  }
  for (const piece of cut(bytes, sizes)) {
    if (chain.aborted) break
    chain.feed(piece)
    drain()
  }
  chain.end()
  drain()
  return { frames, end: endOf(chain), mostHeld }
}

function endOf(chain: EmbeddedChain<never> | EmbeddedChain<VByteDecoder<unknown>>): string {
  if (chain.ended !== null) return chain.ended.clean ? 'clean' : 'unclean'
  return declared(chain.failures[0]?.error)
}
