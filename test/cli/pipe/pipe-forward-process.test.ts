/**
 * `vut pipe` and `vut forward` as processes that meet at a relay: how they end, whatever ends them.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { VRelayHost } from '@vio/nat'
import { VReactor } from '@vio/reactor'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { hasProgram, runProgram } from '../../lib/programs.js'
import { skipUnless } from '../../lib/skip.js'
import { client, echo, exchange } from '../forward/rig.js'
import { codeOf, errorOf, MAIN, startRelay, type Vut, vut } from '../process-support.js'
import { tempFolder } from '../support.js'

let relay = ''

beforeAll(async () => {
  relay = await startRelay()
})

/** An input that never ends: the process itself holds the other end of a pipe. */
const ENDLESS = 'mkfifo in.fifo; exec 3<>in.fifo; exec <in.fifo'

function run(args: readonly string[], shell?: string, at = relay): Vut {
  const cwd = tempFolder()
  return vut([...args, '--json', '--relay', at], { cwd, ...(shell === undefined ? {} : { shell }) })
}

async function transferring(process: Vut): Promise<void> {
  await process.until((event) => event.type === 'phase' && event.phase === 'transferring')
}

/** Two pipes that have met. */
async function met(first?: string, second?: string, at = relay): Promise<readonly [Vut, Vut]> {
  const one = run(['pipe'], first, at)
  const two = run(['pipe', await codeOf(one)], second, at)
  await Promise.all([transferring(one), transferring(two)])
  return [one, two]
}

describe('vut pipe as a process', () => {
  it('brings what it was given, and both end with 0 and nothing else on stdout', async () => {
    const [one, two] = await met('echo from one >in; exec <in', 'echo from two >in; exec <in')
    expect(await Promise.all([one.ended, two.ended])).toEqual([0, 0])
    expect([one.out, two.out]).toEqual(['from two\n', 'from one\n'])
    expect(one.events.at(-1)).toMatchObject({ type: 'done', bytes: 18 })
  })

  it('ends with 7 where `head -c 1` has had enough, and the other side with 6', async (context) => {
    skipUnless(context, hasProgram('bash'), 'there is no bash here')
    const one = run(['pipe'], 'exec </dev/zero')
    const line = `"$0" "$1" pipe ${await codeOf(one)} --relay ${relay} </dev/null | head -c 1 | wc -c; echo "\${PIPESTATUS[0]}"`
    await using two = runProgram('bash', ['-c', line, process.execPath, MAIN])
    two.feed('')
    expect(await two.ended).toBe(0)
    expect(two.text().trim().split(/\s+/)).toEqual(expect.arrayContaining(['1', '7']))
    expect(await one.ended).toBe(6)
    expect(errorOf(one)).toContain('the output was closed before everything had come')
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends by %s with %i while it waits for the other side', async (signal, code) => {
    const one = run(['pipe'], ENDLESS)
    await codeOf(one)
    one.child.kill(signal)
    expect(await one.ended).toBe(code)
  })

  it('ends by SIGINT with 130 while bytes flow, and the other side with 6', async () => {
    const [one, two] = await met('exec </dev/zero >/dev/null', ENDLESS)
    await one.until((event) => event.type === 'progress' && event.bytes > 1_000_000)
    one.child.kill('SIGINT')
    expect(await Promise.all([one.ended, two.ended])).toEqual([130, 6])
    expect(errorOf(two)).toContain('ended by SIGINT')
  })

  it('ends at once by the second SIGINT', async () => {
    const [one, two] = await met(ENDLESS, ENDLESS)
    one.child.kill('SIGINT')
    one.child.kill('SIGINT')
    expect(await one.ended).toBe(130)
    two.child.kill('SIGKILL')
    await two.ended
  })

  it('ends with 4 on both sides where the words are not the same', async () => {
    const one = run(['pipe'], ENDLESS)
    const [room] = (await codeOf(one)).split('-')
    const two = run(['pipe', `${room}-lantern-orchard`], ENDLESS)
    expect(await Promise.all([one.ended, two.ended])).toEqual([4, 4])
  })

  it('lets nobody else in by a code that was used', async () => {
    const one = run(['pipe'], ENDLESS)
    const code = await codeOf(one)
    const two = run(['pipe', code], ENDLESS)
    await Promise.all([transferring(one), transferring(two)])
    const three = run(['pipe', code, '--timeout', '2'], ENDLESS)
    expect(await three.ended).toBe(3)
    expect([one.child.exitCode, two.child.exitCode]).toEqual([null, null])
    one.child.kill('SIGINT')
    await Promise.all([one.ended, two.ended])
  })

  it('goes on while the relay is killed and started again', async () => {
    const reactor = new VReactor()
    reactor.start()
    const start = async (port: number): Promise<VRelayHost> => {
      const host = new VRelayHost(reactor, { host: '127.0.0.1', port, otherPort: 0 })
      await host.listen()
      return host
    }
    const first = await start(0)
    onTestFinished(() => reactor.stop())
    const port = first.address?.port ?? 0
    // The input ends only when the relay has been away for a while.
    const late = 'mkfifo f; (sleep 3; echo late) >f & exec <f'
    const [one, two] = await met(late, undefined, `127.0.0.1:${port}`)
    await one.until((event) => event.type === 'path' && event.kind === 'direct')
    await first.drain(0)
    const second = await start(port)
    onTestFinished(() => void second.close())
    expect(await Promise.all([one.ended, two.ended])).toEqual([0, 0])
    expect(two.out).toBe('late\n')
  })
})

