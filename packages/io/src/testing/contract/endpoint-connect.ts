/**
 * How an endpoint connects, and what it tells its chain of it.
 */
import { VIOError } from '@vio/reactor'
import { VByteBuffer } from '../../byte-buffer.js'
import { VByteTap } from '../../filter/tap.js'
import { VProbeConsumer } from '../probe-consumer.js'
import type { IVContractCase } from './case.js'
import { check, equal, throwsA } from './check.js'
import { endpointCase, sinkOn, sourceOn, type VEndpointFactory } from './endpoint-rig.js'

const CONNECTED = 'sink.control.connected()'

const ASKING: readonly IVContractCase<VEndpointFactory>[] = [
  endpointCase('asks its chain once, before it connects, with the address [CR-44]', async ({ rig }) => {
    const { near, target, attempts } = rig.connectable('succeed')
    const seen: unknown[] = []
    const canConnect = (peer: unknown): boolean => seen.push(peer, attempts()) > 0
    const sink = sinkOn(rig, near, { handlers: { canConnect }, grantAtAttach: null })
    equal(near.connect(target), true, 'what connect gave back')
    await rig.until(() => rig.log.count(CONNECTED) > 0)
    await rig.quiet()
    equal(seen.length, 2, 'twice the times that it was asked')
    check(target.equals(seen[0]), 'it was asked with the address')
    equal(seen[1], 0, 'attempts when it was asked')
    equal(attempts(), 1, 'attempts in the end')
    equal(sink.producer, near.byteProduce, 'who is attached')
  }),

  endpointCase(
    'does not connect when its chain says no, and is closed as lost [CR-44 CR-52 VE-75]',
    async ({ rig }) => {
      const { near, target, attempts } = rig.connectable('succeed')
      const sink = sinkOn(rig, near, { handlers: { canConnect: () => false } })
      const source = sourceOn(rig, near)
      equal(near.connect(target), false, 'what connect gave back')
      await rig.until(() => sink.aborted !== null && source.aborted !== null)
      equal(attempts(), 0, 'attempts')
      equal(sink.ended?.clean, false, 'whether the end was clean')
      check(near.closed && !near.wasConnected, 'the endpoint is closed and was never connected')
    },
  ),

  endpointCase(
    'takes a chain for a no that throws or does not say true [CR-44 CR-52]',
    async ({ rig, ...given }) => {
      given.expectFailures()
      const broken = (): never => {
        throw new Error('the handler is broken')
      }
      for (const canConnect of [broken, () => 1 as never, () => undefined as never]) {
        const { near, target, attempts } = rig.connectable('succeed')
        const sink = sinkOn(rig, near, { handlers: { canConnect } })
        equal(near.connect(target), false, 'what connect gave back')
        await rig.until(() => sink.ended !== null)
        equal(attempts(), 0, 'attempts')
        equal(sink.ended?.clean, false, 'whether the end was clean')
      }
      await rig.quiet()
      check(rig.failures().length > 0, 'the failure was logged')
    },
  ),

  endpointCase('connects when nobody is there to ask, or nobody answers [CR-43 CR-44]', async ({ rig }) => {
    for (const attached of [false, true]) {
      const { near, target, attempts } = rig.connectable('succeed')
      if (attached) sinkOn(rig, near, { mute: true })
      equal(near.connect(target), true, 'what connect gave back')
      await rig.until(() => near.wasConnected)
      equal(attempts(), 1, 'attempts')
    }
  }),

  endpointCase('connects once, if it can at all', async ({ rig }) => {
    const { near, target } = rig.connectable('hang')
    near.connect(target)
    throwsA(() => near.connect(target), VIOError, 'connecting while it connects')
    const done = rig.connectable('succeed')
    throwsA(() => done.near.connect({} as never), TypeError, 'connecting to what is no peer')
    done.near.connect(done.target)
    await rig.until(() => done.near.wasConnected)
    throwsA(() => done.near.connect(done.target), VIOError, 'connecting what is connected')
  }),

  endpointCase(
    'that is refused ends its chain uncleanly, and throws nothing [CR-61 VE-S18]',
    async ({ rig }) => {
      const { near, target } = rig.connectable('refuse')
      const sink = sinkOn(rig, near)
      const source = sourceOn(rig, near)
      equal(near.connect(target), true, 'what connect gave back')
      equal(sink.ended, null, 'the end, inside the call of connect')
      await rig.until(() => sink.aborted !== null && source.aborted !== null)
      equal(sink.ended?.clean, false, 'whether the end was clean')
      check(sink.ended?.reason instanceof Error, 'the end has a reason')
      equal(rig.log.count(CONNECTED), 0, 'times that it told of a connection')
      check(!near.wasConnected, 'it was never connected')
    },
  ),
]

