/**
 * Who is let in: certificates, names, and the application's say, before any plaintext.
 */
import { KeyObject, X509Certificate } from 'node:crypto'
import { VIOMissingControl, VMemoryPeer } from '@vio/io'
import { VProbeConsumer, VProbeLog, VProbeProducer } from '@vio/io/testing'
import { type VTLSPeer, VTLSUnauthorized } from '@vio/sock'
import { describe, expect, it } from 'vitest'
import { bytes, type Connection, type ConnectionOptions, TLSRig, VERSIONS } from './rig.js'

/** Makes a connection that one side refuses, with both applications eager to send. */
async function refused(given: ConnectionOptions, by: 'client' | 'server'): Promise<Connection> {
  const rig = await TLSRig.make()
  rig.bench.expectFailures()
  const connection = rig.connection(given)
  const { client, server, atServer, atClient } = connection
  atClient.source.feed(bytes('secret'))
  atServer.source.feed(bytes('secret'))
  await rig.until(() => (by === 'client' ? client : server).failure !== null)
  await rig.quiet()
  const other = by === 'client' ? atServer : atClient
  const own = by === 'client' ? atClient : atServer
  expect(own.sink.received.length, 'plaintext at the side that refuses').toBe(0)
  expect(own.sink.ended?.clean ?? false).toBe(false)
  expect(own.sink.aborted !== null && own.source.aborted !== null).toBe(true)
  // A side that had its handshake before hears of the loss, and finds out that it is heard no more.
  if (!other.source.closed) other.source.feed(bytes('more'))
  await rig.quiet()
  expect(other.sink.closed && other.source.aborted !== null).toBe(true)
  expect(other.sink.ended?.clean ?? false).toBe(false)
  if (by === 'client') expect(other.sink.received.length, 'plaintext that the client let out').toBe(0)
  return connection
}

describe.each(VERSIONS)('what the application is asked (%s)', (version) => {
  it('are key, certificates, name and protocol of the other side [VE-73]', async () => {
    const rig = await TLSRig.make()
    const { authority, client: identity } = rig.certificates
    const server = { clientCertificates: 'required' as const, trusted: authority.cert }
    const { atServer, atClient, ...sides } = await rig.secured({ version, server, client: { identity } })
    const argsOf = ({ messages }: VProbeConsumer): readonly unknown[] =>
      messages.find(({ name }) => name === 'authorize')?.args ?? []
    for (const [sink, name, peer] of [
      [atServer.sink, 'alice', sides.server.peer],
      [atClient.sink, 'localhost', sides.client.peer],
    ] as const) {
      const [key, certs, shown, protocol] = argsOf(sink)
      expect(key).toBeInstanceOf(KeyObject)
      expect((key as KeyObject).type).toBe('public')
      expect((certs as X509Certificate[])[0]).toBeInstanceOf(X509Certificate)
      expect((certs as X509Certificate[])[0]?.publicKey.equals(key as KeyObject)).toBe(true)
      expect(shown).toMatchObject({ commonName: name, text: `C=NO, O=vio, CN=${name}` })
      expect(protocol).toBe('TLS')
      expect(peer).toMatchObject({ key, certs, identity: shown, verified: true })
    }
  })

  it('are nulls where the other side shows nothing [VE-73]', async () => {
    const rig = await TLSRig.make()
    const { atServer } = await rig.secured({ version })
    const asked = atServer.sink.messages.find(({ name }) => name === 'authorize')
    expect(asked?.args).toEqual([null, null, null, 'TLS'])
  })

  it.each([
    ['false', () => false],
    ['something that is not true', () => 'yes' as never],
    ['nothing', () => undefined as never],
    [
      'an error',
      () => {
        throw new Error('out of order')
      },
    ],
    [
      'that it lacks another message',
      () => {
        throw new VIOMissingControl('other')
      },
    ],
  ])('and a no is: %s [VE-73 VE-74 CR-49]', async (_name, authorize) => {
    for (const by of ['client', 'server'] as const) {
      const sinks = by === 'client' ? 'clientSink' : 'serverSink'
      const { [by]: side } = await refused({ version, [sinks]: { handlers: { authorize } } }, by)
      expect(side.failure).toBeInstanceOf(VTLSUnauthorized)
      expect(side.failure).toMatchObject({ code: 'V_TLS_REFUSED' })
    }
  })

  it('comes behind connected and before data, once for each that is attached [CR-45 CR-49]', async () => {
    const rig = await TLSRig.make()
    const log = new VProbeLog()
    const connection = await rig.secured({ version, serverSink: { log } })
    connection.atClient.source.feed(bytes('data'))
    await rig.quiet()
    const events = log.matching(/control\.(connected|authorize)|\.consume/).map((each) => each.split('(')[0])
    expect(events).toEqual(['sink.control.connected', 'sink.control.authorize', 'sink.consume'])
    connection.atServer.sink.detach()
    connection.atClient.source.feed(bytes('more'))
    await rig.quiet()
    const next = new VProbeConsumer({ log, name: 'next', grantAtAttach: null })
    connection.server.plainProduce.attach(next)
    await rig.quiet()
    expect(next.received.pop().toString()).toBe('more')
    expect(log.matching(/^next\.(control\.authorize|consume)/)[0]).toBe('next.control.authorize()')
  })

  it('and the next one may say no, and gets nothing', async () => {
    const rig = await TLSRig.make()
    const { server, atServer, atClient } = await rig.secured({ version })
    atServer.sink.detach()
    atClient.source.feed(bytes('secret'))
    await rig.quiet()
    const next = new VProbeConsumer({ grantAtAttach: null, handlers: { authorize: () => false } })
    server.plainProduce.attach(next)
    await rig.quiet()
    expect(next.received.length).toBe(0)
    expect(next.closed).toBe(true)
    expect(server.failure).toBeInstanceOf(VTLSUnauthorized)
  })

  it('is asked also of the function that the transport was given, first', async () => {
    const rig = await TLSRig.make()
    const seen: VTLSPeer[] = []
    const authorize = (peer: VTLSPeer): boolean => seen.push(peer) > 0
    await rig.secured({ version, clientOptions: { authorize } })
    expect(seen.map(({ identity }) => identity?.commonName)).toEqual(['localhost'])
    for (const no of [() => false, () => 1 as never]) {
      const { server, atServer } = await refused({ version, serverOptions: { authorize: no } }, 'server')
      expect(server.failure).toMatchObject({ code: 'V_TLS_REFUSED' })
      expect(atServer.sink.messages.some(({ name }) => name === 'authorize')).toBe(false)
    }
    const throws = (): boolean => {
      throw new Error('out of order')
    }
    await refused({ version, serverOptions: { authorize: throws } }, 'server')
  })
})

