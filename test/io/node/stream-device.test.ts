/**
 * `VStreamDevice`: what a Node stream is as a device, with its pressure, its ends and its errors.
 */
import { Duplex, type DuplexOptions, PassThrough, Readable, Writable } from 'node:stream'
import { VByteEndpoint, VFIOCompleted, VFIOLost, VIOLost, VMemoryPeer, VNoHalfClose } from '@vio/io'
import { fromNodeStream } from '@vio/io/facade'
import { VStreamDevice } from '@vio/io/node'
import { VBytePattern, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { describe, expect, it } from 'vitest'
import { Endless, feed, settle, settleUntil } from '../facade/support.js'
import { runningReactor, Sink } from '../support.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function collecting(highWaterMark = 16): {
  readonly stream: Writable
  readonly got: Buffer[]
  release(): void
} {
  const got: Buffer[] = []
  const waiting: (() => void)[] = []
  const stream = new Writable({
    highWaterMark,
    write(chunk: Buffer, _encoding, callback) {
      got.push(chunk)
      waiting.push(callback)
    },
  })
  const release = (): void => {
    for (const callback of waiting.splice(0)) callback()
  }
  return { stream, got, release }
}

describe('VStreamDevice, reading', () => {
  it('reads up to a number of bytes of what the stream holds, and tells the end behind the last', async () => {
    const stream = Readable.from([Buffer.from('hello '), Buffer.from('world')], { objectMode: false })
    const device = new VStreamDevice(stream)
    let changes = 0
    device.onReady(() => {
      changes += 1
    })
    await turn()
    expect([device.readable, device.inputEnd, device.connected, device.peer]).toEqual([
      true,
      null,
      true,
      null,
    ])
    expect(changes).toBeGreaterThan(0)
    expect(device.readSome(4).toString()).toBe('hell')
    let rest = ''
    while (device.inputEnd === null) {
      rest += device.readSome(100).toString()
      await turn()
    }
    expect(rest).toBe('o world')
    expect(device.inputEnd).toBeInstanceOf(VFIOCompleted)
    expect(device.readable).toBe(false)
    expect(device.readSome(5)).toHaveLength(0)
  })

  it.each([0, 1, 10, 100])(
    'never makes a stream hold more than its high-water mark of %i and one chunk',
    async (mark) => {
      let pushed = 0
      const stream = new Readable({
        highWaterMark: mark,
        read() {
          pushed += 30
          this.push(Buffer.alloc(30))
        },
      })
      const device = new VStreamDevice(stream)
      let read = 0
      for (let round = 0; round < 50; round += 1) {
        await turn()
        expect(pushed - read).toBeLessThanOrEqual(mark + 30)
        read += device.readSome(1 + (round % 70)).length
        expect(stream.readableLength).toBeLessThanOrEqual(mark + 30)
      }
      expect(read).toBeGreaterThan(mark)
      expect(stream.readableHighWaterMark).toBe(mark)
    },
  )

  it('tells the end of a stream that had ended before it was read', async () => {
    for (const sizes of [[5], [3, 2], [1, 1, 1, 1, 1], [100]]) {
      const stream = new Readable({ read: () => undefined })
      const device = new VStreamDevice(stream)
      stream.push('hello')
      stream.push(null)
      await turn()
      let text = ''
      for (const size of sizes) text += device.readSome(size).toString()
      await turn()
      expect([text, device.inputEnd]).toEqual(['hello', expect.any(VFIOCompleted)])
    }
  })

  it('gives what came before an error, then the error', async () => {
    const stream = new Readable({ read: () => undefined })
    const device = new VStreamDevice(stream)
    stream.push('abc')
    await turn()
    const error = new Error('broken')
    stream.destroy(error)
    await turn()
    expect(device.inputEnd).toBeInstanceOf(VFIOLost)
    expect(device.inputEnd?.value).toBe(error)
    expect(device.readSome(9).toString()).toBe('abc')
    expect(device.readable).toBe(false)
  })

  it('tells a close before the end as a loss', async () => {
    const stream = new Readable({ read: () => undefined })
    const device = new VStreamDevice(stream)
    stream.destroy()
    await turn()
    expect(device.inputEnd?.value).toBeInstanceOf(VIOLost)
  })

  it('drops what comes after the input was given up, and goes on writing', async () => {
    let pulled = 0
    const written: string[] = []
    const stream = new Duplex({
      highWaterMark: 10,
      read() {
        pulled += 10
        this.push(pulled < 1000 ? Buffer.alloc(10) : null)
      },
      write(chunk: Buffer, _encoding, callback) {
        written.push(chunk.toString())
        callback()
      },
    })
    const device = new VStreamDevice(stream)
    await turn()
    device.closeInput(new VFIOCompleted())
    device.closeInput(new VFIOCompleted())
    expect(device.readable).toBe(false)
    for (let round = 0; device.inputEnd === null && round < 500; round += 1) await turn()
    expect(pulled).toBe(1000)
    expect(device.writeSome(Buffer.from('still'))).toBe(5)
    expect(written).toEqual(['still'])
  })

  it('destroys a stream that only reads when its input is given up, with the reason', async () => {
    for (const reason of [new VFIOCompleted(), new VFIOLost(new VIOLost('not wanted'))]) {
      const stream = new Readable({ read: () => undefined })
      const device = new VStreamDevice(stream)
      device.closeInput(reason)
      await turn()
      expect(stream.destroyed).toBe(true)
      expect(stream.errored).toBe(reason instanceof VFIOCompleted ? null : reason.value)
    }
  })
})

