/**
 * How the directions of an endpoint end: by the far side, by its chains, by itself.
 */
import { VFIOCompleted, VFIOLost } from '@vio/reactor'
import { VByteBuffer } from '../../byte-buffer.js'
import type { VEndpointOptions } from '../../chain/endpoint-terms.js'
import { VHalfClose, VHalfCloseInput, VHalfCloseOutput, VNoHalfClose } from '../../half-close.js'
import { VBytePattern, VPatternChecker } from '../pattern.js'
import { VProbeConsumer } from '../probe-consumer.js'
import { VProbeProducer } from '../probe-producer.js'
import type { IVContractCase } from './case.js'
import { check, equal } from './check.js'
import {
  endpointCase,
  type IVConnected,
  type IVEndpointRig,
  sinkOn,
  sourceOn,
  type VEndpointFactory,
  writeAll,
} from './endpoint-rig.js'

const PATTERN = new VBytePattern(63)

interface Ends extends IVConnected {
  readonly sink: VProbeConsumer
  readonly source: VProbeProducer
}

/** A connected end with a probe at each half. */
async function chained(rig: IVEndpointRig, options: VEndpointOptions = {}): Promise<Ends> {
  const connected = await rig.connected(options)
  return { ...connected, sink: sinkOn(rig, connected.near), source: sourceOn(rig, connected.near) }
}

/** Waits until the far side has read all up to the end; checks the bytes and returns how many they were. */
async function readAll(rig: IVEndpointRig, { far }: IVConnected): Promise<number> {
  const checker = new VPatternChecker(PATTERN)
  await rig.until(() => {
    checker.feed(far.read())
    return far.ended !== 'no'
  })
  return checker.position
}

const FAR_ENDS: readonly IVContractCase<VEndpointFactory>[] = [
  endpointCase(
    'tells a clean end when the far side ends, behind its data [CR-61 CR-36 VE-S17]',
    async ({ rig }) => {
      const { near, far } = await rig.connected()
      await writeAll(rig, far, PATTERN.take(500))
      far.end()
      await rig.quiet()
      const sink = sinkOn(rig, near, { grantAtAttach: 100 })
      await rig.until(() => sink.received.length === 100)
      await rig.quiet()
      equal(sink.ended, null, 'the end, with data left')
      sink.grant(500)
      await rig.until(() => sink.ended !== null)
      equal(sink.received.length, 500, 'bytes that came')
      equal(sink.ended?.clean, true, 'whether the end was clean')
      equal(sink.ended?.reason, undefined, 'the reason of a clean end')
    },
  ),

  endpointCase(
    'tells an unclean end when the connection breaks, to both chains [CR-61 VE-S17]',
    async ({ rig }) => {
      const { far, sink, source } = await chained(rig)
      await rig.quiet()
      far.reset()
      await rig.until(() => sink.ended !== null && source.aborted !== null)
      equal(sink.ended?.clean, false, 'whether the end was clean')
      check(sink.ended?.reason instanceof Error, 'the end has a reason')
      check(source.aborted?.reason instanceof Error, 'the abort of the output has a reason')
    },
  ),

  endpointCase(
    'closes its input as lost when its consumer throws [CR-38 CR-61]',
    async ({ rig, ...given }) => {
      given.expectFailures()
      const { near, far } = await rig.connected()
      const hooks = {
        received: () => {
          throw new Error('cannot take this')
        },
      }
      const sink = sinkOn(rig, near, { grantAtAttach: null, hooks })
      await writeAll(rig, far, PATTERN.take(10))
      await rig.until(() => sink.aborted !== null)
      await rig.quiet()
      equal(sink.ended, null, 'the end')
      equal(near.byteProduce.consumer, null, 'who is attached')
      check(rig.failures().length > 0, 'the failure was logged')
      near.closeOutput(new VFIOCompleted())
      await rig.until(() => near.closed)
    },
  ),
]

/** Policies, and whether an input or an output may close alone under them. */
const POLICIES = [
  [new VHalfClose(), true, true],
  [new VHalfCloseInput(), true, false],
  [new VHalfCloseOutput(), false, true],
  [new VNoHalfClose(), false, false],
] as const

