/**
 * Stateless resets: the answer to datagrams of connections that are not known any more (VUT 2).
 *
 * Decides which datagrams are answered, and how many. Invariants: never more than ten in a second, never longer than what
 * is answered, and never in answer to a reset.
 */
import type { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import type { VUDPMeans } from '../proto/config.js'
import { VUT1 } from '../proto/profile.js'
import { resetToken } from '../proto/v1/key-schedule.js'
import { encodeReset, isData } from '../proto/v1/packet.js'

const MAX_PER_SECOND = 10
const SECOND_MS = 1000
const KEY_BYTES = 32

/** Makes resets. */
export class ResetSender {
  /** The key that the tokens of this socket's connections are made with. */
  readonly key: Buffer
  readonly #means: VUDPMeans
  readonly #waiting: { readonly peer: VIPSocketPeer; readonly bytes: Buffer }[] = []
  #secondFrom = Number.NEGATIVE_INFINITY
  #sentInSecond = 0

  /** @throws RangeError if the key has another length than 32 bytes */
  constructor(means: VUDPMeans, key: Uint8Array | undefined) {
    this.#means = means
    this.key = Buffer.alloc(KEY_BYTES)
    if (key === undefined) means.random.fillSecret(this.key)
    else if (key.length === KEY_BYTES) this.key.set(key)
    else throw new RangeError(`a reset key has ${KEY_BYTES} bytes, got ${key.length}`)
  }

  /** A datagram that nobody knows: is answered if it looks like one of a connection. */
  consider(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    if (!isData(bytes[0] ?? 0) || bytes.length < 1 + VUT1.idBytes) return
    if (now >= this.#secondFrom + SECOND_MS) {
      this.#secondFrom = now
      this.#sentInSecond = 0
    }
    if (this.#sentInSecond >= MAX_PER_SECOND) return
    const token = resetToken(this.#means.crypto, this.key, bytes.subarray(1, 1 + VUT1.idBytes))
    const reset = encodeReset(this.#means.random, token, bytes.length)
    if (reset === null) return
    this.#sentInSecond += 1
    this.#waiting.push({ peer: from, bytes: reset })
  }

  /** Puts the next one into a batch. False if there is none. */
  poll(batch: VTransmitBatch): boolean {
    const next = this.#waiting.shift()
    if (next === undefined) return false
    batch.begin(next.peer)
    next.bytes.copy(batch.buffer, batch.end)
    batch.commit(next.bytes.length)
    return true
  }
}
