/**
 * Pseudo-terminals, event counters, and the requests of `ioctl`.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { errnoName, ioctlRequests, native, readiness, VDescriptorWatch, VNativeError } from '@vio/native'
import { describe, expect, it, onTestFinished } from 'vitest'
import { closing, needs, openCount, openPipe, until } from './support.js'

/** Both ends of a pseudo-terminal, which end with the test. */
function openBoth(): { readonly controller: number; readonly terminal: number; readonly path: string } {
  const { controller, path } = native.openTerminal()
  closing(controller)
  const terminal = openSync(path, constants.O_RDWR | constants.O_NOCTTY)
  onTestFinished(() => closeSync(terminal))
  return { controller, terminal, path }
}

describe('a pseudo-terminal', () => {
  it('is a terminal to whoever opens its path, and carries lines', async (context) => {
    needs(context, 'terminals', 'readiness')
    const { controller, terminal, path } = openBoth()
    expect(path).toMatch(/^\/dev\/pts\/\d+$/)
    expect([isatty(terminal), fstatSync(terminal).isCharacterDevice()]).toEqual([true, true])
    expect([native.isNonBlocking(controller), native.isCloseOnExec(controller)]).toEqual([true, true])
    writeSync(terminal, 'hello\n')
    const buffer = Buffer.alloc(64)
    let told = false
    const watch = new VDescriptorWatch(controller, () => {
      told = true
    })
    watch.start(readiness.READABLE)
    await until(() => told)
    watch.close()
    expect(buffer.toString('utf8', 0, native.read(controller, buffer))).toBe('hello\r\n')
  })

  it('has a size, which its controller sets [N-25] [N-27]', (context) => {
    needs(context, 'terminals', 'ioctl')
    const { controller, terminal } = openBoth()
    expect(native.windowSize(terminal)).toEqual({ columns: 0, rows: 0 })
    native.setWindowSize(controller, { columns: 132, rows: 43 })
    expect(native.windowSize(terminal)).toEqual({ columns: 132, rows: 43 })
    for (const size of [
      { columns: -1, rows: 1 },
      { columns: 1, rows: 70_000 },
    ]) {
      expect(() => native.setWindowSize(controller, size)).toThrow(RangeError)
    }
    expect(native.windowSize(terminal)).toEqual({ columns: 132, rows: 43 })
  })

  it('gives its number and its modes as structures', (context) => {
    needs(context, 'terminals', 'ioctl')
    const { controller, terminal, path } = openBoth()
    expect(native.ioctl(controller, 'TIOCGPTN')).toBe(Number(path.split('/').pop()))
    const modes = new Uint8Array(36)
    native.ioctl(terminal, 'TCGETS', modes)
    const echo = 0o10
    expect((modes[12] ?? 0) & echo).toBe(echo)
    modes[12] = (modes[12] ?? 0) & ~echo
    native.ioctl(terminal, 'TCSETS', modes)
    const again = new Uint8Array(36)
    native.ioctl(terminal, 'TCGETS', again)
    expect((again[12] ?? 0) & echo).toBe(0)
  })

  it('tells the controller when the terminal is closed', (context) => {
    needs(context, 'terminals')
    const { controller, path } = native.openTerminal()
    closing(controller)
    closeSync(openSync(path, constants.O_RDWR | constants.O_NOCTTY))
    expect(errnoName(native.read(controller, Buffer.alloc(8)))).toBe('EIO')
  })
})

describe('ioctl', () => {
  it('tells how much there is to read', (context) => {
    needs(context, 'ioctl')
    const { reader, writer } = openPipe()
    expect(native.ioctl(reader, 'FIONREAD')).toBe(0)
    native.write(writer, Buffer.alloc(1234))
    expect(native.ioctl(reader, 'FIONREAD')).toBe(1234)
  })

  it('sets what is given by an integer', (context) => {
    needs(context, 'ioctl')
    const { reader } = openPipe()
    native.ioctl(reader, 'FIONBIO', 0)
    expect(native.isNonBlocking(reader)).toBe(false)
    native.ioctl(reader, 'FIONBIO', 1)
    expect(native.isNonBlocking(reader)).toBe(true)
  })

  it('refuses requests that it does not know, since nothing tells what they write', (context) => {
    needs(context, 'ioctl')
    const { reader } = openPipe()
    for (const request of ['FS_IOC_FIEMAP', 'toString', '__proto__', '', 0x5413, undefined, null, {}]) {
      expect(() => native.ioctl(reader, request as never)).toThrow(TypeError)
    }
    expect(ioctlRequests).toContain('TUNSETIFF')
  })

  it('takes structures of their exact size only', (context) => {
    needs(context, 'ioctl')
    const { reader } = openPipe()
    for (const [request, size] of [
      ['TIOCGWINSZ', 8],
      ['TCGETS', 36],
      ['TUNSETIFF', 40],
      ['SIOCGIFMTU', 40],
    ] as const) {
      for (const wrong of [0, 4, size - 1, size + 1, 4096]) {
        expect(() => native.ioctl(reader, request, new Uint8Array(wrong))).toThrow(
          `${request} has ${size} bytes`,
        )
      }
      expect(() => native.ioctl(reader, request)).toThrow(TypeError)
      expect(() => native.ioctl(reader, request, 5)).toThrow(TypeError)
      expect(() => native.ioctl(reader, request, new Uint8Array(size))).toThrow(VNativeError)
    }
    expect(() => native.ioctl(reader, 'FIONREAD', new Uint8Array(4))).toThrow(TypeError)
    expect(() => native.ioctl(reader, 'TIOCEXCL', 2 ** 40)).toThrow(RangeError)
  })

  it('says what a device does not know', (context) => {
    needs(context, 'ioctl')
    const { reader } = openPipe()
    expect(() => native.windowSize(reader)).toThrow(
      expect.objectContaining({ code: 'ENOTTY', syscall: 'ioctl' }),
    )
    expect(() => native.windowSize(5000)).toThrow(expect.objectContaining({ code: 'EBADF' }))
  })

  it('asks for the interface of an address', (context) => {
    needs(context, 'ioctl', 'sockets')
    const fd = native.socket('ipv4', 'dgram')
    closing(fd)
    const request = Buffer.alloc(40)
    request.write('lo')
    native.ioctl(fd, 'SIOCGIFMTU', request)
    expect(request.readInt32LE(16)).toBeGreaterThanOrEqual(1280)
    expect(() => native.ioctl(fd, 'SIOCGIFMTU', Buffer.alloc(40))).toThrow(VNativeError)
  })
})

describe('an event counter', () => {
  it('is read as the sum of what was added, and is then empty', (context) => {
    needs(context, 'events')
    const fd = native.eventCounter(2)
    closing(fd)
    const value = new BigUint64Array(1)
    const bytes = new Uint8Array(value.buffer)
    value[0] = 40n
    expect(native.write(fd, bytes)).toBe(8)
    expect([native.read(fd, bytes), value[0]]).toEqual([8, 42n])
    expect(errnoName(native.read(fd, bytes))).toBe('EAGAIN')
  })

  it('begins with what it is given, or nothing', (context) => {
    needs(context, 'events')
    const before = openCount()
    expect(() => native.eventCounter(-1)).toThrow(RangeError)
    expect(() => native.eventCounter(2 ** 32)).toThrow(RangeError)
    expect(() => native.eventCounter('1' as never)).toThrow(TypeError)
    expect(openCount()).toBe(before)
    const fd = native.eventCounter()
    closing(fd)
    expect(errnoName(native.read(fd, new Uint8Array(8)))).toBe('EAGAIN')
  })
})
