/**
 * `VPipeAgent`: a pair of pipes as a chain end with both directions.
 *
 * Decides which descriptors may be such a pair: what can be waited for, not files. The rest is the endpoint's, and the
 * devices'. Invariant: a descriptor that is refused was not touched.
 */
import { DEFAULT_TRANSFER_BYTES, VFIOLost, VPipePeer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { VDescriptorEnd, type VDescriptorEndOptions } from './descriptor-end.js'
import { checkUse, describeDescriptor, type VDescriptorUse } from './descriptor-kind.js'
import { checkEndOptions } from './end-options.js'
import { VDescriptorError } from './errors.js'
import { createDescriptorDevice } from './fd-device.js'
import { JoinedDevice } from './joined-device.js'
import type { IVDescriptorDevice } from './types.js'

/**
 * Reads one descriptor and writes another: pipes, FIFOs, sockets, terminals. Both belong to the agent from then on, and
 * become non-blocking.
 *
 * ```ts
 * const agent = new VPipeAgent(reactor, 3, 4)
 * chain(source, agent.byteConsume)
 * ```
 *
 * -1 stands for a direction that is not there. The same number twice is one descriptor with both directions.
 */
export class VPipeAgent extends VDescriptorEnd {
  /** The descriptors as they were given; `readFd` and `writeFd` of it are -1 for one that is not there. */
  readonly pipes: VPipePeer
  readonly #joined: JoinedDevice

  /**
   * @throws VDescriptorError with the system's code if a descriptor is not open (EBADF), is open for the other direction
   *   only (EBADF), or is a file or a directory (EINVAL); nothing was touched then
   */
  constructor(reactor: IVReactor, readFd: number, writeFd: number, options: VDescriptorEndOptions = {}) {
    const device = joinedOn(reactor, readFd, writeFd, options)
    super(reactor, device, options)
    this.#joined = device
    this.pipes = new VPipePeer(readFd, writeFd)
  }

  /** The descriptor that is read; -1 if there is none or it was closed. */
  get readFd(): number {
    return this.#joined.readFd
  }

  /** The descriptor that is written; -1 if there is none or it was closed. */
  get writeFd(): number {
    return this.#joined.writeFd
  }
}

/** @throws VDescriptorError unless `fd` is open for `use` and is no file */
export function checkPipe(fd: number, use: VDescriptorUse): void {
  const { kind } = describeDescriptor(fd)
  if (kind === 'file' || kind === 'block' || kind === 'directory' || kind === 'other') {
    const text = `descriptor ${fd} is a ${kind}, not a pipe; use openFile or openDescriptor for files`
    throw new VDescriptorError(text, 'EINVAL')
  }
  checkUse(fd, use)
}

/** Makes the device of one direction of a pipe. @throws VDescriptorError if it is none */
export function pipeDevice(
  reactor: IVReactor,
  fd: number,
  use: VDescriptorUse,
  options: VDescriptorEndOptions,
): IVDescriptorDevice {
  checkPipe(fd, use)
  const sizeBytes = use === 'write' ? options.maxWriteBytes : options.maxReadBytes
  return createDescriptorDevice(reactor, fd, {
    use,
    chunkBytes: sizeBytes ?? DEFAULT_TRANSFER_BYTES,
    ...(options.native === undefined ? {} : { native: options.native }),
  })
}

function joinedOn(
  reactor: IVReactor,
  readFd: number,
  writeFd: number,
  options: VDescriptorEndOptions,
): JoinedDevice {
  checkEndOptions(options)
  if (readFd === -1 && writeFd === -1)
    throw new VDescriptorError(
      'a pipe agent needs a descriptor to read or one to write, got -1 twice',
      'EBADF',
    )
  if (readFd === writeFd) {
    const both = pipeDevice(reactor, readFd, 'both', options)
    return new JoinedDevice(both, both)
  }
  if (readFd !== -1) checkPipe(readFd, 'read')
  if (writeFd !== -1) checkPipe(writeFd, 'write')
  const input = readFd === -1 ? null : pipeDevice(reactor, readFd, 'read', options)
  try {
    return new JoinedDevice(input, writeFd === -1 ? null : pipeDevice(reactor, writeFd, 'write', options))
  } catch (error) {
    input?.close(new VFIOLost())
    throw error
  }
}
