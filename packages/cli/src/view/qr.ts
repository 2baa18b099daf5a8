/**
 * A QR code in half blocks, for a terminal.
 *
 * Decides when it is worth its room. Invariant: it is as narrow as the terminal or there is none.
 */
import { renderUnicodeCompact } from 'uqr'

/** The most lines it may take: a screen of 24 shows it together with what belongs to it. */
const MAX_LINES = 19

/** The picture of a text; undefined if the terminal has no room for it. */
export function qrOf(text: string, columns: number): string | undefined {
  const picture = renderUnicodeCompact(text, { border: 1 })
  const lines = picture.split('\n')
  return lines.length <= MAX_LINES && (lines[0]?.length ?? 0) < columns ? picture : undefined
}
