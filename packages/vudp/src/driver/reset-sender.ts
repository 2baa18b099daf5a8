/**
 * Stateless resets on a socket: which wait to be sent, and the key that their tokens are made with (VUT 2).
 *
 * What is answered, and how often, is decided by `StatelessReset`. Invariant: the key stays the same for all connections of
 * the socket.
 */
import type { VIPSocketPeer, VTransmitBatch } from '@vio/io'
import type { VUDPMeans } from '../proto/config.js'
import { StatelessReset } from '../proto/v1/reset.js'

const KEY_BYTES = 32

/** Makes resets. */
export class ResetSender {
  /** The key that the tokens of this socket's connections are made with. */
  readonly key: Buffer
  readonly #resets: StatelessReset
  readonly #waiting: { readonly peer: VIPSocketPeer; readonly bytes: Buffer }[] = []

  /** @throws RangeError if the key has another length than 32 bytes */
  constructor(means: VUDPMeans, key: Uint8Array | undefined) {
    this.key = Buffer.alloc(KEY_BYTES)
    if (key === undefined) means.random.fillSecret(this.key)
    else if (key.length === KEY_BYTES) this.key.set(key)
    else throw new RangeError(`a reset key has ${KEY_BYTES} bytes, got ${key.length}`)
    this.#resets = new StatelessReset(means, this.key)
  }

  /** A datagram that nobody knows: is answered if it looks like one of a connection. */
  consider(now: number, from: VIPSocketPeer, bytes: Buffer): void {
    const reset = this.#resets.answer(now, bytes)
    if (reset !== null) this.#waiting.push({ peer: from, bytes: reset })
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
