/**
 * Registering readers and writers, calling them, and what becomes of those that fail.
 */
import { EventEmitter } from 'node:events'
import { VFailure, VFIOLost, VIOError, VIOLost, VReactorError, VReactorStopped } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { Recorder, type VirtualReactor, virtualReactor } from './support.js'

/** A started reactor with a handler on a descriptor that is ready for nothing. */
function withHandler(): VirtualReactor & { readonly fd: number; readonly handler: Recorder } {
  const made = virtualReactor()
  const fd = made.host.openDescriptor()
  made.reactor.start()
  return { ...made, fd, handler: new Recorder(fd) }
}

/** Runs a number of turns, for handlers that stay ready and so never come to rest. */
function runTurns({ host, reactor }: VirtualReactor, count: number): void {
  let turns = 0
  const task = {
    runTask: () => {
      turns += 1
      if (turns < count) reactor.post(task)
    },
  }
  reactor.post(task)
  host.runUntil(() => turns === count)
}

describe('readers and writers', () => {
  it('are called when ready, never otherwise [VE-01]', () => {
    const { host, reactor, fd, handler } = withHandler()
    reactor.addReader(handler)
    reactor.addWriter(handler)
    handler.onRead = () => host.setReady(fd, 'read', false)
    handler.onWrite = () => host.setReady(fd, 'write', false)
    host.advance(1000)
    expect([handler.reads, handler.writes]).toEqual([0, 0])
    host.setReady(fd, 'read', true)
    host.runUntilIdle()
    expect([handler.reads, handler.writes]).toEqual([1, 0])
    host.setReady(fd, 'write', true)
    host.runUntilIdle()
    expect([handler.reads, handler.writes]).toEqual([1, 1])
    host.setReady(fd, 'read', true)
    host.setReady(fd, 'read', false)
    host.runUntilIdle()
    expect(handler.reads).toBe(1)
  })

  it('get the events of each direction apart, though they are one object [VE-04]', () => {
    const { host, reactor, fd, handler } = withHandler()
    handler.onRead = () => host.setReady(fd, 'read', false)
    handler.onWrite = () => host.setReady(fd, 'write', false)
    reactor.addReader(handler)
    reactor.addWriter(handler)
    expect([reactor.readers, reactor.writers]).toEqual([[handler], [handler]])
    host.setReady(fd, 'read', true)
    host.setReady(fd, 'write', true)
    host.runUntilIdle()
    expect([handler.reads, handler.writes]).toEqual([1, 1])
    reactor.removeReader(handler)
    host.setReady(fd, 'read', true)
    host.setReady(fd, 'write', true)
    host.runUntilIdle()
    expect([handler.reads, handler.writes]).toEqual([1, 2])
  })

  it('are read on every turn while they neither read nor stop [VE-07]', () => {
    const made = withHandler()
    const { host, reactor, fd, handler } = made
    host.setReady(fd, 'read', true)
    reactor.addReader(handler)
    runTurns(made, 25)
    expect(handler.reads).toBe(25)
    reactor.removeReader(handler)
    runTurns(made, 25)
    expect(handler.reads).toBe(25)
  })

  it('are written on every turn while they neither write nor stop, and starve nobody [VE-08]', () => {
    const made = withHandler()
    const { host, reactor, fd, handler } = made
    const other = new Recorder(fd)
    host.setReady(fd, 'read', true)
    host.setReady(fd, 'write', true)
    reactor.addWriter(handler)
    reactor.addWriter(other)
    reactor.addReader(other)
    runTurns(made, 25)
    expect([handler.writes, other.writes, other.reads]).toEqual([25, 25, 25])
  })

  it('begin on the next turn after addWriter [VE-13]', () => {
    const { host, reactor, fd, handler } = withHandler()
    host.setReady(fd, 'write', true)
    const writes: number[] = []
    reactor.callWhenRunning(() => {
      reactor.addWriter(handler)
      writes.push(handler.writes)
    })
    handler.onWrite = () => reactor.removeWriter(handler)
    reactor.addWriter(handler)
    expect(handler.writes).toBe(0)
    host.runUntilIdle()
    expect(writes).toEqual([1])
    expect(handler.writes).toBe(2)
  })

  it('are refused after stop [VE-13] [VE-S07]', () => {
    const { reactor, handler } = withHandler()
    reactor.stop()
    expect(() => reactor.addWriter(handler)).toThrow(VReactorStopped)
    expect(() => reactor.addReader(handler)).toThrow(VReactorStopped)
    expect([reactor.readers, reactor.writers]).toEqual([[], []])
  })

  it('are not called once removed, even if they were next in the turn; unknown ones are ignored [VE-14]', () => {
    const { host, reactor, fd } = withHandler()
    const handlers = [new Recorder(fd), new Recorder(fd), new Recorder(fd)]
    host.setReady(fd, 'write', true)
    host.setReady(fd, 'read', true)
    for (const handler of handlers) {
      handler.onWrite = () => {
        for (const other of handlers) reactor.removeWriter(other)
      }
      handler.onRead = () => {
        for (const other of handlers) reactor.removeReader(other)
      }
      reactor.addWriter(handler)
      reactor.addReader(handler)
    }
    host.runUntilIdle()
    expect(handlers.map((handler) => handler.writes)).toEqual([1, 0, 0])
    expect(handlers.map((handler) => handler.reads)).toEqual([1, 0, 0])
    reactor.removeWriter(new Recorder(fd))
    reactor.removeReader(new Recorder(fd))
    reactor.removeWriter(handlers[0] as Recorder)
    expect(host.watchCount(fd)).toBe(0)
  })

  it('are registered once, however often they are added [VE-S07]', () => {
    const made = withHandler()
    const { host, reactor, fd, handler } = made
    host.setReady(fd, 'read', true)
    reactor.addReader(handler)
    reactor.addReader(handler)
    runTurns(made, 3)
    expect(handler.reads).toBe(3)
    expect([reactor.readers.length, host.watchCount(fd)]).toEqual([1, 1])
    reactor.removeReader(handler)
    runTurns(made, 3)
    expect(handler.reads).toBe(3)
  })

  it('are listed in copies, and all removed by removeAll, which gives each once [VE-S07]', () => {
    const made = withHandler()
    const { host, reactor, fd, handler } = made
    const other = new Recorder(fd)
    reactor.addReader(handler)
    reactor.addWriter(handler)
    reactor.addWriter(other)
    const { readers, writers } = reactor
    expect([readers, writers]).toEqual([[handler], [handler, other]])
    ;(writers as unknown[]).pop()
    expect(reactor.writers).toEqual([handler, other])
    expect(reactor.removeAll()).toEqual([handler, other])
    expect([reactor.readers, reactor.writers, readers.length]).toEqual([[], [], 1])
    host.setReady(fd, 'write', true)
    host.setReady(fd, 'read', true)
    runTurns(made, 3)
    expect([handler.reads, handler.writes, other.writes, handler.closed.length]).toEqual([0, 0, 0, 0])
  })

  it('added again in the turn in which they were removed begin on the next turn', () => {
    const made = withHandler()
    const { host, reactor, fd, handler } = made
    host.setReady(fd, 'read', true)
    handler.onRead = () => {
      reactor.removeReader(handler)
      reactor.addReader(handler)
    }
    reactor.addReader(handler)
    runTurns(made, 10)
    expect(handler.reads).toBe(10)
    expect(host.watchCount(fd)).toBe(1)
  })
})

