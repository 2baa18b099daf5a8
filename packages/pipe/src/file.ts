/**
 * `openFile`: a file as an end of a chain, to be read, written, or both.
 *
 * Decides how the file is opened and which part of it is meant. For a file at one end of a chain `VFileSource` and
 * `VFileSink` of `@vio/io/node` do as well; this end is for what an endpoint can do more: both directions, half-close,
 * an abort signal, a file that has shrunk told as such. Invariant: a refused file was not changed.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import type { IVReactor } from '@vio/reactor'
import { VDescriptorEnd, type VDescriptorEndOptions } from './descriptor-end.js'
import type { VDescriptorUse } from './descriptor-kind.js'
import { checkEndOptions } from './end-options.js'
import { VDescriptorError } from './errors.js'
import { createDescriptorDevice } from './fd-device.js'

/** Options of `openFile`. */
export interface VFileOptions extends VDescriptorEndOptions {
  /** What it is opened for. By default to be read. */
  readonly use?: VDescriptorUse
  /** Where reading begins, in bytes. By default 0. */
  readonly startByte?: number
  /**
   * Where reading ends, in bytes from the start of the file, not included. A file that ends before ends unclean. By
   * default at its end.
   */
  readonly endByte?: number
  /** Where writing begins, in bytes. By default 0, or the end with `append`. */
  readonly writeAtByte?: number
  /** What becomes of what is there: `'truncate'` (the default of a file that is only written), `'keep'`, `'append'`. */
  readonly existing?: 'truncate' | 'keep' | 'append'
  /** Whether it may be made, must be made, or must be there. By default `'may'` for what is written. */
  readonly create?: 'may' | 'must' | 'never'
  /** The permissions of a file that is made, less the umask. By default 0o666. */
  readonly mode?: number
  /** True to have everything put on the disk before the end of the output counts. By default false. */
  readonly sync?: boolean
}

/**
 * Opens a file.
 *
 * ```ts
 * const log = openFile(reactor, 'out.log', { use: 'write', existing: 'append' })
 * ```
 *
 * @throws VDescriptorError with the system's code, EISDIR for a folder; TypeError, RangeError for options that are of
 *   the wrong kind or contradict each other
 */
export function openFile(reactor: IVReactor, path: string, options: VFileOptions = {}): VDescriptorEnd {
  const flags = flagsFor(path, options)
  let fd: number
  try {
    fd = openSync(path, flags, options.mode ?? 0o666)
  } catch (cause) {
    throw VDescriptorError.of(`${path} could not be opened`, cause)
  }
  try {
    if (fstatSync(fd).isDirectory()) throw new VDescriptorError(`${path} is a folder`, 'EISDIR')
    return endOn(reactor, fd, options)
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function endOn(reactor: IVReactor, fd: number, options: VFileOptions): VDescriptorEnd {
  const { use = 'read', startByte, endByte, writeAtByte, existing, sync } = options
  // What has no positions is read and written where it stands: a pipe, a device.
  const hasPlaces = fstatSync(fd).isFile()
  const places = {
    start: startByte ?? (hasPlaces ? 0 : undefined),
    end: endByte,
    writeAt: writeAtByte ?? (hasPlaces && existing !== 'append' ? 0 : undefined),
    sync,
    ...(hasPlaces ? {} : { sizeBytes: undefined }),
  }
  const device = createDescriptorDevice(reactor, fd, {
    use,
    places,
    ...(options.maxReadBytes === undefined ? {} : { chunkBytes: options.maxReadBytes }),
    ...(options.native === undefined ? {} : { native: options.native }),
  })
  return new VDescriptorEnd(reactor, device, options)
}

/** @throws TypeError, RangeError for options that are none or contradict each other */
function flagsFor(path: string, options: VFileOptions): number {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw new TypeError('the path of a file is a string that is not empty and has no zero byte')
  checkEndOptions(options)
  for (const name of ['startByte', 'endByte', 'writeAtByte', 'mode'] as const)
    checkNumber(name, options[name])
  const { use = 'read', startByte = 0, endByte = Number.POSITIVE_INFINITY, existing, create } = options
  if (endByte < startByte)
    throw new RangeError(`endByte is ${endByte}, before startByte, which is ${startByte}`)
  checkChoice('use', use, ['read', 'write', 'both'])
  if (existing !== undefined) checkChoice('existing', existing, ['truncate', 'keep', 'append'])
  if (create !== undefined) checkChoice('create', create, ['may', 'must', 'never'])
  if (use === 'read') {
    if (existing === 'truncate' || existing === 'append' || options.writeAtByte !== undefined)
      throw new TypeError('existing and writeAtByte are for a file that is written')
    return WAITLESS | constants.O_RDONLY | createFlags(create ?? 'never')
  }
  const becomes = existing ?? (use === 'write' && options.writeAtByte === undefined ? 'truncate' : 'keep')
  if (becomes === 'append' && options.writeAtByte !== undefined)
    throw new TypeError('append writes behind what is there: it goes with no writeAtByte')
  const access = use === 'write' ? constants.O_WRONLY : constants.O_RDWR
  return WAITLESS | access | createFlags(create ?? 'may') | EXISTING[becomes]
}

/** A named pipe must not hold up the process; to a file it makes no difference. Windows does not know it. */
const WAITLESS: number = constants.O_NONBLOCK ?? 0

const EXISTING = { truncate: constants.O_TRUNC, keep: 0, append: constants.O_APPEND } as const

function createFlags(create: 'may' | 'must' | 'never'): number {
  if (create === 'never') return 0
  return constants.O_CREAT | (create === 'must' ? constants.O_EXCL : 0)
}

function checkNumber(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return
  throw new RangeError(`${name} is a whole number from 0 on, got ${String(value)}`)
}

function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return
  throw new TypeError(`${name} is one of ${choices.join(', ')}, got ${String(value)}`)
}
