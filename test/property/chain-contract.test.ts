/**
 * Random operations on chains, against the ledger: attach, detach, give, grant, end, abort, in any order.
 *
 * Two producers and two consumers take turns at nothing, a tap or a filter in the middle. An operation is allowed or not
 * as the ledger says, and whenever the chain has settled, each byte is where the ledger has it.
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
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { propertyRuns } from '../lib/runs.js'
import { CAPACITY, Ledger, type Middle } from './ledger.js'

class Source extends VByteProducer {
  readonly pending: number[] = []
  aborted = false

  give(values: readonly number[]): void {
    this.pending.push(...values)
    this.triggerProduction()
  }

  end(clean: boolean): void {
    this.endProduce(clean)
  }

  protected override produce(maxBytes: number): Uint8Array {
    return Uint8Array.from(this.pending.splice(0, maxBytes < 0 ? this.pending.length : maxBytes))
  }

  protected override hasPending(): boolean {
    return this.pending.length > 0
  }

  protected override producerAborted(): void {
    this.aborted = true
  }
}

class Sink extends VByteConsumer {
  readonly received: number[] = []
  ended: boolean | undefined
  aborted = false
  initial = 0
  window = 0
  #limit = 0
  #moved = 0

  grant(more: number): void {
    this.setReceiveLimit(more)
    this.#limit = Math.max(this.#limit, this.#moved + more)
  }

  protected override producerAttached(): void {
    this.#limit = this.initial
    this.#moved = 0
    this.setReceiveLimit(this.initial)
  }

  protected override dataReceived(data: Buffer): number {
    this.received.push(...data)
    this.#moved += data.length
    if (this.window > 0) this.#limit = this.#moved + this.window
    return this.#limit - this.#moved
  }

  protected override dataEnded(clean: boolean): void {
    this.ended = clean
  }

  protected override consumerAborted(): void {
    this.aborted = true
  }
}

const KINDS = [
  ...['attachUp', 'attachDown', 'give', 'grant', 'settle'].flatMap((kind) => new Array<string>(6).fill(kind)),
  ...['detachUp', 'detachDown'].flatMap((kind) => new Array<string>(3).fill(kind)),
  ...['end', 'abortUp', 'abortDown'],
]

/** One operation; `who` is a producer or a consumer, `from` the side that does it, or whether an end is clean. */
interface Operation {
  readonly kind: string
  readonly who: number
  readonly n: number
  readonly from: boolean
}

const OPERATIONS: fc.Arbitrary<Operation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    who: fc.nat({ max: 1 }),
    n: fc.nat({ max: 12 }),
    from: fc.boolean(),
  }),
  { minLength: 1, maxLength: 50 },
)

/** A filter that gives what it takes. */
const SAME: IVTransform = { push: (input, output) => void input.moveTo(output) }

/** A chain and its ledger. */
class Trial {
  readonly #bench = new VTestBench()
  readonly #ledger: Ledger
  readonly #sources: readonly Source[]
  readonly #sinks: readonly Sink[]
  readonly #middle: VByteTap | VByteFilter | undefined
  readonly #given = [0, 128]

  constructor(middle: Middle, window: number) {
    const { reactor } = this.#bench
    this.#ledger = new Ledger(middle, window)
    this.#sources = [new Source(reactor), new Source(reactor)]
    this.#sinks = [new Sink(reactor), new Sink(reactor)]
    for (const sink of this.#sinks) sink.window = window
    if (middle === 'tap') this.#middle = new VByteTap(reactor)
    if (middle === 'filter') this.#middle = new VByteFilter(reactor, SAME, { capacity: CAPACITY })
  }

  run(list: readonly Operation[]): void {
    for (const operation of list) this.#step(operation)
    this.#step({ kind: 'settle', who: 0, n: 0, from: true })
  }

  #step(operation: Operation): void {
    const [source, sink] = [this.#sources[operation.who], this.#sinks[operation.who]]
    if (source === undefined || sink === undefined) throw new RangeError('there are two of each')
    const allowed = this.#predict(operation)
    let thrown: unknown
    try {
      this.#apply(operation, source, sink)
    } catch (error) {
      thrown = error
    }
    if (allowed !== (thrown === undefined)) {
      throw new Error(`${operation.kind}: the ledger allows it: ${allowed}`, { cause: thrown })
    }
    if (operation.kind === 'settle') this.#compare()
  }

  /** Does it in the ledger, and says whether it is allowed. */
  #predict({ kind, who, n, from }: Operation): boolean {
    const ledger = this.#ledger
    const [producer, consumer] = [ledger.producers[who], ledger.consumers[who]]
    if (producer === undefined || consumer === undefined) return false
    if (kind === 'attachUp' || kind === 'attachDown') return this.#predictAttach(kind, who, n)
    if (kind === 'detachUp') ledger.detachUp()
    if (kind === 'detachDown') ledger.detachDown()
    if (kind === 'grant') return ledger.grant(consumer, n)
    if (kind === 'end' && !producer.aborted) producer.end ??= from
    if (kind === 'abortUp') ledger.abort(producer)
    if (kind === 'abortDown') ledger.abort(consumer)
    if (kind === 'settle') ledger.settle()
    if (kind === 'give') producer.pending.push(...this.#values(who, n))
    return true
  }

  /** With nothing in the middle a producer is attached to the consumer of the same number. */
  #predictAttach(kind: 'attachUp' | 'attachDown', who: number, n: number): boolean {
    const ledger = this.#ledger
    const [producer, consumer] = [ledger.producers[who], ledger.consumers[who]]
    if (producer === undefined || consumer === undefined) return false
    if (this.#middle !== undefined)
      return kind === 'attachUp' ? ledger.attachUp(producer) : ledger.attachDown(consumer, n)
    if (ledger.up !== undefined) return ledger.up === producer
    if (consumer.aborted) return false
    return ledger.attachUp(producer) && ledger.attachDown(consumer, n)
  }

  #values(who: number, count: number): number[] {
    const first = this.#given[who] ?? 0
    this.#given[who] = first + count
    return Array.from({ length: count }, (_, at) => (first + at) & 0xff)
  }

