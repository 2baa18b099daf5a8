/**
 * TCP sockets: the socket classes for IP addresses.
 *
 * They decide only what kind of address fits, and what a native pair is made of; all else is the classes they extend.
 */
import type { Socket } from 'node:net'
import { VIOError, VIPSocketPeer, type VPeer, type VSocketPeer } from '@vio/io'
import { VClientSocket, VSocket } from './client-socket.js'
import type { IVTCPSocket } from './interfaces.js'
import { VListeningSocket } from './listener.js'
import { createTCPPair } from './native-pair.js'
import { VClientSocketAgent } from './socket-agent.js'

function checkIPPeer(peer: VPeer): void {
  if (!(peer instanceof VIPSocketPeer)) throw new VIOError(`a TCP socket needs an IP address, got ${peer}`)
}

/** A connected TCP socket with handlers. */
export abstract class VTCPSocket extends VSocket {
  /** Two TCP sockets that are connected to each other, known to nobody else. @throws (rejects) VSocketError */
  static override createNativePair(): Promise<[Socket, Socket]> {
    return createTCPPair()
  }
}

/** A TCP socket with handlers that connects. */
export abstract class VTCPClientSocket extends VClientSocket implements IVTCPSocket {
  /** Two TCP sockets that are connected to each other, known to nobody else. @throws (rejects) VSocketError */
  static override createNativePair(): Promise<[Socket, Socket]> {
    return createTCPPair()
  }

  protected override checkPeer(peer: VPeer): void {
    super.checkPeer(peer)
    checkIPPeer(peer)
  }
}

/** A TCP socket as the end of a chain. */
export class VTCPClientSocketAgent extends VClientSocketAgent implements IVTCPSocket {
  protected override checkPeer(peer: VPeer): void {
    super.checkPeer(peer)
    checkIPPeer(peer)
  }
}

/** Takes TCP connections. */
export class VTCPListeningSocket extends VListeningSocket {
  /** What it is bound to, with the port that the system chose; null before `bind` and after the close. */
  override get address(): VIPSocketPeer | null {
    return super.address as VIPSocketPeer | null
  }

  /** The port that it is bound to; 0 before `bind` and after the close. */
  get port(): number {
    return this.address?.port ?? 0
  }

  protected override checkBind(peer: VSocketPeer): void {
    checkIPPeer(peer)
  }
}
