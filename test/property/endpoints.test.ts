/**
 * Two endpoints on a pair of devices, with random traffic, limits and endings from either side.
 *
 * Whatever is done, bytes arrive in order and once, a clean end is told only where every byte that was taken has
 * arrived, and once both endpoints are closed nobody is attached to anything any more.
 */
import {
  VByteEndpoint,
  VByteWriter,
  VHalfClose,
  VHalfCloseInput,
  VHalfCloseOutput,
  VNoHalfClose,
} from '@vio/io'
import { createDevicePair, VBytePattern, VPatternChecker, VProbeConsumer, VTestBench } from '@vio/io/testing'
import { VFIOCompleted, VFIOLost } from '@vio/reactor'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { propertyRuns } from '../lib/runs.js'

const KINDS = [
  ...['write', 'grant', 'settle'].flatMap((kind) => new Array<string>(8).fill(kind)),
  ...['renew', 'advance'].flatMap((kind) => new Array<string>(2).fill(kind)),
  ...['endWrite', 'closeClean', 'closeLost', 'closeInput', 'abortSink', 'abortWriter', 'reset'],
]

interface Operation {
  readonly kind: string
  /** Which of the two sides does it. */
  readonly side: number
  readonly n: number
}

interface Plan {
  readonly operations: readonly Operation[]
  readonly sizes: readonly number[]
  readonly policies: readonly number[]
  readonly delayMs: number
}

const PLANS: fc.Arbitrary<Plan> = fc.record({
  operations: fc.array(
    fc.record({
      kind: fc.constantFrom(...KINDS),
      side: fc.nat({ max: 1 }),
      n: fc.integer({ min: 1, max: 400 }),
    }),
    { minLength: 1, maxLength: 40 },
  ),
  sizes: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 }),
  policies: fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })),
  delayMs: fc.constantFrom(0, 0, 3),
})

const POLICIES = [new VHalfClose(), new VNoHalfClose(), new VHalfCloseInput(), new VHalfCloseOutput()]

/** Counts what it gave. */
class CountingWriter extends VByteWriter {
  given = 0

  protected override produce(maxBytes: number): Uint8Array {
    const bytes = super.produce(maxBytes)
    this.given += bytes.length
    return bytes
  }
}

/** One of the two sides: an endpoint with a writer before it and a consumer behind it. */
class Side {
  readonly endpoint: VByteEndpoint
  readonly writer: CountingWriter
  readonly checker: VPatternChecker
  sink: VProbeConsumer
  written = 0
  readonly #pattern: VBytePattern

  constructor(endpoint: VByteEndpoint, out: VBytePattern, back: VBytePattern) {
    this.endpoint = endpoint
    this.writer = new CountingWriter(endpoint.reactor)
    this.#pattern = out
    this.checker = new VPatternChecker(back)
    this.sink = this.#newSink(500)
    endpoint.byteConsume.attach(this.writer.byteProduce)
    endpoint.byteProduce.attach(this.sink)
  }

  #newSink(limit: number): VProbeConsumer {
    return new VProbeConsumer({ grantAtAttach: limit })
  }

  write(count: number): void {
    try {
      this.writer.write(this.#pattern.take(count, this.written))
      this.written += count
    } catch {
      // The writer has ended, which is fine here.
    }
  }

  /** Replaces the consumer by another one, if the input is still open. */
  renew(limit: number): void {
    if (this.sink.closed || this.sink.producer === null) return
    this.look()
    this.sink.detach()
    this.sink = this.#newSink(limit)
    this.endpoint.byteProduce.attach(this.sink)
  }

  look(): void {
    this.checker.feed(this.sink.received.pop())
  }
}

