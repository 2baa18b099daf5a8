/**
 * Calling a reactor from elsewhere in its thread, and from another thread.
 */
import { once } from 'node:events'
import { MessageChannel, Worker } from 'node:worker_threads'
import { VReactor, VWorkerError, VWorkerPort, VWorkerPortClosed, VWorkerUnknownName } from '@vio/reactor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Recorder, virtualReactor } from './support.js'

/** A worker takes what was built, and not the flags by which the test runner takes sources. */
function startWorker(): Worker {
  return new Worker(new URL('./fixtures/worker.mjs', import.meta.url), { execArgv: [] })
}

describe('from anywhere in the thread', () => {
  it('one may schedule, execute, add, remove and stop; what runs does so in a turn [VE-S08]', async () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const fd = host.openDescriptor()
    host.setReady(fd, 'read', true)
    host.setReady(fd, 'write', true)
    const handler = new Recorder(fd)
    const inTurn: boolean[] = []
    const note = (): void => {
      inTurn.push(reactor.inTurn)
    }
    handler.onRead = note
    handler.onWrite = note
    // Not in a turn: from a promise job, as any code that the reactor knows nothing of.
    await Promise.resolve().then(() => {
      reactor.schedule(0, note)
      reactor.execute(note)
      reactor.callWhenRunning(note)
      reactor.post({ runTask: note })
      reactor.addReader(handler)
      reactor.addWriter(handler)
    })
    expect(inTurn).toEqual([])
    host.runUntil(() => inTurn.length >= 6)
    await Promise.resolve().then(() => {
      reactor.removeReader(handler)
      reactor.removeWriter(handler)
    })
    const before = [handler.reads, handler.writes]
    host.runUntilIdle()
    expect([handler.reads, handler.writes]).toEqual(before)
    expect(new Set(inTurn)).toEqual(new Set([true]))
    await Promise.resolve().then(() => {
      reactor.schedule(0, note)
      reactor.stop()
    })
    const count = inTurn.length
    host.advance(10)
    expect([reactor.running, inTurn.length]).toEqual([false, count])
  })
})

describe('VWorkerPort to a worker thread', () => {
  let reactor: VReactor
  let worker: Worker
  let port: VWorkerPort

  beforeEach(() => {
    reactor = new VReactor({ logWatcher: null })
    reactor.start()
    worker = startWorker()
    port = new VWorkerPort(reactor, worker, { handlers: { double: (n: number) => 2 * n } })
  })

  afterEach(async () => {
    port.close()
    reactor.stop()
    await worker.terminate()
  })

  it('calls a function of the other reactor, in a turn of it, and brings the result [VE-S08]', async () => {
    expect(await port.execute('add', 1, 2)).toBe(3)
    expect(await port.execute('inTurn')).toBe(true)
    expect(await port.execute('bytes', new Uint8Array([1, 2]))).toEqual(new Uint8Array([2, 3]))
  })

  it('waits for a pending and for a promise', async () => {
    expect(await port.execute('later', 'value')).toBe('value')
    expect(await port.execute('promised', 7)).toBe(7)
  })

  it('keeps calls apart, and serves while it calls', async () => {
    const sums = Array.from({ length: 20 }, (_, index) =>
      port.execute(index % 2 === 0 ? 'add' : 'later', index, 1),
    )
    expect(await Promise.all(sums)).toEqual(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? index + 1 : index)),
    )
    expect(await port.execute('callBack', 21)).toBe(42)
  })

  it('brings errors by name, message and code', async () => {
    const failure = await port.execute('fail', 'out of range').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(VWorkerError)
    expect(failure).toMatchObject({ remoteName: 'RangeError', remoteCode: undefined })
    expect((failure as Error).message).toBe("'fail' failed: out of range")
    await expect(port.execute('failLikeVio')).rejects.toMatchObject({
      remoteName: 'VReactorError',
      remoteCode: 'V_REACTOR',
    })
    await expect(port.execute('failLater')).rejects.toMatchObject({ remoteName: 'Error' })
    await expect(port.execute('failOddly')).rejects.toThrow('a string')
    expect(await port.execute('add', 1, 1)).toBe(2)
  })

  it('tells of a result that cannot be sent, and of an argument', async () => {
    await expect(port.execute('unsendable')).rejects.toMatchObject({ remoteName: 'DataCloneError' })
    await expect(port.execute('add', () => 1)).rejects.toMatchObject({ name: 'DataCloneError' })
    expect(await port.execute('add', 1, 1)).toBe(2)
  })

  it('tells that there is no function of the name, whatever the name', async () => {
    for (const name of ['nobody', 'toString', '__proto__', '']) {
      await expect(port.execute(name)).rejects.toThrow(VWorkerUnknownName)
    }
  })

  it('fails what waits when it is closed, and every call afterwards', async () => {
    const waiting = port.execute('never')
    port.close()
    port.close()
    await expect(waiting).rejects.toThrow(VWorkerPortClosed)
    await expect(port.execute('add', 1, 2)).rejects.toThrow(VWorkerPortClosed)
    expect(port.closed).toBe(true)
  })

  it('fails what waits when the worker dies, with its error as the cause, or exits', async () => {
    const dying = await port.execute('die').catch((error: unknown) => error)
    expect(dying).toBeInstanceOf(VWorkerPortClosed)
    expect((dying as Error).cause).toMatchObject({ message: 'the worker died' })
    const other = startWorker()
    using otherPort = new VWorkerPort(reactor, other)
    await expect(otherPort.execute('exit')).rejects.toThrow(VWorkerPortClosed)
  })

  it('stops the reactor of another thread, to which calls then fail [VE-S01] [VE-S08]', async () => {
    expect(await port.execute('stop')).toBeUndefined()
    await expect(port.execute('add', 1, 2)).rejects.toMatchObject({ remoteName: 'VReactorError' })
  })
})

describe('VWorkerPort over a message channel', () => {
  it('ignores messages that are none of its own', async () => {
    const reactor = new VReactor({ logWatcher: null })
    reactor.start()
    const { port1, port2 } = new MessageChannel()
    using server = new VWorkerPort(reactor, port1, { handlers: { echo: (value: unknown) => value } })
    for (const junk of [
      null,
      7,
      'text',
      {},
      { id: 1 },
      { vio: 'result', id: 99 },
      { vio: 'call' },
      { vio: 'odd', id: 1 },
    ]) {
      port2.postMessage(junk)
    }
    using client = new VWorkerPort(reactor, port2)
    expect(await client.execute('echo', 'still here')).toBe('still here')
    expect(server.closed).toBe(false)
    server.close()
    await once(port2, 'close')
    expect(client.closed).toBe(true)
    reactor.stop()
  })

  it('refuses a handler that is no function', () => {
    const { port1 } = new MessageChannel()
    using port = new VWorkerPort(virtualReactor().reactor, port1)
    expect(() => port.handle('x', 7 as never)).toThrow(TypeError)
  })
})
