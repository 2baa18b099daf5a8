/**
 * What stands at the front of a forwarded stream: a request of the side that opened it, and the answer.
 *
 * Decides the layout and what of it can be. Both are `version(1) what(1) length(2) body`, numbers with the highest byte
 * first; behind them the stream belongs to the two programs. Invariants: no bytes make a reader throw or hold more than
 * one message of at most `MAX_BODY_BYTES`; it asks for no byte behind its message; what was read is as safe as what was
 * typed.
 *
 *     request  1 tcp, 2 udp   port(2) host            7 arrived  number(2) where from
 *              3 unix         path
 *              4 listen tcp, 5 listen udp   number(2) port(2) host, empty for all addresses
 *              6 listen unix                number(2) path
 *     answer   what is a status (see `status`), the body its reason as text; for a listener that is there, where
 */
import { ipVersionOf } from '@vio/io'
import { checkUnixPath } from '@vio/sock'
import type { ListenAt } from './spec.js'
import { type AnswerStatus, STATUSES } from './status.js'
import { checkHost, type ForwardTarget, netTarget, unixTarget } from './target.js'

/** The version of this layout. */
export const MESSAGE_VERSION = 1

/** The most bytes of a body. */
export const MAX_BODY_BYTES = 1024

/** The size of what stands before a body. */
export const HEAD_BYTES = 4

/** What the side that opens a stream wants. */
export type ForwardRequest =
  | { readonly kind: 'connect'; readonly target: ForwardTarget }
  /** `number` is how the asking side tells its listeners apart. */
  | { readonly kind: 'listen'; readonly number: number; readonly listen: ListenAt }
  /** Somebody connected to the listener of that number. */
  | { readonly kind: 'arrived'; readonly number: number; readonly from: string }

/** What the other side says to it. */
export interface ForwardAnswer {
  readonly status: AnswerStatus
  /** Why not, or, of a listener, where it listens. */
  readonly text: string
}

/** One message, its body not looked at yet. */
export interface RawMessage {
  readonly what: number
  readonly body: Buffer
}

const KIND = { tcp: 1, udp: 2, unix: 3, listenTCP: 4, listenUDP: 5, listenUnix: 6, arrived: 7 } as const

/** Collects one message out of pieces of any size. */
export class MessageReader {
  /** What is wrong with the bytes, or null. Nothing more is asked for then. */
  fault: string | null = null
  /** The message, once it is there. */
  message: RawMessage | null = null
  readonly #head = Buffer.alloc(HEAD_BYTES)
  #body: Buffer | null = null
  #filled = 0

  /** How many bytes it takes to go on; 0 at the end. */
  get needed(): number {
    if (this.fault !== null || this.message !== null) return 0
    return (this.#body ?? this.#head).length - this.#filled
  }

  /** Takes bytes from the front of `bytes` and returns how many. */
  push(bytes: Uint8Array): number {
    let taken = 0
    while (this.needed > 0 && taken < bytes.length) {
      const piece = bytes.subarray(taken, taken + this.needed)
      const field = this.#body ?? this.#head
      field.set(piece, this.#filled)
      this.#filled += piece.length
      taken += piece.length
      if (this.#filled === field.length) this.#fieldRead()
    }
    return taken
  }

  #fieldRead(): void {
    if (this.#body === null) this.#headRead()
    if (this.fault === null && this.#body !== null && this.#filled === this.#body.length)
      this.message = { what: this.#head[1] ?? 0, body: this.#body }
  }

  #headRead(): void {
    const [version, sizeBytes] = [this.#head[0], this.#head.readUInt16BE(2)]
    this.#filled = 0
    if (version !== MESSAGE_VERSION)
      this.fault = `version ${version} where ${MESSAGE_VERSION} is spoken; give both sides the same version of vut`
    else if (sizeBytes > MAX_BODY_BYTES)
      this.fault = `a body of ${sizeBytes} bytes, ${MAX_BODY_BYTES} at most`
    else this.#body = Buffer.alloc(sizeBytes)
  }
}

/** A request as bytes. */
export function encodeRequest(request: ForwardRequest): Buffer {
  switch (request.kind) {
    case 'connect':
      return request.target.kind === 'unix'
        ? encode(KIND.unix, request.target.path)
        : encode(KIND[request.target.kind], request.target.host, [request.target.port])
    case 'listen':
      return encodeListen(request.number, request.listen)
    case 'arrived':
      return encode(KIND.arrived, clip(request.from, 200), [request.number])
  }
}

/** A request as it was read; a text says what is wrong with it. */
export function decodeRequest({ what, body }: RawMessage): ForwardRequest | string {
  try {
    return requestOf(what, body)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** An answer as bytes. Text that is too long is cut. */
export function encodeAnswer({ status, text }: ForwardAnswer): Buffer {
  return encode(STATUSES.indexOf(status), clip(text, 500))
}

/** An answer as it was read. */
export function decodeAnswer({ what, body }: RawMessage): ForwardAnswer {
  return { status: STATUSES[what] ?? 'failed', text: body.toString() }
}

function encodeListen(number: number, listen: ListenAt): Buffer {
  if (listen.kind === 'unix') return encode(KIND.listenUnix, listen.path, [number])
  const kind = listen.kind === 'udp' ? KIND.listenUDP : KIND.listenTCP
  return encode(kind, listen.host, [number, listen.port])
}

function requestOf(what: number, body: Buffer): ForwardRequest | string {
  switch (what) {
    case KIND.tcp:
    case KIND.udp:
      return {
        kind: 'connect',
        target: netTarget(what === KIND.udp ? 'udp' : 'tcp', textOf(body, 2), number(body, 0)),
      }
    case KIND.unix:
      return { kind: 'connect', target: unixTarget(textOf(body, 0)) }
    case KIND.listenTCP:
    case KIND.listenUDP:
      return {
        kind: 'listen',
        number: number(body, 0),
        listen: listenOf(what === KIND.listenUDP ? 'udp' : 'tcp', body),
      }
    case KIND.listenUnix:
      return {
        kind: 'listen',
        number: number(body, 0),
        listen: { kind: 'unix', path: checkUnixPath(textOf(body, 2)) },
      }
    case KIND.arrived:
      return { kind: 'arrived', number: number(body, 0), from: textOf(body, 2) }
    default:
      return `a request of kind ${what}, which this version does not know`
  }
}

function listenOf(kind: 'tcp' | 'udp', body: Buffer): ListenAt {
  const host = textOf(body, 4)
  if (host !== '' && ipVersionOf(host) === 0) checkHost(host)
  return { kind, host, port: number(body, 2) }
}

function encode(what: number, text: string, numbers: readonly number[] = []): Buffer {
  const body = Buffer.from(text)
  const message = Buffer.alloc(HEAD_BYTES + 2 * numbers.length + body.length)
  message[0] = MESSAGE_VERSION
  message[1] = what
  message.writeUInt16BE(message.length - HEAD_BYTES, 2)
  for (const [at, value] of numbers.entries()) message.writeUInt16BE(value, HEAD_BYTES + 2 * at)
  body.copy(message, HEAD_BYTES + 2 * numbers.length)
  return message
}

/** @throws RangeError where the body is too short */
function number(body: Buffer, at: number): number {
  return body.readUInt16BE(at)
}

function textOf(body: Buffer, from: number): string {
  return body.subarray(from).toString()
}

function clip(text: string, maxCharacters: number): string {
  // A character has up to three bytes in a UTF-16 unit.
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters / 2)}...` : text
}
