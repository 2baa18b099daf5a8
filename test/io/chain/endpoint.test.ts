/**
 * `VByteEndpoint` as a handler of input and output: reading, writing and closing by hand, and its properties.
 *
 * What it does for its chains is in endpoint-chain.test.ts, which directions close together in endpoint-close.test.ts.
 */
import {
  type IVSelectableIO,
  VByteEndpoint,
  VByteIOPair,
  type VEndpointOptions,
  VFIOCompleted,
  VFIOError,
  VFIOLost,
  VHalfClose,
  VIOCompleted,
  VIOError,
  VIOLost,
  VMemoryPeer,
  VNoHalfClose,
} from '@vio/io'
import { createDevicePair, type VDevicePairOptions } from '@vio/io/testing'
import type { IVReactor } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { runningReactor, Sink, Source } from '../support.js'

/** An endpoint that reads and writes by itself, as a handler of its device's events. */
class ByHand extends VByteEndpoint {
  reads = 0
  writes = 0
  onRead: () => void = () => undefined
  onWrite: () => void = () => undefined

  override doRead(): void {
    this.reads += 1
    this.onRead()
  }

  override doWrite(): void {
    this.writes += 1
    this.onWrite()
  }
}

function opened(options: VDevicePairOptions = {}, endOptions: VEndpointOptions = {}) {
  const made = runningReactor()
  const pair = createDevicePair({ reactor: made.reactor, ...options })
  const end = new ByHand(made.reactor, pair.a, endOptions)
  return { ...made, pair, end, far: pair.b }
}

describe('an endpoint', () => {
  it('has its device, its two ends and its pair, each one object, and the name of the other side [VE-41]', () => {
    const { reactor, pair, end } = opened({ b: { name: 'there' } })
    expect([end.reactor, end.device, end.log]).toEqual([reactor, pair.a, reactor.log])
    const { byteConsume, byteProduce, byteIO } = end
    expect([end.byteConsume, end.byteProduce, end.byteIO]).toEqual([byteConsume, byteProduce, byteIO])
    expect(byteIO).toBeInstanceOf(VByteIOPair)
    expect([byteIO.consumer, byteIO.producer]).toEqual([byteConsume, byteProduce])
    expect([byteConsume.twoway, byteProduce.twoway]).toEqual([true, true])
    expect([byteConsume.reverse, byteProduce.reverse]).toEqual([byteProduce, byteConsume])
    expect([byteConsume.flows, byteProduce.flows]).toEqual([[], []])
    expect([String(end.peer), end.wasConnected, end.closed]).toEqual(['memory:there', true, false])
  })

  it('is made of a reactor, a device and sizes that are sizes', () => {
    const { reactor } = runningReactor()
    const device = createDevicePair().a
    expect(() => new VByteEndpoint(undefined as never, device)).toThrow(TypeError)
    for (const other of [undefined, null, {}, 'device', Sink]) {
      expect(() => new VByteEndpoint(reactor, other as never)).toThrow(TypeError)
      expect(() => new VByteEndpoint(reactor, other as never)).toThrow(/needs a byte device, got/)
    }
    for (const size of [0, -1, 1.5, Number.NaN, '7', Number.POSITIVE_INFINITY]) {
      for (const name of ['maxReadBytes', 'maxWriteBytes', 'bufferBytes']) {
        expect(() => new VByteEndpoint(reactor, device, { [name]: size as number })).toThrow(RangeError)
        expect(() => new VByteEndpoint(reactor, device, { [name]: size as number })).toThrow(name)
      }
    }
    expect(new VByteEndpoint(reactor, device).bufferBytes).toBe(65_536)
    expect(new VByteEndpoint(reactor, device, { maxWriteBytes: 7 }).bufferBytes).toBe(7)
    expect(new VByteEndpoint(reactor, device, { maxWriteBytes: 7, bufferBytes: 9 }).bufferBytes).toBe(9)
  })

  it('has a half-close policy that can be replaced, by a policy only [VE-27]', () => {
    const { reactor, pair, end } = opened()
    expect(end.halfClosePolicy).toBeInstanceOf(VHalfClose)
    const policy = new VNoHalfClose()
    end.halfClosePolicy = policy
    for (const other of [null, undefined, true, {}, { halfIn: true }, VHalfClose]) {
      expect(() => {
        end.halfClosePolicy = other as never
      }).toThrow(TypeError)
      const options = { halfClosePolicy: other as never }
      if (other !== undefined && other !== null) {
        expect(() => new VByteEndpoint(reactor, pair.b, options)).toThrow(TypeError)
      }
    }
    expect(end.halfClosePolicy).toBe(policy)
    const byHand = { halfIn: false, halfOut: true }
    expect(new VByteEndpoint(reactor, pair.b, { halfClosePolicy: byHand }).halfClosePolicy).toBe(byHand)
  })
})

