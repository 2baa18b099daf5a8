/**
 * Named pipes and pairs of pipe ends: opening them without being held up, and by what a pair was made.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { VByteBuffer, VFIOLost, VIOTimeout } from '@vio/io'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { native } from '@vio/native'
import { createNamedPipe, createPipePair, openNamedPipe, VChild, type VPipePairKind } from '@vio/pipe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasProgram } from '../lib/programs.js'
import { skipUnless } from '../lib/skip.js'
import {
  type Folder,
  makeFolder,
  openDescriptors,
  quiet,
  type Running,
  runReactor,
  until,
} from './support.js'

const run = promisify(execFile)

let running: Running
let folder: Folder
let path: string

beforeEach(() => {
  running = runReactor()
  folder = makeFolder()
  path = join(folder.path, 'named')
})

afterEach(() => {
  running.reactor.stop()
  folder.remove()
})

describe('createNamedPipe', () => {
  it('makes a FIFO with its permissions, whatever its name', async () => {
    const odd = join(folder.path, '-m 777 $(x)')
    await createNamedPipe(odd, 0o640)
    expect([statSync(odd).isFIFO(), statSync(odd).mode & 0o777]).toEqual([true, 0o640])
  })

  it('tells what stands in its way', async () => {
    writeFileSync(path, '')
    await expect(createNamedPipe(path)).rejects.toMatchObject({ systemCode: 'EEXIST' })
    await expect(createNamedPipe(join(path, 'below'))).rejects.toMatchObject({ code: 'V_DESCRIPTOR' })
    await expect(createNamedPipe(join(folder.path, 'no', 'x'))).rejects.toMatchObject({
      systemCode: 'ENOENT',
    })
    await expect(createNamedPipe('')).rejects.toThrow(TypeError)
    await expect(createNamedPipe('a\0b')).rejects.toThrow(TypeError)
    await expect(createNamedPipe(path, 0o1777)).rejects.toThrow(RangeError)
    await expect(createNamedPipe('\\\\.\\pipe\\x')).rejects.toMatchObject({ systemCode: 'ENOTSUP' })
  })
})

describe.each([false, true])('openNamedPipe (native: %s)', (useNative) => {
  const options = { native: useNative }

  it('joins a reader and a writer, whoever comes first', async () => {
    await createNamedPipe(path)
    const { reactor } = running
    const coming = openNamedPipe(reactor, path, 'write', options)
    await quiet()
    const reader = await openNamedPipe(reactor, path, 'read', options)
    const writer = await coming
    const sink = new VProbeConsumer({ grantAtAttach: null })
    sink.attach(reader.byteProduce)
    const source = new VProbeProducer({ reactor })
    writer.byteConsume.attach(source)
    source.feed(new VByteBuffer(Buffer.from('hello')))
    source.end()
    await until(() => sink.ended !== null)
    expect([sink.received.pop().toString(), sink.ended?.clean]).toEqual(['hello', true])
    await Promise.all([reader.released, writer.released])
  })

  it('is its own other side when opened for both', async () => {
    await createNamedPipe(path)
    const both = await openNamedPipe(running.reactor, path, 'both', options)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    sink.attach(both.byteProduce)
    const source = new VProbeProducer({ reactor: running.reactor })
    both.byteConsume.attach(source)
    source.feed(new VByteBuffer(Buffer.from('myself')))
    await until(() => sink.received.length === 6)
    expect(sink.ended).toBeNull()
    both.closeIO(new VFIOLost())
    await both.released
  })

  it('waits for a reader as long as it may, and leaves nothing open when it gives up', async () => {
    await createNamedPipe(path)
    const before = openDescriptors()
    const { reactor } = running
    const write = (more: object): Promise<unknown> =>
      openNamedPipe(reactor, path, 'write', { ...options, ...more })
    await expect(write({ waitMs: 0 })).rejects.toMatchObject({ systemCode: 'ENXIO' })
    await expect(write({ waitMs: 30 })).rejects.toThrow(VIOTimeout)
    const controller = new AbortController()
    const waiting = write({ signal: controller.signal })
    controller.abort(new Error('not any more'))
    await expect(waiting).rejects.toThrow('not any more')
    await expect(write({ signal: controller.signal })).rejects.toThrow('not any more')
    await expect(write({ waitMs: -1 })).rejects.toThrow(RangeError)
    await expect(write({ maxWriteBytes: 0 })).rejects.toThrow(RangeError)
    expect(openDescriptors()).toBe(before)
  })

  it('refuses what is not there, is no pipe, or is a name of Windows', async () => {
    const { reactor } = running
    await expect(openNamedPipe(reactor, path, 'read', options)).rejects.toMatchObject({
      systemCode: 'ENOENT',
    })
    writeFileSync(path, '')
    const before = openDescriptors()
    await expect(openNamedPipe(reactor, path, 'read', options)).rejects.toMatchObject({
      systemCode: 'EINVAL',
    })
    expect(openDescriptors()).toBe(before)
    await expect(openNamedPipe(reactor, path, 'up' as never)).rejects.toThrow(TypeError)
    await expect(openNamedPipe(reactor, '//./pipe/x', 'read')).rejects.toMatchObject({
      systemCode: 'ENOTSUP',
    })
  })

  it('talks to programs that others wrote', async (context) => {
    skipUnless(context, hasProgram('dd') && hasProgram('cat'), 'there is no dd or no cat')
    await createNamedPipe(path)
    const reader = await openNamedPipe(running.reactor, path, 'read', options)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    sink.attach(reader.byteProduce)
    await run('dd', ['if=/dev/zero', `of=${path}`, 'bs=1000', 'count=50'])
    await until(() => sink.ended !== null)
    expect([sink.received.length, sink.ended?.clean]).toEqual([50_000, true])
    const shown = run('cat', [path])
    const writer = await openNamedPipe(running.reactor, path, 'write', options)
    const source = new VProbeProducer({ reactor: running.reactor })
    writer.byteConsume.attach(source)
    source.feed(new VByteBuffer(Buffer.from('for cat')))
    source.end()
    expect((await shown).stdout).toBe('for cat')
  })

  it('talks to socat', async (context) => {
    skipUnless(context, hasProgram('socat'), 'there is no socat')
    const [there, back] = [join(folder.path, 'there'), join(folder.path, 'back')]
    await Promise.all([createNamedPipe(there), createNamedPipe(back)])
    await using socat = new VChild(running.reactor, 'socat', [
      `OPEN:${there},rdonly!!OPEN:${back},wronly`,
      'EXEC:cat',
    ])
    const reader = await openNamedPipe(running.reactor, back, 'read', options)
    const writer = await openNamedPipe(running.reactor, there, 'write', options)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    sink.attach(reader.byteProduce)
    const source = new VProbeProducer({ reactor: running.reactor })
    writer.byteConsume.attach(source)
    source.feed(new VByteBuffer(Buffer.from('echo this')))
    await until(() => sink.received.length === 9)
    source.end()
    await until(() => sink.ended !== null)
    expect([sink.received.pop().toString(), sink.ended?.clean]).toEqual(['echo this', true])
    await socat.exited
  })
})

describe('createPipePair', () => {
  const kinds: readonly VPipePairKind[] = ['pipe', 'fifo', 'socket-pair']

  it.for(kinds)(
    'carries bytes and their end from the writer to the reader over a %s',
    async (kind, context) => {
      skipUnless(context, kind !== 'pipe' || native.has('readiness'), 'native is off here')
      const pair = await createPipePair(running.reactor, { kind })
      expect(pair.kind).toBe(kind)
      const pattern = new VBytePattern(3)
      const checker = new VPatternChecker(pattern)
      const sink = new VProbeConsumer({ grantAtAttach: null })
      sink.attach(pair.reader.byteProduce)
      const source = new VProbeProducer({ reactor: running.reactor })
      pair.writer.byteConsume.attach(source)
      source.feed(new VByteBuffer(pattern.take(1_000_000)))
      source.end()
      await until(() => {
        checker.feed(sink.received.pop())
        return sink.ended !== null
      })
      expect([checker.position, sink.ended?.clean]).toEqual([1_000_000, true])
      await until(() => source.aborted !== null)
      expect(source.aborted?.reason).toBeUndefined()
    },
  )

  it('takes the best that there is, says which, and leaves nothing but the two ends', async (context) => {
    const files = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('vio-pair-'))
    const best = native.has('readiness') ? 'pipe' : 'fifo'
    skipUnless(context, openDescriptors() !== undefined, 'this system does not count descriptors')
    const before = openDescriptors() ?? 0
    for (const kind of [undefined, ...kinds.slice(1)]) {
      for (let round = 0; round < 10; round += 1) {
        const pair = await createPipePair(running.reactor, kind === undefined ? {} : { kind })
        expect(pair.kind).toBe(kind ?? best)
        pair.reader.closeIO(new VFIOLost())
        pair.writer.closeIO(new VFIOLost())
      }
    }
    await until(() => (openDescriptors() ?? 0) <= before)
    expect(files()).toEqual([])
    expect(existsSync(path)).toBe(false)
  })

  it('refuses a kind that there is none of, and sizes that are none', async () => {
    await expect(createPipePair(running.reactor, { kind: 'hose' as never })).rejects.toThrow(TypeError)
    await expect(createPipePair(running.reactor, { bufferBytes: 0 })).rejects.toThrow(RangeError)
  })
})
