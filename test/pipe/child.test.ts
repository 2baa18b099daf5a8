/**
 * `VChild`: programs as ends of chains and between two elements, how they end, and how they are ended.
 */
import { execFileSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { VByteBuffer, VByteWriter, VIOError, VIOTimeout } from '@vio/io'
import { chain } from '@vio/io/facade'
import { VBytePattern, VPatternChecker, VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { VChild, VChildExit, type VChildOptions, VChildStartError } from '@vio/pipe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasProgram } from '../lib/programs.js'
import { skipUnless } from '../lib/skip.js'
import { openDescriptors, quiet, type Running, runReactor, until } from './support.js'

let running: Running
const children: VChild[] = []

beforeEach(() => {
  running = runReactor()
})

afterEach(async () => {
  for (const child of children.splice(0)) await child[Symbol.asyncDispose]()
  running.reactor.stop()
})

function start(command: string, args: readonly string[] = [], options: VChildOptions = {}): VChild {
  const child = new VChild(running.reactor, command, args, options)
  children.push(child)
  return child
}

function sh(script: string, options: VChildOptions = {}): VChild {
  return start('sh', ['-c', script], options)
}

/** A consumer of what a child gives. */
function sinkOn(child: { readonly byteProduce: VChild['byteProduce'] }, grant: number | null = null) {
  const sink = new VProbeConsumer({ grantAtAttach: grant })
  sink.attach(child.byteProduce)
  return sink
}

/** True while a process of that number is there, a zombie included. */
function isThere(pid: number | undefined): boolean {
  try {
    process.kill(pid ?? -1, 0)
    return true
  } catch {
    return false
  }
}

describe('VChild in a chain', () => {
  it('stands between a source and a sink, as a filter would', async () => {
    const writer = new VByteWriter(running.reactor)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    const { done } = chain(writer, start('tr', ['a-z', 'A-Z']), sink)
    writer.write('shout this')
    writer.endWrite()
    const result = await done
    expect(result).toMatchObject({ clean: true, bytesIn: 10, bytesOut: 10 })
    expect(sink.received.pop().toString()).toBe('SHOUT THIS')
  })

  it('carries 10 MB through cat, byte for byte, both ways at once', { timeout: 30_000 }, async () => {
    const pattern = new VBytePattern(21)
    const total = 10_000_000
    const child = start('cat')
    const checker = new VPatternChecker(pattern)
    const source = new VProbeProducer({ reactor: running.reactor })
    child.byteConsume.attach(source)
    source.feed(new VByteBuffer(pattern.take(total)))
    source.end()
    const sink = sinkOn(child)
    await until(() => {
      checker.feed(sink.received.pop())
      return sink.ended !== null
    })
    expect([checker.position, sink.ended?.clean]).toEqual([total, true])
    expect(await child.exited).toEqual({ exitCode: 0, signal: null })
  })

  it('gives the standard error as an end of its own', async () => {
    const child = sh('echo out; echo err >&2', { stderr: 'pipe' })
    const [out, err] = [sinkOn(child), sinkOn(child.stderr)]
    await until(() => out.ended !== null && err.ended !== null)
    expect([out.received.pop().toString(), err.received.pop().toString()]).toEqual(['out\n', 'err\n'])
    expect(() => sh('true').stderr).toThrow(VIOError)
  })

  it('ignores a stream or shares it, as told, and has no end there', async () => {
    const child = sh('cat; echo done', { stdin: 'ignore' })
    const source = new VProbeProducer({ reactor: running.reactor })
    child.byteConsume.attach(source)
    const sink = sinkOn(child)
    await until(() => sink.ended !== null && source.aborted !== null)
    expect(sink.received.pop().toString()).toBe('done\n')
  })

  it('works in a folder and an environment', async () => {
    const sink = sinkOn(sh('pwd; echo $V_THING', { cwd: '/', env: { ...process.env, V_THING: 'there' } }))
    await until(() => sink.ended !== null)
    expect(sink.received.pop().toString()).toBe('/\nthere\n')
  })
})

describe('how the end of a child is told', () => {
  async function ended(script: string, options: VChildOptions = {}) {
    const child = sh(script, options)
    const sink = sinkOn(child)
    await until(() => sink.ended !== null)
    return {
      clean: sink.ended?.clean,
      reason: sink.ended?.reason,
      text: sink.received.pop().toString(),
      child,
    }
  }

  it('ends clean with status 0 and unclean with any other, with the status as the reason', async () => {
    expect(await ended('echo x')).toMatchObject({ clean: true, reason: undefined, text: 'x\n' })
    const failed = await ended('echo x; exit 3')
    expect(failed).toMatchObject({ clean: false, text: 'x\n' })
    expect(failed.reason).toBeInstanceOf(VChildExit)
    expect(failed.reason).toMatchObject({ exitCode: 3, signal: null, message: 'sh exited with status 3' })
  })

  it('ends unclean when a signal ended the child', async () => {
    const { clean, reason } = await ended('echo x; kill -9 $$')
    expect(clean).toBe(false)
    expect(reason).toMatchObject({ exitCode: null, signal: 'SIGKILL', message: 'sh was ended by SIGKILL' })
  })

  it('waits with the end of its output for the end of the child', async () => {
    const child = sh('exec >&-; read line; exit 4')
    const sink = sinkOn(child)
    const writer = new VByteWriter(running.reactor)
    child.byteConsume.attach(writer.byteProduce)
    await quiet()
    expect([sink.ended, child.running]).toEqual([null, true])
    writer.write('go\n')
    await until(() => sink.ended !== null)
    expect(sink.ended?.reason).toMatchObject({ exitCode: 4 })
  })

  it('takes any status, or the end of the stream, or what a function says, for clean where it is told so', async () => {
    expect((await ended('exit 3', { cleanWhen: 'any' })).clean).toBe(true)
    expect((await ended('kill -9 $$', { cleanWhen: 'any' })).clean).toBe(false)
    const { clean, child } = await ended('exec >&-; exec sleep 20', { cleanWhen: 'stream' })
    expect([clean, child.running]).toEqual([true, true])
    const grep = {
      cleanWhen: ({ exitCode }: { exitCode: number | null }) => exitCode !== null && exitCode < 2,
    }
    expect((await ended('exit 1', grep)).clean).toBe(true)
    expect((await ended('exit 2', grep)).clean).toBe(false)
  })

  it('gives all that was written before the end, to one who comes when the child is gone', async () => {
    const child = sh('head -c 60000 /dev/zero')
    await child.exited
    await quiet()
    const sink = sinkOn(child, 1000)
    await until(() => sink.received.length === 1000)
    await quiet()
    expect(sink.ended).toBeNull()
    sink.grant(null)
    await until(() => sink.ended !== null)
    expect([sink.received.length, sink.ended?.clean]).toEqual([60_000, true])
  })

  it('tells a program that is not there as a named error through both directions, and leaves no process', async () => {
    const child = start('/nowhere/no-such-program')
    const source = new VProbeProducer({ reactor: running.reactor })
    child.byteConsume.attach(source)
    const sink = sinkOn(child)
    await until(() => sink.ended !== null && source.aborted !== null)
    expect(sink.ended?.clean).toBe(false)
    expect(sink.ended?.reason).toBeInstanceOf(VChildStartError)
    expect(sink.ended?.reason).toMatchObject({ systemCode: 'ENOENT' })
    expect(source.aborted?.reason).toBeInstanceOf(VChildStartError)
    expect((await child.exited).reason).toBeInstanceOf(VChildStartError)
    expect([child.pid, child.kill()]).toEqual([undefined, false])
  })

  it('tells what may not be run, and arguments that are too long, the same way', async () => {
    for (const [command, args, code] of [
      ['/etc/passwd', [], 'EACCES'],
      ['true', ['x'.repeat(4_000_000)], 'E2BIG'],
    ] as const) {
      const sink = sinkOn(start(command, args))
      await until(() => sink.ended !== null)
      expect(sink.ended?.reason).toMatchObject({ code: 'V_CHILD_START', systemCode: code })
    }
  })
})

describe('ending a child', () => {
  it('ends it when its output is aborted', async () => {
    const child = sh('exec sleep 60')
    const sink = sinkOn(child)
    sink.abort(new Error('enough'))
    expect(await child.exited).toMatchObject({ signal: 'SIGTERM' })
    expect(isThere(child.pid)).toBe(false)
  })

  it('ends it when its input ends unclean, so that half an input is not taken for a whole', async () => {
    const child = sh('cat > /dev/null; echo all of it')
    const source = new VProbeProducer({ reactor: running.reactor })
    child.byteConsume.attach(source)
    const sink = sinkOn(child)
    source.feed(new VByteBuffer(Buffer.from('half')))
    await quiet()
    source.end(false, new Error('the rest is missing'))
    await until(() => sink.ended !== null)
    expect([sink.ended?.clean, sink.received.length]).toEqual([false, 0])
    expect(sink.ended?.reason?.message).toBe('the rest is missing')
  })

  it('ends it by a signal, before, while and after it runs', async () => {
    const early = start('sleep', ['60'], { signal: AbortSignal.abort(new Error('too late')) })
    expect((await early.exited).reason?.message).toBe('too late')
    const controller = new AbortController()
    const child = start('sleep', ['60'], { signal: controller.signal })
    const sink = sinkOn(child)
    await quiet()
    controller.abort(new Error('stop it'))
    await until(() => sink.ended !== null)
    expect(sink.ended).toMatchObject({ clean: false, reason: { message: 'stop it' } })
    expect(await child.exited).toMatchObject({ signal: 'SIGTERM' })
    const over = start('true', [], { signal: controller.signal })
    await over.exited
    const late = new AbortController()
    const done = start('true', [], { signal: late.signal })
    await done.exited
    expect(getEventListeners(late.signal, 'abort')).toEqual([])
    late.abort()
    expect(done.status).toMatchObject({ exitCode: 0 })
  })

  it('ends it after its time, with VIOTimeout, and with SIGKILL if SIGTERM does nothing', async () => {
    const child = sh('trap "" TERM; echo ready; while :; do sleep 0.05; done', {
      timeoutMs: 300,
      killDelayMs: 100,
    })
    const sink = sinkOn(child)
    await until(() => sink.ended !== null)
    expect(sink.ended?.reason).toBeInstanceOf(VIOTimeout)
    const status = await child.exited
    expect(status.signal).toBe('SIGKILL')
    expect(status.reason).toBeInstanceOf(VIOTimeout)
    expect(isThere(child.pid)).toBe(false)
  })

  it('is gone when it was disposed of, in every state', async () => {
    const pids: (number | undefined)[] = []
    {
      await using fresh = sh('exec sleep 60')
      await using busy = sh('exec cat /dev/zero')
      sinkOn(busy)
      await using over = sh('exit 0')
      await over.exited
      await using missing = start('/nowhere/at-all')
      await quiet()
      pids.push(fresh.pid, busy.pid, over.pid, missing.pid)
    }
    expect(pids.filter((pid) => pid !== undefined && isThere(pid))).toEqual([])
  })

  it('tells its source when the child stops reading, as an unclean end, and goes on with the output', async () => {
    const child = sh('exec <&-; sleep 0.1; echo fine')
    const source = new VProbeProducer({ reactor: running.reactor })
    child.byteConsume.attach(source)
    const sink = sinkOn(child)
    source.feed(new VByteBuffer(Buffer.alloc(1_000_000)))
    await until(() => source.aborted !== null && sink.ended !== null)
    expect(source.aborted?.reason).toBeInstanceOf(Error)
    expect([sink.ended?.clean, sink.received.pop().toString()]).toEqual([true, 'fine\n'])
  })

  it('is stopped by a sink that takes nothing, with a bounded number of bytes on the way', async () => {
    const child = sh('exec cat /dev/zero')
    const sink = sinkOn(child, 100)
    await until(() => sink.received.length === 100)
    await quiet()
    const { heapUsed, external } = process.memoryUsage()
    await quiet()
    const after = process.memoryUsage()
    expect(after.heapUsed + after.external - heapUsed - external).toBeLessThan(8_000_000)
    expect(sink.received.length).toBe(100)
  })

  it('leaves no descriptor and no process behind', async (context) => {
    skipUnless(context, openDescriptors() !== undefined, 'this system does not count descriptors')
    const before = openDescriptors() ?? 0
    for (let round = 0; round < 20; round += 1) {
      const batch = [sh('echo x'), sh('exec sleep 60'), start('/nowhere/x'), sh('exit 1')]
      for (const child of batch) sinkOn(child)
      for (const child of batch) await child[Symbol.asyncDispose]()
    }
    await until(() => (openDescriptors() ?? 0) <= before + 1)
    expect(execFileSync('ps', ['-o', 'stat=', '--ppid', String(process.pid)]).toString()).not.toMatch(/^Z/m)
  })
})

describe('what a child is started with', () => {
  it.each([
    ['no command', () => start('')],
    ['a zero byte', () => start('a\0b')],
    ['an argument that is no text', () => start('true', [1 as never])],
    ['a stream of another kind', () => start('true', [], { stdin: 'maybe' as never })],
    ['a rule of another kind', () => start('true', [], { cleanWhen: 'maybe' as never })],
    ['a signal of another kind', () => start('true', [], { signal: {} as never })],
    ['a time below 0', () => start('true', [], { timeoutMs: -1 })],
    ['a size below 1', () => start('true', [], { maxReadBytes: 0 })],
  ])('refuses %s before it starts anything', (_what, run) => {
    expect(run).toThrow()
    expect(children.length).toBe(0)
  })
})

describe('programs that others wrote', () => {
  it('reads what dd copies, and writes what head cuts off', async (context) => {
    skipUnless(context, hasProgram('dd') && hasProgram('head'), 'there is no dd or no head')
    const sink = sinkOn(start('dd', ['if=/dev/zero', 'bs=1000', 'count=77'], { stderr: 'ignore' }))
    await until(() => sink.ended !== null)
    expect([sink.received.length, sink.ended?.clean]).toEqual([77_000, true])
    const head = start('head', ['-c', '10'])
    const source = new VProbeProducer({ reactor: running.reactor })
    head.byteConsume.attach(source)
    const cut = sinkOn(head)
    source.feed(new VByteBuffer(Buffer.alloc(2_000_000, 'x')))
    await until(() => cut.ended !== null && source.aborted !== null)
    expect([cut.received.pop().toString(), cut.ended?.clean]).toEqual(['xxxxxxxxxx', true])
  })
})
