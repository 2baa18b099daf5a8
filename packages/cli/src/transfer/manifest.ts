/**
 * The list of what is offered: files and folders, by name.
 *
 * Decides how entries are written and what a receiver believes. Invariant: a list that was read holds each path once, each
 * below a folder that stands before it, with names that `names.ts` lets pass; its memory is bounded whatever comes.
 */
import { VTransferFault } from './fault.js'
import { encodeFrame, FRAME, MAX_CONTROL_BYTES } from './frame.js'
import { pathFault, showName } from './names.js'
import { encodeOffered } from './record.js'

/** One file or folder. */
export interface VTransferEntry {
  readonly kind: 'file' | 'folder'
  /** The names that lead to it, from the folder that is received into. */
  readonly path: readonly string[]
  /** Bytes of a file; 0 for a folder. */
  readonly sizeBytes: number
  /** The permissions, 0 to 0o777. */
  readonly mode: number
  /** When it was changed last, in ms since 1970. */
  readonly changedMs: number
}

/** The most entries of one transfer. */
export const MAX_ENTRIES = 100_000
const MAX_LIST_BYTES = 32 * 1024 * 1024
/** Room for what stands around the entries of a frame. */
const FRAME_ROOM = 1024

/** What stands in JSON for an entry. */
interface WireEntry {
  readonly k: unknown
  readonly p: unknown
  readonly s?: unknown
  readonly m?: unknown
  readonly t?: unknown
}

/** How many bytes all files of a list have. */
export function totalBytes(entries: readonly VTransferEntry[]): number {
  return entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** The frames of a list. `key` is that of the digests. */
export function encodeManifest(entries: readonly VTransferEntry[], key: Buffer): Buffer[] {
  const frames: Buffer[] = []
  let texts: string[] = []
  let size = 0
  const flush = (): void => {
    if (texts.length > 0) frames.push(encodeFrame(FRAME.entries, Buffer.from(`[${texts.join(',')}]`, 'utf8')))
    texts = []
    size = 0
  }
  for (const entry of entries) {
    const text = JSON.stringify(wireOf(entry))
    const bytes = Buffer.byteLength(text) + 1
    if (size + bytes > MAX_CONTROL_BYTES - FRAME_ROOM) flush()
    texts.push(text)
    size += bytes
  }
  flush()
  frames.push(encodeOffered({ entries: entries.length, bytes: totalBytes(entries), key }))
  return frames
}

/** Reads a list, frame by frame. */
export class ManifestReader {
  readonly entries: VTransferEntry[] = []
  readonly #kinds = new Map<string, 'file' | 'folder'>()
  #listBytes = 0

  /** Takes a frame of the type `entries`. @throws VTransferFault for anything that is not to be believed */
  push(body: Buffer): void {
    this.#listBytes += body.length
    if (this.#listBytes > MAX_LIST_BYTES)
      throw new VTransferFault(`a list of more than ${MAX_LIST_BYTES} bytes`)
    let list: unknown
    try {
      list = JSON.parse(body.toString('utf8'))
    } catch {
      throw new VTransferFault('its list is no JSON')
    }
    if (!Array.isArray(list)) throw new VTransferFault('its list is no list')
    for (const each of list) this.#add(each)
  }

  #add(value: unknown): void {
    const entry = entryOf(value)
    if (this.entries.length >= MAX_ENTRIES) throw new VTransferFault(`more than ${MAX_ENTRIES} entries`)
    const key = entry.path.join('/')
    const parent = entry.path.slice(0, -1).join('/')
    if (this.#kinds.has(key)) throw refused(entry.path, 'it is there twice')
    if (parent !== '' && this.#kinds.get(parent) !== 'folder')
      throw refused(entry.path, 'its folder is not there')
    this.#kinds.set(key, entry.kind)
    this.entries.push(entry)
  }
}

function wireOf({ kind, path, sizeBytes, mode, changedMs }: VTransferEntry): WireEntry {
  const common = { p: path, m: mode, t: changedMs }
  return kind === 'folder' ? { k: 'd', ...common } : { k: 'f', ...common, s: sizeBytes }
}

function entryOf(value: unknown): VTransferEntry {
  if (typeof value !== 'object' || value === null) throw new VTransferFault('an entry of its list is none')
  const { k, p, s = 0, m = 0, t = 0 } = value as WireEntry
  const fault = pathFault(p)
  if (fault !== undefined) throw refused(p, fault)
  const path = p as readonly string[]
  if (k !== 'f' && k !== 'd') throw refused(path, 'it is neither a file nor a folder')
  if (!isCount(s, Number.MAX_SAFE_INTEGER)) throw refused(path, 'its size is none')
  if (!isCount(m, 0o777)) throw refused(path, 'its permissions are none')
  if (typeof t !== 'number' || !(Math.abs(t) <= 8.64e15)) throw refused(path, 'its time is none')
  const kind = k === 'f' ? 'file' : 'folder'
  return { kind, path, sizeBytes: kind === 'file' ? s : 0, mode: m, changedMs: t }
}

function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= most
}

function refused(path: unknown, why: string): VTransferFault {
  const name = Array.isArray(path) ? path.map((each) => showName(String(each))).join('/') : 'a path'
  return new VTransferFault(`"${name.slice(0, 200)}" is refused: ${why}`)
}
