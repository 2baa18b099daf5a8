/**
 * The two worked examples of handlers, on pipes, FIFOs and sockets by their numbers.
 */
import { closeSync } from 'node:fs'
import type { IVByteOutput } from '@vio/io'
import { native, resultError } from '@vio/native'
import {
  type IVReactor,
  type IVReactorObject,
  type IVSelectable,
  type IVWriter,
  VIOLost,
  VReactor,
} from '@vio/reactor'
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { AGAIN, needsReadiness, Reader, ROADS, turns, until } from './raw-support.js'

/** More than any of the ends below holds at once, so that a writer has to wait. */
const MESSAGE = Buffer.alloc(8_000_000, 'a message that takes many writes. ')

let reactor: VReactor

beforeEach((context) => {
  needsReadiness(context as TestContext)
  reactor = new VReactor({ logWatcher: null })
})

afterEach(() => reactor?.stop())

/** Waits until a number no longer changes; returns it. One that changes for ever runs out of the test's time. */
async function settled(numberOf: () => number): Promise<number> {
  for (;;) {
    const before = numberOf()
    await turns(20)
    if (numberOf() === before) return before
  }
}

describe('the first worked example, a raw writer', () => {
  class RawWriter implements IVWriter, IVSelectable {
    readonly #fd: number
    #message: Uint8Array
    calls = 0

    constructor(fd: number, message: Uint8Array) {
      this.#fd = fd
      this.#message = message
    }

    doWrite(): void {
      this.calls += 1
      const count = native.write(this.#fd, this.#message)
      if (count < 0) throw resultError('write', count)
      this.#message = this.#message.subarray(count)
      if (this.#message.length > 0) return
      reactor.removeWriter(this)
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

  it.for(ROADS)(
    'writes its message to %s whenever there is room, and removes itself [VE-12]',
    async ([, road]) => {
      const { input, output } = road()
      const writer = new RawWriter(output, MESSAGE)
      const reader = new Reader(reactor, input)
      reactor.addWriter(writer)
      reactor.start()
      await until(() => writer.calls > 0)
      // It is full: a writer that were called for ever would not settle, and one that is called now would throw.
      const callsWhenFull = await settled(() => writer.calls)
      expect(reactor.writers).toEqual([writer])
      reactor.addReader(reader)
      await until(() => reader.ended)
      expect(reader.received.equals(MESSAGE)).toBe(true)
      expect([reactor.writers, reactor.readers, reader.closed]).toEqual([[], [], []])
      expect(writer.calls).toBeGreaterThan(callsWhenFull)
    },
  )
})

describe('the second worked example, an output that registers itself', () => {
  class RawOutput implements IVByteOutput, IVSelectable, IVReactorObject {
    readonly reactor: IVReactor
    #fd: number
    #message: Uint8Array

    constructor(fd: number, message: Uint8Array) {
      this.reactor = reactor
      this.#fd = fd
      this.#message = message
    }

    writeSome(data: Uint8Array): number {
      const count = native.write(this.#fd, data)
      if (count === AGAIN) return 0
      if (count < 0) throw new VIOLost('the other side is gone', { cause: resultError('write', count) })
      return count
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
      this.closeOutput()
    }

    closeOutput(): boolean {
      if (this.#fd >= 0) closeSync(this.#fd)
      this.#fd = -1
      return true
    }

    closeIO(): boolean {
      return this.closeOutput()
    }

    fileno(): number {
      return this.#fd
    }
  }

  it.for(ROADS)(
    'writes its message to %s, and stops and starts when it is told to [VE-19]',
    async ([, road]) => {
      const { input, output } = road()
      const writer = new RawOutput(output, MESSAGE)
      const reader = new Reader(reactor, input)
      reactor.addReader(reader)
      reactor.start()
      writer.startWriting()
      await until(() => reader.count > 100_000)
      writer.stopWriting()
      expect(await settled(() => reader.count)).toBeLessThan(MESSAGE.length)
      expect(reader.ended).toBe(false)
      writer.startWriting()
      await until(() => reader.ended)
      expect(reader.received.equals(MESSAGE)).toBe(true)
      expect([reactor.writers, writer.fileno()]).toEqual([[], -1])
    },
  )
})
