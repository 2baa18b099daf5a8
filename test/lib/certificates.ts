/**
 * The certificates of the tests: an authority and what it has signed, made anew in each run.
 *
 * Decides what each certificate is good and bad for; no test needs a program or a file for its keys. Invariant: all are
 * elliptic (P-256), and all but the ones named otherwise are valid today for `localhost`.
 */
import 'reflect-metadata'
import { KeyObject, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** A certificate and its key, both as PEM. */
export interface TestIdentity {
  readonly cert: string
  readonly key: string
}

/** All there are. Those without a remark are signed by `authority`. */
export interface TestCertificates {
  /** Signs the others. */
  readonly authority: TestIdentity
  /** Knows nobody. */
  readonly otherAuthority: TestIdentity
  /** For `localhost`, `127.0.0.1` and `::1`. */
  readonly server: TestIdentity
  /** A later one for the same names. */
  readonly renewed: TestIdentity
  /** For `other.example` only. */
  readonly wrongHost: TestIdentity
  /** For `localhost`, but not any more. */
  readonly expired: TestIdentity
  /** For `localhost`, signed by itself. */
  readonly selfSigned: TestIdentity
  /** For `alice`, as a client. */
  readonly client: TestIdentity
  /** For `mallory`, as a client, signed by `otherAuthority`. */
  readonly foreignClient: TestIdentity
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 86_400_000

interface Authority {
  readonly name: string
  readonly keys: webcrypto.CryptoKeyPair
  readonly identity: TestIdentity
}

interface Wanted {
  readonly name: string
  readonly hosts?: readonly string[]
  readonly usage?: 'server' | 'client'
  readonly fromDay?: number
  readonly toDay?: number
}

let serial = 1
let made: Promise<TestCertificates> | undefined

/** The certificates of this run. */
export function testCertificates(): Promise<TestCertificates> {
  made ??= make()
  return made
}

async function make(): Promise<TestCertificates> {
  const [authority, other] = await Promise.all([makeAuthority('vio test authority'), makeAuthority('nobody')])
  const local = ['localhost', '127.0.0.1', '::1']
  const server = { name: 'localhost', hosts: local, usage: 'server' } as const
  const [first, renewed, wrongHost, expired, client, foreignClient, selfSigned] = await Promise.all([
    sign(authority, server),
    sign(authority, { ...server, name: 'renewed' }),
    sign(authority, { name: 'other.example', hosts: ['other.example'], usage: 'server' }),
    sign(authority, { ...server, fromDay: -20, toDay: -10 }),
    sign(authority, { name: 'alice', usage: 'client' }),
    sign(other, { name: 'mallory', usage: 'client' }),
    sign(undefined, server),
  ])
  return {
    authority: authority.identity,
    otherAuthority: other.identity,
    server: first,
    renewed,
    wrongHost,
    expired,
    selfSigned,
    client,
    foreignClient,
  }
}

async function makeAuthority(name: string): Promise<Authority> {
  const keys = await newKeys()
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    ...term({ name }),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { name, keys, identity: { cert: cert.toString('pem'), key: keyOf(keys) } }
}

/** Signs what is wanted; without an authority by its own key. */
async function sign(authority: Authority | undefined, wanted: Wanted): Promise<TestIdentity> {
  const keys = await newKeys()
  const subject = `C=NO, O=vio, CN=${wanted.name}`
  const names = (wanted.hosts ?? []).map(
    (value) => ({ type: isAddress(value) ? 'ip' : 'dns', value }) as const,
  )
  const usage =
    wanted.usage === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth
  const cert = await x509.X509CertificateGenerator.create({
    subject,
    issuer: authority === undefined ? subject : `CN=${authority.name}`,
    publicKey: keys.publicKey,
    signingKey: (authority?.keys ?? keys).privateKey,
    signingAlgorithm: ALGORITHM,
    ...term(wanted),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  })
  return { cert: cert.toString('pem'), key: keyOf(keys) }
}

function term(wanted: Wanted): { serialNumber: string; notBefore: Date; notAfter: Date } {
  const now = Date.now()
  serial += 1
  return {
    serialNumber: serial.toString(16).padStart(16, '0'),
    notBefore: new Date(now + (wanted.fromDay ?? -1) * DAY_MS),
    notAfter: new Date(now + (wanted.toDay ?? 30) * DAY_MS),
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

function keyOf(keys: webcrypto.CryptoKeyPair): string {
  return KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string
}

function isAddress(host: string): boolean {
  return /^[\d.]+$|:/.test(host)
}
