/**
 * Whom this side is willing to send datagrams to, when somebody else names the address.
 *
 * A relay or a peer names addresses, and a bad one could name a victim's. Decides nothing by itself: the application says
 * yes or no. Invariant: a filter is asked before the first datagram, and a no means that none is sent.
 */

/** Says which relays and which peers may be sent to. By default all; override what should be refused. */
export class VUDPHostFilter {
  /** True if datagrams may go to this relay. */
  allowRelay(_host: string, _port: number): boolean {
    return true
  }

  /** True if datagrams may go to this peer. */
  allowPeer(_host: string, _port: number): boolean {
    return true
  }
}
