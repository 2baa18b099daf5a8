/**
 * The parameters that the two sides tell each other inside the handshake (VUT 3).
 *
 * Decides how they look on the wire, which values can be and what holds for those that are absent. What follows from
 * them is the affair of the parts. Invariant: what was decoded is in range, so no part checks again.
 */
import type { VCipherId } from '../crypto.js'
import { VUT1 } from '../profile.js'
import { varintSize, WireReader, writeVarint } from './varint.js'

/** What one side accepts. Times in milliseconds, sizes in bytes. */
export interface Parameters {
  readonly idleTimeoutMs: number
  /** The first limit of every stream, and of all together. */
  readonly streamLimit: number
  readonly totalLimit: number
  /** How many streams of the receiver's kind may be opened. */
  readonly maxStreams: number
  /** The largest datagram that is accepted. */
  readonly datagramBytes: number
  readonly ackDelayMs: number
  /** The token that ends this connection without its state; empty for none. */
  readonly resetToken: Buffer
  /** The ciphers to choose from (INIT), or the one chosen (RESP). */
  readonly ciphers: readonly VCipherId[]
  readonly userData: Buffer
  /** After how many datagrams at most an acknowledgement may be awaited; 0 for as usual. */
  readonly ackFrequency: number
  /** The largest unreliable datagram that is accepted; 0 for none. */
  readonly unreliableBytes: number
  /** The id in the header of RESP; empty if absent. */
  readonly respId: Buffer
}

const ID = {
  idle: 0x01,
  stream: 0x02,
  total: 0x03,
  streams: 0x04,
  datagram: 0x05,
  ackDelay: 0x06,
  token: 0x07,
  ciphers: 0x08,
  userData: 0x09,
  ackFrequency: 0x0a,
  unreliable: 0x0b,
  respId: 0x0c,
} as const

const EMPTY: Buffer = Buffer.alloc(0)

/** The parameters as bytes, in the order of their ids. Those that were left out are not told. */
export function encodeParameters(values: Partial<Parameters>): Buffer {
  const parts: Buffer[] = []
  const number = (id: number, value: number | undefined) => {
    if (value === undefined) return
    const bytes = Buffer.alloc(varintSize(value))
    writeVarint(bytes, 0, value)
    parts.push(entry(id, bytes))
  }
  const bytes = (id: number, value: Uint8Array | undefined) => {
    if (value !== undefined && value.length > 0) parts.push(entry(id, value))
  }
  number(ID.idle, values.idleTimeoutMs)
  number(ID.stream, values.streamLimit)
  number(ID.total, values.totalLimit)
  number(ID.streams, values.maxStreams)
  number(ID.datagram, values.datagramBytes)
  number(ID.ackDelay, values.ackDelayMs)
  bytes(ID.token, values.resetToken)
  bytes(ID.ciphers, values.ciphers && Uint8Array.from(values.ciphers))
  bytes(ID.userData, values.userData)
  number(ID.ackFrequency, values.ackFrequency)
  number(ID.unreliable, values.unreliableBytes)
  bytes(ID.respId, values.respId)
  return Buffer.concat(parts)
}

function entry(id: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(varintSize(id) + varintSize(value.length) + value.length)
  const at = writeVarint(bytes, writeVarint(bytes, 0, id), value.length)
  bytes.set(value, at)
  return bytes
}

/** What the bytes say, defaults filled in; null if they are malformed or one is told twice. */
export function decodeParameters(encoded: Buffer): Parameters | null {
  const reader = new WireReader(encoded)
  const values = new Map<number, Buffer>()
  while (reader.left > 0) {
    const id = reader.varint()
    const value = reader.take(reader.varint())
    if (reader.failed || values.has(id)) return null
    values.set(id, value)
  }
  return new Decoder(values).result()
}

/** Takes the values apart; notes whether one of them cannot be. */
class Decoder {
  readonly #values: Map<number, Buffer>
  #isValid = true

  constructor(values: Map<number, Buffer>) {
    this.#values = values
  }

  result(): Parameters | null {
    const streamLimit = this.#number(ID.stream, VUT1.streamLimitBytes)
    const parameters: Parameters = {
      idleTimeoutMs: this.#number(ID.idle, VUT1.idleTimeoutMs),
      streamLimit,
      totalLimit: this.#number(ID.total, Math.floor(streamLimit * VUT1.totalLimitFactor)),
      maxStreams: this.#number(ID.streams, VUT1.maxStreams),
      datagramBytes: this.#number(ID.datagram, VUT1.datagramBytes),
      ackDelayMs: this.#number(ID.ackDelay, VUT1.ackDelayMs),
      resetToken: this.#sized(ID.token, VUT1.tokenBytes),
      ciphers: this.#ciphers(),
      userData: this.#bytes(ID.userData),
      ackFrequency: this.#number(ID.ackFrequency, 0),
      unreliableBytes: this.#number(ID.unreliable, 0),
      respId: this.#sized(ID.respId, VUT1.idBytes),
    }
    const fits =
      parameters.datagramBytes >= VUT1.datagramBytes &&
      parameters.userData.length <= VUT1.maxUserDataBytes &&
      parameters.ackDelayMs <= VUT1.maxAckDelayMs
    return this.#isValid && fits ? parameters : null
  }

  #number(id: number, absent: number): number {
    const value = this.#values.get(id)
    if (value === undefined) return absent
    const reader = new WireReader(value)
    const number = reader.varint()
    if (reader.failed || reader.left > 0) this.#isValid = false
    return number
  }

  #bytes(id: number): Buffer {
    return Buffer.from(this.#values.get(id) ?? EMPTY)
  }

  #sized(id: number, sizeBytes: number): Buffer {
    const value = this.#bytes(id)
    if (this.#values.has(id) && value.length !== sizeBytes) this.#isValid = false
    return value
  }

  /** The ones that are known; a list that names none of them is for the handshake to refuse. */
  #ciphers(): readonly VCipherId[] {
    const value = this.#values.get(ID.ciphers)
    if (value === undefined) return [1]
    return [...value].filter((each): each is VCipherId => each === 1 || each === 2 || each === 3)
  }
}
