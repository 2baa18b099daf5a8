/**
 * `VLogTap`: a record of what passed, as lines of text.
 *
 * Decides how bytes are shown and how many of them. Where the lines go is left to a function or a logger, what must
 * not be shown to a function that redacts. Invariants: a line holds no character that a terminal would act on; a
 * record that fails changes nothing of what passes, and shows nothing that was not redacted.
 */
import { type IVReactor, VLoggerBase, VLogLevel } from '@vio/reactor'
import type { VByteBuffer } from '../byte-buffer.js'
import { UNLIMITED } from '../limit.js'
import { choiceOption, wholeOption } from './options.js'
import { VByteTap } from './tap.js'

/** Options of `VLogTap`. */
export interface VLogTapOptions {
  /** Where the lines go: a function, which gets them one by one, or a logger. */
  readonly sink: ((line: string) => void) | VLoggerBase
  /** The level at which a logger gets them. By default that of `debug`. */
  readonly level?: number
  /** What each line begins with, to tell one tap from another. By default 'bytes'. */
  readonly label?: string
  /** 'text': a line a chunk, what is not printable ASCII escaped; 'hex': 16 bytes a line. By default 'text'. */
  readonly format?: 'text' | 'hex'
  /** The most bytes of a chunk that are shown. By default 256. */
  readonly maxChunkBytes?: number
  /** The most bytes that are shown in all; then only sizes are recorded. By default there is no such limit. */
  readonly maxTotalBytes?: number
  /**
   * Gets a copy of the bytes of a chunk, all of them, and gives back what may be shown. It sees one chunk at a time: a
   * secret that is spread over two it has to recognise from its parts. If it throws, nothing of the chunk is shown.
   */
  readonly redact?: (bytes: Buffer) => Uint8Array
}

const BYTES_A_LINE = 16
const ESCAPES: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\' }

/** Records what passes. */
export class VLogTap extends VByteTap {
  readonly #emit: (line: string) => void
  readonly #label: string
  readonly #format: 'text' | 'hex'
  readonly #maxChunkBytes: number
  readonly #redact: ((bytes: Buffer) => Uint8Array) | undefined
  #shownLeft: number
  #offset = 0
  #ended = false
  #failed = false

  /** @throws TypeError without a reactor or a sink, or for an unknown format; RangeError for a maximum below 0 */
  constructor(reactor: IVReactor, options: VLogTapOptions) {
    super(reactor)
    const { sink, level = VLogLevel.debug } = options
    if (sink instanceof VLoggerBase) this.#emit = (line) => sink.log(line, level)
    else if (typeof sink === 'function') this.#emit = sink
    else throw new TypeError(`a log tap writes to a function or a logger, got ${typeof sink}`)
    this.#label = options.label ?? 'bytes'
    this.#format = choiceOption('format', options.format ?? 'text', ['text', 'hex'])
    this.#maxChunkBytes = wholeOption('maxChunkBytes', options.maxChunkBytes ?? 256, 0)
    const total = options.maxTotalBytes ?? UNLIMITED
    this.#shownLeft = total === UNLIMITED ? total : wholeOption('maxTotalBytes', total, 0)
    this.#redact = options.redact
  }

  protected override passing(data: VByteBuffer, count: number): void {
    const at = this.#offset
    this.#offset += count
    const shown = this.#shownOf(data, count)
    const head = `${count} bytes from ${at}`
    if (shown === undefined) {
      this.#write(`${head}, not shown: they could not be redacted`)
      return
    }
    const bytes = shown.subarray(0, Math.min(this.#maxChunkBytes, this.#shownLeft))
    this.#shownLeft -= bytes.length
    // What was redacted may have another length; without that it is known without a look at all of the bytes.
    const hidden = (this.#redact === undefined ? count : shown.length) - bytes.length
    const rest = hidden > 0 ? ` (${hidden} not shown)` : ''
    if (this.#format === 'text') this.#write(`${head}: ${textOf(bytes)}${rest}`)
    else {
      this.#write(`${head}${rest}`)
      for (let from = 0; from < bytes.length; from += BYTES_A_LINE) {
        this.#write(hexLine(at + from, bytes.subarray(from, from + BYTES_A_LINE)))
      }
    }
  }

  protected override ended(clean: boolean, reason?: Error): void {
    this.#ended = true
    this.#write(clean ? 'ended' : `ended uncleanly${because(reason)}`)
  }

  protected override aborted(reason?: Error): void {
    if (!this.#ended) this.#write(`aborted${because(reason)}`)
  }

  /** What may be shown of a chunk: at least what will be. Undefined if redacting it failed. */
  #shownOf(data: VByteBuffer, count: number): Uint8Array | undefined {
    if (this.#redact === undefined) return data.peek(Math.min(count, this.#maxChunkBytes, this.#shownLeft))
    try {
      const redacted = this.#redact(Buffer.from(data.peek(count)))
      if (redacted instanceof Uint8Array) return redacted
      throw new TypeError(`a redacting function gives bytes, got ${typeof redacted}`)
    } catch (error) {
      this.reactor.log.error('a log tap could not redact what passed', error)
      return undefined
    }
  }

  #write(line: string): void {
    if (this.#failed) return
    try {
      this.#emit(`${this.#label}: ${line}`)
    } catch (error) {
      // Once is enough: a sink that is broken would fail with every chunk.
      this.#failed = true
      this.reactor.log.error('a log tap gave up, as its sink failed', error)
    }
  }
}

function because(reason: Error | undefined): string {
  return reason === undefined ? '' : `: ${textOf(Buffer.from(reason.message))}`
}

/** Bytes as text: what is not printable ASCII is escaped. */
function textOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) {
    if (ESCAPES[byte] !== undefined) text += ESCAPES[byte]
    else if (isPrintable(byte)) text += String.fromCharCode(byte)
    else text += `\\x${hexOf(byte)}`
  }
  return text
}

/** Position, bytes in two groups, and the same as characters. */
function hexLine(at: number, bytes: Uint8Array): string {
  const pairs = Array.from(bytes, hexOf)
  const half = BYTES_A_LINE / 2
  const groups = `${pairs.slice(0, half).join(' ')}  ${pairs.slice(half).join(' ')}`
  const characters = Array.from(bytes, (byte) => (isPrintable(byte) ? String.fromCharCode(byte) : '.')).join(
    '',
  )
  return `${at.toString(16).padStart(8, '0')}  ${groups.padEnd(3 * BYTES_A_LINE)}  |${characters}|`
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f
}

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