describe('a reader of a stream-backed handle', () => {
  it('is called once for a signal of an empty handle, and not until it is heard of again', () => {
    const { host, reactor } = virtualReactor()
    reactor.start()
    const handle = Object.assign(new EventEmitter(), { readableLength: 0 })
    const handler = new Recorder(handle)
    reactor.addReader(handler)
    host.runUntilIdle()
    expect(handler.reads).toBe(0)
    handle.emit('readable')
    host.runUntilIdle()
    expect(handler.reads).toBe(1)
    handle.emit('readable')
    host.runUntilIdle()
    expect(handler.reads).toBe(2)
  })
})

describe('registering something else', () => {
  const complete = {
    doRead() {},
    doWrite() {},
    closeInput() {},
    closeOutput() {},
    closeIO() {},
    fileno: () => 1,
  }

  it.each(['doRead', 'closeInput', 'closeIO', 'fileno'])(
    'names the missing member %s of a reader [VE-02]',
    (member) => {
      const { reactor } = virtualReactor()
      const broken = { ...complete, [member]: undefined } as never
      expect(() => reactor.addReader(broken)).toThrow(
        new TypeError(`a reader has a method ${member}(), got undefined`),
      )
      expect(reactor.readers).toEqual([])
    },
  )

  it.each(['doWrite', 'closeOutput', 'closeIO', 'fileno'])(
    'names the missing member %s of a writer [VE-03]',
    (member) => {
      const { reactor } = virtualReactor()
      const broken = { ...complete, [member]: undefined } as never
      expect(() => reactor.addWriter(broken)).toThrow(
        new TypeError(`a writer has a method ${member}(), got undefined`),
      )
      expect(reactor.writers).toEqual([])
    },
  )

  it.each([{}, null, undefined, 7])('refuses %j [VE-02] [VE-03]', (value) => {
    const { reactor } = virtualReactor()
    expect(() => reactor.addReader(value as never)).toThrow(/a reader has a method doRead/)
    expect(() => reactor.addWriter(value as never)).toThrow(/a writer has a method doWrite/)
  })

  it.each([Number.NaN, 1.5, undefined, null, 'fd', {}])('refuses a fileno of %s [VE-05]', (target) => {
    const { reactor } = virtualReactor()
    const handler = new Recorder(target as never)
    expect(() => reactor.addReader(handler)).toThrow(TypeError)
    expect(() => reactor.addWriter(handler)).toThrow(/fileno\(\) gives/)
    expect([reactor.readers, reactor.writers, handler.closed]).toEqual([[], [], []])
  })

  it('passes on what fileno throws, and what the host throws, and registers nothing [VE-06]', () => {
    const { reactor } = virtualReactor()
    const handler = new Recorder(0)
    handler.fileno = () => {
      throw new VIOError('no socket')
    }
    expect(() => reactor.addReader(handler)).toThrow(VIOError)
    const unknown = new Recorder(12345)
    expect(() => reactor.addWriter(unknown)).toThrow(VReactorError)
    expect([reactor.readers, reactor.writers]).toEqual([[], []])
  })

  it('closes a handler whose descriptor is closed, as lost, and registers nothing [VE-05] [VE-06]', () => {
    const { host, reactor, logged, fd, handler } = withHandler()
    reactor.addReader(handler)
    // What a handler gives after its close.
    handler.target = -1
    reactor.addWriter(handler)
    expect(handler.closed.map(({ what }) => what)).toEqual(['io'])
    expect(handler.closed[0]?.reason).toBeInstanceOf(VFIOLost)
    expect([reactor.readers, reactor.writers, host.watchCount(fd)]).toEqual([[], [], 0])
    host.runUntilIdle()
    expect(logged.length).toBe(1)
  })
})

