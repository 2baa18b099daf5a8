/**
 * The handshake: what the two sides agree upon, and how it fails.
 */
import type { VByteEndpoint } from '@vio/io'
import { createDevicePair, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VIOTimeout } from '@vio/reactor'
import { VTLSHandshakeError, VTLSServerContext } from '@vio/sock'
import { describe, expect, it } from 'vitest'
import { type Application, bytes, type Connection, type ConnectionOptions, TLSRig, VERSIONS } from './rig.js'

/** Makes a connection that is to fail, and waits until both sides know. */
async function failing(given: ConnectionOptions): Promise<Connection> {
  const rig = await TLSRig.make()
  const connection = rig.connection(given)
  connection.atClient.source.feed(bytes('to nobody'))
  connection.atServer.source.feed(bytes('to nobody'))
  await rig.until(() => connection.client.failure !== null || connection.atClient.sink.closed)
  await rig.quiet()
  // A side that had its handshake before finds out that it is heard no more.
  for (const { source } of [connection.atClient, connection.atServer]) {
    if (!source.closed) source.feed(bytes('more'))
  }
  await rig.quiet()
  expectDown(connection.atClient)
  expectDown(connection.atServer)
  return connection
}

/** Both directions are lost, and nothing came. */
function expectDown({ sink, source }: Application): void {
  expect(sink.received.length).toBe(0)
  expect(sink.closed).toBe(true)
  expect(sink.ended?.clean ?? false).toBe(false)
  expect(source.aborted).not.toBe(null)
}

describe('what is agreed upon', () => {
  it.each(VERSIONS)('is the version, as far as both go (%s)', async (version) => {
    const rig = await TLSRig.make()
    for (const given of [
      { server: { maxVersion: version } },
      { client: { maxVersion: version } },
      { version },
    ]) {
      const { server, client } = await rig.secured(given)
      expect([server.version, client.version]).toEqual([version, version])
    }
  })

  it('is the newest version, and no application protocol, unless told otherwise', async () => {
    const rig = await TLSRig.make()
    const { server, client } = rig.connection()
    expect([server.version, client.alpn, client.secured, client.peer]).toEqual([null, null, false, null])
    await rig.until(() => server.secured && client.secured)
    expect([server.version, server.alpn, client.alpn]).toEqual(['TLSv1.3', null, null])
  })

  it.each(VERSIONS)('is the application protocol that the server likes best (%s)', async (version) => {
    const rig = await TLSRig.make()
    const given = { version, server: { alpn: ['vio/2', 'vio/1'] }, client: { alpn: ['vio/1', 'vio/2'] } }
    const { server, client } = await rig.secured(given)
    expect([server.alpn, client.alpn]).toEqual(['vio/2', 'vio/2'])
    const one = await rig.secured({ version, server: { alpn: ['vio/1'] } })
    expect([one.server.alpn, one.client.alpn]).toEqual([null, null])
  })

  it.each(VERSIONS)('is whom the server shows, by the name that it is asked for (%s)', async (version) => {
    const rig = await TLSRig.make()
    const { server: usual, wrongHost } = rig.certificates
    const context = new VTLSServerContext({
      ...usual,
      names: { 'other.example': wrongHost },
      minVersion: version,
      maxVersion: version,
    })
    const other = await rig.secured({ client: { serverName: 'OTHER.example' }, server: context })
    expect(other.client.peer?.identity?.commonName).toBe('other.example')
    expect(other.server.serverName).toBe('OTHER.example')
    const local = await rig.secured({ server: context })
    expect(local.client.peer?.identity?.commonName).toBe('localhost')
    const nameless = await rig.secured({ client: { serverName: '127.0.0.1' }, server: context })
    expect(nameless.client.peer?.identity?.commonName).toBe('localhost')
    expect(nameless.server.serverName).toBe(null)
    context.setName('other.example', null)
    await failing({ client: { serverName: 'other.example' }, server: context })
  })

  it('takes a name with a star for one label, and a new identity at any time', async () => {
    const rig = await TLSRig.make()
    const { server: usual, renewed } = rig.certificates
    const context = new VTLSServerContext(usual)
    const shownFor = async (serverName: string): Promise<string | null | undefined> => {
      const given = { client: { serverName, verify: 'authority' as const }, server: context }
      return (await rig.secured(given)).client.peer?.identity?.commonName
    }
    expect(await shownFor('a.vio.example')).toBe('localhost')
    context.setName('*.vio.example', renewed)
    expect(await shownFor('a.vio.example')).toBe('renewed')
    expect(await shownFor('a.b.vio.example')).toBe('localhost')
    expect(await shownFor('vio.example')).toBe('localhost')
    expect(() => context.setName('a*b', renewed)).toThrow('a name is a host name')
  })
})

