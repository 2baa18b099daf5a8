/**
 * The contract of a port for datagrams: what a protocol may rely on of the thing that carries its datagrams.
 *
 * The ports of a rig lose nothing on the way between each other unless they are given more than they hold, so that a case
 * can count.
 */
import { VFIOCompleted, VFIOLost, VIOClosed, VIOError } from '@vio/reactor'
import { type IVDatagramHandler, type IVDatagramPort, VTransmitBatch } from '../../datagram.js'
import { VIOOversize } from '../../errors.js'
import { VIPSocketPeer } from '../../peer.js'
import { VBytePattern } from '../pattern.js'
import type { IVContractCase } from './case.js'
import { check, equal, throwsA } from './check.js'
import type { IVDatagramRig, VDatagramPortFactory } from './datagram-rig.js'

const PATTERN = new VBytePattern(11)

/** Keeps copies of what it is given. */
class Kept implements IVDatagramHandler {
  readonly datagrams: Buffer[] = []
  readonly peers: VIPSocketPeer[] = []

  handleDatagram(bytes: Buffer, start: number, end: number, from: VIPSocketPeer): void {
    this.datagrams.push(Buffer.from(bytes.subarray(start, end)))
    this.peers.push(from)
  }

  get sizes(): string {
    return this.datagrams.map(({ length }) => length).join(' ')
  }
}

function portCase(
  title: string,
  body: (rig: IVDatagramRig) => Promise<void>,
): IVContractCase<VDatagramPortFactory> {
  return {
    title,
    run: async (factory) => {
      const rig = factory()
      try {
        await body(rig)
      } finally {
        await rig.close()
      }
    },
  }
}

/** A batch of segments with the pattern from `offset` on. */
function batchOf(
  peer: VIPSocketPeer | null,
  sizes: readonly number[],
  batch: VTransmitBatch = new VTransmitBatch(),
): VTransmitBatch {
  batch.begin(peer)
  for (const size of sizes) {
    PATTERN.take(size, batch.end).copy(batch.buffer, batch.end)
    batch.commit(size)
  }
  return batch
}

async function received(rig: IVDatagramRig, port: IVDatagramPort, count: number): Promise<Kept> {
  const kept = new Kept()
  await rig.until(() => {
    port.receive(kept)
    return kept.datagrams.length >= count
  })
  equal(kept.datagrams.length, count, 'datagrams received')
  return kept
}

const SENDING: readonly IVContractCase<VDatagramPortFactory>[] = [
  portCase('is open, writable and bound to an address, and has nothing at first', async (rig) => {
    const { a } = await rig.pair()
    equal(a.closed, null, 'closed')
    equal(a.writable, true, 'writable')
    equal(a.readable, false, 'readable')
    equal(a.remotePeer, null, 'the remote peer')
    check(a.localPeer.port > 0, 'it has a port')
    check(a.maxDatagramBytes >= 1200, `it sends datagrams of at least 1200 bytes, says ${a.maxDatagramBytes}`)
    check(a.segmentsPerCall >= 1 && a.receiveBufferBytes > 0, 'sizes are positive')
    equal(a.receive(new Kept()), 0, 'what a receive gives')
    equal(a.counts, a.counts, 'the counts are one object')
  }),

  portCase('sends a batch as the datagrams that its segments are, and takes them off it', async (rig) => {
    const { a, b } = await rig.pair()
    const sizes = [100, 100, 100, 37]
    const batch = batchOf(b.localPeer, sizes)
    equal(a.send(batch), 4, 'accepted segments')
    equal(batch.count, 0, 'segments left')
    const kept = await received(rig, b, 4)
    equal(kept.sizes, '100 100 100 37', 'sizes')
    check(Buffer.concat(kept.datagrams).equals(PATTERN.take(337, 0)), 'the bytes arrived in order')
    equal(a.counts.sent, 4, 'counts.sent')
    equal(a.counts.sentBytes, 337, 'counts.sentBytes')
    equal(b.counts.received, 4, 'counts.received')
    equal(b.counts.receivedBytes, 337, 'counts.receivedBytes')
    equal(b.counts.dropped, 0, 'counts.dropped')
  }),

  portCase('sends the rest of a batch that has lost segments at the front', async (rig) => {
    const { a, b } = await rig.pair()
    const batch = batchOf(b.localPeer, [50, 50, 50, 20])
    batch.remove(2)
    equal(a.send(batch), 2, 'accepted segments')
    const kept = await received(rig, b, 2)
    check(Buffer.concat(kept.datagrams).equals(PATTERN.take(70, 100)), 'it sent the rest')
  }),

  portCase('gives the batch back when send returns', async (rig) => {
    const { a, b } = await rig.pair()
    const batch = new VTransmitBatch()
    for (let round = 0; round < 20; round += 1) {
      batchOf(b.localPeer, [300, 300], batch)
      a.send(batch)
      batch.buffer.fill(0)
    }
    const kept = await received(rig, b, 40)
    check(
      kept.datagrams.every((each, at) => each.equals(PATTERN.take(300, at % 2 === 0 ? 0 : 300))),
      'what was written to the buffer afterwards did not arrive',
    )
  }),

  portCase('carries empty datagrams, and largest ones', async (rig) => {
    const { a, b } = await rig.pair()
    const batch = new VTransmitBatch()
    equal(a.send(batchOf(b.localPeer, [0], batch)), 1, 'an empty one')
    // The largest one that may be asked for on any path of a rig.
    const most = Math.min(a.maxDatagramBytes, 65_507)
    equal(a.send(batchOf(b.localPeer, [most], batch)), 1, 'the largest one')
    const kept = await received(rig, b, 2)
    equal(kept.sizes, `0 ${most}`, 'sizes')
  }),

  portCase('refuses a datagram that is too large, and sends nothing of the batch', async (rig) => {
    const { a, b } = await rig.pair()
    const size = a.maxDatagramBytes + 1
    const batch = batchOf(b.localPeer, [size], new VTransmitBatch(Buffer.alloc(size)))
    throwsA(() => a.send(batch), VIOOversize, 'sending it')
    equal(batch.count, 1, 'segments left')
    equal(a.counts.sent, 0, 'counts.sent')
    equal(a.send(new VTransmitBatch()), 0, 'an empty batch')
  }),

  portCase('needs a peer where it is not connected', async (rig) => {
    const { a } = await rig.pair()
    throwsA(() => a.send(batchOf(null, [5])), VIOError, 'sending without a peer')
    throwsA(() => a.send({} as VTransmitBatch), TypeError, 'sending something else')
  }),

  portCase('sends to many peers in turn, and tells each of them from whom', async (rig) => {
    const { a, b } = await rig.pair()
    const batch = new VTransmitBatch()
    a.send(batchOf(b.localPeer, [10], batch))
    a.send(batchOf(a.localPeer, [11], batch))
    const atB = await received(rig, b, 1)
    const atA = await received(rig, a, 1)
    equal(atB.sizes, '10', 'what went to b')
    equal(atA.sizes, '11', 'what went to itself')
    check(atB.peers[0]?.equals(a.localPeer) === true, 'b heard it from a')
  }),
]

