/**
 * The base classes with all their hooks recorded, as the contract tests use them.
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
import { ConsumerCore, ProducerCore } from './record.js'

const ANY_LIMIT: IVConsumerSetup = { limit: null }

export class RecordedConsumer extends VByteConsumer {
  readonly core: ConsumerCore

  constructor(bench: VTestBench, setup: IVConsumerSetup) {
    super(bench.reactor)
    this.core = new ConsumerCore(bench, setup, (units) => this.setReceiveLimit(units))
  }

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    return this.core.received(data)
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.core.ended(clean, reason)
  }

  protected override producerAttached(): void {
    this.core.attached()
  }

  protected override producerDetached(): void {
    this.core.detached()
  }

  protected override consumerControl(): VIOControl {
    return this.core.control()
  }

  protected override consumerAborted(): void {
    this.core.hook('consumerAborted')
  }
}

export class RecordedMessageConsumer extends VMessageConsumer<number> {
  readonly core: ConsumerCore

  constructor(bench: VTestBench, setup: IVConsumerSetup) {
    super(bench.reactor)
    this.core = new ConsumerCore(bench, setup, (units) => this.setReceiveLimit(units))
  }

  protected override messageReceived(message: number): VReceiveAnswer {
    return this.core.received(message)
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.core.ended(clean, reason)
  }

  protected override producerAttached(): void {
    this.core.attached()
  }

  protected override producerDetached(): void {
    this.core.detached()
  }

  protected override consumerControl(): VIOControl {
    return this.core.control()
  }

  protected override consumerAborted(): void {
    this.core.hook('consumerAborted')
  }
}

export class RecordedProducer extends VByteProducer {
  readonly core: ProducerCore

  constructor(bench: VTestBench, name?: string) {
    super(bench.reactor)
    this.core = new ProducerCore(bench, name)
  }

  give(count: number): void {
    this.core.pending += count
    this.triggerProduction()
  }

  finish(clean: boolean, reason?: Error): void {
    this.endProduce(clean, reason)
  }

  protected override produce(maxBytes: number): Uint8Array {
    return Uint8Array.from(this.core.take(maxBytes))
  }

  protected override hasPending(): boolean {
    return this.core.pending > 0
  }

  protected override consumerAttached(): void {
    this.core.hook('consumerAttached')
  }

  protected override consumerDetached(): void {
    this.core.hook('consumerDetached')
  }

  protected override producerControl(): VIOControl {
    return this.core.control()
  }

  protected override producerAborted(): void {
    this.core.hook('producerAborted')
  }
}

export class RecordedMessageProducer extends VMessageProducer<number> {
  readonly core: ProducerCore

  constructor(bench: VTestBench, name?: string) {
    super(bench.reactor)
    this.core = new ProducerCore(bench, name)
  }

  give(count: number): void {
    this.core.pending += count
    this.triggerProduction()
  }

  finish(clean: boolean, reason?: Error): void {
    this.endProduce(clean, reason)
  }

  protected override produce(maxMessages: number): readonly number[] {
    return this.core.take(maxMessages)
  }

  protected override hasPending(): boolean {
    return this.core.pending > 0
  }

  protected override consumerAttached(): void {
    this.core.hook('consumerAttached')
  }

  protected override consumerDetached(): void {
    this.core.hook('consumerDetached')
  }

  protected override producerControl(): VIOControl {
    return this.core.control()
  }

  protected override producerAborted(): void {
    this.core.hook('producerAborted')
  }
}

export class RecordedWriter extends VByteWriter {
  readonly core: ProducerCore

  constructor(bench: VTestBench) {
    super(bench.reactor)
    this.core = new ProducerCore(bench)
  }

  give(count: number): void {
    this.write(Uint8Array.from(this.core.issue(count)))
  }

  finish(clean: boolean): void {
    this.endWrite(clean)
  }

  protected override produce(maxBytes: number): Uint8Array {
    if (this.core.fail !== undefined) throw this.core.fail
    return super.produce(maxBytes)
  }

  protected override consumerAttached(): void {
    this.core.hook('consumerAttached')
    super.consumerAttached()
  }

  protected override consumerDetached(): void {
    this.core.hook('consumerDetached')
  }

  protected override producerControl(): VIOControl {
    return this.core.control()
  }

  protected override producerAborted(reason?: Error): void {
    super.producerAborted(reason)
    this.core.hook('producerAborted')
  }
}

/** An agent; `input` and `output` are what its two halves do. */
export class RecordedAgent extends VByteAgent {
  readonly input: ConsumerCore
  readonly output: ProducerCore