const HALVES: readonly IVContractCase<VEndpointFactory>[] = [
  endpointCase(
    'closes its output with its input, unless the policy lets that close alone [CR-62]',
    async ({ rig }) => {
      for (const [halfClosePolicy, halfIn] of POLICIES) {
        const ends = await chained(rig, { halfClosePolicy })
        const what = `under ${halfClosePolicy.constructor.name}`
        ends.far.end()
        await rig.until(() => ends.sink.ended !== null)
        await rig.quiet()
        equal(ends.source.aborted === null, halfIn, `whether the output goes on ${what}`)
        if (halfIn) {
          ends.source.feed(new VByteBuffer(PATTERN.take(100)))
          ends.source.end()
        }
        equal(await readAll(rig, ends), halfIn ? 100 : 0, `bytes that the far side got ${what}`)
        equal(ends.far.ended, 'clean', `the end that the far side saw ${what}`)
        await rig.until(() => ends.near.closed)
      }
    },
  ),

  endpointCase(
    'closes its input with its output, unless the policy lets that close alone [CR-62]',
    async ({ rig }) => {
      for (const [halfClosePolicy, , halfOut] of POLICIES) {
        const ends = await chained(rig, { halfClosePolicy })
        const what = `under ${halfClosePolicy.constructor.name}`
        ends.source.end()
        await readAll(rig, ends)
        await rig.quiet()
        equal(ends.sink.ended === null, halfOut, `whether the input goes on ${what}`)
        if (halfOut) {
          await writeAll(rig, ends.far, PATTERN.take(100))
          ends.far.end()
          await rig.until(() => ends.sink.ended !== null)
          equal(ends.sink.received.length, 100, `bytes that came ${what}`)
        }
        await rig.until(() => ends.near.closed)
      }
    },
  ),

  endpointCase(
    'writes what waits before it closes its output with its input [CR-62 CR-63]',
    async ({ rig }) => {
      const ends = await chained(rig, { halfClosePolicy: new VNoHalfClose(), bufferBytes: 1000 })
      ends.source.feed(new VByteBuffer(PATTERN.take(rig.roadBytes + 500)))
      await rig.quiet()
      await rig.until(() => ends.near.bufferedBytes > 0)
      const given = ends.source.produced
      ends.far.end()
      await rig.until(() => ends.sink.ended !== null)
      equal(await readAll(rig, ends), given, 'bytes that the far side got')
      equal(ends.far.ended, 'clean', 'the end that the far side saw')
    },
  ),
]

