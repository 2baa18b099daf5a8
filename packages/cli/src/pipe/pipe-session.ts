/**
 * `pipeSession`: standard input and output of two machines, joined by a connection.
 *
 * Decides which stream carries what, and when all is known. Each side opens a stream of its own for its input, whose end is
 * the end of the input; the first stream of the connection carries a greeting and then, once what came was handed on to
 * the end, the receipt for it. So no receipt waits behind data, and each direction ends by itself. Invariants: it resolves
 * only when the other side's receipt agrees with what was sent, and all that came was handed on; whatever else happens is
 * an error that the other side is told of where it can be.
 */
import { createHash } from 'node:crypto'
import { type VByteEndpoint, type VFailure, VFIOCompleted, VFIOLost, VIOLost } from '@vio/io'
import { chain } from '@vio/io/facade'
import { type VChainResult, VDigestTap } from '@vio/io/filter'
import type { IVReactor } from '@vio/reactor'
import type { VUDPStream, VUDPTransport } from '@vio/vudp'
import { EXIT, VCommandError } from '../exit-codes.js'
import { EndWatch } from '../forward/end-watch.js'
import { takeFront } from '../forward/front.js'
import { encodeGreeting, type VGreeting } from '../greeting.js'
import { GreetingFront } from '../greeting-front.js'
import { rejection, within } from '../waiting.js'
import { checkReceipt, localFailure, lostPipe } from './outcome.js'
import { encodeReceipt, type Receipt, ReceiptReader } from './receipt.js'

/** How both sides greet. */
const GREETING: VGreeting = { command: 'pipe', version: 1 }

const GREETING_MS = 20_000
/** How long the other side's goodbye is waited for. */
const GOODBYE_MS = 5000
/** How long the connection may take to tell the other side of a failure. */
const BREAK_MS = 500
/** How long a failure of one stream waits for the failure of the connection that may be its reason. */
const CAUSE_MS = 100
/** How often progress is told. */
const PROGRESS_MS = 200

/** What a pipe joins. */
export interface PipeParts {
  readonly reactor: IVReactor
  /** A connection that stands, or is about to. */
  readonly transport: VUDPTransport
  /** Gives what is sent. */
  readonly input: VByteEndpoint
  /** Takes what comes. */
  readonly output: VByteEndpoint
  /** Ends it politely. */
  readonly signal: AbortSignal
  /** Is told how many bytes have gone both ways. */
  readonly onProgress?: (bytes: number) => void
}

/** What has gone each way. */
export interface PipeResult {
  readonly sent: Receipt
  readonly received: Receipt
}

/**
 * Runs a pipe to its end.
 *
 * @throws (rejects) VCommandError with the exit code that fits; the reason of `signal`
 */
export async function pipeSession(parts: PipeParts): Promise<PipeResult> {
  const session = new PipeSession(parts)
  try {
    return await session.run()
  } catch (error) {
    await session.breakOff(error)
    throw error
  }
}

class PipeSession {
  readonly #parts: PipeParts
  readonly #sent: VDigestTap
  readonly #received: VDigestTap
  /** The receipt has come and agrees. */
  #isConfirmed = false

  constructor(parts: PipeParts) {
    const { reactor } = parts
    this.#parts = parts
    this.#sent = new VDigestTap(reactor, { digest: createHash('sha256') })
    this.#received = new VDigestTap(reactor, { digest: createHash('sha256') })
  }

