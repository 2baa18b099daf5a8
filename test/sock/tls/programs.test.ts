/**
 * Programs that nobody here wrote talk TLS with our ends, and our ends with them: OpenSSL, curl, Python.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VIPSocketPeer } from '@vio/io'
import { VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VFIOCompleted, VReactor } from '@vio/reactor'
import { VTLSClientSocketAgent, VTLSListeningSocket, type VTLSServerOptions } from '@vio/sock'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { testCertificates } from '../../lib/certificates.js'
import { freePort, hasProgram, type RunningProgram, runProgram } from '../../lib/programs.js'
import { skipUnless } from '../../lib/skip.js'
import { eventually } from '../support/net-rig.js'
import { bytes, VERSIONS } from './rig.js'

const certificates = await testCertificates()
const closers: (() => void)[] = []
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vio-tls-'))
  for (const [name, { cert, key }] of Object.entries(certificates)) {
    writeFileSync(join(folder, `${name}.crt`), cert)
    writeFileSync(join(folder, `${name}.key`), key, { mode: 0o600 })
  }
})

afterEach(() => {
  for (const close of closers.splice(0).reverse()) close()
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HAS_OPENSSL = hasProgram('openssl')
const HAS_CURL = hasProgram('curl')
const HAS_PYTHON = spawnSync('python3', ['-c', 'import ssl'], { stdio: 'ignore' }).status === 0

function run(program: string, args: readonly string[]): RunningProgram {
  const running = runProgram(program, args)
  closers.push(() => running.process.kill('SIGKILL'))
  return running
}

function makeReactor(): VReactor {
  const reactor = new VReactor()
  reactor.start()
  closers.push(() => reactor.stop())
  return reactor
}

interface Ends {
  readonly agent: VTLSClientSocketAgent
  readonly sink: VProbeConsumer
  readonly source: VProbeProducer
}

function endsOn(agent: VTLSClientSocketAgent): Ends {
  const sink = new VProbeConsumer({ grantAtAttach: null })
  const source = new VProbeProducer({ reactor: agent.reactor })
  agent.byteProduce.attach(sink)
  agent.byteConsume.attach(source)
  closers.push(() => agent.reset())
  return { agent, sink, source }
}

/** Our listener, and the connections that it has. */
async function serving(more: Partial<VTLSServerOptions> = {}): Promise<{ port: number; ends: Ends[] }> {
  const ends: Ends[] = []
  const tls = { ...certificates.server, ...more }
  const handler = (agent: VTLSClientSocketAgent): void => void ends.push(endsOn(agent))
  const listener = new VTLSListeningSocket(makeReactor(), null, { tls, handler })
  const { port } = (await listener.bind(new VIPSocketPeer('127.0.0.1', 0))) as VIPSocketPeer
  listener.listen()
  closers.push(() => void listener.closeIO(new VFIOCompleted()))
  return { port, ends }
}

