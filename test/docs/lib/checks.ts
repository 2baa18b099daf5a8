/**
 * What the guides promise of themselves: quoted code is the code, links lead somewhere, names, files and commands exist.
 *
 * Each check is a function of a text and of what it is held against, so that a test can plant a fault. Invariant: a fault
 * names the line where it stands.
 */
import { posix } from 'node:path'
import type { Finding } from '../../architecture/rules/source.js'
import { readMarkdown } from './markdown.js'
import { quoted } from './quote.js'

/** One document. */
export interface Doc {
  /** Its path below the workspace. */
  readonly path: string
  readonly text: string
}

/** The text of a file below the workspace; undefined if there is none, empty for a folder. */
export type ReadFile = (path: string) => string | undefined

/** Blocks of these languages are code, which has to come from a file that the compiler and a test look at. */
const CODE = new Set(['ts', 'tsx', 'js', 'mjs', 'typescript', 'javascript'])

/** Where quoted code may come from: what is compiled, and run or imported by a test. */
const QUOTABLE = /^(examples\/src|test\/docs|packages\/[^/]+\/src)\//

/** Blocks of code that come from no file, or are not what stands there. */
export function checkQuotes(doc: Doc, read: ReadFile): Finding[] {
  const findings: Finding[] = []
  const add = (line: number, message: string): void => void findings.push({ path: doc.path, line, message })
  for (const { language, text, from, line } of readMarkdown(doc.text).blocks) {
    if (from === undefined) {
      if (CODE.has(language)) add(line, 'a block of code without <!-- from FILE --> above it')
      continue
    }
    const [path = '', name] = from.split('#')
    const source = QUOTABLE.test(path) ? read(path) : undefined
    if (source === undefined) add(line, `${path} is no file that may be quoted`)
    else {
      const wanted = attempt(() => quoted(source, name))
      if (wanted instanceof Error) add(line, `${from}: ${wanted.message}`)
      else if (wanted !== text) add(line, `differs from ${from}: ${firstDifference(text, wanted)}`)
    }
  }
  return findings
}

function attempt<T>(body: () => T): T | Error {
  try {
    return body()
  } catch (error) {
    return error as Error
  }
}

function firstDifference(text: string, wanted: string): string {
  const [left, right] = [text.split('\n'), wanted.split('\n')]
  const at = left.findIndex((line, index) => line !== right[index])
  return `line ${at + 1} is "${left[at] ?? ''}", not "${right[at] ?? ''}"`
}

/** Links within the workspace that lead nowhere. */
export function checkLinks(doc: Doc, read: ReadFile): Finding[] {
  const findings: Finding[] = []
  for (const { text, line } of readMarkdown(doc.text).links) {
    if (/^[a-z]+:/.test(text)) continue
    const [file = '', anchor] = text.split('#')
    const path = file === '' ? doc.path : posix.join(posix.dirname(doc.path), file)
    const target = path === doc.path ? doc.text : read(path)
    if (target === undefined) findings.push({ path: doc.path, line, message: `${path} is not there` })
    else if (anchor !== undefined && !readMarkdown(target).anchors.has(anchor))
      findings.push({ path: doc.path, line, message: `${path} has no heading for #${anchor}` })
  }
  return findings
}

/** Names in code spans that look like public ones, and that no package offers. */
export function checkNames(doc: Doc, names: ReadonlySet<string>): Finding[] {
  return readMarkdown(doc.text).spans.flatMap(({ text, line }) => {
    const found = text.match(/\bI?V[A-Z]\w*[a-z]\w*/g) ?? []
    return found
      .filter((name) => !names.has(name))
      .map((name) => ({ path: doc.path, line, message: `no package offers ${name}` }))
  })
}

/** Files and folders in code spans that are not there. A span with a wildcard or a word in capitals is a pattern. */
export function checkPaths(doc: Doc, read: ReadFile): Finding[] {
  return readMarkdown(doc.text).spans.flatMap(({ text, line }) => {
    const isPath = /^(packages|test|docs|examples|bench|scripts)\/[\w./-]*$/.test(text) && !/NNNN/.test(text)
    if (!isPath || /(^|\/)dist(\/|$)/.test(text) || read(text.replace(/\/$/, '')) !== undefined) return []
    return [{ path: doc.path, line, message: `${text} is not there` }]
  })
}

/** Commands of npm, in spans and in blocks, that the workspace does not have. */
export function checkCommands(doc: Doc, scripts: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = []
  const { spans, blocks } = readMarkdown(doc.text)
  for (const { text, line } of [...spans, ...blocks]) {
    for (const [, run, short] of text.matchAll(/\bnpm (?:run (?:-\S+ )*([\w:]+)|(test|start)\b)/g)) {
      const name = run ?? short ?? ''
      if (name !== 'NAME' && !scripts.has(name))
        findings.push({ path: doc.path, line, message: `there is no script ${name}` })
    }
  }
  return findings
}

/** What a document should tell of and does not. */
export function checkTells(doc: Doc, wanted: Iterable<string>): Finding[] {
  const missing = [...wanted].filter((word) => !new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(doc.text))
  return missing.map((word) => ({ path: doc.path, line: 1, message: `does not tell of ${word}` }))
}
