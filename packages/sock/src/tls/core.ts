/**
 * The course of a TLS connection: handshake, verdict, permission, data, ends.
 *
 * Decides in which order things happen and what takes the connection down. The directions move the bytes, the engine
 * speaks TLS, the context knows whom to trust. The library calls at any time; what it brings is noted, and chains hear of
 * it in a turn. Invariants: no plaintext passes in either direction before the other side was judged and the application
 * has had its say; after a failure all four ends are told, once, with the reason.
 */

import type { TLSSocket } from 'node:tls'
import { emptyControl, type IVAnyConsumer, VIOControl, VIOTimeout } from '@vio/io'
import type { IVReactor, VScheduledCall } from '@vio/reactor'
import type { PeerVerdict, VTLSPeer } from './authorize.js'
import { type EngineStart, TLSEngine } from './engine.js'
import { cutOffFailure, libraryFailure, VTLSError, VTLSHandshakeError, VTLSUnauthorized } from './errors.js'
import { type DirectionOwner, Inbound } from './inbound.js'
import { Outbound } from './outbound.js'
import { type PeerAuthorizer, Permission } from './permission.js'

/** What a kind of connection, client or server, brings. */
export interface CoreParts {
  readonly start: EngineStart
  readonly judge: (socket: TLSSocket) => PeerVerdict
  /** Somebody has to say that the other side is the right one. */
  readonly strict: boolean
  readonly handshakeTimeoutMs: number
  readonly bufferBytes: number
  /** Asked before the chain; undefined if nobody is to be asked but the chain. */
  readonly authorize: PeerAuthorizer | undefined
  readonly initialBytes: Uint8Array | undefined
  readonly onSecured: (() => void) | undefined
  /** The time for the handshake begins with the message `connected`. */
  readonly waitsForConnection: boolean
}

/** `idle`: nothing is attached. `judged`: the other side is the right one, the application has not been asked. */
type Phase = 'idle' | 'handshake' | 'judged' | 'open' | 'over' | 'down'

/** How much ciphertext that nobody asked for may wait before no more is read: answers to a flood of requests. */
const UNASKED_BYTES = 65_536

/** Joins the parts of a transport. */
export class TLSCore {
  readonly reactor: IVReactor
  readonly inbound: Inbound
  readonly outbound: Outbound
  readonly #parts: CoreParts
  readonly #engine: TLSEngine
  readonly #permission: Permission
  #phase: Phase = 'idle'
  #posted = false
  #working = false
  #again = false
  #timer: VScheduledCall | undefined
  /** News of the library that no turn has looked at. */
  #news: { socket?: TLSSocket; failure?: unknown } = {}
  #socket: TLSSocket | null = null
  #peer: VTLSPeer | null = null
  #session: Buffer | null = null
  #failure: Error | null = null
  #wasSecured = false
  /** After a failure: what was opened before may still be given. */
  #leftGenuine = false