describe('readSome', () => {
  it('takes what is there, up to a size, and nothing when there is nothing [VE-20]', () => {
    const { end, far } = opened()
    expect(end.readSome(5).length).toBe(0)
    far.writeSome(Buffer.from('hello world'))
    expect(end.readSome(5).toString()).toBe('hello')
    expect(end.readSome(100).toString()).toBe(' world')
    expect(end.readSome(1).length).toBe(0)
  })

  it.each([0, -1, 1.5, Number.NaN, '5', undefined])(
    'of %j bytes throws, and reads nothing [VE-20]',
    (count) => {
      const { end, far } = opened()
      far.writeSome(Buffer.from('abc'))
      expect(() => end.readSome(count as never)).toThrow(RangeError)
      expect(end.readSome(9).toString()).toBe('abc')
    },
  )

  it('after a clean end throws VIOCompleted, once all was read [VE-20]', () => {
    const { end, far } = opened()
    far.writeSome(Buffer.from('abc'))
    far.closeOutput(new VFIOCompleted())
    expect(end.readSome(2).toString()).toBe('ab')
    expect(end.readSome(2).toString()).toBe('c')
    expect(() => end.readSome(2)).toThrow(VIOCompleted)
    const other = opened()
    other.end.closeInput(new VFIOCompleted(new Error('in other words')))
    expect(() => other.end.readSome(2)).toThrow(VIOCompleted)
  })

  it('after a loss throws VIOLost, with what it was [VE-20]', () => {
    const { end, pair } = opened()
    const cause = new Error('no route')
    pair.reset(new VFIOLost(cause))
    expect(() => end.readSome(2)).toThrow(VIOLost)
    expect(() => end.readSome(2)).toThrow(expect.objectContaining({ cause }))
    const lost = new VIOLost('reset')
    const other = opened()
    other.pair.reset(new VFIOLost(lost))
    expect(() => other.end.readSome(2)).toThrow(lost)
  })

  it('throws VIOError before a connection and after an error [VE-20] [VE-103]', () => {
    const { end, pair } = opened({ connect: 'hang' })
    end.connect(pair.peerB)
    expect(end.wasConnected).toBe(false)
    expect(() => end.readSome(2)).toThrow(VIOError)
    expect(() => end.writeSome(Buffer.from('a'))).toThrow(VIOError)
    pair.settleConnect('succeed')
    expect([end.wasConnected, end.readSome(2).length, end.writeSome(Buffer.from('a'))]).toEqual([true, 0, 1])
    end.closeIO(new VFIOCompleted())
    expect(end.wasConnected).toBe(true)
    for (const error of [new VIOError('broken'), new Error('broken')]) {
      const other = opened()
      other.end.closeInput(new VFIOError(error as VIOError))
      expect(() => other.end.readSome(2)).toThrow(VIOError)
      expect(() => other.end.readSome(2)).toThrow(/broken/)
    }
  })

  it('after closing the input throws as it was closed [VE-20] [VE-09]', () => {
    const [clean, lost] = [opened(), opened()]
    for (const { far } of [clean, lost]) far.writeSome(Buffer.from('abc'))
    expect(clean.end.closeInput(new VFIOCompleted())).toBe(true)
    expect(() => clean.end.readSome(1)).toThrow(VIOCompleted)
    const reason = new VFIOLost(new VIOLost('given up'))
    expect(lost.end.closeInput(reason)).toBe(true)
    expect(() => lost.end.readSome(1)).toThrow(reason.value)
  })
})

