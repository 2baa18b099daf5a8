/**
 * Peers as values: which addresses are addresses, what a peer says of its own, and when two are the same.
 */
import { isIP } from 'node:net'
import {
  ipVersionOf,
  VIPSocketPeer,
  VMemoryPeer,
  VPeer,
  VPipePeer,
  VSocketPeer,
  VUnixSocketPeer,
} from '@vio/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../lib/runs.js'

const IPV4 = ['0.0.0.0', '1.2.3.4', '127.0.0.1', '192.168.10.200', '255.255.255.255']

const NO_IPV4 = [
  '256.1.1.1',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.',
  '.1.2.3',
  '1..2.3',
  '01.2.3.4',
  '1.2.3.04',
  '1.2.3.4 ',
  ' 1.2.3.4',
  '1.2.3.-4',
  '0x7f.0.0.1',
  '2130706433',
  '1.2.3.4/8',
  '1.2.3.4%eth0',
  '1.2.3.4\n',
  '١.2.3.4',
]

const IPV6 = [
  '::',
  '::1',
  '1::',
  '2001:db8::1',
  '2001:DB8::A',
  '1:2:3:4:5:6:7:8',
  '0001:0002:0003:0004:0005:0006:0007:0008',
  '1:2:3:4:5:6:7::',
  '::2:3:4:5:6:7:8',
  '1:2:3::5:6:7:8',
  'fe80::1%eth0',
  'fe80::1%3',
  '::ffff:127.0.0.1',
  '64:ff9b::192.0.2.33',
  '1:2:3:4:5:6:1.2.3.4',
  '::1.2.3.4',
]

const NO_IPV6 = [
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1::2:3:4:5:6:7:8',
  ':1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7:8:',
  '12345::',
  'g::1',
  '::1%',
  '%eth0',
  '::1%a%b',
  '[::1]',
  '::1.2.3',
  '::1.2.3.256',
  '::1.2.3.4:5',
  '1.2.3.4::',
  '1:2:3:4:5:6:7:1.2.3.4',
  ' ::1',
]

describe('an IP address', () => {
  it.each(IPV4)('%j is of version 4 [VE-S13]', (host) => {
    expect(ipVersionOf(host)).toBe(4)
    const peer = new VIPSocketPeer(host, 80)
    expect([peer.ipVersion, peer.family, peer.host]).toEqual([4, 'inet', host])
    expect(peer.toString()).toBe(`${host}:80`)
  })

  it.each(IPV6)('%j is of version 6 [VE-S13]', (host) => {
    expect(ipVersionOf(host)).toBe(6)
    const peer = new VIPSocketPeer(host, 80)
    expect([peer.ipVersion, peer.family, peer.host]).toEqual([6, 'inet6', host])
    expect(peer.toString()).toBe(`[${host}]:80`)
  })

  it.each([...NO_IPV4, ...NO_IPV6, 'localhost', 'example.com', 'a'])('%j is none [VE-S13]', (host) => {
    expect(ipVersionOf(host)).toBe(0)
    expect(() => new VIPSocketPeer(host, 80)).toThrow(TypeError)
    expect(() => new VIPSocketPeer(host, 80)).toThrow(/IP address or empty, got string .*look names up first/)
  })

  it('is read as the system reads it, whatever the text [VE-S13]', () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.stringMatching(/^[0-9a-f:.]{0,20}$/),
      fc
        .array(fc.constantFrom('::', ':', '1', 'ff', '0', '1.2.3.4', '.', '255'), { maxLength: 12 })
        .map((parts) => parts.join('')),
      fc
        .array(fc.constantFrom('0', 'a1', 'ffff', ''), { minLength: 6, maxLength: 9 })
        .map((parts) => parts.join(':')),
    )
    const same = (host: string): void => {
      expect(ipVersionOf(host)).toBe(isIP(host))
    }
    fc.assert(fc.property(text, same), propertyRuns(2000))
  })
})

