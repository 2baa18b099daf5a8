/**
 * The generator of docs/coverage.md, run on planted workspaces: which titles count, and what makes it fail.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'

const SCRIPT = fileURLToPath(new URL('../../scripts/coverage.mjs', import.meta.url))
const TEST = 'test/x.test.ts'
const SUITE = 'packages/io/src/testing/contract/suite.ts'

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true })
})

/** Makes a workspace of the given files, with CR-01 to CR-03 as its catalogue, of which CR-01 and CR-02 are required. */
function plant(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'vio-coverage-'))
  roots.push(root)
  const ids = ['CR-01', 'CR-02', 'CR-03'].map((id) => ({ id, what: `what ${id} | says` }))
  const all: Record<string, string> = {
    'test/coverage/ids/cr.json': JSON.stringify(ids),
    'test/coverage/required.json': '["CR-01..CR-02"]',
    ...files,
  }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function generate(
  root: string,
  ...options: string[]
): { code: number | null; errors: string; report: () => string } {
  const done = spawnSync(process.execPath, [SCRIPT, '--root', root, ...options], { encoding: 'utf8' })
  const report = (): string => readFileSync(join(root, 'docs/coverage.md'), 'utf8')
  return { code: done.status, errors: done.stderr, report }
}

/** Which of the three ids a workspace shows, by the files in its report. */
function shownIn(files: Record<string, string>): string[] {
  const { report, errors } = generate(plant(files))
  expect(errors).toBe('')
  const rows = [...report().matchAll(/^\| (CR-\d+) \| .* \| (.*) \|$/gm)]
  return rows.filter(([, , tests]) => tests !== 'not yet').map(([, id, tests]) => `${id} ${tests}`)
}

describe('an id is shown', () => {
  it.each([
    ['by the title of a test', `it('does [CR-01]', f)`],
    ['by a group with a test in it', `describe('does [CR-01]', () => { test('x', f) })`],
    ['by a template', 'it.each([1])(`does [CR-01] for $' + '{x}`, f)'],
    ['by a table', `it.each([{ title: 'does [CR-01]', x: 1 }])('$title', f)`],
  ])('%s', (_, source) => {
    expect(shownIn({ [TEST]: source })).toEqual([`CR-01 ${TEST}`])
  })

  it('in company, and by several files', () => {
    const files = {
      [TEST]: `it('a [CR-01, CR-02] [x, y] [CR-03]', f)`,
      'test/a.test.ts': `it('b [CR-01]', f)`,
    }
    expect(shownIn(files)).toEqual([`CR-01 test/a.test.ts<br>${TEST}`, `CR-02 ${TEST}`, `CR-03 ${TEST}`])
  })

  it('by a suite that a test imports, and by the suite that this one imports', () => {
    const files = {
      [TEST]: `import { cases } from '@vio/io/testing'\nfor (const c of cases) it(c.title, c.run)`,
      [SUITE]: `import { more } from './more.js'\nexport const cases = [{ title: 'a [CR-01]', run }, ...more]`,
      'packages/io/src/testing/contract/more.ts': `export const more = [hostCase('b [CR-02]', () => {})]`,
      'packages/io/src/testing/contract/idle.ts': `export const idle = [{ title: 'c [CR-03]', run }]`,
    }
    expect(shownIn(files)).toEqual([`CR-01 ${SUITE}`, 'CR-02 packages/io/src/testing/contract/more.ts'])
  })
})

describe('an id is not shown', () => {
  it.each([
    ['by a skipped test', `it.skip('does [CR-01]', f)`],
    ['by a test to be written', `it.todo('does [CR-01]')`],
    ['by a test in a skipped group', `describe.skip('x', () => { it('does [CR-01]', f) })`],
    ['by a group without tests that run', `describe('does [CR-01]', () => { it.skip('x', f) })`],
    ['by a comment or another text', `// [CR-01]\nit('x', () => f('[CR-01]'))`],
    ['by what code puts together', `it('does [CR-' + '01]', f)`],
    ['by an import of types', `import type { cases } from '@vio/io/testing'\nit('x', f)`],
  ])('%s', (_, source) => {
    expect(
      shownIn({ [TEST]: source, [SUITE]: `export const cases = [{ title: 'a [CR-02]', run }]` }),
    ).toEqual([])
  })

  it('by a soak test', () => {
    expect(shownIn({ 'test/x.soak.ts': `it('does [CR-01]', f)` })).toEqual([])
  })
})

describe('the generator fails', () => {
  it.each([
    ['on an unknown id', `it('does [CR-04]', f)`, `${TEST}: CR-04 is unknown`],
    ['on an id without its zero', `it('does [CR-1]', f)`, 'CR-1 is unknown'],
    ['on an id cut short', `it('does [CR-01, 02]', f)`, '"02" in "[CR-01, 02]" is no id'],
    ['on an id outside of brackets', `it('CR-01 does', f)`, 'CR-01 stands outside of brackets'],
    ['on a report that is out of date', `it('does [CR-01]', f)`, 'docs/coverage.md is out of date'],
  ])('%s', (_, source, message) => {
    const { code, errors } = generate(plant({ [TEST]: source }), '--check')
    expect(errors).toContain(message)
    expect(code).toBe(1)
  })

  it('on an unknown id in a suite that counts', () => {
    const suite = `export const cases = [{ title: 'a [CR-99]', run }]`
    const { errors } = generate(plant({ [TEST]: `import { cases } from '@vio/io/testing'`, [SUITE]: suite }))
    expect(errors).toContain(`${SUITE}: CR-99 is unknown`)
  })

  it('on a required id that no test shows, only when asked', () => {
    const root = plant({ [TEST]: `it('does [CR-01]', f)` })
    expect(generate(root).code).toBe(0)
    const { code, errors } = generate(root, '--require')
    expect(errors).toBe('coverage: no test shows CR-02\n')
    expect(code).toBe(1)
  })

  it('on an id that is listed twice, and on a range that leads nowhere', () => {
    const twice = JSON.stringify([{ id: 'CR-01', what: 'again' }])
    expect(generate(plant({ 'test/coverage/ids/more.json': twice })).errors).toContain(
      'CR-01 is listed twice',
    )
    const beyond = plant({ 'test/coverage/required.json': '["CR-01..CR-04"]' })
    expect(generate(beyond, '--require').errors).toContain('CR-01..CR-04 names CR-04')
  })

  it('not on a report that it has just written', () => {
    const root = plant({ [TEST]: `it('does [CR-01]', f)` })
    generate(root)
    expect(generate(root, '--check')).toMatchObject({ code: 0, errors: '' })
  })
})