describe('a handshake fails', () => {
  it('when the versions do not meet, and both say so by name', async () => {
    const { server, client } = await failing({
      server: { minVersion: 'TLSv1.3' },
      client: { maxVersion: 'TLSv1.2' },
    })
    expect(server.failure).toBeInstanceOf(VTLSHandshakeError)
    expect(server.failure).toMatchObject({ code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' })
    expect(server.failure?.cause).toMatchObject({ code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' })
    expect(client.failure).toBeInstanceOf(VTLSHandshakeError)
    expect(client.failure).toMatchObject({ code: expect.stringMatching(/ALERT_PROTOCOL_VERSION/) })
  })

  it.each(VERSIONS)('when no application protocol suits both (%s)', async (version) => {
    const { client } = await failing({ version, server: { alpn: ['a'] }, client: { alpn: ['b'] } })
    expect(client.failure).toMatchObject({ code: expect.stringMatching(/ALERT_NO_APPLICATION_PROTOCOL/) })
  })

  it('when plain text comes to a server, or to a client', async () => {
    const rig = await TLSRig.make()
    for (const side of [rig.server(), rig.client()]) {
      const application = rig.application(side.plainIO)
      const { source, sink } = line(rig, side)
      source.feed(bytes('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
      await rig.quiet()
      expectDown(application)
      expect(side.failure).toBeInstanceOf(VTLSHandshakeError)
      expect(side.failure).toMatchObject({ code: expect.stringMatching(/^ERR_SSL_/) })
      expect(sink.closed && source.aborted !== null).toBe(true)
      expect(side.heldBytes).toBe(0)
    }
  })

  it('when garbage comes, however much of it, and without keeping it', async () => {
    const rig = await TLSRig.make()
    for (const lead of [
      '',
      '\x16\x03\x01\xff\xff',
      '\x16\x03\x01\x40\x00\x01\x00\xff\xff',
      '\x17\x03\x03\x40\x00',
    ]) {
      const server = rig.server()
      const application = rig.application(server.plainIO)
      const { source } = line(rig, server)
      source.feed(bytes(Buffer.concat([Buffer.from(lead, 'latin1'), Buffer.alloc(1_000_000, 0xaa)])))
      await rig.until(() => server.failure !== null)
      await rig.quiet()
      expectDown(application)
      expect(server.heldBytes).toBe(0)
      expect(source.queue.length).toBe(0)
    }
  })

  it('when it takes too long, with the time counted from the connection', async () => {
    for (const part of ['nothing', 'half', 'all but the last'] as const) {
      const rig = await TLSRig.make()
      const server = rig.server({}, { handshakeTimeoutMs: 2000 })
      const client = rig.client()
      const application = rig.application(server.plainIO)
      const { source } = line(rig, server)
      const toServer = new VProbeConsumer({ grantAtAttach: null })
      client.cipherProduce.attach(toServer)
      await rig.quiet()
      const hello = toServer.received.pop()
      if (part !== 'nothing') source.feed(bytes(hello.subarray(0, part === 'half' ? 50 : hello.length)))
      await rig.quiet()
      rig.bench.settle(1500)
      await rig.quiet()
      expect(server.failure).toBe(null)
      server.cipherConsume.control.connected?.(createDevicePair().peerA)
      rig.bench.settle(1900)
      await rig.quiet()
      expect(server.failure).toBe(null)
      rig.bench.settle(200)
      await rig.quiet()
      expectDown(application)
      expect(server.failure).toBeInstanceOf(VTLSHandshakeError)
      expect(server.failure).toMatchObject({ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' })
      expect(server.failure?.cause).toBeInstanceOf(VIOTimeout)
      client.abort()
    }
  })

  it('not by time when it is through, and not at all when there is no limit', async () => {
    const rig = await TLSRig.make()
    const options = { handshakeTimeoutMs: 1000 }
    const { server, atServer, atClient } = await rig.secured({
      serverOptions: options,
      clientOptions: options,
    })
    rig.bench.settle(5000)
    await rig.transfer(atClient, atServer, 1000)
    expect(server.failure).toBe(null)
    const endless = rig.server({}, { handshakeTimeoutMs: Number.POSITIVE_INFINITY })
    line(rig, endless)
    rig.bench.settle(10_000_000)
    expect(endless.failure).toBe(null)
    endless.abort()
  })
})

describe('a second handshake', () => {
  it.each(VERSIONS)('inside of a connection is not to be had (%s)', async (version) => {
    const rig = await TLSRig.make()
    const { client, server, atServer, atClient } = await rig.secured({ version })
    for (const side of [client, server]) {
      const socket = side['core'].socket
      expect(socket?.renegotiate({}, () => undefined)).toBe(false)
    }
    await rig.transfer(atClient, atServer, 1000)
    expect([client.failure, server.failure]).toEqual([null, null])
  })
})

/** Probes in the place of the line. */
function line(
  rig: TLSRig,
  side: { readonly cipherIO: VByteEndpoint['byteIO'] },
): { source: VProbeProducer; sink: VProbeConsumer } {
  const source = new VProbeProducer({ reactor: rig.reactor })
  const sink = new VProbeConsumer({ grantAtAttach: null })
  side.cipherIO.consumer.attach(source)
  side.cipherIO.producer.attach(sink)
  return { source, sink }
}
