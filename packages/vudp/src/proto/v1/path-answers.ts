/**
 * Answers to challenges that wait to leave (VUT 5).
 *
 * Decides how many wait. Invariant: an answer goes to the address that its challenge came from.
 */
import type { VIPSocketPeer } from '@vio/io'
import { VUT1 } from '../profile.js'
import type { DatagramBuilder } from './builder.js'
import { Fifo } from './fifo.js'
import { FRAME, writeWithBytes } from './frames.js'

const FRAME_BYTES = 9

interface Answer {
  readonly peer: VIPSocketPeer
  readonly data: Buffer
}

/** The answers of one connection. */
export class PathAnswers {
  readonly #waiting = new Fifo<Answer>()

  /** The address where one has to go next; null if there is none. */
  get peer(): VIPSocketPeer | null {
    return this.#waiting.first?.peer ?? null
  }

  /** A challenge has come. */
  add(peer: VIPSocketPeer, data: Buffer): void {
    if (this.#waiting.length >= VUT1.maxPathResponses) this.#waiting.shift()
    this.#waiting.push({ peer, data: Buffer.from(data) })
  }

  /** Writes those that are owed to `peer`, as far as there is room. */
  write(builder: DatagramBuilder, peer: VIPSocketPeer): void {
    for (let answer = this.#waiting.first; answer?.peer === peer; answer = this.#waiting.first) {
      if (builder.room < FRAME_BYTES) return
      builder.wrote(writeWithBytes(builder.bytes, builder.at, [FRAME.pathResponse], answer.data))
      this.#waiting.shift()
    }
  }

  /** Drops all. */
  clear(): void {
    this.#waiting.clear()
  }
}
