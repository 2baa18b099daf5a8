/**
 * How an endpoint carries bytes: what it buffers, what it reads, and how the far side is stopped.
 */
import { VByteBuffer } from '../../byte-buffer.js'
import { VBytePattern, VPatternChecker } from '../pattern.js'
import { VProbeConsumer } from '../probe-consumer.js'
import type { IVContractCase } from './case.js'
import { check, equal, sameList } from './check.js'
import {
  endpointCase,
  type IVFarEnd,
  sinkOn,
  sourceOn,
  type VEndpointFactory,
  writeAll,
} from './endpoint-rig.js'

const PATTERN = new VBytePattern(59)

/** Writes a pattern until the way takes no more; returns how much it took. */
async function flood(far: IVFarEnd, quiet: () => Promise<void>, limit: number): Promise<number> {
  let written = 0
  for (let idle = 0; idle < 3 && written < limit; ) {
    const taken = far.write(PATTERN.take(16_384, written))
    written += taken
    idle = taken === 0 ? idle + 1 : 0
    await quiet()
  }
  return written
}

/** A consumer that leaves when bytes come, and takes none. */
class LeavingSink extends VProbeConsumer {
  override consume(): number | null {
    this.detach()
    return 0
  }
}

/** Carrying bytes. */
export const ENDPOINT_FLOW_CASES: readonly IVContractCase<VEndpointFactory>[] = [
  endpointCase(
    'grants its buffer on attachment, and again what leaves it [CR-59 VE-S15]',
    async ({ rig }) => {
      const { near, far } = await rig.connected({ bufferBytes: 1000 })
      const source = sourceOn(rig, near)
      equal(source.limit, 1000, 'the limit on attachment')
      const total = rig.roadBytes + 10_000
      source.feed(new VByteBuffer(PATTERN.take(total)))
      const checker = new VPatternChecker(PATTERN)
      await rig.quiet()
      await rig.until(() => near.bufferedBytes > 0)
      for (let rounds = 0; checker.position < total; rounds += 1) {
        check(rounds < 100_000, 'all bytes arrive some time')
        check(near.bufferedBytes <= 1000, `it buffers ${near.bufferedBytes} of 1000`)
        equal(source.limit, source.produced + 1000 - near.bufferedBytes, 'the limit')
        checker.feed(far.read(1 + (rounds % 3000)))
        await rig.quiet()
      }
      equal(near.bufferedBytes, 0, 'bytes that wait in the end')
    },
  ),

  endpointCase(
    'grants only what its buffer has room for to a producer that comes later [CR-59 CR-12]',
    async ({ rig }) => {
      const { near, far } = await rig.connected({ bufferBytes: 1000 })
      const first = sourceOn(rig, near)
      const total = rig.roadBytes + 500
      first.feed(new VByteBuffer(PATTERN.take(total)))
      await rig.quiet()
      await rig.until(() => near.bufferedBytes > 0)
      const waiting = near.bufferedBytes
      first.detach()
      const second = sourceOn(rig, near, { name: 'second' })
      equal(second.limit, 1000 - waiting, 'the limit of the second producer')
      const given = total - first.queue.length
      second.feed(new VByteBuffer(PATTERN.take(100, given)))
      const checker = new VPatternChecker(PATTERN)
      await rig.until(() => {
        checker.feed(far.read())
        return checker.position >= given + 100
      })
      equal(checker.position, given + 100, 'bytes that arrived')
    },
  ),

  endpointCase(
    'reads only with a consumer that allows it, and stops the far side [CR-60 CR-33]',
    async ({ rig }) => {
      const { near, far } = await rig.connected({ maxReadBytes: 100 })
      const most = rig.roadBytes + 200_000
      const written = await flood(far, () => rig.quiet(), most)
      check(
        written <= rig.roadBytes,
        `without a consumer the way took ${written}, declared are ${rig.roadBytes}`,
      )
      const sink = sinkOn(rig, near, {})
      await rig.quiet()
      equal(sink.received.length, 0, 'bytes that came without a limit')
      sink.grant(70)
      await rig.until(() => sink.received.length === 70)
      await rig.quiet()
      equal(sink.received.length, 70, 'bytes that came under a limit of 70')
      const further = await flood(far, () => rig.quiet(), most)
      // Both together: what the system had not taken in the first time, it may take now.
      const room = rig.roadBytes + 70 + 100
      check(
        written + further <= room,
        `the far side wrote ${written}, and ${further} more although 70 were read: more than ${room}`,
      )
      PATTERN.check(sink.received.pop())
    },
  ),

  endpointCase('reads no more in one turn than it was told [CR-60]', async ({ rig }) => {
    const { near, far } = await rig.connected({ maxReadBytes: 100 })
    await writeAll(rig, far, PATTERN.take(600))
    await rig.quiet()
    const sink = sinkOn(rig, near)
    await rig.until(() => sink.received.length === 600)
    PATTERN.check(sink.received.pop())
    const sizes = rig.log.matching(/^sink\.consume/).map((text) => Number(/\d+/.exec(text)?.[0]))
    check(Math.max(...sizes) <= 100, `the largest read: ${Math.max(...sizes)}`)
  }),

  endpointCase('asks for no more than its consumer allows [CR-60 CR-21]', async ({ rig }) => {
    const { near, far } = await rig.connected()
    const { device } = near
    const asked: number[] = []
    const readSome = device.readSome.bind(device)
    device.readSome = (maxBytes) => {
      asked.push(maxBytes)
      return readSome(maxBytes)
    }
    const answer = ({ consumed }: { consumed: number }): number => consumed + 7
    const sink = sinkOn(rig, near, { grantAtAttach: 3, answer })
    await writeAll(rig, far, PATTERN.take(100))
    await rig.until(() => sink.received.length === 100)
    const sizes = rig.log.matching(/^sink\.consume/).map((text) => Number(/\d+/.exec(text)?.[0]))
    check((sizes[0] ?? 0) <= 3 && Math.max(...sizes) <= 7, `what came: ${sizes.join(' ')}`)
    check(
      (asked[0] ?? 0) <= 3 && Math.max(...asked) <= 7,
      `what the device was asked for: ${asked.join(' ')}`,
    )
    PATTERN.check(sink.received.pop())
  }),

  endpointCase('carries both directions at once, in order [CR-58 VE-30]', async ({ rig }) => {
    const { near, far } = await rig.connected()
    const sink = sinkOn(rig, near)
    const source = sourceOn(rig, near, { portions: [1000, 1, 700] })
    const total = 100_000
    source.feed(new VByteBuffer(PATTERN.take(total)))
    const [out, back] = [new VPatternChecker(PATTERN), new VPatternChecker(PATTERN)]
    let written = 0
    await rig.until(() => {
      written += far.write(PATTERN.take(Math.min(5000, total - written), written))
      out.feed(far.read())
      back.feed(sink.received.pop())
      return out.position === total && back.position === total
    })
  }),

  endpointCase(
    'keeps what it has read when the consumer leaves without taking it [CR-12 CR-13]',
    async ({ rig }) => {
      const { near, far } = await rig.connected()
      const leaving = new LeavingSink({ log: rig.log, grantAtAttach: null })
      near.byteProduce.attach(leaving)
      await writeAll(rig, far, PATTERN.take(100))
      await rig.until(() => leaving.producer === null)
      far.end()
      await rig.quiet()
      const sink = sinkOn(rig, near, { grantAtAttach: 10 })
      await rig.until(() => sink.received.length === 10)
      await rig.quiet()
      equal(sink.ended, null, 'the end, with bytes left')
      sink.grant(null)
      await rig.until(() => sink.ended !== null)
      equal(sink.ended?.clean, true, 'whether the end was clean')
      const all = sink.received.pop()
      sameList([PATTERN.mismatchAt(all), all.length], [-1, 100], 'where the bytes part, and how many came')
    },
  ),

  endpointCase(
    'keeps what the far side sent for a consumer that comes later [CR-12 CR-60]',
    async ({ rig }) => {
      const { near, far } = await rig.connected()
      await writeAll(rig, far, PATTERN.take(600))
      const first = sinkOn(rig, near, { grantAtAttach: 300 })
      await rig.until(() => first.received.length === 300)
      first.detach()
      await rig.quiet()
      const second = sinkOn(rig, near, { name: 'second', grantAtAttach: null })
      await rig.until(() => second.received.length === 300)
      const all = Buffer.concat([first.received.pop(), second.received.pop()])
      sameList([PATTERN.mismatchAt(all), all.length], [-1, 600], 'where the bytes part, and how many came')
    },
  ),
]
