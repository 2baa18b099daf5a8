/**
 * The relay handshake of VUT 0.8: tokens over UDP until the relay has confirmed, over another way, where it saw them.
 *
 * Decides when the token leaves again, and what the calls of the relay are allowed to be. The way on which the relay calls
 * (any control link), the socket and the transport that it ends in are the driver's. Invariants: nothing is sent to an
 * address that the filter denies; each call of the relay counts once; it is over after the time-out, whatever comes.
 */
import { VIOError, VIOTimeout, VIPSocketPeer, type VTransmitBatch } from '@vio/io'
import type { IVMachine } from '@vio/vudp'
import { VUDPHostFilter } from './host-filter.js'
import { BoundedQueue, Outbox } from './outbox.js'

/** What `connectUDP` needs. */
export interface VUDPConnectRequest {
  /** Where the relay takes tokens: a numeric address, and a port from 1024 on. */
  readonly host: string
  readonly port: number
  /** This side's token and the relay's, at most 32 bytes each. */
  readonly localToken: Uint8Array
  readonly remoteToken: Uint8Array
  /** After how long the token leaves again; twice as long each time. By default 100. */
  readonly minResendMs?: number
  /** The longest wait between two. By default 5,000. */
  readonly maxResendMs?: number
  /** How long the whole handshake may take. By default 30,000. */
  readonly timeoutMs?: number
}

/** What `linkToPeer` needs: the last call of the relay. */
export interface VUDPLinkRequest {
  /** The peer as the relay sees it. */
  readonly host: string
  readonly port: number
  /** This side's secret and the peer's, 1 to 32 bytes each. */
  readonly secret: Uint8Array
  readonly peerSecret: Uint8Array
}

/** What the handshake tells. */
export type VUDPRelayedEvent =
  /** The relay has seen the token; from this address. */
  | { readonly type: 'confirmed'; readonly gateway: VIPSocketPeer }
  /** The peer and the secrets of the transport are known: build it on the same socket. */
  | {
      readonly type: 'linked'
      readonly peer: VIPSocketPeer
      readonly secret: Buffer
      readonly peerSecret: Buffer
    }
  /** It is over without a transport. */
  | { readonly type: 'failed'; readonly error: Error }

const MIN_PORT = 1_024
const MAX_PORT = 65_535
const MAX_TOKEN_BYTES = 32
const NEVER = Number.POSITIVE_INFINITY

/**
 * One party of a handshake over a relay.
 *
 * `connectUDP` begins; the relay calls `confirmUDP` and then `linkToPeer` over the control link, in this order or not.
 */
export class VUDPRelayedConnecter implements IVMachine<VUDPRelayedEvent> {
  readonly #filter: VUDPHostFilter
  readonly #outbox = new Outbox()
  readonly #events = new BoundedQueue<VUDPRelayedEvent>()
  #relay: VIPSocketPeer | null = null
  #datagram: Buffer = Buffer.alloc(0)
  #gateway: VIPSocketPeer | null = null
  #isLinked = false
  #isOver = false
  #waitMs = 0
  #maxResendMs = 0
  #resendAt = NEVER
  #deadline = NEVER

  constructor(filter: VUDPHostFilter = new VUDPHostFilter()) {
    this.#filter = filter
  }

  /** Where the relay has seen this side; null before it has confirmed. */
  get peerGw(): VIPSocketPeer | null {
    return this.#gateway
  }

  /** True once nothing more will happen. */
  get isOver(): boolean {
    return this.#isOver
  }

