/**
 * A descriptor that is closed once, by its owner.
 */
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { native, readiness, VNativeError, VOwnedDescriptor } from '@vio/native'
import { describe, expect, it, onTestFinished } from 'vitest'
import { closing, needs, openCount, openPair, openPipe, turns, until } from './support.js'

const code = (name: string): Error => expect.objectContaining({ name: 'VNativeError', code: name }) as Error

describe('an owned descriptor', () => {
  it('is closed once, however often it is told', (context) => {
    needs(context, 'descriptors')
    const before = openCount()
    const { reader, writer } = native.pipe()
    const owned = new VOwnedDescriptor(reader)
    expect([owned.fd, owned.closed]).toEqual([reader, false])
    expect([owned.close(), owned.close(), owned.fd, owned.closed]).toEqual([true, false, -1, true])
    native.close(writer)
    expect(openCount()).toBe(before)
  })

  it('takes over what others have opened, too', (context) => {
    needs(context, 'descriptors')
    const folder = mkdtempSync(join(tmpdir(), 'vio-owned-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const fd = openSync(join(folder, 'file'), 'w')
    const owned = new VOwnedDescriptor(fd)
    expect(owned.close()).toBe(true)
    expect(() => fstatSync(fd)).toThrow(/EBADF/)
  })

  it('belongs to one owner', (context) => {
    needs(context, 'descriptors')
    const { reader } = openPipe()
    const owned = new VOwnedDescriptor(reader)
    expect(() => new VOwnedDescriptor(reader)).toThrow(code('EBUSY'))
    expect(() => native.close(reader)).toThrow(/belongs to a VOwnedDescriptor/)
    expect(() => native.release(reader)).toThrow(code('EBADF'))
    expect(owned.close()).toBe(true)
    expect(() => native.close(reader)).toThrow(code('EBADF'))
  })

  it('never closes what has got its number since', (context) => {
    needs(context, 'descriptors')
    const { reader } = openPipe()
    const owned = new VOwnedDescriptor(reader)
    // Behind its back.
    closeSync(reader)
    const foreign = openSync('/dev/null', 'r')
    onTestFinished(() => closeSync(foreign))
    expect(foreign).toBe(reader)
    expect(owned.close()).toBe(false)
    expect(fstatSync(foreign).isCharacterDevice()).toBe(true)
  })

  it('whose number was opened here anew is the new one, and its first owner has lost it', (context) => {
    needs(context, 'events')
    const fd = native.eventCounter()
    const owned = new VOwnedDescriptor(fd)
    closeSync(fd)
    // The two cannot be told apart by what the system says of them.
    const again = native.eventCounter()
    closing(again)
    expect(again).toBe(fd)
    expect(owned.close()).toBe(false)
    expect(native.isOpen(again)).toBe(true)
  })

  it('is given away once, and then closed by who has it', (context) => {
    needs(context, 'descriptors')
    const [near, far] = openPair()
    const owned = new VOwnedDescriptor(near)
    expect(owned.release()).toBe(near)
    expect([owned.closed, owned.close()]).toEqual([true, false])
    expect(() => owned.release()).toThrow(code('EBADF'))
    native.close(near)
    const other = new VOwnedDescriptor(far)
    const socket = new Socket({ fd: native.release(other.release()) })
    socket.destroy()
    expect(other.close()).toBe(false)
  })

  it.for([
    [-1, VNativeError],
    [5000, VNativeError],
    [0.5, TypeError],
    ['3', TypeError],
    [undefined, TypeError],
  ] as const)('cannot be %s', ([fd, kind], context) => {
    needs(context, 'descriptors')
    expect(() => new VOwnedDescriptor(fd as number)).toThrow(kind)
  })
})

describe('the watch of an owned descriptor', () => {
  it('polls the descriptor itself, and the second one a descriptor of its own', async (context) => {
    needs(context, 'readiness')
    const { reader, writer } = native.pipe()
    closing(writer)
    const owned = new VOwnedDescriptor(reader)
    const before = openCount()
    let [first, second] = [0, 0]
    const watch = owned.watch(() => {
      first += 1
    })
    expect(openCount()).toBe(before)
    const other = owned.watch(() => {
      second += 1
    })
    expect(openCount()).toBe(before + 1)
    watch.start(readiness.READABLE)
    other.start(readiness.READABLE)
    native.write(writer, Buffer.from('x'))
    await until(() => first > 0 && second > 0)
    expect(owned.close()).toBe(true)
    expect([watch.closed, other.closed, openCount()]).toEqual([true, true, before - 1])
    const counts = [first, second]
    await turns()
    expect([first, second]).toEqual(counts)
    expect(() => owned.watch(() => undefined)).toThrow(code('EBADF'))
  })

  it('ends before the descriptor is given away', (context) => {
    needs(context, 'readiness')
    const { reader } = openPipe()
    const owned = new VOwnedDescriptor(reader)
    const watch = owned.watch(() => undefined)
    watch.start(readiness.READABLE)
    native.close(owned.release())
    expect(watch.closed).toBe(true)
  })

  it('says so when the descriptor was closed behind its back, instead of ending the process', async (context) => {
    needs(context, 'readiness')
    const { reader, writer } = openPipe()
    const owned = new VOwnedDescriptor(reader)
    const watch = owned.watch(() => undefined)
    watch.start(readiness.READABLE)
    await turns()
    closeSync(reader)
    await turns()
    watch.stop()
    expect(() => watch.start(readiness.READABLE)).toThrow(code('EBADF'))
    expect(owned.close()).toBe(false)
    native.close(writer)
    await turns()
  })

  it('can be ended and made again', async (context) => {
    needs(context, 'readiness')
    const { reader, writer } = openPipe()
    const owned = new VOwnedDescriptor(reader)
    native.write(writer, Buffer.from('x'))
    let told = 0
    for (let count = 1; count <= 20; count += 1) {
      const watch = owned.watch(() => {
        told += 1
        watch.close()
      })
      watch.start(readiness.READABLE)
      await until(() => told === count)
    }
    expect(owned.close()).toBe(true)
  })
})
