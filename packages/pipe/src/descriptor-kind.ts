/**
 * What is behind a descriptor, and in which directions it was opened.
 *
 * Decides only what the system says of it; which device fits is `fd-device`'s affair. A descriptor that is not open, or
 * is no descriptor at all, is refused here, before anything was done with it.
 */
import { fstatSync, readFileSync, type Stats } from 'node:fs'
import { isatty } from 'node:tty'
import { VDescriptorError } from './errors.js'

/** What a descriptor stands for. A FIFO is a pipe. */
export type VDescriptorKind =
  | 'pipe'
  | 'socket'
  | 'tty'
  | 'file'
  | 'character'
  | 'block'
  | 'directory'
  | 'other'

/** What the system says of a descriptor. */
export interface DescriptorFacts {
  readonly fd: number
  readonly kind: VDescriptorKind
  readonly stats: Stats
}

/** How a descriptor was opened. */
export interface DescriptorFlags {
  readonly readable: boolean
  readonly writable: boolean
  readonly nonBlocking: boolean
  readonly append: boolean
}

/**
 * Looks at a descriptor.
 *
 * @throws VDescriptorError (EBADF) if `fd` is not a whole number from 0 on, or is not open
 */
export function describeDescriptor(fd: number): DescriptorFacts {
  if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fffffff) {
    const got = typeof fd === 'number' ? fd : typeof fd
    throw new VDescriptorError(`a descriptor is a whole number from 0 on, got ${got}`, 'EBADF')
  }
  let stats: Stats
  try {
    stats = fstatSync(fd)
  } catch (cause) {
    throw VDescriptorError.of(`descriptor ${fd} is not open`, cause)
  }
  return { fd, kind: kindOf(fd, stats), stats }
}

function kindOf(fd: number, stats: Stats): VDescriptorKind {
  if (stats.isFIFO()) return 'pipe'
  if (stats.isSocket()) return 'socket'
  if (stats.isFile()) return 'file'
  if (stats.isCharacterDevice()) return isatty(fd) ? 'tty' : 'character'
  if (stats.isBlockDevice()) return 'block'
  return stats.isDirectory() ? 'directory' : 'other'
}

const O_ACCMODE = 0o3
const O_WRONLY = 0o1
const O_RDWR = 0o2
const O_APPEND = 0o2000
const O_NONBLOCK = 0o4000

/** How `fd` was opened; undefined where the system does not tell (it does on Linux). */
export function flagsOf(fd: number): DescriptorFlags | undefined {
  if (process.platform !== 'linux') return undefined
  let text: string
  try {
    text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  } catch {
    return undefined
  }
  const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(text)?.[1] ?? '', 8)
  if (Number.isNaN(flags)) return undefined
  const access = flags & O_ACCMODE
  return {
    readable: access !== O_WRONLY,
    writable: access === O_WRONLY || access === O_RDWR,
    nonBlocking: (flags & O_NONBLOCK) !== 0,
    append: (flags & O_APPEND) !== 0,
  }
}

/** In which directions a descriptor is to be used. */
export type VDescriptorUse = 'read' | 'write' | 'both'

/** @throws VDescriptorError (EBADF) if it is known that `fd` was not opened for `use` */
export function checkUse(fd: number, use: VDescriptorUse): void {
  const flags = flagsOf(fd)
  if (flags === undefined) return
  const lacks =
    use !== 'write' && !flags.readable ? 'reading' : use !== 'read' && !flags.writable ? 'writing' : ''
  if (lacks === '') return
  const open = flags.readable ? 'reading' : 'writing'
  throw new VDescriptorError(
    `descriptor ${fd} is open for ${open} only, and is to be used for ${lacks}`,
    'EBADF',
  )
}
