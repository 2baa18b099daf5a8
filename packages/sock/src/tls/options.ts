/**
 * What clients and servers may be told about TLS, and how it is handed to the library.
 *
 * Decides the defaults and refuses at once what would not work. Invariant: the library sees checked values only.
 */
import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import { describeValue } from '../describe.js'
import type { VTLSClientCertificates, VTLSVerify } from './authorize.js'
import { VTLSInputError } from './errors.js'
import {
  type CheckedIdentity,
  readCertificates,
  toPem,
  type VTLSCertificate,
  type VTLSIdentity,
} from './identity.js'

/** A version of TLS. Older ones than these are not spoken. */
export type VTLSVersion = 'TLSv1.2' | 'TLSv1.3'

/** What clients and servers have in common. */
export interface VTLSCommonOptions {
  /** Certificates of the authorities that are trusted. By default those that Node comes with, for clients. */
  readonly trusted?: VTLSCertificate | readonly VTLSCertificate[]
  /** The oldest version that is spoken. By default TLSv1.2. */
  readonly minVersion?: VTLSVersion
  /** The newest version that is spoken. By default TLSv1.3. */
  readonly maxVersion?: VTLSVersion
  /** Cipher suites in OpenSSL's notation. By default Node's. */
  readonly ciphers?: string
  /** Application protocols (ALPN), the preferred one first. By default none. */
  readonly alpn?: readonly string[]
  /**
   * Gets the secrets of each connection, a line in the format of NSS at a time. Whoever has them can read all that was
   * said: for finding faults only. By default they are told to nobody.
   */
  readonly onKeyLog?: (line: Buffer) => void
}

/** Options of a client. */
export interface VTLSClientOptions extends VTLSCommonOptions {
  /** Who the client is. By default it shows no certificate. */
  readonly identity?: VTLSIdentity
  /** What is checked of the server. By default 'name': everything. */
  readonly verify?: VTLSVerify
  /** The name of the server: what it is asked for (SNI), and what its certificate has to be for. */
  readonly serverName?: string
}

/** Options of a server. The identity is mandatory. */
export interface VTLSServerOptions extends VTLSCommonOptions, VTLSIdentity {
  /**
   * Further identities by the name that a client asks for (SNI). `*.example.org` stands for one label in front. A client
   * that asks for no name or another one gets the identity that the server was made with.
   */
  readonly names?: Readonly<Record<string, VTLSIdentity>>
  /** Whether clients are asked for a certificate. By default 'none'. Otherwise `trusted` is mandatory. */
  readonly clientCertificates?: VTLSClientCertificates
  /** 48 bytes that sessions are sealed with, for servers that resume each other's sessions. By default random. */
  readonly ticketKeys?: Uint8Array
}

const VERSIONS: readonly VTLSVersion[] = ['TLSv1.2', 'TLSv1.3']

/** The bytes of `ticketKeys`. */
export const TICKET_KEYS_BYTES = 48

/** Options that the library takes for both sides. @throws VTLSInputError for what would not work */
export function secureOptions(options: VTLSCommonOptions): SecureContextOptions {
  const [minVersion, maxVersion] = [options.minVersion ?? 'TLSv1.2', options.maxVersion ?? 'TLSv1.3']
  const [from, to] = [VERSIONS.indexOf(minVersion), VERSIONS.indexOf(maxVersion)]
  if (from < 0 || to < 0 || from > to) {
    throw badOption(`the versions go from TLSv1.2 to TLSv1.3, got ${minVersion} to ${maxVersion}`)
  }
  checkAlpn(options.alpn)
  checkFunction('onKeyLog', options.onKeyLog)
  return {
    minVersion,
    maxVersion,
    // A second handshake inside a connection has been a source of attacks, and TLS 1.3 has done away with it.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(options.ciphers === undefined ? {} : { ciphers: options.ciphers }),
    ...(options.trusted === undefined ? {} : { ca: trustedPem(options.trusted) }),
  }
}

/** An identity as the library takes it. */
export function identityOptions(identity: CheckedIdentity): SecureContextOptions {
  const key = identity.key.export({ type: 'pkcs8', format: 'pem' }) as string
  return { key, cert: toPem(identity.certs) }
}

function trustedPem(trusted: NonNullable<VTLSCommonOptions['trusted']>): string[] {
  if (Array.isArray(trusted) && trusted.length === 0) {
    throw new VTLSInputError(
      'V_TLS_NO_TRUST',
      'the option trusted is empty; name an authority, or leave it out',
    )
  }
  return readCertificates(trusted, 'trusted').map((cert) => cert.toString())
}

function checkAlpn(alpn: readonly string[] | undefined): void {
  if (alpn === undefined) return
  const isName = (each: unknown): boolean =>
    typeof each === 'string' && each !== '' && Buffer.byteLength(each) <= 255
  if (Array.isArray(alpn) && alpn.length > 0 && alpn.every(isName)) return
  throw badOption(`alpn is a list of names of 1 to 255 bytes, got ${describeValue(alpn)}`)
}

function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return
  throw badOption(`${name} is a function, got ${describeValue(value)}`)
}

/** The error for an option that is not one of those that there are. */
export function badOption(message: string): VTLSInputError {
  return new VTLSInputError('V_TLS_BAD_OPTION', message)
}

/** Returns `value`. @throws VTLSInputError unless it is one of `choices` */
export function oneOf<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value
  throw badOption(`${name} is one of ${choices.join(', ')}, got ${describeValue(value)}`)
}
