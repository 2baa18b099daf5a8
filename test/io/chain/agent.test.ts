/**
 * Agents: both directions in one object, with and without a writer, alone and over a connection in memory.
 */
import {
  emptyControl,
  isByteWriter,
  VByteAgent,
  VByteBuffer,
  VByteEndpoint,
  VByteIOPair,
  VByteWAgent,
  VIOClosed,
  VIOControl,
  VIOError,
  VMemoryPeer,
  type VReceiveAnswer,
} from '@vio/io'
import { createDevicePair, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import type { IVReactor, VFailure } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { runningReactor } from '../support.js'

/** Records its hooks and gives what it was fed. */
class Recording extends VByteAgent {
  readonly events: string[] = []
  readonly received = new VByteBuffer()
  readonly queue = new VByteBuffer()
  readonly tag: string

  constructor(reactor: IVReactor, tag = '') {
    super(reactor)
    this.tag = tag
  }

  feed(text: string): void {
    this.queue.append(Buffer.from(text))
    this.triggerProduction()
  }

  end(clean = true): void {
    this.endProduce(clean)
  }

  grant(bytes: number): void {
    this.setReceiveLimit(bytes)
  }

  protected override dataReceived(data: Buffer): VReceiveAnswer {
    this.received.append(data)
  }

  protected override dataEnded(clean: boolean): void {
    this.events.push(`dataEnded(${clean})`)
  }

  protected override producerDetached(): void {
    this.events.push('producerDetached')
  }

  protected override consumerAborted(): void {
    this.events.push('consumerAborted')
  }

  protected override consumerClosed(_reason: VFailure, wasAborted: boolean): void {
    this.events.push(`consumerClosed(${wasAborted})`)
  }

  protected override produce(maxBytes: number): Uint8Array {
    return this.queue.pop(maxBytes)
  }

  protected override hasPending(): boolean {
    return this.queue.length > 0
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

/** An agent that overrides nothing it need not. */
class Plain extends VByteAgent {
  protected override dataReceived(): void {}
}

/** Answers each line of a request by what a function says, then ends. */
class Server extends VByteWAgent {
  readonly #respond: (request: string) => string
  readonly #input = new VByteBuffer()

  constructor(reactor: IVReactor, respond: (request: string) => string) {
    super(reactor)
    this.#respond = respond
  }

  protected override dataReceived(data: Buffer): void {
    this.#input.append(data)
    const at = this.#input.indexOf(Buffer.from('\r\n\r\n'))
    if (at === -1) return
    this.write(this.#respond(this.#input.pop(at + 4).toString()))
    this.endWrite()
  }
}

/** Fetches a page: speaks only once it is connected, and takes nothing before. */
class HttpGet extends VByteWAgent {
  readonly page = new VByteBuffer()
  ended: boolean | undefined
  readonly #path: string

  constructor(reactor: IVReactor, path: string) {
    super(reactor)
    this.#path = path
  }

  protected override producerAttached(): void {}

  protected override consumerControl(): VIOControl {
    return new VIOControl({
      connected: (peer) => {
        this.setReceiveLimit(null)
        this.write(`GET ${this.#path} HTTP/1.0\r\nHost: ${peer.native}\r\n\r\n`)
      },
    })
  }

  protected override dataReceived(data: Buffer): void {
    this.page.append(data)
  }

  protected override dataEnded(clean: boolean): void {
    this.ended = clean
    this.endWrite()
  }
}

describe('an agent', () => {
  it('has two directions, each the reverse of the other [VE-41] [VE-59] [CR-58]', () => {
    const { reactor } = runningReactor()
    const agent = new Recording(reactor)
    const { byteConsume, byteProduce, byteIO } = agent
    expect([byteConsume.twoway, byteProduce.twoway]).toEqual([true, true])
    expect([byteConsume.reverse, byteProduce.reverse]).toEqual([byteProduce, byteConsume])
    expect([byteConsume.flows, byteProduce.flows]).toEqual([[], []])
    expect(byteIO).toBeInstanceOf(VByteIOPair)
    expect([byteIO.consumer, byteIO.producer]).toEqual([byteConsume, byteProduce])
    expect([agent.byteIO, agent.byteConsume, agent.byteProduce]).toEqual([byteIO, byteConsume, byteProduce])
    expect(agent.byteIO).toBe(byteIO)
    expect([agent.reactor, agent.log]).toEqual([reactor, reactor.log])
    expect(() => new Recording(null as never)).toThrow(TypeError)
  })

  it('talks to another through their pairs [VE-58] [VE-59]', () => {
    const { host, reactor } = runningReactor()
    const [left, right] = [new Recording(reactor), new Recording(reactor)]
    left.byteIO.attach(right.byteIO)
    left.feed('ping')
    right.feed('pong')
    host.runUntilIdle()
    expect([left.received.pop().toString(), right.received.pop().toString()]).toEqual(['pong', 'ping'])
  })

  it('refuses a second pair, and keeps the first one [VE-58] [CR-56]', () => {
    const { host, reactor } = runningReactor()
    const [left, right, third] = [new Recording(reactor), new Recording(reactor), new Recording(reactor)]
    left.byteIO.attach(right.byteIO)
    expect(() => left.byteIO.attach(third.byteIO)).toThrow(VIOError)
    expect(() => third.byteIO.attach(left.byteIO)).toThrow(VIOError)
    expect([third.byteConsume.producer, third.byteProduce.consumer]).toEqual([null, null])
    expect(third.events).toEqual([])
    left.feed('still')
    host.runUntilIdle()
    expect(right.received.pop().toString()).toBe('still')
  })

  it('goes on in one direction when the other has ended or was aborted [VE-59] [CR-58]', () => {
    for (const abort of [false, true]) {
      const { host, reactor } = runningReactor()
      const [left, right] = [new Recording(reactor), new Recording(reactor)]
      left.byteIO.attach(right.byteIO)
      if (abort) left.byteProduce.abort()
      else left.end()
      host.runUntilIdle()
      expect(right.events).toEqual([
        'consumerAttached',
        ...(abort ? [] : ['dataEnded(true)']),
        'producerDetached',
        'consumerAborted',
        `consumerClosed(${abort})`,
      ])
      right.feed('late')
      host.runUntilIdle()
      expect(left.received.pop().toString()).toBe('late')
      expect(left.events).toEqual(['consumerAttached', 'consumerDetached', 'producerAborted'])
    }
  })

  it('that was closed refuses data as closed [CR-15]', () => {
    const { reactor } = runningReactor()
    const agent = new Recording(reactor)
    new VProbeProducer().attach(agent.byteConsume)
    agent.byteConsume.endConsume(true)
    expect(() => agent.byteConsume.consume(new VByteBuffer(Buffer.from('x')))).toThrow(VIOClosed)
  })

  it('by default takes everything, gives nothing, and answers no message [VE-48] [VE-50] [VE-55]', () => {
    const { host, reactor } = runningReactor()
    const agent = new Plain(reactor)
    const [source, sink] = [new VProbeProducer(), new VProbeConsumer({ grantAtAttach: null })]
    source.attach(agent.byteConsume)
    sink.attach(agent.byteProduce)
    host.runUntilIdle()
    expect([source.limit, sink.received.length]).toEqual([Number.POSITIVE_INFINITY, 0])
    expect(agent.byteConsume.control).toBe(emptyControl())
    expect(agent.byteProduce.control).toBe(emptyControl())
  })

  it('ends by default only after what it has yet to give [VE-45] [CR-36]', () => {
    const { host, reactor } = runningReactor()
    class Fixed extends Plain {
      #left = Buffer.from('abc')
      close(): void {
        this.endProduce(true)
      }
      protected override produce(maxBytes: number): Uint8Array {
        const part = this.#left.subarray(0, maxBytes)
        this.#left = this.#left.subarray(part.length)
        return part
      }
    }
    const agent = new Fixed(reactor)
    const sink = new VProbeConsumer()
    sink.attach(agent.byteProduce)
    agent.close()
    host.runUntilIdle()
    expect(sink.ended).toBeNull()
    sink.grant(4)
    host.runUntilIdle()
    expect([sink.received.pop().toString(), sink.ended?.clean]).toEqual(['abc', true])
  })

  it('limits what it takes as a consumer does [VE-47]', () => {
    const { reactor } = runningReactor()
    class Shy extends Recording {
      protected override producerAttached(): void {}
    }
    const agent = new Shy(reactor)
    const source = new VProbeProducer()
    source.attach(agent.byteConsume)
    expect(source.limit).toBe(0)
    agent.grant(3)
    expect(source.limit).toBe(3)
    expect(() => new Shy(reactor).grant(3)).toThrow(VIOError)
  })
})

describe('simpleFactory', () => {
  it('builds one agent after another of that class, with the same arguments [VE-59]', () => {
    const { host, reactor } = runningReactor()
    const factory = Recording.simpleFactory(reactor, 'tag')
    const [one, other] = [factory.build(), factory.build()]
    expect(one).toBeInstanceOf(Recording)
    expect([one.tag, other.tag, one.reactor]).toEqual(['tag', 'tag', reactor])
    expect(one).not.toBe(other)
    expect(one.byteIO).not.toBe(other.byteIO)
    one.byteIO.attach(factory.build().byteIO)
    one.byteIO.abort()
    host.runUntilIdle()
    expect(other.events).toEqual([])
    // @ts-expect-error the arguments are those of the class
    expect(() => Recording.simpleFactory('reactor').build()).toThrow(TypeError)
  })
})

describe('an agent with a writer', () => {
  it('is an agent and a writer [VE-60]', () => {
    const { host, reactor } = runningReactor()
    const agent = new HttpGet(reactor, '/')
    expect(agent).toBeInstanceOf(VByteAgent)
    expect(isByteWriter(agent)).toBe(true)
    expect([agent.byteConsume.twoway, agent.byteConsume.reverse]).toEqual([true, agent.byteProduce])
    const sink = new VProbeConsumer({ grantAtAttach: 4 })
    agent.write('abc')
    agent.write([Buffer.from('de'), Buffer.from('f')])
    sink.attach(agent.byteProduce)
    host.runUntilIdle()
    expect([sink.received.pop().toString(), agent.queuedBytes]).toEqual(['abcd', 2])
    agent.endWrite(false)
    expect(() => agent.write('x')).toThrow(VIOClosed)
    expect(sink.ended).toBeNull()
    sink.grant(null)
    host.runUntilIdle()
    expect([sink.received.pop().toString(), sink.ended]).toEqual(['ef', { clean: false, reason: undefined }])
  })

  it('ends what was ended before a consumer came [VE-60]', () => {
    const { host, reactor } = runningReactor()
    const agent = new HttpGet(reactor, '/')
    agent.endWrite()
    const sink = new VProbeConsumer()
    sink.attach(agent.byteProduce)
    host.runUntilIdle()
    expect(sink.ended).toEqual({ clean: true, reason: undefined })
  })

  it('drops its output on abortWriter, and only that [VE-60]', () => {
    const { host, reactor } = runningReactor()
    const agent = new HttpGet(reactor, '/')
    const [source, sink] = [new VProbeProducer(), new VProbeConsumer()]
    source.attach(agent.byteConsume)
    sink.attach(agent.byteProduce)
    agent.write('abc')
    agent.abortWriter()
    expect([agent.queuedBytes, sink.aborted]).toEqual([0, null])
    host.runUntilIdle()
    expect(sink.aborted).not.toBeNull()
    expect([source.aborted, agent.byteConsume.producer]).toEqual([null, source])
  })

  it('refuses what is no data [VE-60]', () => {
    const agent = new HttpGet(runningReactor().reactor, '/')
    expect(() => agent.write(7 as never)).toThrow(TypeError)
    agent.byteProduce.abort()
    expect(() => agent.write('x')).toThrow(VIOClosed)
  })

  it('fetches a page over a connection, and says nothing before there is one [VE-60]', () => {
    const { host, reactor, logged } = runningReactor()
    const pair = createDevicePair({ reactor, connect: 'hang', b: { name: 'server' } })
    const [near, far] = [new VByteEndpoint(reactor, pair.a), new VByteEndpoint(reactor, pair.b)]
    const requests: string[] = []
    const server = new Server(reactor, (request) => {
      requests.push(request)
      return 'HTTP/1.0 200 OK\r\n\r\n<html/>'
    })
    server.byteIO.attach(far.byteIO)
    const client = new HttpGet(reactor, '/index.html')
    client.byteIO.attach(near.byteIO)
    near.connect(new VMemoryPeer('server'))
    host.runUntilIdle()
    expect([client.queuedBytes, near.bufferedBytes, requests]).toEqual([0, 0, []])
    pair.settleConnect('succeed')
    host.runUntilIdle()
    expect(requests).toEqual(['GET /index.html HTTP/1.0\r\nHost: server\r\n\r\n'])
    expect(client.page.pop().toString()).toBe('HTTP/1.0 200 OK\r\n\r\n<html/>')
    expect(client.ended).toBe(true)
    expect([near.closed, far.closed]).toEqual([true, true])
    expect(logged).toEqual([])
  })

  it('is told an unclean end where there is no connection [VE-60]', () => {
    const { host, reactor } = runningReactor()
    const pair = createDevicePair({ reactor, connect: 'refuse' })
    const near = new VByteEndpoint(reactor, pair.a)
    const client = new HttpGet(reactor, '/')
    client.byteIO.attach(near.byteIO)
    near.connect(pair.peerB)
    host.runUntilIdle()
    expect([client.ended, client.page.length]).toEqual([false, 0])
    expect([near.closed, near.wasConnected]).toEqual([true, false])
    expect(() => client.write('x')).toThrow(VIOClosed)
  })
})
