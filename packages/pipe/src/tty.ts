/**
 * `VTTY`: a terminal as a chain end.
 *
 * Decides when the terminal is raw, tells its size and its changes, and puts it back as it was: when raw mode is left,
 * when the end closes, when the process ends, also by a signal or a crash, and while SIGTSTP has stopped it. Invariant:
 * what is no terminal is refused before anything was opened or changed.
 */
import { closeSync, constants, openSync } from 'node:fs'
import { isatty, ReadStream, WriteStream } from 'node:tty'
import { VByteEndpoint, type VEndpointOptions, VFIOLost } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { checkEndOptions } from './end-options.js'
import { systemCodeOf, VTTYError } from './errors.js'
import { onAbort } from './signal.js'
import { StdioDevice } from './stdio-device.js'
import { guardTerminal } from './tty-guard.js'
import { readStreamOn, writeStreamOn } from './tty-streams.js'

/** The size of a terminal, in characters. */
export interface VTTYSize {
  readonly columns: number
  readonly rows: number
}

/** Options of `openTTY`. */
export interface VTTYOptions extends VEndpointOptions {
  /**
   * Which terminal: `'stdio'` (the default), the standard input and output; a path, such as `/dev/tty`, or a descriptor
   * of it, which the end then owns.
   */
  readonly terminal?: 'stdio' | string | number
  /** True to begin in raw mode. By default the terminal stays as it is. */
  readonly raw?: boolean
  /** Called with the new size when it changes. What it throws is logged. */
  readonly onResize?: (size: VTTYSize) => void
  /** Aborts the end: it is closed as lost, with the signal's reason. */
  readonly signal?: AbortSignal
}

/** The streams of a terminal, and whether they are to be destroyed. */
interface Terminal {
  readonly input: ReadStream
  readonly output: WriteStream
  readonly isOwned: boolean
}

/** A terminal. Made by `openTTY`. */
export class VTTY extends VByteEndpoint {
  readonly #terminal: Terminal
  readonly #options: VTTYOptions
  #unguard: (() => void) | undefined
  #size: VTTYSize
  #isOver = false
  readonly #onWinch = (): void => this.#resized()

  /** Internal: call `openTTY`. */
  constructor(reactor: IVReactor, terminal: Terminal, options: VTTYOptions) {
    // What Node opened as an output makes the process wait while the terminal is stopped; as an input it does not.
    const device = new StdioDevice(terminal.input, terminal.isOwned ? terminal.input : terminal.output)
    super(reactor, device, options)
    this.#terminal = terminal
    this.#options = options
    this.#size = sizeOf(terminal.output)
    process.on('SIGWINCH', this.#onWinch)
    let ended = (): void => undefined
    device.onReleased(() => {
      ended()
      this.#release()
    })
    ended = onAbort(options.signal, (reason) => this.closeIO(new VFIOLost(reason)))
    if (options.raw === true && !this.closed) this.setRawMode(true)
  }

  /** True while it is in raw mode: each key at once, without echo, control keys as bytes. */
  get isRaw(): boolean {
    return this.#unguard !== undefined
  }

  /** Its size. */
  get size(): VTTYSize {
    return this.#size
  }

  /**
   * Enters or leaves raw mode. Leaving restores what was found.
   *
   * @throws VTTYError if the terminal refuses, or the end is closed
   */
  setRawMode(on: boolean): void {
    if (typeof on !== 'boolean') throw new TypeError(`raw mode is on or off, got ${typeof on}`)
    if (this.#isOver) throw new VTTYError('the terminal was closed', 'EBADF')
    if (on === this.isRaw) return
    if (on) {
      this.#switch(true)
      this.#unguard = guardTerminal({
        restore: () => this.#switch(false),
        resume: () => {
          // The stream takes it for raw if somebody else has put the terminal back meanwhile.
          this.#switch(false)
          this.#switch(true)
        },
      })
    } else this.#leaveRaw()
  }

  #leaveRaw(): void {
    this.#unguard?.()
    this.#unguard = undefined
    this.#switch(false)
  }

  #switch(on: boolean): void {
    try {
      this.#terminal.input.setRawMode(on)
    } catch (cause) {
      throw new VTTYError(`raw mode could not be turned ${on ? 'on' : 'off'}`, systemCodeOf(cause), { cause })
    }
  }

  #release(): void {
    if (this.#isOver) return
    process.off('SIGWINCH', this.#onWinch)
    if (this.isRaw) {
      try {
        this.#leaveRaw()
      } catch (error) {
        this.log.warn('a terminal could not be put back', error)
      }
    }
    this.#isOver = true
    if (!this.#terminal.isOwned) return
    this.#terminal.input.destroy()
    this.#terminal.output.destroy()
  }

  #resized(): void {
    refresh(this.#terminal.output)
    const size = sizeOf(this.#terminal.output)
    if (size.columns === this.#size.columns && size.rows === this.#size.rows) return
    this.#size = size
    try {
      this.#options.onResize?.(size)
    } catch (error) {
      this.log.error('a handler of a terminal failed', error)
    }
  }
}

/**
 * Opens a terminal as an end of a chain: what is typed is produced, what is consumed is shown.
 *
 * @throws VTTYError ENOTTY if it is no terminal, else the system's code
 */
export function openTTY(reactor: IVReactor, options: VTTYOptions = {}): VTTY {
  checkEndOptions(options)
  const { terminal = 'stdio' } = options
  return new VTTY(reactor, terminal === 'stdio' ? stdioTerminal() : openedTerminal(terminal), options)
}

function stdioTerminal(): Terminal {
  const { stdin, stdout } = process
  if (!(stdin instanceof ReadStream) || !(stdout instanceof WriteStream)) {
    const which = stdin instanceof ReadStream ? 'output' : 'input'
    throw new VTTYError(`the standard ${which} is no terminal`)
  }
  return { input: stdin, output: stdout, isOwned: false }
}

function openedTerminal(terminal: string | number): Terminal {
  if (typeof terminal === 'number') {
    if (!Number.isInteger(terminal) || terminal < 0 || !isatty(terminal))
      throw new VTTYError(`descriptor ${terminal} is no terminal`)
    const second = openPath(`/dev/fd/${terminal}`)
    return streamsOn(terminal, second)
  }
  const first = openPath(terminal)
  return streamsOn(first, openPath(terminal, first))
}

/** Opens a terminal by its path; `other` is closed if that fails. */
function openPath(path: string, other = -1): number {
  let fd = -1
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY)
    if (!isatty(fd)) throw new VTTYError(`${path} is no terminal`)
    return fd
  } catch (cause) {
    for (const each of [fd, other]) if (each !== -1) closeSync(each)
    if (cause instanceof VTTYError) throw cause
    throw new VTTYError(`${path} could not be opened as a terminal`, systemCodeOf(cause), { cause })
  }
}

function streamsOn(inputFd: number, outputFd: number): Terminal {
  const input = readStreamOn(inputFd)
  return { input, output: writeStreamOn(outputFd), isOwned: true }
}

/** Has a stream look at the size again; Node does it by itself for the standard output only. */
function refresh(output: WriteStream): void {
  const refreshing = (output as { _refreshSize?: () => void })._refreshSize
  if (typeof refreshing === 'function') refreshing.call(output)
}

function sizeOf(output: WriteStream): VTTYSize {
  return { columns: output.columns, rows: output.rows }
}
