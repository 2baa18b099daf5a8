/** One flow to two consumers: a socket's bytes to their service, and to a capture that Wireshark opens. */

import { readFileSync } from 'node:fs'
import { VByteConsumer, VByteWriter } from '@vio/io'
import { chain, VStream } from '@vio/io/facade'
import { VByteTee, VCapture } from '@vio/io/filter'
import { VFileSink } from '@vio/io/node'
import { VReactor } from '@vio/reactor'
import { connectTCP, listenTCP } from '@vio/sock'

class Nothing extends VByteConsumer {
  protected override dataReceived(): void {}
}

const [file = 'chain.pcapng'] = process.argv.slice(2)
const reactor = new VReactor()
reactor.start()
const writer = new VByteWriter(reactor)
const saved = chain(writer, new VFileSink(reactor, file))
const capture = new VCapture(reactor, writer, { clock: Date.now })

const server = await listenTCP(reactor, {}, (agent) => {
  const tee = new VByteTee(reactor)
  const { inbound } = capture.conversation({ remote: agent.peer, opener: 'remote' })
  chain(tee.branch(), agent)
  chain(tee.branch(), inbound, new Nothing(reactor))
  chain(agent, tee)
})
const { port } = server
const client = new VStream((await connectTCP(reactor, { host: '127.0.0.1', port })).byteIO)
client.end('GET / HTTP/1.1\r\n\r\n')
console.log(`the service got ${(await client.readAll()).length} bytes`)
await server.drain(1000)
writer.endWrite()
const { bytesOut, clean } = await saved.done
console.log(`the capture has ${bytesOut} bytes${clean ? '' : ' and is not complete'}`)
console.log(`it begins with ${readFileSync(file).subarray(0, 4).toString('hex')}`)
reactor.stop()
