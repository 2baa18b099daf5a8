/**
 * Flows counted in messages: the contract of bytes, message by message.
 */
import {
  emptyControl,
  VByteBuffer,
  type VFailure,
  VFIOCompleted,
  VIOControl,
  VIOError,
  VIOLimitExceeded,
  VMessageConsumer,
  VMessageProducer,
  VMessageQueue,
  type VReceiveAnswer,
} from '@vio/io'
import { VProbeMessageConsumer, VProbeMessageProducer } from '@vio/io/testing'
import type { IVReactor } from '@vio/reactor'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { runningReactor, Sink, Source } from '../support.js'

class Inbox extends VMessageConsumer<string> {
  readonly events: string[] = []
  readonly #answer: (message: string) => VReceiveAnswer
  readonly #control: VIOControl

  constructor(
    reactor: IVReactor,
    answer: (message: string) => VReceiveAnswer = () => undefined,
    control: VIOControl = emptyControl(),
  ) {
    super(reactor)
    this.#answer = answer
    this.#control = control
  }

  grant(messages: number | null): void {
    this.setReceiveLimit(messages)
  }

  protected override messageReceived(message: string): VReceiveAnswer {
    expectTypeOf(message).toEqualTypeOf<string>()
    this.events.push(message)
    return this.#answer(message)
  }

  protected override producerAttached(): void {
    this.events.push('producerAttached')
    this.setReceiveLimit(2)
  }

  protected override producerDetached(): void {
    this.events.push('producerDetached')
  }

  protected override consumerControl(): VIOControl {
    return this.#control
  }

  protected override dataEnded(clean: boolean): void {
    this.events.push(`dataEnded(${clean})`)
  }

  protected override consumerAborted(): void {
    this.events.push('consumerAborted')
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.events.push(`consumerClosed(${reason instanceof VFIOCompleted}, ${wasAborted})`)
  }
}

class Outbox extends VMessageProducer<string> {
  readonly events: string[] = []
  readonly queue: string[]
  readonly #control: VIOControl

  constructor(reactor: IVReactor, messages: readonly string[] = [], control: VIOControl = emptyControl()) {
    super(reactor)
    this.queue = [...messages]
    this.#control = control
  }

  feed(...messages: readonly string[]): void {
    this.queue.push(...messages)
    this.triggerProduction()
  }

  end(clean: boolean): void {
    this.endProduce(clean)
  }

  protected override produce(maxMessages: number): readonly string[] {
    this.events.push(`produce(${maxMessages})`)
    return this.queue.splice(0, maxMessages < 0 ? this.queue.length : maxMessages)
  }

  protected override hasPending(): boolean {
    return this.queue.length > 0
  }

  protected override producerControl(): VIOControl {
    return this.#control
  }

  protected override consumerAttached(): void {
    this.events.push('consumerAttached')
  }

  protected override consumerDetached(): void {
    this.events.push('consumerDetached')
  }

  protected override producerAborted(): void {
    this.events.push('producerAborted')
  }
}

