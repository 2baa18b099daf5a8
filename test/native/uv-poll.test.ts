/**
 * Readiness of descriptors in Node's own loop.
 */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { native, readiness, VDescriptorWatch, VNativeError } from '@vio/native'
import { describe, expect, it, onTestFinished } from 'vitest'
import { closing, needs, openCount, openPair, openPipe, runFixture, turns, until } from './support.js'

const { READABLE, WRITABLE, DISCONNECT, ERROR } = readiness

/** A watch that notes what it was told, and ends with the test. */
function watched(
  fd: number,
  then: (events: number) => void = () => undefined,
): { readonly told: number[]; readonly watch: VDescriptorWatch } {
  const told: number[] = []
  const watch = new VDescriptorWatch(fd, (events) => {
    told.push(events)
    then(events)
  })
  onTestFinished(() => watch.close())
  return { told, watch }
}

describe('a watch', () => {
  it('tells when there is something to read, and not before [N-01]', async (context) => {
    needs(context, 'readiness')
    const { reader, writer } = openPipe()
    const { told, watch } = watched(reader, () => watch.stop())
    watch.start(READABLE)
    expect([watch.active, watch.events]).toEqual([true, READABLE])
    await turns()
    expect(told).toEqual([])
    native.write(writer, Buffer.from('x'))
    await until(() => told.length > 0)
    expect(told).toEqual([READABLE])
    expect([watch.active, watch.events, watch.closed]).toEqual([false, 0, false])
  })

  it('tells again and again for as long as the descriptor is ready, and not when it is no more', async (context) => {
    needs(context, 'readiness')
    const { reader, writer } = openPipe()
    const { told, watch } = watched(reader)
    native.write(writer, Buffer.from('x'))
    watch.start(READABLE)
    await until(() => told.length >= 3)
    native.read(reader, Buffer.alloc(8))
    const count = told.length
    await turns()
    expect(told.length).toBe(count)
    native.write(writer, Buffer.from('x'))
    await until(() => told.length > count)
  })

  it('tells when there is room again', async (context) => {
    needs(context, 'readiness')
    const { reader, writer } = openPipe()
    while (native.write(writer, Buffer.alloc(4096)) > 0);
    const { told, watch } = watched(writer, () => watch.stop())
    watch.start(WRITABLE)
    await turns()
    expect(told).toEqual([])
    while (native.read(reader, Buffer.alloc(4096)) > 0);
    await until(() => told.length > 0)
    expect(told).toEqual([WRITABLE])
  })

  it('tells both directions of one descriptor, and what it is asked for last', async (context) => {
    needs(context, 'readiness')
    const [near, far] = openPair()
    native.write(far, Buffer.from('x'))
    const { told, watch } = watched(near, () => watch.stop())
    for (const asked of [READABLE | WRITABLE, READABLE, WRITABLE]) {
      watch.start(asked)
      await until(() => !watch.active)
      expect(told.pop()).toBe(asked)
    }
    watch.start(WRITABLE)
    watch.start(DISCONNECT)
    await turns()
    expect(told).toEqual([])
    native.shutdown(far, 'write')
    await until(() => told.length > 0)
    expect(told).toEqual([DISCONNECT])
  })

  it('tells the end as something to read', async (context) => {
    needs(context, 'readiness')
    const { reader, writer } = openPipe()
    const { told, watch } = watched(reader, () => watch.stop())
    watch.start(READABLE)
    native.close(writer)
    await until(() => told.length > 0)
    expect([told[0], native.read(reader, Buffer.alloc(1))]).toEqual([READABLE, 0])
  })

  it('tells of an error condition once, and is told anew when it is started again', async (context) => {
    needs(context, 'readiness')
    const { reader, writer } = openPipe()
    while (native.write(writer, Buffer.alloc(4096)) > 0);
    const { told, watch } = watched(writer)
    watch.start(WRITABLE)
    native.close(reader)
    await until(() => told.length > 0)
    await turns()
    expect([told, watch.active]).toEqual([[WRITABLE | ERROR], false])
    watch.start(WRITABLE)
    await until(() => told.length > 1)
    expect(told[1]).toBe(WRITABLE | ERROR)
  })

  it.for([
    ['an event counter', 'events', () => native.eventCounter(1)],
    ['a terminal', 'terminals', () => terminalWithInput()],
    ['a datagram socket', 'sockets', () => datagramSocket()],
  ] as const)('tells of %s', async ([, capability, open], context) => {
    needs(context, 'readiness', capability)
    const fd = open()
    closing(fd)
    const { told, watch } = watched(fd, () => watch.stop())
    watch.start(READABLE)
    await until(() => told.length > 0)
    expect(told).toEqual([READABLE])
  })

  it('of a descriptor stays out of the way of another, and of what Node does with it', async (context) => {
    needs(context, 'readiness')
    const [near, far] = openPair()
    const first = watched(near)
    const second = watched(near)
    first.watch.start(READABLE)
    second.watch.start(READABLE | WRITABLE)
    const socket = new Socket({ fd: native.release(far) })
    onTestFinished(() => void socket.destroy())
    const third = watched(far)
    third.watch.start(WRITABLE)
    socket.write('x')
    await until(() => first.told.length > 0 && second.told.length > 0 && third.told.length > 0)
    first.watch.close()
    const counts = [first.told.length, second.told.length]
    await until(() => second.told.length > (counts[1] ?? 0))
    expect(first.told.length).toBe(counts[0])
  })

  it('leaves the flags of the descriptor as they are', (context) => {
    needs(context, 'readiness')
    const { reader, writer } = native.pipe({ nonBlocking: false })
    closing(reader, writer)
    for (const fd of [reader, writer]) {
      watched(fd).watch.start(READABLE)
      expect(native.isNonBlocking(fd)).toBe(false)
    }
  })

  it('outlives the descriptor that it was made for, as it has one of its own', async (context) => {
    needs(context, 'readiness')
    const { reader, writer } = openPipe()
    const { told, watch } = watched(reader)
    watch.start(READABLE)
    native.close(reader)
    await turns()
    native.write(writer, Buffer.from('x'))
    await until(() => told.length > 0)
    watch.stop()
    watch.start(READABLE)
    await until(() => told.length > 1)
  })
})

