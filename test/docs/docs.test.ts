/**
 * The guides are held against the code: what they quote, link, name and list.
 *
 * Each check is shown to fail on a planted fault. What the quoted code does is shown by the tests beside this one, which
 * are where it comes from, and by the examples.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageNames, ROOT, readable } from '../architecture/rules/source.js'
import {
  checkCommands,
  checkLinks,
  checkNames,
  checkPaths,
  checkQuotes,
  checkTells,
  type Doc,
} from './lib/checks.js'
import { entryPoints, namesOf } from './lib/names.js'
import { quoted } from './lib/quote.js'

/** Made from the titles of the tests, which have words of their own. */
const GENERATED = 'docs/coverage.md'

function readFile(path: string): string | undefined {
  const full = join(ROOT, path)
  if (!existsSync(full)) return undefined
  return statSync(full).isDirectory() ? '' : readFileSync(full, 'utf8')
}

function docAt(path: string): Doc {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') }
}

function findDocs(): Doc[] {
  const below = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  const guides = below.filter((path) => path.endsWith('.md')).map((path) => `docs/${path}`)
  const packages = readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}/README.md`)
  const paths = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...guides, ...packages]
  return paths.filter((path) => path !== GENERATED).map(docAt)
}

const docs = findDocs()
const entries = entryPoints(packageNames())
const names = new Set([...entries.values()].flatMap((path) => [...namesOf(path).keys()]))
const manifest = JSON.parse(readFile('package.json') ?? '') as { scripts: Record<string, string> }
const scripts = new Set(Object.keys(manifest.scripts))

/** The names that an entry point offers when the program runs, without constants. */
function valuesOf(entry: string): string[] {
  const path = entries.get(entry)
  if (path === undefined) throw new RangeError(`${entry} is no entry point`)
  return [...namesOf(path)].filter(([name, isValue]) => isValue && /[a-z]/.test(name)).map(([name]) => name)
}

function messageNames(): string[] {
  const source = quoted(readFile('packages/io/src/control.ts') ?? '', 'VControlMessages')
  return [...source.matchAll(/^ {2}(\w+)\(/gm)].map(([, name = '']) => name)
}

function idsOf(family: string): string[] {
  const found = readFile(`test/coverage/ids/${family}.json`)?.match(/"id": ?"[\w-]+"/g) ?? []
  return found.map((text) => text.replace(/.*"([\w-]+)"$/, '$1'))
}

describe('every guide', () => {
  it('is found, the packages and the decisions included', () => {
    const paths = docs.map(({ path }) => path)
    expect(paths).toEqual(expect.arrayContaining(['README.md', 'docs/chain.md', 'packages/io/README.md']))
    expect(paths.filter((path) => path.startsWith('docs/decisions/')).length).toBeGreaterThan(5)
  })

  it('quotes only code that stands in a file, word for word', () => {
    expect(readable(docs.flatMap((doc) => checkQuotes(doc, readFile)))).toEqual([])
  })

  it('links to what is there', () => {
    expect(readable(docs.flatMap((doc) => checkLinks(doc, readFile)))).toEqual([])
  })

  it('names what the packages offer, files that exist and scripts that npm finds', () => {
    expect(names.size).toBeGreaterThan(200)
    expect(readable(docs.flatMap((doc) => checkNames(doc, names)))).toEqual([])
    expect(readable(docs.flatMap((doc) => checkPaths(doc, readFile)))).toEqual([])
    expect(readable(docs.flatMap((doc) => checkCommands(doc, scripts)))).toEqual([])
  })
})

describe('a guide that lists things lists all of them', () => {
  it.each([
    ['README.md', 'the packages', readdirSync(join(ROOT, 'packages')).map((name) => `@vio/${name}`)],
    ['docs/chain.md', 'the rules of the contract', idsOf('cr')],
    ['docs/control.md', 'the messages', messageNames()],
    ['docs/filters.md', 'what @vio/io/filter offers', valuesOf('@vio/io/filter')],
    ['docs/facades.md', 'what @vio/io/facade offers', valuesOf('@vio/io/facade')],
    ['docs/facades.md', 'what @vio/io/rx offers', valuesOf('@vio/io/rx')],
    ['docs/testing.md', 'what @vio/io/testing offers', valuesOf('@vio/io/testing')],
    ['docs/testing.md', 'what @vio/reactor/testing offers', valuesOf('@vio/reactor/testing')],
  ])('%s tells of %s', (path, _what, wanted) => {
    expect(wanted.length).toBeGreaterThan(0)
    expect(readable(checkTells(docAt(path), wanted))).toEqual([])
  })
})

describe('what @vio/io/node offers', () => {
  it('is told of among the filters or the facades', () => {
    const text = `${docAt('docs/filters.md').text}${docAt('docs/facades.md').text}`
    expect(readable(checkTells({ path: 'both', text }, valuesOf('@vio/io/node')))).toEqual([])
  })
})

describe('what the packages of ends offer', () => {
  it.each(['sock', 'pipe'])('is told of in the guide to ends or by @vio/%s itself', (name) => {
    const text = `${docAt('docs/ends.md').text}${docAt(`packages/${name}/README.md`).text}`
    expect(readable(checkTells({ path: 'both', text }, valuesOf(`@vio/${name}`)))).toEqual([])
  })
})

describe('docs/writing-a-filter.md', () => {
  it('writes a filter and the test that cuts its input at random in 30 lines', () => {
    const [filter, test] = ['hex-decoder.ts', 'hex-decoder.test.ts'].map((name) =>
      readFile(`test/docs/writing-a-filter/${name}`),
    )
    const lines = `${quoted(filter ?? '', 'filter')}${quoted(test ?? '', 'embed')}`.trimEnd().split('\n')
    expect(lines.length).toBeLessThanOrEqual(30)
  })
})

describe('a check of the guides fails', () => {
  const source =
    '/** Opens. */\n\n// #region a\n  const x = 1\n// #endregion a\n\n/** B. */\nexport function b() {\n}\n'
  const read = (path: string): string | undefined =>
    path === 'examples/src/x.ts' || path === 'bench/src/x.ts' ? source : undefined

  function quotesOf(from: string, code: string): string[] {
    const text = `<!-- from ${from} -->\n\`\`\`ts\n${code}\n\`\`\`\n`
    return readable(checkQuotes({ path: 'README.md', text }, read))
  }

  it.each([
    ['code without a source', '# x\n```ts\nconst x = 1\n```\n', 'README.md:2 a block of code without'],
    ['a mark that is not right above', '<!-- from examples/src/x.ts#a -->\n\n```ts\nx\n```\n', 'without'],
  ])('on %s', (_what, text, message) => {
    expect(readable(checkQuotes({ path: 'README.md', text }, read))).toEqual([
      expect.stringContaining(message),
    ])
  })

  it('on a quotation that differs, and on one of nothing', () => {
    expect(quotesOf('examples/src/x.ts#a', 'const x = 1')).toEqual([])
    expect(quotesOf('examples/src/x.ts#b', '/** B. */\nexport function b() {\n}')).toEqual([])
    expect(quotesOf('examples/src/x.ts', 'const x = 1')).toEqual([expect.stringContaining('differs')])
    expect(quotesOf('examples/src/x.ts#a', 'const x = 2')).toEqual([
      'README.md:2 differs from examples/src/x.ts#a: line 1 is "const x = 2", not "const x = 1"',
    ])
    expect(quotesOf('examples/src/x.ts#c', 'x')).toEqual([
      expect.stringContaining('0 regions or declarations'),
    ])
    expect(quotesOf('examples/src/y.ts', 'x')).toEqual([
      expect.stringContaining('no file that may be quoted'),
    ])
    expect(quotesOf('bench/src/x.ts', 'x')).toEqual([expect.stringContaining('no file that may be quoted')])
  })

  it('on a link to a file or a heading that is not there', () => {
    const pages: Record<string, string> = { 'docs/b.md': '# Some `Thing`: here\n', docs: '' }
    const linksOf = (text: string): string[] =>
      readable(checkLinks({ path: 'docs/a.md', text }, (path) => pages[path]))
    expect(linksOf('# A\n[b](b.md#some-thing-here) [up](../docs) [a](#a) [far](https://x.org/y)')).toEqual([])
    expect(linksOf('[b](c.md)')).toEqual(['docs/a.md:1 docs/c.md is not there'])
    expect(linksOf('\n[b](b.md#other)')).toEqual(['docs/a.md:2 docs/b.md has no heading for #other'])
    expect(linksOf('`[b](c.md)`\n```\n[b](c.md)\n```\n')).toEqual([])
  })

  it('on a name, a path or a command that is not there', () => {
    const doc = (text: string): Doc => ({ path: 'a.md', text })
    expect(checkNames(doc('`VReactor.run`, `VUT`, `V_SEED`, VNothing'), names)).toEqual([])
    expect(checkNames(doc('`new VNothing()`'), names)).toHaveLength(1)
    expect(checkPaths(doc('`test/docs/`, `test/NAME.ts`, `examples/dist/x.js`'), readFile)).toHaveLength(1)
    expect(checkPaths(doc('`test/docs/`, `docs/decisions/NNNN-title.md`'), readFile)).toEqual([])
    expect(checkCommands(doc('`npm test`, `npm run bench -- NAME`, `npm run -s build`'), scripts)).toEqual([])
    expect(checkCommands(doc('```\nnpm run nothing\n```\n'), scripts)).toHaveLength(1)
  })

  it('on a list that leaves something out', () => {
    const doc = { path: 'a.md', text: '`VByteTap` and CR-01' }
    expect(checkTells(doc, ['VByteTap', 'CR-01'])).toEqual([])
    expect(readable(checkTells(doc, ['VByte', 'CR-0', 'tap']))).toHaveLength(3)
  })
})
