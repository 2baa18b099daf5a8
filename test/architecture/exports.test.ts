/**
 * What the packages offer: every exported name is documented, entry points hold names only, manifests lead somewhere.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkDocs, checkEntries, checkIndex, checkManifest, type Manifest } from './rules/exports.js'
import { packageNames, ROOT, readable, readPackages } from './rules/source.js'

const packages = readPackages()
const HEADER = '/** The opening comment of the file. */\n'

describe('exported names', () => {
  it('have a doc comment, all of them', () => {
    expect(readable(packages.flatMap(({ path, source }) => checkDocs(path, source)))).toEqual([])
  })

  it.each([
    ['a class', 'export class X {}', 1],
    ['an interface', 'export interface X {}', 1],
    ['a type', 'export type X = 1', 1],
    ['constants', 'export const X = 1, Y = 2', 2],
    ['a function under a plain comment', '// Does this and that.\nexport function X() {}', 1],
    ['a function under an empty doc comment', '/** */\nexport function X() {}', 1],
    ['a doc comment of something else', '/** What it is. */\nlet y\nexport const X = 1', 1],
  ])('fail for %s without', (_, source, count) => {
    expect(checkDocs('packages/io/src/x.ts', `${HEADER}${source}`)).toHaveLength(count)
  })

  it("need more than the file's opening comment, and no more than one for all overloads", () => {
    const overloads = '/** What it does. */\nexport function x(a: 1): 1\nexport function x(a: 2): 2'
    expect(checkDocs('packages/io/src/x.ts', `${HEADER}export const x = 1`)).toHaveLength(1)
    expect(checkDocs('packages/io/src/x.ts', `${HEADER}${overloads}`)).toEqual([])
    expect(checkDocs('packages/io/src/x.ts', `${HEADER}export { x } from './y.js'`)).toEqual([])
  })
})

describe('entry points', () => {
  it('hold names only', () => {
    expect(readable(packages.flatMap(({ path, source }) => checkIndex(path, source)))).toEqual([])
  })

  it.each(['export const x = 1', "import './x.js'", 'const x = 1\nexport { x }', 'x()'])(
    'fail on %s',
    (source) => {
      expect(checkIndex('packages/io/src/filter/index.ts', source)).not.toEqual([])
      expect(checkIndex('packages/io/src/filter/tap.ts', source)).toEqual([])
    },
  )
})

describe('manifests', () => {
  const target = (name: string): Record<string, string> => ({
    types: `./dist/${name}.d.ts`,
    default: `./dist/${name}.js`,
  })
  const good: Manifest = {
    type: 'module',
    sideEffects: false,
    files: ['dist'],
    exports: { '.': { source: './src/index.ts', ...target('index') } },
    publishConfig: { exports: { '.': target('index') } },
  }
  const check = (more: Partial<Manifest>): string[] =>
    readable(
      checkManifest('packages/x/package.json', { ...good, ...more }, (path) => path === './src/index.ts'),
    )

  it.each(packageNames())('of %s agrees with its sources', (name) => {
    const folder = join(ROOT, 'packages', name)
    const path = `packages/${name}/package.json`
    const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
    const files = packages.map((each) => each.path.replace(`packages/${name}/`, ''))
    expect(readable(checkManifest(path, manifest, (each) => existsSync(join(folder, each))))).toEqual([])
    expect(readable(checkEntries(path, manifest, files))).toEqual([])
  })

  it('pass when they are right', () => {
    expect(check({})).toEqual([])
    expect(checkEntries('', good, ['src/index.ts', 'src/chain/pair.ts'])).toEqual([])
  })

  it.each<[string, Partial<Manifest>, string]>([
    ['effects of loading', { sideEffects: true }, 'sideEffects is not false'],
    ['another kind of module', { type: 'commonjs' }, 'type is not "module"'],
    ['no built files', { files: ['src'] }, 'files does not name dist'],
    ['no main entry point', { exports: {}, publishConfig: {} }, 'exports has no "."'],
    [
      'conditions out of order',
      { exports: { '.': { ...target('index'), source: './src/index.ts' } } },
      'in this order',
    ],
    [
      'a source that is not there',
      { exports: { '.': { source: './src/a.ts', ...target('a') } } },
      'is not there',
    ],
    [
      'a wrong target',
      { exports: { '.': { source: './src/index.ts', ...target('a') } } },
      'not what is built',
    ],
    ['sources for the public', { publishConfig: {} }, 'without source'],
    [
      'an entry of its own',
      { publishConfig: { exports: { '.': target('index'), './a': {} } } },
      'is not in exports',
    ],
  ])('fail on %s', (_, more, message) => {
    expect(check(more).join('\n')).toContain(message)
  })

  it('fail on an entry file that nobody can reach', () => {
    expect(checkEntries('', good, ['src/filter/index.ts', 'src/rx.ts'])).toHaveLength(2)
  })
})
