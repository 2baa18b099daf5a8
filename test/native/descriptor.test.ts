/**
 * Reads and writes with true counts, pipes, flags, and who closes what.
 */
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errnoName, errnos, native, resultError, VNativeError } from '@vio/native'
import { describe, expect, it, onTestFinished } from 'vitest'
import { closing, needs, openCount, openPipe } from './support.js'

const AGAIN = -(errnos['EAGAIN'] ?? 0)
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

function nativeError(syscall: string, code: string): unknown {
  return expect.objectContaining({ name: 'VNativeError', syscall, code, errno: errnos[code] })
}

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe('read and write', () => {
  it('give true counts, and -EAGAIN when there is nothing or no room [N-02] [N-22]', (context) => {
    needs(context, 'descriptors')
    const { reader, writer } = openPipe()
    const buffer = Buffer.alloc(64)
    expect(native.read(reader, buffer)).toBe(AGAIN)
    expect(native.write(writer, Buffer.from('hello'))).toBe(5)
    expect(native.read(reader, buffer)).toBe(5)
    expect(text(buffer.subarray(0, 5))).toBe('hello')
    native.setPipeSize(writer, 4096)
    expect(native.write(writer, Buffer.alloc(10_000))).toBe(4096)
    expect(native.write(writer, Buffer.alloc(10_000))).toBe(AGAIN)
  })

  it('work on the range that they are given, and on nothing else', (context) => {
    needs(context, 'descriptors')
    const { reader, writer } = openPipe()
    expect(native.write(writer, Buffer.from('0123456789'), 2, 5)).toBe(5)
    const buffer = Buffer.alloc(10, '.')
    expect(native.read(reader, buffer, 3, 2)).toBe(2)
    expect(text(buffer)).toBe('...23.....')
    expect(native.read(reader, buffer, 8)).toBe(2)
    expect(text(buffer)).toBe('...23...45')
    expect(native.read(reader, buffer, 0, 1)).toBe(1)
    expect(text(buffer)).toBe('6..23...45')
    const inside = buffer.subarray(4, 6)
    native.write(writer, Buffer.from('abcdef'))
    expect(native.read(reader, inside, 1)).toBe(1)
    expect(text(buffer)).toBe('6..23a..45')
  })

  it('give 0 at the end, and minus the error number without throwing', (context) => {
    needs(context, 'descriptors')
    const { reader, writer } = openPipe()
    native.close(writer)
    expect(native.read(reader, Buffer.alloc(8))).toBe(0)
    expect(errnoName(native.read(reader + 5000, Buffer.alloc(8)))).toBe('EBADF')
    const other = openPipe()
    native.close(other.reader)
    const result = native.write(other.writer, Buffer.from('lost'))
    expect(resultError('write', result)).toEqual(nativeError('write', 'EPIPE'))
    expect(resultError('write', result).message).toBe('write failed with EPIPE (32)')
  })

  it('read no bytes into no memory: that would look like the end', (context) => {
    needs(context, 'descriptors')
    const { reader, writer } = openPipe()
    expect(() => native.read(reader, new Uint8Array(0))).toThrow(RangeError)
    expect(() => native.read(reader, new Uint8Array(4), 4)).toThrow(/at least 1 byte/)
    expect(native.write(writer, new Uint8Array(0))).toBe(0)
  })

  const detached = (): Uint8Array => {
    const bytes = new Uint8Array(8)
    structuredClone(bytes, { transfer: [bytes.buffer] })
    return bytes
  }
  it.for([
    ['a text', () => ['hello'], TypeError],
    ['an array', () => [[1, 2]], TypeError],
    ['an ArrayBuffer', () => [new ArrayBuffer(8)], TypeError],
    ['a DataView', () => [new DataView(new ArrayBuffer(8))], TypeError],
    ['shared memory', () => [new Uint8Array(new SharedArrayBuffer(8))], TypeError],
    ['something in disguise', () => [Object.create(Uint8Array.prototype)], TypeError],
    ['memory that was taken away', () => [detached()], RangeError],
    ['an offset behind the end', () => [new Uint8Array(8), 9], RangeError],
    ['a negative offset', () => [new Uint8Array(8), -1], RangeError],
    ['a fraction', () => [new Uint8Array(8), 0.5], TypeError],
    ['no number', () => [new Uint8Array(8), Number.NaN], TypeError],
    ['a length behind the end', () => [new Uint8Array(8), 4, 5], RangeError],
    ['a negative length', () => [new Uint8Array(8), 0, -1], RangeError],
    ['a text as length', () => [new Uint8Array(8), 0, '4'], TypeError],
  ] as const)('refuse %s', ([, make, kind], context) => {
    needs(context, 'descriptors')
    const { reader } = openPipe()
    expect(() => native.read(reader, ...(make() as unknown as [Uint8Array]))).toThrow(kind)
  })

  it('take the true length of an array that says it is longer', (context) => {
    needs(context, 'descriptors')
    const { writer } = openPipe()
    const liar = Object.defineProperty(new Uint8Array(4), 'length', { value: 4000 })
    expect([liar.length, native.write(writer, liar)]).toEqual([4000, 4])
  })

  it.for([
    [-1, VNativeError],
    [2 ** 31, VNativeError],
    [1.5, TypeError],
    [Number.NaN, TypeError],
    ['3', TypeError],
    [undefined, TypeError],
    [null, TypeError],
  ] as const)('refuse %s as a descriptor, as every call does', ([fd, kind], context) => {
    needs(context, 'descriptors')
    const calls = [
      () => native.read(fd as number, new Uint8Array(1)),
      () => native.write(fd as number, new Uint8Array(1)),
      () => native.dup(fd as number),
      () => native.close(fd as number),
      () => native.release(fd as number),
      () => native.isOpen(fd as number),
      () => native.setNonBlocking(fd as number, true),
    ]
    for (const call of calls) expect(call).toThrow(kind)
    if (kind === VNativeError)
      for (const call of calls) expect(thrownBy(call)).toMatchObject({ code: 'EBADF' })
  })
})

