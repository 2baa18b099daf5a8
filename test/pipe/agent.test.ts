/**
 * `VPipeAgent`, `VPipeReader` and `VPipeWriter` on pipes: who closes what, what is refused, and that no descriptor is
 * closed twice.
 */
import { closeSync, constants, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import {
  isByteHandleInput,
  isByteHandleOutput,
  VByteBuffer,
  VByteWriter,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VHalfClose,
  VIOCompleted,
  VIOError,
  VIOLost,
  VNoHalfClose,
  VPipePeer,
} from '@vio/io'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import {
  type IVDescriptor,
  VDescriptorError,
  VPipeAgent,
  type VPipeOptions,
  VPipeReader,
  VPipeWriter,
} from '@vio/pipe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { skipUnless } from '../lib/skip.js'
import {
  type Folder,
  makeFolder,
  openDescriptors,
  openPipe,
  quiet,
  type Running,
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

/** A reader that keeps what it reads and how it ended. */
class Reading extends VPipeReader {
  readonly pieces: Buffer[] = []
  ended: unknown

  override doRead(): void {
    try {
      this.pieces.push(this.readSome(1000))
    } catch (error) {
      this.ended = error
      this.closeIO(new VFIOCompleted())
    }
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString()
  }
}

/** A writer of one text. */
class Writing extends VPipeWriter {
  left = Buffer.alloc(0)
  failed: unknown

  send(text: string | Buffer): void {
    this.left = Buffer.concat([this.left, Buffer.from(text)])
    this.startWriting()
  }

  override doWrite(): void {
    try {
      this.left = this.left.subarray(this.writeSome(this.left))
    } catch (error) {
      this.failed = error
      this.closeIO(new VFIOLost())
    }
    if (this.left.length === 0) this.stopWriting()
  }
}

function pipeEnds(options: VPipeOptions = {}): { reader: Reading; writer: Writing } {
  const [readFd, writeFd] = openPipe(folder)
  return {
    reader: new Reading(running.reactor, readFd, options),
    writer: new Writing(running.reactor, writeFd, options),
  }
}

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

/** Has other files take the numbers that were freed. */
function reuse(fds: readonly number[]): { checkAndClose(): void } {
  const opened: number[] = []
  while (!fds.every((fd) => opened.includes(fd))) {
    expect(opened.length).toBeLessThan(50)
    opened.push(openSync('/dev/null', 'r'))
  }
  return {
    checkAndClose: () => {
      for (const fd of opened) {
        expect(readSync(fd, Buffer.alloc(1))).toBe(0)
        closeSync(fd)
      }
    },
  }
}

describe.each([false, true])('readers and writers of pipes (native: %s)', (native) => {
  it('call doRead and doWrite of a subclass on a FIFO, and read the end as VIOCompleted [VE-125]', async () => {
    const { reader, writer } = pipeEnds({ native })
    expect([isByteHandleInput(reader), isByteHandleOutput(writer)]).toEqual([true, true])
    reader.startReading()
    writer.send('over the pipe')
    await until(() => reader.text === 'over the pipe')
    writer.closeOutput(new VFIOCompleted())
    await until(() => reader.ended !== undefined)
    expect(reader.ended).toBeInstanceOf(VIOCompleted)
    expect(() => reader.readSome(1)).toThrow(VIOCompleted)
    expect(() => writer.writeSome(Buffer.from('x'))).toThrow(VIOCompleted)
    expect(running.failures()).toEqual([])
  })

  it('read and write only while they were told to [VE-125]', async () => {
    const { reader, writer } = pipeEnds({ native })
    writer.send('early')
    await quiet()
    expect(reader.pieces).toEqual([])
    reader.startReading()
    await until(() => reader.text === 'early')
    reader.stopReading()
    writer.send(' and late')
    await quiet()
    expect(reader.text).toBe('early')
    expect(() => reader.readSome(0)).toThrow(RangeError)
    expect(reader.readSome(100).toString()).toBe(' and late')
    writer.closeIO(new VFIOCompleted())
    reader.closeIO(new VFIOCompleted())
    reader.startReading()
    writer.startWriting()
  })

  it('close as lost, and log it, when a handler throws [VE-125]', async () => {
    const { reader, writer } = pipeEnds({ native })
    reader.doRead = () => {
      throw new Error('cannot read')
    }
    reader.startReading()
    writer.send('x')
    await until(() => reader.closed)
    expect(() => reader.readSome(1)).toThrow(VIOLost)
    expect(running.failures()).toHaveLength(1)
    writer.closeIO(new VFIOLost())
  })

  it('write until nobody reads, which is a loss and no crash [VE-125 VE-S17]', async () => {
    const { reader, writer } = pipeEnds({ native })
    reader.closeIO(new VFIOLost())
    await quiet()
    writer.send('to nobody')
    await until(() => {
      writer.startWriting()
      return writer.failed !== undefined
    })
    expect(writer.failed).toBeInstanceOf(VIOError)
  })

  it('have a peer that closes with them as the policies say, and refuse another kind [VE-127]', async () => {
    const { reader, writer } = pipeEnds({ native, halfClosePolicy: new VNoHalfClose() })
    const other = pipeEnds({ native })
    expect(() => reader.setPipePeer(other.reader as never)).toThrow(VIOError)
    expect(() => writer.setPipePeer({} as never)).toThrow(VIOError)
    reader.setPipePeer(writer)
    expect(reader.peer.equals(new VPipePeer(reader.fileno(), writer.fileno()))).toBe(true)
    expect(writer.peer.equals(reader.peer)).toBe(true)
    reader.setPipePeer(other.writer)
    expect(writer.peer.readFd).toBe(-1)
    reader.setPipePeer(writer)
    reader.closeInput(new VFIOCompleted())
    expect([reader.closed, writer.closed, other.writer.closed]).toEqual([true, true, false])
    other.reader.setPipePeer(other.writer)
    other.writer.closeOutput(new VFIOCompleted())
    expect(other.reader.closed).toBe(false)
    other.writer.halfClosePolicy = new VNoHalfClose()
    other.writer.closeIO(new VFIOCompleted())
    expect(other.reader.closed).toBe(true)
    expect(() => {
      other.writer.halfClosePolicy = {} as never
    }).toThrow(TypeError)
  })

  it('close their descriptor once, say -1 afterwards, and call back once [VE-128 VE-S26]', async () => {
    const [readFd, writeFd] = openPipe(folder)
    let calls = 0
    const closeCallback = (): void => {
      calls += 1
      throw new Error('this is logged')
    }
    const reader = new Reading(running.reactor, readFd, { native, closeCallback })
    const descriptor: IVDescriptor = reader
    expect(descriptor.fileno()).toBe(readFd)
    expect(reader.halfClosePolicy).toBeInstanceOf(VHalfClose)
    reader[Symbol.dispose]()
    await until(() => reader.fileno() === -1)
    const foreign = reuse([readFd])
    expect(descriptor.closeIO(new VFIOLost())).toBe(true)
    reader[Symbol.dispose]()
    await quiet()
    foreign.checkAndClose()
    expect(calls).toBe(1)
    expect(running.failures()).toHaveLength(1)
    closeSync(writeFd)
  })
})

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
    await until(() => a.fileno() === -1 && b.fileno() === -1)
    expect([a.closed, b.closed]).toEqual([true, true])
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

  it('is aborted by a signal, before and while it is used', async () => {
    const controller = new AbortController()
    const [a, b] = agents({ native, signal: controller.signal })
    const { sink, source } = attached(a)
    await quiet()
    controller.abort(new Error('no more'))
    await until(() => sink.ended !== null && source.aborted !== null)
    expect(sink.ended).toMatchObject({ clean: false, reason: { message: 'no more' } })
    await Promise.all([a.released, b.released])
    const [c, d] = agents({ native, signal: controller.signal })
    expect([c.closed, d.closed]).toEqual([true, true])
    await Promise.all([c.released, d.released])
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
