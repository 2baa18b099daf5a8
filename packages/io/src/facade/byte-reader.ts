/**
 * The reading side of facades: reads that wait, one behind the other, for bytes that a chain brings.
 *
 * Decides which read gets which bytes, what each is told when the data ends, and how much the chain may bring meanwhile:
 * no more than `capacityBytes`, unless the first read in line needs more at once. What a read asks for stands in
 * `ReadRequest`. Invariants: reads are served in the order they were made; one that fails has taken nothing.
 */
import { type IVReactor, VIOClosed, VIOLost } from '@vio/reactor'
import { type IVByteIntakeOwner, VByteIntake } from '../chain/intake.js'
import { emptyControl, type VIOControl } from '../control.js'
import { VIOIncomplete } from './errors.js'
import type { ReadRequest } from './read-request.js'
import { checkWait, type VWaitOptions, Waiter } from './waiting.js'

const EMPTY: Buffer = Buffer.alloc(0)

interface PendingRead {
  readonly request: ReadRequest
  readonly waiter: Waiter<Buffer>
  /** True once the request has seen what was held when it came first in line. */
  started: boolean
}

/** What a reader is told by its facade. */
export interface ByteReaderOptions {
  /** The most bytes that are held while no read needs more. */
  readonly capacityBytes: number
  /** True if the clean end is told to one read only, and later ones fail; else to each. */
  readonly tellsEndOnce: boolean
  /** What reads are told of a failure; by default the failure itself. */
  readonly explain?: (failure: Error) => Error
  /** Called once, when nothing more comes and nothing is left to read. */
  readonly onOver?: () => void
  /** Called when a producer was attached. */
  readonly onAttached?: () => void
  /** The control that takes messages travelling with the bytes. */
  readonly control?: () => VIOControl
}

/** Reads what an intake holds. */
export class ByteReader {
  readonly intake: VByteIntake
  readonly #reactor: IVReactor
  readonly #options: ByteReaderOptions
  readonly #reads: PendingRead[] = []
  #endTold = false
  /** A unit that the clean end has cut off; what there is of it may still be read. */
  #cutOff: Error | undefined
  /** Why the flow was taken down before its end. */
  #broken: Error | undefined
  #closed: Error | undefined
  #over = false

