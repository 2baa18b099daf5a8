/**
 * What the tests of pipes share: a running reactor on real time, FIFOs, and the far side of a pair of pipes, driven by
 * plain calls that do not wait.
 */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { type IVFarEnd, VProbeLog } from '@vio/io/testing'
import { type VLogEntry, VLogLevel, VReactor } from '@vio/reactor'

/** A started reactor on real time and what it logged. */
export interface Running {
  readonly reactor: VReactor
  readonly log: VProbeLog
  /** What was logged as an error. */
  failures(): readonly VLogEntry[]
}

export function runReactor(): Running {
  const logged: VLogEntry[] = []
  const reactor = new VReactor({ logWatcher: { watch: (entry) => logged.push(entry) } })
  reactor.start()
  return {
    reactor,
    log: new VProbeLog(),
    failures: () => logged.filter(({ level }) => level >= VLogLevel.error),
  }
}

/** Waits until `done`; rejects if that takes too long. */
export async function until(done: () => boolean, what = 'what the test waits for'): Promise<void> {
  const deadline = performance.now() + 20_000
  for (let looks = 0; !done(); looks += 1) {
    if (performance.now() > deadline) throw new Error(`${what} has not happened`)
    if (looks % 8 === 7) await setTimeout(1)
    else await setImmediate()
  }
}

/** Waits until nothing happens any more, as far as that can be known. */
export async function quiet(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await setTimeout(1)
    await setImmediate()
  }
}

/** A folder for the files of a test; `remove` takes it away. */
export interface Folder {
  readonly path: string
  /** A new FIFO. */
  fifo(): string
  remove(): void
}

export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'vio-pipe-'))
  let count = 0
  return {
    path,
    fifo: () => {
      count += 1
      const name = join(path, `fifo-${count}`)
      execFileSync('mkfifo', ['-m', '600', name])
      return name
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

/** A pipe: the descriptor to read and the one to write. Neither blocks. */
export function openPipe(folder: Folder): readonly [number, number] {
  const name = folder.fifo()
  const read = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK)
  const write = openSync(name, constants.O_WRONLY | constants.O_NONBLOCK)
  rmSync(name)
  return [read, write]
}

/** What a call gives, or `fallback` if it would have to wait or nobody is there any more. */
function unlessBlocked<T>(call: () => T, fallback: T, over: (code: string) => void): T {
  try {
    return call()
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'EAGAIN') return fallback
    over(String(code))
    return fallback
  }
}

const EMPTY = Buffer.alloc(0)

/** The far side of two pipes: it reads one descriptor and writes the other, and owns both. */
export class FarPipes implements IVFarEnd {
  readonly #readFd: number
  readonly #writeFd: number
  readonly #endOutput: (() => void) | undefined
  readonly #open = new Set<number>()
  #ended: 'no' | 'clean' | 'lost' = 'no'
  #ahead = EMPTY

  /**
   * @param readFd -1 for a direction that is not there; so `writeFd` @param endOutput how the output is ended that
   * shares its descriptor with the input; by default it is closed
   */
  constructor(readFd: number, writeFd: number, endOutput?: () => void) {
    this.#endOutput = endOutput
    this.#readFd = readFd
    this.#writeFd = writeFd
    for (const fd of [readFd, writeFd]) if (fd !== -1) this.#open.add(fd)
  }

  get ended(): 'no' | 'clean' | 'lost' {
    this.#look()
    return this.#ahead.length === 0 ? this.#ended : 'no'
  }

  write(bytes: Uint8Array): number {
    if (!this.#open.has(this.#writeFd) || bytes.length === 0) return 0
    return unlessBlocked(
      () => writeSync(this.#writeFd, bytes),
      0,
      () => undefined,
    )
  }

  read(maxBytes = Number.MAX_SAFE_INTEGER): Buffer {
    const pieces: Buffer[] = []
    for (let left = maxBytes; left > 0; ) {
      this.#look(Math.min(left, 65_536))
      const piece = this.#ahead.subarray(0, left)
      if (piece.length === 0) break
      this.#ahead = this.#ahead.subarray(piece.length)
      pieces.push(piece)
      left -= piece.length
    }
    return Buffer.concat(pieces)
  }

  /** Reads, unless something is there already: the end shows only so. */
  #look(sizeBytes = 1): void {
    if (this.#ahead.length > 0 || this.#ended !== 'no' || !this.#open.has(this.#readFd)) return
    const target = Buffer.allocUnsafe(sizeBytes)
    const lost = (): void => {
      this.#ended = 'lost'
    }
    const count = unlessBlocked(() => readSync(this.#readFd, target), -1, lost)
    if (count === 0) this.#ended = 'clean'
    if (count > 0) this.#ahead = target.subarray(0, count)
  }

  /** Has a further descriptor closed with the rest. */
  alsoOwn(fd: number): void {
    this.#open.add(fd)
  }

  end(): void {
    if (this.#endOutput === undefined) this.#close(this.#writeFd)
    else this.#endOutput()
  }

  reset(): void {
    for (const fd of [...this.#open]) this.#close(fd)
  }

  #close(fd: number): void {
    if (this.#open.delete(fd)) closeSync(fd)
  }
}

/** How many descriptors this process has open, where the system tells; undefined elsewhere. */
export function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}

/** Has other files take the numbers that were freed. */
export function reuse(fds: readonly number[]): { checkAndClose(): void } {
  const opened: number[] = []
  while (!fds.every((fd) => opened.includes(fd))) {
    if (opened.length > 50) throw new Error('the numbers are not free')
    opened.push(openSync('/dev/null', 'r'))
  }
  return {
    checkAndClose: () => {
      for (const fd of opened) {
        if (readSync(fd, Buffer.alloc(1)) !== 0) throw new Error(`descriptor ${fd} is not what it was`)
        closeSync(fd)
      }
    },
  }
}