describe('a handler that fails', () => {
  const broken = new Error('broken on purpose')
  const fail = (): never => {
    throw broken
  }

  it('by reading is logged, removed, and its input closed as lost [VE-01] [VE-09] [VE-S09]', () => {
    const { host, reactor, logged, fd, handler } = withHandler()
    host.setReady(fd, 'read', true)
    handler.onRead = fail
    reactor.addReader(handler)
    reactor.addWriter(handler)
    host.runUntilIdle()
    expect(handler.reads).toBe(1)
    expect(handler.closed.map(({ what }) => what)).toEqual(['input'])
    const reason = handler.closed[0]?.reason
    expect(reason).toBeInstanceOf(VFIOLost)
    expect(reason).toBeInstanceOf(VFailure)
    expect(reason?.value).toBeInstanceOf(VIOLost)
    expect(reason?.value.cause).toBe(broken)
    expect([reactor.readers, reactor.writers]).toEqual([[], [handler]])
    expect(logged).toEqual([{ atMs: 0, level: 40, prefix: '', message: 'reader failed', error: broken }])
    expect(reactor.running).toBe(true)
  })

  it('by writing is logged, removed, and its output closed as lost [VE-01] [VE-10] [VE-S09]', () => {
    const { host, reactor, logged, fd, handler } = withHandler()
    host.setReady(fd, 'write', true)
    handler.onWrite = fail
    reactor.addReader(handler)
    reactor.addWriter(handler)
    host.runUntilIdle()
    expect(handler.closed.map(({ what }) => what)).toEqual(['output'])
    expect(handler.closed[0]?.reason).toBeInstanceOf(VFIOLost)
    expect(handler.closed[0]?.reason.value.cause).toBe(broken)
    expect([reactor.readers, reactor.writers]).toEqual([[handler], []])
    expect(logged.map((entry) => entry.message)).toEqual(['writer failed'])
  })

  it('because its descriptor does is removed from both directions and closed in both [VE-S09]', () => {
    const { host, reactor, logged, fd, handler } = withHandler()
    reactor.addReader(handler)
    reactor.addWriter(handler)
    host.runUntilIdle()
    host.failDescriptor(fd, broken)
    host.runUntilIdle()
    expect(handler.closed.map(({ what }) => what)).toEqual(['io'])
    expect(handler.closed[0]?.reason).toBeInstanceOf(VFIOLost)
    expect(handler.closed[0]?.reason.value.cause).toBe(broken)
    expect([handler.reads, handler.writes]).toEqual([0, 0])
    expect([reactor.readers, reactor.writers, host.watchCount(fd)]).toEqual([[], [], 0])
    expect(logged.length).toBe(1)
  })

  it('because its descriptor does is closed in both directions also if it only reads', () => {
    const { host, reactor, fd, handler } = withHandler()
    reactor.addReader(handler)
    host.failDescriptor(fd, broken)
    host.runUntilIdle()
    expect(handler.closed.map(({ what }) => what)).toEqual(['io'])
    expect(reactor.readers).toEqual([])
  })

  it('to close is logged, and the reactor goes on [VE-01]', () => {
    const { host, reactor, logged, fd, handler } = withHandler()
    host.setReady(fd, 'read', true)
    handler.onRead = fail
    handler.closeInput = fail
    reactor.addReader(handler)
    let calls = 0
    reactor.schedule(1, () => {
      calls += 1
    })
    host.advance(1)
    expect(logged.map((entry) => entry.message)).toEqual(['reader failed', 'a handler failed to close'])
    expect([calls, reactor.running]).toEqual([1, true])
  })
})