  #apply({ kind, n, from, who }: Operation, source: Source, sink: Sink): void {
    switch (kind) {
      case 'attachUp':
      case 'attachDown':
        this.#attach(kind, source, sink, { n, from })
        return
      case 'detachUp':
        for (const { byteProduce } of this.#sources) detach(byteProduce, byteProduce.consumer, from)
        return
      case 'detachDown':
        for (const { byteConsume } of this.#sinks) detach(byteConsume, byteConsume.producer, from)
        return
      case 'give':
        source.give(this.#last(who, n))
        return
      case 'grant':
        sink.grant(n)
        return
      case 'end':
        source.end(from)
        return
      case 'abortUp':
        source.byteProduce.abort()
        return
      case 'abortDown':
        sink.byteConsume.abort()
        return
      default:
        this.#bench.settle()
    }
  }

  /** The values that the ledger was just given. */
  #last(who: number, count: number): number[] {
    const end = this.#given[who] ?? 0
    return Array.from({ length: count }, (_, at) => (end - count + at) & 0xff)
  }

  #attach(
    kind: 'attachUp' | 'attachDown',
    source: Source,
    sink: Sink,
    { n, from }: { readonly n: number; readonly from: boolean },
  ): void {
    const direct = this.#middle === undefined
    if (direct && this.#sources.some(({ byteProduce }) => byteProduce.consumer !== null)) {
      // The ledger knows one attachment at a time: only the one that is there may be made again.
      if (source.byteProduce.consumer === null) throw new Error('another pair is attached')
    }
    if ((direct || kind === 'attachDown') && sink.byteConsume.producer === null) sink.initial = n
    if (direct) join(source.byteProduce, sink.byteConsume, from)
    else if (kind === 'attachUp') join(source.byteProduce, this.#middle?.byteConsume, from)
    else join(this.#middle?.byteProduce, sink.byteConsume, from)
  }

  #compare(): void {
    const held = this.#middle instanceof VByteTap ? this.#middle.heldBytes : (this.#middle?.held ?? 0)
    const actual = [`held ${held}`]
    const wanted = [`held ${this.#ledger.held.length}`]
    for (const [at, source] of this.#sources.entries()) {
      const model = this.#ledger.producers[at]
      const attached = source.byteProduce.consumer !== null
      actual.push(`producer ${at}: ${attached} ${source.aborted} [${source.aborted ? '' : source.pending}]`)
      wanted.push(
        `producer ${at}: ${this.#ledger.up === model} ${model?.aborted} [${model?.aborted ? '' : model?.pending}]`,
      )
    }
    for (const [at, sink] of this.#sinks.entries()) {
      const model = this.#ledger.consumers[at]
      const attached = sink.byteConsume.producer !== null
      actual.push(`consumer ${at}: ${attached} ${sink.aborted} ${sink.ended} [${sink.received}]`)
      wanted.push(
        `consumer ${at}: ${this.#ledger.down === model} ${model?.aborted} ${model?.ended} [${model?.received}]`,
      )
    }
    if (actual.join('\n') !== wanted.join('\n')) {
      throw new Error(`the chain:\n${actual.join('\n')}\nthe ledger:\n${wanted.join('\n')}`)
    }
  }
}

function join(
  producer: IVByteProducer | undefined,
  consumer: IVByteConsumer | undefined,
  from: boolean,
): void {
  if (producer === undefined || consumer === undefined) throw new TypeError('nothing is in the middle')
  if (from) producer.attach(consumer)
  else consumer.attach(producer)
}

/** Detaches from the end itself, or from the other side. */
function detach(end: { detach(): void }, other: { detach(): void } | null, from: boolean): void {
  if (from || other === null) end.detach()
  else other.detach()
}

function explore(middle: Middle, window: number): void {
  const parameters = propertyRuns(2_000)
  const seed = parameters.seed ?? Math.floor(Math.random() * 2 ** 31)
  const name = `${middle}, window ${window}`
  process.stdout.write(`chain-contract (${name}): ${parameters.numRuns} runs from seed ${seed}\n`)
  const property = fc.property(OPERATIONS, (list) => new Trial(middle, window).run(list))
  try {
    fc.assert(property, { ...parameters, seed })
  } catch (error) {
    const replay = `V_SEED=${seed} npx vitest run test/property/chain-contract.test.ts -t '${name}'`
    throw new Error(`to see this again: ${replay}`, { cause: error })
  }
}

describe('random operations agree with the ledger', () => {
  it('nothing, window 0: attached to each other [CR-01 CR-03 CR-05 CR-09 CR-12 CR-24 CR-30 CR-36]', () => {
    explore('nothing', 0)
  })

  it('nothing, window 3: attached to each other, limits falling by answers [CR-21 CR-27 CR-36]', () => {
    explore('nothing', 3)
  })

  it('tap, window 0: through a tap [CR-12 CR-19 CR-24 CR-30 CR-36 CR-39]', () => {
    explore('tap', 0)
  })

  it('tap, window 3: through a tap, limits falling by answers [CR-12 CR-21 CR-36 CR-39]', () => {
    explore('tap', 3)
  })

  it('filter, window 0: through a filter [CR-12 CR-24 CR-36 CR-39 CR-65]', () => {
    explore('filter', 0)
  })

  it('filter, window 3: through a filter, limits falling by answers [CR-21 CR-36 CR-39 CR-65]', () => {
    explore('filter', 3)
  })
})
