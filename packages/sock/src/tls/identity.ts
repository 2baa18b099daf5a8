/**
 * Keys and certificates as data: read, checked and brought to one form at once.
 *
 * Decides what a key and a certificate may be given as, and that a key has to be the one of its certificate. Whom to
 * trust with them is the context's affair. Invariant: what comes out of here can be used as it is.
 */
import { createPrivateKey, KeyObject, X509Certificate } from 'node:crypto'
import { VTLSInputError } from './errors.js'

/** A private key: PEM text, PEM or DER (PKCS #8, PKCS #1, SEC 1) bytes, or a key object. */
export type VTLSKey = string | Uint8Array | KeyObject

/** A certificate: PEM text or bytes (one or several, the end's own first), DER bytes, or a certificate object. */
export type VTLSCertificate = string | Uint8Array | X509Certificate

/** Who an end is: its key and the certificate for it, with those that lead to an authority behind it. */
export interface VTLSIdentity {
  readonly key: VTLSKey
  /** The passphrase of the key, if it is encrypted. */
  readonly passphrase?: string | Uint8Array
  readonly cert: VTLSCertificate | readonly VTLSCertificate[]
}

/** An identity that was read and found to be good. */
export interface CheckedIdentity {
  readonly key: KeyObject
  /** The end's own first. */
  readonly certs: readonly X509Certificate[]
}

const PEM_BLOCK = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END [A-Z0-9 ]+-----/g

/** Reads an identity. @throws VTLSInputError if something is missing, unreadable, or does not fit */
export function checkIdentity(identity: VTLSIdentity): CheckedIdentity {
  if (isMissing(identity?.key)) {
    throw new VTLSInputError('V_TLS_NO_KEY', 'an identity needs a private key, got none; give the option key')
  }
  if (isMissing(identity.cert)) {
    throw new VTLSInputError(
      'V_TLS_NO_CERTIFICATE',
      'an identity needs a certificate, got none; give the option cert',
    )
  }
  const key = readKey(identity.key, identity.passphrase)
  const certs = readCertificates(identity.cert, 'cert')
  const [own] = certs
  if (own === undefined || !own.checkPrivateKey(key)) {
    const name = own?.subject.replaceAll('\n', ', ') ?? ''
    throw new VTLSInputError(
      'V_TLS_KEY_MISMATCH',
      `the key is of another certificate than the first one, which is for ${name}; give the pair that belongs together`,
    )
  }
  return { key, certs }
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (value as { length?: number }).length === 0
}

function readKey(key: VTLSKey, passphrase: VTLSIdentity['passphrase']): KeyObject {
  const read = key instanceof KeyObject ? key : parseKey(key, passphrase)
  if (read.type === 'private') return read
  throw new VTLSInputError('V_TLS_BAD_KEY', `an identity needs a private key, got a ${read.type} one`)
}

function parseKey(key: string | Uint8Array, passphrase: VTLSIdentity['passphrase']): KeyObject {
  const secret = passphrase === undefined ? {} : { passphrase: toBuffer(passphrase) }
  try {
    const bytes = toBuffer(key)
    if (bytes.includes('-----BEGIN')) return createPrivateKey({ key: bytes, format: 'pem', ...secret })
    return firstThatReads(['pkcs8', 'sec1', 'pkcs1'] as const, (type) =>
      createPrivateKey({ key: bytes, format: 'der', type, ...secret }),
    )
  } catch (error) {
    throw new VTLSInputError(
      'V_TLS_BAD_KEY',
      'the key cannot be read; give PEM or DER of a private key, and its passphrase if it is encrypted',
      { cause: error },
    )
  }
}

/** Tries one after another; the error is that of the first. */
function firstThatReads<T, R>(choices: readonly T[], read: (choice: T) => R): R {
  let failure: unknown
  for (const choice of choices) {
    try {
      return read(choice)
    } catch (error) {
      failure ??= error
    }
  }
  throw failure
}

/** Reads certificates given under the option `name`. @throws VTLSInputError if one cannot be read, or there is none */
export function readCertificates(
  given: VTLSCertificate | readonly VTLSCertificate[],
  name: string,
): X509Certificate[] {
  const list = Array.isArray(given) ? given : [given]
  const certs = list.flatMap((each: VTLSCertificate) => parseCertificates(each, name))
  if (certs.length > 0) return certs
  throw new VTLSInputError(
    'V_TLS_NO_CERTIFICATE',
    `the option ${name} holds no certificate; give one at least`,
  )
}

function parseCertificates(given: VTLSCertificate, name: string): X509Certificate[] {
  if (given instanceof X509Certificate) return [given]
  try {
    const bytes = toBuffer(given)
    if (!bytes.includes('-----BEGIN')) return [new X509Certificate(bytes)]
    const blocks = bytes.toString('latin1').match(PEM_BLOCK) ?? []
    if (blocks.length === 0) throw new TypeError('the PEM text holds no certificate')
    return blocks.map((block) => new X509Certificate(block))
  } catch (error) {
    throw new VTLSInputError(
      'V_TLS_BAD_CERTIFICATE',
      `a certificate of the option ${name} cannot be read; give PEM or DER`,
      { cause: error },
    )
  }
}

function toBuffer(value: string | Uint8Array): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  throw new TypeError(`text or bytes are needed, got ${typeof value}`)
}

/** Certificates as the library takes them. */
export function toPem(certs: readonly X509Certificate[]): string {
  return certs.map((cert) => cert.toString()).join('\n')
}
