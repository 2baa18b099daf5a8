/**
 * Names of X.509 certificates as values.
 *
 * Decides nothing but the shape: attributes by their short names, in the order of the certificate, and one text.
 */
import type { X509Certificate } from 'node:crypto'

/** One attribute of a name: `CN`, `O`, ... */
export interface VX509Attribute {
  readonly type: string
  readonly value: string
}

/** The name of the subject of a certificate. */
export interface VX509Name {
  /** `CN`, the name that a person reads; null if there is none. The first one if there are several. */
  readonly commonName: string | null
  /** All attributes; one that occurs several times does so here. */
  readonly attributes: readonly VX509Attribute[]
  /** All attributes on one line: `C=NO, O=vio, CN=alice`. For logs; do not take decisions by it. */
  readonly text: string
}

/** The name of the subject of `cert`. Never throws for what a peer sent. */
export function subjectName(cert: X509Certificate): VX509Name {
  const subject = (cert.toLegacyObject().subject ?? {}) as Readonly<Record<string, unknown>>
  const attributes: VX509Attribute[] = []
  for (const [type, found] of Object.entries(subject)) {
    for (const value of Array.isArray(found) ? found : [found])
      attributes.push({ type, value: String(value) })
  }
  return {
    commonName: attributes.find(({ type }) => type === 'CN')?.value ?? null,
    attributes,
    text: attributes.map(({ type, value }) => `${type}=${value}`).join(', '),
  }
}
