/**
 * Datagrams as messages of a chain: over sockets, and over a port that follows a script.
 */
import {
  type IVDatagramCounts,
  type IVDatagramHandler,
  type IVDatagramPort,
  noDatagramCounts,
  type VDatagramError,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOControl,
  VIOError,
  VIOOversize,
  VIPSocketPeer,
  VMessageConsumer,
  VMessageProducer,
  type VPeer,
  type VReceiveAnswer,
  type VTransmitBatch,
} from '@vio/io'
import { VTestBench } from '@vio/io/testing'
import { type IVReactor, VReactor } from '@vio/reactor'
import { type VDatagram, VDatagramAgent, VDatagramSocket } from '@vio/sock'
import { describe, expect, it } from 'vitest'
import { until } from './support/datagrams.js'

const PEER = new VIPSocketPeer('10.0.0.1', 9)
const COUNTS: IVDatagramCounts = noDatagramCounts()

/** Gives the datagrams that it was made with, then ends if it is told to. */
class Source extends VMessageProducer<VDatagram> {
  readonly waiting: VDatagram[] = []
  aborted: Error | true | undefined
  #over = false

  add(text: string, peer: VIPSocketPeer | null = PEER): void {
    this.waiting.push({ data: Buffer.from(text), peer })
    this.triggerProduction()
  }

  end(): void {
    this.#over = true
    this.endProduce(true)
  }

  protected override produce(max: number): readonly VDatagram[] {
    return this.waiting.splice(0, max < 0 ? this.waiting.length : max)
  }

  protected override hasPending(): boolean {
    return this.waiting.length > 0
  }

  protected override producerAborted(reason?: Error): void {
    if (!this.#over) this.aborted = reason ?? true
  }
}

/** Keeps texts, as many as it was told to let come. */
class Sink extends VMessageConsumer<VDatagram> {
  readonly texts: string[] = []
  readonly peers: unknown[] = []
  readonly connected: VPeer[] = []
  outcome = ''
  readonly #most: number

  constructor(reactor: IVReactor, most = Number.POSITIVE_INFINITY) {
    super(reactor)
    this.#most = most
  }

  protected override producerAttached(): void {
    this.setReceiveLimit(this.#most === Number.POSITIVE_INFINITY ? null : this.#most)
  }

  protected override messageReceived({ data, peer }: VDatagram): VReceiveAnswer {
    this.texts.push(Buffer.from(data).toString())
    this.peers.push(peer)
    return this.#most - this.texts.length
  }

  protected override consumerControl(): VIOControl {
    return new VIOControl({ connected: (peer) => void this.connected.push(peer) })
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.outcome = `${wasAborted ? 'aborted' : 'ended'}: ${reason.value.message}`
  }
}

/** A port whose system is the test. */
class ScriptedPort implements IVDatagramPort {
  readonly localPeer = PEER
  readonly remotePeer: VIPSocketPeer | null
  readonly maxDatagramBytes = 1000
  readonly segmentsPerCall = 1
  readonly dontFragment = false
  readonly receiveBufferBytes = 1000
  readonly counts = COUNTS
  readonly arrived: string[] = []
  readonly sent: string[] = []
  writable = true
  closed: VFailure | null = null
  changed: () => void = () => undefined
  failed: (error: VDatagramError) => void = () => undefined

  constructor(remotePeer: VIPSocketPeer | null = null) {
    this.remotePeer = remotePeer
  }

  get readable(): boolean {
    return this.arrived.length > 0
  }

  onReady(changed: () => void): void {
    this.changed = changed
  }

  onError(failed: (error: VDatagramError) => void): void {
    this.failed = failed
  }

  receive(handler: IVDatagramHandler, max = 1000): number {
    const taken = this.arrived.splice(0, max)
    for (const text of taken) handler.handleDatagram(Buffer.from(`..${text}.`), 2, 2 + text.length, PEER)
    return taken.length
  }

  send(batch: VTransmitBatch): number {
    if (!this.writable) return 0
    this.sent.push(batch.buffer.toString('utf8', batch.start, batch.end))
    batch.clear()
    return 1
  }

