/** A server that answers each line with the same line in capitals, and its client, over a connection in memory. */
import { VByteEndpoint, VByteWriter, VMessageConsumer } from '@vio/io'
import { chain, VStream } from '@vio/io/facade'
import { VByteDecoder, VLineDecoder } from '@vio/io/filter'
import { createDevicePair } from '@vio/io/testing'
import { type IVReactor, VReactor } from '@vio/reactor'

class LineServer extends VMessageConsumer<string> {
  readonly replies: VByteWriter

  constructor(reactor: IVReactor) {
    super(reactor)
    this.replies = new VByteWriter(reactor)
  }

  protected override messageReceived(line: string): void {
    this.replies.write(`${line.toUpperCase()}\n`)
  }

  protected override dataEnded(clean: boolean): void {
    this.replies.endWrite(clean)
  }
}

const reactor = new VReactor()
reactor.start()
const wire = createDevicePair()

const server = new LineServer(reactor)
const socket = new VByteEndpoint(reactor, wire.b)
chain(socket, new VByteDecoder(reactor, new VLineDecoder()), server)
chain(server.replies, socket)

const client = new VStream(new VByteEndpoint(reactor, wire.a).byteIO)
client.end('hello\nhow are you?\n')
console.log(String(await client.readUntil('\n')).trimEnd())
console.log(String(await client.readAll()).trimEnd())
reactor.stop()
