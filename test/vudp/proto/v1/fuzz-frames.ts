/**
 * What a fuzzer of VUT/1 says: frames that are mostly well formed, often mean something and are sometimes wrong.
 *
 * Decides the mix alone. Invariant: everything follows from the seed.
 */
import { VSeededRandom } from '@vio/reactor/testing'
import { FRAME } from '../../../../packages/vudp/src/proto/v1/frames.js'
import { varintSize, writeVarint } from '../../../../packages/vudp/src/proto/v1/varint.js'

/** The receive window of the victim, and how many streams it allows. */
export const WINDOW = 20_000
export const MAX_STREAMS = 8
/** What all streams may send together, divided among them. */
const SHARE = (1.5 * WINDOW) / (MAX_STREAMS + 1) - 500

/** Draws what a fuzzer needs. */
export class Draw {
  readonly random: VSeededRandom

  constructor(seed: number) {
    this.random = new VSeededRandom(seed)
  }

  below(bound: number): number {
    return this.random.publicUint32() % bound
  }

  chance(share: number): boolean {
    return this.random.publicDouble() < share
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.alloc(size)
    this.random.fillPublic(bytes)
    return bytes
  }

  /** A number that is small, near a bound, or huge. */
  number(near: number): number {
    const kind = this.below(6)
    if (kind < 3) return this.below(near + 2)
    if (kind === 3) return near + this.below(3) - 1 < 0 ? 0 : near + this.below(3)
    return kind === 4 ? this.below(2 ** 31) : Number.MAX_SAFE_INTEGER - this.below(3)
  }
}

/** The types that a fuzzer draws from. */
export const TYPES: readonly number[] = [
  FRAME.padding,
  FRAME.ping,
  FRAME.ack,
  FRAME.ack,
  FRAME.stream,
  FRAME.stream + 2,
  FRAME.stream + 2,
  FRAME.stream + 2,
  FRAME.streamLimit,
  FRAME.totalLimit,
  FRAME.streams,
  FRAME.blocked,
  FRAME.resetStream,
  FRAME.stopSending,
  FRAME.pathChallenge,
  FRAME.pathResponse,
  FRAME.newId,
  FRAME.retireId,
  FRAME.datagram,
  0x4000,
]

/** Numbers as they stand on the wire. */
export function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.reduce((sum, value) => sum + varintSize(value), 0))
  let at = 0
  for (const value of values) at = writeVarint(bytes, at, value)
  return bytes
}

/** One frame that is mostly well formed and often means something. */
export function frame(draw: Draw, sent: number): Buffer {
  const type = draw.chance(0.0003) ? draw.below(0x60) : (TYPES[draw.below(TYPES.length)] as number)
  // Even ones are its own; the victim's have to be open.
  const stream = draw.chance(0.999) ? 2 * draw.below(MAX_STREAMS) : draw.below(2 * MAX_STREAMS)
  const data = draw.bytes(draw.below(draw.chance(0.999) ? 150 : 200))
  switch (type) {
    case FRAME.ack: {
      const largest = draw.chance(0.9999) ? Math.max(0, sent - draw.below(8)) : draw.number(sent)
      if (largest < 12 && draw.chance(0.999)) return numbers(type, largest, 0, 0, 0)
      return numbers(type, largest, draw.below(1000), 1, draw.below(2), draw.below(3), draw.below(3))
    }
    case FRAME.stream:
      return Buffer.concat([numbers(type, stream, draw.below(SHARE)), data])
    case FRAME.stream + 2: {
      const offset = draw.chance(0.9995) ? draw.below(SHARE) : draw.number(WINDOW)
      const final = draw.chance(0.003) ? 1 : 0
      return Buffer.concat([numbers(type + final, stream, offset, data.length), data])
    }
    case FRAME.streamLimit:
    case FRAME.blocked:
    case FRAME.stopSending:
      return numbers(type, stream, draw.number(WINDOW))
    case FRAME.resetStream:
      return draw.chance(0.03) ? numbers(type, stream, 1, draw.below(WINDOW)) : numbers(FRAME.ping)
    case FRAME.totalLimit:
    case FRAME.streams:
      return numbers(type, draw.number(100))
    case FRAME.pathChallenge:
    case FRAME.pathResponse:
      return Buffer.concat([numbers(type), draw.bytes(8)])
    case FRAME.newId:
      return Buffer.concat([numbers(type, draw.below(6)), draw.bytes(24)])
    case FRAME.retireId:
      return numbers(type, draw.below(draw.chance(0.999) ? 4 : 9))
    case FRAME.datagram:
    case 0x4000:
      return Buffer.concat([numbers(type, data.length), data])
    default:
      return numbers(type)
  }
}
