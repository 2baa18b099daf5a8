/**
 * The elements with hooks, each hook doing what a script says, and by default what the class does.
 */
import {
  type IVByteConsumer,
  type IVByteProducer,
  VByteAgent,
  VByteConsumer,
  VByteProducer,
  VByteWAgent,
  type VIOControl,
  VMessageAgent,
  VMessageConsumer,
  VMessageProducer,
  type VReceiveAnswer,
} from '@vio/io'
import {
  BYTE_UNITS,
  type IVConsumerScript,
  type IVHookedConsumerSubject,
  type IVHookedProducerSubject,
  type IVProducerScript,
  MESSAGE_UNITS,
  type VHookedConsumerFactory,
  type VHookedProducerFactory,
  VTestBench,
} from '@vio/io/testing'
import type { VFailure } from '@vio/reactor'
import type { Subject, Without } from '../../lib/run-suite.js'

/** What a script for a byte producer gives: bytes for numbers, anything else as it is. */
function bytesOf(answer: unknown): Uint8Array {
  return (Array.isArray(answer) ? Uint8Array.from(answer as number[]) : answer) as Uint8Array
}

class ScriptedConsumer extends VByteConsumer {
  script: IVConsumerScript = {}

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    return this.script.received?.(data) as VReceiveAnswer
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.script.ended?.(clean, reason)
  }

  protected override producerAttached(): void {
    if (this.script.attached !== undefined) this.script.attached()
    else super.producerAttached()
  }

  protected override producerDetached(): void {
    this.script.detached?.()
  }

  protected override consumerControl(): VIOControl {
    return this.script.control?.() ?? super.consumerControl()
  }

  protected override consumerAborted(reason?: Error): void {
    this.script.aborted?.(reason)
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.script.closed?.(reason, wasAborted)
  }
}

class ScriptedMessageConsumer extends VMessageConsumer<number> {
  script: IVConsumerScript = {}

  protected override messageReceived(message: number): VReceiveAnswer {
    return this.script.received?.(message) as VReceiveAnswer
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.script.ended?.(clean, reason)
  }

  protected override producerAttached(): void {
    if (this.script.attached !== undefined) this.script.attached()
    else super.producerAttached()
  }

  protected override producerDetached(): void {
    this.script.detached?.()
  }

  protected override consumerControl(): VIOControl {
    return this.script.control?.() ?? super.consumerControl()
  }

  protected override consumerAborted(reason?: Error): void {
    this.script.aborted?.(reason)
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.script.closed?.(reason, wasAborted)
  }
}

class ScriptedProducer extends VByteProducer {
  script: IVProducerScript = {}

  protected override produce(maxBytes: number): Uint8Array {
    return bytesOf(this.script.produce?.(maxBytes))
  }

  protected override hasPending(): boolean {
    return this.script.pending?.() ?? super.hasPending()
  }

  protected override consumerAttached(): void {
    this.script.attached?.()
  }

  protected override consumerDetached(): void {
    this.script.detached?.()
  }

  protected override producerControl(): VIOControl {
    return this.script.control?.() ?? super.producerControl()
  }

  protected override producerAborted(reason?: Error): void {
    this.script.aborted?.(reason)
  }
}

class ScriptedMessageProducer extends VMessageProducer<number> {
  script: IVProducerScript = {}

  protected override produce(maxMessages: number): readonly number[] {
    return this.script.produce?.(maxMessages) as readonly number[]
  }

  protected override hasPending(): boolean {
    return this.script.pending?.() ?? super.hasPending()
  }

  protected override consumerAttached(): void {
    this.script.attached?.()
  }

  protected override consumerDetached(): void {
    this.script.detached?.()
  }

  protected override producerControl(): VIOControl {
    return this.script.control?.() ?? super.producerControl()
  }

  protected override producerAborted(reason?: Error): void {
    this.script.aborted?.(reason)
  }
}

class ScriptedAgent extends VByteAgent {
  input: IVConsumerScript = {}
  output: IVProducerScript = {}

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    return this.input.received?.(data) as VReceiveAnswer
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.input.ended?.(clean, reason)
  }

  protected override producerAttached(): void {
    if (this.input.attached !== undefined) this.input.attached()
    else super.producerAttached()
  }

  protected override producerDetached(): void {
    this.input.detached?.()
  }

  protected override consumerControl(): VIOControl {
    return this.input.control?.() ?? super.consumerControl()
  }

  protected override consumerAborted(reason?: Error): void {
    this.input.aborted?.(reason)
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.input.closed?.(reason, wasAborted)
  }

  protected override produce(maxBytes: number): Uint8Array {
    return bytesOf(this.output.produce?.(maxBytes))
  }

  protected override hasPending(): boolean {
    return this.output.pending?.() ?? super.hasPending()
  }

  protected override consumerAttached(): void {
    this.output.attached?.()
  }

  protected override consumerDetached(): void {
    this.output.detached?.()
  }

  protected override producerControl(): VIOControl {
    return this.output.control?.() ?? super.producerControl()
  }

  protected override producerAborted(reason?: Error): void {
    this.output.aborted?.(reason)
  }
}

class ScriptedMessageAgent extends VMessageAgent<number> {
  input: IVConsumerScript = {}
  output: IVProducerScript = {}

  protected override messageReceived(message: number): VReceiveAnswer {
    return this.input.received?.(message) as VReceiveAnswer
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.input.ended?.(clean, reason)
  }

