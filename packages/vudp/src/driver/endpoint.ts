/**
 * `VUDPEndpoint`: many transports on one socket.
 *
 * Decides which transports there are, and what becomes of datagrams that belong to none: they may begin a connection, if
 * the application knows its secrets, or are answered by a stateless reset, or dropped. Which datagram is whose is the
 * demux's affair. Invariants: nothing that arrives makes a transport unless the application gave secrets for it; what is
 * sent unasked is bounded in time.
 */
import {
  type IVDatagramPort,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOError,
  type VIPSocketPeer,
  type VTransmitBatch,
} from '@vio/io'
import { type IVRandom, type IVReactor, VSystemRandom } from '@vio/reactor'
import type { IVMachine } from '../machine.js'
import { roleOf } from '../proto/config.js'
import { VUDPConnection } from '../proto/connection.js'
import type { IVCrypto } from '../proto/crypto.js'
import { sessionKeys } from '../proto/v1/key-schedule.js'
import { TransportCore } from './core.js'
import { NodeCrypto } from './crypto.js'
import { Demux, type DemuxMember } from './demux.js'
import { checkPort, makeEngine } from './engines.js'
import { FirstDatagrams } from './first-datagram.js'
import { Outcome } from './outcome.js'
import { VDatagramPump } from './pump.js'
import { ResetSender } from './reset-sender.js'
import { type VUDPSharedOptions, VUDPTransport } from './transport.js'

/** Somebody who wants to begin a connection. */
export interface VUDPIncoming {
  /** Where the datagram came from. Nothing proves it yet. */
  readonly from: VIPSocketPeer
  /** What names the session, see `vudpTag`; null for a datagram that may be one of VUT 0.8, which has no such name. */
  readonly tag: Buffer | null
}

/** Options of an endpoint. */
export interface VUDPEndpointOptions {
  /** The bound port. It belongs to the endpoint, which closes it in the end. */
  readonly socket: IVDatagramPort
  /** True to leave the socket open in the end. By default false. */
  readonly keepSocket?: boolean
  /** The cryptography. By default that of Node. */
  readonly crypto?: IVCrypto
  /** The source of random values. By default the system's. */
  readonly random?: IVRandom
  /**
   * Says what a connection is made with that somebody begins, or null for none. Its peer is whoever begins it, once the
   * datagram has turned out to be genuine. Without this only connections of `connect` are taken.
   */
  readonly incoming?: (incoming: VUDPIncoming) => Omit<VUDPSharedOptions, 'peer'> | null
  /** Takes the transports that `incoming` led to. */
  readonly onTransport?: (transport: VUDPTransport) => void
  /** A datagram that belongs to nobody was dropped. `bytes` is lent. */
  readonly onUnknown?: (from: VIPSocketPeer, bytes: Uint8Array) => void
  /**
   * The key of stateless resets, 32 bytes: one that outlives the process lets peers notice at once that it was started anew.
   * By default a random one.
   */
  readonly resetKey?: Uint8Array
  /** How many transports there may be. What would begin another one is dropped. By default 65,536. */
  readonly maxTransports?: number
}

const DEFAULT_MAX_TRANSPORTS = 65_536

/**
 * What names a session of VUT/1 on the wire, 8 bytes: the same on both sides. Who waits for peers at unknown addresses
 * looks their secrets up by it.
 *
 * @throws TypeError if the secrets are equal and no role is given
 */
export function vudpTag(
  secret: Uint8Array,
  peerSecret: Uint8Array,
  role?: 'initiator' | 'responder',
): Buffer {
  const [own, other] = [Buffer.from(secret), Buffer.from(peerSecret)]
  const isInitiator = roleOf(own, other, role) === 'initiator'
  return sessionKeys(new NodeCrypto(), isInitiator ? own : other, isInitiator ? other : own).tag
}

/**
 * Transports that share a socket.
 *
 * ```ts
 * const endpoint = new VUDPEndpoint(reactor, { socket, incoming: ({ tag }) => known.get(tag?.toString('hex') ?? '') ?? null })
 * const transport = endpoint.connect({ peer, secret, peerSecret })
 * ```
 */
export class VUDPEndpoint implements AsyncDisposable {
  readonly reactor: IVReactor
  /** The port that the datagrams pass through. */
  readonly sock: IVDatagramPort
  readonly #options: VUDPEndpointOptions
  readonly #means: { readonly crypto: IVCrypto; readonly random: IVRandom }
  readonly #demux: Demux
  readonly #resets: ResetSender
  readonly #first: FirstDatagrams
  readonly #pump: VDatagramPump<never>
  readonly #transports = new Map<DemuxMember, VUDPTransport>()
  readonly #released = new Outcome<void>()
  #closing = false

