/**
 * Raw descriptors and stream-backed handles on real time.
 */
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { native } from '@vio/native'
import {
  type IVReader,
  type IVSelectable,
  type IVWriter,
  type VFailure,
  VFIOCompleted,
  VFIOLost,
  VReactor,
  VReactorError,
} from '@vio/reactor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { skipUnless } from '../lib/skip.js'
import { Recorder } from './support.js'

let folder: string
let reactor: VReactor
const closers: (() => void)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vio-descriptor-'))
  reactor = new VReactor({ logWatcher: null })
})

afterEach(() => {
  reactor.stop()
  for (const close of closers.splice(0)) close()
  rmSync(folder, { recursive: true })
})

function opened(path: string, flags: string): number {
  const fd = openSync(path, flags)
  closers.push(() => closeSync(fd))
  return fd
}

/** Two ends of a connection. */
async function socketPair(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true })
  const path = join(folder, 'socket')
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const near = new Socket({ allowHalfOpen: true })
  near.connect(path)
  const far = await accepted
  server.close()
  for (const socket of [near, far]) {
    socket.on('error', () => undefined)
    closers.push(() => socket.destroy())
  }
  return [near, far]
}

describe('a regular file', () => {
  it('is always ready: its reader is called until it stops, at the end of the file too [VE-12]', async () => {
    const path = join(folder, 'text')
    writeFileSync(path, 'to be read in pieces')
    const fd = opened(path, 'r')
    const handler = new Recorder(fd)
    const pieces: string[] = []
    handler.onRead = () => {
      const bytes = Buffer.alloc(7)
      const count = readSync(fd, bytes)
      pieces.push(bytes.toString('utf8', 0, count))
      if (pieces.length === 5) reactor.stop()
    }
    reactor.addReader(handler)
    await reactor.run()
    expect(pieces).toEqual(['to be r', 'ead in ', 'pieces', '', ''])
  })
})

/** Writes to a file and owns its descriptor. */
class FileHandler implements IVWriter, IVSelectable {
  #fd: number
  readonly reasons: VFailure[] = []

  constructor(path: string) {
    this.#fd = openSync(path, 'w')
  }

  fileno(): number {
    return this.#fd
  }

  doWrite(): void {
    writeSync(this.#fd, 'x')
  }

  closeOutput(reason: VFailure): boolean {
    return this.closeIO(reason)
  }

  closeIO(reason: VFailure): boolean {
    this.reasons.push(reason)
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
    return true
  }
}

describe('a handler that owns its descriptor', () => {
  it('gives the number of the system, and -1 once it is closed, which closes it as lost [VE-06] [VE-05]', () => {
    const handler = new FileHandler(join(folder, 'out'))
    expect(fstatSync(handler.fileno()).isFile()).toBe(true)
    reactor.addWriter(handler)
    expect(reactor.writers).toEqual([handler])
    reactor.removeWriter(handler)
    handler.closeIO(new VFIOCompleted())
    expect(handler.fileno()).toBe(-1)
    reactor.addWriter(handler)
    expect(reactor.writers).toEqual([])
    expect(handler.reasons.at(-1)).toBeInstanceOf(VFIOLost)
  })

  it('is closed once, however often it is told, and says that it is closed [VE-11]', async () => {
    const handler = new FileHandler(join(folder, 'out'))
    const fd = handler.fileno()
    handler.doWrite = () => {
      throw new Error('the disk is full')
    }
    reactor.addWriter(handler)
    reactor.schedule(1, () => reactor.stop())
    await reactor.run()
    expect([handler.fileno(), fd >= 0]).toEqual([-1, true])
    // A second close of the descriptor would throw, or close what got its number since.
    expect(handler.closeIO(new VFIOLost())).toBe(true)
    expect(handler.reasons.length).toBe(2)
  })
})

describe('a descriptor whose readiness nobody tells', () => {
  it.each([
    ['character device', () => opened('/dev/null', 'r')],
    ['directory', () => opened(tmpdir(), 'r')],
  ])('is refused with its kind: %s', (kind, open) => {
    const fd = open()
    const handler = new Recorder(fd)
    for (const add of [() => reactor.addReader(handler), () => reactor.addWriter(handler)]) {
      expect(add).toThrow(VReactorError)
      expect(add).toThrow(new RegExp(`descriptor ${fd} is a ${kind}.*fileno\\(\\)`))
    }
    expect([reactor.readers, reactor.writers, handler.closed]).toEqual([[], [], []])
  })

  it('is refused with its kind and the reason why native does not help: socket', async (context) => {
    const { on, reason } = native.stateOf('readiness')
    skipUnless(context, !on, 'native tells the readiness of sockets here')
    const [near] = await socketPair()
    const fd = (near as unknown as { _handle: { fd: number } })._handle.fd
    expect(() => reactor.addReader(new Recorder(fd))).toThrow(/is a socket.*node:net/)
    expect(() => reactor.addReader(new Recorder(fd))).toThrow(`native is off: ${reason}`)
  })

  it('is refused when it is not open', () => {
    const fd = openSync(join(folder, 'gone'), 'w')
    closeSync(fd)
    expect(() => reactor.addWriter(new Recorder(fd))).toThrow(/not open/)
  })
})

/** Reads a socket through the reactor, until its end. */
class SocketReader implements IVReader, IVSelectable {
  readonly #socket: Socket
  readonly pieces: string[] = []
  ended = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  fileno(): Socket {
    return this.#socket
  }

