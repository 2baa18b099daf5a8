/**
 * The messages between a party and the rendezvous server: JSON behind its length, at most 16 KiB, with a version.
 *
 * Decides the form of each message and what is none. What follows from one is the client's and the server's. Invariants:
 * reading never throws for what somebody sent; a message that was read has every field that its kind needs, of the right
 * type and size; what is held of an incomplete one is less than its largest size.
 */
import { isRefusal, isRoomEnd, type VRefusal, type VRoomEnd } from './rendezvous-error.js'

/** The version of these messages. */
export const RENDEZVOUS_VERSION = 1

/** Where a party reaches the relay, and what it proves itself with there. */
export interface VRelayLeg {
  /** Names this side's way through the relay, 8 bytes in hex. */
  readonly leg: string
  /** The secret of it, 32 bytes in base64. */
  readonly token: string
  /** The relay's UDP address as it is known by itself; an empty host means: the one of this connection. */
  readonly host: string
  readonly port: number
}

/** What the server knows that a party needs. */
export interface VWelcome {
  readonly type: 'welcome'
  /** The party's address as the server sees it. */
  readonly you: string
  /** Addresses of the STUN server: one, two or four, as `VStunServer` has them. An empty host means: that of this connection. */
  readonly stun: readonly { readonly host: string; readonly port: number }[]
  /** Drawn for this connection, 16 bytes in base64. */
  readonly nonce: string
  /** The relay's UDP address, which each leg will name; told where there is a relay, so that its cookie can be asked for. */
  readonly relay?: { readonly host: string; readonly port: number } | undefined
}

/** Every message, by its type. */
export type VRendezvousMessage =
  | VWelcome
  /** `share`: for the other party, 32 bytes in base64. */
  | { readonly type: 'create'; readonly room?: number | undefined; readonly share: string }
  | { readonly type: 'join'; readonly room: number; readonly share: string }
  | { readonly type: 'created'; readonly room: number; readonly lifeMs: number }
  /** Both are there. `share` is the other one's. */
  | {
      readonly type: 'joined'
      readonly session: string
      readonly share: string
      readonly relay?: VRelayLeg | undefined
    }
  /** For the other party, which alone understands it; in base64. */
  | { readonly type: 'pass'; readonly data: string }
  /** The words did not match. */
  | { readonly type: 'burn' }
  | { readonly type: 'done' }
  | { readonly type: 'left'; readonly reason: VRoomEnd }
  | { readonly type: 'refused'; readonly reason: VRefusal; readonly about: string }
  /** This connection is to carry relayed datagrams from now on. */
  | { readonly type: 'relay'; readonly leg: string; readonly mac: string }
  | { readonly type: 'relaying' }
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }

/** What is wrong with bytes that are no message. `about` names the message or the version, cut short. */
export interface VMessageFault {
  readonly type: 'fault'
  readonly reason: Extract<VRefusal, 'version' | 'unknown-message' | 'malformed'>
  readonly about: string
}

const LENGTH_BYTES = 2
const MAX_BYTES = 16_384
const MAX_DATA_CHARACTERS = 12_000
const MAX_ABOUT = 40
const SHARE_CHARACTERS = 44

type Check = (value: unknown) => boolean

const isText =
  (max: number): Check =>
  (value) =>
    typeof value === 'string' && value.length <= max
const isBase64 =
  (max: number): Check =>
  (value) =>
    typeof value === 'string' && value.length <= max && /^[A-Za-z0-9+/]*={0,2}$/.test(value)
const isHex =
  (sizeBytes: number): Check =>
  (value) =>
    typeof value === 'string' && value.length === 2 * sizeBytes && /^[0-9a-f]*$/.test(value)
