/**
 * Programs that nobody here wrote, through forwards: they notice nothing.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, type TestContext } from 'vitest'
import { freePort, hasProgram, runProgram } from '../../lib/programs.js'
import { skipUnless } from '../../lib/skip.js'
import { afterwards, noise, pairOf, until } from './rig.js'

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
async function web(body: Buffer, at: { path: string } | { port: number; host: string }): Promise<number> {
  const server = createServer((_request, response) => response.end(body))
  server.listen(at)
  await once(server, 'listening')
  afterwards(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const HERE = { port: 0, host: '127.0.0.1' }

describe('curl', () => {
  it('fetches through -L, and from many at once', async (context) => {
    needs(context, 'curl')
    const body = noise(2_000_000)
    const pair = await pairOf({ forwards: [['-L', `0:localhost:${await web(body, HERE)}`]] })
    const url = `http://127.0.0.1:${pair.port()}/`
    const bodies = await Promise.all(Array.from({ length: 4 }, () => run('curl', ['-s', '-S', url])))
    expect(bodies.every((each) => each.equals(body))).toBe(true)
  })

  it('fetches through -D, names resolved on the other side, and hears of what is not allowed', async (context) => {
    needs(context, 'curl')
    const body = noise(300_000)
    const port = await web(body, HERE)
    const pair = await pairOf({ forwards: [['-D', '0']] })
    const proxy = ['--socks5-hostname', `127.0.0.1:${pair.port()}`]
    const got = await run('curl', ['-s', '-S', ...proxy, `http://localhost:${port}/`])
    expect(got.equals(body)).toBe(true)
    await expect(run('curl', ['-s', '-S', ...proxy, 'http://192.0.2.1/'])).rejects.toThrow(/ended with 97/)
  })

  it('fetches from an HTTP server on a Unix socket, by a Unix socket', async (context) => {
    needs(context, 'curl')
    const body = noise(300_000)
    const [here, there] = [join(folder(), 'here'), join(folder(), 'there')]
    await web(body, { path: there })
    await pairOf({ forwards: [['-U', `${here}:${there}`]] }, { allow: [there] })
    expect((await run('curl', ['-s', '-S', '--unix-socket', here, 'http://x/'])).equals(body)).toBe(true)
  })
})

/** A daemon of its own on a free port, with a key that lets this user in. */
async function sshd(context: TestContext): Promise<{ port: number; options: string[] }> {
  needs(context, 'ssh', 'ssh-keygen')
  const program = ['/usr/sbin/sshd', '/usr/bin/sshd'].find(existsSync)
  skipUnless(context, program !== undefined, 'there is no sshd here')
  const own = folder()
  const key = join(own, 'key')
  for (const name of [key, join(own, 'host')])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', name])
  writeFileSync(join(own, 'allowed'), readFileSync(`${key}.pub`))
  chmodSync(own, 0o700)
  const port = await freePort()
  const config = [
    `Port ${port}`,
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
  return { port, options: [...options, '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'] }
}

describe('ssh', () => {
  it('runs a command on the other side, with input and output of some size', async (context) => {
    const { port, options } = await sshd(context)
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${port}`]] })
    await using ssh = runProgram('ssh', [
      ...options,
      '-p',
      String(pair.port()),
      '127.0.0.1',
      'cat; echo done >&2; exit 3',
    ])
    const sent = noise(1_000_000)
    ssh.feed(sent)
    expect(await ssh.ended).toBe(3)
    expect(ssh.output.length).toBe(sent.length + 5)
  })

  it('carries rsync', async (context) => {
    needs(context, 'rsync')
    const { port, options } = await sshd(context)
    const [from, to] = [folder(), folder()]
    for (let at = 0; at < 20; at += 1) writeFileSync(join(from, `${at}`), noise(at * 5000))
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${port}`]] })
    const shell = `ssh ${options.join(' ')} -p ${pair.port()}`
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
    const port = await freePort()
    const listen = ['--listen=127.0.0.1', `--port=${port}`, '--reuseaddr', '--export-all', '--verbose']
    const daemon = runProgram('git', ['daemon', ...listen, `--base-path=${base}`, base])
    afterwards(async () => {
      // The daemon is a child of `git`, which a kill would leave behind.
      daemon.process.kill('SIGTERM')
      await daemon.ended
    })
    await Promise.race([until(() => daemon.text().includes('Ready to rumble')), daemon.ended])
    skipUnless(context, daemon.process.exitCode === null, `git daemon does not start here: ${daemon.text()}`)
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${port}`]] })
    await run('git', ['clone', '-q', `git://127.0.0.1:${pair.port()}/origin`, join(to, 'copy')])
    expect(readFileSync(join(to, 'copy/file')).equals(noise(500_000))).toBe(true)
  })
})

describe('iperf3', () => {
  for (const kind of ['TCP', 'UDP'] as const)
    it(`measures ${kind} by a port that is forwarded for both`, async (context) => {
      needs(context, 'iperf3')
      const port = await freePort()
      const server = runProgram('iperf3', ['-s', '-1', '--forceflush', '-B', '127.0.0.1', '-p', String(port)])
      afterwards(() => server[Symbol.asyncDispose]())
      await Promise.race([until(() => server.text().includes('Server listening')), server.ended])
      const own = await freePort()
      const pair = await pairOf({
        forwards: [
          ['-L', `${own}:127.0.0.1:${port}`],
          ['-L', `${own}:127.0.0.1:${port}/udp`],
        ],
      })
      const how = kind === 'UDP' ? ['-u', '-b', '5M', '-l', '1200', '-t', '1'] : ['-n', '5M']
      const told = await run('iperf3', ['-J', '-c', '127.0.0.1', '-p', String(own), ...how])
      const { end } = JSON.parse(String(told)) as {
        end: { sum_sent?: { bytes: number }; sum: { packets: number } }
      }
      // What has been received by then is less: some of it is still on its way.
      if (kind === 'TCP') expect(end.sum_sent?.bytes).toBeGreaterThan(4_000_000)
      else expect(end.sum.packets).toBeGreaterThan(100)
      expect(pair.near.events.filter(({ type }) => type === 'failed')).toEqual([])
    })
})
