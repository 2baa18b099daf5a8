/**
 * A native listener behind the same few calls that a server of Node has for a `VListeningSocket`.
 *
 * Decides what an empty host and a path that is taken mean, as the server of Node does. Invariants: an error of the system
 * keeps its code; after `close` the path is gone.
 */
import { chmodSync } from 'node:fs'
import { VIOError, VIPSocketPeer, type VSocketPeer, VUnixSocketPeer } from '@vio/io'
import { checkSocketPeer } from './address.js'
import { VSocketError } from './errno.js'
import { type ListeningServerOwner, removeStale, type VBindOptions } from './listening-server.js'
import { NativeListener } from './native-listener.js'

/** Everybody may read and write. */
const SHARED_MODE = 0o777

/** The listener of one `VListeningSocket`. */
export class NativeListeningServer {
  readonly server = null
  readonly #owner: ListeningServerOwner
  #listener: NativeListener | null = null
  #bound = false
  #isClosed = false

  constructor(owner: ListeningServerOwner) {
    this.#owner = owner
  }

  /** What it is bound to; null before and after. */
  get address(): VSocketPeer | null {
    return this.#listener === null || this.#isClosed ? null : this.#listener.localPeer
  }

  /** @throws VIOError if it is bound; (rejects) VSocketError */
  bind(peer: VSocketPeer, options: VBindOptions): Promise<VSocketPeer> {
    if (this.#bound)
      throw new VIOError(`this listener is bound to ${this.address ?? 'an address'}; use a new one`)
    checkSocketPeer(peer, 0)
    this.#bound = true
    return this.#bind(peer, options).catch((error: unknown) => {
      this.#bound = false
      throw error
    })
  }

  /** Stops. Connections that were accepted stay. */
  close(): void {
    this.#isClosed = true
    this.#listener?.close()
  }

  async #bind(peer: VSocketPeer, options: VBindOptions): Promise<VSocketPeer> {
    let bound: VSocketPeer
    try {
      bound = this.#listenOn(peer, options)
    } catch (error) {
      if (options.removeStale !== true || !(await removeStale(peer, error))) throw error
      bound = this.#listenOn(peer, options)
    }
    // Whoever closes in the same breath is not to be told that it listens.
    await Promise.resolve()
    if (!this.#isClosed) return bound
    this.#listener?.close()
    const code = 'ERR_SERVER_NOT_RUNNING'
    throw new VSocketError(`could not listen on ${peer}: the listener was closed meanwhile`, { code })
  }

  #listenOn(peer: VSocketPeer, options: VBindOptions): VSocketPeer {
    const any = peer instanceof VIPSocketPeer && peer.host === ''
    const listener = any ? this.#listenOnAny(peer, options) : this.#make(peer, options)
    this.#listener = listener
    const { localPeer } = listener
    if (
      options.sharedPath === true &&
      localPeer instanceof VUnixSocketPeer &&
      !localPeer.path.startsWith('\0')
    )
      chmodSync(localPeer.path, SHARED_MODE)
    return localPeer
  }

  /** Every address of the machine: of both versions where there are both. */
  #listenOnAny({ port }: VIPSocketPeer, options: VBindOptions): NativeListener {
    try {
      return this.#make(new VIPSocketPeer('::', port), options)
    } catch (error) {
      const { code } = error as VSocketError
      if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error
      return this.#make(new VIPSocketPeer('0.0.0.0', port), options)
    }
  }

  #make(
    peer: VSocketPeer,
    { backlog = 511, ipv6Only = false, reusePort = false }: VBindOptions,
  ): NativeListener {
    return new NativeListener(peer, { backlog, ipv6Only, reusePort }, this.#owner)
  }
}
