/**
 * The other side of a command, in this process: it goes so far and no further, which keeps the command in that phase.
 */
import { connect } from 'node:net'
import { VByteIOPair, VFIOCompleted, VIPSocketPeer } from '@vio/io'
import {
  candidateOf,
  encodeRendezvous,
  parseCode,
  VNatCrypto,
  VPake,
  VRendezvousClient,
  VUDPConnecter,
} from '@vio/nat'
import { VReactor, VSystemRandom } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { ReceiveMachine } from '../../packages/cli/src/transfer/receive-machine.js'
import { TransferEnd } from '../../packages/cli/src/transfer/transfer-end.js'
import { TRANSFER_WISHES } from '../../packages/cli/src/transfer/wishes.js'
import { atEnd } from './support.js'

const SUITE = new VNatCrypto()
const RANDOM = new VSystemRandom()

/** A connection to a relay that speaks plainly. */
function linkTo(relay: string): ReturnType<typeof connect> {
  const [host = '', port = ''] = relay.split(':')
  const socket = connect(Number(port), host)
  socket.on('error', () => undefined)
  socket.write(Buffer.of(0))
  atEnd(() => void socket.destroy())
  return socket
}

/** Comes into the room of a code, and does not prove that it knows the words. */
export function comeUnproved(relay: string, code: string): void {
  const share = new VPake({ role: 'initiator', password: Buffer.from('x') }, SUITE, RANDOM).share
  const room = parseCode(code).room
  linkTo(relay).write(encodeRendezvous({ type: 'join', room, share: share.toString('base64') }))
}

/** Comes, knows the words, and tells nothing of itself; with `at`, that it is there, where nobody answers. */
export function comeProved(relay: string, code: string, at?: VIPSocketPeer): void {
  const { room, words } = parseCode(code)
  const client = new VRendezvousClient({ join: room, words }, SUITE, RANDOM)
  const socket = linkTo(relay)
  client.start(0)
  socket.on('data', (bytes) => {
    client.handleBytes(0, bytes)
    for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent()) {
      if (event.type !== 'joined' || at === undefined) continue
      const nat = { mapping: 'unknown', filtering: 'unknown', nextPorts: [] } as const
      client.offer(0, { secret: event.secrets.own, candidates: [candidateOf('host', at)], nat, note: '' })
    }
    for (let out = client.pollOutput(); out !== undefined; out = client.pollOutput()) socket.write(out)
  })
}

/** An address of this machine whose datagrams nobody reads. */
export async function deafAddress(): Promise<VIPSocketPeer> {
  const socket = await VDatagramSocket.bind({ host: '127.0.0.1', port: 0 })
  atEnd(() => socket.close())
  return new VIPSocketPeer('127.0.0.1', socket.localPeer.port)
}

/** Takes what is sent, and confirms none of it. Settles with what the sender says when it gives up. */
export async function takeUnconfirmed(relay: string, code: string): Promise<string> {
  const reactor = new VReactor()
  reactor.start()
  atEnd(() => reactor.stop())
  const connecter = new VUDPConnecter(reactor, { relays: [relay], code, vut: TRANSFER_WISHES })
  const transport = await connecter.connect()
  return await new Promise((resolve) => {
    const machine = new ReceiveMachine()
    const end = new TransferEnd(reactor, machine, (events) => {
      for (const event of events) {
        if (event.type === 'offer') machine.accept([])
        if (event.type !== 'aborted') continue
        end.finish()
        transport.closeIO(new VFIOCompleted())
        resolve(event.reason)
      }
      end.flush()
    })
    new VByteIOPair(end.byteConsume, end.byteProduce).attach(transport.byteIO)
  })
}
