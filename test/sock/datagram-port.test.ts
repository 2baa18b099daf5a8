/**
 * Datagram sockets of Node as ports: the contract, over each version of IP, and what only sockets have.
 */
import { VDatagramError, VFIOCompleted, VFIOLost, VIOClosed, VIPSocketPeer, VTransmitBatch } from '@vio/io'
import { datagramPortContract } from '@vio/io/testing'
import { VDatagramSocket, type VDatagramSocketOptions, VSocketError } from '@vio/sock'
import { describe, expect, it } from 'vitest'
import { knowsReusePort } from '../../packages/sock/src/describe.js'
import { runSuite } from '../lib/run-suite.js'
import { skipUnless } from '../lib/skip.js'
import { batchOf, hasIPv6, socketRig, texts, until } from './support/datagrams.js'

const NO_IPV6 = 'this machine has no IPv6 on its loopback'

runSuite('a datagram socket on IPv4', datagramPortContract, () => socketRig({ host: '127.0.0.1' }))

describe('a datagram socket on IPv6', () => {
  for (const { title, run } of datagramPortContract) {
    it(title, async (context) => {
      skipUnless(context, await hasIPv6(), NO_IPV6)
      await run(() => socketRig({ host: '::1' }))
    })
  }
})

describe('a datagram socket that speaks both versions', () => {
  it('tells and takes IPv4 peers in their own form', async (context) => {
    skipUnless(context, await hasIPv6(), NO_IPV6)
    await using both = await VDatagramSocket.bind({ ipVersion: 6 })
    await using four = await VDatagramSocket.bind({ host: '127.0.0.1' })
    four.send(batchOf(new VIPSocketPeer('127.0.0.1', both.localPeer.port), 'to six'))
    await until(() => both.readable)
    let from: VIPSocketPeer | undefined
    both.receive({
      handleDatagram: (_bytes, _start, _end, peer) => {
        from = peer
      },
    })
    expect(from?.host).toBe('127.0.0.1')
    expect(from?.equals(four.localPeer)).toBe(true)
    both.send(batchOf(four.localPeer, 'to four'))
    expect(await texts(four, 1)).toEqual(['to four'])
  })

  it('speaks IPv6 alone where it is told to', async (context) => {
    skipUnless(context, await hasIPv6(), NO_IPV6)
    await using six = await VDatagramSocket.bind({ ipVersion: 6, ipv6Only: true })
    // With both versions the port would be taken.
    await using four = await VDatagramSocket.bind({ host: '0.0.0.0', port: six.localPeer.port })
    expect(four.localPeer.port).toBe(six.localPeer.port)
  })
})

describe('a datagram that arrives', () => {
  it('is told as what the loop brings, so that its answer may leave within the same call', async () => {
    await using port = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const told: (boolean | undefined)[] = []
    port.onReady((fromLoop) => told.push(fromLoop))
    port.send(batchOf(port.localPeer, 'a'))
    await until(() => told.length > 0)
    port.close()
    expect(told).toEqual([true, undefined])
  })
})

describe('datagrams to several peers in turn', () => {
  it('go where they are sent, also to one that cannot be reached', async () => {
    await using port = await VDatagramSocket.bind({ host: '127.0.0.1' })
    await using one = await VDatagramSocket.bind({ host: '127.0.0.1' })
    await using other = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const errors: string[] = []
    port.onError(({ systemCode }) => errors.push(systemCode))
    const six = new VIPSocketPeer('::1', 9)
    for (const peer of [one.localPeer, other.localPeer, six, one.localPeer]) port.send(batchOf(peer, 'x'))
    expect(await texts(one, 2)).toEqual(['x', 'x'])
    expect(await texts(other, 1)).toEqual(['x'])
    expect(errors).toEqual(['EAFNOSUPPORT'])
  })
})

describe('the memory of a datagram', () => {
  it('is gone once the handler has returned', async () => {
    await using port = await VDatagramSocket.bind({ host: '127.0.0.1' })
    port.send(batchOf(port.localPeer, 'x'.repeat(5000)))
    await until(() => port.readable)
    let kept: Buffer = Buffer.alloc(0)
    let sizeBytes = 0
    port.receive({
      handleDatagram: (bytes, start, end) => {
        kept = bytes
        sizeBytes = end - start
      },
    })
    expect([sizeBytes, kept.length]).toEqual([5000, 0])
  })
})

