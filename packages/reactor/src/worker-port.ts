/**
 * Calls between the reactors of two threads, by name, over a message port.
 *
 * Decides how a call, its result and its error travel; which names there are is left to whoever serves them. Threads share
 * no objects, so a function cannot be sent: it is named. Invariant: every call that was made ends once, with a result or an
 * error, also when the port closes; what comes in from the other side never throws here.
 */
import type { MessagePort, Worker } from 'node:worker_threads'
import { VError, VReactorError } from './errors.js'
import { VPending } from './pending.js'
import type { IVReactor, IVReactorObject } from './types.js'

/** A function that the other thread may call by its name. It may return a promise or a `VPending` of its result. */
export type VWorkerHandler = (...args: never[]) => unknown

/** What a port can be told. */
export interface VWorkerPortOptions {
  /** The functions that the other side may call, by name. None unless given. */
  readonly handlers?: Readonly<Record<string, VWorkerHandler>>
}

/** A call in the other thread failed. */
export class VWorkerError extends VReactorError {
  override readonly code: string = 'V_WORKER_ERROR'
  /** The name of the error that the other side threw. */
  readonly remoteName: string
  /** Its code, if it was an error of vio. */
  readonly remoteCode: string | undefined

  constructor(message: string, remoteName: string, remoteCode?: string) {
    super(message)
    this.remoteName = remoteName
    this.remoteCode = remoteCode
  }
}

/** The other side serves no function of that name. */
export class VWorkerUnknownName extends VReactorError {
  override readonly code = 'V_WORKER_UNKNOWN_NAME'
  /** The name that was called. */
  readonly handlerName: string

  constructor(handlerName: string) {
    super(`the other thread serves no function named '${handlerName}'`)
    this.handlerName = handlerName
  }
}

/** The port was closed before the call was answered, or before it was made. */
export class VWorkerPortClosed extends VReactorError {
  override readonly code = 'V_WORKER_PORT_CLOSED'
}

interface Waiting {
  readonly name: string
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

type Message =
  | { readonly vio: 'call'; readonly id: number; readonly name: string; readonly args: readonly unknown[] }
  | { readonly vio: 'result'; readonly id: number; readonly value: unknown }
  | {
      readonly vio: 'error'
      readonly id: number
      readonly name: string
      readonly message: string
      readonly code?: string
    }
  | { readonly vio: 'unknown'; readonly id: number }

/**
 * One end of a pair: serves functions on its reactor, and calls those of the other end.
 *
 * With nothing to serve, an end keeps the process alive only while a call is waited for.
 *
 * @example
 * // in the worker
 * new VWorkerPort(reactor, parentPort, { handlers: { add: (a: number, b: number) => a + b } })
 * // in the thread that started it
 * const port = new VWorkerPort(reactor, worker)
 * await port.execute('add', 1, 2) // 3
 */
export class VWorkerPort implements IVReactorObject, Disposable {
  readonly reactor: IVReactor
  readonly #port: MessagePort | Worker
  readonly #handlers = new Map<string, VWorkerHandler>()
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #closed = false
  readonly #onMessage = (message: unknown): void => this.#receive(message)
  readonly #onClose = (): void => this.close()
  readonly #onError = (error: unknown): void => this.#closeBecauseOf(error)

