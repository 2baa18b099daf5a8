/**
 * What a source may not contain, and how it begins.
 *
 * The linter knows most of these too. They stand here because a comment can switch the linter off, and because a rule
 * should be shown to fail.
 */
import type { Comment } from 'oxc-parser'
import { type AnyNode, type Finding, findingAt, type ParsedSource, parseSource, walk } from './source.js'

/** A header shorter than this says nothing. */
const HEADER_CHARACTERS = 30

/** Tools whose contract is a default export. */
const DEFAULT_EXPORTS = new Set(['vitest.config.ts', 'test/lib/skip-reporter.ts'])

/** Every rule of style for one source. */
export function checkStyle(path: string, source: string): Finding[] {
  const parsed = parseSource(path, source)
  const findings = [...checkHeader(parsed), ...checkComments(parsed)]
  walk(parsed.program, (node) => {
    const fault = faultOf(parsed, node)
    if (fault !== undefined) findings.push(findingAt(parsed, node.start, fault))
  })
  return findings
}

/** The file opens with one doc comment that says something. A line for the shell may come first. */
function checkHeader(parsed: ParsedSource): Finding[] {
  const [shellLine = ''] = /^#!.*\n/.exec(parsed.source) ?? []
  const first = parsed.comments.find(({ start }) => start >= shellLine.length)
  const before = parsed.source.slice(shellLine.length, first?.start)
  if (first === undefined || !isDoc(first) || before.trim() !== '') {
    return [findingAt(parsed, 0, 'does not open with a doc comment')]
  }
  const text = docText(first)
  if (text.length >= HEADER_CHARACTERS) return []
  return [findingAt(parsed, 0, `its opening comment says only "${text}"`)]
}

function checkComments(parsed: ParsedSource): Finding[] {
  const findings: Finding[] = []
  for (const { value, start } of parsed.comments) {
    const [word] = /\b(TODO|FIXME|XXX|HACK)\b/.exec(value) ?? []
    if (word !== undefined)
      findings.push(findingAt(parsed, start, `a comment with ${word}: do it, or open an issue`))
    const [order] = /@ts-(ignore|nocheck|expect-error)/.exec(value) ?? []
    if (order !== undefined && !(order === '@ts-expect-error' && parsed.path.startsWith('test/'))) {
      findings.push(findingAt(parsed, start, `${order} hides an error of types`))
    }
  }
  return findings
}

function faultOf(parsed: ParsedSource, node: AnyNode): string | undefined {
  switch (node.type) {
    case 'ExportDefaultDeclaration':
      return DEFAULT_EXPORTS.has(parsed.path) ? undefined : 'a default export: name it'
    case 'TSEnumDeclaration':
      return 'an enum: use a union of literals or a frozen record'
    case 'TSModuleDeclaration':
      return isAugmentation(node) ? undefined : 'a namespace'
    case 'TSParameterProperty':
      return 'a parameter property: declare the field'
    case 'TSAnyKeyword':
      return 'any: say what it is, or unknown'
    case 'TSNonNullExpression':
      return hasCommentBy(parsed, node) ? undefined : 'a non-null assertion without a reason beside it'
    default:
      return undefined
  }
}

/** `declare module 'x'` and `declare global` add to types of others and leave nothing behind. */
function isAugmentation(node: AnyNode): boolean {
  const id = node['id'] as AnyNode | undefined
  return id?.type === 'Literal' || node['kind'] === 'global'
}

/** A comment on the same line or on the line before. */
function hasCommentBy(parsed: ParsedSource, node: AnyNode): boolean {
  const line = parsed.lineOf(node.end)
  return parsed.comments.some(({ end }) => {
    const at = parsed.lineOf(end)
    return at === line || at === line - 1
  })
}

/** True for a doc comment. */
export function isDoc(comment: Comment): boolean {
  return comment.type === 'Block' && comment.value.startsWith('*')
}

/** The words of a doc comment, without its stars. */
export function docText(comment: Comment): string {
  return comment.value
    .split('\n')
    .map((line) => line.replace(/^\s*\*+\s?/, ''))
    .join(' ')
    .trim()
}