  /** @throws TypeError without a port, VIOError if it is not bound or is closed, RangeError for a value out of range */
  constructor(reactor: IVReactor, options: VUDPEndpointOptions) {
    checkPort(options.socket)
    this.reactor = reactor
    this.sock = options.socket
    this.#options = options
    this.#means = {
      crypto: options.crypto ?? new NodeCrypto(),
      random: options.random ?? new VSystemRandom(),
    }
    this.#resets = new ResetSender(this.#means, options.resetKey)
    this.#first = new FirstDatagrams(this.#means.crypto)
    this.#demux = new Demux({
      onUnknown: (now, from, bytes, tag) => this.#unknown(now, from, bytes, tag),
      onReleased: (member) => this.#forget(member),
      onFailure: (error) => this.reactor.log.error('the engine of a connection failed', error),
      kick: () => this.#pump.kick(),
    })
    this.#pump = new VDatagramPump(reactor, {
      port: options.socket,
      machine: withResets(this.#demux, this.#resets),
      onEvent: () => undefined,
      onTurn: () => this.#checkDone(),
      onEnd: (reason) => this.#cut(reason),
      onSendError: (error) => this.#demux.refused(error),
    })
    this.#pump.start()
  }

  /** The transports that are not yet through. */
  get transports(): readonly VUDPTransport[] {
    return [...this.#transports.values()]
  }

  /** How many transports are not yet through. */
  get size(): number {
    return this.#transports.size
  }

  /** Settles once the endpoint was closed, every transport is through, and the socket is closed where it belongs to it. */
  get whenReleased(): Promise<void> {
    return this.#released.promise
  }

  /**
   * Makes a transport on this socket.
   *
   * @throws VIOError if the endpoint is closed, there are too many transports, or one with the same secrets (with VUT 0.8:
   *   the same address) is here; TypeError and RangeError for options that cannot be
   */
  connect(options: VUDPSharedOptions): VUDPTransport {
    if (this.#closing) throw new VIOError('the endpoint is closed; use a new one')
    if (this.#isFull) throw new VIOError(`there are ${this.size} transports already, which is the maximum`)
    return this.#make(options).transport
  }

  /** Closes all transports, cleanly or not as the reason says, and then the socket. Idempotent. */
  close(reason: VFailure = new VFIOCompleted()): void {
    this.#closing = true
    for (const transport of this.transports) transport.closeIO(reason)
    this.#pump.kick()
  }

  /** Closes cleanly, and waits until all is through. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.whenReleased
  }

  get #isFull(): boolean {
    return this.size >= (this.#options.maxTransports ?? DEFAULT_MAX_TRANSPORTS)
  }

  #make(options: VUDPSharedOptions): { readonly member: DemuxMember; readonly transport: VUDPTransport } {
    const member = this.#demux.place()
    const engine = makeEngine(
      { resetKey: this.#resets.key, ...options },
      { port: this.sock, hooks: member.hooks, ...this.#means },
    )
    const tag = engine instanceof VUDPConnection ? engine.tag : null
    const isTaken = tag === null ? this.#demux.hasAddress(options.peer) : this.#demux.hasTag(tag)
    if (isTaken) {
      // It lets go of its ids.
      engine.close(new VFIOLost())
      engine.handleTimeout(this.reactor.time())
      throw new VIOError(
        tag === null
          ? `a connection to ${String(options.peer)} is here already; VUT 0.8 has one for an address`
          : 'a connection with these secrets is here already; each one needs secrets of its own',
      )
    }
    const core = new TransportCore({
      engine,
      port: this.sock,
      relay: member.hooks,
      reactor: this.reactor,
      run: (client) => {
        this.#demux.add(member, engine, client, tag)
        return member
      },
    })
    const transport = new VUDPTransport(this.reactor, { core, options })
    this.#transports.set(member, transport)
    return { member, transport }
  }

  #forget(member: DemuxMember): void {
    this.#transports.delete(member)
    this.#pump.kick()
  }

  #unknown(now: number, from: VIPSocketPeer, bytes: Buffer, tag: Buffer | null): DemuxMember | null {
    try {
      return this.#begin(now, from, bytes, tag) ?? this.#refuse(now, from, bytes, tag)
    } catch (error) {
      this.reactor.log.error('a handler of an endpoint failed', error)
      return null
    }
  }

  /** Makes the transport that somebody begins, if the application knows it. */
  #begin(now: number, from: VIPSocketPeer, bytes: Buffer, tag: Buffer | null): DemuxMember | null {
    const { incoming, onTransport } = this.#options
    if (incoming === undefined || this.#closing || this.#isFull) return null
    // What the application is given it may keep.
    const options = incoming({ from, tag: tag === null ? null : Buffer.from(tag) })
    if (options === null || !this.#first.allows(now, from, bytes, options)) return null
    const { member, transport } = this.#make({ ...options, peer: from })
    onTransport?.(transport)
    return member
  }

  #refuse(now: number, from: VIPSocketPeer, bytes: Buffer, tag: Buffer | null): null {
    if (tag === null) this.#resets.consider(now, from, bytes)
    this.#options.onUnknown?.(from, bytes)
    return null
  }

  #checkDone(): void {
    if (!this.#closing || this.size > 0 || !this.#pump.running) return
    this.#pump.stop()
    if (this.#options.keepSocket !== true) this.sock.close()
    this.#released.settle()
  }

  #cut(reason: VFailure): void {
    this.#closing = true
    this.#demux.cut(reason)
    this.#released.settle()
  }
}

/** The demux with the resets that are to be sent. */
function withResets(demux: Demux, resets: ResetSender): IVMachine<never> {
  return {
    handleDatagram: (now, from, bytes) => demux.handleDatagram(now, from, bytes),
    handleTimeout: (now) => demux.handleTimeout(now),
    pollTransmit: (now: number, batch: VTransmitBatch) =>
      resets.poll(batch) || demux.pollTransmit(now, batch),
    pollTimeout: () => demux.pollTimeout(),
    pollEvent: () => demux.pollEvent(),
    prepare: () => demux.prepare(),
  }
}
