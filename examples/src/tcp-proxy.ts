/** A TCP proxy that lets two megabytes a second through, between a client and an echo server: `tcp-proxy`. */
import { chain, VStream } from '@vio/io/facade'
import { VRateLimit } from '@vio/io/filter'
import { VReactor } from '@vio/reactor'
import { connectTCP, listenTCP, VTCPClientSocketAgent } from '@vio/sock'

const reactor = new VReactor()
reactor.start()

const echo = await listenTCP(reactor, {}, (agent) => chain(agent, agent))
const target = { host: '127.0.0.1', port: echo.port }

const proxy = await listenTCP(reactor, {}, (inside) => {
  const outside = new VTCPClientSocketAgent(reactor)
  chain(inside, new VRateLimit(reactor, { bytesPerSecond: 2_000_000, burstBytes: 100_000 }), outside)
  chain(outside, inside)
  void outside.connectTo(target)
})
console.log('the proxy listens')

const { byteIO } = await connectTCP(reactor, { host: '127.0.0.1', port: proxy.port })
const client = new VStream(byteIO)
const sent = Buffer.alloc(500_000, 'through the proxy and back, ')
client.end(sent)
const back = await client.readAll()
console.log(`${back.length} bytes came back, ${back.equals(sent) ? 'unchanged' : 'CHANGED'}`)

await proxy.drain(1000)
await echo.drain(1000)
reactor.stop()