  async run(): Promise<PipeResult> {
    const { transport, signal } = this.#parts
    const stop = rejection(signal)
    const lost = transport.whenClosed.then((failure) => {
      // A clean end is one that both have agreed upon.
      if (failure instanceof VFIOCompleted) return new Promise<never>(() => undefined)
      throw failure.value
    })
    lost.catch(() => undefined)
    const forgetProgress = this.#tellProgress()
    try {
      await this.#explain(Promise.race([stop.promise, lost, this.#work()]))
      await this.#sayGoodbye()
      return { sent: receiptOf(this.#sent), received: receiptOf(this.#received) }
    } finally {
      stop.forget()
      forgetProgress()
    }
  }

  /** Ends what goes on, and tells the other side why. */
  async breakOff(error: unknown): Promise<void> {
    const { transport, input, output, reactor } = this.#parts
    const text = error instanceof Error ? error.message : String(error)
    const failure = new VFIOLost(new VIOLost(text))
    input.closeIO(failure)
    output.closeIO(failure)
    transport.closeIO(failure)
    await within(reactor, BREAK_MS, transport.whenReleased)
  }

  /** Bytes do not wait for the other side's greeting: where it is a wrong one, nobody takes their stream. */
  async #work(): Promise<void> {
    const { transport } = this.#parts
    await transport.whenConnected
    transport.writeSome(encodeGreeting(GREETING))
    const greeted = this.#greet()
    const heard = greeted.then(() => Promise.all([this.#receive(), this.#confirm()]))
    await Promise.all([heard, this.#send()])
  }

  async #greet(): Promise<void> {
    const { transport } = this.#parts
    const reader = new GreetingFront()
    await takeFront(transport, reader, 'a greeting', GREETING_MS)
    reader.check(GREETING)
  }

  async #send(): Promise<void> {
    const { input, transport } = this.#parts
    const stream = transport.openStream()
    if (stream === null) throw new VCommandError(EXIT.failure, 'the other side takes no streams')
    const result = await chain(input, this.#sent, stream).done
    if (!result.clean) throw await this.#causeOf('input', input.device.inputEnd, result)
  }

  async #receive(): Promise<void> {
    const { output, transport } = this.#parts
    const stream = await new Promise<VUDPStream>((resolve) => {
      let isTaken = false
      transport.onStream((opened) => {
        if (isTaken) opened.closeIO(new VFIOLost(new VIOLost('a pipe has one stream each way')))
        else resolve(opened)
        isTaken = true
      })
    })
    const result = await chain(stream, this.#received, output).done
    if (!result.clean) throw await this.#causeOf('output', output.device.outputEnd, result)
    transport.writeSome(encodeReceipt(receiptOf(this.#received)))
  }

  /** Waits for the receipt. It cannot come before the other side has all there is. */
  async #confirm(): Promise<void> {
    const reader = new ReceiptReader()
    await takeFront(this.#parts.transport, reader, 'a receipt', Number.POSITIVE_INFINITY)
    const own = this.#sent.result === undefined ? null : receiptOf(this.#sent)
    if (reader.receipt === null || own === null)
      throw new VCommandError(EXIT.unknown, 'the other side has confirmed what was not sent yet')
    checkReceipt(reader.receipt, own)
    this.#isConfirmed = true
  }

  /** Both know all: the first stream ends both ways, and with it the connection. */
  async #sayGoodbye(): Promise<void> {
    const { transport, reactor } = this.#parts
    transport.closeOutput(new VFIOCompleted())
    new EndWatch(transport)
    await within(reactor, GOODBYE_MS, transport.whenClosed)
    transport.closeIO(new VFIOCompleted())
  }

  #tellProgress(): () => void {
    const { reactor, onProgress } = this.#parts
    if (onProgress === undefined) return () => undefined
    const tell = (): void => {
      onProgress(this.#sent.bytes + this.#received.bytes)
      timer = reactor.schedule(PROGRESS_MS, tell)
    }
    let timer = reactor.schedule(PROGRESS_MS, tell)
    return () => void timer.cancel()
  }

  /** Why a direction broke off: this machine, or else the connection, which may say so a moment later. */
  async #causeOf(
    local: 'input' | 'output',
    end: VFailure | null,
    { reason, aborted }: VChainResult,
  ): Promise<unknown> {
    const { transport, reactor } = this.#parts
    // A source that fails ends its chain, a sink that fails aborts it; the other one only hears of it, and is lost as well.
    const isLocal = aborted === (local === 'output')
    if (isLocal && end instanceof VFIOLost) return localFailure(local, end.value)
    const failure = await within(reactor, CAUSE_MS, transport.whenClosed)
    return failure instanceof VFIOLost ? failure.value : (reason ?? new VIOLost('the stream was broken off'))
  }

  /** Passes a failure on as what it means to the person. */
  async #explain(work: Promise<unknown>): Promise<void> {
    const { signal } = this.#parts
    try {
      await work
    } catch (error) {
      if (signal.aborted || error instanceof VCommandError) throw error
      throw lostPipe(error, this.#sent.bytes > 0 && !this.#isConfirmed)
    }
  }
}

function receiptOf(tap: VDigestTap): Receipt {
  return { bytes: tap.bytes, digest: tap.result ?? Buffer.alloc(32) }
}
