/** One flow to two consumers: what a client sends goes to its service, and to a log in hex. */
import { VByteConsumer, VByteWriter } from '@vio/io'
import { chain } from '@vio/io/facade'
import { VByteTee, VLogTap } from '@vio/io/filter'
import { VReactor } from '@vio/reactor'

class Service extends VByteConsumer {
  bytes = 0
  protected override dataReceived(data: Buffer): void {
    this.bytes += data.length
  }
}

class Nothing extends VByteConsumer {
  protected override dataReceived(): void {}
}

const reactor = new VReactor()
reactor.start()
const client = new VByteWriter(reactor)
const service = new Service(reactor)
const tee = new VByteTee(reactor)

// The branches first, the source last: what one branch allows is good for all that are there.
chain(tee.branch(), service)
const log = new VLogTap(reactor, { format: 'hex', label: 'client', sink: (line) => console.log(line) })
chain(tee.branch(), log, new Nothing(reactor))
const { done } = chain(client, tee)

client.write('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n')
client.endWrite()
await done
console.log(`the service got ${service.bytes} bytes`)
reactor.stop()
