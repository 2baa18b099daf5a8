/**
 * Programs that nobody here wrote, through `vut forward`: they notice nothing. Two processes of the built command have met
 * at a relay, and carry all of them, one after the other.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import type { VCliEvent } from '../../../packages/cli/src/index.js'
import { freePort, hasProgram, type RunningProgram, runProgram } from '../../lib/programs.js'
import { skipUnless } from '../../lib/skip.js'
import { codeOf, startRelay, type Vut, vut } from '../process-support.js'
import { afterwards, noise, until } from './rig.js'

/** A forward: where it listens, and what the server of a test has to listen on behind it. */
interface Way {
  readonly here: number
  readonly there: number
}

/** The two processes, and the ways through them. */
interface Forwards {
  readonly near: Vut
  readonly far: Vut
  readonly web: Way
  readonly ssh: Way
  readonly git: Way
  /** One port for TCP and UDP. */
  readonly iperf: Way
  readonly socksPort: number
  /** The Unix socket here, and the one that it leads to. Each is alone in its folder. */
  readonly unix: { readonly here: string; readonly there: string }
}

let forwards: Forwards
const folders: string[] = []

beforeAll(async () => {
  forwards = await startForwards()
})

afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true })
})

/** A folder that lasts as long as the file. */
function lastingFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'vut-'))
  folders.push(made)
  return made
}

async function startForwards(): Promise<Forwards> {
  const relay = await startRelay()
  const unix = { here: join(lastingFolder(), 'here'), there: join(lastingFolder(), 'there') }
  const [web, ssh, git, iperf, iperfHere] = await Promise.all(Array.from({ length: 5 }, () => freePort()))
  const run = (...args: readonly string[]): Vut =>
    vut(['forward', ...args, '--json', '--relay', relay], { cwd: lastingFolder(), lasts: true })
  const far = run('--listen', '--allow', 'localhost', '--allow', unix.there)
  const ports = [web, ssh, git].flatMap((port) => ['-L', `0:localhost:${port}`])
  const both = ['', '/udp'].flatMap((kind) => ['-L', `${iperfHere}:127.0.0.1:${iperf}${kind}`])
  const near = run(...ports, ...both, '-D', '0', '-U', `${unix.here}:${unix.there}`, await codeOf(far))
  const ready = await near.until((event) => event.type === 'phase' && event.phase === 'transferring')
  const [, ...lines] = (ready.type === 'phase' ? (ready.detail ?? '') : '').split('; ')
  const portOf = (target: string): number =>
    Number(/127\.0\.0\.1:(\d+) /.exec(lines.find((line) => line.endsWith(target)) ?? '')?.[1])
  const wayTo = (there = 0): Way => ({ here: portOf(`-> localhost:${there}`), there })
  return {
    near,
    far,
    unix,
    web: wayTo(web),
    ssh: wayTo(ssh),
    git: wayTo(git),
    iperf: { here: Number(iperfHere), there: Number(iperf) },
    socksPort: portOf('SOCKS clients ask for'),
  }
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'vut-'))
  afterwards(() => rmSync(made, { recursive: true, force: true }))
  return made
}

function needs(context: TestContext, ...programs: readonly string[]): void {
  for (const program of programs) skipUnless(context, hasProgram(program), `there is no ${program} here`)
}

/** Runs a program to its end and gives what it printed. */
async function run(program: string, args: readonly string[]): Promise<Buffer> {
  await using running = runProgram(program, args)
  running.feed('')
  const code = await running.ended
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${running.text()}`)
  return running.output
}

/** An HTTP server that gives the same body to everybody. */
async function web(body: Buffer, at: { path: string } | { port: number; host: string }): Promise<void> {
  const server = createServer((_request, response) => response.end(body))
  server.listen(at)
  await once(server, 'listening')
  afterwards(() => {
    server.closeAllConnections()
    server.close()
  })
}

function webOfForwards(body: Buffer): Promise<void> {
  return web(body, { port: forwards.web.there, host: '127.0.0.1' })
}

describe('curl', () => {
  it('fetches through -L, and from many at once', async (context) => {
    needs(context, 'curl')
    const body = noise(2_000_000)
    await webOfForwards(body)
    const url = `http://127.0.0.1:${forwards.web.here}/`
    const bodies = await Promise.all(Array.from({ length: 4 }, () => run('curl', ['-s', '-S', url])))
    expect(bodies.every((each) => each.equals(body))).toBe(true)
  })

  it('fetches through -D, names resolved on the other side, and hears of what is not allowed', async (context) => {
    needs(context, 'curl')
    const body = noise(300_000)
    await webOfForwards(body)
    const proxy = ['--socks5-hostname', `127.0.0.1:${forwards.socksPort}`]
    const got = await run('curl', ['-s', '-S', ...proxy, `http://localhost:${forwards.web.there}/`])
    expect(got.equals(body)).toBe(true)
    await expect(run('curl', ['-s', '-S', ...proxy, 'http://192.0.2.1/'])).rejects.toThrow(/ended with 97/)
  })

  it('fetches from an HTTP server on a Unix socket, by a Unix socket', async (context) => {
    needs(context, 'curl')
    const body = noise(300_000)
    const { here, there } = forwards.unix
    await web(body, { path: there })
    expect((await run('curl', ['-s', '-S', '--unix-socket', here, 'http://x/'])).equals(body)).toBe(true)
  })
})