const OWN_ENDS: readonly IVContractCase<VEndpointFactory>[] = [
  endpointCase(
    'writes what waits, then ends the output, then tells its producer [CR-63 CR-35]',
    async ({ rig }) => {
      const ends = await chained(rig, { bufferBytes: 1000 })
      const total = rig.roadBytes + 900
      ends.source.feed(new VByteBuffer(PATTERN.take(total)))
      ends.source.end()
      await rig.quiet()
      await rig.until(() => ends.near.bufferedBytes > 0)
      equal(ends.source.aborted, null, 'the abort that says it is done, with bytes left')
      equal(ends.far.ended, 'no', 'the end that the far side saw, with bytes left')
      equal(await readAll(rig, ends), total, 'bytes that the far side got')
      equal(ends.far.ended, 'clean', 'the end that the far side saw')
      await rig.until(() => ends.source.aborted !== null)
      equal(ends.source.aborted?.reason, undefined, 'the reason of what went well')
      equal(ends.sink.ended, null, 'the end of the input')
    },
  ),

  endpointCase('never connected, closes as a whole when its output is ended [CR-63]', async ({ rig }) => {
    const { near } = rig.connectable('succeed')
    const [sink, source] = [sinkOn(rig, near), sourceOn(rig, near)]
    source.end()
    await rig.until(() => near.closed)
    await rig.until(() => source.aborted !== null && sink.aborted !== null)
    check(sink.ended !== null, 'the input was told an end')
  }),

  endpointCase(
    'drops what waits when its output is aborted, and the far side sees no clean end [CR-37 CR-61]',
    async ({ rig }) => {
      const ends = await chained(rig, { bufferBytes: 1000 })
      ends.source.feed(new VByteBuffer(PATTERN.take(rig.roadBytes + 900)))
      await rig.quiet()
      ends.source.abort(new Error('no more of this'))
      equal(ends.near.bufferedBytes, 0, 'bytes that wait')
      ends.near.closeInput(new VFIOLost())
      const got = await readAll(rig, ends)
      check(got <= rig.roadBytes, `bytes that the far side got: ${got}`)
      equal(ends.far.ended, 'lost', 'the end that the far side saw')
    },
  ),

  endpointCase(
    'drops what waits when it is aborted behind a clean end, which then is none [CR-37 CR-61]',
    async ({ rig }) => {
      for (const from of ['chain', 'endpoint'] as const) {
        const ends = await chained(rig, { bufferBytes: 1000 })
        ends.source.feed(new VByteBuffer(PATTERN.take(rig.roadBytes + 900)))
        ends.source.end()
        await rig.quiet()
        await rig.until(() => ends.near.bufferedBytes > 0)
        if (from === 'chain') ends.source.abort(new Error('no more of this'))
        else ends.near.closeIO(new VFIOLost())
        await rig.quiet()
        equal(ends.near.bufferedBytes, 0, `bytes that wait, aborted by the ${from}`)
        ends.near.closeIO(new VFIOLost())
        await readAll(rig, ends)
        equal(ends.far.ended, 'lost', `the end that the far side saw, aborted by the ${from}`)
      }
    },
  ),

  endpointCase('closed cleanly writes what waits; closed as lost drops it [CR-63 CR-61]', async ({ rig }) => {
    for (const clean of [true, false]) {
      const ends = await chained(rig, { bufferBytes: 1000 })
      ends.source.feed(new VByteBuffer(PATTERN.take(rig.roadBytes + 900)))
      await rig.quiet()
      await rig.until(() => ends.near.bufferedBytes > 0)
      const given = ends.source.produced
      ends.near.closeIO(clean ? new VFIOCompleted() : new VFIOLost())
      await rig.until(() => ends.sink.ended !== null && ends.source.aborted !== null)
      equal(ends.sink.ended?.clean, clean, 'whether the end of the input was clean')
      const got = await readAll(rig, ends)
      if (clean) equal(got, given, 'bytes that the far side got')
      else check(got <= rig.roadBytes, `bytes that the far side got: ${got}`)
      equal(ends.far.ended, clean ? 'clean' : 'lost', 'the end that the far side saw')
      check(ends.near.closed, 'the endpoint is closed')
    }
  }),

  endpointCase(
    'closed, takes down what is attached to it, on a later turn, without an end [CR-64 VE-S19]',
    async ({ rig }) => {
      for (const reason of [new VFIOCompleted(), new VFIOLost()]) {
        const { near } = await rig.connected()
        near.closeIO(reason)
        await rig.until(() => near.closed)
        await rig.quiet()
        const sink = new VProbeConsumer({ log: rig.log, name: 'late' })
        const source = new VProbeProducer({ log: rig.log, reactor: rig.reactor })
        near.byteProduce.attach(sink)
        near.byteConsume.attach(source)
        equal(sink.producer, near.byteProduce, 'who is attached to the consumer')
        equal(source.consumer, near.byteConsume, 'who is attached to the producer')
        equal(source.limit, 0, 'the limit of the producer')
        near.byteProduce.control.reqProducerState(sink)
        await rig.until(() => sink.aborted !== null && source.aborted !== null)
        equal(sink.ended, null, 'the end')
        check(rig.log.count('late.control.connected()') > 0, 'it still says what it was connected to')
      }
    },
  ),

  endpointCase(
    'closed, still writes what waits when a producer comes late [CR-63 CR-64]',
    async ({ rig }) => {
      const connected = await rig.connected({ bufferBytes: 1000 })
      const { near } = connected
      const first = sourceOn(rig, near)
      first.feed(new VByteBuffer(PATTERN.take(rig.roadBytes + 900)))
      await rig.quiet()
      await rig.until(() => near.bufferedBytes > 0)
      const given = first.produced
      first.detach()
      near.closeIO(new VFIOCompleted())
      const late = sourceOn(rig, near, { name: 'late' })
      await rig.until(() => late.aborted !== null)
      equal(await readAll(rig, connected), given, 'bytes that the far side got')
      equal(connected.far.ended, 'clean', 'the end that the far side saw')
    },
  ),
]

/** Ends. */
export const ENDPOINT_CLOSE_CASES: readonly IVContractCase<VEndpointFactory>[] = [
  ...FAR_ENDS,
  ...HALVES,
  ...OWN_ENDS,
]
