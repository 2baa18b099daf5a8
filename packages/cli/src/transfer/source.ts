/**
 * From paths on the command line to the list of what is sent.
 *
 * Decides what can be sent: files and folders. A link that was named is followed, as the person meant what is behind it;
 * one inside a folder is refused, or left out where that was asked for. Invariant: each entry's name is the last part of
 * its path, never more of it, and what a receiver would refuse is refused here.
 */
import type { Dirent, Stats } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { EXIT, usageError, VCommandError } from '../exit-codes.js'
import { MAX_ENTRIES, type VTransferEntry } from './manifest.js'
import { pathFault, showName } from './names.js'

/** An entry, and where it is on this machine. */
export interface VSource {
  readonly entry: VTransferEntry
  readonly file: string
}

/** What is left out. */
export interface VGatherOptions {
  /** True to leave out links, sockets, devices and pipes inside folders. */
  readonly skipsSpecial: boolean
  /** Is told what was left out. */
  readonly onSkipped: (file: string) => void
}

/** Gathers what `paths` name, below `folder`. @throws VCommandError (7) for what cannot be read, (2) for what cannot be sent */
export async function gatherSources(
  folder: string,
  paths: readonly string[],
  options: VGatherOptions,
): Promise<VSource[]> {
  const walk = new Walk(options)
  for (const path of paths) {
    const file = resolve(folder, path)
    const name = basename(await nameOf(file))
    await walk.add(file, [name], await found(stat(file)))
  }
  return walk.sources
}

/** A path that ends in `.` or `..` has a name all the same, and so has a root: none. */
async function nameOf(file: string): Promise<string> {
  return basename(file) === '' ? await found(realpath(file)) : file
}

class Walk {
  readonly sources: VSource[] = []
  readonly #options: VGatherOptions
  readonly #seen = new Set<string>()

  constructor(options: VGatherOptions) {
    this.#options = options
  }

  async add(file: string, path: readonly string[], about: Stats): Promise<void> {
    if (!about.isFile() && !about.isDirectory()) {
      if (path.length > 1 && this.#options.skipsSpecial) this.#options.onSkipped(file)
      else throw specialError(file)
      return
    }
    this.#check(file, path)
    this.sources.push({ file, entry: entryOf(path, about) })
    if (about.isDirectory()) await this.#enter(file, path)
  }

  async #enter(folder: string, path: readonly string[]): Promise<void> {
    const found_ = await found(readdir(folder, { withFileTypes: true, encoding: 'buffer' }))
    const names = found_.map((each) => readName(folder, each)).sort()
    for (const name of names) {
      const file = join(folder, name)
      await this.add(file, [...path, name], await found(lstat(file)))
    }
  }

  #check(file: string, path: readonly string[]): void {
    const fault = pathFault(path)
    if (fault !== undefined) {
      throw usageError(
        `"${showName(file)}" cannot be sent under its name: ${fault}`,
        'rename it, or pack it by tar',
      )
    }
    const key = path.join('/')
    if (this.#seen.has(key))
      throw usageError(`"${showName(key)}" was given twice`, 'send them one after the other')
    this.#seen.add(key)
    if (this.#seen.size > MAX_ENTRIES) {
      throw usageError(`more than ${MAX_ENTRIES} files and folders`, 'pack them: tar c FOLDER | vut pipe')
    }
  }
}

function entryOf(path: readonly string[], about: Stats): VTransferEntry {
  const common = { path, mode: about.mode & 0o777, changedMs: Math.floor(about.mtimeMs) }
  return about.isDirectory()
    ? { kind: 'folder', sizeBytes: 0, ...common }
    : { kind: 'file', sizeBytes: about.size, ...common }
}

/** A name as text. One that is no UTF-8 cannot be told to another machine. */
function readName(folder: string, { name }: Dirent<Buffer>): string {
  const text = name.toString('utf8')
  if (Buffer.from(text, 'utf8').equals(name)) return text
  throw usageError(
    `a name in "${showName(folder)}" is no UTF-8: ${showName(text)}`,
    'rename it, or pack it by tar',
  )
}

function specialError(file: string): VCommandError {
  return usageError(
    `"${showName(file)}" is neither a file nor a folder`,
    'leave such ones out by --skip-special, or pack them by tar',
  )
}

/** What the system says of a path. @throws VCommandError (7) */
async function found<T>(result: Promise<T>): Promise<T> {
  try {
    return await result
  } catch (error) {
    throw new VCommandError(EXIT.localIO, (error as Error).message, 'see how the name is written', error)
  }
}
