/**
 * Composition: a source, any elements and a sink attached as one, which then can be watched, printed and aborted as one.
 *
 * Decides in which order ends are attached (from the sink up, so that nothing is asked of the source before all is in
 * place), that a failing composition leaves nothing attached, and when and how a chain is over. What passes is counted
 * by a gauge behind the source and one before the sink. Promises are the facade's: see `chain` there. Invariant: the
 * result is told once, when the sink has finished with the end or the flow was taken down before.
 */
import { type IVReactor, type IVReactorObject, VIOError } from '@vio/reactor'
import { describeChain, printChain, type VChainReport } from './chain-report.js'
import { ByteGauge, type Gauge, MessageGauge } from './gauge.js'
import type { VJoined } from './join.js'
import { type ChainPart, type EitherConsumer, type EitherProducer, readParts } from './parts.js'

/** How a chain went. */
export interface VChainResult {
  /** Bytes that the source gave; 0 if it gives messages. */
  readonly bytesIn: number
  /** Bytes that were handed to the sink; 0 if it takes messages. */
  readonly bytesOut: number
  /** Messages that the source gave; 0 if it gives bytes. */
  readonly messagesIn: number
  /** Messages that were handed to the sink; 0 if it takes bytes. */
  readonly messagesOut: number
  /** True if the end passed through the whole chain, nothing was missing, and the sink carried it out. */
  readonly clean: boolean
  /** True if the chain was taken down before the sink had finished with an end, clean or not. */
  readonly aborted: boolean
  /** Why it is not clean, where somebody said so. */
  readonly reason?: Error
  /** How long it took from composing, on the reactor's clock. */
  readonly durationMs: number
}

/** A chain that was composed. Made by `compose`, or by `chain` of the facade, which adds a promise. */
export class VComposition implements IVReactorObject {
  readonly reactor: IVReactor
  readonly #parts: readonly ChainPart[]
  readonly #first: Gauge
  readonly #last: Gauge
  readonly #startedAtMs: number
  #result: VChainResult | null = null
  #listeners: Array<(result: VChainResult) => void> = []
  /** `abort` of the chain itself was called. */
  #aborting = false
  /** The source and all that is above the first gauge has been told that the flow is down. */
  #firstIsDown = false