function act(sides: readonly [Side, Side], { kind, side, n }: Operation): void {
  const at = sides[side === 0 ? 0 : 1]
  if (kind === 'write') at.write(n)
  if (kind === 'grant' && at.sink.producer !== null) at.sink.grantMore(n)
  if (kind === 'renew') at.renew(n)
  if (kind === 'endWrite') at.writer.endWrite(n % 4 !== 0)
  if (kind === 'closeClean') at.endpoint.closeIO(new VFIOCompleted())
  if (kind === 'closeLost') at.endpoint.closeIO(new VFIOLost())
  if (kind === 'closeInput') at.endpoint.closeInput(new VFIOCompleted())
  if (kind === 'abortSink') at.sink.abort()
  if (kind === 'abortWriter') at.writer.abortWriter()
}

function trial(plan: Plan): void {
  const bench = new VTestBench({ maxTurns: 200_000 })
  const { reactor } = bench
  const pair = createDevicePair({
    reactor,
    delayMs: plan.delayMs,
    a: { capacityBytes: 600, writeSizes: plan.sizes, readSizes: plan.sizes },
    b: { capacityBytes: 250 },
  })
  const options = plan.policies.map((at) => ({
    bufferBytes: 300,
    halfClosePolicy: POLICIES[at] ?? new VHalfClose(),
  }))
  const [there, back] = [new VBytePattern(1), new VBytePattern(2)]
  const a = new Side(new VByteEndpoint(reactor, pair.a, options[0]), there, back)
  const b = new Side(new VByteEndpoint(reactor, pair.b, options[1]), back, there)
  const closedByHand = [false, false]
  for (const operation of plan.operations) {
    if (operation.kind === 'settle') bench.settle()
    else if (operation.kind === 'advance') bench.settle(operation.n)
    else if (operation.kind === 'reset') pair.reset()
    else act([a, b], operation)
    // Who closes an input by hand is told what they said, not what was on the way.
    if (/^close|reset/.test(operation.kind)) closedByHand[operation.side] = true
  }
  finish(bench, [a, b], closedByHand)
}

/** Lets everything go through, then looks at how it ended and closes what is left. */
function finish(bench: VTestBench, sides: readonly [Side, Side], closedByHand: readonly boolean[]): void {
  for (const side of sides) if (side.sink.producer !== null) side.sink.grant(null)
  for (const side of sides) side.writer.endWrite()
  bench.settle(10_000)
  for (const [at, side] of sides.entries()) {
    side.look()
    const other = sides[1 - at] as Side
    const ownDoing = closedByHand[at] === true || side.endpoint.halfClosePolicy.halfOut === false
    if (side.sink.ended?.clean === true && !ownDoing && side.checker.position !== other.writer.given)
      throw new Error(
        `side ${at} was told a clean end after ${side.checker.position} of ${other.writer.given} bytes`,
      )
  }
  for (const { endpoint } of sides) endpoint.closeIO(new VFIOLost())
  bench.settle(10_000)
  for (const [at, { endpoint, sink }] of sides.entries()) {
    if (!endpoint.closed) throw new Error(`side ${at} is not closed`)
    if (endpoint.bufferedBytes > 0) throw new Error(`side ${at} still holds ${endpoint.bufferedBytes} bytes`)
    const attached = endpoint.byteConsume.producer ?? endpoint.byteProduce.consumer ?? sink.producer
    if (attached !== null) throw new Error(`somebody is still attached to side ${at}`)
  }
}

describe('two endpoints', () => {
  it('tell a clean end only if all has arrived, and come apart in the end [CR-59 CR-61 CR-62 CR-63]', () => {
    const parameters = propertyRuns(2_000)
    const seed = parameters.seed ?? Math.floor(Math.random() * 2 ** 31)
    process.stdout.write(`endpoints: ${parameters.numRuns} runs from seed ${seed}\n`)
    try {
      fc.assert(fc.property(PLANS, trial), { ...parameters, seed })
    } catch (error) {
      const replay = `V_SEED=${seed} npx vitest run test/property/endpoints.test.ts`
      throw new Error(`to see this again: ${replay}`, { cause: error })
    }
  })
})