describe('writeSome', () => {
  it('tells how many bytes were taken [VE-23]', () => {
    const { end, far } = opened({ b: { capacityBytes: 4 } })
    expect(end.writeSome(Buffer.from('abcdef'))).toBe(4)
    expect(end.writeSome(Buffer.from('ef'))).toBe(0)
    expect(far.readSome(9).toString()).toBe('abcd')
    expect(end.writeSome(Buffer.from('ef'))).toBe(2)
  })

  it('throws how the output ended [VE-23] [VE-10]', () => {
    const [clean, lost, broken, reset] = [opened(), opened(), opened(), opened()]
    expect(clean.end.closeOutput(new VFIOCompleted())).toBe(true)
    expect(() => clean.end.writeSome(Buffer.from('a'))).toThrow(VIOCompleted)
    expect(lost.end.closeOutput(new VFIOLost())).toBe(true)
    expect(() => lost.end.writeSome(Buffer.from('a'))).toThrow(VIOLost)
    broken.end.closeOutput(new VFIOError(new VIOError('broken')))
    expect(() => broken.end.writeSome(Buffer.from('a'))).toThrow(/broken/)
    reset.pair.reset()
    expect(() => reset.end.writeSome(Buffer.from('a'))).toThrow(VIOLost)
  })
})

describe('reading', () => {
  it('begins on the next turn after startReading, and calls doRead on every turn [VE-21] [VE-07]', () => {
    const { host, end, far } = opened()
    far.writeSome(Buffer.from('abc'))
    host.runUntilIdle()
    end.startReading()
    expect(end.reads).toBe(0)
    end.onRead = () => {
      if (end.reads === 5) end.readSome(9)
    }
    host.runUntilIdle()
    expect(end.reads).toBe(5)
  })

  it('is once a turn, however often it was started [VE-21]', () => {
    const { host, end, far } = opened()
    far.writeSome(Buffer.from('abc'))
    host.runUntilIdle()
    const turns = new Set<number>()
    end.onRead = () => {
      turns.add(host.steps)
      if (end.reads === 5) end.stopReading()
      else end.startReading()
    }
    end.startReading()
    end.startReading()
    host.runUntilIdle()
    expect([end.reads, turns.size]).toEqual([5, 5])
  })

  it('closes the input as lost when doRead throws, and says so [VE-09]', () => {
    const { host, end, far, pair, logged } = opened()
    const error = new Error('broken')
    end.onRead = () => {
      throw error
    }
    far.writeSome(Buffer.from('abc'))
    end.startReading()
    host.runUntilIdle()
    expect([end.reads, pair.a.calls]).toEqual([1, ['closeInput(VFIOLost)']])
    expect(logged.map((entry) => entry.error)).toEqual([error])
  })

  it('waits for input, and ends at stopReading, in the same turn too [VE-22]', () => {
    const { host, reactor, end, far } = opened()
    end.startReading()
    host.runUntilIdle()
    expect(end.reads).toBe(0)
    far.writeSome(Buffer.from('abc'))
    end.stopReading()
    host.runUntilIdle()
    expect(end.reads).toBe(0)
    reactor.schedule(0, () => {
      end.startReading()
      end.stopReading()
    })
    host.runUntilIdle()
    expect(end.reads).toBe(0)
    end.onRead = () => end.stopReading()
    end.startReading()
    host.runUntilIdle()
    expect(end.reads).toBe(1)
  })

  it('does not begin after the input was closed [VE-21]', () => {
    const { host, end, far } = opened()
    far.writeSome(Buffer.from('abc'))
    end.closeInput(new VFIOCompleted())
    end.startReading()
    host.runUntilIdle()
    expect(end.reads).toBe(0)
  })
})

