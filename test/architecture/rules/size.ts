/**
 * How large files and functions may be, and how wide lines.
 *
 * A file over its ceiling hides a part without a name. Lines count from the first to the last, comments included, as
 * that is what a reader scrolls through.
 */
import { packageOf, pathInPackage } from './edges.js'
import { type AnyNode, type Finding, findingAt, parseSource, type SourceText, walk } from './source.js'

const FILE_LINES = 350
const JOINER_LINES = 500
const TEST_LINES = 500
const FUNCTION_LINES = 60
const PARAMETERS = 4
const LINE_WIDTH = 130
const MEDIAN_LINES = 180

/** The files that join many parts, and nothing else. */
const JOINERS = /^(reactor|endpoint|connection|stream)\.ts$/

/** Control messages have the parameters that the contract gives them. */
const CONTROL_MESSAGES = new Set(['authorize'])

/** A group of tests is no function to be read in one go; the tests in it are. */
const GROUPS = new Set(['describe', 'suite'])

/** Lines of a text; the newline at its end begins no further one. */
export function lineCount(source: string): number {
  return source.replace(/\n$/, '').split('\n').length
}

/** How many lines a file may have. */
export function ceilingOf(path: string): number {
  if (path.startsWith('test/')) return TEST_LINES
  const name = (pathInPackage(path) ?? '').split('/').at(-1) ?? ''
  return packageOf(path) !== undefined && JOINERS.test(name) ? JOINER_LINES : FILE_LINES
}

/** A file over its ceiling. */
export function checkFileSize(path: string, source: string): Finding[] {
  const [lines, ceiling] = [lineCount(source), ceilingOf(path)]
  if (lines <= ceiling) return []
  return [
    {
      path,
      line: ceiling + 1,
      message: `${lines} lines, ceiling ${ceiling}: find the part that has no name yet`,
    },
  ]
}

/** Lines that are too wide; a line with a URL may be. */
export function checkLineWidth(path: string, source: string): Finding[] {
  return source
    .split('\n')
    .map((text, index) => ({ text, line: index + 1 }))
    .filter(({ text }) => text.length > LINE_WIDTH && !/https?:\/\//.test(text))
    .map(({ text, line }) => ({
      path,
      line,
      message: `${text.length} characters wide, ceiling ${LINE_WIDTH}`,
    }))
}

/** Functions with too many lines or parameters. */
export function checkFunctions(path: string, source: string): Finding[] {
  const parsed = parseSource(path, source)
  const findings: Finding[] = []
  walk(parsed.program, (node, parent) => {
    if (!isFunction(node)) return
    const lines = parsed.lineOf(node.end) - parsed.lineOf(node.start) + 1
    if (lines > FUNCTION_LINES && !isGroup(parent)) {
      findings.push(findingAt(parsed, node.start, `a function of ${lines} lines, ceiling ${FUNCTION_LINES}`))
    }
    const parameters = parameterCount(node)
    if (parameters > PARAMETERS && !isException(path, parent)) {
      const advice = 'give it an options object'
      findings.push(
        findingAt(parsed, node.start, `${parameters} parameters, ceiling ${PARAMETERS}: ${advice}`),
      )
    }
  })
  return findings
}

/** The median of the packages' files; one finding when it is too large. */
export function checkMedian(sources: readonly SourceText[]): Finding[] {
  const sizes = sources.map(({ source }) => lineCount(source)).sort((a, b) => a - b)
  const median = sizes[sizes.length >> 1] ?? 0
  if (median < MEDIAN_LINES) return []
  return [
    {
      path: 'packages',
      line: 1,
      message: `the median file has ${median} lines, wanted below ${MEDIAN_LINES}`,
    },
  ]
}

function isFunction(node: AnyNode): boolean {
  return ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(node.type)
}

/** `describe(...)`, `describe.each(...)(...)`, `describe.skipIf(...)(...)`. */
function isGroup(parent: AnyNode | undefined): boolean {
  if (parent?.type !== 'CallExpression') return false
  let callee = parent['callee'] as AnyNode
  while (callee.type !== 'Identifier') {
    const next = callee.type === 'CallExpression' || callee.type === 'TaggedTemplateExpression'
    const inner = next ? (callee['callee'] ?? callee['tag']) : callee['object']
    if (inner === undefined) return false
    callee = inner as AnyNode
  }
  return GROUPS.has(callee.name)
}

/** Parameters, not counting `this`. */
function parameterCount(node: AnyNode): number {
  const params = node['params'] as readonly AnyNode[]
  return params.filter((each) => each['name'] !== 'this').length
}

function isException(path: string, parent: AnyNode | undefined): boolean {
  const key = parent?.['key'] as AnyNode | undefined
  if (key?.['name'] === 'constructor') return /(^|\/)errors\.ts$/.test(path)
  return CONTROL_MESSAGES.has(String(key?.['name']))
}
