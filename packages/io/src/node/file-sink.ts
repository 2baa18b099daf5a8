/**
 * `VFileSink`: a file as a consumer.
 *
 * Decides how the file is opened and that its end counts only once everything is written and the file is closed: until
 * then the chain's end is not carried out. What was written when a chain breaks off stays in the file.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type IVReactor, VIOError } from '@vio/reactor'
import { wholeOption } from '../filter/options.js'
import { AsyncSink } from './async-sink.js'
import { checkFile, DEFAULT_FILE_BYTES, isHandle, type VFileTarget } from './file-source.js'

/** Options of `VFileSink`. The first three are for a path; a file that was given open is written as it was opened. */
export interface VFileSinkOptions {
  /** True to write behind what the file has. By default it is emptied first. */
  readonly append?: boolean
  /** True to fail if the file is there already. By default it may be. */
  readonly exclusive?: boolean
  /** The permissions of a file that is created; by default 0o666, less the umask. */
  readonly mode?: number
  /** Where to begin, in bytes from the start; what else the file has stays. By default where an open file stands. */
  readonly position?: number
  /** True to have the system put everything on the disk before the end is carried out. By default false. */
  readonly sync?: boolean
  /** The most bytes that are held, those being written included. By default 65,536. */
  readonly capacityBytes?: number
}

/** Writes what it consumes to a file. The file is opened when a producer is attached. */
export class VFileSink extends AsyncSink {
  readonly #target: VFileTarget
  readonly #flags: number
  readonly #mode: number
  readonly #sync: boolean
  #position: number | null
  #writtenBytes = 0
  #handle: FileHandle | undefined

  /** @throws TypeError if `target` is no file or options contradict each other, RangeError for a number that is none */
  constructor(reactor: IVReactor, target: VFileTarget, options: VFileSinkOptions = {}) {
    super(reactor, wholeOption('capacityBytes', options.capacityBytes ?? DEFAULT_FILE_BYTES))
    this.#target = checkFile(target)
    const { append = false, exclusive = false, position } = options
    if (append && position !== undefined)
      throw new TypeError('append writes behind what is there: it goes with no position')
    if (isHandle(target) && (append || exclusive))
      throw new TypeError('append and exclusive say how a path is opened; this file is open already')
    this.#flags = flagsOf(append, exclusive, position !== undefined)
    this.#mode = wholeOption('mode', options.mode ?? 0o666, 0, 0o7777)
    this.#position = position === undefined ? null : wholeOption('position', position, 0)
    this.#sync = options.sync ?? false
  }

  /** Bytes written so far. */
  get writtenBytes(): number {
    return this.#writtenBytes
  }

  protected override async open(): Promise<void> {
    this.#handle = isHandle(this.#target) ? this.#target : await open(this.#target, this.#flags, this.#mode)
  }

  protected override async write(pieces: readonly Buffer[]): Promise<void> {
    const handle = this.#opened
    let left = pieces
    while (left.length > 0) {
      const { bytesWritten } = await handle.writev(left, this.#position ?? undefined)
      if (bytesWritten === 0) throw new VIOError('the file takes no more bytes')
      this.#writtenBytes += bytesWritten
      if (this.#position !== null) this.#position += bytesWritten
      left = behind(left, bytesWritten)
    }
  }

  protected override async finish(): Promise<void> {
    if (this.#sync) await this.#opened.sync()
    await this.#close()
  }

  protected override discard(): Promise<void> {
    return this.#close()
  }

  get #opened(): FileHandle {
    if (this.#handle === undefined) throw new VIOError('the file is not open')
    return this.#handle
  }

  async #close(): Promise<void> {
    if (!isHandle(this.#target)) await this.#handle?.close()
  }
}

function flagsOf(append: boolean, exclusive: boolean, keeps: boolean): number {
  const { O_WRONLY, O_CREAT, O_APPEND, O_TRUNC, O_EXCL } = constants
  const start = append ? O_APPEND : keeps ? 0 : O_TRUNC
  return O_WRONLY | O_CREAT | start | (exclusive ? O_EXCL : 0)
}

/** What is left of `pieces` behind the first `count` bytes: a write may take less than it was given. */
function behind(pieces: readonly Buffer[], count: number): readonly Buffer[] {
  let skip = count
  let at = 0
  for (let piece = pieces[at]; piece !== undefined && piece.length <= skip; piece = pieces[at]) {
    skip -= piece.length
    at += 1
  }
  const rest = pieces.slice(at)
  const first = rest[0]
  if (first !== undefined && skip > 0) rest[0] = first.subarray(skip)
  return rest
}
