/**
 * Chains that are changed from inside their own hooks: detached, attached anew, granted more, in the middle of a call.
 *
 * One producer gives an endless count; two consumers take turns. Whatever the hooks do, each byte arrives once and in
 * order, no consumer gets more than it granted, and in the end nothing is left behind.
 */
import {
  type IVByteConsumer,
  type IVByteProducer,
  type IVTransform,
  VByteConsumer,
  VByteProducer,
} from '@vio/io'
import { VByteFilter, VByteTap } from '@vio/io/filter'
import { VTestBench } from '@vio/io/testing'
import type { VReactor } from '@vio/reactor'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { propertyRuns } from '../lib/runs.js'

const ACTIONS = [
  'nothing',
  'nothing',
  'leaveDown',
  'switchDown',
  'leaveUp',
  'renewUp',
  'grant',
  'give',
] as const

type Action = (typeof ACTIONS)[number]

/** What hooks do, one after another, and what is done between turns. */
interface Plan {
  readonly inside: readonly Action[]
  readonly between: readonly Action[]
  readonly sizes: readonly number[]
}

const action = fc.constantFrom(...ACTIONS)

const PLANS: fc.Arbitrary<Plan> = fc.record({
  inside: fc.array(action, { minLength: 1, maxLength: 30 }),
  between: fc.array(action, { minLength: 1, maxLength: 12 }),
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
})

const SAME: IVTransform = { push: (input, output) => void input.moveTo(output) }

/** Elements for the middle, in order. */
const MIDDLES: Readonly<Record<string, (reactor: VReactor) => (VByteTap | VByteFilter)[]>> = {
  nothing: () => [],
  'a tap': (reactor) => [new VByteTap(reactor)],
  'two taps': (reactor) => [new VByteTap(reactor), new VByteTap(reactor)],
  'a filter': (reactor) => [new VByteFilter(reactor, SAME, { capacity: 6 })],
  'a tap and a filter': (reactor) => [
    new VByteTap(reactor),
    new VByteFilter(reactor, SAME, { capacity: 6 }),
    new VByteTap(reactor),
  ],
}

class Trial {
  readonly #bench = new VTestBench({ maxTurns: 20_000 })
  readonly #plan: Plan
  readonly #source: CountingSource
  readonly #sinks: readonly CheckingSink[]
  readonly #entry: IVByteConsumer | undefined
  readonly #exit: IVByteProducer | undefined
  #down = 0
  #insideAt = 0
  #sizeAt = 0
  #attaching = true
  received = 0

  constructor(build: (reactor: VReactor) => (VByteTap | VByteFilter)[], plan: Plan) {
    const { reactor } = this.#bench
    this.#plan = plan
    this.#source = new CountingSource(reactor, () => this.#inside())
    const taken = (data: Buffer): void => this.#take(data)
    this.#sinks = [new CheckingSink(reactor, taken), new CheckingSink(reactor, taken)]
    const middle = build(reactor)
    for (const [at, element] of middle.slice(1).entries()) middle[at]?.byteProduce.attach(element.byteConsume)
    this.#entry = middle[0]?.byteConsume
    this.#exit = middle.at(-1)?.byteProduce
  }

  /** Does all of the plan, then lets everything through. */
  run(): void {
    for (const each of this.#plan.between) {
      this.#act('attach')
      this.#act(each)
      this.#bench.settle()
    }
    this.#insideAt = Number.MAX_SAFE_INTEGER
    this.#act('attach')
    this.#sink.grant(1_000_000)
    this.#bench.settle()
    const left = this.#source.given - this.received
    if (left !== 0 || this.#source.left !== 0)
      throw new Error(`${left} of ${this.#source.given} bytes never arrived`)
  }

  get #sink(): CheckingSink {
    return this.#sinks[this.#down] as CheckingSink
  }

