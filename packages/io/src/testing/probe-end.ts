/**
 * What the two probes share: the link, the record of hooks and control messages, and scripts that throw.
 *
 * A probe is written against the interfaces alone and shares no code with vio's own ends, so that a fault of theirs
 * cannot hide in the probe. It keeps the whole contract itself. Invariant: everything that reaches a probe is recorded.
 */
import { VIOError } from '@vio/reactor'
import { emptyControl, tell, type VControlHandlers, VIOControl } from '../control.js'
import { limitOf } from '../limit.js'
import { VProbeLog } from './probe-log.js'

/** Options of a probe. `H` are the names of its hooks. */
export interface VProbeOptions<H extends string> {
  /** How the probe's events begin; by default 'source' or 'sink'. */
  readonly name?: string
  /** Where it records; by default a log of its own. */
  readonly log?: VProbeLog
  /** What is done in a hook, once it was recorded: throw, for example, or call something. */
  readonly hooks?: Partial<Record<H, () => void>>
  /** What control messages are answered with; those without a handler are recorded, and answered with true if they ask. */
  readonly handlers?: VControlHandlers
  /** True for a control that handles nothing. By default false. */
  readonly mute?: boolean
}

/** How an end was told. */
export interface VProbeEnd {
  readonly clean: boolean
  readonly reason: Error | undefined
}

/** What a probe does with whoever it is attached to. */
interface Neighbour<Self> {
  readonly control: VIOControl
  attach(self: Self): void
  detach(): void
  abort(reason?: Error): void
}

const MESSAGES = [
  'authorize',
  'canConnect',
  'connected',
  'notifyConsumerAttached',
  'notifyProducerAttached',
  'reqConsumerState',
  'reqProducerState',
] as const

/** Base of both probes. */
export abstract class ProbeEnd<Self, N extends Neighbour<Self>, H extends string> {
  /** How its events begin. */
  readonly name: string
  /** Where it records. */
  readonly log: VProbeLog
  /** What control messages came with, by name, in order. */
  readonly messages: { readonly name: string; readonly args: readonly unknown[] }[] = []
  /** The cumulative limit of the present attachment; Infinity for none. */
  limit = 0
  /** Units that moved in the present attachment. */
  moved = 0
  /** How it was aborted, or null. */
  aborted: { readonly reason: Error | undefined } | null = null
  protected neighbour: N | null = null
  readonly #hooks: Partial<Record<H, () => void>>
  readonly #control: VIOControl
  protected abstract readonly notifyName: 'notifyConsumerAttached' | 'notifyProducerAttached'
  protected abstract readonly attachedHook: H
  protected abstract readonly detachedHook: H
  protected abstract readonly abortedHook: H

  constructor(defaultName: string, options: VProbeOptions<H>) {
    this.name = options.name ?? defaultName
    this.log = options.log ?? new VProbeLog()
    this.#hooks = options.hooks ?? {}
    this.#control = options.mute === true ? emptyControl() : this.#recordingControl(options.handlers ?? {})
  }

  /** Records control messages. */
  get control(): VIOControl {
    return this.#control
  }

  /** True: nothing is passed on. */
  get flows(): readonly never[] {
    return []
  }

  /** A probe has one direction. */
  get twoway(): boolean {
    return false
  }

  /** What the limit allows beyond what moved. */
  get credit(): number {
    return this.limit - this.moved
  }

  /** True once it takes or gives no more. */
  abstract get closed(): boolean
  /** Whether `value` can be attached. */
  protected abstract fits(value: unknown): value is N
  /** What is held is to be dropped. */
  protected abstract drop(): void

  /** Attaches, in the order of hooks and notices that the contract gives. */
  attach(neighbour: N): void {
    if (this.neighbour === neighbour && neighbour !== null) return
    if (!this.fits(neighbour)) throw new TypeError(`${this.name} cannot be attached to that`)
    if (this.closed) throw new VIOError(`${this.name} has ended`)
    if (this.neighbour !== null) throw new VIOError(`${this.name} is attached already`)
    this.#link(neighbour)
    try {
      neighbour.attach(this as unknown as Self)
    } catch (error) {
      this.#link(null)
      throw error
    }
    try {
      if (this.isAttachedTo(neighbour)) this.hook(this.attachedHook)
      if (this.isAttachedTo(neighbour)) tell(neighbour.control, this.notifyName, this as never)
    } catch (error) {
      if (this.isAttachedTo(neighbour)) this.detach()
      throw error
    }
  }

  /** Detaches, the neighbour's hook first. */
  detach(): void {
    const neighbour = this.neighbour
    if (neighbour === null) return
    this.#link(null)
    neighbour.detach()
    this.hook(this.detachedHook)
  }

  /** Aborts, the neighbour first. */
  abort(reason?: Error): void {
    if (this.aborted !== null) return
    this.aborted = { reason }
    this.neighbour?.abort(reason)
    this.detach()
    this.drop()
    this.hook(this.abortedHook)
  }

  protected isAttachedTo(neighbour: N): boolean {
    return this.neighbour === neighbour
  }

  /** Records a hook and does what the script says. */
  protected hook(name: H, detail = ''): void {
    this.log.call(`${this.name}.${name}`, detail, () => this.#hooks[name]?.())
  }

  /** Adopts a limit as it comes over the interface. */
  protected adopt(limit: number | null): void {
    this.limit = limitOf(limit)
  }

  #link(neighbour: N | null): void {
    this.neighbour = neighbour
    this.limit = 0
    this.moved = 0
  }

  #recordingControl(handlers: VControlHandlers): VIOControl {
    const recording: Record<string, unknown> = {}
    for (const name of new Set([...MESSAGES, ...Object.keys(handlers)])) {
      recording[name] = (...args: readonly unknown[]): unknown => {
        this.messages.push({ name, args })
        return this.log.call(`${this.name}.control.${name}`, '', () => {
          const own = (handlers as Record<string, unknown>)[name]
          if (typeof own === 'function') return Reflect.apply(own, handlers, args) as unknown
          return name === 'canConnect' || name === 'authorize' ? true : undefined
        })
      }
    }
    return new VIOControl(recording as VControlHandlers)
  }
}