  constructor(reactor: IVReactor, parts: CoreParts) {
    this.reactor = reactor
    this.#parts = parts
    this.#permission = new Permission(reactor, parts.strict, parts.authorize)
    this.#engine = new TLSEngine({
      sealed: (piece) => this.#note(() => this.outbound.sealed(piece)),
      sealedEnd: () => this.#note(() => this.outbound.sealedEnd()),
      opened: (piece) => this.#note(() => this.inbound.opened(piece)),
      openedEnd: () => this.#note(() => this.inbound.openedEnd()),
      thirsty: () => {
        if (this.inbound.waits) this.#note(() => undefined)
      },
      secured: (socket) => this.#note(() => (this.#news.socket = socket)),
      failed: (error) => this.#note(() => (this.#news.failure ??= error)),
      session: (session) => {
        this.#session = session
      },
    })
    const { bufferBytes, initialBytes } = parts
    this.inbound = new Inbound(reactor, this.#engine, this.#ownerOf('inbound'), bufferBytes)
    this.outbound = new Outbound(reactor, this.#engine, this.#ownerOf('outbound'), bufferBytes)
    if (initialBytes !== undefined && initialBytes.length > 0) this.inbound.intake.buffer.append(initialBytes)
  }

  /** The library's socket, once the handshake is through. */
  get socket(): TLSSocket | null {
    return this.#socket
  }

  get peer(): VTLSPeer | null {
    return this.#peer
  }

  get session(): Buffer | null {
    return this.#session
  }

  get failure(): Error | null {
    return this.#failure
  }

  /** True once plaintext may pass. */
  get secured(): boolean {
    return this.#wasSecured
  }

  get heldBytes(): number {
    return this.inbound.heldBytes + this.outbound.heldBytes
  }

  /** Takes everything down. */
  abort(reason: Error | undefined): void {
    if (this.#phase === 'down') return
    this.#leave('down')
    this.#failure ??= reason ?? null
    this.inbound.abort(reason)
    this.outbound.abort(reason)
  }

  /** Both directions of the plaintext are through: waits no more for what the other side still sends. */
  release(): void {
    this.inbound.dropIntake(undefined)
  }

  #ownerOf(direction: 'inbound' | 'outbound'): DirectionOwner {
    return {
      admits: () => this.#admits(),
      wake: (inTurn) => (inTurn ? this.#work() : this.#post()),
      attached: () => this.#attached(),
      // Every attachment is asked about anew.
      consumerAttached: () => {
        this.#permission.forget()
        this.#post()
      },
      broken: (reason) => this.abort(reason),
      controls: direction === 'inbound' ? this.#inboundControls() : this.#outboundControls(),
    }
  }

  /** The library brought something: it is noted now and worked on in a turn, or at once in the one that is running. */
  #note(note: () => void): void {
    if (this.#phase === 'down') return
    note()
    if (this.#working) this.#again = true
    else this.#post()
  }

  #post(): void {
    if (this.#posted) return
    this.#posted = true
    this.reactor.post(this)
  }

  /** Called by the reactor. */
  runTask(): void {
    this.#posted = false
    this.#work()
  }

  /** Does what can be done now. A call from inside itself is seen to by the outer one. */
  #work(): void {
    if (this.#working) {
      this.#again = true
      return
    }
    this.#working = true
    try {
      do {
        this.#again = false
        this.#step()
      } while (this.#again)
    } finally {
      this.#working = false
    }
  }

  #step(): void {
    if (this.#phase === 'down' || this.#phase === 'idle') return
    this.#lookAtNews()
    if (this.#phase === 'judged') this.#openIfPermitted()
    if (this.#isDown()) return
    this.outbound.seal()
    this.outbound.give()
    if (this.#mayRead() && this.inbound.feed()) this.#again = true
    if (this.#isDown()) return
    if (this.#phase === 'handshake' || this.#phase === 'judged') this.#watchForCutOff()
    else this.#moveOpened()
  }

  #isDown(): boolean {
    return this.#phase === 'down'
  }

  /** What the other side makes the library say must not pile up here. */
  #mayRead(): boolean {
    return this.outbound.waitingBytes <= 2 * this.#parts.bufferBytes + UNASKED_BYTES
  }

  #watchForCutOff(): void {
    if (!this.inbound.cutOff) return
    this.#fail(cutOffFailure(this.inbound.cutOffReason))
  }

  #moveOpened(): void {
    this.inbound.give()
    if (this.inbound.cutOff) this.inbound.lose(this.inbound.cutOffReason, true)
    if (this.#phase === 'open' && this.inbound.over && this.outbound.over) this.#leave('over')
  }

  #lookAtNews(): void {
    const { socket, failure } = this.#news
    this.#news = {}
    if (socket !== undefined && this.#phase === 'handshake') this.#judge(socket)
    if (failure !== undefined && !this.#isDown() && this.#phase !== 'over') {
      this.#fail(failure instanceof VTLSError ? failure : libraryFailure(failure, this.#wasSecured))
    }
  }

  #judge(socket: TLSSocket): void {
    const { peer, refused } = this.#parts.judge(socket)
    if (refused !== null) {
      this.#fail(refused)
      return
    }
    this.#socket = socket
    this.#peer = peer
    if (!this.#permission.vouch(peer)) this.#refuse()
    else this.#phase = 'judged'
  }

  /** Where somebody has to take the question and nobody is there yet, it waits for one; the handshake's time runs on. */
  #openIfPermitted(): void {
    const waits = this.inbound.outlet.consumer === null && this.#permission.mustBeTaken
    if (waits || !this.#admits() || this.#phase !== 'judged') return
    this.#phase = 'open'
    this.#wasSecured = true
    this.#stopTimer()
    this.outbound.open()
    this.#tellSecured()
  }

  #tellSecured(): void {
    try {
      this.#parts.onSecured?.()
    } catch (error) {
      this.reactor.log.error('a listener of a secured connection failed', error)
    }
  }

  /** Asks the application, once for each consumer that is attached. A no takes everything down. */
  #admits(): boolean {
    if (this.#phase === 'handshake' || this.#phase === 'idle') return false
    if (this.#isDown() && !this.#leftGenuine) return false
    const consumer = this.inbound.outlet.consumer
    if (consumer === null) return true
    if (this.#permission.admits(consumer)) return this.inbound.outlet.consumer === consumer
    this.#refuse()
    return false
  }

  #refuse(): void {
    if (this.#isDown()) this.inbound.outlet.abort(this.#failure ?? undefined)
    this.#fail(new VTLSUnauthorized('V_TLS_REFUSED', 'the application did not authorise the other side'))
  }

  /** Ends both directions as lost. What was opened before is genuine, and is still given where it may be. */
  #fail(reason: VTLSError): void {
    if (this.#isDown()) return
    const genuine = this.#wasSecured && !(reason instanceof VTLSUnauthorized)
    this.#failure = reason
    this.#leftGenuine = genuine
    this.outbound.give()
    if (genuine) this.inbound.give()
    if (this.#isDown()) return
    this.#leave('down')
    // What OpenSSL finds at fault it tells the other side in an alert.
    this.outbound.lose(reason, reason.code.startsWith('ERR_SSL_'))
    this.inbound.lose(reason, genuine)
    this.inbound.dropIntake(reason)
  }

  /** The library is needed no more. */
  #leave(phase: 'over' | 'down'): void {
    this.#phase = phase
    this.#stopTimer()
    this.#engine.destroy()
  }

  #attached(): void {
    if (this.#phase === 'idle') {
      this.#phase = 'handshake'
      if (!this.#parts.waitsForConnection) this.#startTimer()
      this.#engine.start(this.#parts.start)
    }
    this.#post()
  }

  #startTimer(): void {
    this.#stopTimer()
    const ms = this.#parts.handshakeTimeoutMs
    if (ms === Number.POSITIVE_INFINITY) return
    this.#timer = this.reactor.schedule(ms, () => {
      const cause = new VIOTimeout(`no secured connection within ${ms} ms`)
      this.#fail(
        new VTLSHandshakeError('ERR_TLS_HANDSHAKE_TIMEOUT', `the TLS handshake took longer than ${ms} ms`, {
          cause,
        }),
      )
    })
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #inboundControls(): DirectionOwner['controls'] {
    const down = (): VIOControl => this.inbound.outlet.consumer?.control ?? emptyControl()
    const up = (): VIOControl => this.inbound.intake.producer?.control ?? emptyControl()
    const connected: VIOControl['connected'] = (peer) => {
      // The time for the handshake begins when there is somebody to have it with.
      if (this.#phase === 'handshake') this.#startTimer()
      down().connected(peer)
    }
    const reqProducerState = (consumer: IVAnyConsumer): void => {
      this.reactor.schedule(0, () => this.askAgain(consumer))
      up().reqProducerState(consumer)
    }
    return {
      consumer: () => new VIOControl({ connected }, down),
      producer: () => new VIOControl({ reqProducerState }, up),
    }
  }

  #outboundControls(): DirectionOwner['controls'] {
    const down = (): VIOControl => this.outbound.outlet.consumer?.control ?? emptyControl()
    const up = (): VIOControl => this.outbound.intake.producer?.control ?? emptyControl()
    return { consumer: () => new VIOControl(undefined, down), producer: () => new VIOControl(undefined, up) }
  }

  /** Asks a consumer that wants to know the state; a no takes everything down. */
  askAgain(consumer: IVAnyConsumer): void {
    if (this.#phase !== 'open' && this.#phase !== 'over') return
    if (!this.#permission.asked(consumer.control)) this.#refuse()
  }
}
