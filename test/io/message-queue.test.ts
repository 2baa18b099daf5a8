/**
 * The queue of messages: its operations, and the queue against a plain array under random ones.
 */
import { VMessageQueue } from '@vio/io'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { propertyRuns } from '../lib/runs.js'

describe('VMessageQueue', () => {
  it('gives messages in the order they came, each once', () => {
    const queue = new VMessageQueue<string>(['a', 'b'])
    queue.append('c')
    expect([queue.length, queue.peek()]).toEqual([3, 'a'])
    expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual(['a', 'b', 'c', undefined])
    expect([queue.length, queue.peek()]).toEqual([0, undefined])
  })

  it.each([
    [-1, ['a', 'b', 'c'], []],
    [0, [], ['a', 'b', 'c']],
    [2, ['a', 'b'], ['c']],
    [3, ['a', 'b', 'c'], []],
    [9, ['a', 'b', 'c'], []],
    [Number.POSITIVE_INFINITY, ['a', 'b', 'c'], []],
  ])('with count %d gives %j, below zero all, beyond the content what is there', (count, given, left) => {
    const listed = new VMessageQueue(['a', 'b', 'c'])
    expect(listed.popList(count)).toEqual(given)
    expect(listed.popList()).toEqual(left)
    const from = new VMessageQueue(['a', 'b', 'c'])
    const to = new VMessageQueue(['>'])
    expect(from.moveTo(to, count)).toBe(given.length)
    expect([to.popList(), from.popList()]).toEqual([['>', ...given], left])
  })

  it('keeps messages that are undefined', () => {
    const queue = new VMessageQueue<undefined | number>([undefined, 1, undefined])
    expect([queue.length, queue.popList()]).toEqual([3, [undefined, 1, undefined]])
  })

  it('moves to its own end, when told so, and is empty when cleared', () => {
    const queue = new VMessageQueue([1, 2, 3])
    expect(queue.moveTo(queue, 2)).toBe(2)
    expect(queue.peek()).toBe(3)
    queue.clear()
    expect([queue.length, queue.shift()]).toEqual([0, undefined])
    queue.append(4)
    expect(queue.popList()).toEqual([4])
  })

  it.each([1.5, Number.NaN, '2'])('gives nothing for the count %j, which is none', (count) => {
    const queue = new VMessageQueue([1, 2, 3])
    queue.shift()
    expect(() => queue.popList(count as never)).toThrow(TypeError)
    expect(() => queue.moveTo(new VMessageQueue(), count as never)).toThrow(/whole number/)
    expect(queue.popList()).toEqual([2, 3])
  })

  it('costs the same a message however many wait', () => {
    const queue = new VMessageQueue<number>(Array.from({ length: 30_000 }, (_, at) => at))
    const target = new VMessageQueue<number>()
    const slice = Array.prototype.slice
    let copied = 0
    vi.spyOn(Array.prototype, 'slice').mockImplementation(function (this: unknown[], ...args) {
      const part = Reflect.apply(slice, this, args) as unknown[]
      copied += part.length
      return part
    })
    for (let at = 0; at < 30_000; at += 1) {
      if (at % 3 === 0) target.append(queue.shift() ?? -1)
      else if (at % 3 === 1) target.append(queue.popList(1)[0] ?? -1)
      else queue.moveTo(target, 1)
    }
    vi.restoreAllMocks()
    expect(copied).toBeLessThanOrEqual(60_000)
    expect([queue.length, target.length]).toEqual([0, 30_000])
    expect(target.popList().every((value, at) => value === at)).toBe(true)
  })

  it('is the same as a plain array under random operations', () => {
    const operation = fc.record({
      name: fc.constantFrom('append', 'append', 'shift', 'popList', 'moveTo', 'peek', 'clear'),
      count: fc.integer({ min: -1, max: 80 }),
    })
    const play = (operations: readonly { readonly name: string; readonly count: number }[]): void => {
      const [queue, target] = [new VMessageQueue<number>(), new VMessageQueue<number>()]
      let [model, moved]: [number[], number[]] = [[], []]
      let next = 0
      for (const { name, count } of operations) {
        const size = count < 0 ? model.length : Math.min(count, model.length)
        if (name === 'append') for (let at = 0; at < count; at += 1) queue.append(model.push(next) && next++)
        else if (name === 'shift') expect(queue.shift()).toBe(model.shift())
        else if (name === 'peek') expect(queue.peek()).toBe(model[0])
        else if (name === 'popList') expect(queue.popList(count)).toEqual(model.splice(0, size))
        else if (name === 'moveTo') {
          expect(queue.moveTo(target, count)).toBe(size)
          moved = [...moved, ...model.splice(0, size)]
        } else {
          queue.clear()
          model = []
        }
        expect(queue.length).toBe(model.length)
      }
      expect([queue.popList(), target.popList()]).toEqual([model, moved])
    }
    fc.assert(fc.property(fc.array(operation, { maxLength: 40 }), play), propertyRuns(200))
  })
})