  constructor(reactor: IVReactor, options: ByteReaderOptions) {
    this.#reactor = reactor
    this.#options = options
    this.intake = new VByteIntake(reactor, this.#owner(), options.capacityBytes)
  }

  /** Why bytes are missing; undefined if none are, so far. */
  get failure(): Error | undefined {
    if (this.#broken !== undefined) return this.#broken
    const { end } = this.intake
    return end?.clean === false ? lostBecause(end.reason) : undefined
  }

  /** True once nothing more comes and nothing is left. */
  get over(): boolean {
    return this.#over
  }

  /**
   * Takes what the request asks for, now or later. An end answers as the request says; the first time that a clean end
   * leaves nothing to give the answer is empty, the next time it is `VIOClosed`.
   */
  read(request: ReadRequest, options: VWaitOptions): Promise<Buffer> {
    checkWait(options)
    const read: PendingRead = { request, waiter: new Waiter(() => this.#drop(read)), started: false }
    if (!read.waiter.admit(options.signal)) return read.waiter.promise
    if (this.#closed !== undefined) {
      read.waiter.reject(this.#explained(this.#closed))
      return read.waiter.promise
    }
    this.#reads.push(read)
    if (this.#reads[0] === read) this.#serve([])
    read.waiter.limit(this.#reactor, request.what, options)
    return read.waiter.promise
  }

  /** Fails the reads that wait and those to come. What is held stays, and no more is granted for them. */
  refuse(reason: Error): void {
    this.#closed ??= reason
    for (const read of this.#reads.splice(0)) read.waiter.reject(this.#explained(reason))
  }

  /** Fails the reads that wait and those to come, drops what is held and takes the flow down. */
  close(reason: Error): void {
    this.refuse(reason)
    if (this.#over) return
    const isComplete = this.intake.end?.clean === true && this.intake.buffer.length === 0
    if (!isComplete) this.#broken ??= this.failure ?? this.#cutOff ?? reason
    this.intake.giveUp(this.#broken ?? reason)
    this.#settleOver()
  }

  #owner(): IVByteIntakeOwner {
    return {
      attached: () => this.#options.onAttached?.(),
      arrived: (pieces) => this.#serve(pieces),
      ended: () => this.#serve([]),
      aborted: (reason) => {
        this.#broken ??= lostBecause(reason)
        this.#serve([])
      },
      control: () => this.#options.control?.() ?? emptyControl(),
    }
  }

  /** Serves the reads in line as far as it goes. `fresh` is what came now. */
  #serve(fresh: readonly Buffer[]): void {
    for (let read = this.#reads[0]; read !== undefined; read = this.#reads[0]) {
      if (!this.#try(read, fresh)) break
      this.#reads.shift()
    }
    this.#regrant()
    this.#finishIfDone()
  }

  /** Settles a read if that is possible now. */
  #try(read: PendingRead, fresh: readonly Buffer[]): boolean {
    const { request, waiter } = read
    const { buffer, over } = this.intake
    try {
      let size = -1
      if (buffer.length > 0) {
        size = request.match(buffer, read.started ? fresh : null)
        read.started = true
        if (size === -1 && over && this.failure === undefined) size = request.matchLast?.() ?? -1
      }
      if (size === -1 && !over) return false
      waiter.resolve(size === -1 ? this.#atEnd(request) : buffer.pop(size))
    } catch (error) {
      waiter.reject(error)
    }
    return true
  }

  /** What a read gets that the bytes do not satisfy and no more can come. Throws what it is rejected with. */
  #atEnd(request: ReadRequest): Buffer {
    const { buffer } = this.intake
    const { failure } = this
    const isLeft = buffer.length > 0
    if (request.atEnd === 'rest' && isLeft) return buffer.pop()
    const wasTold = this.#endTold && this.#options.tellsEndOnce
    if (request.atEnd === 'all' && failure === undefined && (isLeft || !wasTold)) {
      this.#endTold = true
      return buffer.pop()
    }
    if (request.atEnd === 'exact' || (request.atEnd === 'all' && isLeft)) {
      throw this.#cut(request, failure)
    }
    if (failure !== undefined) throw this.#explained(failure)
    if (isLeft) this.#cutOff ??= this.#cut(request, undefined)
    if (wasTold) throw new VIOClosed('the end of the data was told to a read before this one')
    this.#endTold = true
    return EMPTY
  }

  #cut(request: ReadRequest, cause: Error | undefined): VIOIncomplete {
    const { what, wantedBytes } = request
    const partial = this.intake.buffer.peek()
    const error = new VIOIncomplete(what, partial, {
      ...(wantedBytes === undefined ? {} : { wantedBytes }),
      cause,
    })
    if (partial.length > 0) this.#cutOff ??= error
    return error
  }

  #explained(failure: Error): Error {
    return this.#options.explain?.(failure) ?? failure
  }

  #drop(read: PendingRead): void {
    const at = this.#reads.indexOf(read)
    if (at === -1) return
    this.#reads.splice(at, 1)
    // The next one in line has not seen what is held.
    if (at === 0) this.#serve([])
  }

  #regrant(): void {
    const { capacityBytes } = this.#options
    const first = this.#reads[0]?.request
    const needed = first?.allowance(this.intake.buffer.length, capacityBytes) ?? 0
    this.intake.allow(Math.max(capacityBytes, needed))
  }

  #finishIfDone(): void {
    if (!this.intake.over || this.intake.buffer.length > 0 || this.#over) return
    this.intake.finish()
    this.#settleOver()
  }

  #settleOver(): void {
    if (this.#over) return
    this.#over = true
    this.#options.onOver?.()
  }
}

/** The error of reads behind an end that is not clean. */
function lostBecause(reason: Error | undefined): Error {
  if (reason instanceof VIOLost || reason instanceof VIOClosed) return reason
  if (reason === undefined) return new VIOLost('the data ended before all of it was there')
  return new VIOLost(`the data ended before all of it was there: ${reason.message}`, { cause: reason })
}
