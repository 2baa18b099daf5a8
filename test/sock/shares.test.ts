/**
 * Busy connections and others: how much of one is read before the rest has its turn.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { VByteConsumer, VIPSocketPeer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { VClientSocketAgent, type VTransport } from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { eventually } from './support/net-rig.js'
import { startReactor } from './support/reactor.js'

const READ = 4096
const MUCH = 8_000_000
/** How often one connection is read in one round of the loop at most; Node itself does it up to 32 times. */
const MOST_READS = 16

/** Takes all that comes once it is told to. */
class Taker extends VByteConsumer {
  taken = 0
  readonly #heard: () => void

  constructor(reactor: IVReactor, heard: () => void) {
    super(reactor)
    this.#heard = heard
  }

  go(): void {
    this.setReceiveLimit(null)
  }

  protected override producerAttached(): void {}

  protected override dataReceived(data: Buffer): void {
    this.taken += data.length
    this.#heard()
  }
}

/** Two connections of this process; the far ends are sockets of Node, which write at once. */
async function twoConnections(transport: VTransport) {
  const { reactor } = startReactor()
  const far: Socket[] = []
  const server = createServer({ noDelay: true }, (socket) => far.push(socket.on('error', () => undefined)))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const peer = new VIPSocketPeer('127.0.0.1', (server.address() as AddressInfo).port)
  const agents: VClientSocketAgent[] = []
  onTestFinished(() => {
    for (const agent of agents) agent.reset()
    for (const socket of far) socket.destroy()
    server.close()
  })
  for (let index = 0; index < 2; index += 1) {
    const agent = new VClientSocketAgent(reactor, null, { transport, maxRead: READ })
    agents.push(agent)
    await agent.connectTo(peer)
    await eventually(() => far.length > index)
  }
  return { reactor, agents, far }
}

describe.each<VTransport>(['net', 'auto'])('connections over the transport %s', (transport) => {
  it('share the loop: one is heard soon although another has more than can be read at once', async () => {
    const { reactor, agents, far } = await twoConnections(transport)
    const [busyFar, quietFar] = far as [Socket, Socket]
    busyFar.write(Buffer.alloc(MUCH, 1))
    let askedAt = -1
    let heardAt = -1
    const busy = new Taker(reactor, () => {
      // Behind what was read ahead, so that the loop is where the bytes come from.
      if (askedAt >= 0 || busy.taken <= 4 * READ) return
      askedAt = busy.taken
      quietFar.write('!')
    })
    const quiet = new Taker(reactor, () => {
      heardAt = busy.taken
    })
    agents[0]?.byteProduce.attach(busy.byteConsume)
    agents[1]?.byteProduce.attach(quiet.byteConsume)
    quiet.go()
    busy.go()
    await eventually(() => busy.taken === MUCH && quiet.taken === 1)
    expect(askedAt).toBeGreaterThan(0)
    expect(heardAt).toBeLessThanOrEqual(askedAt + 3 * MOST_READS * READ)
  })
})
