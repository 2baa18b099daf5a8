/**
 * Sockets by their descriptors: every family, connecting, accepting, half-close, options, addresses.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  errnoName,
  errnos,
  native,
  readiness,
  socketOptions,
  VDescriptorWatch,
  type VNativeAddress,
  VNativeError,
  type VSocketFamily,
} from '@vio/native'
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { decodeAddress, encodeAddress, SOCKADDR_BYTES } from '../../packages/native/src/posix/address.js'
import { skipUnless } from '../lib/skip.js'
import { closing, needs, openCount, openPair, openPipe, until } from './support.js'

const { SOL_SOCKET, SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_REUSEPORT, SO_SNDBUF, SO_TYPE } = socketOptions
const minus = (code: string): number => -(errnos[code] ?? 0)

/** A socket that ends with the test. */
function opened(family: VSocketFamily, type?: 'dgram' | 'seqpacket'): number {
  const fd = native.socket(family, type)
  closing(fd)
  return fd
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'vio-socket-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

/** Leaves the test out where the family has no loopback. */
function needsLoopback(context: TestContext, family: VSocketFamily): void {
  if (family !== 'ipv6') return
  let missing = ''
  const fd = native.socket('ipv6')
  try {
    native.bind(fd, { family: 'ipv6', host: '::1', port: 0 })
  } catch (error) {
    missing = String(error)
  }
  native.close(fd)
  skipUnless(context, missing === '', `IPv6 has no loopback here: ${missing}`)
}

const places: readonly (readonly [VSocketFamily, string, () => VNativeAddress])[] = [
  ['ipv4', 'IPv4', () => ({ family: 'ipv4', host: '127.0.0.1', port: 0 })],
  ['ipv6', 'IPv6', () => ({ family: 'ipv6', host: '::1', port: 0 })],
  ['unix', 'a path', () => ({ family: 'unix', path: join(folder(), 'socket') })],
  ['unix', 'an abstract name', () => ({ family: 'unix', path: `\0vio-${process.pid}-${Math.random()}` })],
]

/** Waits until a descriptor is ready. */
async function ready(fd: number, events: number): Promise<void> {
  let told = false
  const watch = new VDescriptorWatch(fd, () => {
    told = true
    watch.stop()
  })
  watch.start(events)
  await until(() => told)
  watch.close()
}

describe('a connection', () => {
  it.for(places)(
    'of %s (%s) is listened for, made, accepted, used and ended on one side',
    async ([family, , place], context) => {
      needs(context, 'sockets', 'readiness')
      needsLoopback(context, family)
      const listener = opened(family)
      native.bind(listener, place())
      native.listen(listener)
      const address = native.socketName(listener)
      expect(native.accept(listener)).toBe(minus('EAGAIN'))
      const near = opened(family)
      expect([0, minus('EINPROGRESS')]).toContain(native.connect(near, address))
      await ready(near, readiness.WRITABLE)
      expect([native.socketError(near), native.peerName(near)]).toEqual([0, address])
      await ready(listener, readiness.READABLE)
      const far = native.accept(listener)
      closing(far)
      expect(native.peerName(far)).toEqual(native.socketName(near))
      expect([native.isNonBlocking(far), native.isCloseOnExec(far)]).toEqual([true, true])
      expect(native.write(near, Buffer.from('ping'))).toBe(4)
      native.shutdown(near, 'write')
      await ready(far, readiness.READABLE)
      const buffer = Buffer.alloc(16)
      expect(native.read(far, buffer)).toBe(4)
      await ready(far, readiness.READABLE)
      expect(native.read(far, buffer)).toBe(0)
      expect(native.write(far, Buffer.from('pong!'))).toBe(5)
      await ready(near, readiness.READABLE)
      expect(native.read(near, buffer)).toBe(5)
    },
  )

  it('with node:net is one like any other', async (context) => {
    needs(context, 'sockets', 'readiness')
    const server = createServer((socket) => socket.end('from node'))
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const fd = opened('ipv4')
    native.connect(fd, { family: 'ipv4', host: '127.0.0.1', port })
    await ready(fd, readiness.READABLE)
    const buffer = Buffer.alloc(32)
    expect(buffer.toString('utf8', 0, native.read(fd, buffer))).toBe('from node')
  })

  it('that nobody listens for is refused, as the pending error tells once', async (context) => {
    needs(context, 'sockets', 'readiness')
    const listener = opened('ipv4')
    native.bind(listener, { family: 'ipv4', host: '127.0.0.1', port: 0 })
    const fd = opened('ipv4')
    const result = native.connect(fd, native.socketName(listener))
    if (result === minus('EINPROGRESS')) {
      await ready(fd, readiness.WRITABLE)
      expect(errnoName(native.socketError(fd))).toBe('ECONNREFUSED')
    } else expect(errnoName(result)).toBe('ECONNREFUSED')
    expect(native.getOption(fd, SOL_SOCKET, SO_ERROR)).toBe(0)
  })

  it('to a path that is not there fails at once', (context) => {
    needs(context, 'sockets')
    const fd = opened('unix')
    expect(errnoName(native.connect(fd, { family: 'unix', path: join(folder(), 'none') }))).toBe('ENOENT')
  })
})

describe('two sockets that are connected', () => {
  it.for(['stream', 'dgram', 'seqpacket'] as const)('carry a %s', (type, context) => {
    needs(context, 'sockets')
    const [near, far] = native.socketPair(type)
    closing(near, far)
    native.write(near, Buffer.from('one'))
    native.write(near, Buffer.from('two'))
    const buffer = Buffer.alloc(16)
    const count = native.read(far, buffer)
    expect(buffer.toString('utf8', 0, count)).toBe(type === 'stream' ? 'onetwo' : 'one')
  })

  it('end the input of one side without ending its output [N-06]', (context) => {
    needs(context, 'sockets')
    const [near, far] = openPair()
    native.shutdown(near, 'read')
    expect(native.read(near, Buffer.alloc(4))).toBe(0)
    expect(errnoName(native.write(far, Buffer.from('lost')))).toBe('EPIPE')
    expect(native.write(near, Buffer.from('kept'))).toBe(4)
    expect(native.read(far, Buffer.alloc(8))).toBe(4)
    expect(() => native.shutdown(near, 'left' as never)).toThrow(/one of read, write, both/)
  })
})

describe('listening', () => {
  it('at an address in use is refused, unless both share the port [N-14]', (context) => {
    needs(context, 'sockets')
    const [first, second, third] = [opened('ipv4'), opened('ipv4'), opened('ipv4')]
    for (const fd of [first, second]) native.setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1)
    native.bind(first, { family: 'ipv4', host: '127.0.0.1', port: 0 })
    native.listen(first)
    const address = native.socketName(first)
    native.bind(second, address)
    native.listen(second, 5)
    expect(native.socketName(second)).toEqual(address)
    expect(() => native.bind(third, address)).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE', syscall: 'bind' }),
    )
  })

  it('on what is no socket, or is connected, says so', (context) => {
    needs(context, 'sockets')
    const { reader } = openPipe()
    expect(() => native.listen(reader)).toThrow(expect.objectContaining({ code: 'ENOTSOCK' }))
    expect(errnoName(native.accept(reader))).toBe('ENOTSOCK')
    expect(() => native.peerName(opened('ipv4'))).toThrow(expect.objectContaining({ code: 'ENOTCONN' }))
    expect(() => native.shutdown(opened('ipv4'), 'both')).toThrow(
      expect.objectContaining({ code: 'ENOTCONN' }),
    )
  })
})

