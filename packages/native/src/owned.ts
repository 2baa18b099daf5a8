/**
 * A descriptor with an owner, closed exactly once.
 *
 * Decides who may close. Invariant: `close` reaches the system only while the number still names what it named when
 * it was taken over, so it never closes what has got the number since.
 */
import { constants } from 'node:os'
import { claim, closeClaimed, unclaim } from './claim.js'
import { VNativeError } from './errors.js'
import { noteOpened, OWNER } from './own.js'
import { VDescriptorWatch, type VReadinessListener } from './uv-poll.js'

/**
 * Owns a descriptor, wherever it comes from.
 *
 * @example
 * const { reader, writer } = native.pipe()
 * const owned = new VOwnedDescriptor(reader)
 * owned.close() // true
 * owned.close() // false
 */
export class VOwnedDescriptor {
  readonly #device: number
  readonly #inode: number
  /** The watch that polls the descriptor itself. */
  #watch: VDescriptorWatch | null = null
  /** Those that poll a number of their own. */
  #others: Set<VDescriptorWatch> | null = null
  #fd: number

  /**
   * Takes over an open descriptor. Nobody else may close it from now on.
   *
   * @throws VNativeUnavailable, VNativeError EBADF if it is not open, EBUSY if another has taken it over, EINVAL for what
   *   belongs to Node's inside
   */
  constructor(fd: number) {
    const found = claim(fd)
    this.#fd = fd
    this.#device = found.dev
    this.#inode = found.ino
  }

  /** The descriptor, -1 once it is closed or given away. */
  get fd(): number {
    return this.#fd
  }

  /** True once it is closed or given away. */
  get closed(): boolean {
    return this.#fd === -1
  }

  /**
   * A watch that ends with the descriptor. The first needs no descriptor of its own, which is why nobody else may close
   * this one, and why it is given to a stream of Node's only by `release`.
   *
   * @throws as `VDescriptorWatch`, VNativeError EBADF once it is closed
   */
  watch(listener: VReadinessListener): VDescriptorWatch {
    if (this.#fd === -1) throw new VNativeError('watch', constants.errno.EBADF, 'the descriptor is closed')
    // The loop polls a number for one watch only; each further one gets a number of its own.
    if (this.#watch === null || this.#watch.closed) {
      this.#watch = new VDescriptorWatch(this.#fd, listener, OWNER)
      return this.#watch
    }
    this.#others ??= new Set()
    for (const other of this.#others) if (other.closed) this.#others.delete(other)
    const watch = new VDescriptorWatch(this.#fd, listener)
    this.#others.add(watch)
    return watch
  }

  /**
   * Closes the descriptor, its watches first.
   *
   * @returns true if this call closed it; false if it is closed or given away, or was closed behind the owner's back
   */
  close(): boolean {
    const fd = this.#leave()
    return fd !== -1 && closeClaimed(fd, this.#device, this.#inode)
  }

  /**
   * Gives the descriptor away, its watches ended: it belongs to the caller, who passes it on or closes it by
   * `native.close`.
   *
   * @throws VNativeError EBADF once it is closed
   */
  release(): number {
    const fd = this.#leave()
    if (fd === -1) throw new VNativeError('release', constants.errno.EBADF, 'the descriptor is closed')
    return noteOpened(fd)
  }

  /** Ends the watches and forgets the number, which it returns; -1 if there is none, or it is another's by now. */
  #leave(): number {
    const fd = this.#fd
    this.#fd = -1
    this.#watch?.close()
    for (const watch of this.#others ?? []) watch.close()
    this.#watch = null
    this.#others = null
    return unclaim(fd) ? fd : -1
  }
}