describe('VIPSocketPeer', () => {
  it('has its parts, with defaults [VE-S13]', () => {
    const peer = new VIPSocketPeer('192.0.2.1', 8080)
    expect(peer).toBeInstanceOf(VSocketPeer)
    expect(peer).toMatchObject({
      family: 'inet',
      socketType: 'stream',
      protocol: 0,
      host: '192.0.2.1',
      port: 8080,
      reqAddress: '192.0.2.1',
      native: { host: '192.0.2.1', port: 8080 },
    })
  })

  it('has its address in the form of the system, under its other name too [VE-S13]', () => {
    const peer = new VIPSocketPeer('192.0.2.1', 80)
    expect(peer.address).toEqual({ host: '192.0.2.1', port: 80 })
    expect(new VUnixSocketPeer('/run/x.sock').address).toBe('/run/x.sock')
  })

  it('keeps what it is told [VE-S13]', () => {
    const peer = new VIPSocketPeer('::1', 53, { socketType: 'dgram', protocol: 17, reqAddress: 'localhost' })
    expect(peer).toMatchObject({
      socketType: 'dgram',
      protocol: 17,
      reqAddress: 'localhost',
      family: 'inet6',
    })
  })

  it.each([
    ['127.0.0.1', true],
    ['127.255.0.9', true],
    ['128.0.0.1', false],
    ['12.7.0.1', false],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['0000::0001', true],
    ['::1%lo', true],
    ['::2', false],
    ['1::1', false],
    ['::ffff:127.0.0.1', true],
    ['::FFFF:127.9.9.9', true],
    ['::ffff:7f00:1', true],
    ['::ffff:8000:1', false],
    ['::ffff:126.0.0.1', false],
    ['::1:ffff:7f00:1', false],
    ['fe80::1', false],
    ['', false],
  ])('of %j tells whether it is local: %s [VE-S13]', (host, isLocal) => {
    expect(new VIPSocketPeer(host, 80).isLocal).toBe(isLocal)
  })

  it.each([
    ['192.0.2.1', 80, true],
    ['192.0.2.1', 0, false],
    ['', 80, false],
    ['', 0, false],
    ['::', 80, true],
  ])('of %j and port %d tells whether it is bound: %s [VE-S13]', (host, port, bound) => {
    expect(new VIPSocketPeer(host, port).bound).toBe(bound)
  })

  it.each([-1, 65_536, 1.5, Number.NaN, '80', null, undefined])('refuses the port %j [VE-S13]', (port) => {
    expect(() => new VIPSocketPeer('192.0.2.1', port as never)).toThrow(RangeError)
    expect(() => new VIPSocketPeer('192.0.2.1', port as never)).toThrow(/0 to 65535, got/)
  })

  it('refuses a host, a type and a protocol that are none [VE-S13]', () => {
    for (const host of [null, undefined, 1, {}]) {
      expect(() => new VIPSocketPeer(host as never, 80)).toThrow(TypeError)
    }
    for (const socketType of ['raw', '', 1]) {
      expect(() => new VIPSocketPeer('::1', 80, { socketType: socketType as 'dgram' })).toThrow(TypeError)
    }
    for (const protocol of [-1, 256, 1.5, Number.NaN]) {
      expect(() => new VIPSocketPeer('::1', 80, { protocol })).toThrow(RangeError)
    }
  })

  it('takes the ends of the ranges', () => {
    expect(new VIPSocketPeer('::1', 65_535, { protocol: 255 })).toMatchObject({ port: 65_535, protocol: 255 })
  })
})