describe('options', () => {
  it('are read and set as integers [N-15] [N-16]', (context) => {
    needs(context, 'sockets')
    const fd = opened('ipv4')
    expect(native.getOption(fd, SOL_SOCKET, SO_TYPE)).toBe(1)
    expect(native.getOption(fd, SOL_SOCKET, SO_KEEPALIVE)).toBe(0)
    native.setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
    expect(native.getOption(fd, SOL_SOCKET, SO_KEEPALIVE)).toBe(1)
    native.setOption(fd, SOL_SOCKET, SO_SNDBUF, 30_000)
    // The system keeps as much again for its own accounts.
    expect(native.getOption(fd, SOL_SOCKET, SO_SNDBUF)).toBe(60_000)
    native.setOption(fd, socketOptions.IPPROTO_TCP, socketOptions.TCP_NODELAY, 1)
    expect(native.getOption(fd, socketOptions.IPPROTO_TCP, socketOptions.TCP_NODELAY)).not.toBe(0)
  })

  it('are read and set as bytes, and as no more than were asked for', (context) => {
    needs(context, 'sockets')
    const fd = opened('ipv4')
    native.setOptionBytes(fd, SOL_SOCKET, SO_LINGER, new Uint8Array(Int32Array.of(1, 7).buffer))
    const bytes = native.getOptionBytes(fd, SOL_SOCKET, SO_LINGER, 64)
    expect([...new Int32Array(bytes.buffer)]).toEqual([1, 7])
    expect(native.getOptionBytes(fd, SOL_SOCKET, SO_LINGER, 4)).toHaveLength(4)
    expect(() => native.getOptionBytes(fd, SOL_SOCKET, SO_LINGER, 5000)).toThrow(RangeError)
    expect(() => native.setOptionBytes(fd, SOL_SOCKET, SO_LINGER, new Uint8Array(5000))).toThrow(RangeError)
  })

  it('that do not exist, or not for this socket, are refused with the code of the system', (context) => {
    needs(context, 'sockets')
    const fd = opened('unix')
    const { IPPROTO_TCP, TCP_NODELAY } = socketOptions
    expect(() => native.setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1)).toThrow(VNativeError)
    expect(() => native.getOption(fd, SOL_SOCKET, 9999)).toThrow(
      expect.objectContaining({ code: 'ENOPROTOOPT', syscall: 'getsockopt' }),
    )
    expect(() => native.getOption(fd, -1, 0)).toThrow(RangeError)
    expect(() => native.setOption(fd, 1, 1, 2 ** 31)).toThrow(RangeError)
  })

  it('leave no descriptor behind, whatever fails', (context) => {
    needs(context, 'sockets')
    const before = openCount()
    for (const family of ['ipv4', 'unix'] as const) {
      const fd = native.socket(family)
      expect(() => native.bind(fd, { family: 'unix', path: '' })).toThrow(RangeError)
      expect(() => native.setOption(fd, 77, 77, 1)).toThrow(VNativeError)
      native.close(fd)
    }
    expect(() => native.socket('ipx' as never)).toThrow(/one of ipv4, ipv6, unix, got "ipx"/)
    expect(() => native.socket('ipv4', 'stream', 250)).toThrow(VNativeError)
    expect(openCount()).toBe(before)
  })
})

