/**
 * `VByteIntake` and `VByteOutlet`: the contract of a consumer and of a producer, and what their owners are told.
 */
import { emptyControl, type IVByteIntakeOwner, VByteIntake, VByteOutlet, VIOClosed } from '@vio/io'
import {
  BYTE_UNITS,
  consumerContract,
  type IVConsumerSetup,
  type IVConsumerSubject,
  type IVProducerSubject,
  producerContract,
  VProbeConsumer,
  type VProbeEnd,
  VProbeProducer,
  VTestBench,
} from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runSuite } from '../../lib/run-suite.js'
import { runningReactor } from '../support.js'

/** An owner that takes out what it is told to, and finishes with an end when nothing is left. */
class Taker implements IVByteIntakeOwner {
  readonly bench = new VTestBench()
  readonly intake: VByteIntake
  readonly ends: VProbeEnd[] = []
  readonly got: number[] = []
  fail: Error | undefined
  allowed: number
  #takes: boolean
  readonly #setup: IVConsumerSetup

  constructor(setup: IVConsumerSetup) {
    this.#setup = setup
    this.#takes = setup.limit === null
    this.allowed = setup.limit ?? Number.POSITIVE_INFINITY
    this.intake = new VByteIntake(this.bench.reactor, this, this.allowed)
  }

  attached(): void {
    this.bench.log.add('subject.producerAttached()')
  }

  arrived(): void {
    this.#setup.onTaken?.()
    if (this.fail !== undefined) throw this.fail
    if (this.#takes) this.take()
  }

  ended(): void {
    this.bench.log.add(`subject.dataEnded(${this.intake.end?.clean})`)
    this.#finish()
  }

  aborted(): void {
    this.bench.log.add('subject.consumerAborted()')
  }

  control(): ReturnType<typeof emptyControl> {
    return emptyControl()
  }

  take(): void {
    this.got.push(...this.intake.buffer.pop())
    this.intake.taken()
    this.#finish()
  }

  drain(): number[] {
    this.#takes = true
    this.take()
    this.intake.allow(Number.POSITIVE_INFINITY)
    this.bench.settle()
    return this.got
  }

  #finish(): void {
    const { end, buffer } = this.intake
    if (end === null || buffer.length > 0 || this.ends.length > 0) return
    this.ends.push(end)
    this.intake.finish()
  }
}

function intakeSubject(setup: IVConsumerSetup): IVConsumerSubject {
  const owner = new Taker(setup)
  return {
    side: 'consumer',
    bench: owner.bench,
    end: owner.intake,
    again: () => owner.intake,
    units: BYTE_UNITS,
    hooks: ['producerAttached', 'dataEnded'],
    controlName: null,
    closedError: 'VIOClosed',
    ends: owner.ends,
    raise: (count) => {
      owner.allowed += count
      owner.intake.allow(owner.allowed)
    },
    drain: () => owner.drain(),
    failNext: (error) => {
      owner.fail = error
    },
  }
}

function outletSubject(): IVProducerSubject {
  const bench = new VTestBench()
  const outlet: VByteOutlet = new VByteOutlet(bench.reactor, {
    attached: () => bench.log.add('subject.consumerAttached()'),
    moved: () => undefined,
    aborted: () => bench.log.add('subject.producerAborted()'),
    control: emptyControl,
  })
  let next = 0
  return {
    side: 'producer',
    bench,
    end: outlet,
    again: () => outlet,
    units: BYTE_UNITS,
    hooks: ['consumerAttached', 'producerAborted'],
    controlName: null,
    give: (count) => {
      outlet.write(BYTE_UNITS.make(next, count).popList())
      next += count
    },
    finish: (clean, reason) => outlet.finish(clean, reason),
    failNext: () => undefined,
  }
}

runSuite('VByteIntake', consumerContract, intakeSubject)
runSuite('VByteOutlet', producerContract, outletSubject, {
  'failing, it takes the chain down': 'an outlet asks nobody for units, so nothing of its own can fail',
})

describe('VByteIntake', () => {
  it('keeps what came before an end although the chain is taken down', () => {
    const owner = new Taker({ limit: 10 })
    const source = new VProbeProducer({ reactor: owner.bench.reactor })
    owner.intake.attach(source)
    source.feed(BYTE_UNITS.make(0, 4))
    source.end()
    owner.bench.settle()
    source.abort(new Error('torn down'))
    expect(owner.intake.buffer.length).toBe(4)
    expect(owner.drain()).toEqual([0, 1, 2, 3])
  })

  it('grants small room together, and any room to a producer that has none', () => {
    const owner = new Taker({ limit: 100 })
    const source = new VProbeProducer()
    owner.intake.attach(source)
    source.send(BYTE_UNITS.make(0, 60))
    expect(source.credit).toBe(40)
    owner.intake.buffer.remove(9)
    owner.intake.taken()
    expect(source.credit).toBe(40)
    owner.intake.buffer.remove(41)
    owner.intake.taken()
    expect(source.credit).toBe(90)
    source.send(BYTE_UNITS.make(0, 90))
    owner.intake.buffer.remove(1)
    owner.intake.taken()
    expect(source.credit).toBe(1)
  })

  it('refuses an allowance that is none', () => {
    const owner = new Taker({ limit: 1 })
    for (const bytes of [-1, 0.5, Number.NaN, null as unknown as number])
      expect(() => owner.intake.allow(bytes)).toThrow(RangeError)
  })
})

describe('VByteOutlet', () => {
  it('takes nothing more after its end, and says so', () => {
    const { reactor, host } = runningReactor()
    const events: string[] = []
    const outlet = new VByteOutlet(reactor, {
      attached: () => undefined,
      moved: () => void events.push('moved'),
      aborted: (reason, afterEnd) => void events.push(`aborted(${reason?.message}, ${afterEnd})`),
      control: emptyControl,
    })
    const sink = new VProbeConsumer({ grantAtAttach: 3 })
    expect(outlet.write([Buffer.from('ab')])).toBe(false)
    outlet.finish(true)
    expect(outlet.ending).toBe(true)
    expect(outlet.write([Buffer.from('c')])).toBe(false)
    outlet.attach(sink)
    host.runUntilIdle()
    expect(events).toEqual(['moved', 'aborted(undefined, true)'])
    expect(sink.received.pop().toString()).toBe('ab')
    expect(outlet.totalBytes).toBe(2)
    outlet.abort(new VIOClosed('late'))
    expect(events).toHaveLength(2)
  })
})
