/**
 * A listener for SOCKS clients, who say themselves where they want to go.
 *
 * Decides how a conversation becomes a connection through the link, or flows of datagrams; the protocol itself is
 * `socks`, what may be reached is up to the other side. Invariants: a client is told how its request went before it is
 * let go; the UDP port of a client is open as long as its connection is.
 */
import { VFIOCompleted, VIPSocketPeer } from '@vio/io'
import type { VClientSocketAgent } from '@vio/sock'
import { carry, reset } from './carry.js'
import { EndWatch } from './end-watch.js'
import { ForwardProtocol, ForwardRefused } from './errors.js'
import { takeFront } from './front.js'
import { bindUDP, FlowTable, type Ingress, openListener } from './ingress.js'
import type { ForwardLink } from './link.js'
import { openSocksDatagram, SOCKS_STATUS, SocksServer, sealSocksDatagram, socksReply } from './socks.js'
import type { ListenAt } from './spec.js'
import { SOCKS_REPLY } from './status.js'
import { formatTarget, type NetTarget } from './target.js'
import type { UDPPort } from './udp-port.js'

/** Listens for SOCKS clients. @throws (rejects) ForwardListenError */
export async function openSocks(link: ForwardLink, listen: ListenAt): Promise<Ingress> {
  return await openListener(link, { listen }, (client, from) => {
    serve(link, client, from).catch((error: Error) => {
      reset(client, error)
      link.tell({ type: 'failed', error })
    })
  })
}

async function serve(link: ForwardLink, client: VClientSocketAgent, from: string): Promise<void> {
  const socks = new SocksServer()
  const parser = {
    get needed(): number {
      return socks.needed
    },
    push: (bytes: Uint8Array): void => {
      socks.push(bytes)
      say(client, socks.takeReply())
    },
  }
  await takeFront(client, parser, 'a SOCKS request', link.limits.requestTimeoutMs)
  const { request, fault } = socks
  if (request?.command === 'connect') await connect(link, client, request.target, from)
  else if (request?.command === 'associate') await associate(link, client, from)
  else {
    client.closeIO(new VFIOCompleted())
    link.tell({ type: 'failed', error: new ForwardProtocol(`${from}: ${fault}`) })
  }
}

async function connect(
  link: ForwardLink,
  client: VClientSocketAgent,
  target: NetTarget,
  from: string,
): Promise<void> {
  try {
    await carry(link, client, {
      request: { kind: 'connect', target },
      what: `${from} -> ${formatTarget(target)}`,
      answered: () => say(client, socksReply(SOCKS_STATUS.ok)),
    })
  } catch (error) {
    const status = error instanceof ForwardRefused ? SOCKS_REPLY[error.status] : SOCKS_STATUS.failed
    say(client, socksReply(status))
    client.closeIO(new VFIOCompleted())
    link.tell({ type: 'failed', error: error as Error })
  }
}

/** Gives a client a UDP port, which datagrams of its own address alone may use. */
async function associate(link: ForwardLink, client: VClientSocketAgent, from: string): Promise<void> {
  const flows = new FlowTable(link)
  const { peer, localPeer } = client
  if (!(peer instanceof VIPSocketPeer) || !(localPeer instanceof VIPSocketPeer)) {
    say(client, socksReply(SOCKS_REPLY.unsupported))
    client.closeIO(new VFIOCompleted())
    return
  }
  const udp: UDPPort = await bindUDP(localPeer.host, 0, (bytes, sender) => {
    const datagram = sender.host === peer.host ? openSocksDatagram(bytes) : null
    if (datagram === null) return
    const { target } = datagram
    const what = `${from} -> ${formatTarget(target)}`
    flows.send(`${sender} ${formatTarget(target)}`, datagram.bytes, {
      request: { kind: 'connect', target },
      what,
      received: (reply) => udp.send(sealSocksDatagram(target, reply), sender),
    })
  })
  const forget = link.onClose((reason) => reset(client, reason))
  say(client, socksReply(SOCKS_STATUS.ok, udp.localPeer))
  await new EndWatch(client).ended
  forget()
  flows.close()
  udp.close()
  client.closeIO(new VFIOCompleted())
}

/** Writes at once: nothing is attached to the client's output yet. */
function say(client: VClientSocketAgent, bytes: Buffer): void {
  try {
    if (bytes.length > 0) client.writeSome(bytes)
  } catch {
    // The client has gone; whoever waits for it hears so by its input.
  }
}
