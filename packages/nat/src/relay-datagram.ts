/**
 * The datagrams between a party and its relay, other than those that are relayed.
 *
 * Decides their layout and their checks. Who sends what when is the client's and the server's. First bytes are chosen so
 * that nothing else on the port begins like them (RFC 7983). Invariants: an answer is never longer than what asked for it;
 * reading returns null for whatever does not fit exactly.
 *
 *     BIND       a0 | leg 8 | cookie 16 | mac 16      mac under the leg's token, over all before
 *     CHALLENGE  a1 | leg 8 | cookie 16               the cookie belongs to the address that asked
 *     BOUND      a2 | leg 8 | mac 16                  over "bound" and the cookie
 *     REFUSED    a3 | leg 8 | reason 1
 *     ASK        a4 | nonce 8 | zeros 16              for the cookie, before there is a leg; CHALLENGE has the nonce
 */
import type { IVCrypto } from '@vio/vudp'

/** First bytes. */
export const RELAY_KIND: Readonly<Record<'bind' | 'challenge' | 'bound' | 'refused' | 'ask', number>> = {
  bind: 0xa0,
  challenge: 0xa1,
  bound: 0xa2,
  refused: 0xa3,
  ask: 0xa4,
}

/** Why a relay carries nothing (more) for a leg. */
export type VRelayRefusal = 'unknown-leg' | 'time-used-up' | 'closing'

const REFUSALS: readonly VRelayRefusal[] = ['unknown-leg', 'time-used-up', 'closing']
const LEG_BYTES = 8
const COOKIE_BYTES = 16
const MAC_BYTES = 16
const COOKIE_AT = 1 + LEG_BYTES
const MAC_AT = COOKIE_AT + COOKIE_BYTES
const BIND_BYTES = MAC_AT + MAC_BYTES
const ASK_BYTES = COOKIE_AT + COOKIE_BYTES

/** A BIND taken apart; its mac is not checked yet. */
export interface RelayBind {
  /** In hex. */
  readonly leg: string
  readonly cookie: Buffer
}

/** An answer of the relay. */
export type RelayAnswer =
  | { readonly type: 'challenge'; readonly cookie: Buffer }
  | { readonly type: 'bound' }
  | { readonly type: 'refused'; readonly reason: VRelayRefusal }

/** The size of each kind: what has another one is relayed like anything else. */
const SIZES: ReadonlyMap<number, number> = new Map([
  [RELAY_KIND.bind, BIND_BYTES],
  [RELAY_KIND.challenge, COOKIE_AT + COOKIE_BYTES],
  [RELAY_KIND.bound, COOKIE_AT + MAC_BYTES],
  [RELAY_KIND.refused, COOKIE_AT + 1],
  [RELAY_KIND.ask, ASK_BYTES],
])

/** True for a datagram that is meant for the relay, or comes from it, and is not relayed. */
export function isRelayControl(bytes: Uint8Array): boolean {
  return SIZES.get(bytes[0] ?? 0) === bytes.length
}

/** Asks for the address that it comes from to be bound to a leg. */
export function encodeBind(suite: IVCrypto, token: Uint8Array, leg: string, cookie: Uint8Array): Buffer {
  const bytes = Buffer.alloc(BIND_BYTES)
  bytes[0] = RELAY_KIND.bind
  bytes.write(leg, 1, 'hex')
  bytes.set(cookie, COOKIE_AT)
  bytes.set(macOf(suite, token, bytes.subarray(0, MAC_AT)), MAC_AT)
  return bytes
}

/** Asks for the cookie of the address that it comes from. `nonce` has the form of a leg's name. */
export function encodeAsk(nonce: string): Buffer {
  return Buffer.concat([header(RELAY_KIND.ask, nonce)], ASK_BYTES)
}

/** The nonce of an ASK; null if it is none. */
export function parseAsk(bytes: Buffer): string | null {
  if (bytes.length !== ASK_BYTES || bytes[0] !== RELAY_KIND.ask) return null
  return bytes.toString('hex', 1, COOKIE_AT)
}

