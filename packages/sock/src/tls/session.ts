/**
 * What a client's session says of the server that gave it.
 *
 * The library does not show the certificate of a server whose session was taken up, although it is part of the session:
 * OpenSSL writes sessions in ASN.1 (DER), with the certificate under the tag [3]; later Nodes put a heading before it, with
 * the name of the server. Decides nothing; a session that cannot be read has no certificate.
 */
import { X509Certificate } from 'node:crypto'

const SEQUENCE = 0x30
/** `[3] EXPLICIT`, where OpenSSL puts the certificate. */
const PEER = 0xa3

interface Element {
  readonly tag: number
  readonly content: Buffer
  /** Where the next one begins. */
  readonly end: number
}

/** The certificate of the server in a session, if there is one. Never throws. */
export function sessionCertificate(session: Uint8Array): X509Certificate | undefined {
  const bytes = Buffer.from(session)
  const outer = readElement(bytes, headingBytes(bytes))
  if (outer?.tag !== SEQUENCE) return undefined
  for (let at = 0; ; ) {
    const element = readElement(outer.content, at)
    if (element === undefined) return undefined
    if (element.tag === PEER) return certificateOf(element.content)
    at = element.end
  }
}

/** Behind a 0 and a mark that ends in 0 stand two bytes of length and a name. Without that there is no heading. */
function headingBytes(bytes: Buffer): number {
  const markEnd = bytes[0] === 0 ? bytes.indexOf(0, 1) : -1
  if (markEnd === -1 || markEnd + 3 > bytes.length) return 0
  return markEnd + 3 + bytes.readUInt16BE(markEnd + 1)
}

function certificateOf(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

/** Reads tag, length and content; undefined where there is nothing, or not all of it. */
function readElement(bytes: Buffer, at: number): Element | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag === undefined || first === undefined) return undefined
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  // Without a length of its own there is no telling where it ends; DER has no such elements.
  if (first === 0x80) return undefined
  const start = at + 2 + lengthBytes
  if (lengthBytes > 4 || start > bytes.length) return undefined
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes)
  const end = start + length
  return end > bytes.length ? undefined : { tag, content: bytes.subarray(start, end), end }
}
