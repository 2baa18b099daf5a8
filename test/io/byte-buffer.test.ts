/**
 * The queue of bytes: each operation, what is copied and what is not, and the queue against a plain array under random
 * operations. How its work grows is in byte-buffer-work.test.ts.
 */
import { VByteBuffer } from '@vio/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../lib/runs.js'

/** A buffer that holds the texts as one chunk each. */
function bufferOf(...texts: readonly string[]): VByteBuffer {
  return new VByteBuffer(texts.map((text) => Buffer.from(text)))
}

function textsOf(chunks: readonly Uint8Array[]): string[] {
  return chunks.map((chunk) => Buffer.from(chunk).toString())
}

describe('VByteBuffer takes', () => {
  it('one chunk after another and counts their bytes [VE-S12]', () => {
    const buffer = new VByteBuffer()
    expect([buffer.length, buffer.chunkCount]).toEqual([0, 0])
    buffer.append(Buffer.from('abc'))
    buffer.append(new Uint8Array([100, 101]))
    expect([buffer.length, buffer.chunkCount]).toEqual([5, 2])
    expect(buffer.pop().toString()).toBe('abcde')
  })

  it('a list in order, and nothing of a list with something else in it [VE-S12]', () => {
    const buffer = bufferOf('a')
    buffer.appendList([Buffer.from('b'), Buffer.from('cd')])
    expect(textsOf(buffer.peekList())).toEqual(['a', 'b', 'cd'])
    expect(() => buffer.appendList([Buffer.from('x'), 'y' as never])).toThrow(TypeError)
    expect(buffer.peek().toString()).toBe('abcd')
  })

  it('what the constructor is given', () => {
    expect(new VByteBuffer(Buffer.from('ab')).pop().toString()).toBe('ab')
    expect(new VByteBuffer([Buffer.from('ab'), Buffer.from('c')]).pop().toString()).toBe('abc')
    expect(new VByteBuffer([]).length).toBe(0)
  })

  it('no empty chunk', () => {
    const buffer = bufferOf('', 'a', '')
    expect(buffer.chunkCount).toBe(1)
    buffer.append(new Uint8Array(0))
    expect(buffer.chunkCount).toBe(1)
  })

  it.each(['text', null, undefined, 7, [1, 2], new ArrayBuffer(2), new Uint16Array(1)])(
    'no %j, which is no bytes, and says what it got',
    (value) => {
      const buffer = bufferOf('a')
      expect(() => buffer.append(value as never)).toThrow(TypeError)
      expect(() => buffer.append(value as never)).toThrow(/Uint8Array, got/)
      expect(buffer.length).toBe(1)
    },
  )

  it('many chunks, beyond any size it began with, in order', () => {
    const buffer = new VByteBuffer()
    // Taking from the front meanwhile makes the ring wrap before it grows.
    for (let at = 0; at < 1000; at += 1) {
      buffer.append(Buffer.of(at & 255))
      if (at % 3 === 0) expect(buffer.pop(1)[0]).toBe((at / 3) & 255)
    }
    const rest = buffer.pop()
    expect(rest.length).toBe(1000 - 334)
    expect([...rest]).toEqual(Array.from({ length: rest.length }, (_, at) => (at + 334) & 255))
  })
})