  /**
   * Takes the port over: `close` closes it. A `Worker` is not ended by it; one that dies of an error closes the port, and
   * the calls that waited are given that error as the cause.
   */
  constructor(reactor: IVReactor, port: MessagePort | Worker, options: VWorkerPortOptions = {}) {
    this.reactor = reactor
    this.#port = port
    for (const [name, handler] of Object.entries(options.handlers ?? {})) this.handle(name, handler)
    port.on('message', this.#onMessage)
    port.on('close', this.#onClose)
    port.on('exit', this.#onClose)
    port.on('error', this.#onError)
    this.#updateRef()
  }

  /** True once the port is closed. */
  get closed(): boolean {
    return this.#closed
  }

  /** Serves `handler` under `name`, in place of what was served under it before. */
  handle(name: string, handler: VWorkerHandler): void {
    if (typeof handler !== 'function')
      throw new TypeError(`handler '${name}' is a function, got ${typeof handler}`)
    this.#handlers.set(name, handler)
    this.#updateRef()
  }

  /**
   * Calls the function `name` on the other side's reactor.
   *
   * The promise is rejected with `VWorkerError` if the function throws, `VWorkerUnknownName` if there is none,
   * `VWorkerPortClosed` if the port closes first, and with what the system says if an argument cannot be sent.
   */
  execute(name: string, ...args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new VWorkerPortClosed(`'${name}' cannot be called: the port is closed`)
      const id = ++this.#lastId
      this.#send({ vio: 'call', id, name, args })
      this.#waiting.set(id, { name, resolve, reject })
      this.#updateRef()
    })
  }

  /** Closes the port and fails the calls that were not answered. Idempotent. */
  close(): void {
    this.#closeBecauseOf(undefined)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @param cause what the other thread died of, if it did */
  #closeBecauseOf(cause: unknown): void {
    if (this.#closed) return
    this.#closed = true
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#port.removeListener('message', this.#onMessage)
    this.#port.removeListener('exit', this.#onClose)
    if ('close' in this.#port) this.#port.close()
    this.#port.unref()
    for (const { name, reject } of waiting) {
      reject(new VWorkerPortClosed(`the port closed before '${name}' was answered`, { cause }))
    }
  }

  #receive(received: unknown): void {
    const message = received as Partial<Message> | null
    if (typeof message !== 'object' || message === null || typeof message.id !== 'number') return
    if (message.vio === 'call') this.#schedule(message as Extract<Message, { vio: 'call' }>)
    else this.#answer(message as Exclude<Message, { vio: 'call' }>)
  }

  #schedule(message: Extract<Message, { vio: 'call' }>): void {
    const call = this.reactor.callWhenRunning(() => this.#serve(message))
    if (!call.active)
      this.#replyError(message.id, new VReactorError('the reactor that serves the port has stopped'))
  }

  #serve(message: Extract<Message, { vio: 'call' }>): void {
    const handler = this.#handlers.get(message.name)
    if (handler === undefined) {
      this.#reply({ vio: 'unknown', id: message.id })
      return
    }
    try {
      const returned = handler(...(message.args as never[]))
      const value = returned instanceof VPending ? returned.toPromise() : returned
      if (value instanceof Promise) {
        value.then(
          (result) => this.#replyValue(message.id, result),
          (error: unknown) => this.#replyError(message.id, error),
        )
      } else this.#replyValue(message.id, value)
    } catch (error) {
      this.#replyError(message.id, error)
    }
  }

  #replyValue(id: number, value: unknown): void {
    try {
      this.#reply({ vio: 'result', id, value })
    } catch (error) {
      // A function, say, cannot be sent: the caller is told instead of waiting for ever.
      this.#replyError(id, error)
    }
  }

  #replyError(id: number, error: unknown): void {
    const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
    const code = error instanceof VError ? { code: error.code } : {}
    this.#reply({ vio: 'error', id, name, message, ...code })
  }

  #reply(message: Message): void {
    if (!this.#closed) this.#send(message)
  }

  #send(message: Message): void {
    this.#port.postMessage(message)
  }

  #answer(message: Exclude<Message, { vio: 'call' }>): void {
    const call = this.#waiting.get(message.id)
    if (call === undefined) return
    this.#waiting.delete(message.id)
    this.#updateRef()
    if (message.vio === 'result') call.resolve(message.value)
    else if (message.vio === 'unknown') call.reject(new VWorkerUnknownName(call.name))
    else
      call.reject(new VWorkerError(`'${call.name}' failed: ${message.message}`, message.name, message.code))
  }

  #updateRef(): void {
    if (this.#handlers.size > 0 || this.#waiting.size > 0) this.#port.ref()
    else this.#port.unref()
  }
}
