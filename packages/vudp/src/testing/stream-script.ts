/**
 * What an application does with one stream of a simulated connection: it writes a pattern and checks the other side's.
 *
 * Reads and writes whenever it is asked to, as far as the script allows; when that is, is the peer's affair. Invariant:
 * what is read is compared byte by byte with what the other side's script writes, so that a stream which loses, doubles
 * or moves a byte fails at once.
 */
import { VBytePattern, VPatternChecker } from '@vio/io/testing'
import type { IVUDPStream } from '../proto/engine.js'

const CHUNK_BYTES = 16_384

/** How a stream is used. Can be changed at any time. */
export interface StreamScript {
  /** Bytes to write in all. */
  writeBytes: number
  /** True to end the output cleanly once they are written. */
  finishes: boolean
  /** Bytes to read in all before it pauses; Infinity for never. */
  readBytes: number
}

/** Which patterns belong to a stream: one for each direction. */
export interface PatternSeeds {
  readonly own: number
  readonly other: number
}

/** One stream in use. */
export class ScriptedStream {
  readonly stream: IVUDPStream
  readonly script: StreamScript
  /** Bytes that the stream has taken. */
  written = 0
  /** True once the output was ended. */
  isFinished = false
  readonly #pattern: VBytePattern
  readonly #checker: VPatternChecker

  constructor(stream: IVUDPStream, script: StreamScript, seeds: PatternSeeds) {
    this.stream = stream
    this.script = script
    this.#pattern = new VBytePattern(seeds.own)
    this.#checker = new VPatternChecker(new VBytePattern(seeds.other))
  }

  /** Bytes that were read, all of them right. */
  get received(): number {
    return this.#checker.position
  }

  /** True if the input has ended and every byte before was read. */
  get isInputOver(): boolean {
    return this.stream.inputEnd !== null && !this.stream.readable
  }

  /** Reads and writes what the script and the stream allow. */
  work(): void {
    this.#read()
    this.#write()
  }

  #read(): void {
    while (this.stream.readable && this.received < this.script.readBytes) {
      const bytes = this.stream.readSome(Math.min(CHUNK_BYTES, this.script.readBytes - this.received))
      if (bytes.length === 0) return
      this.#checker.feed(bytes)
    }
  }

  #write(): void {
    while (this.written < this.script.writeBytes && this.stream.writable) {
      const size = Math.min(CHUNK_BYTES, this.script.writeBytes - this.written)
      const taken = this.stream.writeSome(this.#pattern.take(size, this.written))
      if (taken === 0) return
      this.written += taken
    }
    if (this.isFinished || !this.script.finishes || this.written < this.script.writeBytes) return
    this.isFinished = true
    this.stream.finish()
  }
}
