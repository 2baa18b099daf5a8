/**
 * The seed's worked examples of chains, in TypeScript: a consumer that writes a file and a producer of a message, the
 * same with a writer, a client that waits for its connection, and the guide to the byte buffer.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type IVByteOutput,
  VByteBuffer,
  VByteConsumer,
  VByteEndpoint,
  VByteProducer,
  VByteWAgent,
  VByteWriter,
  VIOControl,
  type VPeer,
} from '@vio/io'
import { createDevicePair, type VDevicePairOptions } from '@vio/io/testing'
import {
  type IVReactor,
  type IVSelectable,
  type VFailure,
  VFIOCompleted,
  VReactor,
  VSelectReactor,
} from '@vio/reactor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { virtualReactor } from '../reactor/support.js'

const MESSAGE = 'Knights who say Ni!'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vio-example-'))
  path = join(folder, 'out')
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Writes to a file what it is given, as the reactor says that it can. */
class FileWriter extends VByteConsumer implements IVByteOutput, IVSelectable {
  readonly closed: { readonly reason: VFailure; readonly wasAborted: boolean }[] = []
  readonly hooks: string[] = []
  readonly #fd: number
  readonly #done: () => void
  #data: Buffer = Buffer.alloc(0)

  constructor(reactor: IVReactor, filename: string, done: () => void) {
    super(reactor)
    this.#fd = openSync(filename, 'w')
    this.#done = done
  }

  protected override dataReceived(data: Buffer): void {
    this.hooks.push('dataReceived')
    this.#data = Buffer.concat([this.#data, data])
    this.startWriting()
  }

  protected override dataEnded(): void {
    this.hooks.push('dataEnded')
  }

