/**
 * Control messages: what elements of a chain say to each other beside the bytes.
 *
 * Decides how a message finds its handler and what happens without one. Which message means what stands in the
 * catalogue `VControlMessages`, which users extend by declaration merging; who sends which message, and when, is the
 * sender's affair. Invariant: reading any property of a control never throws, so it can be awaited, printed and
 * turned into JSON; only calling an unhandled message does.
 */
import { VIOMissingControl } from './errors.js'
import { describeValue } from './limit.js'
import type { VPeer } from './peer.js'
import type { IVAnyConsumer, IVAnyProducer } from './types.js'

/**
 * The control messages and their parameters.
 *
 * Messages that a `consumer.control` takes travel with the bytes, towards the application; those that a
 * `producer.control` takes travel against them, towards the device. Add your own by declaration merging:
 * `declare module '@vio/io' { interface VControlMessages { myMessage(value: number): void } }`.
 */
export interface VControlMessages {
  /** With the bytes. May the connection go on with these credentials? Any may be null. True means yes. */
  authorize(
    key: unknown,
    certs: readonly unknown[] | null,
    identity: unknown,
    protocol: string | null,
  ): boolean
  /** With the bytes. May a connection to `peer` be tried? Asked once an attempt, before the attempt. True means yes. */
  canConnect(peer: VPeer): boolean
  /** With the bytes. The chain's end is connected to `peer`. May come more than once. */
  connected(peer: VPeer): void
  /** Against the bytes. `consumer` was attached. */
  notifyConsumerAttached(consumer: IVAnyConsumer): void
  /** With the bytes. `producer` was attached. */
  notifyProducerAttached(producer: IVAnyProducer): void
  /** Against the bytes. Tell the control of `consumer`, on a later turn, what has been notified so far. */
  reqProducerState(consumer: IVAnyConsumer): void
  /** With the bytes. Tell the control of `producer`, on a later turn, what has been notified so far. */
  reqConsumerState(producer: IVAnyProducer): void
}

/** Handlers for some of the control messages. */
export type VControlHandlers = Partial<VControlMessages>

/** A control object: every message can be called; one without a handler throws `VIOMissingControl`. */
export type VIOControl = VControlMessages

/** Names that awaiting, printing and comparing look up on any object. They are never messages. */
const PROBES: ReadonlySet<string> = new Set([
  'then',
  'toJSON',
  'inspect',
  '$$typeof',
  'nodeType',
  'tagName',
  'asymmetricMatch',
  'hasAttribute',
])

type MessageFunction = (...args: readonly unknown[]) => unknown

/** Where a control that was made with handlers finds them, and where any control looks for the rest. */
interface ControlTarget {
  readonly handlers: VControlHandlers | undefined
  readonly next: (() => VIOControl) | undefined
}

/** What the object behind the proxy of a control was made with; undefined for any other object. */
let targetOf: (raw: object) => ControlTarget | undefined

function messageOf(raw: object, name: string): MessageFunction {
  const { handlers, next } = targetOf(raw) ?? {}
  const own = handlers === undefined ? undefined : (handlers as Record<string, unknown>)[name]
  if (typeof own === 'function') return (...args) => Reflect.apply(own, handlers, args)
  // Which control comes next is asked when the message is sent: neighbours change.
  return (...args) => send(next === undefined ? undefined : next(), name, args)
}

function send(control: VIOControl | undefined, name: string, args: readonly unknown[]): unknown {
  const message = (control as unknown as Record<string, unknown> | undefined)?.[name]
  if (typeof message !== 'function') throw new VIOMissingControl(name)
  return Reflect.apply(message, control, args)
}

/** Asks a control of ours for the object behind its proxy. */
const RAW = Symbol('raw')

/**
 * What would take the message, or undefined where nobody does. Most messages of most chains have no handler, and an error
 * for each would be dear.
 */
function handlerOf(control: VIOControl, name: string): MessageFunction | undefined {
  const raw = (control as unknown as Record<symbol, unknown>)[RAW]
  const target = typeof raw === 'object' && raw !== null ? targetOf(raw) : undefined
  // A control that others wrote, or a message that a subclass defines.
  if (target === undefined || name in (raw as object)) {
    const message = (control as unknown as Record<string, unknown>)[name]
    return typeof message === 'function' ? (...args) => Reflect.apply(message, control, args) : undefined
  }
  if (PROBES.has(name)) return undefined
  const { handlers, next } = target
  const own = handlers === undefined ? undefined : (handlers as Record<string, unknown>)[name]
  if (typeof own === 'function') return (...args) => Reflect.apply(own, handlers, args)
  return next === undefined ? undefined : handlerOf(next(), name)
}

