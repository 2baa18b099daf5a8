/**
 * Why a VUT connection ends: the codes of the wire, and the errors that carry them.
 *
 * Decides names and messages only; which part sees which fault is the part's. Invariant: a message names no secret and
 * no payload.
 */
import { VIOLost } from '@vio/io'

/** The codes of CLOSE, RESET_STREAM and STOP_SENDING (VUT 4). */
export interface VUTCodes {
  /** All was delivered. */
  readonly done: number
  /** The application gave up. */
  readonly aborted: number
  readonly internal: number
  /** A frame or a parameter was malformed or unknown. */
  readonly frame: number
  /** A limit was passed. */
  readonly flow: number
  /** A frame does not fit the state of its stream. */
  readonly stream: number
  readonly finalSize: number
  readonly idle: number
  /** `canConnect` said no. */
  readonly refused: number
  readonly version: number
  readonly handshakeTimeout: number
  /** This and above are the application's. */
  readonly application: number
}

/** The codes by name. */
export const VUT_CODE: VUTCodes = Object.freeze({
  done: 0,
  aborted: 1,
  internal: 2,
  frame: 3,
  flow: 4,
  stream: 5,
  finalSize: 6,
  idle: 7,
  refused: 8,
  version: 9,
  handshakeTimeout: 10,
  application: 16,
})

/** The connection is over before its time. `closeCode` says why, `byPeer` who ended it. */
export class VUDPLost extends VIOLost {
  override readonly code = 'V_UDP_LOST'
  /** The code of the wire; see `VUT_CODE`. */
  readonly closeCode: number
  /** True if the other side ended it. */
  readonly byPeer: boolean

  constructor(closeCode: number, reason: string, byPeer = false) {
    super(
      `${byPeer ? 'the peer ended the connection' : 'the connection ended'}: ${reason} (code ${closeCode})`,
    )
    this.closeCode = closeCode
    this.byPeer = byPeer
  }
}

/** What a peer did wrong: thrown inside the engine by a part, caught by the connection, which closes with it. */
export class ProtocolFault extends Error {
  readonly closeCode: number

  constructor(closeCode: number, message: string) {
    super(message)
    this.closeCode = closeCode
  }
}