describe('VStreamDevice, writing', () => {
  it('takes what the high-water mark has room for, and says when there is room again', async () => {
    const { stream, got, release } = collecting(10)
    const device = new VStreamDevice(stream)
    let changes = 0
    device.onReady(() => {
      changes += 1
    })
    expect(device.writeSome(Buffer.from('hello'))).toBe(5)
    expect(device.writeSome(Buffer.from(' world and more'))).toBe(5)
    expect([device.writable, device.unflushedBytes, device.writeSome(Buffer.from('x'))]).toEqual([
      false,
      10,
      0,
    ])
    release()
    await turn()
    release()
    await turn()
    expect(changes).toBe(1)
    expect([device.writable, device.unflushedBytes]).toEqual([true, 0])
    expect(Buffer.concat(got).toString()).toBe('hello worl')
    expect(device.writeSome(Buffer.alloc(0))).toBe(0)
  })

  it('gives a stream without a buffer one piece at a time', async () => {
    const { stream, got, release } = collecting(0)
    const device = new VStreamDevice(stream)
    expect(device.writeSome(Buffer.alloc(20_000))).toBe(16_384)
    expect(device.writable).toBe(false)
    release()
    await turn()
    expect(device.writable).toBe(true)
    expect(got).toHaveLength(1)
  })

  it('ends after what was taken, and tells when that is done', async () => {
    const { stream, release } = collecting()
    const device = new VStreamDevice(stream)
    device.writeSome(Buffer.from('hello'))
    device.closeOutput(new VFIOCompleted())
    device.closeOutput(new VFIOLost())
    expect(device.writable).toBe(false)
    await turn()
    expect(device.outputEnd).toBeNull()
    release()
    await turn()
    expect(device.outputEnd).toBeInstanceOf(VFIOCompleted)
    expect(device.unflushedBytes).toBe(0)
  })

  it('is destroyed with the reason by an end that is not clean', async () => {
    const { stream } = collecting()
    const device = new VStreamDevice(stream)
    const reason = new VIOLost('half of it is missing')
    device.closeOutput(new VFIOLost(reason))
    await turn()
    expect(stream.errored).toBe(reason)
    expect(device.outputEnd?.value).toBe(reason)
  })

  it('tells an error of the stream, and never leaves one without a listener', async () => {
    const error = new Error('no space')
    const stream = new Writable({ write: (_chunk, _encoding, callback) => callback(error) })
    const device = new VStreamDevice(stream)
    device.writeSome(Buffer.from('x'))
    await turn()
    expect(device.outputEnd?.value).toBe(error)
    expect(device.writable).toBe(false)
    // An event like this would end the process if nobody listened.
    expect(stream.emit('error', new Error('again'))).toBe(true)
    expect(device.outputEnd?.value).toBe(error)
  })

  it('tells a close before everything was written as a loss', async () => {
    const { stream } = collecting()
    const device = new VStreamDevice(stream)
    device.writeSome(Buffer.from('x'))
    stream.destroy()
    await turn()
    expect(device.outputEnd).toBeInstanceOf(VFIOLost)
  })
})

