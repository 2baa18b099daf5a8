/**
 * Whole processes: the standard streams of one, and a link to another over pipes that it inherits.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { VByteBuffer } from '@vio/io'
import { chain } from '@vio/io/facade'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { drainStdio, openStdio, VChild, VPipeAgent } from '@vio/pipe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasProgram } from '../lib/programs.js'
import { skipUnless } from '../lib/skip.js'
import { type Folder, makeFolder, openPipe, type Running, runReactor, until } from './support.js'

const STDIO = fileURLToPath(new URL('./fixtures/stdio.mjs', import.meta.url))
const GZIP = fileURLToPath(new URL('../docs/pipe/gzip.mjs', import.meta.url))
const LINK = fileURLToPath(new URL('./fixtures/link.mjs', import.meta.url))

let running: Running
let folder: Folder
const children: ChildProcess[] = []

beforeEach(() => {
  running = runReactor()
  folder = makeFolder()
})

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  running.reactor.stop()
  folder.remove()
})

interface Outcome {
  readonly stdout: Buffer
  readonly stderr: string
  readonly code: number | null
  readonly signal: string | null
}

/** Runs a scenario of stdio.mjs by a shell, with `redirect` behind it. */
function runShell(scenario: string, redirect = '', input: string | Buffer | null = ''): Promise<Outcome> {
  const child = spawn('sh', ['-c', `exec "$0" "$1" "$2" ${redirect}`, process.execPath, STDIO, scenario])
  children.push(child)
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  child.stdin.on('error', () => undefined)
  if (input === null) child.stdin.write('and more to come')
  else child.stdin.end(input)
  return new Promise((resolve) => {
    child.on('close', (code, signal) =>
      resolve({ stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString().trim(), code, signal }),
    )
  })
}

describe('the standard streams', () => {
  it.each(['copy', 'both'])(
    'are ends of a chain, whatever is behind them: pipes, files, devices (%s)',
    async (scenario) => {
      const pattern = new VBytePattern(2)
      const bytes = pattern.take(300_000)
      const piped = await runShell(scenario, '', bytes)
      expect(piped).toMatchObject({ stderr: 'true 300000', code: 0 })
      expect(piped.stdout.equals(bytes)).toBe(true)
      const [from, to] = [join(folder.path, 'from'), join(folder.path, 'to')]
      writeFileSync(from, bytes)
      const filed = await runShell(scenario, `< ${from} > ${to}`)
      expect(filed).toMatchObject({ stderr: 'true 300000', code: 0 })
      expect(readFileSync(to).equals(bytes)).toBe(true)
      const empty = await runShell(scenario, '< /dev/null > /dev/null')
      expect(empty).toMatchObject({ stderr: 'true 0', code: 0 })
    },
  )

  it('are let go of when their end closes, and can be used again', async () => {
    const outcome = await runShell('again')
    expect([outcome.stdout.toString(), outcome.stderr, outcome.code]).toEqual([
      'first plain second',
      'and the other',
      0,
    ])
  })

  it('give what an end left to whoever reads next', async () => {
    const { stderr, code } = await runShell('part', '', Buffer.alloc(100_000))
    expect([stderr, code]).toEqual(['10 99990', 0])
  })

  it('do not keep the process alive once they were let go of', async () => {
    expect(await runShell('leave', '', null)).toMatchObject({ stderr: 'left', code: 0 })
  })

  it('lose nothing when the process exits behind a drain', async () => {
    const slow = await runShell('drain', '| (sleep 0.3; cat)')
    expect([slow.stdout.length, slow.code]).toEqual([3_000_000, 0])
  })

  it('end as lost, and do not end the process, when the reader goes away', async () => {
    const { stderr } = await runShell('epipe', '| head -c 10 > /dev/null')
    expect(stderr).toBe('false EPIPE')
    expect((await runShell('late', '| head -c 1 > /dev/null')).stderr).toBe('alive')
  })

  it('lead through a program and out again', async (context) => {
    skipUnless(context, hasProgram('gzip'), 'there is no gzip')
    const text = Buffer.from('compress this '.repeat(10_000))
    await using child = new VChild(running.reactor, process.execPath, [GZIP])
    const source = new VProbeProducer({ reactor: running.reactor })
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const { done } = chain(source, child, sink)
    source.feed(new VByteBuffer(text))
    source.end()
    expect((await done).clean).toBe(true)
    expect(gunzipSync(sink.received.pop()).equals(text)).toBe(true)
  })

  it('are drained at once when nothing was written, and refuse what is no time', async () => {
    await drainStdio(1000)
    await expect(drainStdio(-1)).rejects.toThrow(RangeError)
    expect(() => openStdio(running.reactor, { input: 'x' as never })).toThrow(TypeError)
    expect(() => openStdio(running.reactor, { output: 'x' as never })).toThrow(TypeError)
  })
})

describe('a link to a process by pipes', () => {
  it('is an agent on both ends: this one writes and reads [T-VE-14], the other answers and ends [T-VE-15]', async () => {
    const [theirRead, ourWrite] = openPipe(folder)
    const [ourRead, theirWrite] = openPipe(folder)
    const child = spawn(process.execPath, [LINK], {
      stdio: ['ignore', 'ignore', 'inherit', theirRead, theirWrite],
    })
    children.push(child)
    const code = new Promise((resolve) => child.on('exit', resolve))
    for (const fd of [theirRead, theirWrite]) closeSync(fd)
    const agent = new VPipeAgent(running.reactor, ourRead, ourWrite)
    const source = new VProbeProducer({ reactor: running.reactor })
    const sink = new VProbeConsumer({ grantAtAttach: null })
    agent.byteConsume.attach(source)
    sink.attach(agent.byteProduce)
    source.feed(new VByteBuffer(Buffer.from('hello over there\n')))
    await until(() => sink.received.length === 17)
    expect(sink.received.pop().toString()).toBe('HELLO OVER THERE\n')
    source.feed(new VByteBuffer(Buffer.from('x'.repeat(500_000))))
    source.end()
    await until(() => sink.ended !== null)
    expect([sink.received.pop().toString() === 'X'.repeat(500_000), sink.ended?.clean]).toEqual([true, true])
    expect(await code).toBe(0)
    await agent.released
  })

  it('carries 10 MB through a child that is such an end', { timeout: 30_000 }, async () => {
    const total = 10_000_000
    const pattern = new VBytePattern(8)
    const checker = new VPatternChecker(pattern)
    const source = new VProbeProducer({ reactor: running.reactor })
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const child = new VChild(running.reactor, process.execPath, [STDIO, 'copy'], { stderr: 'ignore' })
    const { done } = chain(source, child, sink)
    source.feed(new VByteBuffer(pattern.take(total)))
    source.end()
    await until(() => {
      checker.feed(sink.received.pop())
      return sink.ended !== null
    })
    expect([checker.position, (await done).clean]).toEqual([total, true])
  })

  it("works with Python's own pipes", async (context) => {
    skipUnless(context, hasProgram('python3'), 'there is no python3')
    const script = 'import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)'
    await using child = new VChild(running.reactor, 'python3', ['-c', script])
    const source = new VProbeProducer({ reactor: running.reactor })
    const sink = new VProbeConsumer({ grantAtAttach: null })
    child.byteConsume.attach(source)
    sink.attach(child.byteProduce)
    source.feed(new VByteBuffer(Buffer.from('olleh\n')))
    await until(() => sink.received.length === 6)
    source.end()
    await until(() => sink.ended !== null)
    expect([sink.received.pop().toString(), sink.ended?.clean]).toEqual(['hello\n', true])
  })
})