describe('a flow of messages', () => {
  it('carries messages in order, counts them, and ends with its flag [CR-24] [CR-34]', () => {
    const { host, reactor } = runningReactor()
    const [outbox, inbox] = [new Outbox(reactor, ['a', 'bb', 'ccc']), new Inbox(reactor, () => 0)]
    outbox.messageProduce.attach(inbox.messageConsume)
    outbox.end(false)
    host.runUntilIdle()
    expect([inbox.events, outbox.queue]).toEqual([['producerAttached', 'a', 'bb'], ['ccc']])
    expect(outbox.events).toEqual(['consumerAttached', 'produce(2)'])
    inbox.grant(null)
    host.runUntilIdle()
    expect(inbox.events.slice(3)).toEqual([
      'ccc',
      'dataEnded(false)',
      'producerDetached',
      'consumerAborted',
      'consumerClosed(false, false)',
    ])
    expect(outbox.events.slice(2)).toEqual(['produce(-1)', 'consumerDetached', 'producerAborted'])
  })

  it.each([
    [0, 1],
    [2, 3],
    [null, Number.POSITIVE_INFINITY],
    [undefined, Number.POSITIVE_INFINITY],
    [-1, Number.POSITIVE_INFINITY],
  ])('the answer %j to the first message makes the limit %d [CR-31]', (answer, limit) => {
    const { reactor } = runningReactor()
    const inbox = new Inbox(reactor, () => answer)
    const probe = new VProbeMessageProducer<string>()
    probe.attach(inbox.messageConsume)
    expect(inbox.messageConsume.consume(new VMessageQueue(['a']))).toBe(limit)
  })

  it('takes no more than it allowed, and no queue of another kind [CR-17] [CR-18] [CR-16]', () => {
    const { reactor } = runningReactor()
    const inbox = new Inbox(reactor, () => 0)
    const end = inbox.messageConsume
    expect(() => end.consume(new VMessageQueue(['a']))).toThrow(VIOError)
    new VProbeMessageProducer<string>().attach(end)
    const queue = new VMessageQueue(['a', 'b', 'c', 'd'])
    expect(() => end.consume(new VByteBuffer(Buffer.from('a')) as never)).toThrow(TypeError)
    expect(() => end.consume(new VMessageQueue())).toThrow(VIOError)
    end.consume(queue, 1)
    expect(queue.length).toBe(3)
    expect(() => end.consume(queue)).toThrow(VIOLimitExceeded)
    inbox.grant(2)
    end.consume(queue)
    expect(queue.popList()).toEqual(['d'])
    expect(inbox.events.slice(1)).toEqual(['a', 'b', 'c'])
  })

  it('is not attached to a flow of bytes, from either side [VE-39] [CR-04]', () => {
    const { reactor } = runningReactor()
    const [outbox, inbox] = [new Outbox(reactor), new Inbox(reactor)]
    const [source, sink] = [new Source(reactor), new Sink(reactor)]
    expect(() => outbox.messageProduce.attach(sink.byteConsume as never)).toThrow(TypeError)
    expect(() => sink.byteConsume.attach(outbox.messageProduce as never)).toThrow(TypeError)
    expect(() => inbox.messageConsume.attach(source.byteProduce as never)).toThrow(TypeError)
    expect(() => source.byteProduce.attach(inbox.messageConsume as never)).toThrow(TypeError)
    for (const other of [{}, null, inbox, outbox]) {
      expect(() => outbox.messageProduce.attach(other as never)).toThrow(/attaches to the other end/)
      expect(() => inbox.messageConsume.attach(other as never)).toThrow(/attaches to the other end/)
    }
    expect([outbox.events, inbox.events, source.events, sink.events]).toEqual([[], [], [], []])
  })

  it('goes on when there is more, and ends only after what is left [CR-27] [CR-36]', () => {
    const { host, reactor } = runningReactor()
    class Fixed extends VMessageProducer<string> {
      readonly #left = ['a', 'b', 'c']
      close(): void {
        this.endProduce(true)
      }
      protected override produce(maxMessages: number): readonly string[] {
        return this.#left.splice(0, maxMessages)
      }
    }
    const [fixed, outbox] = [new Fixed(reactor), new Outbox(reactor)]
    const [first, second] = [new Inbox(reactor, () => 0), new Inbox(reactor)]
    fixed.messageProduce.attach(first.messageConsume)
    fixed.close()
    second.messageConsume.attach(outbox.messageProduce)
    host.runUntilIdle()
    expect(first.events.slice(1)).toEqual(['a', 'b'])
    first.grant(2)
    outbox.feed('x')
    host.runUntilIdle()
    expect(first.events.slice(1)).toEqual(['a', 'b', 'c'])
    first.grant(1)
    host.runUntilIdle()
    expect(first.events[4]).toBe('dataEnded(true)')
    expect(second.events).toEqual(['producerAttached', 'x'])
    expect([first.reactor, fixed.reactor]).toEqual([reactor, reactor])
  })

  it('has one direction and needs a reactor [VE-33] [VE-41]', () => {
    const { reactor } = runningReactor()
    const [outbox, inbox] = [new Outbox(reactor), new Inbox(reactor)]
    expect([outbox.messageProduce, inbox.messageConsume]).toEqual([
      outbox.messageProduce,
      inbox.messageConsume,
    ])
    expect([outbox.messageProduce.twoway, inbox.messageConsume.twoway]).toEqual([false, false])
    expect(() => outbox.messageProduce.reverse).toThrow(VIOError)
    expect(() => inbox.messageConsume.reverse).toThrow(VIOError)
    expect(() => new Outbox(undefined as never)).toThrow(TypeError)
    expect(() => new Inbox(undefined as never)).toThrow(TypeError)
  })

  it('carries control messages both ways [VE-68] [CR-42]', () => {
    const { reactor } = runningReactor()
    const told: string[] = []
    const control = new VIOControl({
      reqConsumerState: () => void told.push('consumer'),
      reqProducerState: () => void told.push('producer'),
      notifyConsumerAttached: () => void told.push('attached consumer'),
      notifyProducerAttached: () => void told.push('attached producer'),
    })
    const [outbox, inbox] = [new Outbox(reactor, [], control), new Inbox(reactor, undefined, control)]
    inbox.messageConsume.attach(outbox.messageProduce)
    outbox.messageProduce.consumer?.control.reqConsumerState(outbox.messageProduce)
    inbox.messageConsume.producer?.control.reqProducerState(inbox.messageConsume)
    expect(told).toEqual(['attached producer', 'attached consumer', 'consumer', 'producer'])
  })

  it('is taken down by a hook that throws, and by one that gives too much [CR-25] [CR-38]', () => {
    const { host, reactor, logged } = runningReactor()
    class Greedy extends Outbox {
      protected override produce(): readonly string[] {
        return ['a', 'b', 'c']
      }
    }
    const greedy = new Inbox(reactor, () => 0)
    new Greedy(reactor).messageProduce.attach(greedy.messageConsume)
    const failing = new Inbox(reactor, () => {
      throw new Error('broken')
    })
    const outbox = new Outbox(reactor, ['a'])
    outbox.messageProduce.attach(failing.messageConsume)
    host.runUntilIdle()
    expect(greedy.events.slice(1)).toEqual([
      'a',
      'b',
      'producerDetached',
      'consumerAborted',
      'consumerClosed(false, true)',
    ])
    expect(outbox.events.at(-1)).toBe('producerAborted')
    expect(logged.map(({ error }) => (error as Error).message)).toEqual([
      expect.stringContaining('consume error'),
      'broken',
    ])
  })

  it.each(['text', 7, { length: 1 }])(
    'is taken down by %j, which is no list of messages [CR-38]',
    (wrong) => {
      const { host, reactor, logged } = runningReactor()
      class Wrong extends Outbox {
        protected override produce(): readonly string[] {
          return wrong as never
        }
      }
      const inbox = new Inbox(reactor)
      new Wrong(reactor).messageProduce.attach(inbox.messageConsume)
      host.runUntilIdle()
      expect(inbox.events.at(-1)).toBe('consumerClosed(false, true)')
      expect(logged.map(({ error }) => error)).toEqual([expect.any(TypeError)])
    },
  )

  it('works with ends that others wrote, and by default takes everything [VE-32] [VE-48]', () => {
    class Plain extends VMessageConsumer<string> {
      readonly all: string[] = []
      protected override messageReceived(message: string): void {
        this.all.push(message)
      }
    }
    class Silent extends VMessageProducer<string> {
      protected override produce(): undefined {
        return undefined
      }
    }
    const { host, reactor } = runningReactor()
    const plain = new Plain(reactor)
    const source = new VProbeMessageProducer<string>({ reactor })
    source.attach(plain.messageConsume)
    source.feed(new VMessageQueue(['a', 'b']))
    const sink = new VProbeMessageConsumer<string>({ grantAtAttach: 1 })
    const outbox = new Outbox(reactor, ['c', 'd'])
    sink.attach(outbox.messageProduce)
    const silent = new VProbeMessageConsumer<string>({ grantAtAttach: null })
    silent.attach(new Silent(reactor).messageProduce)
    host.runUntilIdle()
    expect([plain.all, sink.received.popList(), silent.received.length]).toEqual([['a', 'b'], ['c'], 0])
    expect(plain.messageConsume.control).toBe(emptyControl())
  })
})