describe('the other peers', () => {
  it('a Unix socket has a path [VE-S13]', () => {
    const peer = new VUnixSocketPeer('/run/x.sock')
    expect(peer).toBeInstanceOf(VSocketPeer)
    expect(peer).toMatchObject({
      family: 'unix',
      socketType: 'stream',
      protocol: 0,
      path: '/run/x.sock',
      native: '/run/x.sock',
      reqAddress: '/run/x.sock',
    })
    expect(String(peer)).toBe('unix:/run/x.sock')
    expect(new VUnixSocketPeer('/a', 'dgram').socketType).toBe('dgram')
    expect(String(new VUnixSocketPeer('\0abstract'))).toBe('unix:@abstract')
    for (const path of ['', null, undefined, 7]) {
      expect(() => new VUnixSocketPeer(path as never)).toThrow(TypeError)
    }
    expect(() => new VUnixSocketPeer('/a', 'raw' as never)).toThrow(TypeError)
  })

  it('a pipe has a descriptor to read, one to write, or both [VE-S13]', () => {
    const peer = new VPipePeer(3, -1)
    expect(peer).toBeInstanceOf(VPeer)
    expect(peer).not.toBeInstanceOf(VSocketPeer)
    expect(peer).toMatchObject({ readFd: 3, writeFd: -1, native: [3, -1] })
    expect(String(peer)).toBe('pipe:3,-1')
    for (const fd of [-2, 1.5, Number.NaN, '3', null]) {
      expect(() => new VPipePeer(fd as never, 4)).toThrow(RangeError)
      expect(() => new VPipePeer(4, fd as never)).toThrow(/-1 for none, got/)
    }
  })

  it('an end in memory has a name', () => {
    const peer = new VMemoryPeer('left')
    expect([peer.native, String(peer)]).toEqual(['left', 'memory:left'])
    expect(() => new VMemoryPeer(1 as never)).toThrow(TypeError)
  })
})

describe('peers are values', () => {
  it.each([
    [new VIPSocketPeer('1.2.3.4', 80), new VIPSocketPeer('1.2.3.4', 80, { reqAddress: 'x' })],
    [new VIPSocketPeer('::1', 80), new VIPSocketPeer('0:0::1', 80)],
    [new VIPSocketPeer('2001:DB8::', 80), new VIPSocketPeer('2001:db8:0::0', 80)],
    [new VIPSocketPeer('::1.2.3.4', 80), new VIPSocketPeer('::102:304', 80)],
    [new VIPSocketPeer('fe80::1%eth0', 1), new VIPSocketPeer('FE80::1%eth0', 1)],
    [new VUnixSocketPeer('/a'), new VUnixSocketPeer('/a')],
    [new VPipePeer(3, 4), new VPipePeer(3, 4)],
    [new VMemoryPeer('a'), new VMemoryPeer('a')],
  ])('%s is the same as %s [VE-S13]', (one, other) => {
    expect(one.equals(other)).toBe(true)
    expect(other.equals(one)).toBe(true)
  })

  it.each([
    [new VIPSocketPeer('1.2.3.4', 80), new VIPSocketPeer('1.2.3.4', 81)],
    [new VIPSocketPeer('1.2.3.4', 80), new VIPSocketPeer('1.2.3.5', 80)],
    [new VIPSocketPeer('1.2.3.4', 80), new VIPSocketPeer('::ffff:1.2.3.4', 80)],
    [new VIPSocketPeer('fe80::1%a', 1), new VIPSocketPeer('fe80::1%b', 1)],
    [new VIPSocketPeer('', 1), new VIPSocketPeer('0.0.0.0', 1)],
    [new VUnixSocketPeer('/a'), new VUnixSocketPeer('/b')],
    [new VUnixSocketPeer('\0a'), new VUnixSocketPeer('@a')],
    [new VPipePeer(3, 4), new VPipePeer(4, 3)],
    [new VMemoryPeer('a'), new VMemoryPeer('b')],
    [new VMemoryPeer('/a'), new VUnixSocketPeer('/a')],
  ])('%s is another than %s [VE-S13]', (one, other) => {
    expect(one.equals(other)).toBe(false)
    expect(other.equals(one)).toBe(false)
  })

  it('are the same as nothing else, and give their address away as a copy [VE-S13]', () => {
    const peer = new VIPSocketPeer('1.2.3.4', 80)
    for (const other of [null, undefined, '1.2.3.4:80', { toString: () => '1.2.3.4:80' }]) {
      expect(peer.equals(other)).toBe(false)
    }
    Object.assign(peer.native, { port: 1 })
    expect(peer.native.port).toBe(80)
  })
})
