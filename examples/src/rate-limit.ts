/** How long a megabyte takes at 100 kB a second: found out on simulated time, which takes no time. */
import { VByteConsumer, VByteWriter } from '@vio/io'
import { chain } from '@vio/io/facade'
import { VRateLimit } from '@vio/io/filter'
import { VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'

class Sink extends VByteConsumer {
  bytes = 0
  protected override dataReceived(data: Buffer): void {
    this.bytes += data.length
  }
}

const host = new VirtualHost()
const reactor = new VReactor({ host })
reactor.start()

const writer = new VByteWriter(reactor)
writer.write(Buffer.alloc(1_000_000))
writer.endWrite()
const sink = new Sink(reactor)
const limit = new VRateLimit(reactor, { bytesPerSecond: 100_000, burstBytes: 10_000 })
const transfer = chain(writer, limit, sink)

for (const seconds of [1, 5]) {
  host.advance(seconds * 1000 - host.now())
  console.log(`after ${seconds} s: ${sink.bytes} bytes`)
}
host.runUntil(() => transfer.result !== null)
console.log(`all ${transfer.result?.bytesOut} bytes after ${transfer.result?.durationMs} ms`)
