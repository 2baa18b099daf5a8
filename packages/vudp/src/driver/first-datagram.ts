/**
 * Whether a datagram may begin a connection: what is made for it speaks to whoever it seems to come from.
 *
 * Decides by the secrets that the application has given for it. A transport sends INIT, PUNCH or hellos to its peer for
 * seconds, which is a multiple of a short datagram, so the first one has to be genuine, or as large as the answers are.
 * Invariants: nothing is made for a datagram that anybody could have sent; checks of one source are bounded.
 */
import type { VIPSocketPeer } from '@vio/io'
import { roleOf } from '../proto/config.js'
import type { IVCrypto } from '../proto/crypto.js'
import { VUT1 } from '../proto/profile.js'
import { DatagramMac } from '../proto/seal.js'
import { FailureLimit } from '../proto/v1/failure-limit.js'
import { sessionKeys } from '../proto/v1/key-schedule.js'
import { KIND, openPunch } from '../proto/v1/packet.js'
import type { VUDPConnectOptions } from './engines.js'

/** Checks the first datagrams of connections. */
export class FirstDatagrams {
  readonly #crypto: IVCrypto
  readonly #limit = new FailureLimit()

  constructor(suite: IVCrypto) {
    this.#crypto = suite
  }

  /** True if `bytes` from `from` may begin the connection that `options` are for. @throws TypeError without both secrets */
  allows(
    now: number,
    from: VIPSocketPeer,
    bytes: Buffer,
    options: Omit<VUDPConnectOptions, 'peer'>,
  ): boolean {
    if (!this.#limit.allows(now, from)) return false
    const isGenuine =
      options.version === 'vut/0.8' ? this.#verifies08(bytes, options) : this.#verifies(bytes, options)
    if (!isGenuine) this.#limit.failed(now, from)
    return isGenuine
  }

  #verifies08(bytes: Buffer, options: Omit<VUDPConnectOptions, 'peer'>): boolean {
    const mac = new DatagramMac({
      sha1: (octets) => this.#crypto.sha1(octets),
      senderSecret: options.peerSecret,
      receiverSecret: options.secret,
      standardHmac: options.standardHmac === true,
      maxDatagramBytes: bytes.length,
    })
    return mac.verify(bytes, 0, bytes.length)
  }

  /** A PUNCH of the peer, or an INIT where the peer is the one who sends it: its size pays for what it causes. */
  #verifies(bytes: Buffer, options: Omit<VUDPConnectOptions, 'peer'>): boolean {
    const [own, other] = [Buffer.from(options.secret), Buffer.from(options.peerSecret)]
    const isInitiator = roleOf(own, other, options.role) === 'initiator'
    if (bytes[0] === KIND.init) return !isInitiator && bytes.length >= VUT1.initBytes
    if (bytes[0] !== KIND.punch) return false
    const keys = sessionKeys(this.#crypto, isInitiator ? own : other, isInitiator ? other : own)
    const key = isInitiator ? keys.punchResponder : keys.punchInitiator
    return openPunch(this.#crypto, key, keys.tag, bytes) >= 0
  }
}
