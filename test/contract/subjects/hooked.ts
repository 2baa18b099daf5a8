/**
 * The base classes with all their hooks recorded, as the contract tests use them: `input` is what the taking half does,
 * `output` what the giving one does.
 */
import {
  VByteAgent,
  VByteConsumer,
  VByteProducer,
  VByteWAgent,
  VByteWriter,
  type VIOControl,
  VMessageAgent,
  VMessageConsumer,
  VMessageProducer,
  type VReceiveAnswer,
} from '@vio/io'
import type { IVConsumerSetup, VTestBench } from '@vio/io/testing'
import type { IVReactor } from '@vio/reactor'
import { ConsumerCore, ProducerCore } from './record.js'

/** How a recorded element is told to limit its input, and under which name its output records. */
interface Setup {
  readonly input?: IVConsumerSetup
  readonly name?: string
}

type Made<E> = new (bench: VTestBench, setup?: Setup) => E

/** What a test does with the giving half. */
interface Giving {
  readonly output: ProducerCore
  give(count: number): void
  finish(clean: boolean, reason?: Error): void
}

/** The element made on a bench. */
function onBench<E>(element: abstract new (reactor: IVReactor) => E): Made<E> {
  const base = element as unknown as new (reactor: IVReactor) => object
  class OnBench extends base {
    constructor(bench: VTestBench) {
      super(bench.reactor)
    }
  }
  return OnBench as unknown as Made<E>
}

/** The element with the hooks of its input recorded. */
function withInput<E>(element: Made<E>): Made<E & { readonly input: ConsumerCore }> {
  const base = element as unknown as Made<{ setReceiveLimit(units: number | null): void }>
  class RecordedInput extends base {
    readonly input: ConsumerCore

    constructor(bench: VTestBench, setup: Setup = {}) {
      super(bench, setup)
      const grant = (units: number | null): void => this.setReceiveLimit(units)
      this.input = new ConsumerCore(bench, setup.input ?? { limit: null }, grant)
    }

    dataReceived(data: Buffer): VReceiveAnswer {
      return this.input.received(data)
    }

    messageReceived(message: number): VReceiveAnswer {
      return this.input.received(message)
    }

    dataEnded(clean: boolean, reason?: Error): void {
      this.input.ended(clean, reason)
    }

    producerAttached(): void {
      this.input.attached()
    }

    producerDetached(): void {
      this.input.detached()
    }

    consumerControl(): VIOControl {
      return this.input.control()
    }

    consumerAborted(): void {
      this.input.hook('consumerAborted')
    }
  }
  return RecordedInput as unknown as Made<E & { readonly input: ConsumerCore }>
}

/** The element with the hooks of its output recorded; `units` makes of numbers what it gives. */
function withOutput<E>(element: Made<E>, units: (numbers: number[]) => unknown): Made<E & Giving> {
  const base = element as unknown as Made<{
    triggerProduction(): void
    endProduce(clean: boolean, reason?: Error): void
  }>
  class RecordedOutput extends base implements Giving {
    readonly output: ProducerCore

    constructor(bench: VTestBench, setup: Setup = {}) {
      super(bench, setup)
      this.output = new ProducerCore(bench, setup.name)
    }

    give(count: number): void {
      this.output.pending += count
      this.triggerProduction()
    }

    finish(clean: boolean, reason?: Error): void {
      this.endProduce(clean, reason)
    }

    produce(max: number): unknown {
      return units(this.output.take(max))
    }

    hasPending(): boolean {
      return this.output.pending > 0
    }

    consumerAttached(): void {
      this.output.hook('consumerAttached')
    }

    consumerDetached(): void {
      this.output.hook('consumerDetached')
    }

    producerControl(): VIOControl {
      return this.output.control()
    }

    producerAborted(): void {
      this.output.hook('producerAborted')
    }
  }
  return RecordedOutput as unknown as Made<E & Giving>
}

/** A writer's hooks as a subclass sees them, were they public. */
interface WriterHooks {
  write(bytes: Uint8Array): unknown
  endWrite(clean: boolean): void
  produce(maxBytes: number): Uint8Array
  consumerAttached(): void
  producerAborted(reason?: Error): void
}

/** The element, which has a writer, with the hooks of its output recorded. */
function withWriter<E>(element: Made<E>): Made<E & Giving> {
  const base = element as unknown as Made<WriterHooks>
  class RecordedWriting extends base implements Giving {
    readonly output: ProducerCore

    constructor(bench: VTestBench, setup: Setup = {}) {
      super(bench, setup)
      this.output = new ProducerCore(bench, setup.name)
    }

    give(count: number): void {
      this.write(Uint8Array.from(this.output.issue(count)))
    }

    finish(clean: boolean): void {
      this.endWrite(clean)
    }

    override produce(maxBytes: number): Uint8Array {
      if (this.output.fail !== undefined) throw this.output.fail
      return super.produce(maxBytes)
    }

    override consumerAttached(): void {
      this.output.hook('consumerAttached')
      super.consumerAttached()
    }

    consumerDetached(): void {
      this.output.hook('consumerDetached')
    }

    producerControl(): VIOControl {
      return this.output.control()
    }

    override producerAborted(reason?: Error): void {
      super.producerAborted(reason)
      this.output.hook('producerAborted')
    }
  }
  return RecordedWriting as unknown as Made<E & Giving>
}

const bytes = (numbers: number[]): Uint8Array => Uint8Array.from(numbers)
const messages = (numbers: number[]): readonly number[] => numbers

export const RecordedConsumer = withInput(onBench(VByteConsumer))
export const RecordedProducer = withOutput(onBench(VByteProducer), bytes)
export const RecordedWriter = withWriter(onBench(VByteWriter))
export const RecordedAgent = withOutput(withInput(onBench(VByteAgent)), bytes)
export const RecordedWAgent = withWriter(withInput(onBench(VByteWAgent)))
export const RecordedMessageConsumer = withInput(onBench(VMessageConsumer<number>))
export const RecordedMessageProducer = withOutput(onBench(VMessageProducer<number>), messages)
export const RecordedMessageAgent = withOutput(withInput(onBench(VMessageAgent<number>)), messages)

/** An agent whose two halves are recorded. */
export type RecordedTwoWay = InstanceType<typeof RecordedAgent> | InstanceType<typeof RecordedWAgent>
