/**
 * Log watchers that write to the console and to a file.
 *
 * Decide where lines go; what a line looks like is the formatter's. Invariant: an entry is one line, written in full
 * before `watch` returns, so that the last words of a failing process are not lost.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { type VLogEntry, VLogWatcher } from './log.js'
import { formatLogEntry, type VLogFormatter } from './log-format.js'

/** What a watcher that writes lines can be told. */
export interface VLogWriterOptions {
  /** The least level that is written; all unless given. */
  readonly level?: number
  /** How an entry is written; `formatLogEntry` unless given. */
  readonly format?: VLogFormatter
}

/** Writes log entries to standard error. */
export class VConsoleLog extends VLogWatcher {
  readonly #format: VLogFormatter

  constructor(options: VLogWriterOptions = {}) {
    super(options.level)
    this.#format = options.format ?? formatLogEntry
  }

  protected override logged(entry: VLogEntry): void {
    // Not imported: a module that imports anything of `node:process` opens all three streams of the process.
    process.stderr.write(`${this.#format(entry)}\n`)
  }
}

/** Appends log entries to a file. Owns the descriptor until `close`. */
export class VFileLog extends VLogWatcher implements Disposable {
  readonly #format: VLogFormatter
  #fd: number

  /** @throws what the system says if the file cannot be opened */
  constructor(path: string, options: VLogWriterOptions = {}) {
    super(options.level)
    this.#format = options.format ?? formatLogEntry
    this.#fd = openSync(path, 'a')
  }

  /** Closes the file; entries that come afterwards are left out. Idempotent. */
  close(): void {
    if (this.#fd < 0) return
    const fd = this.#fd
    this.#fd = -1
    closeSync(fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  protected override logged(entry: VLogEntry): void {
    if (this.#fd < 0) return
    const bytes = Buffer.from(`${this.#format(entry)}\n`)
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#fd, bytes, written)
  }
}
