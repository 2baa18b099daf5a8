/**
 * `VTTY`: terminals as chain ends, and that they are found as they were left, however the process ends. Pseudo-terminals
 * come from Python or from native.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { constants as os } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { VByteBuffer, VByteWriter } from '@vio/io'
import { chain } from '@vio/io/facade'
import { VProbeConsumer } from '@vio/io/testing'
import { native } from '@vio/native'
import { openDescriptor, openTTY, VChild, VTTY, VTTYError } from '@vio/pipe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasProgram } from '../lib/programs.js'
import { skipUnless } from '../lib/skip.js'
import { openDescriptors, quiet, type Running, runReactor, until } from './support.js'

const PROGRAM = fileURLToPath(new URL('./fixtures/tty.mjs', import.meta.url))
const PTY = fileURLToPath(new URL('./fixtures/pty.py', import.meta.url))

let running: Running
const children: ChildProcess[] = []

beforeEach(() => {
  running = runReactor()
})

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  running.reactor.stop()
})

/** A process on a terminal of Python's. */
class OnTerminal {
  shown = ''
  readonly raw: boolean[] = []
  outcome: { exit: number | null; signal: number | null; restored: boolean } | undefined
  readonly #child: ChildProcess
  #left = ''

  constructor(scenario: string) {
    this.#child = spawn('python3', [PTY, process.execPath, PROGRAM, scenario], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    children.push(this.#child)
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (this.#left + chunk.toString()).split('\n')
      this.#left = lines.pop() ?? ''
      for (const line of lines) this.#told(JSON.parse(line) as Record<string, unknown>)
    })
  }

  tell(command: string): void {
    this.#child.stdin?.write(`${command}\n`)
  }

  async sees(text: string): Promise<void> {
    await until(() => this.shown.includes(text), `"${text}" in ${JSON.stringify(this.shown)}`)
  }

  async ended(): Promise<{ exit: number | null; signal: number | null; restored: boolean } | undefined> {
    await until(() => this.outcome !== undefined, 'the end of the process')
    return this.outcome
  }

  #told(what: Record<string, unknown>): void {
    if (typeof what['shown'] === 'string') this.shown += what['shown']
    else if (typeof what['raw'] === 'boolean') this.raw.push(what['raw'])
    else this.outcome = what as unknown as NonNullable<OnTerminal['outcome']>
  }
}

