/**
 * What a connecter needs of its surroundings: sockets, control links, the addresses of the machine.
 *
 * Decides nothing: types only. Nothing here waits by itself; whoever asks is called back, so that the connecter runs in
 * simulated time as it does in real time. Invariant: after a cancel or a close nobody is called any more.
 */
import type { IVDatagramPort, VIPSocketPeer } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import type { IVNatCrypto } from '../suite.js'

/** A control link to a relay, as the connecter uses it. */
export interface ConnecterLink {
  /** The relay's address. */
  readonly remote: VIPSocketPeer
  /** Sends bytes; false if they do not fit any more. They are the link's afterwards. */
  send(bytes: Uint8Array): boolean
  /** Closes it. `onClose` is not called then. */
  close(): void
}

/** Who is told what happens on a link. */
export interface ConnecterLinkHandlers {
  onOpen(link: ConnecterLink): void
  /** A piece of the stream; it may be kept. */
  onBytes(bytes: Buffer): void
  /** It could not be opened, or is over. */
  onClose(error: Error): void
}

/** Something that was begun and can be given up. */
export type Cancel = () => void

/** The surroundings. */
export interface ConnecterMeans {
  readonly crypto: IVNatCrypto
  readonly random: IVRandom
  /** The numeric addresses of the machine, those of loopback included, without zones. */
  hosts(): readonly string[]
  /** The routers that may be asked for a port. */
  gateways(): readonly string[]
  /** Binds a UDP socket. */
  bind(
    at: { readonly host: string; readonly port: number },
    done: (outcome: IVDatagramPort | Error) => void,
  ): Cancel
  /** Opens a link to a relay, as it was named in the options. */
  link(relay: string, handlers: ConnecterLinkHandlers): Cancel
}
