/**
 * What the tests of raw descriptors share: one-way roads of every kind, a reader, waiting.
 */
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errnos, native, resultError } from '@vio/native'
import type { VReactor } from '@vio/reactor'
import { onTestFinished, type TestContext } from 'vitest'
import { skipUnless } from '../lib/skip.js'
import { Recorder } from './support.js'

/** What a call answers that would have to wait. */
export const AGAIN: number = -(errnos['EAGAIN'] ?? 0)

/** Leaves the running test out where the loop does not tell of raw descriptors. */
export function needsReadiness(context: TestContext): void {
  const { on, reason } = native.stateOf('readiness')
  skipUnless(context, on, `native readiness is off: ${reason}`)
}

/** A one-way road: what is written to `output` is read from `input`. */
export interface Road {
  readonly input: number
  readonly output: number
}

/** Closes descriptors when the running test ends, unless it has closed them. */
export function closeLater(...fds: number[]): void {
  onTestFinished(() => {
    for (const fd of fds) {
      try {
        closeSync(fd)
      } catch {
        // The handler has closed it.
      }
    }
  })
}

/** Through a pipe. */
export function pipeRoad(): Road {
  const { reader, writer } = native.pipe()
  const road = { input: native.release(reader), output: native.release(writer) }
  closeLater(road.input, road.output)
  return road
}

function socketRoad(): Road {
  const [near, far] = native.socketPair()
  const road = { input: native.release(near), output: native.release(far) }
  closeLater(road.input, road.output)
  return road
}

/** Through a TCP connection of the loopback. */
export function tcpRoad(): Road {
  const listener = native.socket('ipv4')
  native.bind(listener, { family: 'ipv4', host: '127.0.0.1', port: 0 })
  native.listen(listener)
  const output = native.release(native.socket('ipv4'))
  native.connect(output, native.socketName(listener))
  let input = AGAIN
  while (input === AGAIN) input = native.accept(listener)
  native.close(listener)
  closeLater(native.release(input), output)
  return { input, output }
}

function fifoRoad(): Road {
  const folder = mkdtempSync(join(tmpdir(), 'vio-fifo-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'fifo')
  native.makeFifo(path)
  const input = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const output = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  closeLater(input, output)
  return { input, output }
}

/** All of them, by their names. */
export const ROADS: readonly (readonly [string, () => Road])[] = [
  ['a pipe', pipeRoad],
  ['a FIFO', fifoRoad],
  ['a Unix socket', socketRoad],
  ['a TCP connection', tcpRoad],
]

/** Reads a descriptor through the reactor until its end, a little at a time. */
export class Reader extends Recorder {
  readonly pieces: Buffer[] = []
  count = 0
  ended = false

  constructor(reactor: VReactor, fd: number) {
    super(fd)
    const buffer = Buffer.alloc(100_000)
    this.onRead = () => {
      const count = native.read(fd, buffer)
      if (count === AGAIN) return
      if (count < 0) throw resultError('read', count)
      this.count += count
      this.pieces.push(Buffer.from(buffer.subarray(0, count)))
      if (count > 0) return
      this.ended = true
      reactor.removeReader(this)
    }
  }

  get received(): Buffer {
    return Buffer.concat(this.pieces)
  }
}

/** Waits, in turns of Node's loop. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve))
}

/** Lets the loop look at its I/O a few times. */
export async function turns(count = 8): Promise<void> {
  for (let left = count; left > 0; left -= 1) await new Promise((resolve) => setImmediate(resolve))
}
