/**
 * Readiness of raw descriptors.
 *
 * Decides what kind of thing a descriptor is and whether its readiness can be told: a regular file is always ready, as
 * it is to `select`. For anything else Node has no answer, and the caller is told so at once instead of never being
 * called. Invariant: an error leaves no watch behind.
 */
import { fstatSync, type Stats } from 'node:fs'
import { VReactorError } from './errors.js'
import type { IVWatch } from './types.js'

const ALWAYS_READY: IVWatch = { ready: true, close: () => undefined }

/**
 * Watches a raw descriptor.
 *
 * @throws VReactorError if the descriptor is not open or is no regular file
 */
export function watchDescriptor(fd: number): IVWatch {
  const stats = statDescriptor(fd)
  if (stats.isFile()) return ALWAYS_READY
  const kind = kindOf(stats)
  throw new VReactorError(
    `descriptor ${fd} is a ${kind}, whose readiness Node does not tell: only regular files can be watched by number;` +
      ' return a stream of node:net, node:tty or node:fs over it from fileno() instead',
  )
}

function statDescriptor(fd: number): Stats {
  try {
    return fstatSync(fd)
  } catch (cause) {
    throw new VReactorError(`descriptor ${fd} cannot be watched: it is not open`, { cause })
  }
}

function kindOf(stats: Stats): string {
  if (stats.isSocket()) return 'socket'
  if (stats.isFIFO()) return 'pipe'
  if (stats.isCharacterDevice()) return 'character device'
  if (stats.isBlockDevice()) return 'block device'
  if (stats.isDirectory()) return 'directory'
  return 'descriptor of an unknown kind'
}
