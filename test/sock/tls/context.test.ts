/**
 * Keys, certificates and trust as data: in which forms they are taken, what is refused, and what changes while running.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import {
  VTLSClient,
  VTLSClientContext,
  VTLSInputError,
  VTLSServer,
  VTLSServerContext,
  type VTLSServerOptions,
} from '@vio/sock'
import { describe, expect, it } from 'vitest'
import { bytes, TLSRig, VERSIONS } from './rig.js'

const rig = await TLSRig.make()
const { certificates } = rig

/** The code of what is thrown. */
function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof VTLSInputError) return error.code
    throw error
  }
  return 'nothing was thrown'
}

describe('an identity', () => {
  it.each([
    ['PEM', (key: string) => key, (cert: string) => cert],
    ['PEM as bytes', (key: string) => Buffer.from(key), (cert: string) => Buffer.from(cert)],
    ['objects', (key: string) => createPrivateKey(key), (cert: string) => new X509Certificate(cert)],
    [
      'DER, and a list',
      (key: string) => createPrivateKey(key).export({ type: 'pkcs8', format: 'der' }),
      (cert: string) => [new X509Certificate(cert).raw],
    ],
    [
      'SEC 1, and with its authority behind it',
      (key: string) => createPrivateKey(key).export({ type: 'sec1', format: 'der' }),
      (cert: string) => `${cert}\n${certificates.authority.cert}`,
    ],
  ])('is taken as %s', async (_name, keyOf, certOf) => {
    const { key, cert } = certificates.server
    const { client } = await rig.secured({ server: { key: keyOf(key), cert: certOf(cert) } })
    expect(client.peer?.identity?.commonName).toBe('localhost')
  })

  it('is taken with an encrypted key and its passphrase', async () => {
    const { key, cert } = certificates.server
    const sealed = createPrivateKey(key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open sesame',
    })
    await rig.secured({ server: { key: sealed, cert, passphrase: 'open sesame' } })
    expect(codeOf(() => new VTLSServerContext({ key: sealed, cert }))).toBe('V_TLS_BAD_KEY')
    expect(codeOf(() => new VTLSServerContext({ key: sealed, cert, passphrase: 'shut' }))).toBe(
      'V_TLS_BAD_KEY',
    )
  })

  it('of a server is mandatory: without a key or a certificate it is refused at once [VE-S24]', () => {
    const { key, cert } = certificates.server
    const make = (options: Partial<VTLSServerOptions>): unknown =>
      new VTLSServer(rig.reactor, options as VTLSServerOptions)
    expect(codeOf(() => make({}))).toBe('V_TLS_NO_KEY')
    expect(codeOf(() => make({ cert }))).toBe('V_TLS_NO_KEY')
    expect(codeOf(() => make({ key: '', cert }))).toBe('V_TLS_NO_KEY')
    expect(codeOf(() => make({ key }))).toBe('V_TLS_NO_CERTIFICATE')
    expect(codeOf(() => make({ key, cert: [] }))).toBe('V_TLS_NO_CERTIFICATE')
  })

  it('is refused where its parts do not fit or cannot be read', () => {
    const { key, cert } = certificates.server
    const other = certificates.client.key
    const publicKey = createPublicKey(createPrivateKey(key))
    const make = (options: unknown): string =>
      codeOf(() => new VTLSServerContext(options as VTLSServerOptions))
    expect(make({ key: other, cert })).toBe('V_TLS_KEY_MISMATCH')
    expect(make({ key: 'no key', cert })).toBe('V_TLS_BAD_KEY')
    expect(make({ key: Buffer.alloc(40, 1), cert })).toBe('V_TLS_BAD_KEY')
    expect(make({ key: publicKey, cert })).toBe('V_TLS_BAD_KEY')
    expect(make({ key: 7, cert })).toBe('V_TLS_BAD_KEY')
    expect(make({ key, cert: 'no certificate' })).toBe('V_TLS_BAD_CERTIFICATE')
    expect(make({ key, cert: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' })).toBe(
      'V_TLS_BAD_CERTIFICATE',
    )
    expect(make({ key, cert: [cert, 7] })).toBe('V_TLS_BAD_CERTIFICATE')
    const wrong = { identity: { key: other, cert } }
    expect(codeOf(() => new VTLSClientContext(wrong))).toBe('V_TLS_KEY_MISMATCH')
  })
})

describe('options', () => {
  it('are refused where they would not work, by name', () => {
    const { server, authority } = certificates
    const make = (options: object): string =>
      codeOf(() => new VTLSServerContext({ ...server, ...options } as VTLSServerOptions))
    expect(make({ clientCertificates: 'required' })).toBe('V_TLS_NO_TRUST')
    expect(make({ clientCertificates: 'optional', trusted: [] })).toBe('V_TLS_NO_TRUST')
    expect(make({ clientCertificates: 'maybe', trusted: authority.cert })).toBe('V_TLS_BAD_OPTION')
    expect(make({ minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' })).toBe('V_TLS_BAD_OPTION')
    expect(make({ minVersion: 'TLSv1.1' })).toBe('V_TLS_BAD_OPTION')
    expect(make({ alpn: [] })).toBe('V_TLS_BAD_OPTION')
    expect(make({ alpn: [''] })).toBe('V_TLS_BAD_OPTION')
    expect(make({ ciphers: 'NONE-OF-THEM' })).toBe('V_TLS_BAD_OPTION')
    expect(make({ ticketKeys: Buffer.alloc(47) })).toBe('V_TLS_BAD_OPTION')
    expect(make({ onKeyLog: 'file' })).toBe('V_TLS_BAD_OPTION')
    expect(make({ names: { 'a.example': certificates.client, '': server } })).toBe('V_TLS_BAD_OPTION')
    expect(codeOf(() => new VTLSClientContext({ trusted: 'nobody' }))).toBe('V_TLS_BAD_CERTIFICATE')
    expect(codeOf(() => new VTLSClientContext({ verify: 'some' as never }))).toBe('V_TLS_BAD_OPTION')
  })

  it('of a client name the server, unless its name is not looked at', () => {
    const make = (options: object): unknown => new VTLSClient(rig.reactor, options)
    expect(codeOf(() => make({}))).toBe('V_TLS_BAD_OPTION')
    expect(codeOf(() => make({ serverName: '' }))).toBe('V_TLS_BAD_OPTION')
    expect(make({ verify: 'authority' })).toBeInstanceOf(VTLSClient)
    expect(make({ serverName: 'localhost' })).toMatchObject({ serverName: 'localhost' })
  })

  it('of a transport are looked at as well', () => {
    const make = (options: object): unknown => rig.client({}, options)
    expect(() => make({ handshakeTimeoutMs: -1 })).toThrow('handshakeTimeoutMs is a time')
    expect(() => make({ bufferBytes: 0 })).toThrow('bufferBytes is a whole number from 1 on')
    expect(() => make({ authorize: true })).toThrow('authorize is a function')
    expect(() => make({ initialBytes: 'hello' })).toThrow('bytes are needed')
    expect(() => make({ session: 'hello' })).toThrow('bytes are needed')
  })
})

describe.each(VERSIONS)('sessions (%s)', (version) => {
  it('are taken up, with what was found about the other side', async () => {
    const context = new VTLSServerContext({
      ...certificates.server,
      minVersion: version,
      maxVersion: version,
    })
    const first = await rig.secured({ server: context })
    expect([first.client.resumed, first.server.resumed]).toEqual([false, false])
    const { session } = first.client
    expect(session).toBeInstanceOf(Buffer)
    const again = await rig.secured({ server: context, clientOptions: { session: session as Buffer } })
    expect([again.client.resumed, again.server.resumed]).toEqual([true, true])
    expect(again.client.peer).toMatchObject({ verified: true, identity: { commonName: 'localhost' } })
    await rig.transfer(again.atClient, again.atServer, 100_000)
  })

  it('do not let a server pass for another one', async () => {
    const names = { 'other.example': certificates.wrongHost }
    const context = new VTLSServerContext({
      ...certificates.server,
      names,
      minVersion: version,
      maxVersion: version,
    })
    const first = await rig.secured({ server: context })
    const session = first.client.session as Buffer
    const refused = rig.connection({
      server: context,
      client: { serverName: 'third.example' },
      clientOptions: { session },
    })
    await rig.until(() => refused.client.failure !== null)
    expect(refused.client.failure).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  it('of a client that was let in do not serve where others are trusted', async () => {
    const ticketKeys = Buffer.alloc(48, 9)
    const common = { ...certificates.server, ticketKeys, minVersion: version, maxVersion: version }
    const required = { ...common, clientCertificates: 'required' as const }
    const context = new VTLSServerContext({ ...required, trusted: certificates.authority.cert })
    const same = new VTLSServerContext({ ...required, trusted: certificates.authority.cert })
    const other = new VTLSServerContext({ ...required, trusted: certificates.otherAuthority.cert })
    const client = { identity: certificates.client }
    const first = await rig.secured({ server: context, client })
    const clientOptions = { session: first.client.session as Buffer }
    const again = await rig.secured({ server: same, client, clientOptions })
    expect(again.server.resumed).toBe(true)
    expect(again.server.peer?.identity?.commonName).toBe('alice')
    const refused = rig.connection({ server: other, client, clientOptions })
    await rig.until(() => refused.server.failure !== null)
    expect(refused.server.secured).toBe(false)
  })

  it('that are none are as good as no session', async () => {
    const session = Buffer.from('no session at all')
    const { client } = await rig.secured({ version, clientOptions: { session } })
    expect(client.resumed).toBe(false)
  })
})

describe('a running server', () => {
  it.each(VERSIONS)('takes a new certificate, and keeps its connections (%s)', async (version) => {
    const context = new VTLSServerContext({
      ...certificates.server,
      minVersion: version,
      maxVersion: version,
    })
    const before = await rig.secured({ server: context })
    context.setIdentity(certificates.renewed)
    const after = await rig.secured({ server: context })
    expect(before.client.peer?.identity?.commonName).toBe('localhost')
    expect(after.client.peer?.identity?.commonName).toBe('renewed')
    expect(after.client.version).toBe(version)
    await rig.transfer(before.atClient, before.atServer, 10_000)
    await rig.transfer(after.atServer, after.atClient, 10_000)
  })

  it('stays as it is when the new one is refused', async () => {
    const context = new VTLSServerContext(certificates.server)
    const wrong = { key: certificates.client.key, cert: certificates.renewed.cert }
    expect(codeOf(() => context.setIdentity(wrong))).toBe('V_TLS_KEY_MISMATCH')
    expect(codeOf(() => context.setName('a.example', wrong))).toBe('V_TLS_KEY_MISMATCH')
    const { client } = await rig.secured({ server: context })
    expect(client.peer?.identity?.commonName).toBe('localhost')
  })

  it('goes on asking its clients for certificates with the new one', async () => {
    const trusted = certificates.authority.cert
    const context = new VTLSServerContext({ ...certificates.server, clientCertificates: 'required', trusted })
    context.setIdentity(certificates.renewed)
    context.setName('localhost', certificates.renewed)
    const { server } = await rig.secured({ server: context, client: { identity: certificates.client } })
    expect(server.peer?.identity?.commonName).toBe('alice')
    const refused = rig.connection({ server: context })
    await rig.until(() => refused.server.failure !== null)
    expect(refused.server.failure).toMatchObject({ code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' })
  })
})

describe('the secrets of a connection', () => {
  it.each(VERSIONS)('are told to who asks for them by an option, on either side (%s)', async (version) => {
    const lines: string[][] = [[], []]
    const logTo = (at: number) => ({ onKeyLog: (line: Buffer) => void lines[at]?.push(line.toString()) })
    await rig.secured({ version, server: logTo(0), client: logTo(1) })
    const what = version === 'TLSv1.2' ? /^CLIENT_RANDOM / : /^CLIENT_TRAFFIC_SECRET_0 /
    for (const each of lines) expect(each.filter((line) => what.test(line)).length).toBe(1)
    expect(lines[0]?.find((line) => what.test(line))).toBe(lines[1]?.find((line) => what.test(line)))
  })
})

describe('a context', () => {
  it('serves any number of connections at once, each with its own outcome', async () => {
    const context = new VTLSServerContext(certificates.server)
    const good = [0, 1, 2].map(() => rig.connection({ server: context }))
    const bad = rig.connection({ server: context, client: { serverName: 'wrong.example' } })
    const plain = rig.server(context)
    const application = rig.application(plain.plainIO)
    const { a } = rig.join(plain, rig.client())
    a.writeSome(Buffer.from('GET / HTTP/1.0\r\n\r\n'))
    await rig.until(() => good.every(({ server }) => server.secured) && plain.failure !== null)
    await rig.until(() => bad.client.failure !== null)
    await Promise.all(good.map(({ atClient, atServer }, at) => rig.transfer(atClient, atServer, 50_000, at)))
    expect(good.map(({ server }) => server.failure)).toEqual([null, null, null])
    expect(application.sink.closed).toBe(true)
    good[0]?.atClient.source.feed(bytes('x'))
  })
})
