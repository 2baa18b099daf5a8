/**
 * The relay handshake of VUT 0.8 on a socket: it ends in a `VUDPTransport` on the very socket that the relay has seen.
 *
 * Decides when the socket is opened and closed. When tokens leave and what the relay may call is the machine's affair.
 * Invariants: `transport` settles once; a handshake that fails, however, leaves no socket; calls of the relay that come
 * before the socket is open count as any other.
 */
import { VFIOLost, VIOError } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { VDatagramSocket, type VDatagramSocketOptions } from '@vio/sock'
import { VDatagramPump, type VUDPSharedOptions, VUDPTransport, type VUDPVersion } from '@vio/vudp'
import type { VUDPLinkRequest, VUDPRelayedConnecter, VUDPRelayedEvent } from '../udp-token.js'

/** Options of a link. */
export interface VUDPRelayedLinkOptions {
  /** How the socket is bound. By default to any address and port of version 4. */
  readonly bind?: Omit<VDatagramSocketOptions, 'signal'>
  /** The version that both sides speak. By default 'vut/0.8'. */
  readonly version?: VUDPVersion
  /** Options of the transport. */
  readonly vut?: Omit<VUDPSharedOptions, 'peer' | 'secret' | 'peerSecret' | 'version'>
  /** Gives the handshake up. */
  readonly signal?: AbortSignal
}

/**
 * One party of the handshake, with its socket.
 *
 * ```ts
 * const connecter = new VUDPRelayedConnecter()
 * connecter.connectUDP(reactor.time(), { host, port, localToken, remoteToken })
 * const link = new VUDPRelayedLink(reactor, connecter)
 * control.on('confirm_udp', (host, port) => link.confirmUDP(host, port))
 * control.on('link_to_peer', (request) => link.linkToPeer(request))
 * const transport = await link.transport
 * ```
 */
export class VUDPRelayedLink {
  /** The transport; rejects with what the handshake ended with: VIOError, VIOTimeout, VSocketError, the reason of the signal. */
  readonly transport: Promise<VUDPTransport>
  readonly #reactor: IVReactor
  readonly #connecter: VUDPRelayedConnecter
  readonly #options: VUDPRelayedLinkOptions
  #pump: VDatagramPump<VUDPRelayedEvent> | null = null

  /** `connecter` is one whose `connectUDP` was called, or that an approver has given. */
  constructor(reactor: IVReactor, connecter: VUDPRelayedConnecter, options: VUDPRelayedLinkOptions = {}) {
    this.#reactor = reactor
    this.#connecter = connecter
    this.#options = options
    this.transport = this.#run()
    this.transport.catch(() => undefined)
  }

  /** The relay has seen the token, from that address. @throws as `VUDPRelayedConnecter.confirmUDP` */
  confirmUDP(host: string, port: number): void {
    this.#connecter.confirmUDP(host, port)
    this.#pump?.kick()
  }

  /** The relay names the peer and the secrets. @throws as `VUDPRelayedConnecter.linkToPeer` */
  linkToPeer(request: VUDPLinkRequest): void {
    try {
      this.#connecter.linkToPeer(request)
    } finally {
      this.#pump?.kick()
    }
  }

  /** Gives up. Idempotent; without effect once there is a transport. */
  close(error: Error = new VIOError('the handshake was given up')): void {
    this.#connecter.cancel(error)
    this.#pump?.kick()
  }

  async #run(): Promise<VUDPTransport> {
    const { bind, signal } = this.#options
    signal?.throwIfAborted()
    const socket = await VDatagramSocket.bind({ ...bind })
    const onAbort = (): void => {
      const { reason } = signal ?? {}
      this.close(reason instanceof Error ? reason : new VIOError(String(reason)))
    }
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return this.#transportOn(socket, await this.#handshake(socket))
    } catch (error) {
      socket.close()
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #handshake(socket: VDatagramSocket): Promise<Extract<VUDPRelayedEvent, { type: 'linked' }>> {
    return new Promise((linked, failed) => {
      const pump = new VDatagramPump<VUDPRelayedEvent>(this.#reactor, {
        port: socket,
        machine: this.#connecter,
        onEvent: (event) => {
          if (event.type === 'confirmed') return
          pump.stop()
          if (event.type === 'linked') linked(event)
          else failed(event.error)
        },
        onEnd: (reason) => failed(reason.value),
        // What one address does not take says nothing about the handshake, which has its own time-out.
        onSendError: () => undefined,
      })
      this.#pump = pump
      pump.start()
    })
  }

  #transportOn(
    socket: VDatagramSocket,
    { peer, secret, peerSecret }: Extract<VUDPRelayedEvent, { type: 'linked' }>,
  ): VUDPTransport {
    const { version = 'vut/0.8', vut, signal } = this.#options
    const transport = new VUDPTransport(this.#reactor, { ...vut, version, socket, peer, secret, peerSecret })
    if (signal?.aborted === true) transport.closeIO(new VFIOLost())
    return transport
  }
}
