/**
 * `splice` and `unsplice`: a filter goes into a live chain, and out of it again, and no byte is lost.
 *
 * Decides in which order ends are detached and attached, and when a filter may leave: once nothing is held in it any
 * more, which a gate above it brings about by allowing nothing in. Counts and limits begin anew with each attachment,
 * which is the contract's affair. Invariant: at any time all ends of the flow are attached, so that an end or an abort
 * that comes meanwhile reaches the other side; what cannot be taken out then stays and passes everything on.
 */
import { type IVReactor, type IVReactorObject, VIOError } from '@vio/reactor'
import { VByteIOPair } from '../chain/pair.js'
import { RecurringTask } from '../chain/task.js'
import { describeValue, UNLIMITED } from '../limit.js'
import { type IVByteConsumer, type IVByteProducer, isByteConsumer, isByteProducer } from '../types.js'
import { VByteDuplexFilter, type VByteThrough } from './duplex-filter.js'
import { VByteTap } from './tap.js'

/**
 * A one-way element that can be taken out of a chain: a tap, a filter, or anything that offers the same. `bypass` gets
 * it out of the way and tells when nothing is held; without it, `heldBytes` is looked at as bytes pass.
 */
export type VSpliced = VByteThrough &
  IVReactorObject & {
    readonly heldBytes?: number
    bypass?(drained?: () => void): void
  }

/** What `unsplice` gives back: tells when the filter is out. */
export interface VUnsplice {
  /** True once the filter is out, or it is certain that it stays. */
  readonly done: boolean
  /** True if it is out; false if the flow ended or was taken down before, and took the filter with it. */
  readonly out: boolean
  /** Names the function to be told once `done`; at once if it is so already. The last one named counts. */
  onDone(listener: (out: boolean) => void): void
}

/** A place between two ends and what goes there. */
interface Joint {
  readonly producer: IVByteProducer
  readonly consumer: IVByteConsumer
  readonly element: VByteThrough
}

/**
 * Puts a filter between a producer and its present consumer, or a two-way filter between a pair, which stands on the
 * side of the device, and the ends that it is attached to. What passes from now on goes through the filter.
 *
 * All or nothing: if it throws, the chain is as it was.
 *
 * ```ts
 * splice(socket.byteIO, new VByteDuplexFilter(decode, encode)) // between the socket and whatever it is attached to
 * ```
 *
 * @throws TypeError if the arguments are none of these, VIOError if nothing is attached, the filter is in use, or one of
 *   the ends has ended
 */
export function splice(at: IVByteProducer | VByteIOPair, filter: VByteThrough | VByteDuplexFilter): void {
  const joints = jointsOf(at, filter)
  for (const joint of joints) checkJoint(joint)
  const made: Joint[] = []
  try {
    for (const joint of joints) {
      insert(joint)
      made.push(joint)
    }
  } catch (error) {
    for (const joint of made) remove(joint)
    throw error
  }
}

/**
 * Takes a filter out of the chain that it stands in: what comes from now on passes it unchanged, and once what it held
 * has left, on a later turn, the ends above and below are attached to each other.
 *
 * @throws TypeError if it is no filter that belongs to a reactor, VIOError if it stands in no chain
 */
export function unsplice(filter: VSpliced | VByteDuplexFilter): VUnsplice {
  const isDuplex = filter instanceof VByteDuplexFilter
  const elements = (isDuplex ? [filter.inbound, filter.outbound] : [filter]).map(checkSpliced)
  const live = elements.filter(isBetween)
  if (live.length === 0) {
    throw new VIOError('the filter stands in no chain: it needs a producer above and a consumer below')
  }
  return new Unsplice(live)
}

function jointsOf(at: IVByteProducer | VByteIOPair, filter: VByteThrough | VByteDuplexFilter): Joint[] {
  if (at instanceof VByteIOPair && filter instanceof VByteDuplexFilter) {
    const { deviceIO, appIO } = filter
    const inbound = { byteConsume: deviceIO.consumer, byteProduce: appIO.producer }
    const outbound = { byteConsume: appIO.consumer, byteProduce: deviceIO.producer }
    const above = attached(at.consumer.producer, 'the consumer of the pair')
    return [jointOf(at.producer, inbound), { producer: above, consumer: at.consumer, element: outbound }]
  }
  if (!isByteProducer(at) || !isThrough(filter)) {
    throw new TypeError(
      'a one-way filter goes behind a producer and a two-way filter behind a pair, ' +
        `got ${describeValue(filter)} behind ${describeValue(at)}`,
    )
  }
  return [jointOf(at, filter)]
}

function jointOf(producer: IVByteProducer, element: VByteThrough): Joint {
  return { producer, consumer: attached(producer.consumer, 'the producer'), element }
}

function attached<T>(neighbour: T | null, what: string): T {
  if (neighbour === null) throw new VIOError(`nothing is attached to ${what}; attach the filter instead`)
  return neighbour
}

function isThrough(value: unknown): value is VByteThrough {
  const element = value as Partial<VByteThrough> | null | undefined
  return isByteConsumer(element?.byteConsume) && isByteProducer(element.byteProduce)
}

function checkSpliced(element: unknown): VSpliced {
  const hasReactor = typeof (element as Partial<IVReactorObject> | null)?.reactor?.post === 'function'
  if (isThrough(element) && hasReactor) return element as VSpliced
  throw new TypeError(
    `only a filter that belongs to a reactor can be taken out, got ${describeValue(element)}`,
  )
}

function isBetween(element: VByteThrough): boolean {
  return element.byteConsume.producer !== null && element.byteProduce.consumer !== null
}

/** Ends that others wrote may not say whether they have ended; they refuse to be attached then. */
function hasEnded(end: unknown): boolean {
  return (end as { readonly closed?: unknown }).closed === true
}