  /**
   * Begins: the first datagram leaves at once.
   *
   * @throws VIOError if the filter denies the relay, or it was called before; RangeError for a port below 1024 or a token
   *   of more than 32 bytes; TypeError if the host is no numeric address
   */
  connectUDP(now: number, request: VUDPConnectRequest): void {
    const { host, port, localToken, remoteToken } = request
    if (this.#relay !== null || this.#isOver) throw new VIOError('connectUDP is called once')
    checkPort(port)
    checkToken('localToken', localToken)
    checkToken('remoteToken', remoteToken)
    const relay = peerOf(host, port)
    if (!this.#filter.allowRelay(host, port)) {
      throw new VIOError(`the host filter does not allow the relay ${relay}`)
    }
    this.#relay = relay
    this.#datagram = Buffer.concat([localToken, remoteToken])
    this.#waitMs = request.minResendMs ?? 100
    this.#maxResendMs = request.maxResendMs ?? 5_000
    this.#deadline = now + (request.timeoutMs ?? 30_000)
    if (this.#gateway === null) this.#send(now)
  }

  /**
   * The relay has seen the token, from that address.
   *
   * @throws VIOError the second time or when it is over; RangeError for a port below 1024
   */
  confirmUDP(host: string, port: number): void {
    this.#checkOpen()
    if (this.#gateway !== null)
      throw new VIOError(`confirmUDP is called once; it told ${this.#gateway} before`)
    checkPort(port)
    this.#gateway = peerOf(host, port)
    this.#resendAt = NEVER
    this.#outbox.clear()
    this.#events.push({ type: 'confirmed', gateway: this.#gateway })
  }

  /**
   * The peer is there, and these are the secrets.
   *
   * @throws VIOError the second time, when it is over, or if the filter denies the peer; RangeError for a port below 1024 or
   *   a secret that is empty or longer than 32 bytes
   */
  linkToPeer(request: VUDPLinkRequest): void {
    const { host, port, secret, peerSecret } = request
    this.#checkOpen()
    if (this.#isLinked) throw new VIOError('linkToPeer is called once')
    if (this.#relay === null) throw new VIOError('linkToPeer comes after connectUDP')
    checkPort(port)
    checkSecret('secret', secret)
    checkSecret('peerSecret', peerSecret)
    const peer = peerOf(host, port)
    this.#isLinked = true
    if (!this.#filter.allowPeer(host, port)) {
      const error = new VIOError(`the host filter does not allow the peer ${peer}`)
      this.#fail(error)
      throw error
    }
    this.#end()
    const secrets = { secret: Buffer.from(secret), peerSecret: Buffer.from(peerSecret) }
    this.#events.push({ type: 'linked', peer, ...secrets })
  }

  /** Gives up. Idempotent. */
  cancel(error: Error = new VIOError('the handshake was given up')): void {
    if (!this.#isOver) this.#fail(error)
  }

  /** The relay answers nothing over UDP, and nobody else has a say before the transport is there. */
  handleDatagram(_now: number, _from: VIPSocketPeer, _bytes: Buffer): void {}

  handleTimeout(now: number): void {
    if (now >= this.#deadline) {
      const what =
        this.#gateway === null ? 'was not confirmed by the relay' : 'was given no peer by the relay'
      this.#fail(
        new VIOTimeout(`the UDP handshake with ${this.#relay} ${what} in time; is UDP let out here?`),
      )
    } else if (now >= this.#resendAt) this.#send(now)
  }

  pollTransmit(_now: number, batch: VTransmitBatch): boolean {
    return this.#outbox.poll(batch)
  }

  pollTimeout(): number {
    return Math.min(this.#deadline, this.#resendAt)
  }

  pollEvent(): VUDPRelayedEvent | undefined {
    return this.#events.shift()
  }

  #send(now: number): void {
    if (this.#relay === null) return
    this.#outbox.push(this.#relay, this.#datagram)
    this.#resendAt = now + this.#waitMs
    this.#waitMs = Math.min(2 * this.#waitMs, this.#maxResendMs)
  }

  #checkOpen(): void {
    if (this.#isOver) throw new VIOError('the handshake is over')
  }

  #fail(error: Error): void {
    this.#end()
    this.#events.push({ type: 'failed', error })
  }

  #end(): void {
    this.#isOver = true
    this.#deadline = NEVER
    this.#resendAt = NEVER
    this.#outbox.clear()
  }
}

/** What a relay asks a provider of a service: may this client be linked to you? */
export interface VUDPApproveRequest {
  /** What of the provider is wanted. */
  readonly path: readonly string[]
  /** Where the relay takes tokens. */
  readonly host: string
  readonly port: number
  /** The relay's token for this leg, at most 32 bytes. */
  readonly remoteToken: Uint8Array
  /** Who asks, as far as the relay knows. */
  readonly clientHost?: string | undefined
  readonly clientKey?: Uint8Array | undefined
  readonly clientCertificates?: readonly Uint8Array[] | undefined
}

/** What an approver answers with: the connecter that the relay calls, and this side's token. */
export interface VUDPApproval {
  readonly connecter: VUDPRelayedConnecter
  readonly localToken: Buffer
}

/**
 * The provider's side: decides about each request, and begins the handshake of those it approves.
 *
 * Override `handleApprove`. The datagrams of the connecter have to leave at once, before the answer goes to the relay.
 */
export class VUDPRelayedApprover {
  readonly #filter: VUDPHostFilter
  readonly #fillToken: (token: Uint8Array) => void

  /** @param fillToken draws a secret token, such as `(token) => random.fillSecret(token)` */
  constructor(fillToken: (token: Uint8Array) => void, filter: VUDPHostFilter = new VUDPHostFilter()) {
    this.#fillToken = fillToken
    this.#filter = filter
  }

  /**
   * Answers the relay: what it is given if the request is approved, else undefined.
   *
   * @throws RangeError for a port outside of 1024 to 65535 or a token of more than 32 bytes; VIOError if the filter denies the
   *   relay. Nobody was asked then
   */
  approve(now: number, request: VUDPApproveRequest): VUDPApproval | undefined {
    checkPort(request.port)
    checkToken('remoteToken', request.remoteToken)
    if (!this.#filter.allowRelay(request.host, request.port)) {
      throw new VIOError(`the host filter does not allow the relay ${request.host}:${request.port}`)
    }
    if (!this.handleApprove(request)) return undefined
    const localToken = Buffer.alloc(MAX_TOKEN_BYTES)
    this.#fillToken(localToken)
    const connecter = this.connecter(this.#filter)
    const { host, port, remoteToken } = request
    connecter.connectUDP(now, { host, port, localToken, remoteToken })
    return { connecter, localToken }
  }

  /** Says whether a request is approved. By default none is. */
  protected handleApprove(_request: VUDPApproveRequest): boolean {
    return false
  }

  /** Makes the connecter of an approved request. */
  protected connecter(filter: VUDPHostFilter): VUDPRelayedConnecter {
    return new VUDPRelayedConnecter(filter)
  }
}

function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= MIN_PORT && port <= MAX_PORT) return
  throw new RangeError(`a port of the relay handshake is ${MIN_PORT} to ${MAX_PORT}, got ${port}`)
}

function checkToken(name: string, token: unknown): void {
  if (!(token instanceof Uint8Array)) throw new TypeError(`${name} is a Uint8Array, got ${typeof token}`)
  if (token.length <= MAX_TOKEN_BYTES) return
  throw new RangeError(`${name} has at most ${MAX_TOKEN_BYTES} bytes, got ${token.length}`)
}

function checkSecret(name: string, secret: unknown): void {
  checkToken(name, secret)
  if ((secret as Uint8Array).length === 0) throw new RangeError(`${name} must not be empty`)
}

function peerOf(host: string, port: number): VIPSocketPeer {
  return new VIPSocketPeer(host, port, { socketType: 'dgram' })
}
