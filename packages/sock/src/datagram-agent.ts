/**
 * `VDatagramAgent`: a datagram port as the end of message chains.
 *
 * Decides how many messages wait to be sent, and when the port is closed. What has arrived waits in the port, which drops
 * and counts what is too much; from there it comes only as far as the limit goes. Invariants: at most `maxQueued` messages
 * wait to be sent; a message that was taken is sent, or counted as dropped.
 */
import {
  checkBatch,
  type IVAnyConsumer,
  type IVDatagramCounts,
  type IVDatagramHandler,
  type IVDatagramPort,
  tell,
  type VDatagramError,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOControl,
  VIOLost,
  VIOOversize,
  VIPSocketPeer,
  VMessageAgent,
  VMessageQueue,
  VTransmitBatch,
} from '@vio/io'
import type { IVReactor, IVTask } from '@vio/reactor'
import { describeValue, sizeOption } from './describe.js'

/** One datagram as a message of a chain. */
export interface VDatagram {
  /** The bytes. One that was received is the application's own; one that is to be sent is not to be written to any more. */
  readonly data: Uint8Array
  /** Who sent it, or to whom it goes. On the way out null stands for the only peer of a connected port. */
  readonly peer: VIPSocketPeer | null
}

/** Options of `VDatagramAgent`. */
export interface VDatagramAgentOptions {
  /** How many messages may wait to be sent. By default 64. */
  readonly maxQueued?: number
  /** How many messages are given in one turn at most. By default 64. */
  readonly maxPerTurn?: number
}

/**
 * Sends what its consumer takes and gives what arrives, a message for a datagram; limits count messages.
 *
 * ```ts
 * const agent = new VDatagramAgent(reactor, await VDatagramSocket.bind({ port: 5300 }))
 * agent.messageProduce.attach(server.messageConsume)
 * server.messageProduce.attach(agent.messageConsume)
 * ```
 *
 * The port is the agent's. It is closed when one direction is aborted, when the output has ended and nobody takes input
 * (any more), and by `close`; what was taken before a clean end is sent first. When the port closes by itself, the chains
 * end with its reason.
 */
export class VDatagramAgent extends VMessageAgent<VDatagram> implements Disposable {
  /** The port. It belongs to the agent. */
  readonly port: IVDatagramPort
  readonly #maxQueued: number
  readonly #maxPerTurn: number
  readonly #batch = new VTransmitBatch()
  readonly #queue = new VMessageQueue<VDatagram>()
  readonly #task: IVTask
  #posted = false
  #dropped = 0
  #outputEnded = false
  #inputEnded = false
  #hasConsumer = false
  #hasProducer = false

  /** @throws TypeError without a reactor or a port, RangeError for a size below 1 */
  constructor(reactor: IVReactor, port: IVDatagramPort, options: VDatagramAgentOptions = {}) {
    if (typeof port?.send !== 'function' || typeof port.receive !== 'function') {
      throw new TypeError(`a datagram agent needs a datagram port, got ${describeValue(port)}`)
    }
    super(reactor)
    this.#maxQueued = sizeOption('maxQueued', options.maxQueued ?? 64)
    this.#maxPerTurn = sizeOption('maxPerTurn', options.maxPerTurn ?? 64)
    this.port = port
    this.#task = {
      runTask: () => {
        this.#posted = false
        this.#turn()
      },
    }
    port.onReady(() => this.#wake())
    port.onError((error) => this.datagramFailed(error))
  }

  /** What has passed through the port, and what it dropped. */
  get counts(): IVDatagramCounts {
    return this.port.counts
  }

  /** Messages that were taken and never given to the port, as it was closed before. */
  get droppedMessages(): number {
    return this.#dropped
  }

  /** Messages that wait to be sent. */
  get queuedMessages(): number {
    return this.#queue.length
  }

  /** Closes the port and ends the chains: after a clean reason what waits is offered to the port once more. */
  close(reason: VFailure = new VFIOCompleted()): void {
    if (this.port.closed !== null) return
    if (reason instanceof VFIOCompleted) this.#flush()
    this.port.close(reason)
    this.#wake()
  }

  /** Closes cleanly, see `close`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** The system said no to a datagram. By default logs it. */
  protected datagramFailed(error: VDatagramError): void {
    this.log.warn('a datagram failed', error)
  }

