/**
 * What an idle connection holds: the ends around a device, an element that takes and one that is written to.
 *
 * A server has thousands of them, so their size is looked after by a bound. It counts the heap after a full collection,
 * which is the same on every run; no time is measured.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  type IVByteDevice,
  type IVDeviceOwner,
  VByteConsumer,
  VByteEndpoint,
  VByteWriter,
  type VFailure,
} from '@vio/io'
import { VReactor } from '@vio/reactor'
import { expect, it } from 'vitest'

const COUNT = 2000

/** Bytes of heap for one connection without its device that is read and written to: 607 on Node 20. */
const WRITTEN_BYTES = 750
/** And for one that nobody writes to: 347. An output is made when somebody asks for it. */
const QUIET_BYTES = 450

class Idle extends VByteConsumer {
  protected override dataReceived(): void {}
}

/** A connected device on which nothing happens. It is the same for all connections, so it does not count. */
const DEVICE: IVByteDevice = {
  connected: true,
  peer: null,
  readable: false,
  inputEnd: null as VFailure | null,
  writable: true,
  outputEnd: null as VFailure | null,
  unflushedBytes: 0,
  onReady: () => undefined,
  reportTo: (_owner: IVDeviceOwner) => undefined,
  readSome: () => Buffer.alloc(0),
  writeSome: () => 0,
  closeInput: () => undefined,
  closeOutput: () => undefined,
  close: () => undefined,
}

function collect(): number {
  setFlagsFromString('--expose-gc')
  const gc: () => void = runInNewContext('gc')
  for (let round = 0; round < 4; round += 1) gc()
  return process.memoryUsage().heapUsed
}

function connections(reactor: VReactor, isWritten: boolean): unknown[] {
  return Array.from({ length: COUNT }, () => {
    const endpoint = new VByteEndpoint(reactor, DEVICE)
    if (isWritten) new VByteWriter(reactor).byteProduce.attach(endpoint.byteConsume)
    endpoint.byteProduce.attach(new Idle(reactor).byteConsume)
    return endpoint
  })
}

it.each([
  ['is read and written to', true, WRITTEN_BYTES],
  ['is read', false, QUIET_BYTES],
])('an idle connection that %s holds little in its ends', async (_, isWritten, boundBytes) => {
  const reactor = new VReactor({ logWatcher: null })
  reactor.start()
  // The code is compiled, and the turns that an attachment asks for have been.
  const held = [connections(reactor, isWritten)]
  await new Promise((later) => setTimeout(later, 50))
  const before = collect()
  held.push(connections(reactor, isWritten))
  await new Promise((later) => setTimeout(later, 50))
  const bytes = (collect() - before) / COUNT
  reactor.stop()
  expect(held.flat()).toHaveLength(2 * COUNT)
  expect(bytes).toBeGreaterThan(boundBytes / 3)
  expect(bytes).toBeLessThan(boundBytes)
})
