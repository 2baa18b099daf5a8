/**
 * `VChild`: a child process as an end of a chain, or as an element in the middle of one.
 *
 * Decides how the child's own end becomes the end of its output, and when the child is ended: when a direction is
 * broken off, by a signal, or by a time-out. Limits and half-close are the endpoints'. Invariants: what is broken off
 * is told as such, and the child does not outlive it; a child that has ended is not signalled, as its number may be
 * another's; every child is waited for.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import {
  type IVByteConsumer,
  type IVByteConsuming,
  type IVByteProducer,
  type IVByteProducing,
  VByteEndpoint,
  type VByteIOPair,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOError,
  VIOTimeout,
} from '@vio/io'
import { VStreamDevice } from '@vio/io/node'
import type { IVReactor, IVReactorObject, VScheduledCall } from '@vio/reactor'
import { ChildDevice } from './child-device.js'
import { checkChild, DEFAULT_KILL_DELAY_MS, type VChildOptions, type VChildStatus } from './child-options.js'
import { systemCodeOf, VChildExit, VChildStartError } from './errors.js'
import { onAbort } from './signal.js'

/**
 * Starts a program. What the child consumes goes to its standard input, what it produces comes from its standard output,
 * so that it may stand at either end of a chain or between two elements.
 *
 * ```ts
 * await chain(source, new VChild(reactor, 'gzip', ['-c']), sink).done
 * ```
 *
 * A program that cannot be started ends both directions as lost, with `VChildStartError` as the reason. `await using`
 * ends a child that still runs, and waits for it.
 */
export class VChild implements IVByteConsuming, IVByteProducing, IVReactorObject, AsyncDisposable {
  readonly reactor: IVReactor
  /** The program. */
  readonly command: string
  /** Settles with how it ended. What it wrote may still be on its way. Never rejects. */
  readonly exited: Promise<VChildStatus>
  readonly #process: ChildProcess | null
  readonly #device: ChildDevice
  /** The standard input and output. */
  protected readonly endpoint: VByteEndpoint
  readonly #stderr: VByteEndpoint | null
  readonly #options: VChildOptions
  readonly #stopSignal: () => void
  readonly #timeout: VScheduledCall | undefined
  #kill: VScheduledCall | undefined
  /** Why it was ended from here. */
  #reason: Error | undefined
  #status: VChildStatus | null = null
  #verdict: VFailure | null = null
  #tell: (status: VChildStatus) => void = () => undefined

