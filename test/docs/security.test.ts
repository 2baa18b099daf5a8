/**
 * What the page on security promises is shown by tests that exist.
 *
 * It looks whether the named file has the named title; that the test shows what the row says is for readers. A row that
 * names nothing is found, as are sections that promise nothing.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../architecture/rules/source.js'
import { tablesOf } from './lib/tables.js'

const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8')

/** The rows whose test is not there. */
function missing(text: string): string[] {
  const rows = tablesOf(text)
    .filter(({ head }) => head[0] === 'promise')
    .flatMap((table) => table.rows)
  return rows.flatMap(([promise = '', file = '', title = '']) => {
    const path = join(ROOT, file)
    if (title === '' || !existsSync(path)) return [`${promise}: ${file} is not there`]
    // Sources have titles between quotes, in which an apostrophe of the same kind has a backslash.
    const source = readFileSync(path, 'utf8').replaceAll("\\'", "'")
    return source.includes(title) ? [] : [`${promise}: nothing in ${file} is called ${title}`]
  })
}

describe('docs/security.md', () => {
  it('names tests that are there', () => {
    expect(missing(page)).toEqual([])
  })

  it('promises something for each of those that it is held against', () => {
    const promises = tablesOf(page).filter(({ head }) => head[0] === 'promise')
    expect(promises.length).toBeGreaterThanOrEqual(10)
    for (const { head, rows } of promises) {
      expect(head).toEqual(['promise', 'file', 'title'])
      expect(rows.length).toBeGreaterThan(0)
    }
  })

  it('names the test of what a dropper gets', () => {
    const [, file = '', title = ''] = /\(`([^`]+)`, \*([^*]+)\*\)/.exec(page) ?? []
    expect(missing(`| promise | file | title |\n|---|---|---|\n| x | ${file} | ${title} |\n`)).toEqual([])
  })
})

describe('a row', () => {
  it('that names no test is found', () => {
    const row = (file: string, title: string): string =>
      `| promise | file | title |\n|---|---|---|\n| all is well | \`${file}\` | ${title} |\n`
    expect(missing(row('test/docs/security.test.ts', 'that names no test is found'))).toEqual([])
    expect(missing(row('test/docs/nothing.test.ts', 'x'))).toHaveLength(1)
    expect(missing(row('test/docs/security.test.ts', `nothing ${'has'} this title`))).toHaveLength(1)
    expect(missing(row('test/docs/security.test.ts', ''))).toHaveLength(1)
  })
})
