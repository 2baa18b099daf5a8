/**
 * Addresses: what is one, how they are read and written, and how names are looked up.
 */
import { connect } from 'node:net'
import { VIOError, VIOTimeout, VIPSocketPeer, VPeer, VUnixSocketPeer } from '@vio/io'
import {
  checkPort,
  checkSocketPeer,
  checkUnixPath,
  createSocket,
  formatAddress,
  localPeerFromSock,
  lookup,
  lookupAll,
  MAX_UNIX_PATH_BYTES,
  parseAddress,
  peerFromSock,
  splitHostPort,
  VAddressError,
  VSocketError,
} from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listening } from './support/net-rig.js'

const BOTH = async () => [
  { address: '::1', family: 6 },
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

describe('addresses as text', () => {
  it.each([
    ['127.0.0.1:80', 'inet'],
    ['[::1]:65535', 'inet6'],
    [':0', 'inet'],
    ['unix:/run/x.sock', 'unix'],
    ['unix:@name', 'unix'],
  ])('reads %s, and writes it again [VE-S13]', (text, family) => {
    const peer = parseAddress(text)
    expect(peer.family).toBe(family)
    expect(formatAddress(peer)).toBe(text)
    expect(parseAddress(formatAddress(peer)).equals(peer)).toBe(true)
  })

  it('reads an abstract name as one, and writes a path that looks like one so that it stays a path', () => {
    expect(parseAddress('unix:@name')).toMatchObject({ path: '\0name' })
    expect(formatAddress(new VUnixSocketPeer('@name'))).toBe('unix:./@name')
  })

  it.each([
    '',
    '127.0.0.1',
    '::1:80',
    '[127.0.0.1]:80',
    'localhost:80',
    '1.2.3.4:65536',
    '1.2.3.4:-1',
    'unix:',
    '[::1]',
  ])('refuses %j', (text) => {
    expect(() => parseAddress(text)).toThrow(VAddressError)
  })

  it('takes a host and a port apart', () => {
    expect(splitHostPort('example.org:443')).toEqual({ host: 'example.org', port: 443 })
    expect(splitHostPort('[::1]:1')).toEqual({ host: '::1', port: 1 })
    expect(() => splitHostPort('a:b:1')).toThrow(VAddressError)
    expect(() => splitHostPort('host')).toThrow(VAddressError)
  })
})

describe('what an address may be', () => {
  it.each([-1, 65_536, 1.5, Number.NaN, '80', undefined])('refuses the port %s', (port) => {
    expect(() => checkPort(port as number)).toThrow(VAddressError)
  })

  it('refuses what cannot be connected to, before the system sees it', () => {
    expect(() => checkSocketPeer(new VIPSocketPeer('127.0.0.1', 0))).toThrow(VAddressError)
    expect(() => checkSocketPeer(new VIPSocketPeer('', 80))).toThrow(VAddressError)
    expect(() => checkSocketPeer({} as never)).toThrow(TypeError)
    expect(checkSocketPeer(new VIPSocketPeer('', 0), 0)).toBeInstanceOf(VIPSocketPeer)
  })

  it('refuses Unix paths that the system would cut off', () => {
    const longest = `/${'x'.repeat(MAX_UNIX_PATH_BYTES - 1)}`
    expect(checkUnixPath(longest)).toBe(longest)
    for (const path of [`${longest}x`, `\0${longest}`, `/${'é'.repeat(54)}`, '/a\0b', '', '\0', 5 as never]) {
      expect(() => checkUnixPath(path), JSON.stringify(path)).toThrow(VAddressError)
    }
    expect(() => createSocket(new VUnixSocketPeer(`${longest}x`))).toThrow(/107|103/)
  })
})

describe('looking names up', () => {
  it('gives IPv4 before IPv6, each address once, with the name that was asked for [VE-S13]', async () => {
    const all = await lookupAll('name', 80, { resolver: BOTH })
    expect(all.map(String)).toEqual(['127.0.0.1:80', '[::1]:80'])
    expect(all[0]).toMatchObject({ reqAddress: 'name', socketType: 'stream', ipVersion: 4, isLocal: true })
    expect(String(await lookup('name', 80, { resolver: BOTH }))).toBe('127.0.0.1:80')
  })

  it('takes another order, or one family only', async () => {
    const hosts = async (more: object) =>
      (await lookupAll('name', 80, { resolver: BOTH, ...more })).map(({ host }) => host)
    expect(await hosts({ order: 'ipv6first' })).toEqual(['::1', '127.0.0.1'])
    expect(await hosts({ order: 'verbatim' })).toEqual(['::1', '127.0.0.1'])
    expect(await hosts({ family: 'inet6' })).toEqual(['::1'])
    expect(await hosts({ family: 'inet' })).toEqual(['127.0.0.1'])
  })

  it('asks nobody about a numeric address', async () => {
    const resolver = () => Promise.reject(new Error('was asked'))
    expect(String(await lookup('::1', 5, { resolver, socketType: 'dgram' }))).toBe('[::1]:5')
    await expect(lookup('127.0.0.1', 5, { resolver, family: 'inet6' })).rejects.toMatchObject({
      code: 'ENODATA',
    })
  })

  it('finds localhost by the system', async () => {
    expect((await lookup('localhost', 1)).isLocal).toBe(true)
  })

  it('keeps the code of a resolver that fails', async () => {
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND x'), {
      code: 'ENOTFOUND',
      syscall: 'getaddrinfo',
    })
    const failed = lookup('x', 1, { resolver: () => Promise.reject(cause) })
    await expect(failed).rejects.toBeInstanceOf(VSocketError)
    await expect(failed).rejects.toMatchObject({ code: 'ENOTFOUND', syscall: 'getaddrinfo', cause })
    await expect(lookup('x', 1, { resolver: async () => [] })).rejects.toMatchObject({ code: 'ENODATA' })
  })

  it('is given up by its signal, at once if that is aborted already, and by its time-out', async () => {
    const resolver = () => new Promise<never>(() => undefined)
    const control = new AbortController()
    const asked = lookup('x', 1, { resolver, signal: control.signal })
    control.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
    await expect(lookup('x', 1, { resolver, signal: control.signal })).rejects.toThrow('enough')
    await expect(lookup('x', 1, { resolver, timeoutMs: 1 })).rejects.toBeInstanceOf(VIOTimeout)
  })

  it.each([
    ['', 80],
    ['a\0b', 80],
    ['x', 70_000],
    [undefined as never, 80],
  ])('refuses the host %j and the port %s', async (host, port) => {
    await expect(lookup(host, port)).rejects.toBeInstanceOf(VAddressError)
  })
})

