/**
 * `vut relay`: its options, its ends, and the built command as a process.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { openControlLink, parseRelayAddress } from '@vio/nat'
import { describe, expect, it, onTestFinished } from 'vitest'
import { VInterrupted } from '../../packages/cli/src/context.js'
import { runVut, type VCliEvent } from '../../packages/cli/src/index.js'
import { testCertificates } from '../lib/certificates.js'
import { RelayRig, until } from '../nat/driver/relay-rig.js'
import { startReactor } from '../sock/support/reactor.js'
import { tempFolder, testContext } from './support.js'

const MAIN = join(import.meta.dirname, '../../packages/cli/dist/main.js')
const LOCAL = ['--listen', '127.0.0.1:0']

/** The certificate and the key as files. */
async function identityFiles(which: 'server' | 'renewed' = 'server', folder = tempFolder()): Promise<string> {
  const identity = (await testCertificates())[which]
  writeFileSync(join(folder, 'cert.pem'), identity.cert)
  writeFileSync(join(folder, 'key.pem'), identity.key)
  return folder
}

describe('vut relay', () => {
  it('says where it listens, serves, and ends by its signal', async () => {
    for (const [name, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const context = testContext()
      const over = runVut(['relay', ...LOCAL, '--http', '127.0.0.1:0', '--json'], context)
      await until(() => context.stderr.text.includes('\n'), 'the first event')
      const event = JSON.parse(context.stderr.text.split('\n')[0] ?? '') as VCliEvent & { detail: string }
      expect(event).toMatchObject({ type: 'phase', phase: 'listening' })
      let hasWelcome = false
      let isClosed = false
      await openControlLink(context.reactor, parseRelayAddress(event.detail), {
        onMessage: (bytes) => {
          hasWelcome ||= bytes.includes('welcome')
        },
        onClose: () => {
          isClosed = true
        },
      })
      await until(() => hasWelcome, 'the welcome')
      context.interrupt.abort(new VInterrupted(name))
      expect(await over).toBe(code)
      await until(() => isClosed, 'the end of the link')
      expect(context.stdout.text).toBe('')
    }
  })

  it.each([
    [['--listen', '5'], 2, 'write --listen :3478'],
    [['--listen', '127.0.0.1:70000'], 2, 'a port is'],
    [['--listen', '192.0.2.77:0'], 7, 'EADDRNOTAVAIL'],
    [['--listen', ':1', '--listen', '127.0.0.1:1'], 2, 'with the same port'],
    [['--listen', '127.0.0.1:1', '--listen', '127.0.0.2:2'], 2, 'with the same port'],
    [['--listen', '127.0.0.1:1', '--listen', '127.0.0.2:1', '--listen', '127.0.0.3:1'], 2, 'more than twice'],
    [[...LOCAL, '--http', 'x'], 2, '--http'],
    [[...LOCAL, '--quota', 'rooms'], 2, 'rooms-per-source'],
    [[...LOCAL, '--quota', 'pears=5'], 2, 'rooms-per-source'],
    [[...LOCAL, '--quota', 'rooms=0'], 2, 'above 0'],
    [[...LOCAL, '--drain', '-1'], 2, '--drain'],
    [[...LOCAL, '--tls-cert', 'cert.pem'], 2, 'belong together'],
    [[...LOCAL, '--tls-cert', 'none.pem', '--tls-key', 'key.pem'], 7, 'ENOENT'],
    [[...LOCAL, '--tls-cert', 'key.pem', '--tls-key', 'key.pem'], 2, 'certificate'],
    [[...LOCAL, 'operand'], 2, 'operand'],
  ] as const)('refuses %j with the code %i and what to do', async (args, code, words) => {
    const context = testContext({ folder: await identityFiles() })
    expect(await runVut(['relay', ...args], context)).toBe(code)
    expect(context.stderr.text).toContain(words)
    expect(context.stderr.text.trimEnd().split('\n').length).toBeLessThanOrEqual(2)
    expect(context.stdout.text).toBe('')
  })
})

/** The built command. */
class RelayProcess {
  readonly child: ChildProcess
  readonly events: (VCliEvent & { detail?: string; phase?: string })[] = []
  text = ''
  code: number | null = null

  constructor(args: readonly string[], folder = '.') {
    this.child = spawn(process.execPath, [MAIN, 'relay', ...LOCAL, '--json', ...args], { cwd: folder })
    onTestFinished(() => void this.child.kill('SIGKILL'))
    this.child.stderr?.on('data', (piece) => {
      this.text += String(piece)
    })
    this.child.on('exit', (code) => {
      this.code = code
    })
  }

  /** The detail of a phase, once it was told. */
  async phase(name: string): Promise<string> {
    const line = (): string | undefined =>
      this.text.split('\n').find((each) => each.includes(`"phase":"${name}"`))
    await until(() => line() !== undefined || this.code !== null, `the phase ${name}`)
    return (JSON.parse(line() ?? `"${this.text}"`) as { detail: string }).detail
  }

  async exit(): Promise<number | null> {
    await until(
      () => this.child.exitCode !== null || this.child.signalCode !== null,
      'the end of the process',
    )
    return this.child.exitCode
  }
}

/** Parties for a relay in another process. */
async function rigAt(address: string): Promise<RelayRig> {
  const { reactor, logged } = startReactor()
  const { authority } = await testCertificates()
  const { port } = parseRelayAddress(address)
  return new RelayRig(reactor, { port, trusted: authority.cert, logged })
}

describe('the process of vut relay', () => {
  it('lets a pair go on after SIGTERM as long as it carries something, and takes nobody new', async () => {
    const relay = new RelayProcess(['--drain', '5'])
    const rig = await rigAt(await relay.phase('listening'))
    const { legs } = await rig.meet()
    const [left, right] = [await rig.bindUDP(legs[0]), await rig.bindStream(legs[1], 'ws')]
    const talking = setInterval(() => left.send(Buffer.from('@ still there')), 20)
    onTestFinished(() => clearInterval(talking))
    relay.child.kill('SIGTERM')
    expect(await relay.phase('draining')).toBe('1 pairs')
    const before = right.received.length
    await until(() => right.received.length > before + 3, 'datagrams')
    await expect(rig.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    clearInterval(talking)
    expect(await relay.exit()).toBe(143)
    await until(() => left.events.some(({ type }) => type === 'refused'), 'word to the leg')
    expect(left.events.at(-1)).toEqual({ type: 'refused', reason: 'closing' })
  })

  it('ends at once by a second signal', async () => {
    const relay = new RelayProcess(['--drain', '3600'])
    const rig = await rigAt(await relay.phase('listening'))
    const { legs } = await rig.meet()
    await rig.bindUDP(legs[0])
    relay.child.kill('SIGTERM')
    await relay.phase('draining')
    relay.child.kill('SIGTERM')
    expect(await relay.exit()).toBe(143)
  })

  it('reads its certificate again at SIGHUP, and keeps the one it has if that is none', async () => {
    const folder = await identityFiles()
    const relay = new RelayProcess(['--tls-cert', 'cert.pem', '--tls-key', 'key.pem'], folder)
    const { port } = parseRelayAddress(await relay.phase('listening'))
    const shown = (): Promise<string> =>
      new Promise((found, failed) => {
        const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          found(String(socket.getPeerCertificate().subject.CN))
          socket.destroy()
        })
        socket.on('error', failed)
      })
    expect(await shown()).toBe('localhost')
    writeFileSync(join(folder, 'key.pem'), 'nothing')
    relay.child.kill('SIGHUP')
    await until(() => relay.text.includes('"type":"warning"'), 'a warning')
    expect(await shown()).toBe('localhost')
    await identityFiles('renewed', folder)
    relay.child.kill('SIGHUP')
    const giveUpAt = Date.now() + 10_000
    while ((await shown()) !== 'renewed') expect(Date.now()).toBeLessThan(giveUpAt)
    relay.child.kill('SIGINT')
    expect(await relay.exit()).toBe(130)
  })
})