/** A daemon of its own on a free port, with a key that lets this user in. */
async function sshd(context: TestContext): Promise<readonly string[]> {
  needs(context, 'ssh', 'ssh-keygen')
  const program = ['/usr/sbin/sshd', '/usr/bin/sshd'].find(existsSync)
  skipUnless(context, program !== undefined, 'there is no sshd here')
  const own = folder()
  const key = join(own, 'key')
  for (const name of [key, join(own, 'host')])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', name])
  writeFileSync(join(own, 'allowed'), readFileSync(`${key}.pub`))
  chmodSync(own, 0o700)
  const config = [
    `Port ${forwards.ssh.there}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(own, 'host')}`,
    `PidFile ${join(own, 'pid')}`,
    `AuthorizedKeysFile ${join(own, 'allowed')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
  ]
  writeFileSync(join(own, 'config'), `${config.join('\n')}\n`)
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true })
  const daemon = runProgram(program ?? '', ['-D', '-e', '-f', join(own, 'config')])
  afterwards(() => daemon[Symbol.asyncDispose]())
  await Promise.race([until(() => daemon.text().includes('Server listening')), daemon.ended])
  skipUnless(
    context,
    daemon.process.exitCode === null,
    `sshd does not start here: ${daemon.text().slice(0, 200)}`,
  )
  const options = ['-i', key, '-F', '/dev/null', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no']
  return [...options, '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR']
}

describe('ssh', () => {
  it('runs a command on the other side, with input and output of some size', async (context) => {
    const options = await sshd(context)
    const where = ['-p', String(forwards.ssh.here), '127.0.0.1']
    await using ssh = runProgram('ssh', [...options, ...where, 'cat; echo done >&2; exit 3'])
    const sent = noise(1_000_000)
    ssh.feed(sent)
    expect(await ssh.ended).toBe(3)
    expect(ssh.output.length).toBe(sent.length + 5)
  })

  it('carries rsync', async (context) => {
    needs(context, 'rsync')
    const options = await sshd(context)
    const [from, to] = [folder(), folder()]
    for (let at = 0; at < 20; at += 1) writeFileSync(join(from, `${at}`), noise(at * 5000))
    const shell = `ssh ${options.join(' ')} -p ${forwards.ssh.here}`
    await run('rsync', ['-a', '-e', shell, `${from}/`, `127.0.0.1:${to}/`])
    for (let at = 0; at < 20; at += 1)
      expect(readFileSync(join(to, `${at}`)).equals(noise(at * 5000))).toBe(true)
  })
})

describe('git', () => {
  it('clones from a daemon of its own', async (context) => {
    needs(context, 'git')
    const [base, to] = [folder(), folder()]
    const repository = join(base, 'origin')
    mkdirSync(repository)
    const git = (...args: string[]): Buffer =>
      execFileSync('git', ['-C', repository, '-c', 'user.name=x', '-c', 'user.email=x@example.org', ...args])
    git('init', '-q', '-b', 'main')
    writeFileSync(join(repository, 'file'), noise(500_000))
    git('add', 'file')
    git('commit', '-q', '-m', 'one')
    const { here, there } = forwards.git
    const listen = ['--listen=127.0.0.1', `--port=${there}`, '--reuseaddr', '--export-all', '--verbose']
    const daemon = runProgram('git', ['daemon', ...listen, `--base-path=${base}`, base])
    afterwards(async () => {
      // The daemon is a child of `git`, which a kill would leave behind.
      daemon.process.kill('SIGTERM')
      await daemon.ended
    })
    await Promise.race([until(() => daemon.text().includes('Ready to rumble')), daemon.ended])
    skipUnless(context, daemon.process.exitCode === null, `git daemon does not start here: ${daemon.text()}`)
    await run('git', ['clone', '-q', `git://127.0.0.1:${here}/origin`, join(to, 'copy')])
    expect(readFileSync(join(to, 'copy/file')).equals(noise(500_000))).toBe(true)
  })
})

/** What either process has warned of. */
function warnings(): readonly VCliEvent[] {
  return [forwards.near, forwards.far].flatMap(({ events }) =>
    events.filter(({ type }) => type === 'warning'),
  )
}

/** How many datagrams a server says in the end that it got. */
async function datagramsOf(server: RunningProgram): Promise<number> {
  await server.ended
  const [, lost, all] = [...server.text().matchAll(/(\d+)\/(\d+) \(/g)].at(-1) ?? []
  return Number(all) - Number(lost)
}

describe('iperf3', () => {
  for (const kind of ['TCP', 'UDP'] as const)
    it(`measures ${kind} by a port that is forwarded for both`, async (context) => {
      needs(context, 'iperf3')
      const { here, there } = forwards.iperf
      const warningsBefore = warnings()
      const listen = ['-B', '127.0.0.1', '-p', String(there)]
      const server = runProgram('iperf3', ['-s', '-1', '--forceflush', ...listen])
      afterwards(() => server[Symbol.asyncDispose]())
      await Promise.race([until(() => server.text().includes('Server listening')), server.ended])
      const how = kind === 'UDP' ? ['-u', '-b', '5M', '-l', '1200', '-t', '1'] : ['-n', '5M']
      const told = await run('iperf3', ['-J', '-c', '127.0.0.1', '-p', String(here), ...how])
      const { end } = JSON.parse(String(told)) as { end: { sum_sent?: { bytes: number } } }
      // What has been received by then is less: some of it is still on its way.
      if (kind === 'TCP') expect(end.sum_sent?.bytes).toBeGreaterThan(4_000_000)
      else expect(await datagramsOf(server)).toBeGreaterThan(100)
      expect(warnings()).toEqual(warningsBefore)
    })
})

describe('the two processes', () => {
  it('end well behind all of that, with nothing on stdout and no socket file', async () => {
    const { near, far, unix } = forwards
    near.child.kill('SIGINT')
    expect(await Promise.all([near.ended, far.ended])).toEqual([130, 0])
    expect([near.out, far.out]).toEqual(['', ''])
    expect(readdirSync(dirname(unix.here))).toEqual([])
  })
})
