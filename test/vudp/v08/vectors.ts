/**
 * The golden vectors of VUT 0.8, as values: what two independent implementations made and did.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../../vectors/vut-0.8')

/** A number of the vectors and its octets. */
export interface PosintVector {
  readonly value: string
  readonly hex: string
}

/** What decoding some octets gives; a null value means that octets are missing. */
export interface DecodeVector {
  readonly hex: string
  readonly value: string | null
  readonly octets_read: number | null
  readonly note: string
}

/** A key, a message and their code. */
export interface MacVector {
  readonly key: string
  readonly message: string
  readonly mac: string
  readonly rfc2104_hmac_sha1: string
}

/** The fields of a datagram and its octets. */
export interface DatagramVector {
  readonly name: string
  readonly sender_secret: string
  readonly receiver_secret: string
  readonly flags: number
  readonly seq: string
  readonly ack: string
  readonly win: string
  readonly data: string
  readonly datagram: string
}

/** What a receiver in a given state does with a datagram. */
export interface ReceiveVector {
  readonly name: string
  readonly datagram: string
  readonly expect: 'accept' | 'drop' | 'fail-connection'
}

/** The file datagrams.json. */
export interface DatagramFile {
  readonly mac: readonly MacVector[]
  readonly datagrams: readonly DatagramVector[]
  readonly receive: {
    readonly sender_secret: string
    readonly receiver_secret: string
    readonly cases: readonly ReceiveVector[]
  }
}

/** One end of a recorded conversation. */
export interface ConversationEnd {
  readonly implementation: string
  readonly secret: string
  readonly mode: string
  readonly seed: string
  readonly requested: number
}

/** What one end of a recorded conversation came to. */
export interface ConversationOutcome {
  readonly delivered_length: number
  readonly delivered_sha256: string
  readonly app_events: readonly string[]
  readonly connection_closed: boolean
  readonly input_closed: boolean
  readonly output_closed: boolean
}

/** One datagram of a recorded conversation. */
export interface ConversationDatagram {
  readonly from: 'a' | 'b'
  readonly t_ms: number
  readonly hex: string
  readonly lost?: boolean
}

/** A recorded conversation. */
export interface Conversation {
  readonly name: string
  readonly note: string
  readonly a: ConversationEnd
  readonly b: ConversationEnd
  readonly receive_buffer: { readonly a: number; readonly b: number }
  readonly stream_on_wire: Readonly<
    Record<'a_to_b' | 'b_to_a', { readonly length: number; readonly sha256: string }>
  >
  readonly outcome: { readonly a: ConversationOutcome; readonly b: ConversationOutcome }
  readonly datagrams: readonly ConversationDatagram[]
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as T
}

/** The numbers. */
export function posintVectors(): { encode: readonly PosintVector[]; decode: readonly DecodeVector[] } {
  return read('netbytes.json')
}

/** The codes, datagrams and cases of receiving. */
export function datagramVectors(): DatagramFile {
  return read('datagrams.json')
}

/** All recorded conversations, by file name. */
export function conversations(): readonly Conversation[] {
  return readdirSync(FOLDER)
    .filter((name) => name.startsWith('conversation-'))
    .sort()
    .map((name) => read<Conversation>(name))
}

/** The payload that an end of a conversation sends. */
export function payloadOf(seed: string, lengthBytes: number): Buffer {
  const blocks: Buffer[] = []
  for (let index = 0; index * 32 < lengthBytes; index += 1) {
    blocks.push(createHash('sha256').update(`${seed}:${index}`).digest())
  }
  return Buffer.concat(blocks).subarray(0, lengthBytes)
}

/** Octets as hexadecimal text. */
export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

/** SHA-1, as the driver hands it in. */
export function sha1(bytes: Uint8Array): Uint8Array {
  return createHash('sha1').update(bytes).digest()
}

/** SHA-256 as hexadecimal text. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
