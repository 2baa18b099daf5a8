/**
 * `VPipeReader` and `VPipeWriter`: handlers of their own on pipes, who closes with whom, and that a descriptor is closed
 * once.
 */

import { closeSync } from 'node:fs'
import {
  isByteHandleInput,
  isByteHandleOutput,
  VFIOCompleted,
  VFIOLost,
  VHalfClose,
  VIOCompleted,
  VIOError,
  VIOLost,
  VNoHalfClose,
  VPipePeer,
} from '@vio/io'
import { type IVDescriptor, type VPipeOptions, VPipeReader, VPipeWriter } from '@vio/pipe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Folder,
  makeFolder,
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
    const easy = pipeEnds({ native })
    easy.reader.setPipePeer(easy.writer)
    easy.reader.closeInput(new VFIOCompleted())
    expect(easy.writer.closed).toBe(false)
    easy.reader.closeIO(new VFIOCompleted())
    easy.writer.closeIO(new VFIOCompleted())
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
