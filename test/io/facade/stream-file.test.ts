/**
 * `VStream.writeFile`: files in the order of what is written, and what breaks off.
 */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VIOClosed, VIOLost, VIOTimeout } from '@vio/io'
import { VStream } from '@vio/io/facade'
import { VBytePattern } from '@vio/io/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomeOf, pumped, rejectionOf, scriptedPair, settle, settleUntil } from './support.js'

const pattern = new VBytePattern(3)
let folder = ''
let file = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vio-stream-'))
  file = join(folder, 'pattern')
  await writeFile(file, pattern.take(300_000))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

function setUp(limit: number | null = null) {
  const far = scriptedPair({ limit })
  return { ...far, stream: new VStream(far.pair, { reactor: far.reactor }) }
}

describe('VStream.writeFile', () => {
  it('puts files and bytes in the order in which they were written', async () => {
    const { stream, sink, host } = setUp()
    stream.write('<')
    const whole = stream.writeFile(file)
    expect(stream.write('|')).toBe(false)
    const part = stream.writeFile(file, { offset: 1000, length: 50 })
    stream.write('>')
    stream.end('.')
    const done = stream.shutdown()
    const drained = stream.drained()
    await settleUntil(host, () => sink.ended !== null)
    expect(await Promise.all([whole, part])).toEqual([300_000, 50])
    await Promise.all([done, drained])
    const got = sink.received.pop()
    expect(got.length).toBe(300_054)
    expect(got.subarray(0, 1).toString()).toBe('<')
    expect(pattern.mismatchAt(got.subarray(1, 300_001))).toBe(-1)
    expect(got.subarray(300_001, 300_002).toString()).toBe('|')
    expect(pattern.mismatchAt(got.subarray(300_002, 300_052), 1000)).toBe(-1)
    expect(got.subarray(300_052).toString()).toBe('>.')
  })

  it('takes an open file where it stands, and leaves it open', async () => {
    const { stream, sink, host } = setUp()
    const handle = await open(file)
    await handle.read(Buffer.alloc(10), 0, 10)
    const written = stream.writeFile(handle, { length: 90 })
    expect(await pumped(host, written)).toBe(90)
    expect(pattern.mismatchAt(sink.received.pop(), 10)).toBe(-1)
    expect((await handle.stat()).size).toBe(300_000)
    await handle.close()
  })

  it('holds no more than two pieces while the chain stalls', async () => {
    const { stream, host, sink } = setUp(0)
    const written = stream.writeFile(file)
    const drained = stream.drained()
    expect(await outcomeOf(drained)).toBe('pending')
    await settleUntil(host, () => stream.queuedBytes > 0)
    await settle(host, 50)
    expect(stream.queuedBytes).toBe(65_536)
    expect(await outcomeOf(written)).toBe('pending')
    sink.grant(null)
    expect(await pumped(host, written)).toBe(300_000)
    expect(sink.moved).toBe(300_000)
    expect(await outcomeOf(drained)).toEqual({ value: undefined })
  })

  it('leaves the stream as it was if nothing of the file has left', async () => {
    const { stream, sink, host } = setUp()
    const missing = stream.writeFile(join(folder, 'missing'))
    stream.write('after')
    await settleUntil(host, () => sink.moved === 5)
    expect(await rejectionOf(missing)).toMatchObject({ code: 'ENOENT' })
    expect(sink.received.pop().toString()).toBe('after')
    const aborted = stream.writeFile(file, { signal: AbortSignal.abort(new Error('no')) })
    expect((await rejectionOf(aborted)).message).toBe('no')
    expect(stream.write('still')).toBe(true)
  })

  it('takes the output down if the file breaks off in the middle', async () => {
    const { stream, sink, host } = setUp()
    const written = stream.writeFile(file, { offset: 299_000, length: 2000 })
    await settleUntil(host, () => sink.aborted !== null)
    expect((await rejectionOf(written)).message).toContain('1000 of the 2000')
    expect(sink.ended).toBeNull()
    expect(sink.received.length).toBe(1000)
    expect(() => stream.write('x')).toThrow(VIOClosed)
  })

  it('takes the output down when it is given up in the middle, and only then', async () => {
    const { stream, sink, host } = setUp(100)
    const first = stream.writeFile(file, { timeoutMs: 1000 })
    const second = stream.writeFile(file, { timeoutMs: 500 })
    await settleUntil(host, () => sink.moved === 100)
    host.advance(500)
    expect(await rejectionOf(second)).toBeInstanceOf(VIOTimeout)
    expect(sink.aborted).toBeNull()
    host.advance(500)
    expect(await rejectionOf(first)).toBeInstanceOf(VIOTimeout)
    expect(sink.aborted?.reason).toBeInstanceOf(VIOLost)
  })

  it('refuses what is no file at once, and everything after the end', async () => {
    const { stream } = setUp()
    expect(() => stream.writeFile(7 as unknown as string)).toThrow(TypeError)
    expect(() => stream.writeFile(file, { offset: -1 })).toThrow(RangeError)
    expect(() => stream.writeFile(file, { length: 0.5 })).toThrow(RangeError)
    stream.end()
    expect(await rejectionOf(stream.writeFile(file))).toBeInstanceOf(VIOClosed)
  })

  it('is rejected by close', async () => {
    const { stream, host } = setUp(10)
    const files = [stream.writeFile(file), stream.writeFile(file)]
    await settle(host)
    stream.close()
    for (const written of files) expect(await rejectionOf(written)).toBeInstanceOf(VIOClosed)
  })
})
