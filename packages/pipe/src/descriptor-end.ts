/**
 * `VDescriptorEnd`: an endpoint that owns a descriptor, and `openDescriptor`, which makes one of any descriptor.
 *
 * Decides when the descriptor counts as closed, and tells its close callback then, once. Limits, half-close and abort
 * are the endpoint's, the fitting device is `fd-device`'s choice.
 */
import { VByteEndpoint, type VEndpointOptions, VFIOCompleted, VFIOLost } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { describeDescriptor, type VDescriptorKind, type VDescriptorUse } from './descriptor-kind.js'
import { checkEndOptions } from './end-options.js'
import { createDescriptorDevice } from './fd-device.js'
import { onAbort } from './signal.js'
import type { IVDescriptor, IVDescriptorDevice } from './types.js'

/** Options of ends that own a descriptor. */
export interface VDescriptorEndOptions extends VEndpointOptions {
  /** Called once when all was closed. What it throws is logged. */
  readonly closeCallback?: () => void
  /** Aborts the end: it is closed as lost, with the signal's reason. */
  readonly signal?: AbortSignal
  /** False to do without native where it is there. By default it is used. */
  readonly native?: boolean
}

/** Options of `openDescriptor`. */
export interface VOpenDescriptorOptions extends VDescriptorEndOptions {
  /** In which directions it is used. By default those that it was opened for. */
  readonly use?: VDescriptorUse
}

/** An end of a chain that owns a descriptor. Disposal closes it cleanly; `await using` waits until it is closed. */
export class VDescriptorEnd extends VByteEndpoint implements IVDescriptor {
  /** Settles when the descriptor was closed. Never rejects. */
  readonly released: Promise<void>
  readonly #device: IVDescriptorDevice

  /** @throws TypeError if an option is of the wrong kind, RangeError for a size below 1 */
  constructor(reactor: IVReactor, device: IVDescriptorDevice, options: VDescriptorEndOptions = {}) {
    checkEndOptions(options)
    super(reactor, device, options)
    this.#device = device
    let ended = (): void => undefined
    this.released = new Promise((resolve) => {
      device.onReleased(() => {
        ended()
        this.#tellClosed(options.closeCallback)
        resolve()
      })
    })
    ended = onAbort(options.signal, (reason) => this.closeIO(new VFIOLost(reason)))
  }

  /** The descriptor, of two the one that is read; -1 once it was closed. */
  fileno(): number {
    return this.#device.fd
  }

  /** Closes cleanly and waits until the descriptor is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.closeIO(new VFIOCompleted())
    await this.released
  }

  #tellClosed(callback: (() => void) | undefined): void {
    try {
      callback?.()
    } catch (error) {
      this.log.error('a close callback failed', error)
    }
  }
}

/**
 * Makes an end of any descriptor that this process was given: a pipe, a socket, a terminal, a file, a device file. The end
 * owns the descriptor from then on.
 *
 * ```ts
 * const inherited = openDescriptor(reactor, 3)
 * ```
 *
 * @throws VDescriptorError if it is not open, was not opened for that use, or cannot be an end of a chain
 */
export function openDescriptor(
  reactor: IVReactor,
  fd: number,
  options: VOpenDescriptorOptions = {},
): VDescriptorEnd {
  checkEndOptions(options)
  const device = createDescriptorDevice(reactor, fd, {
    ...(options.use === undefined ? {} : { use: options.use }),
    ...(options.native === undefined ? {} : { native: options.native }),
    ...(options.maxReadBytes === undefined ? {} : { chunkBytes: options.maxReadBytes }),
  })
  return new VDescriptorEnd(reactor, device, options)
}

/** What kind of thing a descriptor is. @throws VDescriptorError (EBADF) if it is not open */
export function descriptorKind(fd: number): VDescriptorKind {
  return describeDescriptor(fd).kind
}