const isNumber =
  (min: number, max: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
const isPlace: Check = (value) => hasFields(value, { host: isText(255), port: isNumber(1, 65_535) })
const isPlaces: Check = (value) => Array.isArray(value) && value.length <= 4 && value.every(isPlace)
const isLeg: Check = (value) => isPlace(value) && hasFields(value, { leg: isHex(8), token: isBase64(44) })
const orMissing =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const isRoom = isNumber(1, 999_999)

const FIELDS: Readonly<Record<VRendezvousMessage['type'], Readonly<Record<string, Check>>>> = {
  welcome: { you: isText(64), stun: isPlaces, nonce: isBase64(24), relay: orMissing(isPlace) },
  create: { room: orMissing(isRoom), share: isBase64(SHARE_CHARACTERS) },
  join: { room: isRoom, share: isBase64(SHARE_CHARACTERS) },
  created: { room: isRoom, lifeMs: isNumber(0, 86_400_000) },
  joined: { session: isHex(16), share: isBase64(SHARE_CHARACTERS), relay: orMissing(isLeg) },
  pass: { data: isBase64(MAX_DATA_CHARACTERS) },
  burn: {},
  done: {},
  left: { reason: isRoomEnd },
  refused: { reason: isRefusal, about: isText(MAX_ABOUT) },
  relay: { leg: isHex(8), mac: isBase64(44) },
  relaying: {},
  ping: {},
  pong: {},
}

/** Writes a message with its length in front. @throws RangeError if it is larger than 16 KiB */
export function encodeRendezvous(message: VRendezvousMessage): Buffer {
  const text = Buffer.from(JSON.stringify({ v: RENDEZVOUS_VERSION, ...message }))
  if (text.length > MAX_BYTES) {
    throw new RangeError(`a message has at most ${MAX_BYTES} bytes, got ${text.length}`)
  }
  const bytes = Buffer.alloc(LENGTH_BYTES + text.length)
  bytes.writeUInt16BE(text.length, 0)
  bytes.set(text, LENGTH_BYTES)
  return bytes
}

/** What one message without its length says. */
export function decodeRendezvous(text: Uint8Array): VRendezvousMessage | VMessageFault {
  const value = parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fault('malformed', '')
  const { v, ...message } = value as Record<string, unknown>
  if (v !== RENDEZVOUS_VERSION) return fault('version', String(v))
  const type = message['type']
  if (typeof type !== 'string') return fault('malformed', 'type')
  if (!Object.hasOwn(FIELDS, type)) return fault('unknown-message', type)
  const fields = FIELDS[type as VRendezvousMessage['type']]
  const wrong = Object.keys(fields).find((name) => fields[name]?.(message[name]) !== true)
  if (wrong !== undefined) return fault('malformed', `${type}.${wrong}`)
  const names = ['type', ...Object.keys(fields)].filter((name) => message[name] !== undefined)
  return Object.fromEntries(names.map((name) => [name, message[name]])) as unknown as VRendezvousMessage
}

/** Reads messages out of a stream that comes in pieces. */
export class VRendezvousReader {
  #held: Buffer = Buffer.alloc(0)
  #isBroken = false

  /** How many bytes of a message that is not complete are held. */
  get heldBytes(): number {
    return this.#held.length
  }

  /** What follows the last message that was taken; for a stream that changes its purpose. Nothing is held afterwards. */
  takeRest(): Buffer {
    const rest = this.#held
    this.#held = Buffer.alloc(0)
    return rest
  }

  /** Adds a piece of the stream. */
  push(piece: Uint8Array): void {
    if (!this.#isBroken) this.#held = Buffer.concat([this.#held, piece])
  }

  /** The next message or fault; undefined if none is complete. After a length that cannot be, the stream is over. */
  next(): VRendezvousMessage | VMessageFault | undefined {
    if (this.#isBroken || this.#held.length < LENGTH_BYTES) return undefined
    const sizeBytes = this.#held.readUInt16BE(0)
    if (sizeBytes > MAX_BYTES) {
      this.#isBroken = true
      this.#held = Buffer.alloc(0)
      return fault('malformed', `${sizeBytes} bytes`)
    }
    const end = LENGTH_BYTES + sizeBytes
    if (this.#held.length < end) return undefined
    const message = decodeRendezvous(this.#held.subarray(LENGTH_BYTES, end))
    this.#held = this.#held.subarray(end)
    return message
  }
}

function hasFields(value: unknown, fields: Readonly<Record<string, Check>>): boolean {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Record<string, unknown>
  return Object.keys(fields).every((name) => fields[name]?.(record[name]) === true)
}

function parse(text: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(text).toString('utf8'))
  } catch {
    // What a peer sent is no JSON: reported as a fault.
    return undefined
  }
}

/** What somebody sent is quoted in short, and without what a terminal would act on. */
function fault(reason: VMessageFault['reason'], about: string): VMessageFault {
  return { type: 'fault', reason, about: about.replace(/[^ -~]/g, '?').slice(0, MAX_ABOUT) }
}
