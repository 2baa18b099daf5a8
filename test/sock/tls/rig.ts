/**
 * What the tests of TLS stand on: two transports with a line in memory between them, and a way to wait.
 *
 * The reactor's time is simulated; the library takes real turns of Node, of which `quiet` and `until` wait for as many as
 * there is something to do in.
 */
import { VByteBuffer, VByteEndpoint, type VByteIOPair } from '@vio/io'
import {
  createDevicePair,
  VBytePattern,
  type VDevicePair,
  type VDevicePairOptions,
  VPatternChecker,
  VProbeConsumer,
  type VProbeConsumerOptions,
  VProbeProducer,
  VTestBench,
} from '@vio/io/testing'
import type { VReactor } from '@vio/reactor'
import {
  VTLSClient,
  type VTLSClientOptions,
  type VTLSClientTransportOptions,
  VTLSServer,
  VTLSServerContext,
  type VTLSServerOptions,
  type VTLSTransport,
  type VTLSTransportOptions,
  type VTLSVersion,
} from '@vio/sock'
import { type TestCertificates, testCertificates } from '../../lib/certificates.js'

/** The versions that everything is shown for. */
export const VERSIONS: readonly VTLSVersion[] = ['TLSv1.2', 'TLSv1.3']

/** One turn of Node. */
export function nodeTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** What a probe is fed with. */
export function bytes(data: string | Uint8Array): VByteBuffer {
  return new VByteBuffer(Buffer.from(data))
}

/** A reactor in simulated time, with the library at work beside it. */
export class TLSRig {
  readonly bench: VTestBench
  readonly certificates: TestCertificates

  constructor(certificates: TestCertificates) {
    this.bench = new VTestBench({ maxTurns: 10_000_000 })
    this.certificates = certificates
  }

  static async make(): Promise<TLSRig> {
    return new TLSRig(await testCertificates())
  }

  get reactor(): VReactor {
    return this.bench.reactor
  }

  /** Waits until neither the reactor nor the library does anything. */
  async quiet(): Promise<void> {
    for (let idle = 0; idle < 10; idle += 1) {
      const before = this.bench.posts
      this.bench.settle()
      await nodeTurn()
      if (this.bench.posts !== before) idle = 0
    }
    this.bench.settle()
  }

  /** Waits until `done`. @throws Error if it does not come about */
  async until(done: () => boolean, rounds = 100_000): Promise<void> {
    for (let round = 0; !done(); round += 1) {
      if (round > rounds) throw new Error('what the test waits for has not happened')
      this.bench.settle()
      await nodeTurn()
    }
  }

  server(
    more: Partial<VTLSServerOptions> | VTLSServerContext = {},
    options: VTLSTransportOptions = {},
  ): VTLSServer {
    const context = more instanceof VTLSServerContext ? more : { ...this.certificates.server, ...more }
    return new VTLSServer(this.reactor, context, options)
  }

  client(more: VTLSClientOptions = {}, options: VTLSClientTransportOptions = {}): VTLSClient {
    const trusted = this.certificates.authority.cert
    return new VTLSClient(this.reactor, { trusted, serverName: 'localhost', ...more }, options)
  }

  /** Joins two transports by a line in memory. */
  join(server: VTLSTransport, client: VTLSTransport, line: VDevicePairOptions = {}): VDevicePair {
    const pair = createDevicePair({ reactor: this.reactor, ...line })
    client.cipherIO.attach(new VByteEndpoint(this.reactor, pair.a).byteIO)
    server.cipherIO.attach(new VByteEndpoint(this.reactor, pair.b).byteIO)
    return pair
  }

  /** Both sides of a connection, with an application at each, not yet beyond the handshake. */
  connection(given: ConnectionOptions = {}): Connection {
    const versions =
      given.version === undefined ? {} : { minVersion: given.version, maxVersion: given.version }
    const context =
      given.server instanceof VTLSServerContext ? given.server : { ...versions, ...given.server }
    const server = this.server(context, given.serverOptions)
    const client = this.client({ ...versions, ...given.client }, given.clientOptions)
    const line = this.join(server, client, given.line)
    return {
      server,
      client,
      line,
      atServer: this.application(server.plainIO, given.serverSink),
      atClient: this.application(client.plainIO, given.clientSink),
    }
  }

  /** The same, beyond the handshake. */
  async secured(given: ConnectionOptions = {}): Promise<Connection> {
    const connection = this.connection(given)
    await this.until(() => connection.server.secured && connection.client.secured)
    await this.quiet()
    return connection
  }

  /** An application that takes all there is, unless told otherwise. */
  application(io: VByteIOPair, options: VProbeConsumerOptions = {}): Application {
    const sink = new VProbeConsumer({ grantAtAttach: null, ...options })
    const source = new VProbeProducer({ reactor: this.reactor })
    io.producer.attach(sink)
    io.consumer.attach(source)
    return { sink, source }
  }

  /** Sends `total` bytes of a pattern from one application to the other, and checks them. */
  async transfer(from: Application, to: Application, total: number, seed = 1): Promise<void> {
    const pattern = new VBytePattern(seed)
    const checker = new VPatternChecker(pattern)
    let sent = 0
    await this.until(() => {
      if (sent < total && from.source.queue.length < 100_000) {
        const size = Math.min(total - sent, 100_000)
        from.source.feed(bytes(pattern.take(size, sent)))
        sent += size
      }
      for (const piece of to.sink.received.popList()) checker.feed(piece)
      return checker.position >= total
    })
  }
}

/** What the application of one side consists of. */
export interface Application {
  readonly sink: VProbeConsumer
  readonly source: VProbeProducer
}

/** How a connection is made. */
export interface ConnectionOptions {
  readonly version?: VTLSVersion
  readonly server?: Partial<VTLSServerOptions> | VTLSServerContext
  readonly client?: VTLSClientOptions
  readonly serverOptions?: VTLSTransportOptions
  readonly clientOptions?: VTLSClientTransportOptions
  readonly serverSink?: VProbeConsumerOptions
  readonly clientSink?: VProbeConsumerOptions
  readonly line?: VDevicePairOptions
}

/** A connection with an application at both ends. */
export interface Connection {
  readonly server: VTLSServer
  readonly client: VTLSClient
  readonly line: VDevicePair
  readonly atServer: Application
  readonly atClient: Application
}
