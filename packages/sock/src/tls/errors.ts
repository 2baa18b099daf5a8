/**
 * The errors of TLS, and what becomes of the library's own.
 *
 * Decides the name that a failure gets: what is wrong with one's own keys and certificates is thrown at once; what the
 * other side or the way does is the reason of an end. Invariant: an error that stands for one of OpenSSL or of Node
 * keeps its code, and it itself as the cause.
 */
import { VIOError, VIOLost } from '@vio/io'

/** What is wrong with the keys and certificates that a context is made of. */
export type VTLSInputFault =
  | 'V_TLS_NO_KEY'
  | 'V_TLS_BAD_KEY'
  | 'V_TLS_NO_CERTIFICATE'
  | 'V_TLS_BAD_CERTIFICATE'
  | 'V_TLS_KEY_MISMATCH'
  | 'V_TLS_NO_TRUST'
  | 'V_TLS_BAD_OPTION'

/** A context cannot be made of what was given. Thrown at once; nothing was changed. */
export class VTLSInputError extends VIOError {
  override readonly code: VTLSInputFault

  constructor(code: VTLSInputFault, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** A connection was lost to TLS. The root of the errors that end a secured flow. */
export class VTLSError extends VIOLost {
  /** OpenSSL's or Node's code where there is one, else one that begins with `V_TLS_`. */
  override readonly code: string

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** The two sides did not come to an agreement: versions, protocols, garbage, a time-out, an end in the middle. */
export class VTLSHandshakeError extends VTLSError {}

/** The other side is not the one it should be, or the application did not want it. */
export class VTLSUnauthorized extends VTLSError {}

/** The bytes ended without TLS saying so: anybody on the way can cut a stream off like that. */
export class VTLSTruncated extends VTLSError {
  constructor() {
    super('V_TLS_TRUNCATED', 'the stream was cut off: it ended without the end that TLS tells (close_notify)')
  }
}

/** An error of Node or OpenSSL as it arrives. */
interface LibraryError extends Error {
  readonly code?: unknown
  readonly reason?: unknown
}

/** Codes that say what the other side's certificate lacks, although the handshake is what fails. */
const CREDENTIAL_CODES: ReadonlySet<string> = new Set([
  'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/** What a failure of the library comes to, before (`secured` false) or after the handshake. */
export function libraryFailure(error: unknown, secured: boolean): VTLSError {
  const found = error as Partial<LibraryError> | null
  const code = typeof found?.code === 'string' ? found.code : 'V_TLS_FAILED'
  const what = typeof found?.reason === 'string' ? found.reason : (found?.message ?? String(error))
  const options = { cause: error }
  if (CREDENTIAL_CODES.has(code)) return new VTLSUnauthorized(code, `TLS: ${what}`, options)
  if (secured) return new VTLSError(code, `TLS failed: ${what}`, options)
  return new VTLSHandshakeError(code, `the TLS handshake failed: ${what}`, options)
}

/** What it comes to that the bytes were over before the handshake was, for `cause`. */
export function cutOffFailure(cause: Error): VTLSHandshakeError {
  const { code } = cause as { readonly code?: unknown }
  // A code of the system says more: the connection was refused, or reset.
  const isOfSystem = typeof code === 'string' && !code.startsWith('V_')
  const message = `the other side was gone in the middle of the TLS handshake: ${cause.message}`
  return new VTLSHandshakeError(isOfSystem ? code : 'V_TLS_CUT_OFF', message, { cause })
}
