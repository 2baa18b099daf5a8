/**
 * A socket with TLS over it, as one device: what is read and written is plaintext.
 *
 * Decides when the handshake begins and what its outcome means to an endpoint: the device is connected once plaintext may
 * pass. TLS itself is the transport's, the socket the carrier's, an endpoint of its own. Invariants: nothing is read for
 * an endpoint without a consumer, so that the consumer is asked first; the socket is closed when both directions are.
 */
import {
  emptyControl,
  type IVAnyConsumer,
  type IVByteConsumer,
  VByteEndpoint,
  VByteIntake,
  VByteOutlet,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VIOControl,
  VIOLost,
  type VPeer,
  type VSocketPeer,
} from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import type { IVSocketDevice } from '../socket-device.js'
import { VTLSUnauthorized } from './errors.js'
import type { VTLSTransport } from './filter.js'

const EMPTY: Buffer = Buffer.alloc(0)

/** What a device needs of the agent that it serves. */
export interface TLSDeviceParts {
  /** Makes the transport, when the handshake is to begin. `secured` is called once plaintext may pass. */
  readonly makeTransport: (secured: () => void) => VTLSTransport
  /** The consumer of the plaintext: who is asked. */
  readonly consumer: () => IVByteConsumer | null
  readonly bufferBytes: number
}

/** Reads and writes plaintext over a socket. */
export class TLSDevice implements IVSocketDevice {
  readonly #parts: TLSDeviceParts
  readonly #socket: IVSocketDevice
  readonly #carrier: VByteEndpoint
  readonly #intake: VByteIntake
  readonly #outlet: VByteOutlet
  #transport: VTLSTransport | null = null
  #changed: () => void = () => undefined
  #settled: (() => void) | undefined
  #inputEnd: VFailure | null = null
  #outputEnd: VFailure | null = null
  #inputClosed = false
  #released: VFailure | null = null

