/**
 * A small writer to a file, in the two ways in which a handler can be written: with the least that a reactor asks for, and
 * as an output that registers itself.
 */
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IVByteOutput } from '@vio/io'
import {
  type IVReactor,
  type IVReactorObject,
  type IVSelectable,
  type IVWriter,
  VReactor,
} from '@vio/reactor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const MESSAGE = 'a message that takes a few writes'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vio-example-'))
  path = join(folder, 'out')
  writeFileSync(path, '')
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Writes at most `max` bytes, as a full device would. */
function writeAtMost(fd: number, data: Uint8Array, max: number): number {
  return writeSync(fd, data, 0, Math.min(data.length, max))
}

describe('a raw writer', () => {
  class FileWriter implements IVWriter, IVSelectable {
    readonly #reactor: VReactor
    readonly #fd: number
    #message: Uint8Array
    calls = 0

    constructor(reactor: VReactor, filename: string, message: string) {
      this.#reactor = reactor
      this.#fd = openSync(filename, constants.O_WRONLY | constants.O_CREAT)
      this.#message = Buffer.from(message)
    }

    doWrite(): void {
      this.calls += 1
      this.#message = this.#message.subarray(writeAtMost(this.#fd, this.#message, 8))
      if (this.#message.length > 0) return
      this.#reactor.removeWriter(this)
      closeSync(this.#fd)
    }

    closeOutput(): boolean {
      closeSync(this.#fd)
      return true
    }

    closeIO(): boolean {
      return this.closeOutput()
    }

    fileno(): number {
      return this.#fd
    }
  }

  it('registered as a writer writes the message to the file and removes itself [VE-12] [T-VE-1]', async () => {
    const reactor = new VReactor()
    reactor.start()
    const writer = new FileWriter(reactor, path, MESSAGE)
    reactor.addWriter(writer)
    expect(reactor.writers).toEqual([writer])
    await written()
    expect(reactor.writers).toEqual([])
    reactor.stop()
    expect(readFileSync(path, 'utf8')).toBe(MESSAGE)
    expect(writer.calls).toBe(Math.ceil(MESSAGE.length / 8))
  })
})

describe('a writer as an output that registers itself', () => {
  class FileOutput implements IVByteOutput, IVSelectable, IVReactorObject {
    readonly reactor: IVReactor
    readonly #fd: number
    #message: Uint8Array

    constructor(reactor: IVReactor, filename: string, message: string) {
      this.reactor = reactor
      this.#fd = openSync(filename, constants.O_WRONLY | constants.O_CREAT)
      this.#message = Buffer.from(message)
    }

    writeSome(data: Uint8Array): number {
      return writeAtMost(this.#fd, data, 8)
    }

    startWriting(): void {
      this.reactor.addWriter(this)
    }

    stopWriting(): void {
      this.reactor.removeWriter(this)
    }

    doWrite(): void {
      this.#message = this.#message.subarray(this.writeSome(this.#message))
      if (this.#message.length > 0) return
      this.stopWriting()
      closeSync(this.#fd)
    }

    closeOutput(): boolean {
      closeSync(this.#fd)
      return true
    }

    closeIO(): boolean {
      return this.closeOutput()
    }

    fileno(): number {
      return this.#fd
    }
  }

  it('writes the message to the file, and tells its reactor [VE-19] [VE-26] [T-VE-2]', async () => {
    const reactor = new VReactor()
    reactor.start()
    const output = new FileOutput(reactor, path, MESSAGE)
    output.startWriting()
    expect(output.reactor).toBe(reactor)
    await written()
    expect(reactor.writers).toEqual([])
    reactor.stop()
    expect(readFileSync(path, 'utf8')).toBe(MESSAGE)
  })
})

/** Settles when the file holds the message; a test that never gets there runs out of its time. */
async function written(): Promise<void> {
  while (readFileSync(path, 'utf8') !== MESSAGE) await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
}