describe('sockets and peers', () => {
  it('reads peers off a socket, and makes sockets for peers [VE-S13]', async () => {
    const place = await listening('tcp4')
    onTestFinished(() => place.close())
    const socket = createSocket(place.peer)
    expect(socket.pending).toBe(true)
    expect(peerFromSock(socket)).toBeNull()
    socket.connect((place.peer as VIPSocketPeer).native)
    const other = await place.next()
    await new Promise((done) => (socket.connecting ? socket.once('connect', done) : done(undefined)))
    expect(peerFromSock(socket)?.equals(place.peer)).toBe(true)
    expect(localPeerFromSock(socket)?.equals(peerFromSock(other))).toBe(true)
    socket.destroy()
    other.destroy()
  })

  it('makes no stream socket for a datagram peer, and knows no peer of a Unix socket', async () => {
    expect(() => createSocket(new VIPSocketPeer('127.0.0.1', 1, { socketType: 'dgram' }))).toThrow(VIOError)
    const place = await listening('unix')
    onTestFinished(() => place.close())
    const socket = connect({ path: (place.peer as VUnixSocketPeer).path })
    await new Promise((done) => socket.once('connect', done))
    expect(peerFromSock(socket)).toBeNull()
    expect(place.peer).toBeInstanceOf(VPeer)
    socket.destroy()
  })
})