  close(reason: VFailure = new VFIOCompleted()): void {
    if (this.closed !== null) return
    this.closed = reason
    this.changed()
  }
}

function scripted(
  options: { readonly remote?: VIPSocketPeer; readonly maxQueued?: number; readonly most?: number } = {},
) {
  const bench = new VTestBench({ expectFailures: true })
  const port = new ScriptedPort(options.remote ?? null)
  const agent = new VDatagramAgent(bench.reactor, port, { maxQueued: options.maxQueued ?? 3 })
  const source = new Source(bench.reactor)
  const sink = new Sink(bench.reactor, options.most)
  return { bench, port, agent, source, sink }
}

describe('an agent over datagram sockets', () => {
  it('carries an echo, a message for a datagram, and closes with its chain', async () => {
    const reactor = new VReactor()
    reactor.start()
    const far = new VDatagramAgent(reactor, await VDatagramSocket.bind({ host: '127.0.0.1' }))
    far.messageProduce.attach(far.messageConsume)
    const near = new VDatagramAgent(
      reactor,
      await VDatagramSocket.bind({ host: '127.0.0.1', remote: far.port.localPeer }),
    )
    const source = new Source(reactor)
    const sink = new Sink(reactor)
    source.messageProduce.attach(near.messageConsume)
    near.messageProduce.attach(sink.messageConsume)
    const wanted = Array.from({ length: 200 }, (_each, at) => `datagram ${at}`)
    for (const text of wanted) source.add(text, null)
    source.add('', null)
    await until(() => sink.texts.length === 201)
    expect(sink.texts).toEqual([...wanted, ''])
    expect(sink.connected).toEqual([far.port.localPeer])
    near.close()
    far.close()
    await until(() => sink.outcome !== '')
    expect(sink.outcome).toContain('ended')
    reactor.stop()
  })
})

describe('what is sent', () => {
  it('waits while the port is full, up to the bound, and then the producer waits', () => {
    const { bench, port, agent, source } = scripted({ maxQueued: 3 })
    port.writable = false
    source.messageProduce.attach(agent.messageConsume)
    for (const text of ['a', 'b', 'c', 'd', 'e']) source.add(text)
    bench.settle()
    expect(agent.queuedMessages).toBe(3)
    expect(source.waiting).toHaveLength(2)
    port.writable = true
    port.changed()
    bench.settle()
    expect(port.sent).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(agent.queuedMessages).toBe(0)
  })

  it('goes out before a clean end closes the port', () => {
    const { bench, port, agent, source } = scripted()
    port.writable = false
    source.messageProduce.attach(agent.messageConsume)
    source.add('last')
    source.end()
    bench.settle()
    expect(port.closed).toBeNull()
    port.writable = true
    port.changed()
    bench.settle()
    expect(port.sent).toEqual(['last'])
    expect(port.closed).toBeInstanceOf(VFIOCompleted)
  })

  it('is counted where the port closes first', () => {
    const { bench, port, agent, source, sink } = scripted()
    port.writable = false
    source.messageProduce.attach(agent.messageConsume)
    agent.messageProduce.attach(sink.messageConsume)
    source.add('lost')
    source.add('too')
    bench.settle()
    const why = new Error('cable pulled')
    port.close(new VFIOLost(why))
    bench.settle()
    expect(agent.droppedMessages).toBe(2)
    expect(source.aborted).toBe(why)
    expect(sink.outcome).toBe('ended: cable pulled')
  })

  it.each([
    ['a datagram over the maximum', { data: Buffer.alloc(1001), peer: PEER }, VIOOversize],
    ['no bytes', { data: 'text', peer: PEER }, TypeError],
    ['a peer that is none', { data: Buffer.alloc(1), peer: '10.0.0.1:9' }, TypeError],
    ['no peer on a port without one', { data: Buffer.alloc(1), peer: null }, VIOError],
  ])('is refused with %s, and the chain ends', (_what, message, error) => {
    const { bench, port, agent, source } = scripted()
    source.messageProduce.attach(agent.messageConsume)
    source.waiting.push(message as unknown as VDatagram)
    source.add('behind')
    bench.settle()
    expect(port.sent).toEqual([])
    expect(source.aborted).toBeInstanceOf(error)
    expect(port.closed).toBeInstanceOf(VFIOLost)
  })
})

describe('what has arrived', () => {
  it('stays in the port until the limit lets it come', () => {
    const { bench, port, agent, sink } = scripted({ most: 2 })
    agent.messageProduce.attach(sink.messageConsume)
    port.arrived.push('1', '2', '3')
    port.changed()
    bench.settle()
    expect(sink.texts).toEqual(['1', '2'])
    expect(sink.peers).toEqual([PEER, PEER])
    expect(port.arrived).toEqual(['3'])
  })

  it('comes to a consumer that is attached later', () => {
    const { bench, port, agent, sink } = scripted()
    port.arrived.push('1')
    port.changed()
    bench.settle()
    agent.messageProduce.attach(sink.messageConsume)
    bench.settle()
    expect(sink.texts).toEqual(['1'])
  })

  it('ends with an abort, which closes the port and takes the other direction down', () => {
    const { bench, port, agent, source, sink } = scripted()
    source.messageProduce.attach(agent.messageConsume)
    agent.messageProduce.attach(sink.messageConsume)
    bench.settle()
    sink.messageConsume.abort(new Error('enough'))
    bench.settle()
    expect(port.closed).toBeInstanceOf(VFIOLost)
    expect(source.aborted).toBeDefined()
  })
})

describe('closing a datagram agent', () => {
  it('ends the chains once, cleanly', () => {
    const { bench, port, agent, source, sink } = scripted({ remote: PEER })
    source.messageProduce.attach(agent.messageConsume)
    agent.messageProduce.attach(sink.messageConsume)
    bench.settle()
    expect(sink.connected).toEqual([PEER])
    agent.messageProduce.control.reqProducerState(sink.messageConsume)
    bench.settle()
    expect(sink.connected).toEqual([PEER, PEER])
    agent[Symbol.dispose]()
    agent.close(new VFIOLost())
    bench.settle()
    expect(port.closed).toBeInstanceOf(VFIOCompleted)
    expect(sink.outcome).toMatch(/^ended: the I\/O was completed/)
    expect(source.aborted).toBe(true)
  })

  it('keeps taking input after the output has ended, as long as somebody wants it', () => {
    const { bench, port, agent, source, sink } = scripted()
    source.messageProduce.attach(agent.messageConsume)
    agent.messageProduce.attach(sink.messageConsume)
    source.end()
    bench.settle()
    expect(port.closed).toBeNull()
    port.arrived.push('late')
    port.changed()
    bench.settle()
    expect(sink.texts).toEqual(['late'])
    sink.messageConsume.abort()
    bench.settle()
    expect(port.closed).toBeInstanceOf(VFIOCompleted)
  })

  it.each([['maxQueued'], ['maxPerTurn']])('refuses a %s of 0', (name) => {
    const { bench, port } = scripted()
    expect(() => new VDatagramAgent(bench.reactor, port, { [name]: 0 })).toThrow(RangeError)
    expect(() => new VDatagramAgent(bench.reactor, {} as IVDatagramPort)).toThrow(TypeError)
  })
})