describe.each(VERSIONS)('a server is refused by its client (%s)', (version) => {
  it.each([
    ['wrongHost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['expired', 'CERT_HAS_EXPIRED'],
    ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ] as const)('with a certificate that is %s: %s [VE-S23]', async (which, code) => {
    const { certificates } = await TLSRig.make()
    const { client } = await refused({ version, server: certificates[which] }, 'client')
    expect(client.failure).toBeInstanceOf(VTLSUnauthorized)
    expect(client.failure).toMatchObject({ code, cause: expect.anything() })
    expect(client.failure?.message).not.toBe('')
  })

  it('of an authority that the client does not trust', async () => {
    const { certificates } = await TLSRig.make()
    const trusted = certificates.otherAuthority.cert
    const { client } = await refused({ version, client: { trusted } }, 'client')
    expect(client.failure).toMatchObject({ code: expect.stringMatching(/^UNABLE_TO_(VERIFY|GET)/) })
  })

  it('not for its name when only the authority is to be looked at', async () => {
    const rig = await TLSRig.make()
    const server = rig.certificates.wrongHost
    const { client } = await rig.secured({ version, server, client: { verify: 'authority' } })
    expect(client.peer).toMatchObject({ verified: true })
    await refused({ version, server: rig.certificates.selfSigned, client: { verify: 'authority' } }, 'client')
  })

  it('that is not looked at, unless somebody takes the question [CR-43]', async () => {
    const rig = await TLSRig.make()
    const given = { version, server: rig.certificates.selfSigned, client: { verify: 'none' as const } }
    const { client } = await refused({ ...given, clientSink: { mute: true } }, 'client')
    expect(client.failure).toMatchObject({ code: 'V_TLS_REFUSED' })
    const taken = await rig.secured(given)
    expect(taken.client.peer).toMatchObject({ verified: false, identity: { commonName: 'localhost' } })
    const vouched = { ...given, clientSink: { mute: true }, clientOptions: { authorize: () => true } }
    const { atClient, atServer } = await rig.secured(vouched)
    await rig.transfer(atClient, atServer, 1000)
  })

  it('that is not looked at, when nobody comes to take the question in time [CR-43]', async () => {
    const rig = await TLSRig.make()
    const [server, client] = [rig.server(), rig.client({ verify: 'none' }, { handshakeTimeoutMs: 1000 })]
    rig.join(server, client)
    const source = new VProbeProducer({ reactor: rig.reactor })
    client.plainConsume.attach(source)
    source.feed(bytes('secret'))
    await rig.quiet()
    expect(client.secured).toBe(false)
    rig.bench.settle(1001)
    await rig.quiet()
    expect(client.failure).toMatchObject({ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' })
    expect(source.aborted?.reason).toBe(client.failure)
    const late = rig.client({ verify: 'none' })
    rig.join(rig.server(), late)
    await rig.quiet()
    rig.application(late.plainIO)
    await rig.quiet()
    expect(late.secured).toBe(true)
  })
})

describe.each(VERSIONS)('a client is asked for a certificate (%s)', (version) => {
  async function trusting(
    clientCertificates: 'optional' | 'required',
  ): Promise<NonNullable<ConnectionOptions['server']>> {
    const { certificates } = await TLSRig.make()
    return { clientCertificates, trusted: certificates.authority.cert }
  }

  it.each(['optional', 'required'] as const)('%s: a good one is let in', async (wanted) => {
    const rig = await TLSRig.make()
    const client = { identity: rig.certificates.client }
    const { server } = await rig.secured({ version, server: await trusting(wanted), client })
    expect(server.peer).toMatchObject({ verified: true, identity: { commonName: 'alice' } })
  })

  it.each(['optional', 'required'] as const)('%s: one of a foreign authority is refused', async (wanted) => {
    const { certificates } = await TLSRig.make()
    const client = { identity: certificates.foreignClient }
    const { server } = await refused({ version, server: await trusting(wanted), client }, 'server')
    expect(server.failure).toBeInstanceOf(VTLSUnauthorized)
    expect(server.failure).toMatchObject({ code: expect.stringMatching(/^UNABLE_TO_(VERIFY|GET)/) })
  })

  it('optional: none is let in, and is nobody [N-11]', async () => {
    const rig = await TLSRig.make()
    const { server, atServer, atClient } = await rig.secured({ version, server: await trusting('optional') })
    expect(server.peer).toEqual({ key: null, certs: null, identity: null, verified: false })
    await rig.transfer(atClient, atServer, 1000)
  })

  it('required: none is refused, and both hear it by name [N-11]', async () => {
    await refused({ version, server: await trusting('required') }, 'server')
    const rig = await TLSRig.make()
    const { server, client } = rig.connection({ version, server: await trusting('required') })
    await rig.until(() => server.failure !== null && client.failure !== null)
    expect(server.failure).toBeInstanceOf(VTLSUnauthorized)
    expect(server.failure).toMatchObject({ code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' })
    expect(server.failure?.cause).toMatchObject({ code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' })
    expect(client.failure).toMatchObject({ code: expect.stringMatching(/^ERR_SSL_.*ALERT/) })
  })

  it('none: nobody looks at the one it has', async () => {
    const rig = await TLSRig.make()
    const { server } = await rig.secured({ version, client: { identity: rig.certificates.foreignClient } })
    expect(server.peer?.certs).toBe(null)
  })
})

describe('control messages', () => {
  const peer = new VMemoryPeer('far')

  it('pass through both ways, with the bytes and against them [CR-41 CR-42 VE-S24]', async () => {
    const rig = await TLSRig.make()
    const log = new VProbeLog()
    const client = rig.client()
    const above = new VProbeProducer({ log, name: 'device' })
    const below = new VProbeConsumer({ log, name: 'app' })
    const writer = new VProbeProducer({ log, name: 'writer' })
    const line = new VProbeConsumer({ log, name: 'line' })
    expect(() => client.cipherConsume.control.connected(peer)).toThrow(VIOMissingControl)
    expect(() => client.plainProduce.control.reqProducerState(below)).toThrow(VIOMissingControl)
    client.cipherConsume.attach(above)
    client.plainProduce.attach(below)
    client.plainConsume.attach(writer)
    client.cipherProduce.attach(line)
    log.clear()
    expect(client.cipherConsume.control.canConnect(peer)).toBe(true)
    client.cipherConsume.control.connected(peer)
    client.plainProduce.control.reqProducerState(below)
    client.plainConsume.control.reqConsumerState(writer)
    client.cipherProduce.control.reqProducerState(line)
    expect(log.events).toEqual([
      'app.control.canConnect()',
      'app.control.connected()',
      'device.control.reqProducerState()',
      'line.control.reqConsumerState()',
      'writer.control.reqProducerState()',
    ])
    client.abort()
  })

  it('for the state do not ask again before there was a handshake [CR-47]', async () => {
    const rig = await TLSRig.make()
    const { client } = rig.connection({ clientSink: {} })
    const late = new VProbeConsumer({ handlers: { authorize: () => false } })
    client.plainProduce.control.reqProducerState(late)
    await rig.until(() => client.secured)
    expect(late.messages.map(({ name }) => name)).not.toContain('authorize')
    expect(client.failure).toBe(null)
  })
})