  protected override consumerAborted(): void {
    this.hooks.push('consumerAborted')
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.hooks.push('consumerClosed')
    this.closed.push({ reason, wasAborted })
    this.stopWriting()
    closeSync(this.#fd)
    this.#done()
  }

  writeSome(data: Uint8Array): number {
    return writeSync(this.#fd, data)
  }

  startWriting(): void {
    this.reactor.addWriter(this)
  }

  stopWriting(): void {
    this.reactor.removeWriter(this)
  }

  doWrite(): void {
    this.#data = this.#data.subarray(this.writeSome(this.#data))
    if (this.#data.length === 0) this.stopWriting()
  }

  closeOutput(): boolean {
    closeSync(this.#fd)
    return true
  }

  closeIO(): boolean {
    return this.closeOutput()
  }

  fileno(): number {
    return this.#fd
  }
}

/** Runs a producer into a `FileWriter` on a reactor in the background, and returns the writer once it has closed. */
async function runIntoFile(reactor: VReactor, producer: VByteProducer): Promise<FileWriter> {
  reactor.start()
  const writer = await new Promise<FileWriter>((resolve) => {
    const made: FileWriter = new FileWriter(reactor, path, () => resolve(made))
    producer.byteProduce.attach(made.byteConsume)
  })
  reactor.stop()
  return writer
}

describe('a consumer that writes a file', () => {
  class MessageSender extends VByteProducer {
    #message: Buffer

    constructor(reactor: IVReactor, message: string) {
      super(reactor)
      this.#message = Buffer.from(message)
    }

    protected override produce(maxBytes: number): Buffer {
      const size = maxBytes < 0 ? this.#message.length : maxBytes
      const message = this.#message.subarray(0, size)
      this.#message = this.#message.subarray(size)
      if (this.#message.length === 0) this.reactor.schedule(0, () => this.endProduce(true))
      return message
    }
  }

  it('gets the message of a producer, and closes the file when all is over [VE-42] [T-VE-3]', async () => {
    const reactor = new VSelectReactor()
    const writer = await runIntoFile(reactor, new MessageSender(reactor, MESSAGE))
    expect(readFileSync(path, 'utf8')).toBe(MESSAGE)
    expect(writer.hooks).toEqual(['dataReceived', 'dataEnded', 'consumerAborted', 'consumerClosed'])
    expect(writer.closed).toEqual([{ reason: expect.any(VFIOCompleted), wasAborted: false }])
  })

  it('gets what a writer was filled with in its constructor [VE-67] [T-VE-4]', async () => {
    class Sender extends VByteWriter {
      constructor(reactor: IVReactor, message: string) {
        super(reactor)
        this.write(message)
        this.endWrite()
      }
    }
    const reactor = new VReactor()
    const writer = await runIntoFile(reactor, new Sender(reactor, MESSAGE))
    expect(readFileSync(path, 'utf8')).toBe(MESSAGE)
    expect(writer.closed).toHaveLength(1)
  })
})

/** Asks for one page, once it is connected, and keeps the answer. */
class HttpClient extends VByteWAgent {
  readonly events: string[] = []
  body = ''
  readonly #path: string

  constructor(reactor: IVReactor, path: string) {
    super(reactor)
    this.#path = path
  }

  protected override producerAttached(): void {
    this.events.push('attached')
  }

  protected override consumerControl(): VIOControl {
    return new VIOControl({ connected: (peer) => this.#connected(peer) })
  }

  #connected(peer: VPeer): void {
    // It may be told more than once.
    if (this.events.includes('connected')) return
    this.events.push('connected')
    this.setReceiveLimit(null)
    this.write(`GET ${this.#path} HTTP/1.1\r\nHost: ${peer}\r\nConnection: close\r\n\r\n`)
    this.endWrite()
  }

  protected override dataReceived(data: Buffer): void {
    this.body += data.toString()
  }

  protected override dataEnded(clean: boolean): void {
    this.events.push(`ended ${clean}`)
  }
}

/** Answers one request with its path. */
class HttpServer extends VByteWAgent {
  request = ''

  protected override dataReceived(data: Buffer): void {
    this.request += data.toString()
    const [, path] = /^GET (\S+) HTTP\/1\.1\r\n(?:.*\r\n)*\r\n/.exec(this.request) ?? []
    if (path === undefined) return
    this.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
    this.endWrite()
  }
}

describe('an HTTP client on an agent with a writer', () => {
  function setUp(options: VDevicePairOptions) {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const pair = createDevicePair({ ...options, reactor, b: { name: 'example.org', readSizes: () => 7 } })
    const server = new HttpServer(reactor)
    server.byteIO.attach(new VByteEndpoint(reactor, pair.b).byteIO)
    const client = new HttpClient(reactor, '/page')
    const endpoint = new VByteEndpoint(reactor, pair.a)
    client.byteIO.attach(endpoint.byteIO)
    return { host, pair, server, client, endpoint }
  }

  it('asks for the page once it hears that it is connected, and gets it [VE-60] [T-VE-9]', () => {
    const { host, pair, server, client, endpoint } = setUp({ connect: 'succeed', connectDelayMs: 50 })
    endpoint.connect(pair.peerB)
    host.advance(49)
    expect([client.events, client.queuedBytes, server.request]).toEqual([['attached'], 0, ''])
    host.advance(1)
    expect(client.body).toBe('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n/page')
    expect(server.request).toContain('Host: memory:example.org\r\n')
    expect(client.events).toEqual(['attached', 'connected', 'ended true'])
  })

  it('asks nothing where there is no connection, and hears of it', () => {
    const { host, pair, server, client, endpoint } = setUp({ connect: 'refuse' })
    endpoint.connect(pair.peerB)
    host.runUntilIdle()
    expect([client.events, server.request]).toEqual([['attached', 'ended false'], ''])
  })
})

describe('the guide to the byte buffer', () => {
  it('puts bytes in at the end and takes them off the front, in any pieces [T-VE-11]', () => {
    const buffer = new VByteBuffer()
    buffer.append(Buffer.from('Hello'))
    buffer.append(Buffer.from(', '))
    buffer.appendList([Buffer.from('wor'), Buffer.from('ld')])
    expect(buffer.length).toBe(12)
    expect(buffer.peek(7).toString()).toBe('Hello, ')
    expect(buffer.pop(3).toString()).toBe('Hel')
    expect(buffer.remove(4)).toBe(4)
    expect(buffer.peekList().map(String)).toEqual(['wor', 'ld'])
    expect(buffer.popList(4).map(String)).toEqual(['wor', 'l'])
    expect(buffer.pop(100).toString()).toBe('d')
    expect([buffer.length, buffer.pop().length]).toEqual([0, 0])
    buffer.append(Buffer.from('more'))
    buffer.clear()
    expect(buffer.length).toBe(0)
  })
})
