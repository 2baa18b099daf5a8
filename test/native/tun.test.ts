/**
 * A network interface that this process plays: configured by `ioctl`, watched like any other descriptor.
 */
import { closeSync, constants, openSync } from 'node:fs'
import { native, readiness, VDescriptorWatch, VNativeError } from '@vio/native'
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { skipUnless } from '../lib/skip.js'
import { closing, needs, until } from './support.js'

const IFF_UP = 1
const IFF_TUN = 1
const IFF_NO_PI = 0x1000
const NEAR = '10.203.113.1'
const FAR = '10.203.113.2'

/** The structure of a request about the interface `name`. */
function request(name: string): Buffer {
  const bytes = Buffer.alloc(40)
  bytes.write(name)
  return bytes
}

function addressRequest(name: string, host: string): Buffer {
  const bytes = request(name)
  bytes.writeUInt16LE(2, 16)
  bytes.set(host.split('.').map(Number), 20)
  return bytes
}

/** Makes an interface; leaves the test out where that is not allowed. */
function openTun(context: TestContext): { readonly fd: number; readonly name: string } {
  let fd = -1
  let missing = ''
  const asked = request('viotest%d')
  asked.writeUInt16LE(IFF_TUN | IFF_NO_PI, 16)
  try {
    fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK)
    native.ioctl(fd, 'TUNSETIFF', asked)
  } catch (error) {
    if (fd >= 0) closeSync(fd)
    missing = String(error)
  }
  skipUnless(context, missing === '', `no interface can be made here: ${missing}`)
  onTestFinished(() => closeSync(fd))
  return { fd, name: asked.toString('latin1', 0, asked.indexOf(0)) }
}

/** Gives the interface its addresses and switches it on. */
function raise(name: string, socket: number): void {
  native.ioctl(socket, 'SIOCSIFADDR', addressRequest(name, NEAR))
  native.ioctl(socket, 'SIOCSIFDSTADDR', addressRequest(name, FAR))
  const flags = request(name)
  native.ioctl(socket, 'SIOCGIFFLAGS', flags)
  flags.writeUInt16LE(flags.readUInt16LE(16) | IFF_UP, 16)
  native.ioctl(socket, 'SIOCSIFFLAGS', flags)
}

describe('a network interface of this process', () => {
  it('is named by the system, raised, and read packet by packet when one is there [N-25] [N-26]', async (context) => {
    needs(context, 'ioctl', 'sockets', 'readiness')
    const { fd, name } = openTun(context)
    expect(name).toMatch(/^viotest\d+$/)
    const socket = native.socket('ipv4', 'dgram')
    closing(socket)
    raise(name, socket)
    const packets: Buffer[] = []
    const watch = new VDescriptorWatch(fd, () => {
      const buffer = Buffer.alloc(2000)
      const count = native.read(fd, buffer)
      if (count > 0) packets.push(buffer.subarray(0, count))
    })
    onTestFinished(() => watch.close())
    watch.start(readiness.READABLE)
    native.connect(socket, { family: 'ipv4', host: FAR, port: 9 })
    native.write(socket, Buffer.from('across the tunnel'))
    const isOurs = (packet: Buffer): boolean => packet.toString('latin1').endsWith('across the tunnel')
    await until(() => packets.some(isOurs))
    const packet = packets.find(isOurs)
    // IPv4 and UDP, from here to there, 20 and 8 bytes of headers.
    expect([packet?.[0], packet?.[9], packet?.length]).toEqual([0x45, 17, 28 + 17])
    expect([packet?.subarray(12, 16).join('.'), packet?.subarray(16, 20).join('.')]).toEqual([NEAR, FAR])
  })

  it('is configured once', (context) => {
    needs(context, 'ioctl')
    const { fd } = openTun(context)
    expect(() => native.ioctl(fd, 'TUNSETIFF', request('viotest%d'))).toThrow(VNativeError)
  })
})