describe('VStreamDevice, as a whole', () => {
  it('closes after what was taken is out, or at once', async () => {
    for (const reason of [new VFIOCompleted(), new VFIOLost(new VIOLost('gone'))]) {
      let finish = (): void => undefined
      const stream = new Duplex({
        read: () => undefined,
        write: (_chunk, _encoding, callback) => {
          finish = callback
        },
      })
      const device = new VStreamDevice(stream)
      device.writeSome(Buffer.from('x'))
      device.close(reason)
      device.close(new VFIOLost())
      await turn()
      const isClean = reason instanceof VFIOCompleted
      expect(stream.destroyed).toBe(!isClean)
      finish()
      await turn()
      await turn()
      expect(stream.destroyed).toBe(true)
      expect(stream.errored).toBe(isClean ? null : reason.value)
    }
  })

  it('reads from one stream and writes to another', async () => {
    const input = new PassThrough()
    const { stream: output, got, release } = collecting()
    const peer = new VMemoryPeer('somebody')
    const device = new VStreamDevice(input, { output, peer })
    expect(device.peer).toBe(peer)
    input.write('in')
    device.writeSome(Buffer.from('out'))
    release()
    await turn()
    expect(device.readSome(9).toString()).toBe('in')
    expect(Buffer.concat(got).toString()).toBe('out')
    device.close(new VFIOLost())
    await turn()
    expect([input.destroyed, output.destroyed]).toEqual([true, true])
  })

  it('has ended from the start in a direction that it has not got, or that is over', async () => {
    const reads = new VStreamDevice(new Readable({ read: () => undefined }))
    expect(reads.outputEnd).toBeInstanceOf(VFIOCompleted)
    expect([reads.writable, reads.writeSome(Buffer.from('x')), reads.unflushedBytes]).toEqual([false, 0, 0])
    const writes = new VStreamDevice(collecting().stream)
    expect(writes.inputEnd).toBeInstanceOf(VFIOCompleted)
    expect([writes.readable, writes.readSome(1).length]).toEqual([false, 0])
    writes.closeInput(new VFIOCompleted())
    reads.closeOutput(new VFIOCompleted())
    const half = new VStreamDevice(
      new Duplex({ readable: false, read: () => undefined, write: () => undefined } as DuplexOptions),
    )
    expect(half.inputEnd).toBeInstanceOf(VFIOCompleted)
    const failed = new PassThrough()
    failed.on('error', () => undefined)
    failed.destroy(new Error('before'))
    const late = new VStreamDevice(failed)
    expect([late.inputEnd?.value.message, late.outputEnd?.value.message]).toEqual(['before', 'before'])
    const closed = new PassThrough()
    closed.destroy()
    const gone = new VStreamDevice(closed)
    expect([gone.inputEnd, gone.outputEnd].every((end) => end instanceof VFIOLost)).toBe(true)
    const over = new PassThrough()
    over.resume().end()
    await settleAll()
    const done = new VStreamDevice(over)
    expect([done.inputEnd, done.outputEnd].every((end) => end instanceof VFIOCompleted)).toBe(true)
  })

  it('refuses what is no stream of bytes', () => {
    const text = new PassThrough()
    text.setEncoding('utf8')
    const none = { on: () => undefined } as unknown as Readable
    const wrong = [null, 7, none, text, new PassThrough({ objectMode: true })] as unknown as Readable[]
    for (const stream of wrong) expect(() => new VStreamDevice(stream)).toThrow(TypeError)
    const output = {} as Writable
    expect(() => new VStreamDevice(new PassThrough(), { output })).toThrow(TypeError)
    expect(() => new VStreamDevice(collecting().stream, { output: collecting().stream })).toThrow(TypeError)
  })
})

async function settleAll(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await turn()
}

