/**
 * `VFileSource` and `VFileSink`: which part of a file, how much at once, and when an end counts.
 */
import { mkdtemp, open, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { VByteWriter, VIOLost } from '@vio/io'
import { chain } from '@vio/io/facade'
import { VFileSink, type VFileSinkOptions, VFileSource, type VFileSourceOptions } from '@vio/io/node'
import { VBytePattern, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CHUNKINGS, Endless, feed, settle, settleUntil } from '../facade/support.js'
import { runningReactor } from '../support.js'

const pattern = new VBytePattern(9)
const SIZE = 200_000
let folder = ''
let file = ''
let target = ''
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vio-file-'))
  file = join(folder, 'pattern')
  await writeFile(file, pattern.take(SIZE))
})

beforeEach(() => {
  count += 1
  target = join(folder, `target-${count}`)
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

/** An open file that records how it is used, and can be made to fail. */
async function watched(path: string, flags: string) {
  const handle = await open(path, flags)
  const reads: number[] = []
  const state = { reads, atOnce: 0, most: 0, closed: 0, fail: undefined as Error | undefined, synced: 0 }
  const step = async <T>(run: () => Promise<T>): Promise<T> => {
    state.atOnce += 1
    state.most = Math.max(state.most, state.atOnce)
    try {
      if (state.fail !== undefined) throw state.fail
      return await run()
    } finally {
      state.atOnce -= 1
    }
  }
  const fake = {
    read: (buffer: Buffer, offset: number, length: number, position: number | null) => {
      reads.push(length)
      return step(() => handle.read(buffer, offset, length, position))
    },
    writev: (pieces: Buffer[], position?: number) =>
      // Takes less than it was given, as a full disk or a pipe may.
      step(() => handle.write(Buffer.concat(pieces).subarray(0, 1000), 0, null, position ?? null)),
    sync: async () => {
      state.synced += 1
      await handle.sync()
    },
    close: async () => {
      state.closed += 1
    },
  }
  return { handle, state, file: fake as unknown as typeof handle }
}

/** How often this process has a file open, where the system tells. */
async function openCount(path: string): Promise<number> {
  const links = await readdir('/proc/self/fd').catch(() => [])
  const names = await Promise.all(links.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  return names.filter((name) => name === path).length
}

async function gathered(
  options: VFileSourceOptions,
  from: ConstructorParameters<typeof VFileSource>[1] = file,
) {
  const { reactor, host } = runningReactor()
  const source = new VFileSource(reactor, from, options)
  const sink = new VProbeConsumer({ grantAtAttach: null })
  sink.attach(source.byteProduce)
  await settleUntil(host, () => sink.ended !== null)
  return { source, ended: sink.ended, bytes: sink.received.pop() }
}

describe('VFileSource', () => {
  it('gives a whole file, by path, URL or what it was opened as', async () => {
    const handle = await open(file)
    for (const from of [file, pathToFileURL(file), handle]) {
      const { source, ended, bytes } = await gathered({}, from)
      expect(ended).toEqual({ clean: true, reason: undefined })
      expect(bytes.length).toBe(SIZE)
      expect(pattern.mismatchAt(bytes)).toBe(-1)
      expect(source.readBytes).toBe(SIZE)
    }
    expect((await handle.stat()).size).toBe(SIZE)
    await handle.close()
  })

  it('gives a part', async () => {
    const { ended, bytes } = await gathered({ position: 1234, length: 70_000, highWaterBytes: 5000 })
    expect(ended?.clean).toBe(true)
    expect(bytes.length).toBe(70_000)
    expect(pattern.mismatchAt(bytes, 1234)).toBe(-1)
    expect((await gathered({ length: 0 })).bytes).toHaveLength(0)
    expect((await gathered({ position: SIZE })).ended?.clean).toBe(true)
  })

  it('ends unclean where the file has less than was asked for', async () => {
    const { ended, bytes } = await gathered({ position: SIZE - 100, length: 101 })
    expect(bytes).toHaveLength(100)
    expect(ended?.clean).toBe(false)
    expect(ended?.reason?.message).toContain('100 of the 101')
  })

  it('ends unclean if it cannot be opened or read', async () => {
    const { ended } = await gathered({}, join(folder, 'missing'))
    expect(ended).toMatchObject({ clean: false, reason: { code: 'ENOENT' } })
    expect((await gathered({}, folder)).ended).toMatchObject({ clean: false, reason: { code: 'EISDIR' } })
  })

  it('reads what the consumer allows, one read at a time, and nothing ahead', async () => {
    const { reactor, host } = runningReactor()
    const { handle, state, file: watchedFile } = await watched(file, 'r')
    const source = new VFileSource(reactor, watchedFile, { position: 0, highWaterBytes: 1000 })
    const sink = new VProbeConsumer({ grantAtAttach: 0 })
    sink.attach(source.byteProduce)
    await settle(host)
    expect(state.reads).toEqual([])
    sink.grant(300)
    await settleUntil(host, () => sink.moved === 300)
    await settle(host, 30)
    expect(state.reads).toEqual([300])
    sink.grant(3000)
    await settleUntil(host, () => sink.moved === 3000)
    await settle(host, 30)
    expect(state.reads).toEqual([300, 1000, 1000, 700])
    expect([state.most, source.heldBytes, source.readBytes]).toEqual([1, 0, 3000])
    sink.abort()
    await settle(host, 30)
    expect(state.closed).toBe(0)
    await handle.close()
  })

  it('keeps what was read for the next consumer when one leaves', async () => {
    const { reactor, host } = runningReactor()
    const source = new VFileSource(reactor, file, { highWaterBytes: 1000 })
    const first = new VProbeConsumer({ grantAtAttach: 1000 })
    first.attach(source.byteProduce)
    host.runUntilIdle()
    first.detach()
    await settleUntil(host, () => source.heldBytes === 1000)
    const second = new VProbeConsumer({ grantAtAttach: 300 })
    second.attach(source.byteProduce)
    host.runUntilIdle()
    expect([second.received.length, source.heldBytes]).toEqual([300, 700])
    second.grant(null)
    await settleUntil(host, () => second.ended !== null)
    expect(pattern.mismatchAt(second.received.pop())).toBe(-1)
    expect(second.ended?.clean).toBe(true)
  })

  it('tells its end to the consumer that comes after one that left', async () => {
    const { reactor, host } = runningReactor()
    const source = new VFileSource(reactor, file, { position: SIZE })
    const first = new VProbeConsumer({ grantAtAttach: null })
    first.attach(source.byteProduce)
    host.runUntilIdle()
    first.detach()
    await settle(host, 50)
    const second = new VProbeConsumer({ grantAtAttach: 0 })
    second.attach(source.byteProduce)
    await settleUntil(host, () => second.ended !== null)
    expect([first.ended, second.ended]).toEqual([null, { clean: true, reason: undefined }])
  })

  it('closes its file before it tells the end, and when it is aborted', async () => {
    await gathered({})
    expect(await openCount(file)).toBe(0)
    const { reactor, host } = runningReactor()
    const source = new VFileSource(reactor, file, { highWaterBytes: 10 })
    const sink = new VProbeConsumer({ grantAtAttach: 1 })
    sink.attach(source.byteProduce)
    sink.abort()
    // Fails by its time-out if the file stays open.
    while ((await openCount(file)) > 0) await settle(host)
  })

  it('refuses what is no file and numbers that are none', () => {
    const { reactor } = runningReactor()
    for (const wrong of [1, null, {}] as unknown as string[])
      expect(() => new VFileSource(reactor, wrong)).toThrow(TypeError)
    for (const options of [{ position: -1 }, { length: 1.5 }, { highWaterBytes: 0 }])
      expect(() => new VFileSource(reactor, file, options)).toThrow(RangeError)
  })
})

async function written(
  data: Buffer,
  options: VFileSinkOptions,
  to: ConstructorParameters<typeof VFileSink>[1] = target,
) {
  const { reactor, host } = runningReactor()
  const sink = new VFileSink(reactor, to, options)
  const source = new VProbeProducer({ reactor })
  source.attach(sink.byteConsume)
  feed(source, data)
  source.end()
  await settleUntil(host, () => source.aborted !== null)
  return { sink, aborted: source.aborted }
}

describe('VFileSink', () => {
  it.each(CHUNKINGS)('writes the same bytes when they come $how', async ({ portions }) => {
    const { reactor, host } = runningReactor()
    const sink = new VFileSink(reactor, target, { capacityBytes: 3000 })
    const source = new VProbeProducer({ reactor, portions })
    source.attach(sink.byteConsume)
    feed(source, pattern.take(20_000))
    source.end()
    await settleUntil(host, () => source.aborted !== null)
    expect(source.aborted).toEqual({ reason: undefined })
    expect(pattern.mismatchAt(await readFile(target))).toBe(-1)
    expect([sink.writtenBytes, sink.heldBytes]).toEqual([20_000, 0])
  })

  it('empties the file, or writes behind it, or at a position, or refuses it', async () => {
    await writeFile(target, 'old content')
    await written(Buffer.from('new'), {})
    expect(await readFile(target, 'utf8')).toBe('new')
    await written(Buffer.from(' and more'), { append: true })
    expect(await readFile(target, 'utf8')).toBe('new and more')
    await written(Buffer.from('NOT'), { position: 4 })
    expect(await readFile(target, 'utf8')).toBe('new NOT more')
    const { aborted } = await written(Buffer.from('x'), { exclusive: true })
    expect(aborted?.reason).toMatchObject({ code: 'EEXIST' })
    expect(await readFile(target, 'utf8')).toBe('new NOT more')
    await written(Buffer.alloc(0), { exclusive: true, mode: 0o600 }, `${target}-new`)
    const { size, mode } = await stat(`${target}-new`)
    expect([size, mode & 0o777]).toEqual([0, 0o600])
  })

  it('writes to an open file until all is taken, and leaves it open', async () => {
    const { handle, state, file: watchedFile } = await watched(target, 'w')
    const { aborted } = await written(pattern.take(10_500), { sync: true, position: 0 }, watchedFile)
    expect(aborted).toEqual({ reason: undefined })
    expect(pattern.mismatchAt(await readFile(target))).toBe(-1)
    expect((await readFile(target)).length).toBe(10_500)
    expect([state.most, state.closed, state.synced]).toEqual([1, 0, 1])
    await handle.close()
  })

  it('holds no more than its capacity, what is being written included', async () => {
    const { reactor, host } = runningReactor()
    const { handle, file: watchedFile } = await watched(target, 'w')
    let release = (): void => undefined
    const stalled = {
      ...watchedFile,
      read: watchedFile.read,
      writev: () =>
        new Promise((_resolve, reject) => {
          release = () => reject(new VIOLost('disk gone'))
        }),
    }
    const sink = new VFileSink(reactor, stalled as unknown as typeof handle, { capacityBytes: 5000 })
    const source = new Endless(reactor, 700)
    source.byteProduce.attach(sink.byteConsume)
    await settle(host)
    expect([source.given, sink.heldBytes]).toEqual([5000, 5000])
    release()
    await settle(host)
    expect(source.byteProduce.consumer).toBeNull()
    await handle.close()
  })

  it('says that its end was carried out only when the file is complete and closed', async () => {
    const { reactor, host } = runningReactor()
    const sink = new VFileSink(reactor, target, { sync: true })
    const writer = new VByteWriter(reactor)
    const run = chain(writer, sink)
    writer.write(pattern.take(50_000))
    writer.endWrite()
    let size = -1
    const done = run.done.then(async (result) => {
      size = (await stat(target)).size
      return result
    })
    await settleUntil(host, () => size !== -1)
    expect(size).toBe(50_000)
    expect(await done).toMatchObject({ clean: true, bytesOut: 50_000 })
  })

  it('takes the chain down with the reason if the file cannot be opened', async () => {
    const { aborted } = await written(Buffer.from('x'), {}, join(folder, 'no', 'such', 'folder'))
    expect(aborted?.reason).toMatchObject({ code: 'ENOENT' })
  })

  it('closes its file also when the system refuses to put it on the disk', async () => {
    const before = await openCount('/dev/null')
    const { aborted } = await written(Buffer.from('x'), { sync: true }, '/dev/null')
    if (process.platform === 'linux') expect(aborted?.reason).toMatchObject({ code: 'EINVAL' })
    expect(await openCount('/dev/null')).toBe(before)
  })

  it('keeps what was written when the chain breaks off, and tells no clean end', async () => {
    for (const how of ['abort', 'end'] as const) {
      const { reactor, host } = runningReactor()
      const path = `${target}-${how}`
      const sink = new VFileSink(reactor, path)
      const source = new VProbeProducer({ reactor })
      source.attach(sink.byteConsume)
      feed(source, 'half')
      await settleUntil(host, () => sink.writtenBytes === 4)
      const reason = new VIOLost('torn')
      if (how === 'abort') source.abort(reason)
      else source.end(false, reason)
      await settleUntil(host, () => source.aborted !== null)
      await settle(host, 30)
      expect(source.aborted?.reason).toBe(reason)
      expect(await readFile(path, 'utf8')).toBe('half')
    }
  })

  it('opens nothing before a producer is attached', async () => {
    const { reactor, host } = runningReactor()
    const sink = new VFileSink(reactor, target)
    await settle(host)
    await expect(stat(target)).rejects.toThrow('ENOENT')
    sink.byteConsume.abort()
    await settle(host)
    await expect(stat(target)).rejects.toThrow('ENOENT')
  })

  it('refuses options that contradict each other', async () => {
    const { reactor } = runningReactor()
    expect(() => new VFileSink(reactor, target, { append: true, position: 1 })).toThrow(TypeError)
    expect(() => new VFileSink(reactor, 5 as unknown as string)).toThrow(TypeError)
    expect(() => new VFileSink(reactor, target, { capacityBytes: 0 })).toThrow(RangeError)
    expect(() => new VFileSink(reactor, target, { mode: -1 })).toThrow(RangeError)
    const handle = await open(target, 'w')
    expect(() => new VFileSink(reactor, handle, { append: true })).toThrow(TypeError)
    await handle.close()
  })
})

describe('files on a chain', () => {
  it('are copied on real time', async () => {
    const reactor = new VReactor({ logWatcher: null })
    reactor.start()
    const result = await chain(new VFileSource(reactor, file), new VFileSink(reactor, target)).done
    expect(result).toMatchObject({ clean: true, bytesIn: SIZE, bytesOut: SIZE })
    expect(pattern.mismatchAt(await readFile(target))).toBe(-1)
    reactor.stop()
  })
})