describe('an address', () => {
  it.each<VNativeAddress>([
    { family: 'ipv4', host: '127.0.0.1', port: 0 },
    { family: 'ipv4', host: '255.254.1.0', port: 65_535 },
    { family: 'ipv6', host: '::', port: 1 },
    { family: 'ipv6', host: '::1', port: 258 },
    { family: 'ipv6', host: '2001:db8::8:800:200c:417a', port: 443 },
    { family: 'ipv6', host: '1:2:3:4:5:6:7:8', port: 443 },
    { family: 'ipv6', host: 'fe80::1%3', port: 443 },
    { family: 'ipv6', host: '::ffff:10.1.2.3', port: 80 },
    { family: 'unix', path: '/tmp/a socket' },
    { family: 'unix', path: '/tmp/ünï' },
    { family: 'unix', path: `/${'x'.repeat(106)}` },
    { family: 'unix', path: '\0abstract' },
    { family: 'unix', path: `\0${'x'.repeat(107)}` },
  ])('comes back from the form of the system: %j', (address) => {
    const bytes = new Uint8Array(SOCKADDR_BYTES).fill(255)
    expect(decodeAddress(bytes, encodeAddress(address, 'bind', bytes))).toEqual(address)
  })

  it('has the bytes of the system', () => {
    const bytes = new Uint8Array(SOCKADDR_BYTES)
    const hex = (length: number): string => Buffer.from(bytes.subarray(0, length)).toString('hex')
    expect(encodeAddress({ family: 'ipv4', host: '10.1.2.3', port: 0x1234 }, 'bind', bytes)).toBe(16)
    expect(hex(16)).toBe('020012340a0102030000000000000000')
    expect(encodeAddress({ family: 'ipv6', host: '1::f00d:1.2.3.4%5', port: 80 }, 'bind', bytes)).toBe(28)
    expect(hex(28)).toBe('0a0000500000000000010000000000000000f00d0102030405000000')
    expect(encodeAddress({ family: 'unix', path: '/a' }, 'bind', bytes)).toBe(5)
    expect(hex(5)).toBe('01002f6100')
  })

  it('of a path that does not fit is refused instead of cut off [N-33]', (context) => {
    needs(context, 'sockets')
    const fd = opened('unix')
    const code = expect.objectContaining({ code: 'ENAMETOOLONG' }) as Error
    expect(() => native.bind(fd, { family: 'unix', path: `/tmp/${'x'.repeat(103)}` })).toThrow(code)
    expect(() => native.connect(fd, { family: 'unix', path: `/tmp/${'ü'.repeat(60)}` })).toThrow(code)
    expect(() => native.bind(fd, { family: 'unix', path: `\0${'x'.repeat(108)}` })).toThrow(code)
    expect(native.socketName(fd)).toEqual({ family: 'unix', path: '' })
  })

  it.each([
    [undefined, TypeError],
    [null, TypeError],
    ['127.0.0.1:80', TypeError],
    [{}, TypeError],
    [{ family: 'ipv4', host: '1.2.3', port: 1 }, TypeError],
    [{ family: 'ipv4', host: '::1', port: 1 }, TypeError],
    [{ family: 'ipv4', host: '1.2.3.4', port: 65_536 }, RangeError],
    [{ family: 'ipv4', host: '1.2.3.4', port: -1 }, RangeError],
    [{ family: 'ipv4', host: '1.2.3.4', port: '80' }, TypeError],
    [{ family: 'ipv6', host: '1.2.3.4', port: 80 }, TypeError],
    [{ family: 'ipv6', host: 'fe80::1%nothing0', port: 80 }, RangeError],
    [{ family: 'ipv6', host: 'fe80::1%constructor', port: 80 }, RangeError],
    [{ family: 'unix', path: '' }, RangeError],
    [{ family: 'unix', path: '/a\0b' }, RangeError],
    [{ family: 'unix', path: 5 }, TypeError],
  ] as const)('is refused: %j', (address, kind) => {
    const bytes = new Uint8Array(SOCKADDR_BYTES)
    expect(() => encodeAddress(address as unknown as VNativeAddress, 'bind', bytes)).toThrow(kind)
  })

  it('of a family that is not known is an error, and of one that is cut off too', () => {
    expect(() => decodeAddress(Uint8Array.of(17, 0, 1, 2), 4)).toThrow(/family 17/)
    expect(() => decodeAddress(Uint8Array.of(2, 0, 1, 2), 4)).toThrow(VNativeError)
  })
})
