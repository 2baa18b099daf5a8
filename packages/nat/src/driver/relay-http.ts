/**
 * The HTTP port of a relay: `/healthz` for those who watch whether it lives, `/metrics` for those who count.
 *
 * Decides what is answered and how long a client may take; the numbers are the host's. Invariants: it answers GET and HEAD
 * only, reads no body, keeps nothing of a request, and never holds more than a few connections.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { VIPSocketPeer } from '@vio/io'
import { socketError } from '@vio/sock'

/** What is told on the port. */
export interface RelayHTTPParts {
  /** True while new links are taken. */
  readonly isHealthy: () => boolean
  /** The text of Prometheus. */
  readonly metrics: () => string
}

const MAX_CONNECTIONS = 64
const REQUEST_MS = 10_000
const HEADERS_MS = 5_000
const CHECK_MS = 2_000
const MAX_HEADER_BYTES = 8_192
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const TEXT_TYPE = 'text/plain; charset=utf-8'

/** The port. */
export class RelayHTTP {
  readonly #server: Server
  readonly #parts: RelayHTTPParts

  constructor(parts: RelayHTTPParts) {
    this.#parts = parts
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_MS,
        requestTimeout: REQUEST_MS,
        connectionsCheckingInterval: CHECK_MS,
        keepAliveTimeout: HEADERS_MS,
      },
      (request, response) => this.#answer(request, response),
    )
    this.#server.maxConnections = MAX_CONNECTIONS
  }

  /** What it is bound to; null before and after. */
  get address(): VIPSocketPeer | null {
    const own = this.#server.address()
    return own === null || typeof own === 'string' ? null : new VIPSocketPeer(own.address, own.port)
  }

  /** Binds and listens; an empty host stands for all addresses. @throws (rejects) VSocketError */
  listen(host: string, port: number): Promise<void> {
    return new Promise((listening, failed) => {
      this.#server.once('error', (error) => {
        failed(socketError(`could not listen for HTTP on ${host}:${port}`, error))
      })
      this.#server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
        this.#server.removeAllListeners('error')
        this.#server.on('error', () => undefined)
        listening()
      })
    })
  }

  /** Stops, and drops who is there. */
  close(): Promise<void> {
    return new Promise((closed) => {
      this.#server.close(() => closed())
      this.#server.closeAllConnections()
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = request
    // What comes behind the header is not read, so the connection serves no second request.
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD', Connection: 'close', 'Content-Type': TEXT_TYPE })
      response.end('GET or HEAD\n')
      return
    }
    const [path] = url.split('?')
    if (path === '/healthz') {
      const isHealthy = this.#parts.isHealthy()
      reply(response, {
        status: isHealthy ? 200 : 503,
        type: TEXT_TYPE,
        text: isHealthy ? 'ok\n' : 'draining\n',
      })
    } else if (path === '/metrics') {
      reply(response, { status: 200, type: METRICS_TYPE, text: this.#parts.metrics() })
    } else reply(response, { status: 404, type: TEXT_TYPE, text: 'there are /healthz and /metrics\n' })
  }
}

interface Reply {
  readonly status: number
  readonly type: string
  readonly text: string
}

function reply(response: ServerResponse, { status, type, text }: Reply): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  })
  response.end(text)
}