  #size(): number {
    this.#sizeAt += 1
    return this.#plan.sizes[this.#sizeAt % this.#plan.sizes.length] ?? 1
  }

  #take(data: Buffer): void {
    for (const byte of data) {
      if (byte !== (this.received & 0xff)) throw new Error(`byte ${this.received} came as ${byte}`)
      this.received += 1
    }
    this.#inside()
  }

  #inside(): void {
    const each = this.#plan.inside[this.#insideAt]
    this.#insideAt += 1
    if (each !== undefined) this.#act(each)
  }

  #act(what: Action | 'attach'): void {
    if (what === 'attach') this.#attach()
    if (what === 'give') this.#source.give(this.#size())
    if (what === 'grant' && this.#sink.byteConsume.producer !== null) this.#sink.grant(this.#size())
    if (what === 'leaveDown' || what === 'switchDown') this.#sink.byteConsume.detach()
    if (what === 'leaveUp' || what === 'renewUp') this.#source.byteProduce.detach()
    if (what === 'switchDown') this.#down = 1 - this.#down
    if (what === 'switchDown' || what === 'renewUp') this.#attach()
  }

  /** Attaches what is not attached. A hook of an attachment does not attach again. */
  #attach(): void {
    if (!this.#attaching) return
    this.#attaching = false
    const consumer = this.#sink.byteConsume
    const producer = this.#source.byteProduce
    this.#sink.initial = this.#size()
    if (this.#entry === undefined) {
      if (producer.consumer === null && consumer.producer === null) producer.attach(consumer)
    } else {
      if (producer.consumer === null) producer.attach(this.#entry)
      if (consumer.producer === null) this.#exit?.attach(consumer)
    }
    this.#attaching = true
  }
}

/** Gives bytes that count up. */
class CountingSource extends VByteProducer {
  given = 0
  left = 0
  readonly #asked: () => void

  constructor(reactor: VReactor, asked: () => void) {
    super(reactor)
    this.#asked = asked
  }

  give(count: number): void {
    this.left += count
    this.triggerProduction()
  }

  protected override produce(maxBytes: number): Uint8Array {
    const count = Math.min(this.left, maxBytes < 0 ? this.left : maxBytes)
    const bytes = Uint8Array.from({ length: count }, (_, at) => (this.given + at) & 0xff)
    this.given += count
    this.left -= count
    this.#asked()
    return bytes
  }
}

/** Checks that it gets no more than it granted. */
class CheckingSink extends VByteConsumer {
  initial = 1
  readonly #taken: (data: Buffer) => void
  #allowed = 0

  constructor(reactor: VReactor, taken: (data: Buffer) => void) {
    super(reactor)
    this.#taken = taken
  }

  grant(more: number): void {
    this.#allowed = Math.max(this.#allowed, more)
    this.setReceiveLimit(more)
  }

  protected override producerAttached(): void {
    this.#allowed = this.initial
    this.setReceiveLimit(this.initial)
  }

  protected override dataReceived(data: Buffer): number {
    this.#allowed -= data.length
    if (this.#allowed < 0) throw new Error(`${-this.#allowed} bytes came over the limit`)
    this.#taken(data)
    return this.#allowed
  }
}

describe.each(Object.entries(MIDDLES))('changed from inside, through %s', (name, build) => {
  it('each byte arrives once and in order [CR-12 CR-13 CR-19 CR-28 CR-30 CR-32]', () => {
    const parameters = propertyRuns(1_000)
    const seed = parameters.seed ?? Math.floor(Math.random() * 2 ** 31)
    process.stdout.write(`reentrant (${name}): ${parameters.numRuns} runs from seed ${seed}\n`)
    const property = fc.property(PLANS, (plan) => new Trial(build, plan).run())
    try {
      fc.assert(property, { ...parameters, seed })
    } catch (error) {
      const replay = `V_SEED=${seed} npx vitest run test/property/reentrant.test.ts -t 'through ${name}'`
      throw new Error(`to see this again: ${replay}`, { cause: error })
    }
  })
})
