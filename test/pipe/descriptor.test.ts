/**
 * `openDescriptor`: which end fits what a descriptor is, and what is refused.
 */
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { VByteBuffer, VFIOCompleted, VFIOLost, VIOError } from '@vio/io'
import { VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { native } from '@vio/native'
import { descriptorKind, openDescriptor, type VDescriptorEnd, VDescriptorError } from '@vio/pipe'
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

function sourceOn(end: VDescriptorEnd): VProbeProducer {
  const source = new VProbeProducer({ reactor: running.reactor })
  end.byteConsume.attach(source)
  return source
}

function sinkOn(end: VDescriptorEnd, grant: number | null = null): VProbeConsumer {
  const sink = new VProbeConsumer({ grantAtAttach: grant })
  sink.attach(end.byteProduce)
  return sink
}

describe('descriptorKind', () => {
  it('says what a descriptor is, and refuses what is none', () => {
    const [readFd, writeFd] = openPipe(folder)
    const [nullFd, folderFd] = [openSync('/dev/null', 'r'), openSync(folder.path, 'r')]
    expect([readFd, nullFd, folderFd].map(descriptorKind)).toEqual(['pipe', 'character', 'directory'])
    for (const fd of [readFd, writeFd, nullFd, folderFd]) closeSync(fd)
    for (const fd of [readFd, -1, 0.5, Number.NaN, 'x' as never])
      expect(() => descriptorKind(fd)).toThrow(expect.objectContaining({ systemCode: 'EBADF' }))
  })
})

describe.each([false, true])('openDescriptor (native: %s)', (useNative) => {
  const open = (fd: number, options: object = {}): VDescriptorEnd =>
    openDescriptor(running.reactor, fd, { native: useNative, ...options })

  it('uses a pipe in the direction that it was opened for', async () => {
    const [readFd, writeFd] = openPipe(folder)
    const [reader, writer] = [open(readFd), open(writeFd)]
    const sink = sinkOn(reader)
    const source = sourceOn(writer)
    source.feed(new VByteBuffer(Buffer.from('through')))
    source.end()
    await until(() => sink.ended !== null)
    expect([sink.received.pop().toString(), sink.ended?.clean]).toEqual(['through', true])
    await Promise.all([reader[Symbol.asyncDispose](), writer[Symbol.asyncDispose]()])
    expect([reader.fileno(), writer.fileno()]).toEqual([-1, -1])
  })

  it('reads and writes a file where the descriptor stands', async () => {
    const path = join(folder.path, 'file')
    writeFileSync(path, 'abcdef')
    const fd = openSync(path, 'r+')
    readSync(fd, Buffer.alloc(2))
    const reader = open(fd, { use: 'read' })
    const sink = sinkOn(reader)
    await until(() => sink.ended !== null)
    expect([sink.received.pop().toString(), sink.ended?.clean]).toEqual(['cdef', true])
    await reader[Symbol.asyncDispose]()
    const writer = open(openSync(path, 'a'))
    const source = sourceOn(writer)
    source.feed(new VByteBuffer(Buffer.from('gh')))
    source.end()
    await until(() => source.aborted !== null)
    expect(source.aborted?.reason).toBeUndefined()
    await writer[Symbol.asyncDispose]()
    expect(readFileSync(path, 'utf8')).toBe('abcdefgh')
  })

  it('reads and writes device files that never make one wait, and reports a full one', async () => {
    const zero = open(openSync('/dev/zero', 'r'))
    const sink = sinkOn(zero, 100_000)
    await until(() => sink.received.length === 100_000)
    zero.closeIO(new VFIOLost())
    const nothing = sinkOn(open(openSync('/dev/null', 'r')))
    await until(() => nothing.ended !== null)
    expect(nothing.ended?.clean).toBe(true)
    const full = open(openSync('/dev/full', 'w'))
    const source = sourceOn(full)
    source.feed(new VByteBuffer(Buffer.from('no room')))
    await until(() => source.aborted !== null)
    expect(source.aborted?.reason).toMatchObject({ code: 'V_DESCRIPTOR', systemCode: 'ENOSPC' })
    full.closeIO(new VFIOLost())
    await full.released
  })

  it('uses a socket in both directions, each of which ends alone', async (context) => {
    skipUnless(context, native.has('sockets'), 'native makes no socket pairs here')
    const [a, b] = native.socketPair().map((fd) => open(native.release(fd))) as [
      VDescriptorEnd,
      VDescriptorEnd,
    ]
    const [sinkA, sinkB] = [sinkOn(a), sinkOn(b)]
    const [sourceA, sourceB] = [sourceOn(a), sourceOn(b)]
    sourceA.feed(new VByteBuffer(Buffer.from('from a')))
    sourceA.end()
    await until(() => sinkB.ended !== null)
    sourceB.feed(new VByteBuffer(Buffer.from('from b')))
    sourceB.end()
    await until(() => sinkA.ended !== null)
    expect([sinkA.received.pop().toString(), sinkB.received.pop().toString()]).toEqual(['from b', 'from a'])
    expect([sinkA.ended?.clean, sinkB.ended?.clean]).toEqual([true, true])
    await Promise.all([a.released, b.released])
  })

  it('refuses folders, what is closed, and the wrong direction, and leaves them as they are', () => {
    const [readFd, writeFd] = openPipe(folder)
    const folderFd = openSync(folder.path, 'r')
    const count = openDescriptors()
    for (const [fd, options, code] of [
      [folderFd, {}, 'ENOTSUP'],
      [-1, {}, 'EBADF'],
      [2 ** 31, {}, 'EBADF'],
      [readFd, { use: 'write' }, 'EBADF'],
      [writeFd, { use: 'read' }, 'EBADF'],
      [writeFd, { use: 'both' }, 'EBADF'],
    ] as const) {
      expect(() => open(fd, options)).toThrow(expect.objectContaining({ systemCode: code }))
      expect(() => open(fd, options)).toThrow(VIOError)
    }
    expect(() => open(readFd, { maxReadBytes: 0 })).toThrow(RangeError)
    expect(openDescriptors()).toBe(count)
    for (const fd of [readFd, writeFd, folderFd]) closeSync(fd)
  })

  it('leaves no descriptor open over two thousand opens and closes of files', async (context) => {
    skipUnless(context, openDescriptors() !== undefined, 'this system does not count descriptors')
    const path = join(folder.path, 'file')
    writeFileSync(path, 'x'.repeat(1000))
    const before = openDescriptors() ?? 0
    for (let round = 0; round < 2000; round += 1) {
      const end = open(openSync(path, 'r'))
      if (round % 3 === 0) sinkOn(end)
      end.closeIO(round % 2 === 0 ? new VFIOCompleted() : new VFIOLost())
      if (round % 50 === 0) await end.released
    }
    await until(() => (openDescriptors() ?? 0) <= before)
  })
})

describe('descriptors that are shared', () => {
  it('are refused by Node as a named error where it has them already', async () => {
    const server = createServer().listen(join(folder.path, 'socket'))
    await until(() => server.listening)
    const client: Socket = connect(join(folder.path, 'socket'))
    await until(() => !client.connecting)
    const { fd } = (client as unknown as { _handle: { fd: number } })._handle
    expect(() => openDescriptor(running.reactor, fd, { native: false })).toThrow(VDescriptorError)
    client.destroy()
    server.close()
    await quiet()
  })

  it('become non-blocking for everybody who has them', async (context) => {
    skipUnless(context, process.platform === 'linux', 'the flags of a descriptor are told by Linux only')
    for (const useNative of [false, true]) {
      const [readFd, writeFd] = openPipe(folder)
      // The pipe opened anew through its descriptor, so that it blocks at first.
      const blocking = openSync(`/proc/self/fd/${readFd}`, constants.O_RDONLY)
      const flags = (): number =>
        Number.parseInt(
          /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${blocking}`, 'latin1'))?.[1] ?? '',
          8,
        )
      expect(flags() & constants.O_NONBLOCK).toBe(0)
      const end = openDescriptor(running.reactor, blocking, { native: useNative })
      expect(flags() & constants.O_NONBLOCK).not.toBe(0)
      await end[Symbol.asyncDispose]()
      for (const fd of [readFd, writeFd]) closeSync(fd)
    }
  })
})