  constructor(bench: VTestBench, setup: IVConsumerSetup = ANY_LIMIT) {
    super(bench.reactor)
    this.input = new ConsumerCore(bench, setup, (units) => this.setReceiveLimit(units))
    this.output = new ProducerCore(bench)
  }

  give(count: number): void {
    this.output.pending += count
    this.triggerProduction()
  }

  finish(clean: boolean, reason?: Error): void {
    this.endProduce(clean, reason)
  }

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    return this.input.received(data)
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.input.ended(clean, reason)
  }

  protected override producerAttached(): void {
    this.input.attached()
  }

  protected override producerDetached(): void {
    this.input.detached()
  }

  protected override consumerControl(): VIOControl {
    return this.input.control()
  }

  protected override consumerAborted(): void {
    this.input.hook('consumerAborted')
  }

  protected override produce(maxBytes: number): Uint8Array {
    return Uint8Array.from(this.output.take(maxBytes))
  }

  protected override hasPending(): boolean {
    return this.output.pending > 0
  }

  protected override consumerAttached(): void {
    this.output.hook('consumerAttached')
  }

  protected override consumerDetached(): void {
    this.output.hook('consumerDetached')
  }

  protected override producerControl(): VIOControl {
    return this.output.control()
  }

  protected override producerAborted(): void {
    this.output.hook('producerAborted')
  }
}

/** An agent of messages; `input` and `output` are what its two halves do. */
export class RecordedMessageAgent extends VMessageAgent<number> {
  readonly input: ConsumerCore
  readonly output: ProducerCore

  constructor(bench: VTestBench, setup: IVConsumerSetup = ANY_LIMIT) {
    super(bench.reactor)
    this.input = new ConsumerCore(bench, setup, (units) => this.setReceiveLimit(units))
    this.output = new ProducerCore(bench)
  }

  give(count: number): void {
    this.output.pending += count
    this.triggerProduction()
  }

  finish(clean: boolean, reason?: Error): void {
    this.endProduce(clean, reason)
  }

  protected override messageReceived(message: number): VReceiveAnswer {
    return this.input.received(message)
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.input.ended(clean, reason)
  }

  protected override producerAttached(): void {
    this.input.attached()
  }

  protected override producerDetached(): void {
    this.input.detached()
  }

  protected override consumerControl(): VIOControl {
    return this.input.control()
  }

  protected override consumerAborted(): void {
    this.input.hook('consumerAborted')
  }

  protected override produce(maxMessages: number): readonly number[] {
    return this.output.take(maxMessages)
  }

  protected override hasPending(): boolean {
    return this.output.pending > 0
  }

  protected override consumerAttached(): void {
    this.output.hook('consumerAttached')
  }

  protected override consumerDetached(): void {
    this.output.hook('consumerDetached')
  }

  protected override producerControl(): VIOControl {
    return this.output.control()
  }

  protected override producerAborted(): void {
    this.output.hook('producerAborted')
  }
}

/** An agent with a writer; `input` and `output` are what its two halves do. */
export class RecordedWAgent extends VByteWAgent {
  readonly input: ConsumerCore
  readonly output: ProducerCore

  constructor(bench: VTestBench, setup: IVConsumerSetup = ANY_LIMIT) {
    super(bench.reactor)
    this.input = new ConsumerCore(bench, setup, (units) => this.setReceiveLimit(units))
    this.output = new ProducerCore(bench)
  }

  give(count: number): void {
    this.write(Uint8Array.from(this.output.issue(count)))
  }

  finish(clean: boolean): void {
    this.endWrite(clean)
  }

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    return this.input.received(data)
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.input.ended(clean, reason)
  }

  protected override producerAttached(): void {
    this.input.attached()
  }

  protected override producerDetached(): void {
    this.input.detached()
  }

  protected override consumerControl(): VIOControl {
    return this.input.control()
  }

  protected override consumerAborted(): void {
    this.input.hook('consumerAborted')
  }

  protected override produce(maxBytes: number): Uint8Array {
    if (this.output.fail !== undefined) throw this.output.fail
    return super.produce(maxBytes)
  }

  protected override consumerAttached(): void {
    this.output.hook('consumerAttached')
    super.consumerAttached()
  }

  protected override consumerDetached(): void {
    this.output.hook('consumerDetached')
  }

  protected override producerControl(): VIOControl {
    return this.output.control()
  }

  protected override producerAborted(reason?: Error): void {
    super.producerAborted(reason)
    this.output.hook('producerAborted')
  }
}