describe('VTTY on the standard streams', () => {
  const python = hasProgram('python3')
  const reason = 'there is no python3 to make a terminal'

  it('gives each key at once in raw mode, control keys as bytes, and knows its size', async (context) => {
    skipUnless(context, python, reason)
    const terminal = new OnTerminal('keys')
    await terminal.sees('size 80 24 raw true')
    terminal.tell('type a')
    await terminal.sees('97')
    terminal.tell('type \\x03')
    await terminal.sees('3\r\n')
    terminal.tell('raw')
    await until(() => terminal.raw.length === 1)
    expect(terminal.raw).toEqual([true])
    terminal.tell('type q')
    expect(await terminal.ended()).toEqual({ exit: 0, signal: null, restored: true })
  })

  it('leaves raw mode as it found the terminal', async (context) => {
    skipUnless(context, python, reason)
    const terminal = new OnTerminal('leave')
    await terminal.sees('raw false')
    expect(await terminal.ended()).toEqual({ exit: 0, signal: null, restored: true })
  })

  it.for([
    ['exit', undefined, { exit: 3, signal: null }],
    ['crash', undefined, { exit: 1, signal: null }],
    ['signal', os.signals.SIGINT, { exit: null, signal: os.signals.SIGINT }],
    ['signal', os.signals.SIGTERM, { exit: null, signal: os.signals.SIGTERM }],
    ['signal', os.signals.SIGHUP, { exit: null, signal: os.signals.SIGHUP }],
    ['signal', os.signals.SIGQUIT, { exit: null, signal: os.signals.SIGQUIT }],
  ] as const)('is put back when the process ends by %s %s', async ([scenario, signal, outcome], context) => {
    skipUnless(context, python, reason)
    const terminal = new OnTerminal(scenario)
    await terminal.sees('ready')
    if (signal !== undefined) terminal.tell(`signal ${signal}`)
    expect(await terminal.ended()).toEqual({ ...outcome, restored: true })
  })

  it.for([
    ['exit', undefined],
    ['SIGTERM', os.signals.SIGTERM],
  ] as const)('is put back with a second one at %s', async ([, signal], context) => {
    skipUnless(context, python, reason)
    const terminal = new OnTerminal('second')
    await terminal.sees('ready')
    terminal.tell('raw 2')
    await until(() => terminal.raw.length === 1)
    expect(terminal.raw).toEqual([true])
    terminal.tell(signal === undefined ? 'type x' : `signal ${signal}`)
    const how = signal === undefined ? { exit: 0, signal: null } : { exit: null, signal }
    expect(await terminal.ended()).toEqual({ ...how, restored: true })
  })

  it('is put back while the process is stopped, and raw again when it goes on', async (context) => {
    skipUnless(context, python, reason)
    const terminal = new OnTerminal('keys')
    await terminal.sees('raw true')
    const isRaw = async (wanted: boolean): Promise<void> => {
      while (terminal.raw.at(-1) !== wanted) {
        const asked = terminal.raw.length
        terminal.tell('raw')
        await until(() => terminal.raw.length > asked)
      }
    }
    for (let times = 0; times < 2; times += 1) {
      await isRaw(true)
      terminal.tell(`signal ${os.signals.SIGTSTP}`)
      await isRaw(false)
      terminal.tell(`signal ${os.signals.SIGCONT}`)
      await isRaw(true)
    }
    // Each key still comes at once.
    terminal.tell('type a')
    await terminal.sees('97')
    terminal.tell('type q')
    expect(await terminal.ended()).toEqual({ exit: 0, signal: null, restored: true })
  })

  it('tells a new size', async (context) => {
    skipUnless(context, python, reason)
    const terminal = new OnTerminal('resize')
    await terminal.sees('ready')
    terminal.tell('size 132 43')
    await terminal.sees('resized 132 43')
    expect(await terminal.ended()).toMatchObject({ exit: 0, restored: true })
  })

  it('runs under script, which somebody else wrote', async (context) => {
    skipUnless(context, hasProgram('script'), 'there is no script to make a terminal')
    const command = `${process.execPath} ${PROGRAM} leave`
    await using child = new VChild(running.reactor, 'script', ['-qec', command, '/dev/null'], {
      stdin: 'ignore',
    })
    const sink = new VProbeConsumer({ grantAtAttach: null })
    sink.attach(child.byteProduce)
    await until(() => sink.ended !== null)
    expect(sink.received.pop().toString()).toContain('raw false')
  })

  it('is refused where there is no terminal', async () => {
    const child = new VChild(running.reactor, process.execPath, [PROGRAM, 'none'], { stdin: 'ignore' })
    const sink = new VProbeConsumer({ grantAtAttach: null })
    sink.attach(child.byteProduce)
    await until(() => sink.ended !== null)
    expect(sink.received.pop().toString()).toBe('VTTYError ENOTTY\n')
  })
})

