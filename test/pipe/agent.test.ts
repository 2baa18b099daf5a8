/**
 * `VPipeAgent` on pipes: what it carries, how it ends, what it refuses, and that no descriptor is closed twice.
 */

import { closeSync, constants, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { VByteBuffer, VByteWriter, type VFailure, VFIOCompleted, VFIOLost, VIOError } from '@vio/io'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { native as system } from '@vio/native'
import { VDescriptorError, VPipeAgent } from '@vio/pipe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { skipUnless } from '../lib/skip.js'
import {
  type Folder,
  makeFolder,
  openDescriptors,
  openPipe,
  quiet,
  type Running,
  reuse,
  runReactor,
  until,
} from './support.js'

let running: Running
let folder: Folder

beforeEach(() => {
  running = runReactor()
  folder = makeFolder()
})

afterEach(() => {
  running.reactor.stop()
  folder.remove()
})

/** Two agents that are joined by two pipes. */
function agents(
  options: ConstructorParameters<typeof VPipeAgent>[3] = {},
): readonly [VPipeAgent, VPipeAgent] {
  const [[readA, writeB], [readB, writeA]] = [openPipe(folder), openPipe(folder)]
  const { reactor } = running
  return [new VPipeAgent(reactor, readA, writeA, options), new VPipeAgent(reactor, readB, writeB, options)]
}

function attached(agent: VPipeAgent): { source: VProbeProducer; sink: VProbeConsumer } {
  const source = new VProbeProducer({ reactor: running.reactor })
  const sink = new VProbeConsumer({ grantAtAttach: null })
  agent.byteConsume.attach(source)
  sink.attach(agent.byteProduce)
  return { source, sink }
}

describe.each([false, true])('VPipeAgent (native: %s)', (native) => {
  it('talks to another over two FIFOs [VE-126]', async () => {
    const [a, b] = agents({ native })
    const [left, right] = [attached(a), attached(b)]
    left.source.feed(new VByteBuffer(Buffer.from('ping')))
    await until(() => right.sink.received.length === 4)
    right.source.feed(new VByteBuffer(Buffer.from('pong!')))
    await until(() => left.sink.received.length === 5)
    expect([right.sink.received.pop().toString(), left.sink.received.pop().toString()]).toEqual([
      'ping',
      'pong!',
    ])
    left.source.end()
    await until(() => right.sink.ended !== null)
    expect(right.sink.ended?.clean).toBe(true)
    right.source.end()
    await until(() => a.closed && b.closed)
    await Promise.all([a.released, b.released])
    expect([a.fileno(), b.fileno()]).toEqual([-1, -1])
  })

  it('carries 10 MB each way at once, byte for byte', { timeout: 30_000 }, async () => {
    const total = 10_000_000
    const pattern = new VBytePattern(5)
    const checkers = agents({ native }).map((agent) => {
      const { source, sink } = attached(agent)
      source.feed(new VByteBuffer(pattern.take(total)))
      source.end()
      return { sink, checker: new VPatternChecker(pattern) }
    })
    await until(() => {
      for (const { sink, checker } of checkers) checker.feed(sink.received.pop())
      return checkers.every(({ sink }) => sink.ended !== null)
    })
    expect(checkers.map(({ sink, checker }) => [checker.position, sink.ended?.clean])).toEqual([
      [total, true],
      [total, true],
    ])
  })

  it('grants its buffer and reads within the limit of its consumer [VE-S15 VE-S16]', async () => {
    const [a, b] = agents({ native, bufferBytes: 1000, maxReadBytes: 64 })
    const source = new VProbeProducer({ reactor: running.reactor })
    a.byteConsume.attach(source)
    expect(source.limit).toBe(1000)
    const sink = new VProbeConsumer({ grantAtAttach: 10 })
    sink.attach(b.byteProduce)
    source.feed(new VByteBuffer(Buffer.alloc(300)))
    await until(() => sink.received.length === 10)
    await quiet()
    expect([sink.received.length, source.limit]).toEqual([10, 1300])
    sink.grant(110)
    await until(() => sink.received.length >= 110)
    await quiet()
    expect(sink.received.length).toBe(110)
    for (const agent of [a, b]) agent.closeIO(new VFIOLost())
  })

  it('stops the other side when nobody reads: the bytes on the way are bounded [CR-60]', async () => {
    const [a, b] = agents({ native })
    const source = new VProbeProducer({ reactor: running.reactor })
    a.byteConsume.attach(source)
    const sink = new VProbeConsumer({ grantAtAttach: 1 })
    sink.attach(b.byteProduce)
    source.feed(new VByteBuffer(Buffer.alloc(4_000_000)))
    await until(() => sink.received.length === 1)
    await quiet()
    await quiet()
    // The endpoint's buffer, the pipe, and on either side what Node or the device holds.
    expect(source.produced).toBeLessThanOrEqual(65_536 * 5)
    for (const agent of [a, b]) agent.closeIO(new VFIOLost())
  })

  it('tells the end of what it reads as clean, and a writer whose reader went away as lost [VE-S17 CR-61]', async () => {
    const [a, b] = agents({ native })
    const [left, right] = [attached(a), attached(b)]
    b.closeIO(new VFIOLost())
    await until(() => left.sink.ended !== null)
    expect(left.sink.ended?.clean).toBe(true)
    expect(right.sink.ended?.clean).toBe(false)
    // Under native the loss is told without a write.
    if (left.source.aborted === null) left.source.feed(new VByteBuffer(Buffer.alloc(1000)))
    await until(() => left.source.aborted !== null)
    expect(left.source.aborted?.reason).toMatchObject({ systemCode: 'EPIPE' })
    expect(running.failures()).toEqual([])
    a.closeIO(new VFIOLost())
  })

  it('tells of its connection on a later turn, and asked again only while both pipes are open [CR-45 CR-47]', async () => {
    const [a, b] = agents({ native })
    const { log } = running
    const sink = new VProbeConsumer({ log, grantAtAttach: null })
    sink.attach(a.byteProduce)
    expect(log.count('sink.control.connected()')).toBe(0)
    await until(() => log.count('sink.control.connected()') === 1)
    a.byteProduce.control.reqProducerState(sink)
    await until(() => log.count('sink.control.connected()') === 2)
    a.closeOutput(new VFIOCompleted())
    await until(() => a.writeFd === -1)
    a.byteProduce.control.reqProducerState(sink)
    await quiet()
    expect([log.count('sink.control.connected()'), a.peer]).toEqual([2, null])
    for (const agent of [a, b]) agent.closeIO(new VFIOLost())
  })

  it('closed, takes down what is attached to it, on a later turn, without an end [CR-64 VE-S19]', async () => {
    const [a, b] = agents({ native })
    a.closeIO(new VFIOCompleted())
    await until(() => a.fileno() === -1)
    const { source, sink } = attached(a)
    expect(sink.producer).toBe(a.byteProduce)
    await until(() => sink.aborted !== null && source.aborted !== null)
    expect(sink.ended).toBeNull()
    b.closeIO(new VFIOLost())
  })

  it('closes the descriptor of a direction with that direction, so that the other side hears of it', async () => {
    const [a, b] = agents({ native })
    const { source, sink } = attached(b)
    const back = attached(a).source
    a.closeInput(new VFIOCompleted())
    await until(() => a.readFd === -1)
    expect([a.closed, a.writeFd === -1]).toEqual([false, false])
    // Without native a write has to find out.
    if (source.aborted === null) source.feed(new VByteBuffer(Buffer.alloc(100)))
    await until(() => source.aborted !== null)
    expect(source.aborted?.reason).toMatchObject({ systemCode: 'EPIPE' })
    back.feed(new VByteBuffer(Buffer.from('still')))
    await until(() => sink.received.length === 5)
    for (const agent of [a, b]) agent.closeIO(new VFIOLost())
    await Promise.all([a.released, b.released])
  })

  it('reads alone, writes alone, and needs one of the two [VE-126]', async () => {
    const [readFd, writeFd] = openPipe(folder)
    const reader = new VPipeAgent(running.reactor, readFd, -1, { native })
    const writer = new VPipeAgent(running.reactor, -1, writeFd, { native })
    expect([reader.writeFd, writer.readFd, reader.pipes.readFd]).toEqual([-1, -1, readFd])
    const sink = new VProbeConsumer({ grantAtAttach: null })
    sink.attach(reader.byteProduce)
    const text = new VByteWriter(running.reactor)
    writer.byteConsume.attach(text.byteProduce)
    text.write('one way')
    text.endWrite()
    await until(() => sink.ended !== null)
    expect([sink.received.pop().toString(), sink.ended?.clean]).toEqual(['one way', true])
    expect(() => new VPipeAgent(running.reactor, -1, -1)).toThrow(VDescriptorError)
    for (const agent of [reader, writer]) agent.closeIO(new VFIOCompleted())
  })

  it('refuses a descriptor that is closed, no pipe or open the other way, and touches nothing [VE-126]', () => {
    const [readFd, writeFd] = openPipe(folder)
    const file = join(folder.path, 'file')
    writeFileSync(file, 'x')
    const fileFd = openSync(file, 'r')
    const [goneFd, alsoGone] = openPipe(folder)
    closeSync(goneFd)
    const make = (read: number, write: number): VPipeAgent =>
      new VPipeAgent(running.reactor, read, write, { native })
    const before = openDescriptors()
    for (const [read, write, code] of [
      [goneFd, writeFd, 'EBADF'],
      [readFd, goneFd, 'EBADF'],
      [-2, writeFd, 'EBADF'],
      [1.5, writeFd, 'EBADF'],
      [2 ** 40, writeFd, 'EBADF'],
      ['3' as never, writeFd, 'EBADF'],
      [fileFd, writeFd, 'EINVAL'],
      [readFd, fileFd, 'EINVAL'],
      [writeFd, -1, 'EBADF'],
      [-1, readFd, 'EBADF'],
    ] as const) {
      expect(() => make(read, write)).toThrow(VIOError)
      expect(() => make(read, write)).toThrow(
        expect.objectContaining({ code: 'V_DESCRIPTOR', systemCode: code }),
      )
    }
    for (const options of [{ maxReadBytes: 0 }, { halfClosePolicy: {} }, { signal: 1 }, { closeCallback: 1 }])
      expect(() => new VPipeAgent(running.reactor, readFd, writeFd, options as never)).toThrow()
    expect(openDescriptors()).toBe(before)
    writeSync(writeFd, 'still mine')
    expect(readSync(readFd, Buffer.alloc(100))).toBe(10)
    for (const fd of [readFd, writeFd, fileFd, alsoGone]) closeSync(fd)
  })

  it('closed twice, and by its disposal, closes no descriptor of others [VE-128]', async () => {
    const [a, b] = agents({ native })
    const fds = [a.readFd, a.writeFd]
    await a[Symbol.asyncDispose]()
    expect([a.readFd, a.writeFd, a.fileno()]).toEqual([-1, -1, -1])
    const foreign = reuse(fds)
    a.closeIO(new VFIOLost())
    a.device.close(new VFIOLost())
    await a[Symbol.asyncDispose]()
    await quiet()
    foreign.checkAndClose()
    b.closeIO(new VFIOLost())
    await b.released
  })

  it.each(['fresh', 'attached', 'written to', 'full', 'read from', 'half closed', 'ended', 'closed'])(
    'is aborted when it is %s: both chains hear of it once, and both descriptors are closed',
    async (state) => {
      const [a, b] = agents({ native })
      const { source, sink } = attached(a)
      const far = state === 'read from' || state === 'ended' ? attached(b) : undefined
      if (state !== 'fresh') await quiet()
      if (state === 'written to') source.feed(new VByteBuffer(Buffer.alloc(10)))
      if (state === 'full') source.feed(new VByteBuffer(Buffer.alloc(1_000_000)))
      if (state === 'half closed') source.end()
      far?.source.feed(new VByteBuffer(Buffer.alloc(100)))
      if (state === 'ended') far?.source.end()
      if (state === 'closed') a.closeIO(new VFIOCompleted())
      if (state !== 'fresh') await quiet()
      a.byteProduce.abort(new Error('enough'))
      a.byteConsume.abort(new Error('enough'))
      a.byteProduce.abort()
      await until(() => a.fileno() === -1)
      await a.released
      expect([sink.aborted !== null, source.aborted !== null]).toEqual([true, true])
      expect([a.closed, a.bufferedBytes, a.readFd, a.writeFd]).toEqual([true, 0, -1, -1])
      b.closeIO(new VFIOLost())
      await b.released
      expect(running.failures()).toEqual([])
    },
  )

  it('is aborted by a signal, before and while it is used', async () => {
    const controller = new AbortController()
    const [a, b] = agents({ native, signal: controller.signal })
    const { sink, source } = attached(a)
    await quiet()
    controller.abort(new Error('no more'))
    await until(() => sink.ended !== null && source.aborted !== null)
    expect(sink.ended).toMatchObject({ clean: false, reason: { message: 'no more' } })
    await Promise.all([a.released, b.released])
    let calls = 0
    const closeCallback = (): void => {
      calls += 1
    }
    const [c, d] = agents({ native, signal: controller.signal, closeCallback })
    expect([c.closed, d.closed]).toEqual([true, true])
    await Promise.all([c.released, d.released])
    expect(calls).toBe(2)
  })

  it('leaves no descriptor open over a thousand opens and closes, however they end', async (context) => {
    skipUnless(context, openDescriptors() !== undefined, 'this system does not count descriptors')
    const before = openDescriptors() ?? 0
    const path = folder.fifo()
    const reasons: (() => VFailure)[] = [() => new VFIOCompleted(), () => new VFIOLost()]
    for (let round = 0; round < 1000; round += 1) {
      const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const writeFd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
      const agent = new VPipeAgent(running.reactor, readFd, writeFd, { native })
      if (round % 3 === 0) attached(agent).source.feed(new VByteBuffer(Buffer.alloc(100)))
      const reason = reasons[round % 2] ?? (() => new VFIOLost())
      if (round % 5 === 0) agent.closeInput(reason())
      agent.closeIO(reason())
      if (round % 7 === 0) await agent.released
    }
    await until(() => (openDescriptors() ?? 0) <= before)
  })
})

it('ends as lost when somebody closes its descriptors under it, and closes none of others', async (context) => {
  skipUnless(context, system.has('readiness'), 'native is off here')
  const [a, b] = agents()
  const { source, sink } = attached(a)
  await quiet()
  for (const fd of [a.readFd, a.writeFd]) closeSync(fd)
  source.feed(new VByteBuffer(Buffer.alloc(200_000)))
  await until(() => source.aborted !== null)
  a.closeIO(new VFIOLost())
  await until(() => sink.ended !== null || sink.aborted !== null)
  await a.released
  b.closeIO(new VFIOLost())
  await b.released
  expect(running.failures()).toEqual([])
})

it('hears under native that its reader went away, without writing', async (context) => {
  skipUnless(context, system.has('readiness'), 'native is off here')
  const [a, b] = agents()
  const { source } = attached(a)
  await quiet()
  b.closeIO(new VFIOLost())
  await until(() => source.aborted !== null)
  expect(source.aborted?.reason).toMatchObject({ systemCode: 'EPIPE' })
  a.closeIO(new VFIOLost())
})