/** The cookie of a CHALLENGE that answers an ASK; null for anything else. */
export function openCookie(nonce: string, bytes: Buffer): Buffer | null {
  if (bytes.length !== COOKIE_AT + COOKIE_BYTES || bytes[0] !== RELAY_KIND.challenge) return null
  return bytes.toString('hex', 1, COOKIE_AT) === nonce ? Buffer.from(bytes.subarray(COOKIE_AT)) : null
}

/** Reads a BIND. */
export function parseBind(bytes: Buffer): RelayBind | null {
  if (bytes.length !== BIND_BYTES || bytes[0] !== RELAY_KIND.bind) return null
  return {
    leg: bytes.toString('hex', 1, COOKIE_AT),
    cookie: Buffer.from(bytes.subarray(COOKIE_AT, MAC_AT)),
  }
}

/** True if the mac of a BIND is right. */
export function isBindRight(suite: IVCrypto, token: Uint8Array, bytes: Buffer): boolean {
  return suite.equal(macOf(suite, token, bytes.subarray(0, MAC_AT)), bytes.subarray(MAC_AT))
}

/** The cookie of an address: it shows that who asks receives what is sent there. */
export function cookieOf(suite: IVCrypto, key: Uint8Array, ...parts: readonly string[]): Buffer {
  return Buffer.from(suite.hmac(key, Buffer.from(parts.join(' '))).subarray(0, COOKIE_BYTES))
}

/** Asks for the cookie to be sent back. */
export function encodeChallenge(leg: string, cookie: Uint8Array): Buffer {
  return Buffer.concat([header(RELAY_KIND.challenge, leg), cookie])
}

/** The leg is bound to the address now. */
export function encodeBound(suite: IVCrypto, token: Uint8Array, leg: string, cookie: Uint8Array): Buffer {
  return Buffer.concat([header(RELAY_KIND.bound, leg), boundMac(suite, token, cookie)])
}

/** The relay carries nothing for the leg. */
export function encodeRefused(leg: string, reason: VRelayRefusal): Buffer {
  return Buffer.concat([header(RELAY_KIND.refused, leg), Uint8Array.of(REFUSALS.indexOf(reason))])
}

/** Reads an answer to the BIND of a leg that had that cookie; null for what is none, or not authentic where it has to be. */
export function openAnswer(
  suite: IVCrypto,
  own: { readonly token: Uint8Array; readonly leg: string; readonly cookie: Uint8Array },
  bytes: Buffer,
): RelayAnswer | null {
  if (bytes.length <= COOKIE_AT || bytes.toString('hex', 1, COOKIE_AT) !== own.leg) return null
  const body = bytes.subarray(COOKIE_AT)
  switch (bytes[0]) {
    case RELAY_KIND.challenge:
      return body.length === COOKIE_BYTES ? { type: 'challenge', cookie: Buffer.from(body) } : null
    case RELAY_KIND.bound:
      return suite.equal(body, boundMac(suite, own.token, own.cookie)) ? { type: 'bound' } : null
    case RELAY_KIND.refused: {
      const reason = body.length === 1 ? REFUSALS[body[0] ?? -1] : undefined
      return reason === undefined ? null : { type: 'refused', reason }
    }
    default:
      return null
  }
}

/** What proves a leg on a stream, for the nonce of the stream. */
export function streamProof(suite: IVCrypto, token: Uint8Array, nonce: Uint8Array): Buffer {
  return suite.hmac(token, Buffer.from('stream'), nonce)
}

function header(kind: number, leg: string): Buffer {
  return Buffer.concat([Uint8Array.of(kind), Buffer.from(leg, 'hex')])
}

function macOf(suite: IVCrypto, token: Uint8Array, bytes: Uint8Array): Buffer {
  return suite.hmac(token, bytes).subarray(0, MAC_BYTES)
}

function boundMac(suite: IVCrypto, token: Uint8Array, cookie: Uint8Array): Buffer {
  return macOf(suite, token, Buffer.concat([Buffer.from('bound'), cookie]))
}
