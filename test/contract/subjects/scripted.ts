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
import type { IVReactor, VFailure } from '@vio/reactor'
import type { Subject, Without } from '../../lib/run-suite.js'

/** An element's hooks as a subclass sees them, were they public. */
interface InputHooks {
  producerAttached(): void
  consumerControl(): VIOControl
}

interface OutputHooks {
  hasPending(): boolean
  producerControl(): VIOControl
}

type Element<E> = abstract new (reactor: IVReactor) => E
type Made<E> = new (reactor: IVReactor) => E

/** The element with its input following a script. */
function withInput<E>(element: Element<E>): Made<E & { input: IVConsumerScript }> {
  const base = element as unknown as Made<InputHooks>
  class ScriptedInput extends base {
    input: IVConsumerScript = {}

    dataReceived(data: Buffer): VReceiveAnswer {
      return this.input.received?.(data) as VReceiveAnswer
    }

    messageReceived(message: number): VReceiveAnswer {
      return this.input.received?.(message) as VReceiveAnswer
    }

    dataEnded(clean: boolean, reason?: Error): void {
      this.input.ended?.(clean, reason)
    }

    override producerAttached(): void {
      if (this.input.attached !== undefined) this.input.attached()
      else super.producerAttached()
    }

    producerDetached(): void {
      this.input.detached?.()
    }

    override consumerControl(): VIOControl {
      return this.input.control?.() ?? super.consumerControl()
    }

    consumerAborted(reason?: Error): void {
      this.input.aborted?.(reason)
    }

    consumerClosed(reason: VFailure, wasAborted: boolean): void {
      this.input.closed?.(reason, wasAborted)
    }
  }
  return ScriptedInput as unknown as Made<E & { input: IVConsumerScript }>
}

/** The element with its output following a script, whose answers `asUnits` turns into what the element gives. */
function withOutput<E>(
  element: Element<E>,
  asUnits: (answer: unknown) => unknown,
): Made<E & { output: IVProducerScript }> {
  const base = element as unknown as Made<OutputHooks>
  class ScriptedOutput extends base {
    output: IVProducerScript = {}

    produce(max: number): unknown {
      return asUnits(this.output.produce?.(max))
    }

    override hasPending(): boolean {
      return this.output.pending?.() ?? super.hasPending()
    }

    consumerAttached(): void {
      this.output.attached?.()
    }

    consumerDetached(): void {
      this.output.detached?.()
    }

    override producerControl(): VIOControl {
      return this.output.control?.() ?? super.producerControl()
    }

    producerAborted(reason?: Error): void {
      this.output.aborted?.(reason)
    }
  }
  return ScriptedOutput as unknown as Made<E & { output: IVProducerScript }>
}

/** What a script for a byte producer gives: bytes for numbers, anything else as it is. */
const bytes = (answer: unknown): unknown =>
  Array.isArray(answer) ? Uint8Array.from(answer as number[]) : answer
const messages = (answer: unknown): unknown => answer

const ScriptedConsumer = withInput(VByteConsumer)
const ScriptedProducer = withOutput(VByteProducer, bytes)
const ScriptedAgent = withOutput(withInput(VByteAgent), bytes)
const ScriptedWAgent = withInput(VByteWAgent)
const ScriptedMessageConsumer = withInput(VMessageConsumer<number>)
const ScriptedMessageProducer = withOutput(VMessageProducer<number>, messages)
const ScriptedMessageAgent = withOutput(withInput(VMessageAgent<number>), messages)

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

function byteConsumer(
  make: Made<{ byteConsume: IVByteConsumer } & { input: IVConsumerScript }>,
): VHookedConsumerFactory {
  return (script) => {
    const bench = new VTestBench()
    const element = new make(bench.reactor)
    element.input = script
    return consumerOf(bench, element, element.byteConsume)
  }
}

function messageConsumer(
  make: Made<{ messageConsume: unknown } & { input: IVConsumerScript }>,
): VHookedConsumerFactory {
  return (script) => {
    const bench = new VTestBench()
    const element = new make(bench.reactor)
    element.input = script
    return { ...consumerOf(bench, element, element.messageConsume), units: MESSAGE_UNITS }
  }
}

function byteProducer(
  make: Made<{ byteProduce: IVByteProducer } & { output: IVProducerScript }>,
): VHookedProducerFactory {
  return (script) => {
    const bench = new VTestBench()
    const element = new make(bench.reactor)
    element.output = script
    return producerOf(bench, element, element.byteProduce)
  }
}

function messageProducer(
  make: Made<{ messageProduce: unknown } & { output: IVProducerScript }>,
): VHookedProducerFactory {
  return (script) => {
    const bench = new VTestBench()
    const element = new make(bench.reactor)
    element.output = script
    return { ...producerOf(bench, element, element.messageProduce), units: MESSAGE_UNITS }
  }
}

const WITHOUT_BUFFERS: Without = { 'pieces as Buffers': 'a piece of a flow of messages is a message' }

/** Every consuming element with hooks. */
export const HOOKED_CONSUMERS: readonly Subject<VHookedConsumerFactory>[] = [
  { name: 'VByteConsumer', factory: byteConsumer(ScriptedConsumer) },
  { name: 'VByteAgent', factory: byteConsumer(ScriptedAgent) },
  { name: 'VByteWAgent', factory: byteConsumer(ScriptedWAgent) },
  { name: 'VMessageConsumer', factory: messageConsumer(ScriptedMessageConsumer), without: WITHOUT_BUFFERS },
  { name: 'VMessageAgent', factory: messageConsumer(ScriptedMessageAgent), without: WITHOUT_BUFFERS },
]

/** Every producing element with hooks. */
export const HOOKED_PRODUCERS: readonly Subject<VHookedProducerFactory>[] = [
  { name: 'VByteProducer', factory: byteProducer(ScriptedProducer) },
  { name: 'VByteAgent', factory: byteProducer(ScriptedAgent) },
  { name: 'VMessageProducer', factory: messageProducer(ScriptedMessageProducer) },
  { name: 'VMessageAgent', factory: messageProducer(ScriptedMessageAgent) },
]
