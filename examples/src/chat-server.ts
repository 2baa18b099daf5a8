/** A chat server: what one client types, the others read. Two clients talk, and leave. */
import { VByteWriter, VMessageConsumer } from '@vio/io'
import { chain, VStream } from '@vio/io/facade'
import { VByteDecoder, VLineDecoder } from '@vio/io/filter'
import { VReactor } from '@vio/reactor'
import { connectTCP, listenTCP } from '@vio/sock'

const guests = new Set<Guest>()

class Guest extends VMessageConsumer<string> {
  readonly screen: VByteWriter = new VByteWriter(this.reactor)

  protected override messageReceived(line: string): void {
    for (const guest of guests) if (guest !== this) guest.screen.write(`${line}\n`)
  }

  protected override consumerAborted(): void {
    if (guests.delete(this)) this.screen.endWrite()
  }
}

const reactor = new VReactor()
reactor.start()
const server = await listenTCP(reactor, {}, (agent) => {
  const guest = new Guest(reactor)
  chain(agent, new VByteDecoder(reactor, new VLineDecoder({ maxLineBytes: 1000 })), guest)
  chain(guest.screen, agent)
  guest.screen.write(`${guests.add(guest).size} here\n`)
})

const join = async () =>
  new VStream((await connectTCP(reactor, { host: '127.0.0.1', port: server.port })).byteIO)
const heard = async (who: VStream) => console.log(String(await who.readUntil('\n')).trimEnd())
const [ann, bob] = [await join(), await join()]
await heard(ann)
await heard(bob)
ann.end('hello from Ann\n')
await heard(bob)
bob.end()
await server.drain(1000)
reactor.stop()