/** Connects to a program that may not listen yet. */
async function connecting(port: number, version?: (typeof VERSIONS)[number]): Promise<Ends> {
  const reactor = makeReactor()
  const versions = version === undefined ? {} : { minVersion: version, maxVersion: version }
  const tls = { trusted: certificates.authority.cert, identity: certificates.client, ...versions }
  for (let attempt = 0; ; attempt += 1) {
    const agent = new VTLSClientSocketAgent(reactor, null, { tls, serverName: 'localhost' })
    if (await agent.connectTo(new VIPSocketPeer('127.0.0.1', port))) return endsOn(agent)
    if (attempt === 100) throw new Error(`nobody listens: ${agent.endReason}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}

const file = (name: string): string => join(folder, name)

describe.each(VERSIONS)('OpenSSL (%s)', (version) => {
  const flag = version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3'

  it('as a client talks to our server, shows its certificate and ends', async (context) => {
    skipUnless(context, HAS_OPENSSL, 'there is no openssl')
    const trusted = certificates.authority.cert
    const { port, ends } = await serving({ clientCertificates: 'required', trusted, alpn: ['vio/1'] })
    const where = ['-connect', `127.0.0.1:${port}`, '-servername', 'localhost', flag, '-quiet', '-no_ign_eof']
    const trust = ['-CAfile', file('authority.crt'), '-verify_return_error', '-alpn', 'vio/1']
    const identity = ['-cert', file('client.crt'), '-key', file('client.key')]
    const client = run('openssl', ['s_client', ...where, ...trust, ...identity])
    client.process.stdin?.write('hello\n')
    await eventually(() => ends[0]?.sink.received.length === 6, 10_000)
    expect(ends[0]?.sink.received.pop().toString()).toBe('hello\n')
    const { tls } = ends[0]?.agent ?? {}
    expect(tls).toMatchObject({ version, alpn: 'vio/1', peer: { identity: { commonName: 'alice' } } })
    ends[0]?.source.feed(bytes('and back\n'))
    await eventually(() => client.text().includes('and back'), 10_000)
    ends[0]?.source.end()
    expect(await client.ended).toBe(0)
    await eventually(() => ends[0]?.sink.ended !== null, 10_000)
  })

  it('as a server talks to our client, with data in bulk and a sealed end', async (context) => {
    skipUnless(context, HAS_OPENSSL, 'there is no openssl')
    const port = await freePort()
    const identity = [
      '-cert',
      file('server.crt'),
      '-key',
      file('server.key'),
      '-CAfile',
      file('authority.crt'),
    ]
    const server = run('openssl', ['s_server', '-accept', `127.0.0.1:${port}`, '-rev', flag, ...identity])
    const { agent, sink, source } = await connecting(port, version)
    expect(agent.tls).toMatchObject({ version, peer: { verified: true } })
    const line = `${'abcdefghij'.repeat(100)}\n`
    for (let count = 0; count < 50; count += 1) source.feed(bytes(line))
    await eventually(() => sink.received.length === 50 * line.length, 10_000)
    expect(sink.received.pop(line.length).toString()).toBe(`${'jihgfedcba'.repeat(100)}\n`)
    source.feed(bytes('CLOSE\n'))
    await eventually(() => sink.ended !== null, 10_000)
    expect(sink.ended?.clean).toBe(true)
    server.process.kill()
  })
})

describe('OpenSSL', () => {
  it('is refused a second handshake inside of a connection', async (context) => {
    skipUnless(context, HAS_OPENSSL, 'there is no openssl')
    const { port, ends } = await serving()
    const client = run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2'])
    await eventually(() => ends[0]?.agent.wasConnected === true, 10_000)
    client.process.stdin?.write('R\n')
    await eventually(() => /RENEGOTIATING[\s\S]*no renegotiation/i.test(client.text()), 10_000)
    client.process.kill('SIGKILL')
    await eventually(() => ends[0]?.sink.closed === true, 10_000)
    // It went without a sealed end.
    expect(ends[0]?.sink.ended?.clean ?? false).toBe(false)
  })
})

describe('curl', () => {
  it('gets a page of our server, checking its certificate, and refuses a wrong one', async (context) => {
    skipUnless(context, HAS_CURL, 'there is no curl')
    const { port, ends } = await serving()
    const url = `https://localhost:${port}/`
    const trust = ['--silent', '--show-error', '--http1.1', '--cacert', file('authority.crt')]
    const resolve = ['--resolve', `localhost:${port}:127.0.0.1`]
    const client = run('curl', [...trust, ...resolve, url])
    await eventually(() => (ends[0]?.sink.received.length ?? 0) > 10, 10_000)
    expect(ends[0]?.sink.received.pop().toString()).toMatch(/^GET \/ HTTP\/1\.1\r\n/)
    ends[0]?.source.feed(bytes('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello'))
    ends[0]?.source.end()
    expect(await client.ended).toBe(0)
    expect(client.text()).toBe('hello')
    const stranger = run('curl', ['--silent', '--cacert', file('otherAuthority.crt'), ...resolve, url])
    expect(await stranger.ended).toBe(60)
    await eventually(() => ends[1]?.sink.closed === true, 10_000)
    expect(ends[1]?.agent.endReason?.value).toMatchObject({ code: expect.stringMatching(/ALERT_UNKNOWN_CA/) })
  })
})

const PYTHON_SERVER = `
import socket, ssl, sys
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(sys.argv[1], sys.argv[2])
s = socket.create_server(('127.0.0.1', int(sys.argv[3])))
k = c.wrap_socket(s.accept()[0], server_side=True)
data = b''
while not data.endswith(b'!'):
    data += k.recv(65536)
k.sendall(data[::-1])
if sys.argv[4] == 'sealed':
    k.unwrap()
else:
    k.shutdown(socket.SHUT_RDWR)
k.close()
`

const PYTHON_CLIENT = `
import socket, ssl, sys
c = ssl.create_default_context(cafile=sys.argv[1])
k = c.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[2]))), server_hostname='localhost')
k.sendall(b'from python')
data = b''
while True:
    more = k.recv(65536)
    if not more: break
    data += more
print(len(data), data[:5])
k.unwrap().close()
`

describe('Python', () => {
  it.for(['sealed', 'cut off'])(
    'as a server answers our client, and ends %s [N-09]',
    async (how, context) => {
      skipUnless(context, HAS_PYTHON, 'there is no Python with ssl')
      const port = await freePort()
      run('python3', ['-c', PYTHON_SERVER, file('server.crt'), file('server.key'), String(port), how])
      const { sink, source } = await connecting(port)
      source.feed(bytes(`${'ab'.repeat(20_000)}!`))
      await eventually(() => sink.ended !== null, 10_000)
      expect(sink.received.pop().toString()).toBe(`!${'ba'.repeat(20_000)}`)
      expect(sink.ended?.clean).toBe(how === 'sealed')
    },
  )

  it('as a client reads our answer to its end', async (context) => {
    skipUnless(context, HAS_PYTHON, 'there is no Python with ssl')
    const { port, ends } = await serving()
    const client = run('python3', ['-c', PYTHON_CLIENT, file('authority.crt'), String(port)])
    await eventually(() => ends[0]?.sink.received.length === 11, 10_000)
    ends[0]?.source.feed(bytes(Buffer.alloc(200_000, 'x')))
    ends[0]?.source.end()
    expect(await client.ended).toBe(0)
    expect(client.text().trim()).toBe("200000 b'xxxxx'")
    await eventually(() => ends[0]?.sink.ended !== null, 10_000)
    expect(ends[0]?.sink.ended?.clean).toBe(true)
  })
})
