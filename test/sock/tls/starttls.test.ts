/**
 * TLS put into a chain that is live: a protocol of lines that changes over in the middle.
 */
import { createServer, connect as netConnect, type Socket } from 'node:net'
import { VByteEndpoint, VByteWAgent } from '@vio/io'
import { splice } from '@vio/io/filter'
import { VStreamDevice } from '@vio/io/node'
import { createDevicePair } from '@vio/io/testing'
import { type IVReactor, VReactor } from '@vio/reactor'
import { VTLSClient, VTLSServer, type VTLSTransport } from '@vio/sock'
import { describe, expect, it } from 'vitest'
import { testCertificates } from '../../lib/certificates.js'
import { bytes, TLSRig } from './rig.js'

/** Speaks in lines; `said` are those of the other side, with what the transport was at the time. */
abstract class LineAgent extends VByteWAgent {
  readonly said: string[] = []
  protected tls: VTLSTransport | null = null
  readonly #endpoint: VByteEndpoint
  #rest = Buffer.alloc(0)
  #changing = false
  clean: boolean | null = null
  failure: Error | undefined

  constructor(reactor: IVReactor, endpoint: VByteEndpoint) {
    super(reactor)
    this.#endpoint = endpoint
    this.byteIO.attach(endpoint.byteIO)
  }

  say(line: string): void {
    this.write(`${line}\n`)
  }

  protected abstract heard(line: string): void

  protected abstract transport(initialBytes: Buffer): VTLSTransport

  protected override dataReceived(data: Buffer): null {
    this.#rest = Buffer.concat([this.#rest, data])
    // What comes behind the line that changes over is not for this protocol any more.
    for (let at = this.#rest.indexOf(10); at !== -1 && !this.#changing; at = this.#rest.indexOf(10)) {
      const line = this.#rest.subarray(0, at).toString()
      this.#rest = this.#rest.subarray(at + 1)
      this.said.push(this.tls === null ? line : `tls: ${line}`)
      this.heard(line)
    }
    return null
  }

  protected override dataEnded(clean: boolean, reason?: Error): void {
    this.clean = clean
    this.failure = reason
  }

  /** Secures what comes from now on, beginning with what has been read already, once the last line has left. */
  protected secureLater(): void {
    this.#changing = true
    this.reactor.post({ runTask: () => (this.queuedBytes > 0 ? this.secureLater() : this.secure()) })
  }

