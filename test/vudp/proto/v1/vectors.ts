/**
 * The committed handshake of VUT/1 as bytes, and means that draw what it drew.
 *
 * Decides nothing; it reads `test/vectors/vut-1/handshake.json`.
 */
import { readFileSync } from 'node:fs'

/** A tree of hexadecimal strings. */
export interface HexTree {
  readonly [name: string]: string | HexTree
}

const text: string = readFileSync(new URL('../../../vectors/vut-1/handshake.json', import.meta.url), 'utf8')

/** The file as it stands. */
export const HANDSHAKE: HexTree = JSON.parse(text) as HexTree

/** The bytes at a path of names. */
export function hex(...path: readonly string[]): Buffer {
  let at: string | HexTree = HANDSHAKE
  for (const name of path) {
    const next: string | HexTree | undefined = typeof at === 'string' ? undefined : at[name]
    if (next === undefined) throw new Error(`no ${path.join('.')} among the vectors`)
    at = next
  }
  return Buffer.from(at as string, 'hex')
}