  /** Attaches `elements`. Not checked by the compiler: call `compose` instead. @throws as `compose` does */
  constructor(elements: readonly unknown[]) {
    this.#parts = readParts(elements)
    this.reactor = reactorOf(this.#parts)
    this.#first = gaugeFor(this.reactor, this.#parts[0])
    this.#last = gaugeFor(this.reactor, this.#parts.at(-1))
    this.#startedAtMs = this.reactor.time()
    this.#first.onDown((reason) => this.#firstDown(reason))
    this.#last.onDown((reason) => this.#lastDown(reason))
    this.#attachAll()
  }

  /** How it went; null while it goes on. */
  get result(): VChainResult | null {
    return this.#result
  }

  /** Calls `listener` once with the result: when there is one, or at once if there is. What it throws is logged. */
  onDone(listener: (result: VChainResult) => void): void {
    if (this.#result === null) this.#listeners.push(listener)
    else this.#tell(listener, this.#result)
  }

  /** Takes the chain down and drops what it holds. Once there is a result it does nothing. */
  abort(reason?: Error): void {
    if (this.#result !== null) return
    this.#aborting = true
    this.#first.input.abort(reason)
    // An element that keeps an abort to itself does not save the rest.
    this.#last.input.abort(reason)
  }

  /** What each element has taken and given, what it may, what it holds, and who waits for whom. */
  describe(): VChainReport {
    const elapsedMs = this.#result?.durationMs ?? this.reactor.time() - this.#startedAtMs
    const end = this.#last.end
    return describeChain(this.#parts, this.#first, this.#last, { elapsedMs, result: this.#result, end })
  }

  /** The same as text: a line about the chain, then one for each element. */
  toString(): string {
    return printChain(this.describe())
  }

  #attachAll(): void {
    const joints = this.#joints()
    for (let at = joints.length - 1; at >= 0; at -= 1) {
      const joint = joints[at] as Joint
      try {
        // The two are of one kind, which `readParts` saw to; their types are not told apart any more.
        joint.consumer.attach(joint.producer as never)
      } catch (error) {
        // The one that refused too: an element written by hand may have refused halfway.
        for (const done of joints.slice(at)) done.consumer.detach()
        throw this.#attachError(joint.position, error)
      }
    }
  }

  /** What is attached to what, from the source down, and the position of the element that comes in by it. */
  #joints(): readonly Joint[] {
    const parts = this.#parts
    const joints: Joint[] = []
    let above: EitherProducer | undefined
    for (const [at, part] of parts.entries()) {
      if (at === parts.length - 1) {
        joints.push({ producer: above as EitherProducer, consumer: this.#last.input, position: at })
        above = this.#last.output
      }
      if (part.consumer !== undefined)
        joints.push({ producer: above as EitherProducer, consumer: part.consumer, position: at })
      above = part.producer
      if (at === 0) {
        joints.push({ producer: above as EitherProducer, consumer: this.#first.input, position: at })
        above = this.#first.output
      }
    }
    return joints
  }

  #attachError(position: number, error: unknown): Error {
    const where = `element ${position + 1} of ${this.#parts.length} (${this.#parts[position]?.name})`
    const message = `${where} could not be attached: ${error instanceof Error ? error.message : String(error)}`
    if (error instanceof TypeError) return new TypeError(message, { cause: error })
    return new VIOError(message, { cause: error })
  }

  #firstDown(reason: Error | undefined): void {
    this.#firstIsDown = true
    // After its end the source is told that it was carried out, and what is below may still be at work.
    if (this.#first.end === undefined) this.#last.input.abort(reason)
  }

  #lastDown(reason: Error | undefined): void {
    if (this.#result !== null) return
    const end = this.#last.end
    const finished = end !== undefined && !this.#aborting && !this.#fromAbove()
    const why = end?.reason ?? reason
    const result: VChainResult = {
      ...this.#counts(),
      clean: finished && end.clean && reason === undefined,
      aborted: !finished,
      ...(why === undefined ? {} : { reason: why }),
      durationMs: this.reactor.time() - this.#startedAtMs,
    }
    this.#result = result
    // What has not heard of it by now never would.
    this.#first.input.abort(reason)
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) this.#tell(listener, result)
  }

  #counts(): Pick<VChainResult, 'bytesIn' | 'bytesOut' | 'messagesIn' | 'messagesOut'> {
    const inBytes = this.#parts[0]?.kind === 'bytes'
    const outBytes = this.#parts.at(-1)?.kind === 'bytes'
    return {
      bytesIn: inBytes ? this.#first.passed : 0,
      bytesOut: outBytes ? this.#last.passed : 0,
      messagesIn: inBytes ? 0 : this.#first.passed,
      messagesOut: outBytes ? 0 : this.#last.passed,
    }
  }

  /** True while an abort is on its way down from the source; one that comes up has passed the first gauge by then. */
  #fromAbove(): boolean {
    return this.#first.goingDown && !this.#firstIsDown
  }

  #tell(listener: (result: VChainResult) => void, result: VChainResult): void {
    try {
      listener(result)
    } catch (error) {
      this.reactor.log.error('a listener of a chain failed', error)
    }
  }
}

/** A joint of a chain: two ends that are attached to each other, and the element that is to blame if they cannot. */
interface Joint {
  readonly producer: EitherProducer
  readonly consumer: EitherConsumer
  readonly position: number
}

function reactorOf(parts: readonly ChainPart[]): IVReactor {
  for (const part of parts) {
    for (const owner of [part.element, part.consumer, part.producer]) {
      const reactor = (owner as Partial<IVReactorObject> | undefined)?.reactor
      if (typeof reactor?.schedule === 'function') return reactor
    }
  }
  throw new TypeError(
    'no element of the chain belongs to a reactor; give one a property reactor, or put a VByteTap between',
  )
}

function gaugeFor(reactor: IVReactor, part: ChainPart | undefined): Gauge {
  return part?.kind === 'messages' ? new MessageGauge(reactor) : new ByteGauge(reactor)
}

/**
 * Attaches a source, any elements and a sink to each other, and watches what becomes of them.
 *
 * The source gives bytes or messages: an element with a producer, a bare producer, or the producer of a pair. Elements
 * between take and give. The sink takes: an element, a bare consumer, or the consumer of a pair. Elements that do not
 * fit together are an error of the compiler, which says at which position and why. Behind the source and before the
 * sink stands a counter, which is what they find attached.
 *
 * @throws TypeError if elements are missing or do not fit, VIOError if one is taken or has ended; the message names the
 *   position, and nothing is attached then
 */
export function compose<const T extends readonly [object, object, ...object[]]>(
  ...elements: T & VJoined<T>
): VComposition {
  return new VComposition(elements)
}
