/**
 * Which device fits a descriptor.
 *
 * Decides by what the system says of the descriptor and by what there is to watch it with: native's poll, else Node's
 * own sockets and terminals, else files; a device file that does not block is asked again and again, and one that could
 * only be waited for is refused. Invariant: after an error nothing owns the descriptor, and it is as open as before.
 */
import { DEFAULT_TRANSFER_BYTES } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import {
  checkUse,
  type DescriptorFacts,
  describeDescriptor,
  flagsOf,
  type VDescriptorUse,
} from './descriptor-kind.js'
import { VDescriptorError } from './errors.js'
import { FileDevice, type FilePlaces } from './file-device.js'
import { nativeDevice } from './native-device.js'
import { FS_CALLS, pollingOn } from './polling.js'
import { RawDevice } from './raw-device.js'
import { SocketDevice, terminalOn } from './socket-device.js'
import type { DeviceSpec, IVDescriptorDevice } from './types.js'

/** How a device on a descriptor is made. */
export interface VDescriptorOptions {
  /** In which directions it is used. By default both, where it was opened for both. */
  readonly use?: VDescriptorUse
  /** The most bytes that one call of the system moves, and that are read ahead. By default 65,536. */
  readonly chunkBytes?: number
  /** False to do without native where it is there. By default it is used. */
  readonly native?: boolean
  /** Which part of a file is meant. */
  readonly places?: FilePlaces
}

/** The device number of the masters of pseudo-terminals, and the major number of memory, null, zero, full and random. */
const PTMX = 0x0502
const MEMORY_MAJOR = 1

/**
 * Makes the device for a descriptor, which it owns from then on. A pipe or a socket becomes non-blocking, for everybody
 * who has it.
 *
 * @throws VDescriptorError if the descriptor is not open, was not opened for that use, or is of a kind that cannot be
 *   used here
 */
export function createDescriptorDevice(
  reactor: IVReactor,
  fd: number,
  options: VDescriptorOptions = {},
): IVDescriptorDevice {
  const facts = describeDescriptor(fd)
  const spec = specOf(facts, options)
  checkUse(fd, spec.use)
  const device = options.native === false ? undefined : nativeDevice(spec)
  return device ?? portableDevice(reactor, facts, spec, options.places)
}

function specOf({ fd, kind, stats }: DescriptorFacts, options: VDescriptorOptions): DeviceSpec {
  const flags = flagsOf(fd)
  const known =
    flags === undefined || flags.readable === flags.writable ? 'both' : flags.readable ? 'read' : 'write'
  return {
    fd,
    kind,
    use: options.use ?? known,
    chunkBytes: options.chunkBytes ?? DEFAULT_TRANSFER_BYTES,
    flags,
    isMaster: stats.isCharacterDevice() && stats.rdev === PTMX,
    neverWaits: stats.isCharacterDevice() && stats.rdev >> 8 === MEMORY_MAJOR,
  }
}

function portableDevice(
  reactor: IVReactor,
  { stats }: DescriptorFacts,
  spec: DeviceSpec,
  places: FilePlaces | undefined,
): IVDescriptorDevice {
  const { fd, kind } = spec
  if (kind === 'pipe' || kind === 'socket') return new SocketDevice(spec)
  if (kind === 'file') return new FileDevice(spec, { sizeBytes: stats.size, ...places })
  if (kind === 'block' || spec.neverWaits) return new FileDevice(spec, places)
  if (spec.flags?.nonBlocking === true) return new RawDevice(spec, FS_CALLS, pollingOn(reactor))
  if (kind === 'tty') return new SocketDevice(spec, terminalOn)
  const why =
    kind === 'character' ? 'a device that would have to be waited for, which needs @vio/native' : `a ${kind}`
  throw new VDescriptorError(`descriptor ${fd} is ${why}; it cannot be an end of a chain`, 'ENOTSUP')
}
