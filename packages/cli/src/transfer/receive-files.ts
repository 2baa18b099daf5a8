/**
 * Receives files over a connection: the machine, the disk and the connection together.
 *
 * Decides when the disk is written and what a failure is called. What may come is the machine's, where it goes the
 * target's. Invariant: events are carried out one after the other, in order; when it comes back every file has its name,
 * and was compared with the digest that the sender gave.
 */
import { chmod, mkdir, utimes } from 'node:fs/promises'
import { readMemory, VByteIOPair } from '@vio/io'
import type { VCommandContext } from '../command.js'
import { EXIT, VCommandError } from '../exit-codes.js'
import { failureOf } from '../failure.js'
import type { VMeeting } from '../meeting.js'
import { FileDigest, type VDigestTerms } from './digest.js'
import { leave } from './ending.js'
import type { VTransferEnd } from './machine.js'
import { totalBytes, type VTransferEntry } from './manifest.js'
import { showName } from './names.js'
import { endFailure } from './outcome.js'
import { isThere, PartFile, takenError } from './part-file.js'
import { ReceiveMachine, type VReceiveEvent } from './receive-machine.js'
import type { VExtent } from './record.js'
import { extentsOf, type VOffer, type VTargetPlan } from './target.js'
import { TransferEnd } from './transfer-end.js'

/** What decides about an offer. */
export interface VReceiver {
  /**
   * Plans where the offer goes, and asks whom it has to; `signal` is aborted when it does not matter any more.
   *
   * @throws VCommandError to refuse it
   */
  decide(offer: VOffer, signal: AbortSignal): Promise<VTargetPlan>
  /** True if files that are there are replaced. */
  readonly replaces: boolean
}

/** What was received. */
export interface VReceiveResult {
  readonly files: number
  readonly bytes: number
  readonly seconds: number
  /** SHA-256 of the file, where it is one and that is wanted. */
  readonly sha256: string | undefined
  /** Where the outermost entries are. */
  readonly places: readonly string[]
}

/**
 * Bytes that are written at once: more was no faster where it was measured, and is slower where the system has to find memory
 * for it in one piece.
 */
const WRITE_BYTES = 262_144
/** Writes that are under way at once, so that the disk has the next one when it is through with one. */
const WRITES = 2

/** Receives what the peer offers. @throws VCommandError */
export async function receiveFiles(
  context: VCommandContext,
  meeting: VMeeting,
  receiver: VReceiver,
): Promise<VReceiveResult> {
  return await new FileReceiver(context, receiver).run(meeting)
}

/** Files that are named at the same time. */
const MAX_JOBS = 8

type Event = VReceiveEvent | VTransferEnd

class FileReceiver {
  readonly #context: VCommandContext
  readonly #receiver: VReceiver
  readonly #machine = new ReceiveMachine()
  readonly #end: TransferEnd<VReceiveEvent>
  readonly #events: Event[] = []
  /** Aborted once the peer is gone: nobody needs an answer any more. */
  readonly #gone = new AbortController()
  #wake: (() => void) | null = null
  /** Why this side stops. */
  #stopped: Error | null = null
  #entries: readonly VTransferEntry[] = []
  #plan: VTargetPlan = { paths: [], present: new Map() }
  #part: PartFile | null = null
  /** A whole file that is there already stands in for the one that is sent. */
  #standsIn = false
  /** Places in the list of the folders that were made. */
  readonly #made: number[] = []
  #warned = false
  /** Files that are being named. None of these promises rejects. */
  readonly #jobs = new Set<Promise<void>>()
  #filesLeft = 0
  #bytes = 0
  readonly #writes: Promise<void>[] = []
  #terms: VDigestTerms = { key: Buffer.alloc(0), showsSha256: false }
  #sha256: string | undefined
  #beganAt = 0

