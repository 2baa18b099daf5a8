/**
 * Sizes and style of all sources: ceilings of files, functions and lines, opening comments, and what is not written.
 */
import { describe, expect, it } from 'vitest'
import {
  ceilingOf,
  checkFileSize,
  checkFunctions,
  checkLineWidth,
  checkMedian,
  lineCount,
} from './rules/size.js'
import { type Finding, readable, readPackages, readSources } from './rules/source.js'
import { checkStyle } from './rules/style.js'

const packages = readPackages()
const sources = [...packages, ...readSources(['test', 'bench', 'examples', 'scripts'], ['.ts', '.mjs'])]

function checkAll(check: (path: string, source: string) => Finding[]): string[] {
  return readable(sources.flatMap(({ path, source }) => check(path, source)))
}

/** A text of `count` lines. */
function lines(count: number): string {
  return `${Array.from({ length: count }, () => '//').join('\n')}\n`
}

describe('sizes', () => {
  it('are below their ceilings in every source', () => {
    expect(checkAll(checkFileSize)).toEqual([])
    expect(checkAll(checkFunctions)).toEqual([])
    expect(checkAll(checkLineWidth)).toEqual([])
    expect(readable(checkMedian(packages))).toEqual([])
  })

  it.each([
    ['packages/io/src/limit.ts', 350],
    ['packages/io/src/index.ts', 350],
    ['packages/io/src/chain/endpoint.ts', 500],
    ['packages/reactor/src/reactor.ts', 500],
    ['bench/src/stream.ts', 350],
    ['test/io/limit.test.ts', 500],
  ])('fail on a line too many in %s', (path, ceiling) => {
    expect(ceilingOf(path)).toBe(ceiling)
    expect(checkFileSize(path, lines(ceiling))).toEqual([])
    expect(checkFileSize(path, lines(ceiling + 1))).toHaveLength(1)
  })

  it('fail on a large median', () => {
    const file = { path: 'packages/io/src/x.ts', source: lines(180) }
    const small = { ...file, source: lines(10) }
    expect(lineCount(file.source)).toBe(180)
    expect(checkMedian([small, file, file])).toHaveLength(1)
    expect(checkMedian([small, small, file])).toEqual([])
  })

  it('fail on a function of 61 lines, and not on a group of tests', () => {
    const body = (count: number): string => `() => {\n${lines(count - 2)}}`
    expect(checkFunctions('test/x.test.ts', `const f = ${body(60)}`)).toEqual([])
    expect(checkFunctions('test/x.test.ts', `const f = ${body(61)}`)).toHaveLength(1)
    expect(checkFunctions('test/x.test.ts', `it('x', ${body(61)})`)).toHaveLength(1)
    expect(checkFunctions('test/x.test.ts', `describe.each([1])('x', ${body(61)})`)).toEqual([])
  })

  it('fail on five parameters, except where the contract or an error has them', () => {
    const five = (name: string): string => `class X { ${name}(a, b, c, d, e) {} }`
    expect(checkFunctions('packages/io/src/x.ts', five('f'))).toHaveLength(1)
    expect(checkFunctions('packages/io/src/x.ts', five('constructor'))).toHaveLength(1)
    expect(checkFunctions('packages/io/src/errors.ts', five('constructor'))).toEqual([])
    expect(checkFunctions('packages/io/src/x.ts', five('authorize'))).toEqual([])
    expect(checkFunctions('packages/io/src/x.ts', 'function f(this: X, a, b, c, d) {}')).toEqual([])
  })

  it('fail on a line of 131 characters, unless it holds an address', () => {
    expect(checkLineWidth('scripts/x.mjs', `ok\n${'x'.repeat(131)}`)).toHaveLength(1)
    expect(checkLineWidth('scripts/x.mjs', `// https://example.org/${'x'.repeat(131)}`)).toEqual([])
  })
})

describe('style', () => {
  const HEADER = '/** Decides what a planted source looks like, and nothing else. */\n'

  it('holds in every source', () => {
    expect(checkAll(checkStyle)).toEqual([])
  })

  it.each([
    ['no opening comment', 'const x = 1', 'does not open with a doc comment'],
    [
      'an opening comment that is no doc comment',
      '// Decides this and that and the other.\nlet x',
      'does not open',
    ],
    ['code before it', `let x\n${HEADER}`, 'does not open with a doc comment'],
    ['an opening comment without content', '/** Limits. */\nlet x', 'says only "Limits."'],
    ['work left over', `${HEADER}// TO${'DO'}: later`, 'a comment with TODO'],
    ['a default export', `${HEADER}export default 1`, 'a default export'],
    ['an enum', `${HEADER}enum X { A }`, 'an enum'],
    ['a const enum', `${HEADER}declare const enum X { A }`, 'an enum'],
    ['a namespace', `${HEADER}namespace X { let x = 1 }`, 'a namespace'],
    [
      'a parameter property',
      `${HEADER}class X { constructor(readonly x: number) {} }`,
      'a parameter property',
    ],
    ['any', `${HEADER}let x: Array<any>`, 'any: say'],
    ['a non-null assertion', `${HEADER}let x\n\nx!.y`, 'a non-null assertion without a reason'],
    ['a hidden error of types', `${HEADER}// @ts-ignore because\nlet x`, '@ts-ignore hides'],
    ['an expected error of types', `${HEADER}// @ts-expect-error because\nlet x`, '@ts-expect-error hides'],
  ])('fails on %s', (_, source, message) => {
    const findings = readable(checkStyle('packages/io/src/x.ts', source))
    expect(findings).toHaveLength(1)
    expect(findings[0]).toContain(message)
  })

  it('lets a non-null assertion pass with its reason, and a default export where a tool wants one', () => {
    expect(checkStyle('packages/io/src/x.ts', `${HEADER}let x\n\n// It was set above.\nx!.y`)).toEqual([])
    expect(checkStyle('vitest.config.ts', `${HEADER}export default 1`)).toEqual([])
    expect(checkStyle('test/x.test.ts', `${HEADER}// @ts-expect-error: a number is refused\nlet x`)).toEqual(
      [],
    )
    expect(
      checkStyle('packages/io/src/x.ts', `${HEADER}declare module '@vio/io' { interface X {} }`),
    ).toEqual([])
    expect(checkStyle('scripts/x.mjs', `#!/usr/bin/env node\n${HEADER}`)).toEqual([])
  })
})