describe('what the system says against a datagram', () => {
  it('is told of a connected socket whose peer is gone, and the socket goes on', async () => {
    const far = await VDatagramSocket.bind({ host: '127.0.0.1' })
    await using port = await VDatagramSocket.bind({ host: '127.0.0.1', remote: far.localPeer })
    await far[Symbol.asyncDispose]()
    const errors: VDatagramError[] = []
    port.onError((error) => errors.push(error))
    await until(() => {
      port.send(batchOf(null, 'is there anybody'))
      return port.counts.receiveErrors + port.counts.sendErrors > 0
    })
    expect(errors[0]).toBeInstanceOf(VDatagramError)
    expect(errors[0]?.systemCode).toBe('ECONNREFUSED')
    expect(errors[0]?.peer?.equals(far.localPeer)).toBe(true)
    expect(port.closed).toBeNull()
  })

  it('is only counted where nobody asked to be told', async () => {
    const far = await VDatagramSocket.bind({ host: '127.0.0.1' })
    await using port = await VDatagramSocket.bind({ host: '127.0.0.1', remote: far.localPeer })
    await far[Symbol.asyncDispose]()
    await until(() => {
      port.send(batchOf(null, 'is there anybody'))
      return port.counts.receiveErrors + port.counts.sendErrors > 1
    })
    expect(port.closed).toBeNull()
  })

  it('names the size and the peer of a datagram that is too large for the system', async (context) => {
    skipUnless(context, await hasIPv6(), NO_IPV6)
    // IPv6 has room for it; the peer is one of IPv4, which has not.
    await using port = await VDatagramSocket.bind({ ipVersion: 6 })
    const errors: VDatagramError[] = []
    port.onError((error) => errors.push(error))
    const batch = new VTransmitBatch()
    const peer = new VIPSocketPeer('127.0.0.1', port.localPeer.port)
    batch.begin(peer)
    batch.commit(65_520)
    expect(port.send(batch)).toBe(1)
    await until(() => errors.length > 0)
    expect(errors[0]).toMatchObject({ systemCode: 'EMSGSIZE', sizeBytes: 65_520, peer })
    expect(errors[0]?.message).toContain('65520 bytes')
    expect(port.counts.sendErrors).toBe(1)
  })

  it.each([
    ['a port that is 0', new VIPSocketPeer('127.0.0.1', 0), 'EINVAL'],
    ['another version of IP', new VIPSocketPeer('::1', 9), 'EAFNOSUPPORT'],
    ['a broadcast address without permission', new VIPSocketPeer('255.255.255.255', 9), 'EACCES'],
  ])('is told of a peer with %s, and thrown at nobody', async (_what, peer, code) => {
    await using port = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const errors: VDatagramError[] = []
    port.onError((error) => errors.push(error))
    const batch = batchOf(peer, 'abc', 'def')
    expect(port.send(batch)).toBe(2)
    expect(batch.count).toBe(0)
    await until(() => port.counts.sendErrors === 2)
    expect(errors[0]).toMatchObject({ systemCode: code, peer, sizeBytes: 3 })
  })
})

describe('closing a datagram socket', () => {
  it('follows a signal, with its reason', async () => {
    const abort = new AbortController()
    const port = await VDatagramSocket.bind({ host: '127.0.0.1', signal: abort.signal })
    const why = new Error('enough')
    abort.abort(why)
    expect(port.closed).toBeInstanceOf(VFIOLost)
    expect(port.closed?.value.cause).toBe(why)
    expect(() => port.send(batchOf(port.localPeer, 'x'))).toThrow(VIOClosed)
    await port[Symbol.asyncDispose]()
  })

  it('opens none for a signal that was aborted before', async () => {
    const why = new Error('enough')
    await expect(VDatagramSocket.bind({ signal: AbortSignal.abort(why) })).rejects.toBe(why)
  })

  it('gives the port back to the system before disposal ends', async () => {
    const port = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const address = port.localPeer
    await port[Symbol.asyncDispose]()
    expect(port.closed).toBeInstanceOf(VFIOCompleted)
    await using again = await VDatagramSocket.bind({ host: address.host, port: address.port })
    expect(again.localPeer.equals(address)).toBe(true)
    await port[Symbol.asyncDispose]()
    port.close()
  })
})

