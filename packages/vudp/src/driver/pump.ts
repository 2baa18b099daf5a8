/**
 * `VDatagramPump`: any datagram machine on a reactor and a port.
 *
 * Decides when the machine is given what has arrived and what is due, and when it is asked for what it wants to send and
 * to tell. It knows nothing of what the machine is. Invariants: the machine is entered only in turns of the reactor; one
 * timer at most is armed; what a turn does is bounded; a batch that the port refuses is kept until the port takes it.
 */
import {
  type IVDatagramHandler,
  type IVDatagramPort,
  type VFailure,
  VFIOLost,
  VIOClosed,
  VIOLost,
  type VIPSocketPeer,
  VTransmitBatch,
} from '@vio/io'
import type { IVReactor, IVTask, VScheduledCall } from '@vio/reactor'
import type { IVMachine } from '../machine.js'

/** What a pump is made of. */
export interface VDatagramPumpOptions<E> {
  /** Where datagrams come from and go to. The pump is its only reader, writer and listener. */
  readonly port: IVDatagramPort
  /** The machine. Whoever calls it besides the pump calls `kick` afterwards. */
  readonly machine: IVMachine<E>
  /** Takes what the machine tells, in turns. */
  readonly onEvent: (event: E) => void
  /** The port was closed, or the machine failed: the pump has stopped. */
  readonly onEnd?: (reason: VFailure) => void
  /** The port refused a batch to this peer for good; it was dropped. Without this the pump stops. */
  readonly onSendError?: (error: Error, peer: VIPSocketPeer | null) => void
  /** Called at the end of each turn. */
  readonly onTurn?: () => void
  /** The most datagrams that are taken in one turn. By default 256. */
  readonly maxDatagramsPerTurn?: number
  /**
   * The most batches that are sent in one turn. By default 8: whoever writes can go on before a machine has sent all that
   * it was given, and then its last datagram is not a short one.
   */
  readonly maxBatchesPerTurn?: number
  /** How much a batch may hold, in bytes. By default 65,536. */
  readonly batchBytes?: number
}

const DEFAULT_DATAGRAMS_PER_TURN = 256
const DEFAULT_BATCHES_PER_TURN = 8
const DEFAULT_BATCH_BYTES = 65_536
const BLOCKED_PAUSE_MS = 5
/** A datagram that comes so long after the one before it is none of a flow, and nothing is won by waiting for more. */
const ALONE_MS = 0.02
const NEVER = Number.POSITIVE_INFINITY

/**
 * Drives a machine.
 *
 * ```ts
 * const pump = new VDatagramPump(reactor, { port, machine, onEvent: (event) => console.log(event) })
 * pump.start()
 * machine.close()
 * pump.kick()
 * ```
 */
export class VDatagramPump<E> implements IVTask, IVDatagramHandler {
  readonly reactor: IVReactor
  readonly port: IVDatagramPort
  readonly #machine: IVMachine<E>
  readonly #options: VDatagramPumpOptions<E>
  readonly #batch: VTransmitBatch
  readonly #maxDatagrams: number
  readonly #maxBatches: number
  #state: 'new' | 'running' | 'stopped' = 'new'
  #posted = false
  #now = 0
  #timer: VScheduledCall | null = null
  #timerAt = NEVER
  /** When the port last told of news by itself, and how many datagrams were taken at once when there last were any. */
  #cameAt = Number.NEGATIVE_INFINITY
  #takenAtOnce = 0
  /** The last datagram came alone, as an answer does that was waited for. */
  #isAlone = false
  #hasSent = false

  /** @throws RangeError for a number below 1 */
  constructor(reactor: IVReactor, options: VDatagramPumpOptions<E>) {
    this.reactor = reactor
    this.port = options.port
    this.#machine = options.machine
    this.#options = options
    this.#maxDatagrams = count('maxDatagramsPerTurn', options.maxDatagramsPerTurn, DEFAULT_DATAGRAMS_PER_TURN)
    this.#maxBatches = count('maxBatchesPerTurn', options.maxBatchesPerTurn, DEFAULT_BATCHES_PER_TURN)
    const batchBytes = count('batchBytes', options.batchBytes, DEFAULT_BATCH_BYTES)
    this.#batch = new VTransmitBatch(Buffer.allocUnsafeSlow(batchBytes))
  }

  /** True between `start` and the end. */
  get running(): boolean {
    return this.#state === 'running'
  }

  /** True while a batch waits for the port. */
  get blocked(): boolean {
    return this.#batch.count > 0
  }

  /** True while a timer is armed. */
  get armed(): boolean {
    return this.#timer !== null
  }

  /** Begins: the machine is asked on the next turn. Once only. */
  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'running'
    this.port.onReady((fromLoop = false) => this.#portChanged(fromLoop))
    this.kick()
  }

