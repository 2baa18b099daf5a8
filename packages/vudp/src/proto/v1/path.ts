/**
 * One path to the peer: its address, and what is known and believed of the road there.
 *
 * Decides how much may leave towards an address that has not proved itself, and joins what belongs to a path alone:
 * round-trip times, congestion, pacing and the size of datagrams. Which path is used is decided by `Paths`. Invariant:
 * before an address has proved itself, no more than three times what came from it goes there.
 */
import type { VIPSocketPeer } from '@vio/io'
import type { IVCongestion, VCongestionName } from '../congestion/controller.js'
import { createCongestion } from '../congestion/create.js'
import { Pacer } from '../pacer.js'
import { VUT1 } from '../profile.js'
import { Rtt } from '../rtt.js'
import { MtuSearch } from './mtu-search.js'
import type { SentPacket } from './sent.js'

/** What has to have arrived before larger datagrams are tried: a connection that says little has no use for them. */
const SEARCH_AFTER_BYTES: number = VUT1.initialWindowDatagrams * VUT1.datagramBytes

/** What a path is made with. */
export interface PathOptions {
  readonly congestion: VCongestionName
  /** The largest datagram that either side or the interface allows. */
  readonly boundBytes: number
  /** A public random number from 0 on and below 1. */
  readonly random: () => number
}

/** One path. */
export class Path {
  readonly peer: VIPSocketPeer
  readonly rtt: Rtt = new Rtt(VUT1.initialRttMs)
  readonly congestion: IVCongestion
  readonly pacer: Pacer
  readonly mtu: MtuSearch
  /** Bytes in flight on this path. */
  inFlightBytes = 0
  /** When the peer last proved that it can be reached here. */
  provenAt: number = Number.NEGATIVE_INFINITY
  #isValidated = false
  #receivedBytes = 0
  #sentBytes = 0
  /** What has arrived, as far as it matters: up to `SEARCH_AFTER_BYTES`. */
  #carriedBytes = 0

  constructor(peer: VIPSocketPeer, options: PathOptions) {
    this.peer = peer
    this.mtu = new MtuSearch(options.boundBytes)
    this.congestion = createCongestion(options.congestion, {
      datagramBytes: this.mtu.sizeBytes,
      rtt: this.rtt,
      random: options.random,
      initialDatagrams: VUT1.initialWindowDatagrams,
    })
    this.pacer = new Pacer({ datagramBytes: this.mtu.sizeBytes })
  }

  /** True once the peer has shown that it receives what is sent here. */
  get isValidated(): boolean {
    return this.#isValidated
  }

  /** The size of a full datagram. */
  get datagramBytes(): number {
    return this.mtu.sizeBytes
  }

  /** How many bytes may still be sent to the address. */
  get allowedBytes(): number {
    if (this.#isValidated) return Number.POSITIVE_INFINITY
    return VUT1.amplification * this.#receivedBytes - this.#sentBytes
  }

  /** The address has proved itself. */
  validate(now: number): void {
    this.provenAt = now
    if (this.#isValidated) return
    this.#isValidated = true
    if (this.#carriedBytes >= SEARCH_AFTER_BYTES) this.mtu.start()
  }

  /** A genuine datagram came from the address. */
  onReceived(now: number, sizeBytes: number): void {
    if (this.#isValidated) this.provenAt = now
    else this.#receivedBytes += sizeBytes
  }

  /** Bytes have left to the address, in a datagram of any kind. */
  onTransmit(sizeBytes: number): void {
    if (!this.#isValidated) this.#sentBytes += sizeBytes
  }

  /** True if the window has room for another datagram. */
  get hasWindow(): boolean {
    return this.inFlightBytes < this.congestion.windowBytes
  }

  /** A datagram that elicits an acknowledgement has left. */
  onSent(now: number, packet: SentPacket): void {
    this.inFlightBytes += packet.sizeBytes
    this.congestion.onSent(now, packet, this.inFlightBytes)
    this.pacer.onSent(now, packet.sizeBytes)
    this.pacer.setRate(now, this.congestion.pacingRate)
    if (packet.isProbe) this.mtu.onProbeSent()
  }

  /** It has arrived. */
  onAcked(now: number, packet: SentPacket): void {
    this.inFlightBytes -= packet.sizeBytes
    this.provenAt = now
    this.congestion.onAck(now, packet)
    if (!packet.isProbe) this.#onCarried(packet)
    else if (this.mtu.onProbeAcked(packet.number, packet.sizeBytes)) this.#resize()
  }

  /** It was given up. */
  onLost(now: number, packet: SentPacket): void {
    this.inFlightBytes -= packet.sizeBytes
    if (packet.isProbe) {
      if (this.mtu.onProbeLost(now, packet.sizeBytes)) this.#resize()
      return
    }
    this.congestion.onLoss(now, packet)
    this.mtu.onLost(packet.number, packet.sizeBytes)
  }

  /** All of one ACK, or of one expiry, was told. */
  onBatchEnd(now: number, rttMs: number): void {
    this.congestion.onBatchEnd(now, this.inFlightBytes, rttMs)
    this.pacer.setRate(now, this.congestion.pacingRate)
  }

  #onCarried(packet: SentPacket): void {
    const { sizeBytes } = packet
    if (sizeBytes > VUT1.datagramBytes) this.mtu.onAcked(packet.number, sizeBytes)
    if (this.#carriedBytes >= SEARCH_AFTER_BYTES) return
    this.#carriedBytes += sizeBytes
    if (this.#isValidated && this.#carriedBytes >= SEARCH_AFTER_BYTES) this.mtu.start()
  }

  #resize(): void {
    this.congestion.setDatagramBytes(this.mtu.sizeBytes)
    this.pacer.setDatagramBytes(this.mtu.sizeBytes)
  }
}