describe('the end of a watch', () => {
  it('is final: no call afterwards, not even one that is on its way, and nothing is left open', async (context) => {
    needs(context, 'readiness')
    const [near, far] = openPair()
    const before = openCount()
    const all: VDescriptorWatch[] = []
    let told = 0
    for (let count = 0; count < 50; count += 1) {
      const watch = new VDescriptorWatch(near, () => {
        told += 1
        for (const each of all) each.close()
      })
      watch.start(READABLE)
      all.push(watch)
    }
    expect(openCount()).toBe(before + 50)
    native.write(far, Buffer.from('x'))
    await until(() => told > 0)
    await turns()
    expect([told, openCount()]).toEqual([1, before])
    for (const watch of all) {
      watch.close()
      watch.stop()
      expect([watch.closed, watch.active]).toEqual([true, false])
      expect(() => watch.start(READABLE)).toThrow(
        expect.objectContaining({ code: 'EBADF', syscall: 'start' }),
      )
      expect(() => watch.ref()).toThrow(VNativeError)
      expect(() => watch.unref()).toThrow(VNativeError)
    }
  })

  it('gives back what it took, a thousand times over', async (context) => {
    needs(context, 'readiness')
    const { reader, writer } = openPipe()
    native.write(writer, Buffer.from('x'))
    const before = openCount()
    let told = 0
    for (let count = 0; count < 1000; count += 1) {
      const watch = new VDescriptorWatch(reader, () => {
        told += 1
        watch.close()
      })
      watch.start(READABLE)
    }
    await until(() => told === 1000)
    await turns()
    expect(openCount()).toBe(before)
  })
})

describe('what cannot be watched', () => {
  it('is what is always ready, and says so [N-01]', (context) => {
    needs(context, 'readiness')
    const folder = mkdtempSync(join(tmpdir(), 'vio-poll-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const before = openCount()
    for (const fd of [openSync(join(folder, 'file'), 'w+'), openSync(folder, 'r')]) {
      expect(() => new VDescriptorWatch(fd, () => undefined)).toThrow(
        expect.objectContaining({
          code: 'EPERM',
          message: expect.stringContaining('always ready') as string,
        }),
      )
      closeSync(fd)
    }
    expect(openCount()).toBe(before)
  })

  it.for([
    [5000, VNativeError],
    [-1, VNativeError],
    ['1', TypeError],
    [Number.NaN, TypeError],
  ] as const)('is %s', ([fd, kind], context) => {
    needs(context, 'readiness')
    expect(() => new VDescriptorWatch(fd as number, () => undefined)).toThrow(kind)
  })

  it('is for nobody, or for nothing', (context) => {
    needs(context, 'readiness')
    const { reader } = openPipe()
    const before = openCount()
    expect(() => new VDescriptorWatch(reader, undefined as never)).toThrow(/calls a function/)
    expect(openCount()).toBe(before)
    const { watch } = watched(reader)
    for (const events of [0, 8, -1, 1.5, Number.NaN, '1', undefined]) {
      expect(() => watch.start(events as never)).toThrow(/events is/)
    }
    expect(watch.active).toBe(false)
  })
})

describe('a process with watches', () => {
  it.for([
    ['started, and lives', 'keeps', 'alive until closed'],
    ['made but not started, and ends', 'not started', 'ended'],
    ['stopped, and ends', 'stopped', 'ended'],
    ['started and unreferenced, and ends', 'unreferenced', 'ended'],
    ['closed, and ends', 'closed', 'ended'],
    ['ready when it exits, which closes them, and ends', 'exit while ready', 'closed'],
    ['that throw, and fails as with any other callback', 'throws', 'caught: from the listener'],
    ['that settle promises, and goes on with them', 'promises', 'settled'],
    ['collected as garbage, and hears of them all the same', 'garbage', 'told'],
  ] as const)('has them %s', async ([, scenario, printed], context) => {
    needs(context, 'readiness')
    const { code, stdout, stderr } = await runFixture('watch.mjs', [scenario])
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${printed}\n`, stderr: '' })
  })

  it('in a worker is told why there are none, while the other calls work, whenever the worker ends', async (context) => {
    needs(context, 'readiness')
    const { code, stdout, stderr } = await runFixture('worker.mjs')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      readiness: { on: false, reason: expect.stringMatching(/^in a worker, /) as string },
      descriptors: { on: true },
      read: 5,
      refused: 'V_NATIVE_UNAVAILABLE',
      ends: ['exit', 'exit', 'exit', 'terminate', 'terminate', 'terminate'],
      mainThread: 'told',
    })
  })
})

function terminalWithInput(): number {
  const { controller, path } = native.openTerminal()
  const terminal = openSync(path, 'r+')
  onTestFinished(() => closeSync(terminal))
  native.write(terminal, Buffer.from('x\n'))
  return controller
}

function datagramSocket(): number {
  const [near, far] = native.socketPair('dgram')
  native.write(far, Buffer.from('x'))
  native.close(far)
  return near
}
