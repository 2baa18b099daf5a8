/**
 * `VQlogTrace`: the trace of a connection as a qlog, for the tools of the QUIC world.
 *
 * Decides the form: qlog 0.3 as JSON text sequences (RFC 7464), one record a line, so that it can be written while the
 * connection lives and read when it was cut off; qvis opens it under the name `*.sqlog`. What is told is the engine's
 * affair, and where the text goes the caller's. Invariant: what cannot be written is left out and never disturbs the
 * connection.
 */
import type { IVTrace } from '../proto/trace.js'

/** Options of a qlog. */
export interface VQlogOptions {
  /** Takes the text, a record at a time. What it throws is swallowed, and nothing is written any more. */
  readonly write: (record: string) => void
  /** What tools show as the name of the trace. By default 'vut'. */
  readonly title?: string
  /** Which side this is, in the words of QUIC: the initiator of VUT is its client. By default 'unknown'. */
  readonly vantagePoint?: 'client' | 'server' | 'unknown'
}

const RECORD_SEPARATOR = '\x1e'

/**
 * Writes what an engine tells.
 *
 * ```ts
 * const file = createWriteStream('connection.sqlog')
 * const trace = new VQlogTrace({ write: (record) => file.write(record) })
 * const transport = new VUDPTransport(reactor, { socket, peer, secret, peerSecret, trace })
 * ```
 */
export class VQlogTrace implements IVTrace {
  readonly #options: VQlogOptions
  /** The time of the first event: those of the qlog count from it. -1 before. */
  #startedAt = -1
  #broken = false
  #events = 0

  constructor(options: VQlogOptions) {
    this.#options = options
  }

  /** How many events were written. */
  get events(): number {
    return this.#events
  }

  event(now: number, name: string, data: Readonly<Record<string, unknown>>): void {
    if (this.#broken) return
    try {
      if (this.#startedAt < 0) this.#begin(now)
      const time = Math.round((now - this.#startedAt) * 1000) / 1000
      this.#write({ time, name, data })
      this.#events += 1
    } catch {
      this.#broken = true
    }
  }

  #begin(now: number): void {
    const { title = 'vut', vantagePoint = 'unknown' } = this.#options
    this.#write({
      qlog_format: 'JSON-SEQ',
      qlog_version: '0.3',
      title,
      trace: {
        vantage_point: { name: title, type: vantagePoint },
        common_fields: { protocol_type: ['QUIC'], time_format: 'relative', reference_time: 0 },
      },
    })
    this.#startedAt = now
  }

  #write(record: unknown): void {
    this.#options.write(`${RECORD_SEPARATOR}${JSON.stringify(record)}\n`)
  }
}