  protected override producerAttached(): void {
    if (this.input.attached !== undefined) this.input.attached()
    else super.producerAttached()
  }

  protected override producerDetached(): void {
    this.input.detached?.()
  }

  protected override consumerControl(): VIOControl {
    return this.input.control?.() ?? super.consumerControl()
  }

  protected override consumerAborted(reason?: Error): void {
    this.input.aborted?.(reason)
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.input.closed?.(reason, wasAborted)
  }

  protected override produce(maxMessages: number): readonly number[] {
    return this.output.produce?.(maxMessages) as readonly number[]
  }

  protected override hasPending(): boolean {
    return this.output.pending?.() ?? super.hasPending()
  }

  protected override consumerAttached(): void {
    this.output.attached?.()
  }

  protected override consumerDetached(): void {
    this.output.detached?.()
  }

  protected override producerControl(): VIOControl {
    return this.output.control?.() ?? super.producerControl()
  }

  protected override producerAborted(reason?: Error): void {
    this.output.aborted?.(reason)
  }
}

class ScriptedWAgent extends VByteWAgent {
  input: IVConsumerScript = {}

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    return this.input.received?.(data) as VReceiveAnswer
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.input.ended?.(clean, reason)
  }

  protected override producerAttached(): void {
    if (this.input.attached !== undefined) this.input.attached()
    else super.producerAttached()
  }

  protected override producerDetached(): void {
    this.input.detached?.()
  }

  protected override consumerControl(): VIOControl {
    return this.input.control?.() ?? super.consumerControl()
  }

  protected override consumerAborted(reason?: Error): void {
    this.input.aborted?.(reason)
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.input.closed?.(reason, wasAborted)
  }
}

/** What the tests call on an element, although it is protected. */
interface Consuming {
  setReceiveLimit(units: number | null): void
}

function consumerOf(bench: VTestBench, element: object, end: unknown): IVHookedConsumerSubject {
  const open = element as Consuming
  return {
    bench,
    units: BYTE_UNITS,
    end: end as IVByteConsumer,
    setReceiveLimit: (units) => open.setReceiveLimit(units),
  }
}

interface Producing {
  endProduce(clean: boolean, reason?: Error): void
  triggerProduction(): void
}

function producerOf(bench: VTestBench, element: object, end: unknown): IVHookedProducerSubject {
  const open = element as Producing
  return {
    bench,
    units: BYTE_UNITS,
    end: end as IVByteProducer,
    endProduce: (clean, reason) => open.endProduce(clean, reason),
    triggerProduction: () => open.triggerProduction(),
  }
}

const WITHOUT_BUFFERS: Without = { 'pieces as Buffers': 'a piece of a flow of messages is a message' }

/** Every consuming element with hooks. */
export const HOOKED_CONSUMERS: readonly Subject<VHookedConsumerFactory>[] = [
  {
    name: 'VByteConsumer',
    factory: (script) => {
      const bench = new VTestBench()
      const element = new ScriptedConsumer(bench.reactor)
      element.script = script
      return consumerOf(bench, element, element.byteConsume)
    },
  },
  {
    name: 'VByteAgent',
    factory: (script) => {
      const bench = new VTestBench()
      const element = new ScriptedAgent(bench.reactor)
      element.input = script
      return consumerOf(bench, element, element.byteConsume)
    },
  },
  {
    name: 'VByteWAgent',
    factory: (script) => {
      const bench = new VTestBench()
      const element = new ScriptedWAgent(bench.reactor)
      element.input = script
      return consumerOf(bench, element, element.byteConsume)
    },
  },
  {
    name: 'VMessageConsumer',
    factory: (script) => {
      const bench = new VTestBench()
      const element = new ScriptedMessageConsumer(bench.reactor)
      element.script = script
      return { ...consumerOf(bench, element, element.messageConsume), units: MESSAGE_UNITS }
    },
    without: WITHOUT_BUFFERS,
  },
  {
    name: 'VMessageAgent',
    factory: (script) => {
      const bench = new VTestBench()
      const element = new ScriptedMessageAgent(bench.reactor)
      element.input = script
      return { ...consumerOf(bench, element, element.messageConsume), units: MESSAGE_UNITS }
    },
    without: WITHOUT_BUFFERS,
  },
]

/** Every producing element with hooks. */
export const HOOKED_PRODUCERS: readonly Subject<VHookedProducerFactory>[] = [
  {
    name: 'VByteProducer',
    factory: (script) => {
      const bench = new VTestBench()
      const element = new ScriptedProducer(bench.reactor)
      element.script = script
      return producerOf(bench, element, element.byteProduce)
    },
  },
  {
    name: 'VByteAgent',
    factory: (script) => {
      const bench = new VTestBench()
      const element = new ScriptedAgent(bench.reactor)
      element.output = script
      return producerOf(bench, element, element.byteProduce)
    },
  },
  {
    name: 'VMessageProducer',
    factory: (script) => {
      const bench = new VTestBench()
      const element = new ScriptedMessageProducer(bench.reactor)
      element.script = script
      return { ...producerOf(bench, element, element.messageProduce), units: MESSAGE_UNITS }
    },
  },
  {
    name: 'VMessageAgent',
    factory: (script) => {
      const bench = new VTestBench()
      const element = new ScriptedMessageAgent(bench.reactor)
      element.output = script
      return { ...producerOf(bench, element, element.messageProduce), units: MESSAGE_UNITS }
    },
  },
]