describe('VByteBuffer gives', () => {
  it.each([
    [-1, 'abcdef', ''],
    [-7, 'abcdef', ''],
    [0, '', 'abcdef'],
    [1, 'a', 'bcdef'],
    [2, 'ab', 'cdef'],
    [3, 'abc', 'def'],
    [6, 'abcdef', ''],
    [7, 'abcdef', ''],
    [Number.POSITIVE_INFINITY, 'abcdef', ''],
  ])(
    'with count %d the bytes %j, below zero all, beyond the content what is there [VE-S12]',
    (count, given, left) => {
      const make = (): VByteBuffer => bufferOf('ab', 'c', 'def')
      const popped = make()
      expect(popped.pop(count).toString()).toBe(given)
      expect(popped.peek().toString()).toBe(left)
      expect(popped.length).toBe(left.length)

      const listed = make()
      expect(textsOf(listed.popList(count)).join('')).toBe(given)
      expect(listed.pop().toString()).toBe(left)

      const removed = make()
      expect(removed.remove(count)).toBe(given.length)
      expect(removed.pop().toString()).toBe(left)

      const shown = make()
      expect(shown.peek(count).toString()).toBe(given)
      expect(textsOf(shown.peekList(count)).join('')).toBe(given)
      expect(shown.pop().toString()).toBe('abcdef')

      const [from, to] = [make(), bufferOf('>')]
      expect(from.moveTo(to, count)).toBe(given.length)
      expect(to.pop().toString()).toBe(`>${given}`)
      expect(from.pop().toString()).toBe(left)
    },
  )

  it('all of it without a count [VE-S12]', () => {
    expect(bufferOf('ab', 'c').pop().toString()).toBe('abc')
    expect(textsOf(bufferOf('ab', 'c').popList())).toEqual(['ab', 'c'])
    expect(bufferOf('ab', 'c').peek().toString()).toBe('abc')
    expect(textsOf(bufferOf('ab', 'c').peekList())).toEqual(['ab', 'c'])
    expect(bufferOf('ab', 'c').remove()).toBe(3)
    const target = new VByteBuffer()
    expect(bufferOf('ab', 'c').moveTo(target)).toBe(3)
    expect(target.chunkCount).toBe(2)
  })

  it('lists in the pieces that are held, cut at the count [VE-S12]', () => {
    const buffer = bufferOf('ab', 'cde', 'f')
    expect(textsOf(buffer.peekList(4))).toEqual(['ab', 'cd'])
    expect(textsOf(buffer.popList(4))).toEqual(['ab', 'cd'])
    expect(textsOf(buffer.peekList())).toEqual(['e', 'f'])
    expect(textsOf(buffer.popList())).toEqual(['e', 'f'])
    expect(buffer.popList()).toEqual([])
  })

  it('nothing when it is cleared, and goes on after [VE-S12]', () => {
    const buffer = bufferOf('abc', 'def')
    buffer.remove(1)
    buffer.clear()
    expect([buffer.length, buffer.chunkCount, buffer.pop().length]).toEqual([0, 0, 0])
    buffer.clear()
    buffer.append(Buffer.from('xy'))
    expect(buffer.pop().toString()).toBe('xy')
  })

  it('its first piece, or the beginning of it', () => {
    const buffer = bufferOf('abc', 'de')
    expect(buffer.popChunk(2).toString()).toBe('ab')
    expect(buffer.peekChunk().toString()).toBe('c')
    expect(buffer.popChunk(9).toString()).toBe('c')
    expect(buffer.popChunk(0).length).toBe(0)
    expect(buffer.popChunk().toString()).toBe('de')
    expect(buffer.popChunk().length).toBe(0)
    expect(buffer.peekChunk().length).toBe(0)
  })

  it('each byte by its index', () => {
    const buffer = bufferOf('xabc', 'd', 'ef')
    buffer.remove(1)
    const codes = Array.from('abcdef', (letter) => letter.charCodeAt(0))
    expect(codes.map((_, at) => buffer.byteAt(at))).toEqual(codes)
    expect([-1, 6, 1.5, Number.NaN].map((index) => buffer.byteAt(index))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  it('what is appended while it is drained as well', () => {
    const buffer = bufferOf('ab', 'c')
    const seen: string[] = []
    for (const chunk of buffer.drain()) {
      seen.push(chunk.toString())
      if (seen.length === 1) buffer.append(Buffer.from('d'))
    }
    expect(seen).toEqual(['ab', 'c', 'd'])
    expect(buffer.length).toBe(0)
  })

  it('its own bytes to its own end, when told so', () => {
    const buffer = bufferOf('ab', 'cd')
    expect(buffer.moveTo(buffer, 3)).toBe(3)
    expect(buffer.pop().toString()).toBe('dabc')
  })

  it.each([1.5, Number.NaN, '2', {}])('nothing for the count %j, which is none', (count) => {
    const buffer = bufferOf('abc', 'def')
    const target = new VByteBuffer()
    const calls = [
      () => buffer.pop(count as never),
      () => buffer.popList(count as never),
      () => buffer.popChunk(count as never),
      () => buffer.peek(count as never),
      () => buffer.peekList(count as never),
      () => buffer.remove(count as never),
      () => buffer.moveTo(target, count as never),
    ]
    for (const call of calls) expect(call).toThrow(TypeError)
    expect(buffer.peek().toString()).toBe('abcdef')
    expect(target.length).toBe(0)
  })
})

describe('VByteBuffer finds', () => {
  it.each([
    ['d', 0, 3],
    ['d', 3, 3],
    ['d', 4, 8],
    ['bc', 0, 1],
    ['cd', 0, 2],
    ['cdef', 0, 2],
    ['fab', 0, 5],
    ['abcd', 1, -1],
    ['dx', 0, 8],
    ['x', 0, 9],
    ['xy', 0, -1],
    ['z', 0, -1],
    ['a', 10, -1],
    ['a', 99, -1],
  ])('%j from %d on at %d, across pieces', (pattern, from, at) => {
    // abcdefabdx after the first two bytes have left.
    const buffer = bufferOf('..ab', 'c', 'de', 'f', 'abd', 'x')
    buffer.remove(2)
    expect(buffer.indexOf(Buffer.from(pattern), from)).toBe(at)
    expect(buffer.length).toBe(10)
  })

  it('a single byte by its number', () => {
    const buffer = bufferOf('ab', 'ca')
    expect(buffer.indexOf(0x61)).toBe(0)
    expect(buffer.indexOf(0x61, 1)).toBe(3)
    expect(buffer.indexOf(0x7a)).toBe(-1)
    expect(new VByteBuffer(Buffer.of(1, 0, 255)).indexOf(0)).toBe(1)
    expect(new VByteBuffer(Buffer.of(1, 0, 255)).indexOf(255)).toBe(2)
  })

  it('a pattern that begins again inside itself', () => {
    expect(bufferOf('aa', 'ab').indexOf(Buffer.from('aab'))).toBe(1)
    expect(bufferOf('\r', '\r', '\n').indexOf(Buffer.from('\r\n'))).toBe(1)
  })

  it('nothing in an empty buffer', () => {
    expect(new VByteBuffer().indexOf(1)).toBe(-1)
  })

  it('nothing for a pattern or a start that is none', () => {
    const buffer = bufferOf('abc')
    for (const pattern of [new Uint8Array(0), 'a', null, undefined, 1.5, 256, -1]) {
      expect(() => buffer.indexOf(pattern as never)).toThrow(TypeError)
    }
    for (const from of [-1, 0.5, Number.NaN, '0']) {
      expect(() => buffer.indexOf(0x61, from as never)).toThrow(RangeError)
    }
  })
})

describe('VByteBuffer does not copy', () => {
  it('what is appended: memory is given away, and a later write to it shows [VE-S12]', () => {
    const bytes = Buffer.from('abc')
    const buffer = new VByteBuffer()
    buffer.append(bytes)
    bytes[0] = 0x78
    expect(buffer.peek().toString()).toBe('xbc')
  })

  it('a plain Uint8Array: it is wrapped', () => {
    const memory = new Uint8Array([1, 2, 3, 4])
    const buffer = new VByteBuffer(memory.subarray(1, 3))
    const chunk = buffer.pop()
    expect(Buffer.isBuffer(chunk)).toBe(true)
    expect([chunk.buffer, chunk.byteOffset, chunk.length]).toEqual([memory.buffer, 1, 2])
  })

  it('a piece that leaves whole, moves whole or is shown whole', () => {
    const bytes = Buffer.from('abc')
    expect(new VByteBuffer(bytes).pop()).toBe(bytes)
    expect(new VByteBuffer(bytes).popChunk()).toBe(bytes)
    expect(new VByteBuffer(bytes).popList()[0]).toBe(bytes)
    expect(new VByteBuffer(bytes).peek()).toBe(bytes)
    expect(new VByteBuffer(bytes).peekChunk()).toBe(bytes)
    const target = new VByteBuffer()
    new VByteBuffer(bytes).moveTo(target)
    expect(target.peekChunk()).toBe(bytes)
    expect([...new VByteBuffer(bytes).drain()]).toEqual([bytes])
  })

  it('a part of a piece: it is the same memory', () => {
    const bytes = Buffer.from('abcdef')
    const buffer = new VByteBuffer(bytes)
    const parts = [buffer.peek(2), buffer.pop(2), buffer.popChunk(2), ...buffer.peekList(1)]
    const places = parts.map((part) => part.byteOffset - bytes.byteOffset)
    for (const part of parts) expect(part.buffer).toBe(bytes.buffer)
    expect(places).toEqual([0, 0, 2, 4])
  })
})

type Operation =
  | { readonly name: 'append'; readonly bytes: Uint8Array }
  | { readonly name: 'pop' | 'popList' | 'peek' | 'peekList' | 'remove' | 'moveTo'; readonly count: number }
  | { readonly name: 'indexOf'; readonly pattern: Uint8Array; readonly from: number }
  | { readonly name: 'popChunk'; readonly count: number }
  | { readonly name: 'clear' | 'byteAt'; readonly count: number }

/** Few different bytes, so that patterns are found and nearly found. */
const someBytes = (minLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength: 9, max: 2 })
const count = fc.integer({ min: -1, max: 24 })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ name: fc.constant('append' as const), bytes: someBytes(0) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      name: fc.constantFrom('pop' as const, 'popList', 'peek', 'peekList', 'remove', 'moveTo', 'popChunk'),
      count,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      name: fc.constant('indexOf' as const),
      pattern: fc.uint8Array({ minLength: 1, maxLength: 4, max: 2 }),
      from: fc.nat({ max: 30 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('byteAt' as const), count: fc.nat({ max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('clear' as const), count: fc.constant(0) }) },
)

/** The queue as a plain array of numbers, and where moved bytes go. */
class Model {
  readonly real = new VByteBuffer()
  readonly target = new VByteBuffer()
  bytes: number[] = []
  moved: number[] = []

  step(op: Operation): void {
    if (op.name === 'append') {
      this.real.append(op.bytes)
      this.bytes.push(...op.bytes)
    } else if (op.name === 'indexOf') {
      expect(this.real.indexOf(op.pattern, op.from)).toBe(this.#find(op.pattern, op.from))
    } else if (op.name === 'byteAt') expect(this.real.byteAt(op.count)).toBe(this.bytes[op.count])
    else if (op.name === 'clear') {
      this.real.clear()
      this.bytes = []
    } else this.#take(op.name, op.count)
    expect(this.real.length).toBe(this.bytes.length)
    expect(this.real.chunkCount === 0).toBe(this.bytes.length === 0)
    expect([...this.real.peek()]).toEqual(this.bytes)
  }

  #take(
    name: 'pop' | 'popList' | 'peek' | 'peekList' | 'remove' | 'moveTo' | 'popChunk',
    wanted: number,
  ): void {
    const size = wanted < 0 ? this.bytes.length : Math.min(wanted, this.bytes.length)
    const front = this.bytes.slice(0, size)
    if (name === 'peek') expect([...this.real.peek(wanted)]).toEqual(front)
    else if (name === 'peekList') expect([...Buffer.concat(this.real.peekList(wanted))]).toEqual(front)
    else if (name === 'popChunk') {
      const chunk = [...this.real.popChunk(wanted)]
      expect(chunk).toEqual(this.bytes.slice(0, chunk.length))
      // Only where there is nothing to give, or nothing is asked for, does it give nothing.
      expect(chunk.length === 0).toBe(size === 0)
      expect(chunk.length).toBeLessThanOrEqual(size)
      this.bytes.splice(0, chunk.length)
    } else {
      this.bytes.splice(0, size)
      if (name === 'pop') expect([...this.real.pop(wanted)]).toEqual(front)
      else if (name === 'popList') expect([...Buffer.concat(this.real.popList(wanted))]).toEqual(front)
      else if (name === 'remove') expect(this.real.remove(wanted)).toBe(size)
      else {
        expect(this.real.moveTo(this.target, wanted)).toBe(size)
        this.moved.push(...front)
      }
    }
  }

  #find(pattern: Uint8Array, from: number): number {
    for (let at = from; at + pattern.length <= this.bytes.length; at += 1) {
      if (pattern.every((byte, within) => this.bytes[at + within] === byte)) return at
    }
    return -1
  }
}

describe('VByteBuffer under random operations', () => {
  it('is the same as a plain array [VE-S12]', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const model = new Model()
        for (const op of operations) model.step(op)
        expect([...model.target.pop()]).toEqual(model.moved)
      }),
      propertyRuns(400),
    )
  })
})
