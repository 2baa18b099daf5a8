/**
 * The writing side of `VStream`: bytes and files in the order they were written, then perhaps an end.
 *
 * Decides what waits for what. Invariants: a file is one piece of the order, so what is written while it is on its way
 * comes behind it; a file that breaks off after some of it has left takes the output down, as what follows would stand in
 * its place; at most `maxQueuedBytes` of written bytes wait.
 */
import { type IVReactor, VIOClosed, VIOLost } from '@vio/reactor'
import { type IVByteOutletOwner, VByteOutlet } from '../chain/outlet.js'
import { emptyControl } from '../control.js'
import { VIOOversize } from '../errors.js'
import { asError } from '../node/async-source.js'
import { VFileSource, type VFileSourceOptions, type VFileTarget } from '../node/file-source.js'
import { FileJob } from './file-job.js'
import { checkWait, type VWaitOptions, Waiter } from './waiting.js'

/** What waits behind a file: bytes, another file, or the end. */
type Behind = readonly Uint8Array[] | FileJob | 'end'

/** What an output is told by its stream. */
export interface StreamOutputOptions {
  readonly maxQueuedBytes: number
  /** Called once, when the flow was taken down or its end carried out. */
  readonly onOver: () => void
}

/** Queues what is written, in order. */
export class StreamOutput {
  readonly outlet: VByteOutlet
  readonly #reactor: IVReactor
  readonly #options: StreamOutputOptions
  readonly #behind: Behind[] = []
  #behindBytes = 0
  #job: FileJob | null = null
  #ended = false
  #over = false
  #failure: Error | undefined
  readonly #drains = new Set<Waiter<void>>()
  readonly #ends = new Set<Waiter<void>>()

  constructor(reactor: IVReactor, options: StreamOutputOptions) {
    this.#reactor = reactor
    this.#options = options
    this.outlet = new VByteOutlet(reactor, this.#owner())
  }

  /** Why not all of it reached its end; undefined if it did, or still may. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** True once the flow was taken down or its end carried out. */
  get over(): boolean {
    return this.#over
  }

  /** Written bytes that wait, without what files have yet to give. */
  get queuedBytes(): number {
    return this.outlet.queuedBytes + this.#behindBytes
  }

  /** Queues bytes. Returns true if nothing waits afterwards. @throws VIOClosed, VIOOversize */
  write(pieces: readonly Uint8Array[]): boolean {
    const closed = this.#closedError
    if (closed !== undefined) throw closed
    let size = 0
    for (const piece of pieces) size += piece.length
    const total = this.queuedBytes + size
    if (total > this.#options.maxQueuedBytes)
      throw new VIOOversize('a queue of written data', total, this.#options.maxQueuedBytes)
    if (this.#job === null) return this.outlet.write(pieces)
    this.#behind.push(pieces)
    this.#behindBytes += size
    return false
  }

  /** Queues a file. @throws as `VFileSource` does */
  writeFile(target: VFileTarget, part: VFileSourceOptions, wait: VWaitOptions): Promise<number> {
    checkWait(wait)
    const source = new VFileSource(this.#reactor, target, part)
    const waiter: Waiter<number> = new Waiter((error) => job.cancel(asError(error)))
    const job: FileJob = new FileJob(this.#reactor, source, this.outlet, (error) => {
      if (error === undefined) waiter.resolve(job.movedBytes)
      else waiter.reject(error)
      this.#jobDone(job, error)
    })
    if (!waiter.admit(wait.signal)) return waiter.promise
    const closed = this.#closedError
    if (closed !== undefined) waiter.reject(closed)
    else if (this.#job === null) this.#start(job)
    else this.#behind.push(job)
    waiter.limit(this.#reactor, 'the writing of a file', wait)
    return waiter.promise
  }

  /** Ends the output after what is queued. Only the first call counts. */
  end(): void {
    if (this.#ended || this.#over) return
    this.#ended = true
    if (this.#job === null) this.outlet.finish(true)
    else this.#behind.push('end')
  }

  /** Resolves when nothing waits any more. */
  drained(wait: VWaitOptions): Promise<void> {
    return this.#wait(this.#drains, this.#isIdle, 'the writing of what is queued', wait)
  }

  /** Resolves when the end was carried out. */
  carriedOut(wait: VWaitOptions): Promise<void> {
    return this.#wait(this.#ends, this.#over, 'the end of the output', wait)
  }

  /** Drops what is queued and takes the flow down. */
  close(reason: Error): void {
    this.outlet.abort(reason)
  }

  get #isIdle(): boolean {
    return this.#job === null && this.#behind.length === 0 && this.outlet.queuedBytes === 0
  }

  #wait(list: Set<Waiter<void>>, isDone: boolean, what: string, wait: VWaitOptions): Promise<void> {
    checkWait(wait)
    const waiter: Waiter<void> = new Waiter(() => list.delete(waiter))
    if (!waiter.admit(wait.signal)) return waiter.promise
    if (this.#failure !== undefined) waiter.reject(this.#failure)
    else if (isDone) waiter.resolve()
    else list.add(waiter)
    waiter.limit(this.#reactor, what, wait)
    return waiter.promise
  }

  #owner(): IVByteOutletOwner {
    return {
      attached: () => undefined,
      moved: () => {
        this.#job?.pump()
        this.#settleDrains()
      },
      aborted: (reason, afterEnd) => this.#aborted(reason, afterEnd),
      control: emptyControl,
    }
  }

  #aborted(reason: Error | undefined, afterEnd: boolean): void {
    this.#over = true
    if (!afterEnd || reason !== undefined) {
      this.#failure = reason ?? new VIOLost('the other side takes no more data')
    }
    const failure = this.#failure
    const jobs = [this.#job, ...this.#behind.splice(0)].filter((each) => each instanceof FileJob)
    this.#behindBytes = 0
    this.#job = null
    for (const job of jobs) job.cancel(failure ?? new VIOClosed('the output has ended'))
    for (const waiter of [...this.#drains, ...this.#ends]) {
      if (failure === undefined) waiter.resolve()
      else waiter.reject(failure)
    }
    this.#drains.clear()
    this.#ends.clear()
    this.#options.onOver()
  }

  #start(job: FileJob): void {
    this.#job = job
    job.start()
  }

  #jobDone(job: FileJob, error: Error | undefined): void {
    if (this.#job !== job) {
      const at = this.#behind.indexOf(job)
      if (at !== -1) this.#behind.splice(at, 1)
      return
    }
    this.#job = null
    if (error !== undefined && job.movedBytes > 0) {
      this.outlet.abort(new VIOLost('a file broke off after some of it was written', { cause: error }))
      return
    }
    while (this.#job === null && this.#behind.length > 0) this.#next(this.#behind.shift() as Behind)
    this.#settleDrains()
  }

  #next(item: Behind): void {
    if (item === 'end') this.outlet.finish(true)
    else if (item instanceof FileJob) this.#start(item)
    else {
      for (const piece of item) this.#behindBytes -= piece.length
      this.outlet.write(item)
    }
  }

  #settleDrains(): void {
    if (!this.#isIdle) return
    for (const waiter of this.#drains) waiter.resolve()
    this.#drains.clear()
  }

  get #closedError(): VIOClosed | undefined {
    const cause = this.#failure
    if (cause !== undefined)
      return new VIOClosed(`the stream takes no more data: ${cause.message}`, { cause })
    if (!this.#ended && !this.#over) return undefined
    return new VIOClosed('the output was ended and takes no more data')
  }
}