describe('vut forward as a process', () => {
  /** A side that waits, and one that asks for forwards. */
  async function forwarding(...args: readonly string[]): Promise<readonly [Vut, Vut, readonly string[]]> {
    const far = run(['forward', '--listen'])
    const near = run(['forward', ...args, await codeOf(far)])
    const ready = await near.until((event) => event.type === 'phase' && event.phase === 'transferring')
    const lines = ready.type === 'phase' ? (ready.detail ?? '').split('; ').slice(1) : []
    return [far, near, lines]
  }

  it('forwards, ends by SIGINT with 130, and leaves neither a socket file nor a process', async () => {
    const port = await echo()
    const folder = tempFolder()
    const [far, near, lines] = await forwarding(
      '-U',
      `${folder}/s:localhost:${port}`,
      '-L',
      `0:localhost:${port}`,
    )
    expect(lines).toHaveLength(2)
    const sent = Buffer.alloc(500_000, 'through two processes')
    const local = Number(/127\.0\.0\.1:(\d+)/.exec(lines.join())?.[1])
    for (const to of [join(folder, 's'), local])
      expect((await exchange(to, sent)).bytes.equals(sent)).toBe(true)
    const open = await client(local)
    near.child.kill('SIGINT')
    expect(await near.ended).toBe(130)
    expect(await far.ended).toBe(0)
    open.destroy()
    expect(readdirSync(folder)).toEqual([])
  })

  it('ends with 0 when the other side ends', async () => {
    const [far, near] = await forwarding('-D', '0')
    far.child.kill('SIGTERM')
    expect(await far.ended).toBe(143)
    expect(await near.ended).toBe(0)
  })

  it('ends with 7 where its port is taken, before a code is used', async () => {
    const port = await echo()
    const near = run(['forward', '-L', `${port}:localhost:80`, '7-lantern-orchard'])
    expect(await near.ended).toBe(7)
    expect(errorOf(near)).toContain('EADDRINUSE')
  })

  it('ends with 6 where the other side does not allow what it is asked to listen on', async () => {
    const far = run(['forward', '--listen'])
    const near = run(['forward', '-R', '*:0:localhost:80', await codeOf(far)])
    expect(await near.ended).toBe(6)
    expect(errorOf(near)).toContain('does not allow it')
    expect(await far.ended).toBe(6)
  })

  it.each([
    [['forward'], /nothing is to be forwarded/],
    [['forward', '7-lantern-orchard'], /nothing is to be forwarded/],
    [['forward', '--listen', '7-lantern-orchard'], /there is one already/],
    [['forward', '-L', 'nonsense', '7-lantern-orchard'], /the form is -L/],
    [['forward', '--listen', '--allow', 'a b'], /a rule is/],
  ])('ends with 2 for %j', async (args, message) => {
    const near = run(args)
    expect(await near.ended).toBe(2)
    expect(errorOf(near)).toMatch(message)
  })
})