describe('a pipe', () => {
  it('is non-blocking unless said otherwise, and closed in processes that are started [N-22] [N-25]', (context) => {
    needs(context, 'descriptors')
    for (const nonBlocking of [true, false]) {
      const { reader, writer } = native.pipe({ nonBlocking })
      closing(reader, writer)
      expect(fstatSync(reader).isFIFO()).toBe(true)
      for (const fd of [reader, writer]) {
        expect([native.isNonBlocking(fd), native.isCloseOnExec(fd)]).toEqual([nonBlocking, true])
      }
    }
    expect(() => native.pipe({ nonBlocking: 1 as never })).toThrow(TypeError)
  })

  it('says how much it holds, and holds more when it is asked to', (context) => {
    needs(context, 'descriptors')
    const { writer } = openPipe()
    expect(native.pipeSize(writer)).toBeGreaterThanOrEqual(4096)
    expect(native.setPipeSize(writer, 100_000)).toBe(131_072)
    expect(native.pipeSize(writer)).toBe(131_072)
  })
})

describe('a FIFO', () => {
  it('is a pipe with a path [N-22] [N-23]', (context) => {
    needs(context, 'descriptors', 'fifos')
    const folder = mkdtempSync(join(tmpdir(), 'vio-fifo-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'ein Röhrchen')
    native.makeFifo(path)
    expect(statSync(path).isFIFO()).toBe(true)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const [reader, writer] = [constants.O_RDONLY, constants.O_WRONLY].map((flags) =>
      openSync(path, flags | constants.O_NONBLOCK),
    ) as [number, number]
    expect([native.write(writer, Buffer.from('x')), native.read(reader, Buffer.alloc(4))]).toEqual([1, 1])
    closeSync(reader)
    closeSync(writer)
    expect(thrownBy(() => native.makeFifo(path))).toEqual(nativeError('mkfifo', 'EEXIST'))
    expect(thrownBy(() => native.makeFifo(join(folder, 'no', 'place')))).toEqual(
      nativeError('mkfifo', 'ENOENT'),
    )
  })

  it.for([
    ['', 0o600, RangeError],
    ['/tmp/a\0b', 0o600, RangeError],
    [5, 0o600, TypeError],
    ['/tmp/vio-mode', 0o1777, RangeError],
    ['/tmp/vio-mode', '600', TypeError],
  ] as const)('is not made at %j with mode %j', ([path, mode, kind], context) => {
    needs(context, 'fifos')
    expect(() => native.makeFifo(path as string, mode as number)).toThrow(kind)
  })
})

describe('flags', () => {
  it('are set one by one [N-25]', (context) => {
    needs(context, 'descriptors')
    const { reader } = openPipe()
    native.setNonBlocking(reader, false)
    native.setCloseOnExec(reader, false)
    expect([native.isNonBlocking(reader), native.isCloseOnExec(reader)]).toEqual([false, false])
    native.setNonBlocking(reader, true)
    native.setCloseOnExec(reader, true)
    expect([native.isNonBlocking(reader), native.isCloseOnExec(reader)]).toEqual([true, true])
    expect(() => native.setNonBlocking(reader, 1 as never)).toThrow(TypeError)
  })

  it('of a closed descriptor cannot be asked for', (context) => {
    needs(context, 'descriptors')
    const { reader } = openPipe()
    native.close(reader)
    expect(native.isOpen(reader)).toBe(false)
    for (const call of [native.statusFlags, native.isCloseOnExec, native.isNonBlocking, native.pipeSize]) {
      expect(thrownBy(() => call(reader))).toEqual(nativeError('fcntl', 'EBADF'))
    }
  })
})

describe('dup', () => {
  it('opens a second descriptor of the same file, with the same position and without touching it [N-24]', (context) => {
    needs(context, 'descriptors')
    const folder = mkdtempSync(join(tmpdir(), 'vio-native-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'file')
    const fd = openSync(path, 'w')
    native.write(fd, Buffer.from('first '))
    const second = native.dup(fd)
    closeSync(fd)
    expect(second).toBeGreaterThan(2)
    expect(native.isCloseOnExec(second)).toBe(true)
    expect(native.write(second, Buffer.from('second'))).toBe(6)
    native.close(second)
    expect(readFileSync(path, 'utf8')).toBe('first second')
  })

  it('of what is not open fails', (context) => {
    needs(context, 'descriptors')
    expect(thrownBy(() => native.dup(4000))).toEqual(nativeError('dup', 'EBADF'))
  })
})

describe('close', () => {
  it('closes what was opened here, once', (context) => {
    needs(context, 'descriptors')
    const before = openCount()
    const { reader, writer } = native.pipe()
    native.close(reader)
    native.close(writer)
    expect(openCount()).toBe(before)
    for (const fd of [reader, writer]) {
      expect(thrownBy(() => native.close(fd))).toEqual(nativeError('close', 'EBADF'))
    }
  })

  it('never touches a number that others have got since', (context) => {
    needs(context, 'descriptors')
    const { reader, writer } = native.pipe()
    native.close(writer)
    native.close(reader)
    const foreign = openSync('/dev/null', 'r')
    onTestFinished(() => closeSync(foreign))
    expect([reader, writer]).toContain(foreign)
    expect(() => native.close(foreign)).toThrow(/was not opened here, or is closed already/)
    expect(fstatSync(foreign).isCharacterDevice()).toBe(true)
  })

  it('is not for what was given away', (context) => {
    needs(context, 'descriptors')
    const { reader } = openPipe()
    const mine = native.release(native.dup(reader))
    expect(() => native.close(mine)).toThrow(/not opened here/)
    expect(() => native.release(mine)).toThrow(VNativeError)
    closeSync(mine)
  })
})

describe('errors', () => {
  it('have names for the numbers of this system', () => {
    expect([errnoName(11), errnoName(-11), errnoName(99_999)]).toEqual(['EAGAIN', 'EAGAIN', 'E99999'])
    const error = new VNativeError('open', 2, 'there is none')
    expect(error).toMatchObject({ name: 'VNativeError', code: 'ENOENT', errno: 2, syscall: 'open' })
    expect(error.message).toBe('open failed with ENOENT (2): there is none')
  })
})
