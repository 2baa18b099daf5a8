/**
 * What an offer is to a person who is asked about it.
 *
 * Decides how much of a long list is shown. Invariant: names are those of a peer, so nothing in them can act on the
 * terminal.
 */
import { formatBytes } from '../view/format.js'
import { totalBytes, type VTransferEntry } from './manifest.js'
import { showName } from './names.js'

const MAX_LINES = 12

/** The list, one entry a line, the first ones of a long one. */
export function describeOffer(entries: readonly VTransferEntry[]): string {
  const files = entries.filter(({ kind, path }) => kind === 'file' || path.length === 1)
  const shown = files.slice(0, files.length > MAX_LINES ? MAX_LINES - 1 : MAX_LINES)
  const lines = shown.map(entryLine)
  if (shown.length < files.length) lines.push(`${' '.repeat(11)}and ${files.length - shown.length} more`)
  return lines.join('\n')
}

/** `3 files, 64.0 MB`. */
export function describeTotal(entries: readonly VTransferEntry[]): string {
  const files = entries.filter(({ kind }) => kind === 'file').length
  return `${files} file${files === 1 ? '' : 's'}, ${formatBytes(totalBytes(entries))},`
}

function entryLine({ kind, path, sizeBytes }: VTransferEntry): string {
  const name = path.map(showName).join('/')
  return `${(kind === 'folder' ? 'folder' : formatBytes(sizeBytes)).padStart(9)}  ${name}${kind === 'folder' ? '/' : ''}`
}