const RECEIVING: readonly IVContractCase<VDatagramPortFactory>[] = [
  portCase('gives the same object for the same peer, and can be answered to it', async (rig) => {
    const { a, b } = await rig.pair()
    a.send(batchOf(b.localPeer, [10, 10, 10]))
    const kept = await received(rig, b, 3)
    equal(new Set(kept.peers).size, 1, 'peer objects')
    const from = kept.peers[0] ?? null
    check(from?.equals(a.localPeer) === true, 'it is the sender')
    b.send(batchOf(from, [7]))
    equal((await received(rig, a, 1)).sizes, '7', 'the answer')
  }),

  portCase('hands out no more than it is asked for, and says that there is more', async (rig) => {
    const { a, b } = await rig.pair()
    a.send(batchOf(b.localPeer, [10, 10, 10, 10, 10]))
    await rig.until(() => b.readable)
    await rig.quiet()
    const kept = new Kept()
    equal(b.receive(kept, 2), 2, 'asked for 2')
    equal(b.readable, true, 'readable')
    equal(b.receive(kept, 100), 3, 'asked for more than there are')
    equal(b.readable, false, 'readable with nothing left')
    check(Buffer.concat(kept.datagrams).equals(PATTERN.take(50, 0)), 'in order')
  }),

  portCase('tells of what has arrived, by the function named last', async (rig) => {
    const { a, b } = await rig.pair()
    let changes = 0
    b.onReady(() => {
      throw new Error('another function was named since')
    })
    b.onReady(() => {
      changes += 1
    })
    a.send(batchOf(b.localPeer, [10]))
    await rig.until(() => changes > 0)
    equal(b.readable, true, 'readable')
    b.receive(new Kept())
    const before = changes
    a.send(batchOf(b.localPeer, [10]))
    await rig.until(() => changes > before)
  }),

  portCase('lets what the handler throws pass, and goes on behind that datagram', async (rig) => {
    const { a, b } = await rig.pair()
    a.send(batchOf(b.localPeer, [10, 10, 10]))
    await rig.until(() => b.readable)
    await rig.quiet()
    const bad: IVDatagramHandler = {
      handleDatagram: () => {
        throw new RangeError('planted')
      },
    }
    throwsA(() => b.receive(bad), RangeError, 'the handler')
    equal((await received(rig, b, 2)).datagrams[0]?.equals(PATTERN.take(10, 10)), true, 'the one behind')
  }),

  portCase('refuses wrong numbers, and to be asked from inside a handler', async (rig) => {
    const { a, b } = await rig.pair()
    for (const wrong of [0, -1, 1.5, Number.NaN, '3' as unknown as number]) {
      throwsA(() => b.receive(new Kept(), wrong), RangeError, `asking for ${wrong}`)
    }
    a.send(batchOf(b.localPeer, [10]))
    let inside: unknown
    const handler: IVDatagramHandler = {
      handleDatagram: () => {
        inside = throwsA(() => b.receive(new Kept()), VIOError, 'receive inside of receive')
      },
    }
    await rig.until(() => b.receive(handler) > 0)
    check(inside instanceof VIOError, 'the handler ran')
  }),

  portCase('drops what nobody takes over its bound, and counts it', async (rig) => {
    const { a, b } = await rig.pair({ queueBytes: 8192 })
    const batch = new VTransmitBatch()
    for (let round = 0; round < 10; round += 1) {
      a.send(batchOf(b.localPeer, [1000, 1000, 1000, 1000], batch))
      await rig.quiet()
    }
    await rig.until(() => b.counts.dropped > 0)
    const kept = new Kept()
    b.receive(kept)
    check(kept.datagrams.length > 0 && kept.datagrams.length <= 8, `it held ${kept.datagrams.length}`)
    check(kept.datagrams[0]?.equals(PATTERN.take(1000, 0)) === true, 'the first one was kept')
    await rig.until(() => b.counts.dropped + b.counts.received === 40)
    a.send(batchOf(b.localPeer, [5]))
    equal((await received(rig, b, 1)).sizes, '5', 'what comes when there is room again')
  }),
]

