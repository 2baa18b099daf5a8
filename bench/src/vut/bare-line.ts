/**
 * Datagrams of `node:dgram`, each sealed by `node:crypto`, and nothing of a protocol: what a protocol on them could reach.
 *
 * A window of as many datagrams as the receiver's socket holds takes the place of congestion control, and a datagram in
 * ten that comes back the place of acknowledgements. Nothing is lost on loopback then; nothing would repeat it.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { releaseMemory } from '@vio/io'
import type { Line, LineEnd } from './line.js'

const CIPHER = 'aes-128-gcm'
const KEY = Buffer.alloc(16, 'key')
const OPTIONS = { authTagLength: 16 } as const
const HEADER = 13
const TAG = 16
const NONCE = 12
const DATA = 1
const CREDIT = 2
const CREDIT_EVERY = 10
const BUFFER_BYTES = 4 << 20
const MAX_WINDOW = 256
/** What the system charges for a datagram besides its bytes. */
const OVERHEAD_BYTES = 2048

/** One side; `sizeBytes` is the size of a full datagram. */
export async function bareEnd(sizeBytes: number): Promise<LineEnd> {
  const socket = createSocket({ type: 'udp4', lookup: (host, _options, found) => found(null, host, 4) })
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done))
  socket.setRecvBufferSize(BUFFER_BYTES)
  socket.setSendBufferSize(BUFFER_BYTES)
  return {
    port: socket.address().port,
    connect: async (farPort) => new BareLine(socket, farPort, sizeBytes),
  }
}

class BareLine implements Line {
  readonly #socket: Socket
  readonly #farPort: number
  readonly #payloadBytes: number
  readonly #window: number
  readonly #nonce = Buffer.alloc(NONCE)
  #sent = 0
  #inFlight = 0
  #uncredited = 0
  #chunk: Buffer = Buffer.alloc(0)
  #left = 0
  #got: (bytes: Uint8Array) => void = () => undefined

  constructor(socket: Socket, farPort: number, sizeBytes: number) {
    this.#socket = socket
    this.#farPort = farPort
    this.#payloadBytes = sizeBytes - HEADER - TAG
    const fits = Math.floor(socket.getRecvBufferSize() / 2 / (sizeBytes + OVERHEAD_BYTES))
    this.#window = Math.min(Math.max(fits, CREDIT_EVERY), MAX_WINDOW)
    socket.on('message', (bytes) => this.#arrived(bytes))
  }

  onBytes(got: (bytes: Uint8Array) => void): void {
    this.#got = got
  }

  write(bytes: Uint8Array): void {
    this.#inFlight += 1
    this.#send(DATA, bytes)
  }

  writeLoad(chunk: Buffer, loadBytes: number): void {
    this.#chunk = chunk
    this.#left = loadBytes
    this.#fill()
  }

  #fill(): void {
    while (this.#left > 0 && this.#inFlight < this.#window) {
      const size = Math.min(this.#left, this.#payloadBytes, this.#chunk.length)
      this.#left -= size
      this.write(this.#chunk.subarray(0, size))
    }
  }

  #send(type: number, bytes: Uint8Array): void {
    const header = Buffer.alloc(HEADER, type)
    header.writeUInt32BE(this.#sent, HEADER - 4)
    this.#sent += 1
    const cipher = createCipheriv(CIPHER, KEY, this.#nonceOf(header), OPTIONS)
    cipher.setAAD(header)
    const sealed = cipher.update(bytes)
    cipher.final()
    this.#socket.send([header, sealed, cipher.getAuthTag()], this.#farPort, '127.0.0.1', () => {
      releaseMemory(sealed)
    })
  }

  #arrived(bytes: Buffer): void {
    const end = bytes.length - TAG
    const decipher = createDecipheriv(CIPHER, KEY, this.#nonceOf(bytes), OPTIONS)
    decipher.setAAD(bytes.subarray(0, HEADER))
    decipher.setAuthTag(bytes.subarray(end))
    const plain = decipher.update(bytes.subarray(HEADER, end))
    decipher.final()
    if (bytes[0] === CREDIT) {
      this.#inFlight -= CREDIT_EVERY
      this.#fill()
    } else {
      this.#uncredited += 1
      this.#got(plain)
    }
    releaseMemory(bytes)
    if (this.#uncredited < CREDIT_EVERY) return
    this.#uncredited = 0
    this.#send(CREDIT, KEY)
  }

  #nonceOf(header: Buffer): Buffer {
    this.#nonce.writeUInt32BE(header.readUInt32BE(HEADER - 4), NONCE - 4)
    return this.#nonce
  }
}
