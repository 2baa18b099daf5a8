/**
 * Runs the contract of elements with two directions over VUT: a transport, and a further stream of one.
 */

import { BYTE_UNITS, type IVTwoWaySubject, twoWayContract, VTestBench } from '@vio/io/testing'
import { VSystemRandom } from '@vio/reactor'
import { type IVUDPStream, VUDPTransport, type VUDPVersion } from '@vio/vudp'
import { NodeCrypto } from '../../../packages/vudp/src/driver/crypto.js'
import { makeEngine } from '../../../packages/vudp/src/driver/engines.js'
import { VDatagramPump } from '../../../packages/vudp/src/driver/pump.js'
import type { VUDPEvent } from '../../../packages/vudp/src/proto/engine.js'
import { runSuite } from '../../lib/run-suite.js'
import { memoryPorts } from './memory-ports.js'
import { SECRET_A, SECRET_B } from './rigs.js'

/** More than any delay of an acknowledgement. */
const SETTLE_MS = 200

/** A transport, or a further stream of one, with the other side driven by hand. */
function subject(version: VUDPVersion, further: boolean): IVTwoWaySubject {
  const bench = new VTestBench()
  const [near, far] = memoryPorts()
  const transport = new VUDPTransport(bench.reactor, {
    version,
    socket: near,
    peer: far.localPeer,
    secret: SECRET_A,
    peerSecret: SECRET_B,
    bufferBytes: 8,
  })
  const means = { port: far, hooks: {}, crypto: new NodeCrypto(), random: new VSystemRandom() }
  const options = { version, peer: near.localPeer, secret: SECRET_B, peerSecret: SECRET_A }
  const engine = makeEngine(options, means)
  let stream: IVUDPStream = engine.stream
  const onEvent = (event: VUDPEvent): void => {
    if (event.type === 'stream-opened') stream = event.stream
  }
  const pump = new VDatagramPump(bench.reactor, { port: far, machine: engine, onEvent })
  pump.start()
  bench.settle(SETTLE_MS)
  const element = further ? transport.openStream() : transport
  if (element === null) throw new Error('the peer allows no stream')
  if (further) {
    // The first frame makes the stream known to the other side.
    element.device.writeSome(Buffer.from([0]))
    bench.settle(SETTLE_MS)
    stream.readSome(1)
  }
  const values: number[] = []
  let next = 0
  return {
    bench,
    consumer: element.byteConsume,
    producer: element.byteProduce,
    drain: () => {
      const readAll = (): void => {
        for (bench.settle(SETTLE_MS); stream.readable; bench.settle(SETTLE_MS)) {
          values.push(...stream.readSome(100))
          pump.kick()
        }
      }
      readAll()
      return values
    },
    give: (count) => {
      stream.writeSome(BYTE_UNITS.make(next, count).pop())
      pump.kick()
      bench.settle(SETTLE_MS)
      next += count
    },
    finish: () => {
      stream.finish()
      pump.kick()
      bench.settle(SETTLE_MS)
    },
  }
}

runSuite('VUDPTransport of vut/0.8', twoWayContract, () => subject('vut/0.8', false))
runSuite('VUDPTransport of vut/1', twoWayContract, () => subject('vut/1', false))
runSuite('VUDPStream of vut/1', twoWayContract, () => subject('vut/1', true))
