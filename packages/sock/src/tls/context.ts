/**
 * Identity and trust of a client or a server, read and checked once, for any number of connections.
 *
 * Decides how a connection is begun with the library, and which identity a server shows. What the handshake comes to is
 * the transport's affair. Invariant: a context that exists can be used; a change that is refused changes nothing.
 */
import { createHash, type X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  connect,
  createSecureContext,
  createServer,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  type TLSSocket,
} from 'node:tls'
import {
  judgeClient,
  judgeServer,
  type PeerVerdict,
  refusedChain,
  type VTLSClientCertificates,
  type VTLSVerify,
  type WantedServer,
} from './authorize.js'
import { VTLSInputError } from './errors.js'
import { checkIdentity, readCertificates, type VTLSIdentity } from './identity.js'
import {
  badOption,
  identityOptions,
  oneOf,
  secureOptions,
  TICKET_KEYS_BYTES,
  type VTLSClientOptions,
  type VTLSServerOptions,
} from './options.js'

/** Nobody's time but the reactor's counts: the library's own timer is set as far as it goes. */
const NO_TIMEOUT_MS = 2 ** 31 - 1

/** What a connection hears of the library. Called at any time, also outside of turns. */
export interface SocketEvents {
  /** The handshake is through, as far as this side is concerned. */
  secured(socket: TLSSocket): void
  /** The handshake, or what came after it, failed. May come more than once. */
  failed(error: unknown): void
  /** The session can be taken up later. For clients; may come more than once. */
  session(session: Buffer): void
}

/** Identity and trust of clients. May serve any number of connections. */
export class VTLSClientContext {
  /** What is checked of servers. */
  readonly verify: VTLSVerify
  /** The name of the server, where a connection does not say another. */
  readonly serverName: string | undefined
  readonly #options: VTLSClientOptions
  readonly #secure: SecureContext

  /** @throws VTLSInputError if an option cannot be used */
  constructor(options: VTLSClientOptions = {}) {
    this.verify = oneOf('verify', options.verify ?? 'name', ['name', 'authority', 'none'])
    this.serverName = options.serverName
    this.#options = options
    const identity = options.identity === undefined ? {} : identityOptions(checkIdentity(options.identity))
    this.#secure = secureContext({ ...secureOptions(options), ...identity })
  }

  /** For transports: begins a connection over `wire`. */
  open(wire: Duplex, connection: WantedServer, events: SocketEvents): void {
    const { serverName, session } = connection
    const { alpn, onKeyLog } = this.#options
    const socket = connect({
      socket: wire,
      secureContext: this.#secure,
      // The transport judges by itself, also when a session was taken up and the library would not look at the name.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(serverName === undefined || isIP(serverName) !== 0 ? {} : { servername: serverName }),
      ...(session === undefined ? {} : { session: Buffer.from(session) }),
      ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    })
    socket.on('error', (error) => events.failed(error))
    socket.on('session', (latest) => events.session(latest))
    if (onKeyLog !== undefined) socket.on('keylog', onKeyLog)
    socket.on('secureConnect', () => events.secured(socket))
  }

  /** For transports: says who the server is, or why it is refused. */
  judge(socket: TLSSocket, connection: WantedServer): PeerVerdict {
    return judgeServer(socket, this.verify, connection)
  }
}

/** Identity and trust of a server. One serves all its connections, and can be given a new identity meanwhile. */
export class VTLSServerContext {
  /** Whether clients are asked for a certificate. */
  readonly clientCertificates: VTLSClientCertificates
  readonly #options: VTLSServerOptions
  readonly #common: SecureContextOptions
  /** Never listens: it holds the identity, and begins connections over any stream. */
  readonly #server: Server
  readonly #names = new Map<string, SecureContext>()

  /** @throws VTLSInputError if the key or the certificate is missing, or an option cannot be used */
  constructor(options: VTLSServerOptions) {
    const identity = identityOptions(checkIdentity(options))
    this.clientCertificates = oneOf('clientCertificates', options.clientCertificates ?? 'none', [
      'none',
      'optional',
      'required',
    ])
    if (this.clientCertificates !== 'none' && options.trusted === undefined) {
      throw new VTLSInputError(
        'V_TLS_NO_TRUST',
        `certificates of clients are ${this.clientCertificates} and no authority is trusted; give the option trusted`,
      )
    }
    this.#options = options
    this.#common = {
      ...secureOptions(options),
      sessionIdContext: this.#trustDigest(),
      ...ticketOptions(options),
    }
    // Made once to see that it can be made: the server's own way of saying so is less clear.
    secureContext({ ...this.#common, ...identity })
    for (const [name, each] of Object.entries(options.names ?? {})) this.setName(name, each)
    this.#server = createServer({
      ...this.#common,
      ...identity,
      requestCert: this.clientCertificates !== 'none',
      rejectUnauthorized: this.clientCertificates === 'required',
      handshakeTimeout: NO_TIMEOUT_MS,
      SNICallback: (name, choose) => choose(null, this.#named(name)),
      ...(options.alpn === undefined ? {} : { ALPNProtocols: [...options.alpn] }),
    })
    if (options.onKeyLog !== undefined) this.#server.on('keylog', options.onKeyLog)
  }

