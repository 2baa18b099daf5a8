/**
 * The contract of a device: what an endpoint may rely on of the thing that moves its bytes.
 */
import { VFIOCompleted, VFIOLost } from '@vio/reactor'
import type { VPeer } from '../../peer.js'
import type { IVByteDevice } from '../../types.js'
import { VBytePattern, VPatternChecker } from '../pattern.js'
import type { IVContractCase } from './case.js'
import { check, equal } from './check.js'
import type { IVFarEnd } from './endpoint-rig.js'

/** Devices of one kind, ready for a case. */
export interface IVDeviceRig {
  /** A connected device and the other side of its connection. */
  connected(): DeviceAndFar | Promise<DeviceAndFar>
  /** A device that can be connected, if there are such of this kind. */
  connectable?(outcome: 'succeed' | 'refuse'): { readonly device: IVByteDevice; readonly target: VPeer }
  /** Waits until `done`; rejects if that takes too long. */
  until(done: () => boolean): Promise<void>
  /** Waits until nothing happens any more. */
  quiet(): Promise<void>
  /** Releases all it made. */
  close(): void | Promise<void>
}

interface DeviceAndFar {
  readonly device: IVByteDevice
  readonly far: IVFarEnd
}

/** Makes a rig. */
export type VDeviceFactory = () => IVDeviceRig

const PATTERN = new VBytePattern(7)

