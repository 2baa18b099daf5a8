/**
 * `VByteChannel`: the plainest chain end there is, `recv` and `send` with time-outs.
 *
 * Decides how much is held: `bufLen` bytes a direction. It is meant for tests and small tools; `VStream` does the same
 * with framing, files and signals. Invariants: calls are served in the order they were made, per direction; one that
 * times out has moved nothing.
 */
import { type IVReactor, type IVReactorObject, VIOClosed, VIOError } from '@vio/reactor'
import { VByteOutlet } from '../chain/outlet.js'
import { VByteIOPair } from '../chain/pair.js'
import { emptyControl } from '../control.js'
import { wholeOption } from '../filter/options.js'
import { describeValue } from '../limit.js'
import { ByteReader } from './byte-reader.js'
import { someRequest } from './read-request.js'
import { checkWait, Waiter } from './waiting.js'

interface PendingSend {
  readonly data: Buffer
  readonly waiter: Waiter<number>
}

/**
 * Sends and receives bytes.
 *
 * ```ts
 * const channel = new VByteChannel(reactor)
 * channel.byteIO.attach(endpoint.byteIO)
 * await channel.send('PING')
 * const answer = await channel.recv(4, 1000)
 * ```
 *
 * A time-out is in milliseconds; 0 does not wait, null (the default) and negative numbers wait for any time.
 */
export class VByteChannel implements IVReactorObject {
  readonly reactor: IVReactor
  /** The channel's two directions, to be attached to another pair. */
  readonly byteIO: VByteIOPair
  /** The most bytes that are held in each direction. */
  readonly bufLen: number
  readonly #reader: ByteReader
  readonly #outlet: VByteOutlet
  readonly #sends: PendingSend[] = []
  #closed = false

  /** @throws RangeError if `bufLen` is no size */
  constructor(reactor: IVReactor, bufLen = 4096) {
    this.bufLen = wholeOption('bufLen', bufLen)
    this.reactor = reactor
    this.#reader = new ByteReader(reactor, {
      capacityBytes: bufLen,
      tellsEndOnce: false,
      explain: inputError,
    })
    this.#outlet = new VByteOutlet(reactor, {
      attached: () => undefined,
      moved: () => this.#serveSends(),
      aborted: (reason) => this.#outputOver(reason),
      control: emptyControl,
    })
    this.#reader.intake.joinReverse(this.#outlet)
    this.#outlet.joinReverse(this.#reader.intake)
    this.byteIO = new VByteIOPair(this.#reader.intake, this.#outlet)
  }

  /**
   * Receives what there is, at least one byte, up to `max`; null for all that is held. Empty after a clean end, each
   * time. Rejects with `VIOError` if the chain was aborted or ended otherwise, with `VIOTimeout` when it takes too long.
   *
   * @throws RangeError, TypeError for an argument that is none
   */
  recv(max: number | null = null, timeoutMs: number | null = null): Promise<Buffer> {
    return this.#reader.read(someRequest(max ?? Number.POSITIVE_INFINITY), { timeoutMs })
  }

  /**
   * Sends from the front of `data` as much as there is room for, at least one byte, and resolves with how much that is;
   * 0 for nothing to send. Rejects with `VIOError` when no more can be sent, with `VIOTimeout` when it takes too long.
   *
   * @throws TypeError if it is neither bytes nor text
   */
  send(data: Uint8Array | string, timeoutMs: number | null = null): Promise<number> {
    const wait = { timeoutMs }
    checkWait(wait)
    const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data
    if (!(bytes instanceof Uint8Array))
      throw new TypeError(`a channel sends bytes or text, got ${describeValue(data)}`)
    if (bytes.length === 0) return Promise.resolve(0)
    // A copy: what is not taken stays the caller's, and what is taken is not the caller's to give away.
    const send: PendingSend = {
      data: Buffer.from(bytes.subarray(0, this.bufLen)),
      waiter: new Waiter(() => this.#dropSend(send)),
    }
    this.#sends.push(send)
    this.#serveSends()
    send.waiter.limit(this.reactor, 'sending', wait)
    return send.waiter.promise
  }

  /** Ends the output after what was sent, and takes no more input. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#outlet.finish(true)
    this.#serveSends()
    this.#reader.refuse(new VIOClosed('the channel is closed'))
    // Taking the input down may take down the whole chain, so that waits until what was sent is through.
    if (this.#outlet.consumer === null) this.#closeInput(undefined)
  }

  /** Takes both directions down and drops what is held. */
  abort(reason: Error = new VIOClosed('the channel was aborted')): void {
    this.#closed = true
    this.#outlet.abort(reason)
    this.#reader.close(reason)
  }

  #closeInput(reason: Error | undefined): void {
    this.#reader.close(reason ?? new VIOClosed('the channel is closed'))
  }

  #outputOver(reason: Error | undefined): void {
    this.#serveSends(reason)
    if (this.#closed) this.#closeInput(reason)
  }

  #serveSends(reason?: Error): void {
    for (let send = this.#sends[0]; send !== undefined; send = this.#sends[0]) {
      const { data, waiter } = send
      if (this.#outlet.ending) {
        const cause = reason === undefined ? {} : { cause: reason }
        waiter.reject(new VIOError('the channel takes no more data: its output was closed or aborted', cause))
        this.#sends.shift()
        continue
      }
      const count = Math.min(data.length, this.bufLen - this.#outlet.queuedBytes)
      if (count === 0) return
      this.#sends.shift()
      waiter.resolve(count)
      this.#outlet.write([data.subarray(0, count)])
    }
  }

  #dropSend(send: PendingSend): void {
    const at = this.#sends.indexOf(send)
    if (at !== -1) this.#sends.splice(at, 1)
  }
}

/** The error that says that receiving is over, and why. */
function inputError(failure: Error): Error {
  if (failure instanceof VIOError) return failure
  return new VIOError(`there is no more to receive: ${failure.message}`, { cause: failure })
}