describe('writing', () => {
  it('begins on the next turn after startWriting, and calls doWrite on every turn [VE-24] [VE-08]', () => {
    const { host, end } = opened()
    host.runUntilIdle()
    end.startWriting()
    expect(end.writes).toBe(0)
    end.onWrite = () => {
      if (end.writes === 5) end.stopWriting()
    }
    host.runUntilIdle()
    expect(end.writes).toBe(5)
  })

  it('is once a turn, however often it was started [VE-24]', () => {
    const { host, end } = opened()
    host.runUntilIdle()
    const turns = new Set<number>()
    end.onWrite = () => {
      turns.add(host.steps)
      if (end.writes === 5) end.stopWriting()
      else end.startWriting()
    }
    end.startWriting()
    end.startWriting()
    host.runUntilIdle()
    expect([end.writes, turns.size]).toEqual([5, 5])
  })

  it('closes the output as lost when doWrite throws, and says so [VE-10]', () => {
    const { host, end, pair, logged } = opened()
    const error = new Error('broken')
    end.onWrite = () => {
      throw error
    }
    end.startWriting()
    host.runUntilIdle()
    expect([end.writes, pair.a.calls]).toEqual([1, ['closeOutput(VFIOLost)']])
    expect(logged.map((entry) => entry.error)).toEqual([error])
  })

  it('waits for room, and ends at stopWriting, in the same turn too [VE-25]', () => {
    const { host, reactor, end, far } = opened({ b: { capacityBytes: 2 } })
    end.writeSome(Buffer.from('ab'))
    end.startWriting()
    host.runUntilIdle()
    expect(end.writes).toBe(0)
    reactor.schedule(0, () => {
      far.readSome(1)
      end.stopWriting()
    })
    host.runUntilIdle()
    expect(end.writes).toBe(0)
    end.onWrite = () => end.stopWriting()
    end.startWriting()
    host.runUntilIdle()
    expect(end.writes).toBe(1)
  })

  it('does not begin after the output was closed [VE-24]', () => {
    const { host, end } = opened()
    end.closeOutput(new VFIOCompleted())
    end.startWriting()
    host.runUntilIdle()
    expect(end.writes).toBe(0)
  })
})

describe('closeIO', () => {
  it('closes both directions, once [VE-11] [VE-102]', () => {
    const { host, reactor, pair, end } = opened()
    const [sink, source] = [new Sink(reactor), new Source(reactor)]
    end.byteProduce.attach(sink.byteConsume)
    end.byteConsume.attach(source.byteProduce)
    expect(end.closeIO(new VFIOCompleted())).toBe(true)
    host.runUntilIdle()
    const [calls, events] = [[...pair.a.calls], [...sink.events, ...source.events]]
    expect(end.closed).toBe(true)
    expect(end.closeIO(new VFIOLost())).toBe(true)
    expect([end.closeInput(new VFIOLost()), end.closeOutput(new VFIOLost())]).toEqual([true, true])
    host.runUntilIdle()
    expect(pair.a.calls).toEqual(calls)
    expect([...sink.events, ...source.events]).toEqual(events)
    expect(calls.filter((call) => call.startsWith('close('))).toEqual(['close(VFIOCompleted)'])
    expect(events.filter((event) => event.includes('Aborted'))).toEqual([
      'consumerAborted',
      'producerAborted',
    ])
  })

  it('is what disposing of it does, cleanly', () => {
    const { pair, end, far } = opened()
    end[Symbol.dispose]()
    expect([end.closed, pair.a.calls.at(-1)]).toEqual([true, 'close(VFIOCompleted)'])
    expect(far.inputEnd).toBeInstanceOf(VFIOCompleted)
  })

  it('wraps the reason that others see in a failure [VE-09]', () => {
    const { end, far, pair } = opened()
    const reason = new VFIOLost(new VIOLost('enough'))
    end.closeIO(reason)
    expect([pair.a.closed, far.inputEnd]).toEqual([reason, reason])
  })
})

