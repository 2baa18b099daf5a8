/**
 * Which names of a peer become names of files here.
 *
 * Decides what is refused: everything that could lead out of the folder, that the system takes for a device, that a
 * terminal would act on, or that this command uses itself. Invariant: a name that passed is the name of one entry of one
 * folder, on every system.
 */

/** The longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 200
/** The longest path below the folder, in bytes of UTF-8. */
export const MAX_PATH_BYTES = 3000
/** The most folders in one another. */
export const MAX_DEPTH = 64

/** Device names of Windows, with or without an ending. */
const DEVICE =
  /^(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])\s*(\.|$)/i
/** Control characters, and those that turn the direction of text or cannot be seen. */
const UNSEEN = /[\p{Cc}\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/u
/** What this command calls its own files, see `partName`. */
const OWN = /\.vut-part$/i

/** Why a name is refused; undefined if it may be used. */
export function nameFault(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return 'it is empty'
  if (name === '.' || name === '..') return 'it leads out of the folder'
  if (/[/\\]/.test(name)) return 'it is a path'
  if (/\p{Surrogate}/u.test(name)) return 'it is no valid Unicode'
  if (UNSEEN.test(name)) return 'it has characters that cannot be seen'
  if (DEVICE.test(name)) return 'it is the name of a device'
  if (/^[a-z]:/i.test(name)) return 'it begins with a drive'
  if (OWN.test(name)) return 'it is how unfinished files are called'
  if (process.platform === 'win32' && /[<>:"|?*]|[. ]$/.test(name)) return 'this system cannot write it'
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `it has more than ${MAX_NAME_BYTES} bytes`
  return undefined
}

/** Why a path is refused, a list of names; undefined if it may be used. */
export function pathFault(path: unknown): string | undefined {
  if (!Array.isArray(path) || path.length === 0) return 'it has no name'
  if (path.length > MAX_DEPTH) return `it is more than ${MAX_DEPTH} folders deep`
  for (const name of path) {
    const fault = nameFault(name)
    if (fault !== undefined) return fault
  }
  return Buffer.byteLength(path.join('/')) > MAX_PATH_BYTES
    ? `it has more than ${MAX_PATH_BYTES} bytes`
    : undefined
}

/** How a file is called until all of it is there. */
export function partName(name: string): string {
  return `.${name}.vut-part`
}

/** Another name for a file whose own is taken: `report (2).pdf`. */
export function numberedName(name: string, number: number): string {
  const [, stem = name, ending = ''] = /^(.+?)((?:\.tar)?\.[^.\s]{1,10})?$/su.exec(name) ?? []
  return `${stem} (${number})${ending}`
}

/** A name for the eye: what could act on a terminal is made visible, and quotes stand around what has blanks. */
export function showName(name: string): string {
  const safe = name.replace(new RegExp(UNSEEN, 'gu'), (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
  return safe.length > 60 ? `${safe.slice(0, 40)}…${safe.slice(-19)}` : safe
}