  constructor(context: VCommandContext, receiver: VReceiver) {
    this.#context = context
    this.#receiver = receiver
    this.#end = new TransferEnd(context.reactor, this.#machine, (events) => {
      for (const event of events) this.#arrived(event)
      this.#wake?.()
    })
  }

  async run({ transport }: VMeeting): Promise<VReceiveResult> {
    const { signal } = this.#context
    const onAbort = (): void => this.#stop(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    new VByteIOPair(this.#end.byteConsume, this.#end.byteProduce).attach(transport.byteIO)
    try {
      return await this.#work()
    } catch (error) {
      const failure = failureOf(error)
      this.#machine.abort(failure.message)
      this.#end.flush()
      throw failure
    } finally {
      signal.removeEventListener('abort', onAbort)
      await Promise.all(this.#jobs)
      await this.#part?.close()
      this.#end.finish()
      await leave(transport)
    }
  }

  #arrived(event: Event): void {
    if (event.type === 'data') this.#end.hold(event.bytes.length)
    if (event.type === 'aborted' || event.type === 'failed' || event.type === 'lost') {
      this.#gone.abort(endFailure(event, false))
    }
    this.#events.push(event)
  }

  async #work(): Promise<VReceiveResult> {
    for (;;) {
      const event = await this.#next()
      if (event.type === 'lost') await Promise.all(this.#jobs)
      if (event.type === 'finished' || (event.type === 'lost' && this.#hasAll)) return this.#result()
      if (event.type === 'offer') await this.#decide(event)
      else if (event.type === 'file') await this.#begin(event.index, event.offset)
      else if (event.type === 'data') await this.#write(event.bytes)
      else if (event.type === 'fileEnd') await this.#finish(event)
      else throw endFailure(event, false)
    }
  }

  /** The next event. One that ends the transfer overtakes nothing: what came before it was meant to be kept. */
  async #next(): Promise<Event> {
    for (;;) {
      if (this.#stopped !== null) throw this.#stopped
      const event = this.#events.shift()
      if (event !== undefined) return event
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = null
    }
  }

  #stop(error: Error): void {
    this.#stopped ??= error
    this.#wake?.()
  }

  get #hasAll(): boolean {
    return this.#entries.length > 0 && this.#filesLeft === 0
  }

  async #decide({ entries, key }: VReceiveEvent & { type: 'offer' }): Promise<void> {
    this.#terms = { key, showsSha256: this.#context.given.flag('sha256') }
    try {
      this.#plan = await this.#receiver.decide({ entries, terms: this.#terms }, this.#gone.signal)
    } catch (error) {
      this.#machine.refuse(failureOf(error).message)
      this.#end.flush()
      throw error
    }
    this.#entries = entries
    this.#filesLeft = entries.filter(({ kind }) => kind === 'file').length
    this.#beganAt = this.#context.reactor.time()
    for (const [index, entry] of entries.entries()) {
      // The folders of this list come before what is in them; a folder that was there is taken as it is.
      if (entry.kind === 'folder' && (await makeFolder(this.#path(index)))) this.#made.push(index)
    }
    this.#machine.accept(extentsOf(this.#plan))
    this.#end.flush()
    this.#context.view.tell({ type: 'phase', phase: 'transferring' })
  }

  async #begin(index: number, offset: number): Promise<void> {
    const present = this.#plan.present.get(index)
    const final = this.#path(index)
    this.#standsIn = present?.isWhole === true
    this.#progress(offset, index)
    if (this.#standsIn) {
      if (offset !== present?.sizeBytes) throw takenError(this.#entry(index).path)
      return
    }
    if (!this.#receiver.replaces && (await isThere(final))) throw takenError(this.#entry(index).path)
    const left = offset > 0 ? present : undefined
    const digest = left?.digest ?? new FileDigest(this.#terms, index)
    this.#part = await PartFile.open(final, { sizeBytes: offset, digest })
  }

  /** Writes these bytes, and with them those that have come meanwhile. */
  async #write(first: Buffer): Promise<void> {
    const pieces = [first]
    let bytes = first.length
    for (let next = this.#events[0]; next?.type === 'data' && bytes < WRITE_BYTES; next = this.#events[0]) {
      this.#events.shift()
      pieces.push(next.bytes)
      bytes += next.bytes.length
    }
    this.#writes.push(this.#carryOut(pieces, bytes))
    if (this.#writes.length >= WRITES) await this.#writes.shift()
  }

  /** Never rejects: a failure stops the whole. */
  async #carryOut(pieces: readonly Buffer[], bytes: number): Promise<void> {
    try {
      await this.#part?.write(pieces)
      for (const piece of pieces) readMemory.giveBack(piece)
      this.#end.letGo(bytes)
      this.#progress(bytes)
    } catch (error) {
      this.#stop(error as Error)
    }
  }

  /** A file is whole. Naming it goes on while the next one comes. */
  async #finish({ index, sizeBytes, digest }: VReceiveEvent & { type: 'fileEnd' }): Promise<void> {
    await Promise.all(this.#writes.splice(0))
    if (this.#stopped !== null) throw this.#stopped
    const part = this.#part
    this.#part = null
    const own = this.#standsIn ? this.#plan.present.get(index)?.digest : part?.digest
    if (own?.digest().equals(digest) !== true) {
      await part?.discard()
      throw digestError(this.#entry(index))
    }
    this.#sha256 = own.sha256()
    const job = this.#complete(part, { index, sizeBytes, digest })
    this.#jobs.add(job)
    void job.then(() => this.#jobs.delete(job))
    if (this.#jobs.size >= MAX_JOBS) await Promise.race(this.#jobs)
  }

  /** Gives a file its name and tells the sender. A failure stops the whole. */
  async #complete(part: PartFile | null, extent: VExtent): Promise<void> {
    try {
      const isKept = await part?.finish(this.#entry(extent.index), this.#receiver.replaces)
      if (isKept === false) this.#warnOnce()
      this.#filesLeft -= 1
      this.#machine.receipt(extent)
      this.#end.flush()
    } catch (error) {
      this.#stop(error as Error)
    }
  }

  /** Folders get their permissions and times last, as writing into them needs the one and changes the other. */
  async #result(): Promise<VReceiveResult> {
    for (const index of this.#made.reverse()) {
      const { mode, changedMs } = this.#entry(index)
      try {
        await chmod(this.#path(index), (mode | 0o700) & ~process.umask())
        await utimes(this.#path(index), changedMs / 1000, changedMs / 1000)
      } catch {
        this.#warnOnce()
      }
    }
    const files = this.#entries.filter(({ kind }) => kind === 'file').length
    return {
      files,
      bytes: totalBytes(this.#entries),
      seconds: (this.#context.reactor.time() - this.#beganAt) / 1000,
      sha256: files === 1 ? this.#sha256 : undefined,
      places: this.#plan.paths.filter((_, index) => this.#entry(index).path.length === 1),
    }
  }

  #progress(bytes: number, index?: number): void {
    this.#bytes += bytes
    const name = index === undefined ? {} : { name: this.#entry(index).path.at(-1) ?? '' }
    this.#context.view.tell({
      type: 'progress',
      bytes: this.#bytes,
      totalBytes: totalBytes(this.#entries),
      ...name,
    })
  }

  /** A disk that keeps no permissions keeps none of any file. */
  #warnOnce(): void {
    if (this.#warned) return
    this.#warned = true
    this.#context.view.tell({ type: 'warning', text: 'permissions and times are not kept by this disk' })
  }

  #entry(index: number): VTransferEntry {
    const entry = this.#entries[index]
    if (entry === undefined) throw new VCommandError(EXIT.failure, `there is no entry ${index}`)
    return entry
  }

  #path(index: number): string {
    return this.#plan.paths[index] ?? ''
  }
}

function digestError({ path }: VTransferEntry): VCommandError {
  const what = `"${path.map(showName).join('/')}" has arrived with another digest than it was sent with`
  return new VCommandError(EXIT.failure, what, 'send it again')
}

/** True if it was made, false if it was there. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    return false
  }
}
