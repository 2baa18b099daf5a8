/**
 * Which directions of a `VByteEndpoint` close together: every policy, every order, and every way a direction can end.
 */
import { VByteBuffer, VByteEndpoint, VFIOCompleted, VFIOLost, VHalfClosePolicy, VIOLost } from '@vio/io'
import { createDevicePair, type VDevicePairOptions, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { runningReactor } from '../support.js'

function probed(policy: VHalfClosePolicy, options: VDevicePairOptions = {}) {
  const made = runningReactor()
  const pair = createDevicePair({ reactor: made.reactor, ...options })
  const end = new VByteEndpoint(made.reactor, pair.a, { halfClosePolicy: policy })
  const source = new VProbeProducer({ reactor: made.reactor, mute: true })
  const sink = new VProbeConsumer({ grantAtAttach: null, mute: true })
  source.attach(end.byteConsume)
  sink.attach(end.byteProduce)
  made.host.runUntilIdle()
  return { ...made, pair, end, far: pair.b, source, sink }
}

type Probed = ReturnType<typeof probed>

/** True while bytes still pass in that direction. */
function inputWorks({ host, far, sink }: Probed): boolean {
  far.writeSome(Buffer.from('in'))
  host.runUntilIdle()
  return sink.received.pop().length === 2
}

function outputWorks({ host, far, source }: Probed): boolean {
  if (source.closed) return false
  source.feed(new VByteBuffer(Buffer.from('out')))
  host.runUntilIdle()
  return far.readSome(9).length === 3
}

const FLAGS = [
  [true, true],
  [true, false],
  [false, true],
  [false, false],
] as const

const REASONS = [
  ['clean', (): VFIOCompleted => new VFIOCompleted()],
  ['lost', (): VFIOLost => new VFIOLost(new VIOLost('given up'))],
] as const

/** The ways an input can close, and whether the chain hears of an end. */
const INPUT_CLOSES: readonly (readonly [string, (made: Probed) => void])[] = [
  ['by hand', ({ end }) => void end.closeInput(new VFIOCompleted())],
  ['by hand as lost', ({ end }) => void end.closeInput(new VFIOLost())],
  ['by the other side', ({ far }) => far.closeOutput(new VFIOCompleted())],
  ['by an abort of the chain', ({ sink }) => sink.abort()],
]

const OUTPUT_CLOSES: readonly (readonly [string, (made: Probed) => void])[] = [
  ['by hand', ({ end }) => void end.closeOutput(new VFIOCompleted())],
  ['by hand as lost', ({ end }) => void end.closeOutput(new VFIOLost())],
  ['by the end of the chain', ({ source }) => source.end()],
  ['by an unclean end of the chain', ({ source }) => source.end(false)],
  ['by an abort of the chain', ({ source }) => source.abort()],
]

describe.each(FLAGS)('with halfIn %s and halfOut %s', (halfIn, halfOut) => {
  const policy = new VHalfClosePolicy(halfIn, halfOut)

  it.each(INPUT_CLOSES)(
    'the input closed %s closes the output as the policy says [VE-100] [CR-62]',
    (_how, close) => {
      const made = probed(policy)
      const { host, end, pair, source, sink } = made
      close(made)
      host.runUntilIdle()
      expect([inputWorks(made), outputWorks(made)]).toEqual([false, halfIn])
      expect(end.closed).toBe(!halfIn)
      expect([sink.closed, source.aborted !== null]).toEqual([true, !halfIn])
      expect(pair.a.closed !== null).toBe(!halfIn)
      // Then the other one, after which all is closed whatever the policy.
      end.closeOutput(new VFIOCompleted())
      host.runUntilIdle()
      expect([end.closed, pair.a.closed !== null, source.aborted !== null]).toEqual([true, true, true])
      expect(pair.a.calls.filter((call) => call.startsWith('close('))).toHaveLength(1)
    },
  )

  it.each(OUTPUT_CLOSES)(
    'the output closed %s closes the input as the policy says [VE-101] [CR-62]',
    (_how, close) => {
      const made = probed(policy)
      const { host, end, pair, source, sink } = made
      close(made)
      host.runUntilIdle()
      expect([outputWorks(made), inputWorks(made)]).toEqual([false, halfOut])
      expect(end.closed).toBe(!halfOut)
      expect([source.aborted !== null, sink.closed]).toEqual([true, !halfOut])
      expect(pair.a.closed !== null).toBe(!halfOut)
      end.closeInput(new VFIOCompleted())
      host.runUntilIdle()
      expect([end.closed, pair.a.closed !== null, sink.closed]).toEqual([true, true, true])
      expect(pair.a.calls.filter((call) => call.startsWith('close('))).toHaveLength(1)
    },
  )

  it.each(REASONS)('the chains hear the reason: %s [VE-100] [VE-101] [VE-S17]', (name, reasonOf) => {
    const [byInput, byOutput] = [probed(policy), probed(policy)]
    const reason = reasonOf()
    const clean = name === 'clean'
    byInput.end.closeInput(reason)
    expect(byInput.sink.ended).toEqual({ clean, reason: clean ? undefined : reason.value })
    const heard = clean ? { reason: undefined } : { reason: reason.value }
    expect(byInput.source.aborted).toEqual(halfIn ? null : heard)
    byOutput.end.closeOutput(reason)
    expect(byOutput.source.aborted).toEqual(heard)
    expect(byOutput.sink.ended).toEqual(halfOut ? null : { clean, reason: heard.reason })
  })

  it('a connection that is lost releases its device, though nobody asked for the output [VE-101]', () => {
    const { host, reactor } = runningReactor()
    const pair = createDevicePair({ reactor })
    const end = new VByteEndpoint(reactor, pair.a, { halfClosePolicy: policy })
    const sink = new VProbeConsumer({ mute: true })
    sink.attach(end.byteProduce)
    host.runUntilIdle()
    pair.a.fail(new VFIOLost(new VIOLost('reset')))
    host.runUntilIdle()
    expect([end.closed, pair.a.closed, sink.ended]).toEqual([
      true,
      expect.any(VFIOLost),
      { clean: false, reason: expect.objectContaining({ message: 'reset' }) },
    ])
  })

  it('the output closed before there was a connection closes all [VE-101] [CR-63]', () => {
    const { host, end, pair, sink, source } = probed(policy, { connect: 'hang' })
    source.end()
    host.runUntilIdle()
    expect([end.closed, pair.a.closed !== null, sink.closed]).toEqual([true, true, true])
  })

  it('the input closed before there was a connection leaves the output by the policy [VE-100]', () => {
    const { end, pair } = probed(policy, { connect: 'hang' })
    end.closeInput(new VFIOCompleted())
    expect([end.closed, pair.a.closed !== null]).toEqual([!halfIn, !halfIn])
  })

  it('is followed as it is at the time of closing [VE-27]', () => {
    const [input, output] = [probed(policy), probed(policy)]
    for (const { end } of [input, output]) end.halfClosePolicy = new VHalfClosePolicy(!halfIn, !halfOut)
    input.end.closeInput(new VFIOCompleted())
    output.end.closeOutput(new VFIOCompleted())
    expect([input.end.closed, output.end.closed]).toEqual([halfIn, halfOut])
  })
})

describe('what waits to be written', () => {
  /** An endpoint whose device has taken two bytes of six and takes no more until they are read. */
  function waiting(policy: VHalfClosePolicy): Probed {
    const made = probed(policy, { b: { capacityBytes: 2 } })
    made.source.feed(new VByteBuffer(Buffer.from('abcdef')))
    made.host.runUntilIdle()
    return made
  }

  function readAll({ host, far }: Probed): string {
    let text = ''
    for (let at = 0; at < 5; at += 1) {
      text += far.readSome(9).toString()
      host.runUntilIdle()
    }
    return text
  }

  it('leaves before a clean close is carried out, in the other direction too [VE-100] [VE-101] [CR-63]', () => {
    for (const close of [
      ({ end }: Probed) => end.closeInput(new VFIOCompleted()),
      ({ end }: Probed) => end.closeOutput(new VFIOCompleted()),
      ({ end }: Probed) => end.closeIO(new VFIOCompleted()),
    ]) {
      const made = waiting(new VHalfClosePolicy(false, false))
      close(made)
      made.host.runUntilIdle()
      expect([made.pair.a.closed, made.source.aborted]).toEqual([null, { reason: undefined }])
      expect(readAll(made)).toBe('abcdef')
      expect(made.far.inputEnd).toBeInstanceOf(VFIOCompleted)
      expect(made.pair.a.closed).toBeInstanceOf(VFIOCompleted)
      expect(made.sink.ended?.clean).toBe(true)
    }
  })

  it('keeps the input open while it leaves [VE-101]', () => {
    const made = waiting(new VHalfClosePolicy(true, false))
    made.source.end()
    made.host.runUntilIdle()
    expect(inputWorks(made)).toBe(true)
    expect(readAll(made)).toBe('abcdef')
    expect([made.end.closed, made.sink.ended?.clean]).toEqual([true, true])
  })

  it('is dropped by a close for any other reason, also one that comes later [VE-100] [VE-101]', () => {
    for (const early of [true, false]) {
      const made = waiting(new VHalfClosePolicy(false, false))
      if (!early) made.end.closeIO(new VFIOCompleted())
      made.end.closeIO(new VFIOLost(new VIOLost('given up')))
      made.host.runUntilIdle()
      expect([made.end.bufferedBytes, made.pair.a.closed !== null]).toEqual([0, true])
      expect(readAll(made).length).toBeLessThanOrEqual(2)
    }
  })

  it('that is left when the device goes is lost, and the end is not clean [VE-101]', () => {
    const made = waiting(new VHalfClosePolicy(true, true))
    made.source.end()
    made.host.runUntilIdle()
    const reason = new VFIOLost(new VIOLost('reset'))
    made.pair.reset(reason)
    made.host.runUntilIdle()
    expect(made.source.aborted).toEqual({ reason: reason.value })
    expect(made.end.bufferedBytes).toBe(0)
    expect(made.logged.map(({ level }) => level)).toEqual([30])
  })

  it('that is left when the device loses its output makes the end that was to follow a loss [VE-101]', () => {
    const made = waiting(new VHalfClosePolicy(true, false))
    made.source.end()
    made.host.runUntilIdle()
    const reason = new VFIOLost(new VIOLost('nobody reads'))
    Object.defineProperty(made.pair.a, 'outputEnd', { get: () => reason })
    made.pair.a.notify()
    made.host.runUntilIdle()
    expect([made.source.aborted, made.sink.ended]).toEqual([
      { reason: reason.value },
      { clean: false, reason: reason.value },
    ])
    expect(made.pair.a.calls).toContain('closeOutput(VFIOLost)')
  })

  it('is dropped where there never was a connection [VE-101] [CR-63]', () => {
    const made = probed(new VHalfClosePolicy(true, true), { connect: 'hang' })
    made.source.feed(new VByteBuffer(Buffer.from('abc')))
    made.host.runUntilIdle()
    expect(made.end.bufferedBytes).toBe(3)
    made.end.closeIO(new VFIOCompleted())
    expect([made.end.bufferedBytes, made.end.closed, made.pair.a.closed !== null]).toEqual([0, true, true])
  })
})

describe('the device', () => {
  it('is released for the reason that its output ended with [VE-100] [VE-101]', () => {
    const policy = new VHalfClosePolicy(true, true)
    const [clean, lost] = [probed(policy), probed(policy)]
    clean.end.closeInput(new VFIOLost())
    clean.end.closeOutput(new VFIOCompleted())
    lost.end.closeInput(new VFIOCompleted())
    lost.end.closeOutput(new VFIOLost())
    expect([clean.pair.a.closed, lost.pair.a.closed]).toEqual([
      expect.any(VFIOCompleted),
      expect.any(VFIOLost),
    ])
  })

  it('is told why the chain was aborted, in its own words or in ours [VE-S17]', () => {
    const [told, untold] = [
      probed(new VHalfClosePolicy(true, true)),
      probed(new VHalfClosePolicy(true, true)),
    ]
    const reasons: unknown[] = []
    for (const { pair } of [told, untold]) {
      pair.a.closeInput = (reason) => void reasons.push(reason.value)
      pair.a.closeOutput = (reason) => void reasons.push(reason.value)
    }
    const [why, whyNot] = [new Error('why'), new Error('why not')]
    told.sink.abort(why)
    told.source.abort(whyNot)
    untold.sink.abort()
    untold.source.abort()
    expect(reasons).toEqual([why, whyNot, expect.any(VIOLost), expect.any(VIOLost)])
  })
})