  protected secure(): void {
    const tls = this.transport(this.#rest)
    this.#rest = Buffer.alloc(0)
    this.#changing = false
    this.tls = tls
    splice(this.#endpoint.byteIO, tls)
  }
}

const certificates = await testCertificates()

class LineServer extends LineAgent {
  protected heard(line: string): void {
    if (line === 'STARTTLS') {
      this.say('GO AHEAD')
      this.secureLater()
    } else if (line === 'QUIT') this.endWrite()
    else this.say(`you said ${line}`)
  }

  protected transport(initialBytes: Buffer): VTLSTransport {
    return new VTLSServer(this.reactor, certificates.server, { initialBytes })
  }
}

class LineClient extends LineAgent {
  protected heard(line: string): void {
    if (line === 'GO AHEAD') {
      this.secure()
      this.say('password')
    } else if (line === 'you said password') this.say('QUIT')
  }

  protected transport(initialBytes: Buffer): VTLSTransport {
    const context = { trusted: certificates.authority.cert, serverName: 'localhost' }
    return new VTLSClient(this.reactor, context, { initialBytes })
  }
}

function expectChangedOver(server: LineServer, client: LineClient): void {
  expect(server.said).toEqual(['hello', 'STARTTLS', 'tls: password', 'tls: QUIT'])
  expect(client.said).toEqual(['you said hello', 'GO AHEAD', 'tls: you said password'])
  expect([client.clean, client.failure]).toEqual([true, undefined])
}

describe('a protocol of lines that changes over to TLS', () => {
  it.each([
    ['in whole', {}],
    ['byte by byte', { a: { readSizes: [1] }, b: { readSizes: [1] } }],
    ['in odd pieces', { a: { readSizes: [5, 9], writeSizes: [3, 31] }, b: { readSizes: [11, 2] } }],
  ])('does so over a line in memory that passes %s', async (_name, line) => {
    const rig = await TLSRig.make()
    const pair = createDevicePair({ reactor: rig.reactor, ...line })
    const client = new LineClient(rig.reactor, new VByteEndpoint(rig.reactor, pair.a))
    const server = new LineServer(rig.reactor, new VByteEndpoint(rig.reactor, pair.b))
    client.say('hello')
    client.say('STARTTLS')
    await rig.until(() => client.clean !== null)
    expectChangedOver(server, client)
  })

  it('does so over a socket', async () => {
    const reactor = new VReactor()
    reactor.start()
    const [near, far, close] = await socketPair()
    const client = new LineClient(reactor, new VByteEndpoint(reactor, new VStreamDevice(near)))
    const server = new LineServer(reactor, new VByteEndpoint(reactor, new VStreamDevice(far)))
    client.say('hello')
    client.say('STARTTLS')
    await expect.poll(() => client.clean, { timeout: 10_000, interval: 5 }).not.toBe(null)
    expectChangedOver(server, client)
    close()
    reactor.stop()
  })

  it('takes what came with the line that changes over for ciphertext, and the first of it', async () => {
    const rig = await TLSRig.make()
    const pair = createDevicePair({ reactor: rig.reactor })
    const server = new LineServer(rig.reactor, new VByteEndpoint(rig.reactor, pair.b))
    const client = rig.client()
    const far = rig.application(client.plainIO)
    // The other side does not wait for the answer: its handshake stands in the same piece as its last line.
    const pending = createDevicePair({ reactor: rig.reactor })
    client.cipherIO.attach(new VByteEndpoint(rig.reactor, pending.a).byteIO)
    await rig.quiet()
    pair.a.writeSome(Buffer.concat([Buffer.from('STARTTLS\n'), pending.b.readSome(100_000)]))
    await rig.quiet()
    expect(pair.a.readSome(9).toString()).toBe('GO AHEAD\n')
    for (let round = 0; round < 10; round += 1) {
      pending.b.writeSome(pair.a.readSome(100_000))
      await rig.quiet()
      pair.a.writeSome(pending.b.readSome(100_000))
      await rig.quiet()
    }
    expect(client.secured).toBe(true)
    far.source.feed(bytes('hi\n'))
    await rig.quiet()
    pair.a.writeSome(pending.b.readSome(100_000))
    await rig.quiet()
    expect(server.said).toEqual(['STARTTLS', 'tls: hi'])
  })

  it('takes no line in the clear that was slipped in behind the change', async () => {
    const rig = await TLSRig.make()
    rig.bench.expectFailures()
    const pair = createDevicePair({ reactor: rig.reactor })
    const server = new LineServer(rig.reactor, new VByteEndpoint(rig.reactor, pair.b))
    pair.a.writeSome(Buffer.from('STARTTLS\nrm -rf\nQUIT\n'))
    await rig.quiet()
    expect(server.said).toEqual(['STARTTLS'])
    expect(server.clean).toBe(false)
    expect(server.failure).toMatchObject({ code: expect.stringMatching(/^ERR_SSL_/) })
  })
})

/** Two sockets that are connected, and a way to let go of them. */
async function socketPair(): Promise<[Socket, Socket, () => void]> {
  const listener = createServer({ allowHalfOpen: true })
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done))
  const { port } = listener.address() as { readonly port: number }
  const accepted = new Promise<Socket>((done) => listener.once('connection', done))
  const near = netConnect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const far = await accepted
  const close = (): void => {
    near.destroy()
    far.destroy()
    listener.close()
  }
  return [near, far, close]
}
