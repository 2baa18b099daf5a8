/**
 * The choice between sockets of Node and native ones: what it gives, what it refuses, and that nothing above tells them apart.
 */
import { VFIOCompleted, VFIOLost, VIOError, VIPSocketPeer } from '@vio/io'
import {
  errnoNumber,
  type VClientSocketAgent,
  VNativeSocket,
  VNativeSocketDevice,
  VNetDevice,
  VSocketError,
  VTCPClientSocketAgent,
  VTCPListeningSocket,
  type VTransport,
} from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isNative } from '../../packages/sock/src/transport.js'
import { skipUnless } from '../lib/skip.js'
import { eventually } from './support/net-rig.js'
import { startReactor } from './support/reactor.js'
import { NATIVE_MISSING, TRANSPORTS } from './support/transports.js'

const ANY = new VIPSocketPeer('127.0.0.1', 0)

/** A listener of one choice and an agent of another, connected to each other. */
async function between(serving: VTransport, connecting: VTransport) {
  const { reactor } = startReactor()
  const accepted: VClientSocketAgent[] = []
  const listener = new VTCPListeningSocket(reactor, null, {
    transport: serving,
    factory: ({ sock, peer }) => {
      const agent = new VTCPClientSocketAgent(reactor, sock, { peer })
      accepted.push(agent)
      return agent
    },
  })
  const peer = await listener.bind(ANY)
  listener.listen()
  const client = new VTCPClientSocketAgent(reactor, null, { transport: connecting })
  expect(await client.connectTo(peer)).toBe(true)
  await eventually(() => accepted.length === 1)
  onTestFinished(() => {
    client.reset()
    void listener.drain(0)
  })
  return { client, server: accepted[0] as VClientSocketAgent, listener }
}

describe('a transport', () => {
  it.each(TRANSPORTS.flatMap((serving) => TRANSPORTS.map((connecting) => [serving, connecting] as const)))(
    'of %s talks to one of %s, and both ends say the same of themselves',
    async (serving, connecting) => {
      const { client, server } = await between(serving, connecting)
      expect(client.device).toBeInstanceOf(connecting === 'net' ? VNetDevice : VNativeSocketDevice)
      expect(server.device).toBeInstanceOf(serving === 'net' ? VNetDevice : VNativeSocketDevice)
      expect(client.localPeer?.equals(server.peer)).toBe(true)
      expect(server.localPeer?.equals(client.peer)).toBe(true)
      expect([client.noDelay, client.keepAlive]).toEqual([true, false])
      client.keepAlive = true
      client.noDelay = false
      expect([client.noDelay, client.keepAlive]).toEqual([false, true])
      expect(() => {
        client.noDelay = 1 as never
      }).toThrow(TypeError)
      client.device.writeSome(Buffer.from('hello'))
      client.closeOutput(new VFIOCompleted())
      await eventually(() => server.device.readable)
      expect(String(server.device.readSome(100))).toBe('hello')
      await eventually(() => server.device.inputEnd !== null)
      expect(server.device.inputEnd).toBeInstanceOf(VFIOCompleted)
    },
  )

  it.each(TRANSPORTS)('of %s names the code of a refused connection alike', async (transport) => {
    const { reactor } = startReactor()
    const listener = new VTCPListeningSocket(reactor, null, { transport })
    const peer = await listener.bind(ANY)
    listener.closeIO(new VFIOLost())
    const agent = new VTCPClientSocketAgent(reactor, null, { transport })
    expect(await agent.connectTo(peer)).toBe(false)
    const { port } = peer as VIPSocketPeer
    expect(agent.endReason?.value).toMatchObject({
      code: 'ECONNREFUSED',
      errno: -(errnoNumber('ECONNREFUSED') ?? 0),
      syscall: 'connect',
      address: '127.0.0.1',
      port,
    })
  })

  it.each(TRANSPORTS)('of %s names the code of an address in use alike', async (transport) => {
    const { reactor } = startReactor()
    const first = new VTCPListeningSocket(reactor, null, { transport })
    const peer = await first.bind(ANY)
    const second = new VTCPListeningSocket(reactor, null, { transport })
    const failed = second.bind(peer)
    await expect(failed).rejects.toBeInstanceOf(VSocketError)
    await expect(failed).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'listen' })
    first.closeIO(new VFIOLost())
    second.closeIO(new VFIOLost())
  })

  it('is one of three', () => {
    expect(isNative('net')).toBe(false)
    expect(isNative('auto')).toBe(NATIVE_MISSING === undefined)
    expect(isNative()).toBe(isNative('auto'))
    expect(() => isNative('tcp' as VTransport)).toThrow(TypeError)
  })

  it('says why there are no native sockets', (context) => {
    skipUnless(context, NATIVE_MISSING !== undefined, 'there are native sockets here')
    expect(() => isNative('native')).toThrow(VIOError)
    expect(() => isNative('native')).toThrow(NATIVE_MISSING)
  })
})

describe('a native listener', () => {
  it('shares a port with another one where both ask for it', async (context) => {
    skipUnless(context, NATIVE_MISSING === undefined, NATIVE_MISSING ?? 'there are none')
    const { reactor } = startReactor()
    const options = { transport: 'native', reusePort: true } as const
    const first = new VTCPListeningSocket(reactor, null, options)
    const peer = await first.bind(ANY)
    const second = new VTCPListeningSocket(reactor, null, options)
    expect((await second.bind(peer)).equals(peer)).toBe(true)
    const third = new VTCPListeningSocket(reactor, null, { transport: 'native' })
    await expect(third.bind(peer)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    for (const each of [first, second, third]) each.closeIO(new VFIOLost())
  })

  it('gives its overrides native sockets, which close once and tell of it', async (context) => {
    skipUnless(context, NATIVE_MISSING === undefined, NATIVE_MISSING ?? 'there are none')
    const { reactor } = startReactor()
    const taken: VNativeSocket[] = []
    class Taking extends VTCPListeningSocket {
      protected override accepted(sock: unknown): null {
        taken.push(sock as VNativeSocket)
        return null
      }
    }
    const listener = new Taking(reactor, null, { transport: 'native' })
    expect(listener.sock).toBeNull()
    const peer = await listener.bind(ANY)
    listener.listen()
    const client = new VTCPClientSocketAgent(reactor, null, { transport: 'native' })
    await client.connectTo(peer)
    await eventually(() => taken.length === 1)
    const [socket] = taken
    expect(socket).toBeInstanceOf(VNativeSocket)
    expect(socket?.remotePeer?.equals(client.localPeer)).toBe(true)
    let closed = 0
    socket?.onClosed(() => {
      closed += 1
    })
    expect(await listener.drain(0)).toBe(1)
    socket?.close()
    expect([socket?.closed, closed, socket?.remotePeer, socket?.localPeer]).toEqual([true, 1, null, null])
    await eventually(() => client.device.inputEnd !== null)
    expect(client.device.inputEnd).toBeInstanceOf(VFIOLost)
  })

  it('refuses what is no native socket as the base of a device', () => {
    expect(() => new VNativeSocketDevice({} as VNativeSocket)).toThrow(TypeError)
    expect(() => new VNativeSocketDevice(null, { maxReadBytes: 0 })).toThrow(RangeError)
  })
})
