/**
 * The reactor on raw descriptors of every kind: who is called when, fairly, and what becomes of one that is of no more use.
 */
import { closeSync, constants, openSync } from 'node:fs'
import { errnoName, native, resultError } from '@vio/native'
import { type VFailure, VFIOLost, VReactor, VReactorError } from '@vio/reactor'
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { skipUnless } from '../lib/skip.js'
import { AGAIN, closeLater, needsReadiness, pipeRoad, Reader, tcpRoad, turns, until } from './raw-support.js'
import { Recorder } from './support.js'

let reactor: VReactor

beforeEach((context) => {
  needsReadiness(context as TestContext)
  reactor = new VReactor({ logWatcher: null })
})

afterEach(() => reactor?.stop())

describe('a reader of a raw descriptor', () => {
  it('is called as long as something is there, and not otherwise [N-01] [VE-05]', async () => {
    const { input, output } = pipeRoad()
    const handler = new Recorder(input)
    reactor.addReader(handler)
    reactor.start()
    await turns()
    expect(handler.reads).toBe(0)
    native.write(output, Buffer.from('xx'))
    // It takes nothing, so it is called again and again.
    await until(() => handler.reads >= 5)
    native.read(input, Buffer.alloc(1))
    const count = handler.reads
    await until(() => handler.reads > count)
    native.read(input, Buffer.alloc(1))
    await turns(2)
    const whenEmpty = handler.reads
    await turns()
    expect(handler.reads).toBe(whenEmpty)
  })

  it('of an event counter is called for each event', async () => {
    const fd = native.release(native.eventCounter())
    closeLater(fd)
    const handler = new Recorder(fd)
    let sum = 0n
    handler.onRead = () => {
      const value = new BigUint64Array(1)
      native.read(fd, new Uint8Array(value.buffer))
      sum += value[0] ?? 0n
    }
    reactor.addReader(handler)
    reactor.start()
    for (let event = 1; event <= 3; event += 1) {
      native.write(fd, new Uint8Array(BigUint64Array.of(BigInt(event)).buffer))
      await until(() => handler.reads === event)
    }
    await turns()
    expect([handler.reads, sum]).toEqual([3, 6n])
  })

  it('of a terminal is called when a line is there', async (context) => {
    const { on, reason } = native.stateOf('terminals')
    skipUnless(context, on, `native terminals is off: ${reason}`)
    const { controller, path } = native.openTerminal()
    const terminal = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
    closeLater(native.release(controller), terminal)
    const reader = new Reader(reactor, terminal)
    reactor.addReader(reader)
    reactor.start()
    native.write(controller, Buffer.from('half a'))
    await turns()
    expect(reader.reads).toBe(0)
    native.write(controller, Buffer.from(' line\n'))
    await until(() => reader.reads > 0)
    expect(reader.received.toString()).toBe('half a line\n')
  })

  it('takes turns with others that are ready as well [VE-S03]', async () => {
    const handlers = Array.from({ length: 10 }, () => {
      const { input, output } = pipeRoad()
      native.write(output, Buffer.from('x'))
      return new Recorder(input)
    })
    let order: Recorder[] = []
    for (const handler of handlers) {
      handler.onRead = () => order.push(handler)
      reactor.addReader(handler)
    }
    reactor.start()
    await until(() => order.length >= 500)
    reactor.stop()
    const counts = handlers.map(({ reads }) => reads)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(10)
    // After all of them have been heard of, none is called twice before each was called once.
    order = order.slice(100, 400)
    for (let at = 0; at + 10 <= order.length; at += 10) {
      expect(new Set(order.slice(at, at + 10)).size).toBeGreaterThanOrEqual(8)
    }
  })

  it('does not keep timers, tasks and the loop of Node from their turn', async () => {
    const { input, output } = pipeRoad()
    native.write(output, Buffer.from('x'))
    const handler = new Recorder(input)
    let [timers, tasks] = [0, 0]
    handler.onRead = () => reactor.post({ runTask: () => (tasks += 1) })
    reactor.addReader(handler)
    reactor.start()
    const tick = (): void => {
      timers += 1
      reactor.schedule(1, tick)
    }
    tick()
    await until(() => timers >= 5)
    expect(tasks).toBeGreaterThan(0)
  })

  it('and a writer of the same descriptor are called each for its own', async () => {
    const [near, far] = native.socketPair()
    closeLater(native.release(near), native.release(far))
    const handler = new Recorder(near)
    handler.onWrite = () => {
      if (native.write(near, Buffer.alloc(50_000)) === AGAIN) throw new Error('called without room')
    }
    handler.onRead = () => native.read(near, Buffer.alloc(10))
    reactor.addReader(handler)
    reactor.addWriter(handler)
    reactor.start()
    await until(() => handler.writes > 0)
    await turns()
    const writes = handler.writes
    native.write(far, Buffer.from('hello'))
    await until(() => handler.reads > 0)
    await turns()
    expect([handler.reads, handler.writes, handler.closed]).toEqual([1, writes, []])
    native.read(far, Buffer.alloc(1_000_000))
    await until(() => handler.writes > writes)
  })

  it('that is removed is not called, even when it is ready already; added again it is', async () => {
    const { input, output } = pipeRoad()
    const handler = new Recorder(input)
    reactor.addReader(handler)
    reactor.start()
    native.write(output, Buffer.from('x'))
    await until(() => handler.reads > 0)
    reactor.removeReader(handler)
    const reads = handler.reads
    await turns()
    expect(handler.reads).toBe(reads)
    reactor.addReader(handler)
    await until(() => handler.reads > reads)
  })
})

