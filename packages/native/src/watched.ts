/**
 * A descriptor with an owner and one watch, as one object: for connections, of which a process has thousands.
 *
 * The same as a `VOwnedDescriptor` and the watch that it makes first; it decides nothing that they do not. Invariant: as
 * theirs, so the descriptor is closed once, by nobody else, and the watch has ended before.
 */
import { claim, closeClaimed, unclaim } from './claim.js'
import { noteOpened, OWNER } from './own.js'
import { type IVReadinessOwner, VDescriptorWatch, type VReadinessListener } from './uv-poll.js'

/** Owns a descriptor and watches it. Its `close` closes both. */
export class VWatchedDescriptor extends VDescriptorWatch {
  #owned: number
  readonly #device: number
  readonly #inode: number

  /**
   * Takes over an open descriptor. Nobody else may close it from now on.
   *
   * @throws as `VOwnedDescriptor` and `VDescriptorWatch`; the descriptor is then still the caller's
   */
  constructor(fd: number, listener: VReadinessListener | IVReadinessOwner) {
    const { dev, ino } = claim(fd)
    try {
      super(fd, listener, OWNER)
    } catch (error) {
      if (unclaim(fd)) noteOpened(fd)
      throw error
    }
    this.#owned = fd
    this.#device = dev
    this.#inode = ino
  }

  /** The descriptor; -1 once it is closed. */
  get fd(): number {
    return this.#owned
  }

  /** Ends the watch and closes the descriptor, unless it was closed behind the owner's back. Idempotent. */
  override close(): void {
    const fd = this.#owned
    this.#owned = -1
    super.close()
    if (unclaim(fd)) closeClaimed(fd, this.#device, this.#inode)
  }
}