const proxyHandler: ProxyHandler<object> = {
  get(raw, property, receiver) {
    if (property === RAW) return raw
    if (typeof property !== 'string' || PROBES.has(property)) return undefined
    // What a subclass defines, and what every object has, is found on the object itself.
    if (property in raw) return Reflect.get(raw, property, receiver)
    return messageOf(raw, property)
  },
}

class ControlObject {
  // A weak map would keep what it leads to, as the young generation is collected as if its values were in use.
  readonly #target: ControlTarget

  static {
    targetOf = (raw) => (#target in raw ? raw.#target : undefined)
  }

  constructor(handlers?: VControlHandlers, next?: () => VIOControl) {
    if (handlers !== undefined && (typeof handlers !== 'object' || handlers === null)) {
      throw new TypeError(`the handlers of a control are an object, got ${describeValue(handlers)}`)
    }
    if (next !== undefined && typeof next !== 'function') {
      throw new TypeError(`the next control is told by a function, got ${describeValue(next)}`)
    }
    this.#target = { handlers, next }
    // biome-ignore lint/correctness/noConstructorReturn: the proxy is the object; a subclass gets it as `this`
    return new Proxy<ControlObject>(this, proxyHandler as ProxyHandler<ControlObject>)
  }
}

/**
 * Makes a control object out of handlers.
 *
 * `handlers` are the messages answered here, called with `handlers` as `this`; what they throw reaches the caller.
 * `next` is asked, at each message without a handler, for the control that gets it instead: that is pass-through. A
 * handler that calls the same message of the next control itself does both. A subclass may define messages as
 * methods instead of giving `handlers`.
 *
 * `new` throws TypeError if `handlers` is no object or `next` no function.
 */
export const VIOControl: new (handlers?: VControlHandlers, next?: () => VIOControl) => VIOControl =
  ControlObject as unknown as new (
    handlers?: VControlHandlers,
    next?: () => VIOControl,
  ) => VIOControl

const EMPTY: VIOControl = new VIOControl({})

/** The control that handles nothing. One object for all, as it has no state. */
export function emptyControl(): VIOControl {
  return EMPTY
}

/**
 * Sends a message that needs no answer. That nobody handles it is fine; any other error goes to the caller,
 * `VIOMissingControl` for another message included.
 */
export function tell<K extends keyof VControlMessages>(
  control: VIOControl,
  name: K,
  ...args: Parameters<VControlMessages[K]>
): void {
  if (control !== EMPTY) ask(control, name, undefined, ...args)
}

/** Sends a message that is a question; `fallback` is the answer when nobody handles it. Errors as with `tell`. */
export function ask<K extends keyof VControlMessages, F>(
  control: VIOControl,
  name: K,
  fallback: F,
  ...args: Parameters<VControlMessages[K]>
): ReturnType<VControlMessages[K]> | F {
  // The plain case, which each connection has several times.
  if (control === EMPTY) return fallback
  const message = handlerOf(control, name)
  if (message === undefined) return fallback
  try {
    return message(...args) as ReturnType<VControlMessages[K]>
  } catch (error) {
    if (error instanceof VIOMissingControl && error.messageName === name) return fallback
    throw error
  }
}

/** What a permission comes to where no handler says it. */
export interface VPermissionTerms {
  /** The answer when nobody takes the question. */
  readonly fallback: boolean
  /** Told what a handler threw; the answer is no then. */
  readonly failed: (error: unknown) => void
}

/**
 * Asks for a permission, and takes only the answer true for a yes: anything else a handler answers is a no, and so is
 * throwing. `VIOMissingControl` for another message is such a throw.
 */
export function askPermission<K extends 'authorize' | 'canConnect'>(
  control: VIOControl,
  name: K,
  terms: VPermissionTerms,
  ...args: Parameters<VControlMessages[K]>
): boolean {
  try {
    return ask(control, name, terms.fallback, ...args) === true
  } catch (error) {
    terms.failed(error)
    return false
  }
}
