/**
 * From the other side's certificates to a verdict.
 *
 * Decides whether a finished handshake was one with the right party, by the chain of certificates and by the name. Asking
 * the application is the transport's affair. Invariant: it fails closed; what it does not find, cannot read, or does not
 * know is a refusal.
 */
import { type KeyObject, X509Certificate } from 'node:crypto'
import { checkServerIdentity, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { VTLSUnauthorized } from './errors.js'
import { subjectName, type VX509Name } from './name.js'
import { sessionCertificate } from './session.js'

/**
 * What a client checks of its server: the chain up to a trusted authority and the name, the chain alone, or nothing.
 * With nothing, the application has to take the question `authorize`, or the connection is refused.
 */
export type VTLSVerify = 'name' | 'authority' | 'none'

/** Whether a server asks its clients for a certificate, and whether it goes on with one that has none. */
export type VTLSClientCertificates = 'none' | 'optional' | 'required'

/** What the other side has shown of itself. All null if it has shown no certificate. */
export interface VTLSPeer {
  /** The public key of its certificate. */
  readonly key: KeyObject | null
  /** Its certificate, and those behind it as far as they are known. */
  readonly certs: readonly X509Certificate[] | null
  /** The subject of its certificate. */
  readonly identity: VX509Name | null
  /** True if the chain of certificates leads to a trusted authority, and they are valid now. */
  readonly verified: boolean
}

/** A verdict: who the other side is, or why it is refused. */
export type PeerVerdict =
  | { readonly peer: VTLSPeer; readonly refused: null }
  | { readonly peer: null; readonly refused: VTLSUnauthorized }

const NOBODY: VTLSPeer = { key: null, certs: null, identity: null, verified: false }

/** The longest chain that is looked at; a longer one is cut off here. */
const MAX_CHAIN = 16

/** Judges a client's certificates, at the server. */
export function judgeClient(socket: TLSSocket, wanted: VTLSClientCertificates): PeerVerdict {
  return judging(() => {
    if (wanted === 'none') return NOBODY
    const peer = peerOf(socket)
    if (peer.certs === null) {
      if (wanted === 'optional') return NOBODY
      throw new VTLSUnauthorized('V_TLS_NO_PEER_CERTIFICATE', 'the client showed no certificate')
    }
    if (!peer.verified) throw chainFault(socket, 'client')
    return peer
  })
}

/** What a client knows of the server that it wanted to talk to. */
export interface WantedServer {
  readonly serverName: string | undefined
  /** The session that was offered. */
  readonly session: Uint8Array | undefined
}

/** Judges a server's certificates, at the client. */
export function judgeServer(socket: TLSSocket, wanted: VTLSVerify, server: WantedServer): PeerVerdict {
  return judging(() => {
    const peer = serverOf(socket, server.session)
    if (wanted === 'none') return peer
    if (peer.certs === null) {
      throw new VTLSUnauthorized('V_TLS_NO_PEER_CERTIFICATE', 'the server showed no certificate')
    }
    if (!peer.verified) throw chainFault(socket, 'server')
    if (wanted === 'name') checkName(peer.certs, server.serverName)
    return peer
  })
}

/** Why the library itself has refused a client's certificate, if it has: it drops the connection without a word. */
export function refusedChain(socket: TLSSocket): VTLSUnauthorized | null {
  const found: unknown = socket.authorizationError
  return found === null || found === undefined ? null : chainFault(socket, 'client')
}

/** Whatever goes wrong while judging is a refusal. */
function judging(judge: () => VTLSPeer): PeerVerdict {
  try {
    return { peer: judge(), refused: null }
  } catch (error) {
    if (error instanceof VTLSUnauthorized) return { peer: null, refused: error }
    const options = { cause: error }
    const refused = new VTLSUnauthorized('V_TLS_BAD_CERTIFICATE', 'the certificate cannot be judged', options)
    return { peer: null, refused }
  }
}

/** The server of a session that was taken up has shown its certificate when the session was made. */
function serverOf(socket: TLSSocket, session: Uint8Array | undefined): VTLSPeer {
  const peer = peerOf(socket)
  if (peer.certs !== null || session === undefined || !socket.isSessionReused()) return peer
  const cert = sessionCertificate(session)
  return cert === undefined ? peer : peerWith([cert], socket)
}

function peerOf(socket: TLSSocket): VTLSPeer {
  return peerWith(chainOf(socket), socket)
}

function peerWith(certs: readonly X509Certificate[], socket: TLSSocket): VTLSPeer {
  const [own] = certs
  if (own === undefined) return NOBODY
  return { key: own.publicKey, certs, identity: subjectName(own), verified: socket.authorized === true }
}

function chainOf(socket: TLSSocket): X509Certificate[] {
  const certs: X509Certificate[] = []
  const seen = new Set<string>()
  let at: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true)
  while (at?.raw !== undefined && certs.length < MAX_CHAIN) {
    const cert = new X509Certificate(at.raw)
    // The library shows an authority that signed itself as its own issuer.
    if (seen.has(cert.fingerprint256)) break
    seen.add(cert.fingerprint256)
    certs.push(cert)
    at = at.issuerCertificate
  }
  return certs
}

function chainFault(socket: TLSSocket, who: 'client' | 'server'): VTLSUnauthorized {
  const found: unknown = socket.authorizationError
  const code = found instanceof Error ? (found as { code?: unknown }).code : found
  const name = typeof code === 'string' && code !== '' ? code : 'V_TLS_NOT_VERIFIED'
  return new VTLSUnauthorized(name, `the certificate of the ${who} is not good: ${name}`, {
    cause: found ?? undefined,
  })
}

function checkName(certs: readonly X509Certificate[], name: string | undefined): void {
  const [own] = certs
  if (name === undefined || own === undefined) {
    throw new VTLSUnauthorized('V_TLS_NO_NAME', 'there is no name to check the server by')
  }
  const fault = checkServerIdentity(name, own.toLegacyObject())
  if (fault === undefined) return
  throw new VTLSUnauthorized('ERR_TLS_CERT_ALTNAME_INVALID', fault.message, { cause: fault })
}