  /** The machine was called from outside: it is polled on the next turn. */
  kick(): void {
    if (this.#posted || this.#state !== 'running') return
    this.#posted = true
    this.reactor.post(this)
  }

  /** Lets go of port and machine, without a word to either. Idempotent. */
  stop(): void {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.port.onReady(() => undefined)
    this.#disarm()
    this.#batch.clear()
  }

  /** One turn, called by the reactor. */
  runTask(): void {
    this.#posted = false
    if (this.#state !== 'running') return
    try {
      this.#turn()
    } catch (error) {
      this.reactor.log.error('a datagram machine failed', error)
      this.#end(new VFIOLost(new VIOLost('the datagram machine failed', { cause: error })))
    }
    this.#options.onTurn?.()
  }

  /** Passes a datagram on, called by the port. */
  handleDatagram(bytes: Buffer, start: number, end: number, from: VIPSocketPeer): void {
    const isWhole = start === 0 && end === bytes.length
    this.#machine.handleDatagram(this.#now, from, isWhole ? bytes : bytes.subarray(start, end))
  }

  /**
   * A datagram that comes alone is dealt with in the call that brings it: its answer leaves before the system is asked for
   * another one. Those of a flow are worth more together, in a turn of their own.
   */
  #portChanged(fromLoop: boolean): void {
    const { reactor } = this
    if (!fromLoop || reactor.enter === undefined) {
      this.kick()
      return
    }
    const now = reactor.time()
    this.#isAlone = this.#takenAtOnce <= 1 && now - this.#cameAt >= ALONE_MS
    this.#cameAt = now
    if (this.#isAlone) reactor.enter(KICK, this)
    else this.kick()
  }

  #turn(): void {
    const { port } = this
    const machine = this.#machine
    this.#now = this.reactor.time()
    if (port.readable) this.#takenAtOnce = port.receive(this, this.#maxDatagrams)
    if (machine.pollTimeout() <= this.#now) machine.handleTimeout(this.#now)
    this.#tell()
    this.#hasSent = false
    const isMore = this.#send()
    this.#tell()
    if (this.#state !== 'running') return
    if (port.closed !== null) {
      this.#end(port.closed)
      return
    }
    this.#arm()
    if (isMore || port.readable) this.kick()
    else if (this.#hasSent && this.#isAlone) machine.prepare?.()
  }

  #tell(): void {
    // A handler may have stopped the pump.
    while (this.#state === 'running') {
      const event = this.#machine.pollEvent()
      if (event === undefined) return
      this.#options.onEvent(event)
    }
  }

  /** Sends what there is, within bounds. Returns true if there may be more and the port would take it. */
  #send(): boolean {
    const batch = this.#batch
    for (let left = this.#maxBatches; this.#state === 'running' && this.port.closed === null; left -= 1) {
      if (batch.count > 0 && !this.#sendBatch()) return false
      if (left === 0) return true
      if (!this.#machine.pollTransmit(this.#now, batch)) return false
    }
    return false
  }

  /** Returns false if the port takes no more now. */
  #sendBatch(): boolean {
    const batch = this.#batch
    const { peer } = batch
    try {
      this.port.send(batch)
    } catch (error) {
      batch.clear()
      if (error instanceof VIOClosed) return false
      if (this.#options.onSendError === undefined || !(error instanceof Error)) throw error
      this.#options.onSendError(error, peer)
    }
    if (batch.count > 0) return false
    this.#hasSent = true
    return true
  }

  #arm(): void {
    const dueAt = this.#machine.pollTimeout()
    if (dueAt === NEVER) {
      this.#disarm()
      return
    }
    // A timer that comes too early finds nothing to do and is set anew: cheaper than moving it with each datagram.
    if (this.#timer !== null && this.#timerAt <= dueAt) return
    // While the port takes nothing, a machine that is due has to wait for it anyway.
    const delayMs = Math.max(dueAt - this.#now, this.blocked ? BLOCKED_PAUSE_MS : 0)
    this.#timerAt = dueAt
    if (this.#timer === null) this.#timer = this.reactor.schedule(delayMs, this.#onTimer)
    else this.#timer.reset(delayMs)
  }

  readonly #onTimer = (): void => {
    this.#timer = null
    this.#timerAt = NEVER
    this.kick()
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#timerAt = NEVER
  }

  #end(reason: VFailure): void {
    this.stop()
    this.#options.onEnd?.(reason)
  }
}

const KICK = (pump: { kick(): void }): void => pump.kick()

function count(name: string, value: number | undefined, fallback: number): number {
  const number = value ?? fallback
  if (Number.isSafeInteger(number) && number >= 1) return number
  throw new RangeError(`${name} is a whole number from 1 on, got ${number}`)
}