describe('an endpoint on a descriptor', () => {
  /** Stands for an end that a select-style reactor watches. */
  class Selectable extends VByteEndpoint implements IVSelectableIO {
    fd: number
    readonly closing: unknown[] = []

    constructor(reactor: IVReactor, device: ConstructorParameters<typeof VByteEndpoint>[1], fd: number) {
      super(reactor, device)
      this.fd = fd
    }

    fileno(): number {
      return this.closed ? -1 : this.fd
    }

    override closeIO(reason: VFIOLost | VFIOCompleted): boolean {
      this.closing.push(reason)
      return super.closeIO(reason)
    }
  }

  it('is registered with a reactor, and closed as lost where its descriptor is none [VE-05]', () => {
    const { host, reactor } = runningReactor()
    const pair = createDevicePair()
    const fd = host.openDescriptor()
    const end = new Selectable(reactor, pair.a, fd)
    const sink = new Sink(reactor)
    end.byteProduce.attach(sink.byteConsume)
    reactor.addReader(end)
    expect(reactor.readers).toEqual([end])
    pair.b.writeSome(Buffer.from('abc'))
    host.setReady(fd, 'read', true)
    host.setReady(fd, 'read', false)
    host.runUntilIdle()
    expect(sink.received.pop().toString()).toBe('abc')
    reactor.removeReader(end)
    end.fd = -1
    reactor.addReader(end)
    expect(end.closing).toEqual([expect.any(VFIOLost)])
    expect([end.closed, end.fileno(), reactor.readers]).toEqual([true, -1, []])
  })
})

describe('connect', () => {
  it('refuses what is no peer, a device that cannot, and a second attempt', () => {
    const { host, end, reactor } = opened({ connect: 'hang' })
    const peer = new VMemoryPeer('there')
    for (const other of [undefined, null, 'there', { host: 'x' }]) {
      expect(() => end.connect(other as never)).toThrow(TypeError)
    }
    expect(end.connect(peer)).toBe(true)
    expect(() => end.connect(peer)).toThrow(/connect was called before/)
    expect(() => new VByteEndpoint(reactor, createDevicePair().a).connect(peer)).toThrow(/cannot connect/)
    const closed = opened({ connect: 'hang' })
    closed.end.closeIO(new VFIOCompleted())
    expect(() => closed.end.connect(peer)).toThrow(/endpoint is closed/)
    const connected = opened({ connect: 'succeed' })
    connected.end.connect(peer)
    connected.host.runUntilIdle()
    expect(() => connected.end.connect(peer)).toThrow(/connect was called before/)
    host.runUntilIdle()
  })

  it('asks a subclass, whose answer counts only if it is true [VE-105]', () => {
    for (const answer of [true, false, 'yes', undefined, new Error('broken')]) {
      const { host, reactor, logged } = runningReactor()
      class Choosy extends VByteEndpoint {
        protected override canConnect(): boolean {
          if (answer instanceof Error) throw answer
          return answer as boolean
        }
      }
      const pair = createDevicePair({ connect: 'hang' })
      const end = new Choosy(reactor, pair.a)
      expect(end.connect(pair.peerB)).toBe(answer === true)
      host.runUntilIdle()
      expect([end.closed, pair.a.calls.includes('connect(memory:b)')]).toEqual([
        answer !== true,
        answer === true,
      ])
      expect(logged.map(({ error }) => error)).toEqual(answer instanceof Error ? [answer] : [])
    }
  })

  it('lets what the device throws reach the caller, and can be tried again', () => {
    const { end } = opened({
      connect: (peer) => {
        if (String(peer) === 'memory:nowhere') throw new RangeError('no such place')
        return 'hang'
      },
    })
    expect(() => end.connect(new VMemoryPeer('nowhere'))).toThrow(RangeError)
    expect([end.closed, end.connect(new VMemoryPeer('there'))]).toEqual([false, true])
  })
})
