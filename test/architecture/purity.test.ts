/**
 * Parts without clock, chance and waiting: what has to be pure is, and each breach is noticed.
 */
import { describe, expect, it } from 'vitest'
import { checkPurity, isPure, isTimeless } from './rules/purity.js'
import { readable, readPackages } from './rules/source.js'

const packages = readPackages()
const FILTER = 'packages/io/src/filter/planted.ts'

describe('pure files', () => {
  it('are pure, all of them', () => {
    const pure = packages.filter(({ path }) => isPure(path))
    expect(pure.length).toBeGreaterThan(4)
    expect(readable(pure.flatMap(({ path, source }) => checkPurity(path, source)))).toEqual([])
  })

  it.each([
    ['packages/io/src/chain/pair.ts', true],
    ['packages/io/src/limit.ts', true],
    ['packages/io/src/facade/stream.ts', false],
    ['packages/reactor/src/timer-heap.ts', true],
    ['packages/reactor/src/node-host.ts', false],
    ['packages/vudp/src/proto/rtt.ts', true],
    ['packages/nat/src/puncher.ts', true],
    ['packages/nat/src/driver/connecter.ts', false],
    ['test/io/limit.test.ts', false],
  ])('%s: %s', (path, pure) => {
    expect(isPure(path)).toBe(pure)
  })

  it.each([
    ["import { connect } from 'node:net'", 'imports node:net'],
    ['export const at = Date.now()', 'Date'],
    ['export let at: Date', 'Date'],
    ['export const at = performance.now()', 'performance'],
    ['setTimeout(() => {}, 1)', 'setTimeout'],
    ['export const later = setImmediate', 'setImmediate'],
    ['queueMicrotask(() => {})', 'queueMicrotask'],
    ['export const x = Math.random()', 'Math.random'],
    ["export const x = Math['random']()", 'Math.random'],
    ['const { random } = Math', 'Math as a value'],
    ["export const x = crypto['randomUUID']()", 'crypto'],
    ['export function f(): Promise<void> | undefined {}', 'Promise'],
    ['process.exit(1)', 'process'],
    ["globalThis['set' + 'Timeout']()", 'globalThis'],
    ['export const f = async () => 1', 'an async function'],
    ["export const m = import('./x.js')", 'import()'],
    ['const held = { crypto }', 'crypto'],
  ])('fail on %s', (source, message) => {
    const findings = readable(checkPurity(FILTER, source))
    expect(findings).toHaveLength(1)
    expect(findings[0]).toContain(message)
  })

  it('fail on every wait in an async function', () => {
    const source = 'async function f(x) { await x; for await (const y of x) {}; await using z = x }'
    expect(readable(checkPurity(FILTER, source)).map((each) => each.split(' has ')[1])).toEqual([
      'an async function',
      'await',
      'for await',
      'await using',
    ])
  })

  it('may have members of such names, and speak of them', () => {
    const source = `
      /** A Promise of Date, says process. */
      export class X { process(): string { return this.process() + 'Date' } }
      export const y = { crypto: 1, Date: 2 }.crypto + Math.max(1, 2)`
    expect(checkPurity(FILTER, source)).toEqual([])
  })
})

describe('timeless files', () => {
  it('ask nobody for the time or for chance, all of them', () => {
    const timeless = packages.filter(({ path }) => isTimeless(path))
    expect(timeless.length).toBeGreaterThan(10)
    expect(readable(timeless.flatMap(({ path, source }) => checkPurity(path, source)))).toEqual([])
  })

  it.each([
    'Date.now()',
    'setTimeout(f, 1)',
    'Math.random()',
    "import 'node:timers/promises'",
    'performance.now()',
  ])('fail on %s', (source) => {
    expect(checkPurity('packages/io/src/facade/planted.ts', source)).toHaveLength(1)
    expect(checkPurity('packages/reactor/src/reactor.ts', source)).toHaveLength(1)
    expect(checkPurity('packages/reactor/src/node-host.ts', source)).toEqual([])
  })

  it('may wait', () => {
    const source =
      "import { pipe } from 'node:stream'\nexport const f = async (): Promise<void> => { await pipe() }"
    expect(checkPurity('packages/io/src/facade/planted.ts', source)).toEqual([])
  })
})