  doRead(): void {
    const bytes = this.#socket.read() as Buffer | null
    if (bytes !== null) this.pieces.push(bytes.toString())
    if (!this.#socket.readableEnded && !this.#socket.destroyed) return
    this.ended = true
    reactor.removeReader(this)
  }

  closeInput(): boolean {
    return true
  }

  closeIO(): boolean {
    return true
  }
}

/** Writes to a socket through the reactor as long as it takes something. */
class SocketWriter implements IVWriter, IVSelectable {
  readonly #socket: Socket
  #left: number
  calls = 0

  constructor(socket: Socket, pieces: number) {
    this.#socket = socket
    this.#left = pieces
  }

  fileno(): Socket {
    return this.#socket
  }

  doWrite(): void {
    this.calls += 1
    if (this.#left === 0) {
      reactor.removeWriter(this)
      this.#socket.end()
      return
    }
    this.#left -= 1
    this.#socket.write(Buffer.alloc(64 * 1024, 'x'))
  }

  closeOutput(): boolean {
    return true
  }

  closeIO(): boolean {
    return true
  }
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve))
}

describe('a stream-backed handle', () => {
  it('tells its reader of data and of the end, and is idle in between [VE-05]', async () => {
    const [near, far] = await socketPair()
    const reader = new SocketReader(near)
    reactor.addReader(reader)
    reactor.start()
    far.write('one')
    await until(() => reader.pieces.length === 1)
    far.write('two')
    await until(() => reader.pieces.length === 2)
    far.end()
    await until(() => reader.ended)
    expect(reader.pieces).toEqual(['one', 'two'])
    expect(reactor.readers).toEqual([])
    expect(near.listenerCount('readable')).toBe(0)
  })

  it('tells its writer when it takes more, and not while it is full [VE-05]', async () => {
    const [near, far] = await socketPair()
    const pieces = 100
    const writer = new SocketWriter(near, pieces)
    reactor.addWriter(writer)
    reactor.start()
    await until(() => near.writableNeedDrain)
    const callsWhenFull = writer.calls
    for (let times = 0; times < 20; times += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(writer.calls).toBe(callsWhenFull)
    let arrived = 0
    far.on('data', (bytes: Buffer) => {
      arrived += bytes.length
    })
    await new Promise((resolve) => far.once('end', resolve))
    expect(arrived).toBe(pieces * 64 * 1024)
    expect(writer.calls).toBe(pieces + 1)
    expect(near.listenerCount('drain')).toBe(0)
  })

  it('tells its reader when it is destroyed', async () => {
    const [near] = await socketPair()
    const reader = new SocketReader(near)
    reactor.addReader(reader)
    reactor.start()
    near.destroy()
    await until(() => reader.ended)
    expect(reactor.readers).toEqual([])
  })
})