describe('a Node stream under an endpoint', () => {
  it('carries both directions and closes each alone', async () => {
    const { reactor, host } = runningReactor()
    const [left, right] = duplexPair()
    const endpoint = fromNodeStream(reactor, left)
    const sink = new Sink(reactor)
    const source = new VProbeProducer({ reactor })
    endpoint.byteProduce.attach(sink.byteConsume)
    endpoint.byteConsume.attach(source)
    right.end('request')
    feed(source, 'answer')
    await settle(host)
    expect(sink.received.pop().toString()).toBe('request')
    expect(sink.events).toContain('dataEnded(true)')
    expect(right.read().toString()).toBe('answer')
    expect([left.destroyed, endpoint.closed]).toEqual([false, false])
    source.end()
    right.resume()
    await settle(host)
    expect(right.readableEnded).toBe(true)
    expect(source.aborted).toEqual({ reason: undefined })
    expect([left.destroyed, endpoint.closed]).toEqual([true, true])
  })

  it('holds what its buffers declare in each direction while the other side stalls', async () => {
    const { reactor, host } = runningReactor()
    const pattern = new VBytePattern(2)
    let pulled = 0
    let written = 0
    const stream = new Duplex({
      readableHighWaterMark: 500,
      writableHighWaterMark: 700,
      read() {
        pulled += 100
        this.push(pattern.take(100, pulled - 100))
      },
      write: (chunk: Buffer) => {
        written += chunk.length
      },
    })
    const endpoint = fromNodeStream(reactor, stream, { bufferBytes: 300 })
    const sink = new VProbeConsumer({ grantAtAttach: 50 })
    sink.attach(endpoint.byteProduce)
    const source = new Endless(reactor, 64)
    source.byteProduce.attach(endpoint.byteConsume)
    await settle(host)
    expect(pulled - 50).toBeLessThanOrEqual(600)
    expect(source.given).toBe(1000)
    expect(written).toBeLessThanOrEqual(700)
    sink.grantMore(5000)
    await settleUntil(host, () => sink.moved === 5050)
    expect(pattern.mismatchAt(sink.received.pop())).toBe(-1)
    await settle(host)
    expect(pulled - 5050).toBeLessThanOrEqual(600)
    sink.abort()
    source.byteProduce.abort()
    await settle(host)
    expect(stream.destroyed).toBe(true)
  })

  it('tells an error of the stream to both chains', async () => {
    const { reactor, host } = runningReactor()
    const stream = new PassThrough()
    const endpoint = new VByteEndpoint(reactor, new VStreamDevice(stream), {
      halfClosePolicy: new VNoHalfClose(),
    })
    const sink = new Sink(reactor)
    const source = new VProbeProducer({ reactor })
    endpoint.byteProduce.attach(sink.byteConsume)
    endpoint.byteConsume.attach(source)
    await settle(host)
    const reason = new Error('cable')
    stream.destroy(reason)
    await settle(host)
    expect(sink.events).toContain('dataEnded(false)')
    expect([sink.endReason, source.aborted?.reason]).toEqual([reason, reason])
  })

  it('is closed in the direction that the stream has not got', async () => {
    const { reactor, host, logged } = runningReactor()
    const { stream, got, release } = collecting()
    const endpoint = fromNodeStream(reactor, stream)
    const source = new VProbeProducer({ reactor })
    source.attach(endpoint.byteConsume)
    feed(source, 'hello')
    source.end()
    for (let round = 0; round < 10; round += 1) {
      await settle(host, 3)
      release()
    }
    expect(Buffer.concat(got).toString()).toBe('hello')
    expect(source.aborted).toEqual({ reason: undefined })
    expect(endpoint.closed).toBe(true)
    const reading = fromNodeStream(reactor, Readable.from([Buffer.from('abc')], { objectMode: false }))
    const sink = new Sink(reactor)
    reading.byteProduce.attach(sink.byteConsume)
    await settle(host)
    expect(sink.events).toContain('dataEnded(true)')
    expect(reading.closed).toBe(true)
    expect(logged).toEqual([])
  })
})

/** Two duplex streams, each reading what the other is written. */
function duplexPair(): [Duplex, Duplex] {
  const sides: Duplex[] = []
  for (const other of [1, 0]) {
    sides.push(
      new Duplex({
        read: () => undefined,
        write(chunk, _encoding, callback) {
          sides[other]?.push(chunk)
          callback()
        },
        final(callback) {
          sides[other]?.push(null)
          callback()
        },
      }),
    )
  }
  return sides as [Duplex, Duplex]
}
