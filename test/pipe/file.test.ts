/**
 * `openFile`: which part of a file, how it is opened, and what the system refuses.
 */
import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { VByteBuffer, VFIOCompleted, VFIOLost, VIOLost } from '@vio/io'
import { chain } from '@vio/io/facade'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { createNamedPipe, openFile, type VDescriptorEnd, type VFileOptions } from '@vio/pipe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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

let running: Running
let folder: Folder
let path: string

beforeEach(() => {
  running = runReactor()
  folder = makeFolder()
  path = join(folder.path, 'file')
})

afterEach(() => {
  running.reactor.stop()
  folder.remove()
})

function open(options: VFileOptions = {}, name = path): VDescriptorEnd {
  return openFile(running.reactor, name, options)
}

async function readWith(options: VFileOptions) {
  const end = open(options)
  const sink = new VProbeConsumer({ grantAtAttach: null })
  sink.attach(end.byteProduce)
  await until(() => sink.ended !== null)
  await end[Symbol.asyncDispose]()
  return { text: sink.received.pop().toString(), clean: sink.ended?.clean, reason: sink.ended?.reason }
}

async function writeWith(options: VFileOptions, text: string, name = path) {
  const end = open({ use: 'write', ...options }, name)
  const source = new VProbeProducer({ reactor: running.reactor })
  end.byteConsume.attach(source)
  source.feed(new VByteBuffer(Buffer.from(text)))
  await quiet()
  if (source.aborted === null) source.end()
  await until(() => source.aborted !== null)
  await end[Symbol.asyncDispose]()
  return source.aborted?.reason
}

describe('reading a file', () => {
  it('gives all of it, or the part between two offsets', async () => {
    writeFileSync(path, '0123456789')
    expect(await readWith({})).toMatchObject({ text: '0123456789', clean: true })
    expect(await readWith({ startByte: 3 })).toMatchObject({ text: '3456789', clean: true })
    expect(await readWith({ startByte: 3, endByte: 7 })).toMatchObject({ text: '3456', clean: true })
    expect(await readWith({ endByte: 0 })).toMatchObject({ text: '', clean: true })
    expect(await readWith({ startByte: 50 })).toMatchObject({ text: '', clean: true })
    expect(await readWith({ maxReadBytes: 3 })).toMatchObject({ text: '0123456789', clean: true })
  })

  it('ends unclean when the part that was asked for is not all there', async () => {
    writeFileSync(path, '0123456789')
    const { text, clean, reason } = await readWith({ startByte: 8, endByte: 12 })
    expect([text, clean]).toEqual(['89', false])
    expect(reason?.message).toBe('the file ends at byte 10, before byte 12 that was asked for')
  })

  it('says when the file is cut while it is read, and gives what is added', async () => {
    writeFileSync(path, Buffer.alloc(300_000))
    const end = open()
    const sink = new VProbeConsumer({ grantAtAttach: 1000 })
    sink.attach(end.byteProduce)
    await until(() => sink.received.length === 1000)
    truncateSync(path, 70_000)
    sink.grant(null)
    await until(() => sink.ended !== null)
    expect(sink.ended?.clean).toBe(false)
    expect(sink.ended?.reason).toBeInstanceOf(VIOLost)
    expect(sink.ended?.reason?.message).toBe('the file was cut from 300000 to 70000 bytes while it was read')
    const growing = open()
    const more = new VProbeConsumer({ grantAtAttach: 1000 })
    more.attach(growing.byteProduce)
    await until(() => more.received.length === 1000)
    truncateSync(path, 100_000)
    more.grant(null)
    await until(() => more.ended !== null)
    expect([more.received.length, more.ended?.clean]).toEqual([100_000, true])
    for (const each of [end, growing]) await each[Symbol.asyncDispose]()
  })

  it('reads one chunk ahead and no more while nobody takes it', async () => {
    writeFileSync(path, Buffer.alloc(1_000_000))
    const end = open({ maxReadBytes: 1000 })
    const sink = new VProbeConsumer({ grantAtAttach: 1 })
    sink.attach(end.byteProduce)
    await until(() => sink.received.length === 1)
    await quiet()
    const { device } = end
    expect([device.readable, device.readSome(100_000).length]).toEqual([true, 999])
    end.closeIO(new VFIOLost())
    await end.released
  })

  it('carries 10 MB from a file to a file, byte for byte', async () => {
    const pattern = new VBytePattern(4)
    const total = 10_000_000
    writeFileSync(path, pattern.take(total))
    const copy = join(folder.path, 'copy')
    const { clean, bytesOut } = await chain(open(), open({ use: 'write', sync: true }, copy)).done
    expect([clean, bytesOut]).toEqual([true, total])
    new VPatternChecker(pattern).feed(readFileSync(copy))
    expect(statSync(copy).size).toBe(total)
  })
})