  /** @throws TypeError, RangeError for arguments or options that are of the wrong kind; nothing was started then */
  constructor(
    reactor: IVReactor,
    command: string,
    args: readonly string[] = [],
    options: VChildOptions = {},
  ) {
    checkChild(command, args, options)
    this.reactor = reactor
    this.command = command
    this.#options = options
    this.exited = new Promise((resolve) => {
      this.#tell = resolve
    })
    this.#process = this.#start(args)
    const { stdin = null, stdout = null, stderr = null } = this.#process ?? {}
    this.#device = new ChildDevice(this.#deviceState(), stdout, stdin)
    this.endpoint = new VByteEndpoint(reactor, this.#device, options)
    this.#stderr = stderr === null ? null : endpointOf(reactor, stderr)
    this.#stopSignal = onAbort(options.signal, (reason) => this.abort(reason))
    if (options.timeoutMs !== undefined && this.#status === null)
      this.#timeout = reactor.schedule(options.timeoutMs, () => this.#timedOut())
    if (this.#status !== null) this.#settled()
  }

  /** Takes what the child reads from its standard input. */
  get byteConsume(): IVByteConsumer {
    return this.endpoint.byteConsume
  }

  /** Gives what the child writes to its standard output. */
  get byteProduce(): IVByteProducer {
    return this.endpoint.byteProduce
  }

  /** Both as a pair. */
  get byteIO(): VByteIOPair {
    return this.endpoint.byteIO
  }

  /** Gives what the child writes to its standard error. @throws VIOError unless the option `stderr` is `'pipe'` */
  get stderr(): IVByteProducing {
    if (this.#stderr !== null) return this.#stderr
    throw new VIOError("the standard error of this child is no pipe; give the option stderr: 'pipe'")
  }

  /** The number of the process; undefined if it was not started. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** How it ended; null while it runs. */
  get status(): VChildStatus | null {
    return this.#status
  }

  /** True while it runs. */
  get running(): boolean {
    return this.#status === null && this.#process !== null
  }

  /** Sends it a signal. Returns false if it does not run any more. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): boolean {
    return this.#isAlive && this.#process?.kill(signal) === true
  }

  /**
   * Breaks it off: both directions end as lost with `reason`, and the child is ended, by SIGTERM and, if it is still
   * there after `killDelayMs`, by SIGKILL. Idempotent.
   */
  abort(reason: Error = new VIOError(`${this.command} was aborted`)): void {
    this.#breakOff(reason)
    this.endpoint.closeIO(new VFIOLost(reason))
  }

  /** Closes both directions cleanly, ends the child if it still runs, and waits until it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.endpoint.closeIO(new VFIOCompleted())
    this.#stderr?.closeIO(new VFIOCompleted())
    if (this.running) this.#breakOff(new VIOError(`${this.command} was disposed of while it ran`))
    await this.exited
  }

  /** The process is there to be signalled. */
  get #isAlive(): boolean {
    const child = this.#process
    return child !== null && child.pid !== undefined && child.exitCode === null && child.signalCode === null
  }

  #deviceState(): ConstructorParameters<typeof ChildDevice>[0] {
    const child = this
    return {
      get verdict() {
        return child.#verdict
      },
      waitsForExit: this.#options.cleanWhen !== 'stream',
      breakOff: (reason) => this.#breakOff(reason),
    }
  }

  #start(args: readonly string[]): ChildProcess | null {
    const { cwd, env, stdin = 'pipe', stdout = 'pipe', stderr = 'inherit' } = this.#options
    let child: ChildProcess
    try {
      child = spawn(this.command, args, {
        ...(cwd === undefined ? {} : { cwd }),
        ...(env === undefined ? {} : { env }),
        stdio: [stdin, stdout, stderr],
        windowsHide: true,
      })
    } catch (cause) {
      // The system refused in the call itself, for too many arguments as an example.
      this.#status = { exitCode: null, signal: null, reason: this.#startError(cause) }
      this.#verdict = new VFIOLost(this.#startError(cause))
      return null
    }
    child.on('error', (error) => {
      // Also told when a signal could not be sent: that ends nothing.
      if (child.pid === undefined)
        this.#ended({ exitCode: null, signal: null, reason: this.#startError(error) })
      else this.reactor.log.warn(`${this.command} could not be signalled`, error)
    })
    child.on('exit', (exitCode, signal) => this.#exited(exitCode, signal))
    return child
  }

  #startError(cause: unknown): VChildStartError {
    const code = systemCodeOf(cause) ?? 'UNKNOWN'
    const where = this.#options.cwd === undefined ? '' : ` in ${this.#options.cwd}`
    return new VChildStartError(`${this.command} could not be started${where}: ${code}`, code, { cause })
  }

  #exited(exitCode: number | null, signal: string | null): void {
    this.#ended({ exitCode, signal, ...(this.#reason === undefined ? {} : { reason: this.#reason }) })
  }

  #ended(status: VChildStatus): void {
    if (this.#status !== null) return
    this.#status = status
    this.#verdict = this.#judge(status)
    this.#settled()
    this.#device.childChanged()
  }

  #settled(): void {
    this.#timeout?.cancel()
    this.#kill?.cancel()
    this.#stopSignal()
    if (this.#status !== null) this.#tell(this.#status)
  }

  /** What the end of the child means to its output. */
  #judge(status: VChildStatus): VFailure {
    const { reason, exitCode, signal } = status
    if (reason instanceof VChildStartError) return new VFIOLost(reason)
    if (this.#reason !== undefined) return new VFIOLost(this.#reason)
    const { cleanWhen = 'success' } = this.#options
    const isClean =
      typeof cleanWhen === 'function'
        ? this.#asked(cleanWhen, status)
        : exitCode === 0 || (cleanWhen === 'any' && signal === null)
    return isClean ? new VFIOCompleted() : new VFIOLost(new VChildExit(this.command, exitCode, signal))
  }

  #asked(cleanWhen: (status: VChildStatus) => boolean, status: VChildStatus): boolean {
    try {
      return cleanWhen(status) === true
    } catch (error) {
      this.reactor.log.error('cleanWhen failed, which counts as no', error)
      return false
    }
  }

  #timedOut(): void {
    this.abort(new VIOTimeout(`${this.command} still ran after ${this.#options.timeoutMs} ms`))
  }

  #breakOff(reason: Error): void {
    if (this.#status !== null || this.#reason !== undefined) return
    this.#reason = reason
    if (!this.kill('SIGTERM')) return
    this.#kill = this.reactor.schedule(this.#options.killDelayMs ?? DEFAULT_KILL_DELAY_MS, () =>
      this.kill('SIGKILL'),
    )
  }
}

function endpointOf(reactor: IVReactor, stderr: Readable): VByteEndpoint {
  return new VByteEndpoint(reactor, new VStreamDevice(stderr))
}
