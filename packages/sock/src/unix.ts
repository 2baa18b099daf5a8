/**
 * Unix sockets: the socket classes for paths and abstract names.
 *
 * They decide only what kind of address fits, and what a native pair is made of; all else is the classes they extend.
 */
import type { Socket } from 'node:net'
import { VIOError, type VPeer, type VSocketPeer, VUnixSocketPeer } from '@vio/io'
import { VClientSocket, VSocket } from './client-socket.js'
import type { IVUnixSocket } from './interfaces.js'
import { VListeningSocket } from './listener.js'
import { createUnixPair } from './native-pair.js'
import { VClientSocketAgent } from './socket-agent.js'

function checkUnixPeer(peer: VPeer): void {
  if (!(peer instanceof VUnixSocketPeer)) throw new VIOError(`a Unix socket needs a path, got ${peer}`)
}

function unixPeer(peer: VSocketPeer | null): VUnixSocketPeer | null {
  return peer instanceof VUnixSocketPeer ? peer : null
}

/** A connected Unix socket with handlers. */
export abstract class VUnixSocket extends VSocket {
  /** Two Unix sockets that are connected to each other, known to nobody else. @throws (rejects) VSocketError */
  static override createNativePair(): Promise<[Socket, Socket]> {
    return createUnixPair()
  }
}

/** A Unix socket with handlers that connects. */
export abstract class VUnixClientSocket extends VClientSocket implements IVUnixSocket {
  /** Two Unix sockets that are connected to each other, known to nobody else. @throws (rejects) VSocketError */
  static override createNativePair(): Promise<[Socket, Socket]> {
    return createUnixPair()
  }

  override get peer(): VUnixSocketPeer | null {
    return unixPeer(super.peer)
  }

  protected override checkPeer(peer: VPeer): void {
    super.checkPeer(peer)
    checkUnixPeer(peer)
  }
}

/** A Unix socket as the end of a chain. */
export class VUnixClientSocketAgent extends VClientSocketAgent implements IVUnixSocket {
  override get peer(): VUnixSocketPeer | null {
    return unixPeer(super.peer)
  }

  protected override checkPeer(peer: VPeer): void {
    super.checkPeer(peer)
    checkUnixPeer(peer)
  }
}

/** Takes connections on a path, which is removed at the close. */
export class VUnixListeningSocket extends VListeningSocket {
  protected override checkBind(peer: VSocketPeer): void {
    checkUnixPeer(peer)
  }
}
