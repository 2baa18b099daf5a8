/**
 * Sends files over a connection: the machine, the files and the connection together.
 *
 * Decides when bytes are read and what a failure is called. What is said to the peer is the machine's. Invariant: it comes
 * back only once the peer has confirmed every file; whatever else happens is thrown, with the code that says what is known
 * of the delivery.
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { VByteIOPair } from '@vio/io'
import type { VCommandContext } from '../command.js'
import { EXIT, VCommandError } from '../exit-codes.js'
import { failureOf } from '../failure.js'
import type { VMeeting } from '../meeting.js'
import { DIGEST_BLOCK_BYTES, digestPrefix, FileDigest, type VDigestTerms } from './digest.js'
import { leave } from './ending.js'
import { FRAME_HEAD_BYTES } from './frame.js'
import type { VTransferEnd } from './machine.js'
import { totalBytes, type VTransferEntry } from './manifest.js'
import { endFailure } from './outcome.js'
import { readAhead } from './read-ahead.js'
import { DIGEST_KEY_BYTES, type VExtent } from './record.js'
import { SendMachine, type VSendEvent } from './send-machine.js'
import type { VSource } from './source.js'
import { TransferEnd } from './transfer-end.js'

/** What was sent. */
export interface VSendResult {
  readonly files: number
  readonly bytes: number
  /** From the acceptance to the last receipt. */
  readonly seconds: number
  /** SHA-256 of the file, where it is one and that is wanted. */
  readonly sha256: string | undefined
}

/** Sends `sources`. @throws VCommandError */
export async function sendFiles(
  context: VCommandContext,
  meeting: VMeeting,
  sources: readonly VSource[],
): Promise<VSendResult> {
  const terms = { key: randomBytes(DIGEST_KEY_BYTES), showsSha256: context.given.flag('sha256') }
  return await new FileSender(context, sources, terms).run(meeting)
}

class FileSender {
  readonly #context: VCommandContext
  readonly #sources: readonly VSource[]
  readonly #terms: VDigestTerms
  readonly #machine: SendMachine
  readonly #end: TransferEnd<VSendEvent>
  readonly #totalBytes: number
  #result: { resolve: () => void; reject: (error: Error) => void } | null = null
  #bytes = 0
  #acceptedAt = 0
  #sha256: string | undefined

  constructor(context: VCommandContext, sources: readonly VSource[], terms: VDigestTerms) {
    this.#context = context
    this.#sources = sources
    this.#terms = terms
    const entries = sources.map(({ entry }) => entry)
    this.#totalBytes = totalBytes(entries)
    this.#machine = new SendMachine(entries, terms.key)
    this.#end = new TransferEnd(context.reactor, this.#machine, (events) => {
      for (const event of events) this.#onEvent(event)
    })
  }

  async run({ transport }: VMeeting): Promise<VSendResult> {
    const { signal, reactor } = this.#context
    const finished = new Promise<void>((resolve, reject) => {
      this.#result = { resolve, reject }
    })
    const onAbort = (): void => this.#fail(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    this.#context.view.tell({ type: 'phase', phase: 'offering' })
    new VByteIOPair(this.#end.byteConsume, this.#end.byteProduce).attach(transport.byteIO)
    try {
      await finished
      const seconds = (reactor.time() - this.#acceptedAt) / 1000
      return { files: this.#files.length, bytes: this.#bytes, seconds, sha256: this.#onlySha256 }
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#end.finish()
      await leave(transport)
    }
  }

  get #files(): readonly VSource[] {
    return this.#sources.filter(({ entry }) => entry.kind === 'file')
  }

  /** One digest says it all only where there is one file. */
  get #onlySha256(): string | undefined {
    return this.#files.length === 1 ? this.#sha256 : undefined
  }

  #onEvent(event: VSendEvent | VTransferEnd): void {
    switch (event.type) {
      case 'accepted':
        this.#acceptedAt = this.#context.reactor.time()
        this.#context.view.tell({ type: 'phase', phase: 'transferring' })
        this.#sendAll(event.have).catch((error: unknown) => this.#fail(error))
        break
      case 'receipt':
        break
      case 'finished':
        this.#result?.resolve()
        break
      case 'refused':
        this.#result?.reject(new VCommandError(EXIT.peerAborted, `the other side refused: ${event.reason}`))
        break
      default:
        this.#result?.reject(endFailure(event, this.#machine.sentAll))
    }
  }

  /** Something on this side ends it: the peer is told. */
  #fail(error: unknown): void {
    const failure = failureOf(error)
    this.#machine.abort(failure.message)
    this.#end.flush()
    this.#result?.reject(failure)
  }

  async #sendAll(have: readonly VExtent[]): Promise<void> {
    const extents = new Map(have.map((extent) => [extent.index, extent]))
    for (const [index, source] of this.#sources.entries()) {
      if (this.#machine.over) return
      if (source.entry.kind === 'file') await this.#sendFile(source, index, extents.get(index))
    }
    if (!this.#machine.over) this.#context.view.tell({ type: 'phase', phase: 'verifying' })
  }

  async #sendFile({ file, entry }: VSource, index: number, extent: VExtent | undefined): Promise<void> {
    const handle = await open(file, 'r')
    try {
      const { digest, offset } = await this.#begin(handle, index, entry, extent)
      this.#machine.startFile(index, offset)
      this.#progress(offset, entry)
      const span = { start: offset, end: entry.sizeBytes, headBytes: FRAME_HEAD_BYTES }
      for await (const frame of readAhead(handle, span)) {
        const data = frame.subarray(FRAME_HEAD_BYTES)
        digest.update(data)
        this.#machine.sendData(frame)
        this.#end.flush()
        this.#progress(data.length, entry)
        await this.#end.room()
        if (this.#machine.over) return
      }
      this.#sha256 = digest.sha256()
      this.#machine.endFile(digest.digest())
      this.#end.flush()
      await this.#checkUnchanged(handle, entry)
    } finally {
      await handle.close()
    }
  }

  /** Where a file begins: behind what the peer has of it, if that is what the file begins with. */
  async #begin(
    handle: FileHandle,
    index: number,
    { sizeBytes, path }: VTransferEntry,
    extent: VExtent | undefined,
  ): Promise<{ digest: FileDigest; offset: number }> {
    const fresh = { digest: new FileDigest(this.#terms, index), offset: 0 }
    if (extent === undefined || extent.sizeBytes === 0) return fresh
    const goesOn = extent.sizeBytes % DIGEST_BLOCK_BYTES === 0 && extent.sizeBytes < sizeBytes
    if (goesOn || extent.sizeBytes === sizeBytes) {
      const digest = await digestPrefix(handle, extent.sizeBytes, new FileDigest(this.#terms, index))
      if (digest.digest().equals(extent.digest)) return { digest, offset: extent.sizeBytes }
    }
    const name = path.join('/')
    this.#context.view.tell({
      type: 'warning',
      text: `${name} has changed since: it is sent from its beginning`,
    })
    return fresh
  }

  async #checkUnchanged(handle: FileHandle, entry: VTransferEntry): Promise<void> {
    const { size, mtimeMs } = await handle.stat()
    if (size === entry.sizeBytes && Math.floor(mtimeMs) === entry.changedMs) return
    const text = `${entry.path.join('/')} was changed while it was sent: what arrived may be a mixture`
    this.#context.view.tell({ type: 'warning', text })
  }

  #progress(bytes: number, { path }: VTransferEntry): void {
    this.#bytes += bytes
    const name = path.at(-1) ?? ''
    this.#context.view.tell({ type: 'progress', bytes: this.#bytes, totalBytes: this.#totalBytes, name })
  }
}