describe('VTTY on a terminal of its own', () => {
  const terminals = native.has('terminals')
  const reason = 'native makes no pseudo-terminals here'

  it('refuses what is no terminal, and leaves nothing open', () => {
    const fd = openSync('/dev/null', 'r')
    const before = openDescriptors()
    for (const terminal of [fd, -1, 1.5, 987_654, '/dev/null', '/nowhere/tty', join('/', 'tmp')]) {
      expect(() => openTTY(running.reactor, { terminal })).toThrow(VTTYError)
    }
    expect(() => openTTY(running.reactor, { terminal: '/nowhere/tty' })).toThrow(
      expect.objectContaining({ systemCode: 'ENOENT' }),
    )
    expect(() => openTTY(running.reactor, { terminal: fd, bufferBytes: 0 })).toThrow(RangeError)
    expect(openDescriptors()).toBe(before)
    closeSync(fd)
  })

  it('shows what it consumes and gives what is typed, and is raw only while it is open', async (context) => {
    skipUnless(context, terminals, reason)
    const { controller, path } = native.openTerminal()
    native.setWindowSize(controller, { columns: 100, rows: 30 })
    const watched = openSync(path, constants.O_RDWR | constants.O_NOCTTY)
    const isRaw = (): boolean => {
      const settings = new Uint8Array(36)
      native.ioctl(watched, 'TCGETS', settings)
      return (new DataView(settings.buffer).getUint32(12, true) & 2) === 0
    }
    const screen = openDescriptor(running.reactor, native.release(controller))
    const shown = new VProbeConsumer({ grantAtAttach: null })
    shown.attach(screen.byteProduce)
    const keys = new VByteWriter(running.reactor)
    screen.byteConsume.attach(keys.byteProduce)

    const tty = openTTY(running.reactor, { terminal: path })
    expect(tty).toBeInstanceOf(VTTY)
    expect([tty.size, tty.isRaw, isRaw()]).toEqual([{ columns: 100, rows: 30 }, false, false])
    tty.setRawMode(true)
    tty.setRawMode(true)
    expect([tty.isRaw, isRaw()]).toEqual([true, true])
    const typed = new VProbeConsumer({ grantAtAttach: null })
    typed.attach(tty.byteProduce)
    keys.write('x')
    await until(() => typed.received.length === 1)
    const text = new VByteWriter(running.reactor)
    const { done } = chain(text, tty)
    text.write('on the screen')
    text.endWrite()
    await until(() => shown.received.length === 13)
    expect((await done).clean).toBe(true)
    expect(shown.received.pop().toString()).toBe('on the screen')
    tty[Symbol.dispose]()
    await until(() => !isRaw())
    expect(() => tty.setRawMode(true)).toThrow(VTTYError)
    closeSync(watched)
    screen[Symbol.dispose]()
    await screen.released
  })

  it('gives an end when the other side hangs up, as the master sees one when the terminal is closed', async (context) => {
    skipUnless(context, terminals, reason)
    const { controller, path } = native.openTerminal()
    const tty = openTTY(running.reactor, { terminal: path, raw: true })
    const typed = new VProbeConsumer({ grantAtAttach: null })
    typed.attach(tty.byteProduce)
    await quiet()
    native.close(controller)
    await until(() => typed.ended !== null)
    tty[Symbol.dispose]()
    const other = native.openTerminal()
    const second = openTTY(running.reactor, { terminal: other.path })
    const screen = openDescriptor(running.reactor, native.release(other.controller))
    const shown = new VProbeConsumer({ grantAtAttach: null })
    shown.attach(screen.byteProduce)
    second[Symbol.dispose]()
    await until(() => shown.ended !== null)
    expect(shown.ended?.clean).toBe(true)
    screen[Symbol.dispose]()
  })

  it('is an end by its descriptor alone too, in each direction, and leaves none open', async (context) => {
    skipUnless(context, terminals, reason)
    const before = openDescriptors() ?? 0
    const { controller, path } = native.openTerminal()
    const screen = openDescriptor(running.reactor, native.release(controller))
    const shown = new VProbeConsumer({ grantAtAttach: null })
    shown.attach(screen.byteProduce)
    const keys = new VByteWriter(running.reactor)
    screen.byteConsume.attach(keys.byteProduce)
    const open = (use: 'read' | 'write' | 'both') =>
      openDescriptor(running.reactor, openSync(path, constants.O_RDWR | constants.O_NOCTTY), { use })
    const [reader, writer] = [open('read'), open('write')]
    const typed = new VProbeConsumer({ grantAtAttach: null })
    typed.attach(reader.byteProduce)
    keys.write('line\n')
    await until(() => typed.received.length === 5)
    const text = new VByteWriter(running.reactor)
    const { done } = chain(text, writer)
    text.write('shown')
    text.endWrite()
    expect((await done).clean).toBe(true)
    await until(() => shown.received.length >= 11)
    expect(shown.received.pop().toString()).toBe('line\r\nshown')
    const both = open('both')
    await Promise.all([reader, writer, both].map((end) => end[Symbol.asyncDispose]()))
    await until(() => shown.ended !== null)
    screen[Symbol.dispose]()
    await until(() => (openDescriptors() ?? 0) <= before)
  })

  it('never makes the process wait for a terminal that takes nothing', async (context) => {
    skipUnless(context, terminals, reason)
    const { controller, path } = native.openTerminal()
    const tty = openTTY(running.reactor, { terminal: path, raw: true })
    const text = new VByteWriter(running.reactor)
    tty.byteConsume.attach(text.byteProduce)
    text.write(new VByteBuffer(Buffer.alloc(1_000_000, 'x')).pop())
    await quiet()
    expect(tty.bufferedBytes).toBeGreaterThan(0)
    native.close(controller)
    tty[Symbol.dispose]()
  })
})
