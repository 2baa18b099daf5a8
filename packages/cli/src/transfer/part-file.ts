/**
 * A file while it arrives: beside its place, under another name, until all of it is there and was compared.
 *
 * Decides how it is written and how it gets its name. Invariant: under the final name stands either what was there before
 * or the whole file; a link that somebody put in the way is never followed.
 */
import { constants } from 'node:fs'
import { type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EXIT, VCommandError } from '../exit-codes.js'
import { digestPrefix, type FileDigest, wholeBlocks } from './digest.js'
import type { VTransferEntry } from './manifest.js'
import { partName, showName } from './names.js'

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants
/** What file systems say that have no hard links. */
const NO_LINKS: readonly unknown[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK']

/** How much of a file is there, and the digest of it, which goes on from there. */
export interface VPartState {
  readonly sizeBytes: number
  readonly digest: FileDigest
}

/** A file that is being received. */
export class PartFile {
  readonly #handle: FileHandle
  readonly #part: string
  readonly #final: string
  readonly #digest: FileDigest
  /** Writes that are under way. None of these promises rejects. */
  readonly #writes = new Set<Promise<void>>()
  /** Where the next write begins. */
  #position: number
  /** Bytes without a gap among them, once a write has failed. */
  #soundBytes: number = Number.POSITIVE_INFINITY

  /** @param final the whole path that it is to have */
  private constructor(handle: FileHandle, final: string, state: VPartState) {
    this.#handle = handle
    this.#part = partPath(final)
    this.#final = final
    this.#digest = state.digest
    this.#position = state.sizeBytes
  }

  /** Opens the file to be written, behind what is there of it. */
  static async open(final: string, state: VPartState): Promise<PartFile> {
    const handle = await (state.sizeBytes > 0 ? openPart(final) : openNew(partPath(final)))
    return new PartFile(handle, final, state)
  }

  /** What an earlier attempt has left of a file, whole blocks and at most `mostBytes`; undefined for nothing. */
  static async left(final: string, mostBytes: number, digest: FileDigest): Promise<VPartState | undefined> {
    let handle: FileHandle
    try {
      handle = await openPart(final)
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return undefined
      throw error
    }
    try {
      const { size } = await handle.stat()
      const sizeBytes = wholeBlocks(Math.min(size, mostBytes))
      if (sizeBytes === 0) return undefined
      return { sizeBytes, digest: await digestPrefix(handle, sizeBytes, digest) }
    } finally {
      await handle.close()
    }
  }

  /**
   * Writes pieces behind those of the calls before, which need not be through. The digest is made while the system writes.
   *
   * @throws (rejects) what the system says
   */
  async write(pieces: readonly Buffer[]): Promise<void> {
    const start = this.#position
    for (const piece of pieces) this.#position += piece.length
    const writing = this.#writeAll(pieces, start)
    const settled = writing.then(nothing, nothing).then(() => void this.#writes.delete(settled))
    this.#writes.add(settled)
    for (const piece of pieces) this.#digest.update(piece)
    await writing
  }

  /** Of all that was written. Called after the last byte. */
  get digest(): FileDigest {
    return this.#digest
  }

  /**
   * All of it is there: gives it its permissions, its time and its name. True if the disk keeps permissions and times.
   *
   * @throws VCommandError (7) if the name is taken
   */
  async finish(entry: VTransferEntry, replaces: boolean): Promise<boolean> {
    const { ino, dev, size } = await this.#handle.stat()
    if (size !== this.#position) await this.#handle.truncate(this.#position)
    const isKept = await keepAttributes(this.#handle, entry)
    await this.#handle.close()
    const there = await lstat(this.#part).catch(() => undefined)
    // Somebody else receives a file of this name into this folder: what is there now may be half of theirs.
    if (there?.ino !== ino || there.dev !== dev) throw replacedError(entry.path)
    if (replaces) await rename(this.#part, this.#final)
    else await placeNew(this.#part, this.#final, entry.path)
    return isKept
  }

  /** Stops. What is there without a gap stays for another attempt, unless it is nothing. */
  async close(): Promise<void> {
    await Promise.all(this.#writes)
    const sizeBytes = Math.min(this.#position, this.#soundBytes)
    // Why it stops is known already. Where a gap cannot be cut off the digest tells of it when this goes on.
    if (sizeBytes < this.#position) await this.#handle.truncate(sizeBytes).catch(nothing)
    await this.#handle.close()
    if (sizeBytes === 0) await unlink(this.#part).catch(ignoreMissing)
  }

  /** Stops, and leaves nothing. */
  async discard(): Promise<void> {
    await Promise.all(this.#writes)
    await this.#handle.close()
    await unlink(this.#part).catch(ignoreMissing)
  }

  async #writeAll(pieces: readonly Buffer[], start: number): Promise<void> {
    let left = pieces
    let position = start
    try {
      while (left.length > 0) {
        const { bytesWritten } = await this.#handle.writev(left, position)
        position += bytesWritten
        left = behind(left, bytesWritten)
      }
    } catch (error) {
      this.#soundBytes = Math.min(this.#soundBytes, position)
      throw error
    }
  }
}

/** Permissions and times of the list. A disk that knows none of them is no reason to refuse the bytes. */
async function keepAttributes(handle: FileHandle, { mode, changedMs }: VTransferEntry): Promise<boolean> {
  try {
    await handle.chmod(mode & ~process.umask())
    await handle.utimes(changedMs / 1000, changedMs / 1000)
    return true
  } catch {
    return false
  }
}

/** Where a file is until it is whole. */
export function partPath(final: string): string {
  return join(dirname(final), partName(final.slice(dirname(final).length).replace(/^[/\\]/, '')))
}

/** Opens a file that is new. What an earlier attempt has left is removed. */
async function openNew(part: string): Promise<FileHandle> {
  const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
  try {
    return await open(part, flags, 0o600)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
  }
  await unlink(part)
  return await open(part, flags, 0o600)
}

/** Opens what an earlier attempt has left. It has to be a file of its own, not a link of either kind. */
async function openPart(final: string): Promise<FileHandle> {
  const handle = await open(partPath(final), O_RDWR | O_NOFOLLOW)
  const about = await handle.stat()
  if (about.isFile() && about.nlink === 1) return handle
  await handle.close()
  const what = `"${showName(partPath(final))}" is not what an earlier attempt has left`
  throw new VCommandError(EXIT.localIO, what, 'remove it, or choose another folder by --out')
}

/** Names a file without ever replacing another. */
async function placeNew(part: string, final: string, path: readonly string[]): Promise<void> {
  try {
    await link(part, final)
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === 'EEXIST') throw takenError(path)
    if (!NO_LINKS.includes(code)) throw error
    if (await isThere(final)) throw takenError(path)
    await rename(part, final)
    return
  }
  await unlink(part)
}

/** True if anything has this name, a link that leads nowhere included. */
export async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file)
    return true
  } catch (error) {
    ignoreMissing(error)
    return false
  }
}

/** A name is taken. */
export function takenError(path: readonly string[]): VCommandError {
  const what = `"${path.map(showName).join('/')}" is there already`
  return new VCommandError(EXIT.localIO, what, 'take it by --rename, --overwrite, or --resume')
}

function replacedError(path: readonly string[]): VCommandError {
  const what = `"${path.map(showName).join('/')}" was taken away while it was received`
  return new VCommandError(EXIT.localIO, what, 'receive it into another folder by --out')
}

function ignoreMissing(error: unknown): void {
  if ((error as { code?: unknown }).code !== 'ENOENT') throw error
}

function nothing(): void {}

/** What is left of `pieces` behind the first `count` bytes: a write may take less than it was given. */
function behind(pieces: readonly Buffer[], count: number): readonly Buffer[] {
  let skip = count
  let at = 0
  for (let piece = pieces[at]; piece !== undefined && piece.length <= skip; piece = pieces[at]) {
    skip -= piece.length
    at += 1
  }
  const rest = pieces.slice(at)
  const [first] = rest
  if (first !== undefined && skip > 0) rest[0] = first.subarray(skip)
  return rest
}