function deviceCase(
  title: string,
  body: (rig: IVDeviceRig) => Promise<void>,
): IVContractCase<VDeviceFactory> {
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

/** Reads all that comes, up to `total` bytes, checking that they are the pattern. */
async function readAll(rig: IVDeviceRig, device: IVByteDevice, total: number): Promise<void> {
  const checker = new VPatternChecker(PATTERN)
  await rig.until(() => {
    if (device.readable) checker.feed(device.readSome(1000))
    return checker.position >= total
  })
  equal(checker.position, total, 'bytes read')
}

/** Writes until the device takes no more; returns how many bytes it took. */
async function writeUntilFull(rig: IVDeviceRig, device: IVByteDevice): Promise<number> {
  let written = 0
  for (let idle = 0; idle < 3; ) {
    const taken = device.writable ? device.writeSome(PATTERN.take(10_000, written)) : 0
    written += taken
    idle = taken === 0 ? idle + 1 : 0
    await rig.quiet()
  }
  return written
}

async function farReads(rig: IVDeviceRig, far: IVFarEnd, total: number): Promise<void> {
  const checker = new VPatternChecker(PATTERN)
  await rig.until(() => {
    checker.feed(far.read())
    return checker.position >= total
  })
  equal(checker.position, total, 'bytes that the far side read')
}

const READING: readonly IVContractCase<VDeviceFactory>[] = [
  deviceCase('has nothing to read at first, and neither end', async (rig) => {
    const { device } = await rig.connected()
    equal(device.connected, true, 'connected')
    equal(device.readable, false, 'readable')
    equal(device.readSome(10).length, 0, 'what a read gives')
    equal(device.inputEnd, null, 'the end of the input')
    equal(device.outputEnd, null, 'the end of the output')
  }),

  deviceCase('says when there is something to read, and gives no more than it is asked for', async (rig) => {
    const { device, far } = await rig.connected()
    let changes = 0
    device.onReady(() => {
      throw new Error('another function was named since')
    })
    device.onReady(() => {
      changes += 1
    })
    far.write(PATTERN.take(100))
    await rig.until(() => device.readable)
    check(changes > 0, 'it told of the change')
    check(device.readSome(1).length === 1, 'a read of one byte')
    const rest = new VPatternChecker(PATTERN, 1)
    await rig.until(() => {
      if (!device.readable) return rest.position === 100
      const piece = device.readSome(30)
      check(piece.length <= 30, `a read of 30 gave ${piece.length}`)
      rest.feed(piece)
      return rest.position === 100
    })
    equal(device.readable, false, 'readable with nothing left')
  }),

  deviceCase('gives memory that it does not touch again', async (rig) => {
    const { device, far } = await rig.connected()
    far.write(PATTERN.take(50))
    await rig.until(() => device.readable)
    const first = device.readSome(10)
    const kept = Buffer.from(first)
    far.write(Buffer.alloc(50, 0xff))
    await rig.quiet()
    const second = device.readSome(10)
    const before = Buffer.from(second)
    equal(first.equals(kept), true, 'the first piece, after more was read')
    first.fill(0)
    equal(second.equals(before), true, 'the second piece, after the first was written to')
  }),

  deviceCase('tells the end of the input when all was read, and a clean one as such', async (rig) => {
    const { device, far } = await rig.connected()
    far.write(PATTERN.take(100))
    far.end()
    await rig.until(() => device.readable)
    await rig.quiet()
    equal(device.inputEnd, null, 'the end, with bytes left')
    await readAll(rig, device, 100)
    await rig.until(() => device.inputEnd !== null)
    check(device.inputEnd instanceof VFIOCompleted, 'the end is a clean one')
    equal(device.readable, false, 'readable')
    equal(device.outputEnd, null, 'the end of the output')
    check(device.writeSome(Buffer.from('x')) === 1, 'it can be written still')
  }),

  deviceCase(
    'tells a broken connection as another end than a clean one, for both directions',
    async (rig) => {
      const { device, far } = await rig.connected()
      let changes = 0
      device.onReady(() => {
        changes += 1
      })
      far.reset()
      await rig.until(() => device.inputEnd !== null && device.outputEnd !== null)
      check(changes > 0, 'it told of the change')
      check(!(device.inputEnd instanceof VFIOCompleted), 'the end of the input is no clean one')
      check(!(device.outputEnd instanceof VFIOCompleted), 'the end of the output is no clean one')
      equal(device.writable, false, 'writable')
      device.close(new VFIOLost())
    },
  ),

  deviceCase('drops what comes once its input was given up', async (rig) => {
    const { device, far } = await rig.connected()
    far.write(PATTERN.take(10))
    await rig.until(() => device.readable)
    device.closeInput(new VFIOCompleted())
    device.closeInput(new VFIOLost())
    equal(device.readable, false, 'readable')
    far.write(PATTERN.take(10))
    await rig.quiet()
    equal(device.readable, false, 'readable after more was sent')
    check(device.writeSome(PATTERN.take(5)) === 5, 'it can be written still')
    await farReads(rig, far, 5)
  }),
]

const WRITING: readonly IVContractCase<VDeviceFactory>[] = [
  deviceCase('takes what it has room for, and says when there is room again', async (rig) => {
    const { device, far } = await rig.connected()
    const written = await writeUntilFull(rig, device)
    equal(device.writable, false, 'writable')
    equal(device.writeSome(Buffer.from('x')), 0, 'what a write takes')
    let changes = 0
    device.onReady(() => {
      changes += 1
    })
    await farReads(rig, far, written)
    await rig.until(() => device.writable)
    check(changes > 0, 'it told of the change')
    check(device.writeSome(Buffer.from('x')) === 1, 'it takes more')
  }),

  deviceCase('ends its output behind what it took, and says when that is done', async (rig) => {
    const { device, far } = await rig.connected()
    const taken = device.writeSome(PATTERN.take(200))
    device.closeOutput(new VFIOCompleted())
    device.closeOutput(new VFIOLost())
    equal(device.writable, false, 'writable')
    await farReads(rig, far, taken)
    await rig.until(() => far.ended !== 'no' && device.outputEnd !== null)
    equal(far.ended, 'clean', 'the end that the far side saw')
    check(device.outputEnd instanceof VFIOCompleted, 'the end of the output is a clean one')
    equal(device.unflushedBytes, 0, 'bytes that are not flushed')
    far.write(PATTERN.take(50))
    await readAll(rig, device, 50)
  }),

  deviceCase('aborts its output so that the far side sees a loss', async (rig) => {
    const { device, far } = await rig.connected()
    device.writeSome(PATTERN.take(200))
    device.closeOutput(new VFIOLost())
    device.close(new VFIOLost())
    await rig.until(() => {
      far.read()
      return far.ended !== 'no'
    })
    equal(far.ended, 'lost', 'the end that the far side saw')
  }),

  deviceCase('released cleanly, still gets rid of what it took', async (rig) => {
    const { device, far } = await rig.connected()
    const taken = device.writeSome(PATTERN.take(200))
    device.close(new VFIOCompleted())
    device.close(new VFIOLost())
    await farReads(rig, far, taken)
    await rig.until(() => far.ended !== 'no')
    equal(far.ended, 'clean', 'the end that the far side saw')
    equal(device.readable, false, 'readable')
    equal(device.writable, false, 'writable')
  }),
]

const CONNECTING: readonly IVContractCase<VDeviceFactory>[] = [
  deviceCase('moves nothing before it is connected, and knows its peer then', async (rig) => {
    const made = rig.connectable?.('succeed')
    if (made === undefined) return
    const { device, target } = made
    equal(device.connected, false, 'connected')
    equal(device.writable, false, 'writable')
    equal(device.writeSome(Buffer.from('x')), 0, 'what a write takes')
    let changes = 0
    device.onReady(() => {
      changes += 1
    })
    device.connect?.(target)
    equal(device.connected, false, 'connected inside the call')
    await rig.until(() => device.connected)
    check(changes > 0, 'it told of the change')
    check(device.peer?.equals(target) === true, 'its peer')
    equal(device.writable, true, 'writable')
  }),

  deviceCase('tells a connection that was refused as ends of both directions', async (rig) => {
    const made = rig.connectable?.('refuse')
    if (made === undefined) return
    const { device, target } = made
    device.connect?.(target)
    equal(device.inputEnd, null, 'the end inside the call')
    await rig.until(() => device.inputEnd !== null && device.outputEnd !== null)
    equal(device.connected, false, 'connected')
    check(!(device.inputEnd instanceof VFIOCompleted), 'the end is no clean one')
  }),
]

/** What every device has to do. */
export const deviceContract: readonly IVContractCase<VDeviceFactory>[] = [
  ...READING,
  ...WRITING,
  ...CONNECTING,
]