/** What a handler was told when it was closed: which way, and what lies behind the reason. */
function closings(handler: Recorder): readonly (readonly [string, string])[] {
  return handler.closed.map(({ what, reason }) => [what, causeOf(reason)])
}

function causeOf(reason: VFailure): string {
  expect(reason).toBeInstanceOf(VFIOLost)
  return (reason.value.cause as Error).message
}

describe('a raw descriptor that is of no more use', () => {
  it('closes the writer of a pipe whose reader is gone', async () => {
    const { input, output } = pipeRoad()
    while (native.write(output, Buffer.alloc(4096)) > 0);
    const handler = new Recorder(output)
    reactor.addWriter(handler)
    reactor.start()
    await turns()
    closeSync(input)
    await until(() => handler.closed.length > 0)
    await turns()
    expect(closings(handler)).toEqual([['io', `the pipe behind descriptor ${output} has no reader any more`]])
    expect([handler.writes, reactor.writers]).toEqual([0, []])
  })

  it('closes the handler of a descriptor that was closed while it was watched', async () => {
    const { input, output } = pipeRoad()
    const handler = new Recorder(input)
    reactor.addReader(handler)
    reactor.start()
    closeSync(input)
    native.write(output, Buffer.from('x'))
    await until(() => handler.closed.length > 0)
    await turns()
    expect(closings(handler)).toEqual([['io', `descriptor ${input} was closed while it was watched`]])
    expect([handler.reads, reactor.readers]).toEqual([0, []])
  })

  it('gives a reader what is left, and then the end', async () => {
    const { input, output } = pipeRoad()
    native.write(output, Buffer.from('left'))
    closeSync(output)
    const reader = new Reader(reactor, input)
    reactor.addReader(reader)
    reactor.start()
    await until(() => reader.ended)
    expect([reader.received.toString(), reader.closed]).toEqual(['left', []])
  })

  it('of a connection that was reset is told by the attempt to read or write', async () => {
    const { input, output } = tcpRoad()
    const [reader, writer] = [new Reader(reactor, input), new Recorder(input)]
    let result = 0
    writer.onWrite = () => {
      result = native.write(input, Buffer.alloc(1))
      if (result < 0) throw resultError('write', result)
    }
    reactor.addReader(reader)
    reactor.start()
    await turns()
    // A close with a linger time of zero resets.
    native.setOptionBytes(output, 1, 13, new Uint8Array(Int32Array.of(1, 0).buffer))
    closeSync(output)
    await until(() => reader.closed.length > 0)
    expect(closings(reader)).toEqual([['input', 'read failed with ECONNRESET (104)']])
    reactor.addWriter(writer)
    await until(() => writer.closed.length > 0)
    expect(errnoName(result)).toBe('EPIPE')
    expect(closings(writer)).toEqual([['output', 'write failed with EPIPE (32)']])
  })

  it('of a connection that was refused is told by the attempt to write', async () => {
    const listener = native.socket('ipv4')
    native.bind(listener, { family: 'ipv4', host: '127.0.0.1', port: 0 })
    const fd = native.release(native.socket('ipv4'))
    closeLater(fd, native.release(listener))
    native.connect(fd, native.socketName(listener))
    const handler = new Recorder(fd)
    handler.onWrite = () => {
      throw resultError('connect', -native.socketError(fd))
    }
    reactor.addWriter(handler)
    reactor.start()
    await until(() => handler.closed.length > 0)
    expect(closings(handler)).toEqual([['output', 'connect failed with ECONNREFUSED (111)']])
  })

  it('is told of an error that waits for as long as nobody takes it', async () => {
    const gone = native.socket('ipv4', 'dgram')
    native.bind(gone, { family: 'ipv4', host: '127.0.0.1', port: 0 })
    const address = native.socketName(gone)
    native.close(gone)
    const fd = native.release(native.socket('ipv4', 'dgram'))
    closeLater(fd)
    native.connect(fd, address)
    const handler = new Recorder(fd)
    reactor.addReader(handler)
    reactor.start()
    native.write(fd, Buffer.from('to nobody'))
    await until(() => handler.reads >= 5)
    expect(errnoName(native.read(fd, Buffer.alloc(8)))).toBe('ECONNREFUSED')
    await turns(2)
    const whenTaken = handler.reads
    await turns()
    expect([handler.reads, handler.closed]).toEqual([whenTaken, []])
  })

  it('leaves no descriptor behind, whoever removes the handler', async () => {
    const { input, output } = pipeRoad()
    const before = native.release(native.dup(input))
    closeSync(before)
    const handlers = Array.from({ length: 20 }, () => new Recorder(input))
    for (const handler of handlers) reactor.addReader(handler)
    reactor.start()
    native.write(output, Buffer.from('x'))
    await until(() => handlers.every(({ reads }) => reads > 0))
    for (const handler of handlers.slice(0, 7)) reactor.removeReader(handler)
    expect(reactor.removeAll()).toHaveLength(13)
    await turns()
    // The lowest free number is again what it was.
    const after = native.release(native.dup(input))
    closeSync(after)
    expect(after).toBe(before)
  })
})

describe('a descriptor that the system does not watch', () => {
  it('is refused with its kind, and nothing is left behind', () => {
    const fd = openSync('/dev/null', 'r')
    closeLater(fd)
    const handler = new Recorder(fd)
    expect(() => reactor.addReader(handler)).toThrow(VReactorError)
    expect(() => reactor.addReader(handler)).toThrow(
      /character device, whose readiness the system does not tell/,
    )
    expect([reactor.readers, handler.closed]).toEqual([[], []])
  })
})