/** The ends that an element stands between; undefined if it does not, or if nothing more comes there. */
function endsAround(element: VByteThrough): Omit<Joint, 'element'> | undefined {
  const [producer, consumer] = [element.byteConsume.producer, element.byteProduce.consumer]
  if (producer === null || consumer === null || hasEnded(producer) || hasEnded(consumer)) return undefined
  return { producer, consumer }
}

/** Attaches the ends around an element that holds nothing to each other. False if it has to stay. */
function takeOut(element: VByteThrough): boolean {
  const ends = endsAround(element)
  if (ends === undefined) return false
  remove({ ...ends, element })
  return true
}

function checkJoint({ producer, consumer, element }: Joint): void {
  if (element.byteConsume.producer !== null || element.byteProduce.consumer !== null) {
    throw new VIOError('the filter is attached already; take it out of its chain first')
  }
  if ([producer, consumer, element.byteConsume, element.byteProduce].some(hasEnded)) {
    throw new VIOError('an end of the chain or of the filter has ended; nothing more passes there')
  }
}

/** Attaches from the consumer up, so that nothing is asked of the producer before all is in place. */
function insert(joint: Joint): void {
  joint.producer.detach()
  try {
    joint.element.byteProduce.attach(joint.consumer)
    joint.producer.attach(joint.element.byteConsume)
  } catch (error) {
    remove(joint)
    throw error
  }
}

/** Attaches the two ends to each other, with nothing between. If they refuse, what they hold is lost, and both are told. */
function remove({ producer, consumer, element }: Joint): void {
  element.byteConsume.detach()
  element.byteProduce.detach()
  try {
    producer.attach(consumer)
  } catch (error) {
    const reason = error instanceof Error ? error : new VIOError(String(error))
    producer.abort(reason)
    consumer.abort(reason)
  }
}

/** Stands beside a filter that is to leave: above it lets nothing in, below it tells of what comes out. */
class Gate extends VByteTap {
  readonly #passed: (() => void) | undefined
  readonly #over: () => void

  constructor(reactor: IVReactor, over: () => void, passed?: () => void) {
    super(reactor)
    this.#over = over
    this.#passed = passed
  }

  /** Lets everything through again. */
  open(): void {
    this.allowFurther(UNLIMITED)
  }

  protected override attached(): void {
    if (this.#passed === undefined) this.allowFurther(0)
  }

  protected override passing(): void {
    this.#passed?.()
  }

  protected override ended(): void {
    this.#over()
  }

  protected override aborted(): void {
    this.#over()
  }
}

/** One element on its way out. */
class Leaving {
  readonly #element: VSpliced
  readonly #finished: (out: boolean) => void
  readonly #task: RecurringTask
  #above: Gate | undefined
  #below: Gate | undefined
  #over = false

  constructor(element: VSpliced, finished: (out: boolean) => void) {
    this.#element = element
    this.#finished = finished
    // A turn of its own: right now the chain may be in the middle of passing something on.
    this.#task = new RecurringTask(element.reactor, () => this.#turn())
    element.bypass?.()
    this.#task.post()
  }

  #turn(): void {
    if (this.#over) return
    const ends = endsAround(this.#element)
    if (ends === undefined) this.#finish(false)
    else if (this.#isEmpty) this.#finish(takeOut(this.#element))
    else if (this.#above === undefined) this.#closeOrStay(ends.producer)
  }

  /** Ends that others wrote may refuse; then all is as it was, and the element stays. */
  #closeOrStay(producer: IVByteProducer): void {
    try {
      this.#close(producer)
    } catch (error) {
      this.#element.reactor.log.error('a filter cannot be taken out of its chain', error)
      this.#finish(false)
    }
  }

  /** True if nothing is held, as far as can be seen without being told. */
  get #isEmpty(): boolean {
    return this.#drained || (this.#element.bypass === undefined && (this.#element.heldBytes ?? 0) === 0)
  }

  #drained = false

  /** Lets nothing more into the element, and has itself told when the rest is out. */
  #close(producer: IVByteProducer): void {
    const { reactor, byteProduce } = this.#element
    const over = (): void => this.#finish(false)
    const above = new Gate(reactor, over)
    splice(producer, above)
    this.#above = above
    if (this.#element.bypass === undefined) {
      const below = new Gate(reactor, over, () => this.#task.post())
      splice(byteProduce, below)
      this.#below = below
    } else {
      this.#element.bypass(() => {
        this.#drained = true
        this.#task.post()
      })
    }
  }

  /** The element is out, or it stays as the flow is at its end, and what is left goes through it. */
  #finish(out: boolean): void {
    if (this.#over) return
    this.#over = true
    for (const gate of [this.#above, this.#below]) if (gate !== undefined) dismiss(gate)
    this.#finished(out)
  }
}

/** A gate leaves as other taps do: it may hold what a consumer that has gone since had allowed. */
function dismiss(gate: Gate): void {
  if (gate.heldBytes > 0) new Leaving(gate, () => undefined)
  else if (!takeOut(gate)) gate.open()
}

class Unsplice implements VUnsplice {
  #left: number
  #out = true
  #listener: ((out: boolean) => void) | undefined

  constructor(elements: readonly VSpliced[]) {
    this.#left = elements.length
    for (const element of elements) new Leaving(element, (out) => this.#oneDone(out))
  }

  get done(): boolean {
    return this.#left === 0
  }

  get out(): boolean {
    return this.done && this.#out
  }

  onDone(listener: (out: boolean) => void): void {
    this.#listener = listener
    if (this.done) listener(this.#out)
  }

  #oneDone(out: boolean): void {
    this.#left -= 1
    this.#out &&= out
    if (this.done) this.#listener?.(this.#out)
  }
}