  protected override producerAttached(): void {
    this.#hasProducer = true
    this.setReceiveLimit(this.#room)
  }

  protected override producerDetached(): void {
    this.#hasProducer = false
  }

  protected override messageReceived({ data, peer }: VDatagram): number {
    if (!(data instanceof Uint8Array)) {
      throw new TypeError(`a datagram has bytes as data, got ${describeValue(data)}`)
    }
    if (peer !== null && !(peer instanceof VIPSocketPeer)) {
      throw new TypeError(`a datagram goes to an IP peer or null, got ${describeValue(peer)}`)
    }
    const { maxDatagramBytes } = this.port
    if (data.length > maxDatagramBytes) throw new VIOOversize('a datagram', data.length, maxDatagramBytes)
    this.#fill({ data, peer })
    // What can never be sent is refused here, where the one who gave it is told.
    checkBatch(this.#batch, this.port)
    if (this.#queue.length > 0 || this.port.closed !== null || this.port.send(this.#batch) === 0) {
      this.#queue.append({ data, peer })
    }
    return this.#room
  }

  protected override dataEnded(): void {
    this.#outputEnded = true
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.#hasProducer = false
    this.#outputEnded = true
    if (wasAborted || !(reason instanceof VFIOCompleted)) this.close(reason)
    else this.#wake()
  }

  protected override consumerAttached(): void {
    this.#hasConsumer = true
    const { consumer } = this.messageProduce
    if (consumer !== null) this.#tell(consumer)
    this.#wake()
  }

  protected override consumerDetached(): void {
    this.#hasConsumer = false
  }

  protected override produce(maxMessages: number): readonly VDatagram[] {
    const found: VDatagram[] = []
    const most = maxMessages < 0 ? this.#maxPerTurn : Math.min(maxMessages, this.#maxPerTurn)
    const handler: IVDatagramHandler = {
      handleDatagram: (bytes, start, end, peer) => {
        found.push({ data: Buffer.from(bytes.subarray(start, end)), peer })
      },
    }
    this.port.receive(handler, most)
    return found
  }

  protected override producerControl(): VIOControl {
    return new VIOControl({
      reqProducerState: (consumer) => {
        this.reactor.schedule(0, () => this.#tell(consumer))
      },
    })
  }

  protected override producerAborted(reason?: Error): void {
    this.#hasConsumer = false
    if (this.#inputEnded) return
    this.#inputEnded = true
    if (this.#outputEnded) this.#wake()
    else this.close(new VFIOLost(reason ?? new VIOLost('the input of the datagram agent was aborted')))
  }

  get #room(): number {
    return Math.max(0, this.#maxQueued - this.#queue.length)
  }

  #wake(): void {
    if (this.#posted) return
    this.#posted = true
    this.reactor.post(this.#task)
  }

  #turn(): void {
    const { closed } = this.port
    if (closed !== null) {
      this.#portClosed(closed)
      return
    }
    if (this.#flush() && this.#hasProducer && !this.#outputEnded) this.setReceiveLimit(this.#room)
    if (this.port.readable && this.#hasConsumer) this.triggerProduction()
    const isDone = this.#outputEnded && this.#queue.length === 0
    if (isDone && !this.#hasConsumer) this.close()
  }

  /** Sends what waits, as far as the port takes it. Returns true if any of it has left. */
  #flush(): boolean {
    const before = this.#queue.length
    for (;;) {
      const next = this.#queue.peek()
      if (next === undefined) break
      this.#fill(next)
      if (this.port.send(this.#batch) === 0) break
      this.#queue.shift()
    }
    return this.#queue.length < before
  }

  #fill({ data, peer }: VDatagram): void {
    const batch = this.#batch
    batch.begin(peer)
    batch.buffer.set(data)
    batch.commit(data.length)
  }

  #portClosed(reason: VFailure): void {
    this.#dropped += this.#queue.length
    this.#queue.clear()
    const isClean = reason instanceof VFIOCompleted
    const error = isClean ? undefined : reason.value
    if (!this.#inputEnded) {
      this.#inputEnded = true
      this.endProduce(isClean, error)
    }
    if (!this.#outputEnded) {
      this.#outputEnded = true
      this.messageConsume.abort(error)
    }
  }

  #tell(consumer: IVAnyConsumer): void {
    const { remotePeer } = this.port
    if (remotePeer === null) return
    try {
      tell(consumer.control, 'connected', remotePeer)
    } catch (error) {
      this.log.error('a control handler for connected failed', error)
    }
  }
}
