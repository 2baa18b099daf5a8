/**
 * Two devices joined in memory: what one writes the other reads.
 *
 * Decides who the peers are, what becomes of an attempt to connect, and what a loss of the whole connection means. The
 * bytes are the links' affair. With a delay or a connection to be made it runs on a reactor, and so in simulated time
 * where that reactor does. Invariant: nothing here depends on anything but the calls made and the reactor's time.
 */
import { type IVReactor, type VFailure, VFIOLost, VIOError, VIOLost } from '@vio/reactor'
import { VMemoryPeer, type VPeer } from '../peer.js'
import { VMemoryDevice } from './memory-device.js'
import { MemoryLink } from './memory-link.js'
import type { VSizeScript } from './size-script.js'

/** What becomes of an attempt to connect. `'hang'`: nothing, until `settleConnect` says so. */
export type VConnectOutcome = 'succeed' | 'refuse' | 'hang'

/** Options of one of the two devices. */
export interface VMemoryDeviceOptions {
  /** The name by which the other one knows it; by default 'a' and 'b'. */
  readonly name?: string
  /** How many bytes may wait for this device to read them, those on the way included; by default 65,536. */
  readonly capacityBytes?: number
  /** How much a read gives at most; by default what there is. */
  readonly readSizes?: VSizeScript
  /** How much a write takes at most; by default what there is room for. */
  readonly writeSizes?: VSizeScript
}

/** Options of a pair. */
export interface VDevicePairOptions {
  /** The first device: the one that connects, if one does. */
  readonly a?: VMemoryDeviceOptions
  /** The second device. */
  readonly b?: VMemoryDeviceOptions
  /** What carries delays and the outcome of a connection. Needed for those only. */
  readonly reactor?: IVReactor
  /** How long bytes and ends take to arrive; by default 0, which is within the call that writes. */
  readonly delayMs?: number
  /** Given, the devices are not connected at first and `a` has `connect`: what becomes of it, or a function that says so. */
  readonly connect?: VConnectOutcome | ((peer: VPeer) => VConnectOutcome)
  /** How long it takes until an attempt to connect has its outcome; by default 0, which is the next turn. */
  readonly connectDelayMs?: number
}

const DEFAULT_CAPACITY_BYTES = 65_536

/** Two devices and what can happen to them. */
export class VDevicePair {
  /** The first device. */
  readonly a: VMemoryDevice
  /** The second device. */
  readonly b: VMemoryDevice
  readonly #options: VDevicePairOptions
  readonly #toA: MemoryLink
  readonly #toB: MemoryLink
  #target: VPeer | undefined

  /** @throws TypeError if an option needs a reactor and there is none, RangeError for a size or time that is none */
  constructor(options: VDevicePairOptions = {}) {
    checkOptions(options)
    this.#options = options
    this.#toA = this.#link(options.a)
    this.#toB = this.#link(options.b)
    const connected = options.connect === undefined
    this.a = new VMemoryDevice({
      input: this.#toA,
      output: this.#toB,
      readSizes: options.a?.readSizes,
      writeSizes: options.a?.writeSizes,
      connector: connected ? undefined : { start: (peer) => this.#startConnect(peer) },
      connected: false,
    })
    this.b = new VMemoryDevice({
      input: this.#toB,
      output: this.#toA,
      readSizes: options.b?.readSizes,
      writeSizes: options.b?.writeSizes,
      connector: undefined,
      connected: false,
    })
    if (connected) this.#establish(this.peerB)
  }

  /** The peer that stands for the first device. */
  get peerA(): VMemoryPeer {
    return new VMemoryPeer(this.#options.a?.name ?? 'a')
  }

  /** The peer that stands for the second device: what to connect the first one to. */
  get peerB(): VMemoryPeer {
    return new VMemoryPeer(this.#options.b?.name ?? 'b')
  }

  /** Breaks the connection: both devices lose both directions, and what was not read. */
  reset(reason: VFailure = new VFIOLost(new VIOLost('the connection was reset'))): void {
    this.#toA.lose(reason)
    this.#toB.lose(reason)
  }

  /**
   * Decides an attempt to connect that hangs.
   *
   * @throws VIOError if there is none
   */
  settleConnect(outcome: 'succeed' | 'refuse'): void {
    const target = this.#target
    if (target === undefined) throw new VIOError('no attempt to connect is under way')
    this.#target = undefined
    if (outcome === 'succeed') this.#establish(target)
    else this.a.fail(new VFIOLost(new VIOLost(`the connection to ${String(target)} was refused`)))
  }

  #link(reader: VMemoryDeviceOptions | undefined): MemoryLink {
    return new MemoryLink({
      capacityBytes: reader?.capacityBytes ?? DEFAULT_CAPACITY_BYTES,
      delayMs: this.#options.delayMs ?? 0,
      reactor: this.#options.reactor,
      changed: () => {
        this.a.notify()
        this.b.notify()
      },
    })
  }

  #startConnect(peer: VPeer): void {
    if (this.#target !== undefined) throw new VIOError('an attempt to connect is under way')
    const { connect, connectDelayMs, reactor } = this.#options
    const outcome = typeof connect === 'function' ? connect(peer) : connect
    this.#target = peer
    if (outcome === undefined || outcome === 'hang') return
    reactor?.schedule(connectDelayMs ?? 0, () => {
      if (this.#target === peer && this.a.closed === null) this.settleConnect(outcome)
    })
  }

  #establish(target: VPeer): void {
    this.b.establish(this.peerA)
    this.a.establish(target)
  }
}

/**
 * Joins two devices in memory.
 *
 * ```ts
 * const { a, b } = createDevicePair({ b: { capacityBytes: 100 } })
 * const left = new VByteEndpoint(reactor, a)
 * const right = new VByteEndpoint(reactor, b)
 * ```
 *
 * @throws TypeError if an option needs a reactor and there is none, RangeError for a size or time that is none
 */
export function createDevicePair(options: VDevicePairOptions = {}): VDevicePair {
  return new VDevicePair(options)
}

function checkOptions(options: VDevicePairOptions): void {
  for (const side of [options.a, options.b]) {
    const capacity = side?.capacityBytes ?? DEFAULT_CAPACITY_BYTES
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(`a capacity is a whole number of bytes from 1 on, got ${capacity}`)
    }
  }
  for (const ms of [options.delayMs ?? 0, options.connectDelayMs ?? 0]) {
    if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`a delay is a number of milliseconds, got ${ms}`)
  }
  const needsReactor =
    (options.delayMs ?? 0) > 0 || (options.connect !== undefined && options.connect !== 'hang')
  if (needsReactor && options.reactor === undefined) {
    throw new TypeError('a delay and the outcome of a connection need the option reactor')
  }
}