  constructor(reactor: IVReactor, socket: IVSocketDevice, parts: TLSDeviceParts) {
    this.#parts = parts
    this.#socket = socket
    this.#carrier = new VByteEndpoint(reactor, socket)
    this.#intake = new VByteIntake(reactor, this.#intakeOwner(), parts.bufferBytes)
    this.#outlet = new VByteOutlet(reactor, {
      attached: () => undefined,
      moved: () => this.#changed(),
      aborted: (reason, afterEnd) => this.#outletAborted(reason, afterEnd),
      control: emptyControl,
    })
  }

  /** The transport; null before the handshake begins. */
  get transport(): VTLSTransport | null {
    return this.#transport
  }

  /** True if the socket is connected, whatever TLS says. */
  get hasSocket(): boolean {
    return this.#socket.connected
  }

  get connected(): boolean {
    return this.#transport?.secured === true
  }

  get peer(): VSocketPeer | null {
    return this.#socket.peer
  }

  get localPeer(): VSocketPeer | null {
    return this.#socket.localPeer
  }

  get noDelay(): boolean {
    return this.#socket.noDelay
  }

  set noDelay(on: boolean) {
    this.#socket.noDelay = on
  }

  get keepAlive(): boolean {
    return this.#socket.keepAlive
  }

  set keepAlive(on: boolean) {
    this.#socket.keepAlive = on
  }

  get readable(): boolean {
    return this.connected && !this.#inputClosed && this.#intake.buffer.length > 0
  }

  get inputEnd(): VFailure | null {
    return this.#intake.buffer.length > 0 && !this.#inputClosed ? null : this.#inputEnd
  }

  get writable(): boolean {
    return this.connected && this.#outputEnd === null && !this.#outlet.ending && this.#room > 0
  }

  get outputEnd(): VFailure | null {
    return this.#outputEnd
  }

  get unflushedBytes(): number {
    if (this.#outputEnd !== null) return 0
    const inTLS = this.#transport?.['core'].outbound.heldBytes ?? 0
    return this.#outlet.queuedBytes + inTLS + this.#carrier.bufferedBytes + this.#socket.unflushedBytes
  }

  onReady(changed: () => void): void {
    this.#changed = changed
  }

  onClosed(closed: () => void): void {
    this.#socket.onClosed(closed)
  }

  /** Names a function to call once it is known whether plaintext will pass; at once if it is so already. */
  onSettled(settled: () => void): void {
    if (this.connected || this.#inputEnd !== null) settled()
    else this.#settled = settled
  }

  /** Begins the handshake, over a socket that is connected or will be. */
  begin(): void {
    if (this.#transport !== null) return
    const transport = this.#parts.makeTransport(() => this.#tellChange())
    this.#transport = transport
    this.#outlet.attach(transport.plainConsume)
    if (this.#parts.consumer() !== null) this.attachInput()
    transport.cipherIO.attach(this.#carrier.byteIO)
  }

  connect(peer: VPeer): void {
    this.begin()
    this.#carrier.connect(peer)
  }

  /** There is a consumer: it is asked, and may have plaintext. */
  attachInput(): void {
    const transport = this.#transport
    if (transport === null || this.#intake.over || this.#intake.producer !== null) return
    transport.plainProduce.attach(this.#intake)
  }

  /** There is no consumer any more. */
  detachInput(): void {
    this.#intake.detach()
  }

  /** Asks a consumer that wants to know the state. */
  askAgain(consumer: IVAnyConsumer): void {
    this.#transport?.['core'].askAgain(consumer)
  }

  readSome(maxBytes: number): Buffer {
    if (!this.readable) return EMPTY
    const piece = this.#intake.buffer.popChunk(maxBytes)
    this.#intake.taken()
    return piece
  }

  writeSome(data: Uint8Array): number {
    if (!this.writable) return 0
    const count = Math.min(this.#room, data.length)
    if (count > 0) this.#outlet.write([count === data.length ? data : data.subarray(0, count)])
    return count
  }

  closeInput(_reason: VFailure): void {
    if (this.#inputClosed) return
    this.#inputClosed = true
    // What still comes is dropped, so that the other side is not held up.
    this.#intake.buffer.clear()
    if (this.connected && this.#inputEnd === null) this.attachInput()
    this.#intake.allow(Number.POSITIVE_INFINITY)
  }

  closeOutput(reason: VFailure): void {
    if (this.#outputEnd !== null || this.#outlet.ending) return
    if (!(reason instanceof VFIOCompleted)) this.#drop(reason)
    else if (this.#transport === null) this.#outputEnd = reason
    else this.#outlet.finish(true)
  }

  close(reason: VFailure): void {
    if (this.#released !== null) return
    this.#released = reason
    this.closeInput(reason)
    this.closeOutput(reason)
    if (reason instanceof VFIOCompleted) this.#releaseIfDone()
    else this.#drop(reason)
  }

  reset(reason: VFailure): void {
    this.#transport?.abort(reason.value)
    this.#socket.reset(reason)
  }

  get #room(): number {
    return this.#parts.bufferBytes - this.#outlet.queuedBytes
  }

  #drop(reason: VFailure): void {
    if (this.#transport === null) this.#socket.close(reason)
    else this.#transport.abort(reason.value)
  }

  /** After a clean close the sealed end goes out first; then nothing is expected of the other side. */
  #releaseIfDone(): void {
    if (this.#released === null || this.#outputEnd === null) return
    if (this.#transport === null) this.#socket.close(this.#released)
    else this.#transport['core'].release()
  }

  #intakeOwner(): ConstructorParameters<typeof VByteIntake>[1] {
    return {
      attached: () => undefined,
      arrived: () => {
        if (this.#inputClosed) this.#intake.buffer.clear()
        else this.#changed()
      },
      ended: () => {
        const end = this.#intake.end
        this.#inputOver(end?.clean === true ? new VFIOCompleted() : lostBy(end?.reason))
        this.#intake.finish()
      },
      aborted: (reason) => this.#inputOver(lostBy(reason)),
      control: () => this.#control(),
    }
  }

  #inputOver(end: VFailure): void {
    // A socket that never was connected says best why.
    const why = this.#socket.connected ? end : (this.#socket.inputEnd ?? end)
    this.#inputEnd ??= why
    if (end.value instanceof VTLSUnauthorized) this.#intake.buffer.clear()
    this.#tellChange()
  }

  #outletAborted(reason: Error | undefined, afterEnd: boolean): void {
    this.#outputEnd ??= afterEnd && reason === undefined ? new VFIOCompleted() : lostBy(reason)
    // Without a consumer the end of the input finds nobody else to tell it.
    if (this.#outputEnd instanceof VFIOLost && this.#intake.producer === null)
      this.#inputOver(this.#outputEnd)
    this.#releaseIfDone()
    this.#tellChange()
  }

  #tellChange(): void {
    this.#changed()
    if (!this.connected && this.#inputEnd === null) return
    const settled = this.#settled
    this.#settled = undefined
    settled?.()
  }

  /** The endpoint tells of the connection and asks about it by itself; all else is for its consumer. */
  #control(): VIOControl {
    const handlers = { connected: () => undefined, canConnect: () => true }
    return new VIOControl(handlers, () => this.#parts.consumer()?.control ?? emptyControl())
  }
}

function lostBy(reason: Error | undefined): VFIOLost {
  return new VFIOLost(reason ?? new VIOLost('the secured connection was taken down'))
}
