/**
 * What the subjects of the contract tests share: controls that record, and the core of an end that takes or gives units.
 */
import { type VControlHandlers, VIOControl, type VReceiveAnswer } from '@vio/io'
import type { IVConsumerSetup, VProbeEnd, VProbeLog, VTestBench } from '@vio/io/testing'

const MESSAGES = [
  'authorize',
  'canConnect',
  'connected',
  'notifyConsumerAttached',
  'notifyProducerAttached',
  'reqConsumerState',
  'reqProducerState',
]

/** A control that records what reaches it as `NAME.message()`, and says yes to questions. */
export function recordingControl(log: VProbeLog, name: string): VIOControl {
  const handlers: Record<string, unknown> = {}
  for (const message of MESSAGES) {
    handlers[message] = (): boolean | undefined => {
      log.add(`${name}.${message}()`)
      return message === 'canConnect' || message === 'authorize' ? true : undefined
    }
  }
  return new VIOControl(handlers as VControlHandlers)
}

/** Turns a piece of a flow into the numbers of its units. */
export function numbersOf(piece: unknown): number[] {
  return typeof piece === 'number' ? [piece] : [...(piece as Uint8Array)]
}

/** What a consumer with hooks does in them: keeps a limit of its own, records, fails when told. */
export class ConsumerCore {
  readonly values: number[] = []
  readonly ends: VProbeEnd[] = []
  fail: Error | undefined
  readonly #bench: VTestBench
  readonly #setup: IVConsumerSetup
  readonly #grant: (units: number | null) => void
  #allowed = 0
  #taken = 0
  #attached = false

  /** `grant` is the element's `setReceiveLimit`. */
  constructor(bench: VTestBench, setup: IVConsumerSetup, grant: (units: number | null) => void) {
    this.#bench = bench
    this.#setup = setup
    this.#grant = grant
  }

  hook(name: string, detail = ''): void {
    this.#bench.log.add(`subject.${name}(${detail})`)
  }

  control(): VIOControl {
    return recordingControl(this.#bench.log, 'subject.control')
  }

  attached(): void {
    this.hook('producerAttached')
    this.#attached = true
    this.#taken = 0
    this.#allowed = this.#setup.limit ?? Number.POSITIVE_INFINITY
    this.#grant(this.#setup.limit)
  }

  detached(): void {
    this.hook('producerDetached')
    this.#attached = false
  }

  received(piece: unknown): VReceiveAnswer {
    const units = numbersOf(piece)
    this.#taken += units.length
    this.values.push(...units)
    this.#setup.onTaken?.()
    if (this.fail !== undefined) throw this.fail
    const left = this.#allowed - this.#taken
    return left === Number.POSITIVE_INFINITY ? undefined : Math.max(0, left)
  }

  ended(clean: boolean, reason: Error | undefined): void {
    this.hook('dataEnded', String(clean))
    this.ends.push({ clean, reason })
  }

  raise(count: number): void {
    this.#allowed += count
    if (this.#attached) this.#grant(this.#allowed - this.#taken)
  }

  drain(): number[] {
    this.#allowed = Number.POSITIVE_INFINITY
    if (this.#attached) this.#grant(null)
    this.#bench.settle()
    return [...this.values]
  }
}

/** What a producer with hooks does in them: counts up, records under a name, fails when told. */
export class ProducerCore {
  readonly #bench: VTestBench
  readonly #name: string
  fail: Error | undefined
  pending = 0
  #next = 0

  constructor(bench: VTestBench, name = 'subject') {
    this.#bench = bench
    this.#name = name
  }

  hook(name: string): void {
    this.#bench.log.add(`${this.#name}.${name}()`)
  }

  control(): VIOControl {
    return recordingControl(this.#bench.log, `${this.#name}.control`)
  }

  /** The numbers of up to `max` of the units that wait; all for a negative one. */
  take(max: number): number[] {
    if (this.fail !== undefined) throw this.fail
    const count = max < 0 ? this.pending : Math.min(max, this.pending)
    return this.issue(count)
  }

  /** The numbers of the next `count` units. */
  issue(count: number): number[] {
    const first = this.#next
    this.#next += count
    this.pending = Math.max(0, this.pending - count)
    return Array.from({ length: count }, (_, at) => (first + at) & 0xff)
  }
}