describe('writing a file', () => {
  it('empties it, keeps it or adds to it, as told', async () => {
    expect(await writeWith({}, 'first text')).toBeUndefined()
    await writeWith({}, 'second')
    expect(readFileSync(path, 'utf8')).toBe('second')
    await writeWith({ existing: 'append' }, ' and more')
    expect(readFileSync(path, 'utf8')).toBe('second and more')
    await writeWith({ existing: 'keep' }, 'SE')
    expect(readFileSync(path, 'utf8')).toBe('SEcond and more')
    await writeWith({ writeAtByte: 7, sync: true }, 'AND')
    expect(readFileSync(path, 'utf8')).toBe('SEcond AND more')
  })

  it('makes it, or not, with its permissions, as told', async () => {
    expect(() => open({ use: 'write', create: 'never' })).toThrow(
      expect.objectContaining({ systemCode: 'ENOENT' }),
    )
    await writeWith({ create: 'must', mode: 0o600 }, 'x')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(() => open({ use: 'write', create: 'must' })).toThrow(
      expect.objectContaining({ systemCode: 'EEXIST' }),
    )
    expect(readFileSync(path, 'utf8')).toBe('x')
  })

  it('reports a full disk as the reason of an unclean end', async (context) => {
    skipUnless(context, existsSync('/dev/full'), 'there is no /dev/full')
    const reason = await writeWith({ existing: 'keep', create: 'never' }, 'no room', '/dev/full')
    expect(reason).toMatchObject({ code: 'V_DESCRIPTOR', systemCode: 'ENOSPC' })
  })

  it('keeps what was written when it is aborted, by a signal as well, and closes once', async () => {
    const controller = new AbortController()
    const end = open({ use: 'write', signal: controller.signal })
    const source = new VProbeProducer({ reactor: running.reactor })
    end.byteConsume.attach(source)
    source.feed(new VByteBuffer(Buffer.from('kept')))
    await until(() => statSync(path).size === 4)
    controller.abort(new Error('stop'))
    await end.released
    expect(source.aborted?.reason?.message).toBe('stop')
    expect([readFileSync(path, 'utf8'), end.fileno()]).toEqual(['kept', -1])
    end.closeIO(new VFIOLost())
  })

  it('reads and writes one file at two places', async () => {
    writeFileSync(path, 'abcdef')
    const end = open({ use: 'both', writeAtByte: 6, endByte: 6 })
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const source = new VProbeProducer({ reactor: running.reactor })
    sink.attach(end.byteProduce)
    end.byteConsume.attach(source)
    source.feed(new VByteBuffer(Buffer.from('ghi')))
    source.end()
    await until(() => sink.ended !== null && source.aborted !== null)
    expect([sink.received.pop().toString(), readFileSync(path, 'utf8')]).toEqual(['abcdef', 'abcdefghi'])
    await end.released
  })
})

describe('what is no file', () => {
  it('is refused with its code, and leaves nothing open', async () => {
    mkdirSync(join(folder.path, 'folder'))
    await createNamedPipe(join(folder.path, 'pipe'))
    const before = openDescriptors()
    for (const [name, options, code] of [
      ['nowhere', {}, 'ENOENT'],
      ['folder', {}, 'EISDIR'],
      ['folder', { use: 'write' }, 'EISDIR'],
      // A writer of a named pipe would wait here for a reader.
      ['pipe', { use: 'write', existing: 'keep' }, 'ENXIO'],
    ] as const) {
      expect(() => open(options, join(folder.path, name))).toThrow(
        expect.objectContaining({ systemCode: code }),
      )
    }
    expect(openDescriptors()).toBe(before)
  })

  it.each([
    ['no path', () => open({}, '')],
    ['a zero byte', () => open({}, 'a\0b')],
    ['an end before its start', () => open({ startByte: 5, endByte: 4 })],
    ['an offset below 0', () => open({ startByte: -1 })],
    ['an offset that is no whole number', () => open({ use: 'write', writeAtByte: 0.5 })],
    ['to append at a place', () => open({ use: 'write', existing: 'append', writeAtByte: 1 })],
    ['to empty what is read', () => open({ existing: 'truncate' })],
    ['a use that there is none of', () => open({ use: 'eat' as never })],
    ['a rule that there is none of', () => open({ use: 'write', create: 'maybe' as never })],
    ['a size below 1', () => open({ maxReadBytes: 0 })],
  ])('refuses %s', (_what, run) => {
    writeFileSync(path, 'untouched')
    const before = openDescriptors()
    expect(run).toThrow(/./)
    expect([readFileSync(path, 'utf8'), openDescriptors()]).toEqual(['untouched', before])
  })

  it('closed while the system works on it is closed behind that, and nobody else is', async () => {
    writeFileSync(path, Buffer.alloc(500_000))
    const one = open()
    const fd = one.fileno()
    one.closeIO(new VFIOLost())
    // A read is on its way, and would read what gets the number next.
    expect(one.fileno()).toBe(fd)
    await one.released
    expect(one.fileno()).toBe(-1)
    const before = openDescriptors() ?? 0
    for (let round = 0; round < 200; round += 1) {
      const end = open({ use: round % 2 === 0 ? 'read' : 'both' })
      if (round % 3 === 0) end.device.writeSome(Buffer.alloc(1000))
      end.closeIO(round % 4 === 0 ? new VFIOCompleted() : new VFIOLost())
      end.closeIO(new VFIOLost())
    }
    await until(() => (openDescriptors() ?? 0) <= before)
  })
})