const TELLING: readonly IVContractCase<VEndpointFactory>[] = [
  endpointCase(
    'tells of its connection on a later turn, never inside connect or attach [CR-45]',
    async ({ rig }) => {
      const { near, target } = rig.connectable('succeed')
      sinkOn(rig, near)
      near.connect(target)
      equal(rig.log.count(CONNECTED), 0, 'times that it told inside connect')
      await rig.until(() => rig.log.count(CONNECTED) === 1)
      const other = await rig.connected()
      sinkOn(rig, other.near)
      equal(rig.log.count(CONNECTED), 1, 'times that it told inside attach')
      await rig.until(() => rig.log.count(CONNECTED) === 2)
      await rig.quiet()
      equal(rig.log.count(CONNECTED), 2, 'times that it told of two connections')
    },
  ),

  endpointCase('tells of its connection before any data of it [CR-45]', async ({ rig }) => {
    const { near, far } = await rig.connected()
    far.write(Buffer.from('early'))
    await rig.quiet()
    const sink = sinkOn(rig, near)
    await rig.until(() => sink.received.length === 5)
    const first = rig.log.events.find((text) => text === CONNECTED || text.startsWith('sink.consume'))
    equal(first, CONNECTED, 'what came first')
    const peer = sink.messages.find(({ name }) => name === 'connected')?.args[0]
    check(near.peer?.equals(peer) === true, 'it told of the peer that it has')
  }),

  endpointCase('tells each consumer that comes, and the same one again [CR-46 CR-48]', async ({ rig }) => {
    const { near } = await rig.connected()
    const first = sinkOn(rig, near)
    await rig.until(() => rig.log.count(CONNECTED) === 1)
    first.detach()
    first.attach(near.byteProduce)
    await rig.until(() => rig.log.count(CONNECTED) === 2)
    first.detach()
    const second = sinkOn(rig, near, { name: 'second', grantAtAttach: null })
    await rig.until(() => rig.log.count('second.control.connected()') === 1)
    second.detach()
    first.attach(near.byteProduce)
    await rig.until(() => rig.log.count(CONNECTED) === 3)
  }),

  endpointCase(
    'asked for its state, answers later to the control that was given [CR-47 CR-46]',
    async ({ rig }) => {
      const { near } = await rig.connected()
      const sink = sinkOn(rig, near)
      await rig.until(() => rig.log.count(CONNECTED) === 1)
      const asker = new VProbeConsumer({ log: rig.log, name: 'asker' })
      const { control } = near.byteProduce
      equal(control.reqProducerState(asker), undefined, 'what reqProducerState gave back')
      equal(rig.log.count('asker.control.connected()'), 0, 'times that it answered inside the call')
      control.reqProducerState(sink)
      await rig.until(() => rig.log.count('asker.control.connected()') === 1)
      await rig.until(() => rig.log.count(CONNECTED) === 2)
      await rig.quiet()
      equal(rig.log.count('asker.control.connected()'), 1, 'times that it answered')
    },
  ),

  endpointCase('asked for its state without a connection, says nothing [CR-47]', async ({ rig }) => {
    const { near, target } = rig.connectable('hang')
    const asker = new VProbeConsumer({ log: rig.log, name: 'asker' })
    near.byteProduce.control.reqProducerState(asker)
    near.connect(target)
    near.byteProduce.control.reqProducerState(asker)
    await rig.quiet()
    equal(rig.log.count('asker.control.connected()'), 0, 'times that it answered')
  }),

  endpointCase(
    'is asked by a consumer that came late, through what stands between [CR-48 CR-47]',
    async ({ rig }) => {
      const { near } = await rig.connected()
      const tap = new VByteTap(rig.reactor)
      tap.byteConsume.attach(near.byteProduce)
      await rig.quiet()
      const late: VProbeConsumer = new VProbeConsumer({
        log: rig.log,
        name: 'late',
        handlers: {
          notifyProducerAttached: () => {
            rig.reactor.schedule(0, () => tap.byteProduce.control.reqProducerState(late))
          },
        },
      })
      late.attach(tap.byteProduce)
      equal(rig.log.count('late.control.connected()'), 0, 'times that it was told inside attach')
      await rig.until(() => rig.log.count('late.control.connected()') === 1)
    },
  ),

  endpointCase(
    'may be told to wait: a consumer that grants nothing until it is connected [CR-51]',
    async ({ rig }) => {
      const { near, target, far } = rig.connectable('succeed')
      const sink: VProbeConsumer = sinkOn(rig, near, { handlers: { connected: () => sink.grantMore(3) } })
      const source = sourceOn(rig, near)
      source.feed(new VByteBuffer(Buffer.from('hello')))
      near.connect(target)
      await rig.until(() => near.wasConnected)
      far().write(Buffer.from('world'))
      await rig.until(() => sink.received.length === 3)
      await rig.quiet()
      equal(sink.received.length, 3, 'bytes that came')
      let got = ''
      await rig.until(() => {
        got += far().read().toString()
        return got.length >= 5
      })
      equal(got, 'hello', 'what the far side got')
    },
  ),
]

/** Connecting. */
export const ENDPOINT_CONNECT_CASES: readonly IVContractCase<VEndpointFactory>[] = [...ASKING, ...TELLING]