describe('binding a datagram socket', () => {
  it('asks the system for large buffers, and says what it granted', async () => {
    await using large = await VDatagramSocket.bind({ host: '127.0.0.1' })
    await using small = await VDatagramSocket.bind({
      host: '127.0.0.1',
      sendBufferBytes: 8192,
      receiveBufferBytes: 8192,
    })
    expect(large.receiveBufferBytes).toBeGreaterThan(small.receiveBufferBytes)
    expect(large.sendBufferBytes).toBeGreaterThan(small.sendBufferBytes)
    expect(small.receiveBufferBytes).toBeGreaterThanOrEqual(8192)
  })

  it('names the system code of an address in use, and of one that is not here', async () => {
    await using first = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const again = VDatagramSocket.bind({ host: '127.0.0.1', port: first.localPeer.port })
    await expect(again).rejects.toBeInstanceOf(VSocketError)
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(VDatagramSocket.bind({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
  })

  it('shares an address where it is told to', async () => {
    await using first = await VDatagramSocket.bind({ host: '127.0.0.1', reuseAddr: true })
    const { port } = first.localPeer
    await using second = await VDatagramSocket.bind({ host: '127.0.0.1', port, reuseAddr: true })
    expect(second.localPeer.equals(first.localPeer)).toBe(true)
  })

  it.each([
    ['a name', { host: 'localhost' }, 'V_SOCK_ADDRESS'],
    ['a host that is no text', { host: 5 }, 'V_SOCK_ADDRESS'],
    ['a port of -1', { port: -1 }, 'V_SOCK_ADDRESS'],
    ['a port of 65536', { port: 65_536 }, 'V_SOCK_ADDRESS'],
    ['a port of 1.5', { port: 1.5 }, 'V_SOCK_ADDRESS'],
    ['the version 5', { ipVersion: 5 }, 'V_SOCK_ADDRESS'],
    ['an address of the other version', { host: '::1', ipVersion: 4 }, 'V_SOCK_ADDRESS'],
    ['a remote without a port', { remote: new VIPSocketPeer('127.0.0.1', 0) }, 'V_SOCK_ADDRESS'],
    ['a remote that is a text', { remote: '127.0.0.1:9' }, 'V_SOCK_ADDRESS'],
    [
      'a remote of version 6 on 4',
      { host: '127.0.0.1', remote: new VIPSocketPeer('::1', 9) },
      'V_SOCK_ADDRESS',
    ],
  ])('refuses %s', async (_what, options, code) => {
    await expect(VDatagramSocket.bind(options as VDatagramSocketOptions)).rejects.toMatchObject({ code })
  })

  it.each([
    ['queueBytes', 0],
    ['queueBytes', 1.5],
    ['sendBufferBytes', 0],
    ['receiveBufferBytes', 2 ** 31],
    ['receiveBufferBytes', Number.NaN],
    ['multicastTtl', 0],
    ['multicastTtl', 256],
  ])('refuses a %s of %s, and names both', async (name, value) => {
    await expect(VDatagramSocket.bind({ [name]: value })).rejects.toThrow(RangeError)
    await expect(VDatagramSocket.bind({ [name]: value })).rejects.toThrow(new RegExp(`${name}.*${value}`))
  })

  it('refuses reusePort on a Node that would ignore it', async (context) => {
    skipUnless(context, !knowsReusePort(process.versions.node), 'this Node has SO_REUSEPORT')
    await expect(VDatagramSocket.bind({ host: '127.0.0.1', reusePort: true })).rejects.toThrow('22.12')
  })

  it('knows which Node has reusePort', () => {
    const known = ['22.12.0', '22.20.1', '23.1.0', '24.0.0', '26.1.0']
    const unknown = ['20.19.0', '22.11.0', '23.0.0']
    expect(known.filter(knowsReusePort)).toEqual(known)
    expect(unknown.filter(knowsReusePort)).toEqual([])
  })
})

describe('broadcast and multicast', () => {
  it('sends to the broadcast address where it is allowed to', async () => {
    await using port = await VDatagramSocket.bind({ broadcast: true })
    const errors: string[] = []
    port.onError(({ systemCode }) => errors.push(systemCode))
    port.send(batchOf(new VIPSocketPeer('127.255.255.255', port.localPeer.port), 'all'))
    expect(await texts(port, 1)).toEqual(['all'])
    expect(errors).toEqual([])
  })

  it('hears a group that it has joined, and not after it has left', async (context) => {
    await using port = await VDatagramSocket.bind({ multicastTtl: 1, multicastLoopback: true })
    const group = '239.255.77.77'
    let joined = true
    try {
      port.joinGroup(group, '127.0.0.1')
    } catch {
      joined = false
    }
    skipUnless(context, joined, 'this machine has no multicast on its loopback')
    port.leaveGroup(group, '127.0.0.1')
    expect(() => port.leaveGroup(group, '127.0.0.1')).toThrow(VSocketError)
    expect(() => port.joinGroup('not a group')).toThrow(VSocketError)
    port.close()
    expect(() => port.joinGroup(group)).toThrow(VIOClosed)
  })
})