const CONNECTED: readonly IVContractCase<VDatagramPortFactory>[] = [
  portCase(
    'sends to its only peer, named or not, and to no other one, where it is connected',
    async (rig) => {
      if (rig.connected === undefined) return
      const { a, b } = await rig.connected()
      check(a.remotePeer?.equals(b.localPeer) === true, 'the remote peer')
      a.send(batchOf(null, [10]))
      a.send(batchOf(new VIPSocketPeer(b.localPeer.host, b.localPeer.port), [11]))
      equal((await received(rig, b, 2)).sizes, '10 11', 'what arrived')
      const other = new VIPSocketPeer(b.localPeer.host, b.localPeer.port === 9 ? 10 : 9)
      throwsA(() => a.send(batchOf(other, [5])), VIOError, 'sending to another one')
      b.send(batchOf(a.localPeer, [7]))
      const kept = await received(rig, a, 1)
      check(kept.peers[0]?.equals(b.localPeer) === true, 'the answer came from the peer')
    },
  ),
]

const CLOSING: readonly IVContractCase<VDatagramPortFactory>[] = [
  portCase('is closed once, tells so, and takes and gives nothing afterwards', async (rig) => {
    const { a, b } = await rig.pair()
    const address = String(b.localPeer)
    a.send(batchOf(b.localPeer, [10]))
    await rig.until(() => b.readable)
    let changes = 0
    b.onReady(() => {
      changes += 1
    })
    const reason = new VFIOLost()
    b.close(reason)
    b.close(new VFIOCompleted())
    equal(changes, 1, 'how often it was told')
    equal(b.closed, reason, 'the reason')
    equal(b.writable, false, 'writable')
    equal(b.readable, false, 'readable')
    equal(b.receive(new Kept()), 0, 'what a receive gives')
    throwsA(() => b.send(batchOf(a.localPeer, [5])), VIOClosed, 'sending')
    equal(String(b.localPeer), address, 'its address')
    a.send(batchOf(b.localPeer, [10]))
    await rig.quiet()
    equal(b.receive(new Kept()), 0, 'what arrives later')
  }),

  portCase('can be closed by the handler, which is given no more then', async (rig) => {
    const { a, b } = await rig.pair()
    a.send(batchOf(b.localPeer, [10, 10, 10]))
    await rig.until(() => b.readable)
    await rig.quiet()
    let given = 0
    b.receive({
      handleDatagram: () => {
        given += 1
        b.close()
      },
    })
    equal(given, 1, 'datagrams handed out')
    check(b.closed instanceof VFIOCompleted, 'closed cleanly without a reason')
  }),

  portCase('sends what it accepted before a clean close', async (rig) => {
    const { a, b } = await rig.pair()
    a.send(batchOf(b.localPeer, [500, 500, 500]))
    a.close()
    equal((await received(rig, b, 3)).sizes, '500 500 500', 'sizes')
  }),
]

/** What every port has to do. */
export const datagramPortContract: readonly IVContractCase<VDatagramPortFactory>[] = [
  ...SENDING,
  ...RECEIVING,
  ...CONNECTED,
  ...CLOSING,
]
