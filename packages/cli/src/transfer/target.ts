/**
 * Where what is offered goes.
 *
 * Decides what happens to names that are taken, what is there already, and whether there is room. Invariant: nothing that
 * is there is changed here, and no entry leads through a link out of the folder.
 */
import { lstat, open, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { EXIT, VCommandError } from '../exit-codes.js'
import { formatBytes } from '../view/format.js'
import { digestPrefix, FileDigest, type VDigestTerms } from './digest.js'
import type { VTransferEntry } from './manifest.js'
import { numberedName, showName } from './names.js'
import { isThere, PartFile, takenError } from './part-file.js'
import type { VExtent } from './record.js'

/** What happens to names that are taken: by default the offer is refused. */
export type VTakenPolicy = 'refuse' | 'overwrite' | 'rename' | 'resume'

/** What a sender offers. */
export interface VOffer {
  readonly entries: readonly VTransferEntry[]
  readonly terms: VDigestTerms
}

/** What is there of a file. */
export interface VPresent {
  readonly sizeBytes: number
  /** True of a whole file, to which nothing is added. */
  readonly isWhole: boolean
  readonly digest: FileDigest
}

/** The plan for an offer. */
export interface VTargetPlan {
  /** The whole path of each entry, in the order of the list. */
  readonly paths: readonly string[]
  /** What is there, by the place in the list. */
  readonly present: ReadonlyMap<number, VPresent>
}

const MAX_NUMBER = 9999

/** Plans where what is offered goes. @throws VCommandError (7) if a name is taken, a link is in the way, or there is no room */
export async function planTarget(
  folder: string,
  { entries, terms }: VOffer,
  policy: VTakenPolicy,
): Promise<VTargetPlan> {
  const names = await topNames(folder, entries, policy)
  const paths = entries.map(({ path: [top = '', ...rest] }) => join(folder, names.get(top) ?? top, ...rest))
  const present = new Map<number, VPresent>()
  if (policy === 'overwrite' || policy === 'resume') {
    const resumed = policy === 'resume'
    for (const [index, entry] of entries.entries()) {
      const found = await lookAt(paths[index] ?? '', entry, resumed && new FileDigest(terms, index))
      if (found !== undefined) present.set(index, found)
    }
  }
  await checkRoom(folder, entries, present)
  return { paths, present }
}

/** What the sender is told of a plan. */
export function extentsOf({ present }: VTargetPlan): VExtent[] {
  return [...present].map(([index, { sizeBytes, digest }]) => ({ index, sizeBytes, digest: digest.digest() }))
}

/** The names that the outermost entries get. */
async function topNames(
  folder: string,
  entries: readonly VTransferEntry[],
  policy: VTakenPolicy,
): Promise<Map<string, string>> {
  const names = new Map<string, string>()
  for (const { path } of entries) {
    const [top = ''] = path
    if (path.length > 1) continue
    const taken = await isThere(join(folder, top))
    if (taken && policy === 'refuse') throw takenError(path)
    names.set(top, taken && policy === 'rename' ? await freeName(folder, top, names) : top)
  }
  return names
}

async function freeName(folder: string, name: string, used: Map<string, string>): Promise<string> {
  const given = new Set(used.values())
  for (let number = 2; number <= MAX_NUMBER; number++) {
    const other = numberedName(name, number)
    if (!given.has(other) && !(await isThere(join(folder, other)))) return other
  }
  throw takenError([name])
}

/** Sees that what is in an entry's place may be there, and with a digest to make how much of it is there. */
async function lookAt(
  file: string,
  entry: VTransferEntry,
  digest: FileDigest | false,
): Promise<VPresent | undefined> {
  const about = await lstat(file).catch(() => undefined)
  if (entry.kind === 'folder') {
    if (about === undefined || about.isDirectory()) return undefined
    throw blockedError(entry, 'no folder')
  }
  if (about?.isDirectory()) throw blockedError(entry, 'a folder')
  if (digest === false) return undefined
  if (about === undefined) return await unfinished(file, entry, digest)
  if (!about.isFile()) throw blockedError(entry, 'no file')
  if (about.size !== entry.sizeBytes) throw takenError(entry.path)
  return await whole(file, entry, digest)
}

async function unfinished(
  file: string,
  { sizeBytes }: VTransferEntry,
  digest: FileDigest,
): Promise<VPresent | undefined> {
  const left = await PartFile.left(file, sizeBytes, digest)
  return left === undefined ? undefined : { ...left, isWhole: false }
}

async function whole(file: string, { sizeBytes }: VTransferEntry, digest: FileDigest): Promise<VPresent> {
  const handle = await open(file, 'r')
  try {
    return { sizeBytes, isWhole: true, digest: await digestPrefix(handle, sizeBytes, digest) }
  } finally {
    await handle.close()
  }
}

async function checkRoom(
  folder: string,
  entries: readonly VTransferEntry[],
  present: ReadonlyMap<number, VPresent>,
): Promise<void> {
  let needed = 0
  for (const [index, { sizeBytes }] of entries.entries()) {
    needed += sizeBytes - (present.get(index)?.sizeBytes ?? 0)
  }
  const free = await freeBytes(folder)
  if (needed <= free) return
  const what = `there is room for ${formatBytes(free)} in "${showName(folder)}", and ${formatBytes(needed)} are to come`
  throw new VCommandError(EXIT.localIO, what, 'make room, or choose another folder by --out')
}

/** What is free, as far as the disk says. */
async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

function blockedError({ path, kind }: VTransferEntry, what: string): VCommandError {
  const name = path.map(showName).join('/')
  const text = `"${name}" is there already and is ${what}, where a ${kind} is to come`
  return new VCommandError(EXIT.localIO, text, 'take it by --rename, or choose another folder by --out')
}