  /**
   * Shows another identity from the next handshake on. Connections that there are stay as they are; sessions from before
   * are not taken up, unless the option `ticketKeys` was given.
   *
   * @throws VTLSInputError if it cannot be used; the present one stays then
   */
  setIdentity(identity: VTLSIdentity): void {
    const options = { ...this.#common, ...identityOptions(checkIdentity(identity)) }
    secureContext(options)
    this.#server.setSecureContext(options)
  }

  /**
   * Shows `identity` to clients that ask for `name`, from the next handshake on; null for the usual one.
   *
   * @throws VTLSInputError if it cannot be used; the present one stays then
   */
  setName(name: string, identity: VTLSIdentity | null): void {
    const key = nameKey(name)
    if (identity === null) this.#names.delete(key)
    else this.#names.set(key, secureContext({ ...this.#common, ...identityOptions(checkIdentity(identity)) }))
  }

  /**
   * For transports: begins a connection over `wire`.
   *
   * The library's server tells of all its connections through its one emitter. Each gets an emitter of its own here,
   * which has all else from the server, so that it is clear whose news it is.
   */
  open(wire: Duplex, events: SocketEvents): void {
    const own = Object.create(this.#server) as Server
    const emit = (name: string, ...args: unknown[]): boolean => this.#emitted(events, name, args)
    Object.defineProperty(own, 'emit', { value: emit })
    Reflect.apply(this.#server.emit, own, ['connection', wire])
  }

  /** For transports: says who the client is, or why it is refused. */
  judge(socket: TLSSocket): PeerVerdict {
    return judgeClient(socket, this.clientCertificates)
  }

  #emitted(events: SocketEvents, name: string, args: readonly unknown[]): boolean {
    if (name === 'secureConnection') {
      const socket = args[0] as TLSSocket
      socket.on('error', (error) => events.failed(error))
      events.secured(socket)
    } else if (name === 'tlsClientError') {
      events.failed(refusedChain(args[1] as TLSSocket) ?? args[0])
    } else if (name === 'keylog') return this.#server.emit('keylog', args[0] as Buffer, args[1] as TLSSocket)
    // Nobody keeps sessions here, and the library goes on by itself if told so.
    return name !== 'newSession' && name !== 'resumeSession'
  }

  #named(name: string): SecureContext | undefined {
    const key = name.toLowerCase()
    return this.#names.get(key) ?? this.#names.get(`*${key.slice(key.indexOf('.'))}`)
  }

  /** Sessions hold what was found about a client: only servers that trust the same may take them up. */
  #trustDigest(): string {
    const { trusted } = this.#options
    const certs = trusted === undefined ? [] : readCertificates(trusted, 'trusted')
    const marks = certs.map((cert: X509Certificate) => cert.fingerprint256).sort()
    return createHash('sha256')
      .update([this.clientCertificates, ...marks].join(' '))
      .digest('hex')
      .slice(0, 32)
  }
}

function ticketOptions(options: VTLSServerOptions): SecureContextOptions {
  const { ticketKeys } = options
  if (ticketKeys === undefined) return {}
  if (!(ticketKeys instanceof Uint8Array) || ticketKeys.length !== TICKET_KEYS_BYTES) {
    throw badOption(`ticketKeys are ${TICKET_KEYS_BYTES} bytes, got ${ticketKeys?.length}`)
  }
  return { ticketKeys: Buffer.from(ticketKeys) }
}

function nameKey(name: string): string {
  if (typeof name === 'string' && /^(\*\.)?[^*\s]+$/.test(name)) return name.toLowerCase()
  throw badOption(`a name is a host name, or one with *. in front, got '${String(name)}'`)
}

function secureContext(options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options)
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    throw new VTLSInputError('V_TLS_BAD_OPTION', `TLS does not take these options: ${what}`, { cause: error })
  }
}
