/**
 * What two connecters tell each other beside their addresses: which paths they allow.
 *
 * Decides the form of it in the note of an offer. Invariant: a note that says nothing of the kind, or what is not known,
 * reads as one that allows everything.
 */
import type { VConnectPath } from './connecter-options.js'

/** The terms of one side. */
export interface SessionTerms {
  readonly path: VConnectPath
}

/** Writes the note of an offer. */
export function writeTerms({ path }: SessionTerms): string {
  return JSON.stringify({ path })
}

/** Reads the note of an offer. */
export function readTerms(note: string): SessionTerms {
  const { path } = parse(note)
  return { path: path === 'direct' || path === 'relay' ? path : 'auto' }
}

function parse(note: string): Partial<Record<keyof SessionTerms, unknown>> {
  try {
    const value: unknown = JSON.parse(note)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    // What the other side noted is for somebody else.
    return {}
  }
}
