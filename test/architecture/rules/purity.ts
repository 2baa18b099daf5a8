/**
 * The parts that may know no clock, no chance and no waiting.
 *
 * Chains, filters and the reactor's own bookkeeping run inside a turn and take time and chance as arguments, so that
 * simulated time replays them exactly. What they may not name is a list of globals and some syntax; a local name equal
 * to one of the globals is refused as well, for the reader's sake.
 */
import { edgesOf, packageOf, pathInPackage } from './edges.js'
import { IO_LEAVES } from './layers.js'
import { type AnyNode, type Finding, findingAt, parseSource, walk } from './source.js'

/** Files that are pure, by package. */
const PURE: Readonly<Record<string, RegExp>> = {
  reactor:
    /^(timer-.*|slot-heap|ready-set|call-queue|task-queue|scheduled-call|stream-watch|log|log-format)\.ts$/,
  io: new RegExp(`^(chain|filter)/|^(${IO_LEAVES.join('|')}|types)\\.ts$`),
  vudp: /^(machine\.ts|proto\/.*)$/,
  nat: /^(?!driver\/|testing\/)/,
}

/** Globals that a pure file does not name, neither as a value nor as a type. */
const FORBIDDEN = new Set([
  'Date',
  'Promise',
  'crypto',
  'globalThis',
  'performance',
  'process',
  'queueMicrotask',
  'setImmediate',
  'setInterval',
  'setTimeout',
])

/**
 * Files that may wait, but ask nobody for the time or for chance: they promise things to the application, and take both
 * from a reactor all the same.
 */
const TIMELESS: Readonly<Record<string, RegExp>> = {
  reactor: /^(?!(node-host|worker-port|random|log-watchers)\.ts$|testing\/)/,
  io: /^/,
  vudp: /^(?!testing\/)/,
  nat: /^(?!testing\/)/,
  styles: /^/,
}

/** Syntax and names that a timeless file may have. */
const WAITING = new Set(['Promise', 'await', 'import()', 'for await', 'await using', 'an async function'])

/** True for a file that takes time and chance from elsewhere. */
export function isTimeless(path: string): boolean {
  const name = packageOf(path)
  return name !== undefined && (TIMELESS[name]?.test(pathInPackage(path) ?? '') ?? false)
}

/** True for a file that has to be pure. */
export function isPure(path: string): boolean {
  const name = packageOf(path)
  return name !== undefined && (PURE[name]?.test(pathInPackage(path) ?? '') ?? false)
}

/** Breaches of purity, and in a file that is timeless only, of what it may not ask for. */
export function checkPurity(path: string, source: string): Finding[] {
  const pure = isPure(path)
  if (!pure && !isTimeless(path)) return []
  const kind = pure ? 'pure' : 'timeless'
  const parsed = parseSource(path, source)
  const findings: Finding[] = []
  for (const { specifier, line } of edgesOf(parsed)) {
    const forbidden = pure ? /^node:/ : /^node:(timers|perf_hooks)/
    if (forbidden.test(specifier))
      findings.push({ path, line, message: `a ${kind} file imports ${specifier}` })
  }
  walk(parsed.program, (node, parent) => {
    const fault = faultOf(node, parent)
    if (fault === undefined || (!pure && WAITING.has(fault))) return
    findings.push(findingAt(parsed, node.start, `a ${kind} file has ${fault}`))
  })
  return findings
}

function faultOf(node: AnyNode, parent: AnyNode | undefined): string | undefined {
  switch (node.type) {
    case 'Identifier':
      return nameFault(node, node.name, parent)
    case 'MemberExpression':
      return isMathRandom(node) ? 'Math.random' : undefined
    case 'AwaitExpression':
      return 'await'
    case 'ImportExpression':
      return 'import()'
    case 'ForOfStatement':
      return node.await ? 'for await' : undefined
    case 'VariableDeclaration':
      return node.kind === 'await using' ? 'await using' : undefined
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return node.async ? 'an async function' : undefined
    default:
      return undefined
  }
}

function nameFault(node: AnyNode, name: string, parent: AnyNode | undefined): string | undefined {
  if (isKey(node, parent)) return undefined
  // `const { random } = Math` is a road to chance as well.
  if (name === 'Math' && parent?.type !== 'MemberExpression') return 'Math as a value'
  return FORBIDDEN.has(name) ? name : undefined
}

/** A name that stands for a member of something, not for the global: `this.process`, `{ crypto: 1 }`. */
function isKey(node: AnyNode, parent: AnyNode | undefined): boolean {
  if (parent === undefined || parent['computed'] === true) return false
  return parent['property'] === node || parent['key'] === node
}

function isMathRandom(node: AnyNode): boolean {
  const object = node['object'] as AnyNode
  if (object.type !== 'Identifier' || object['name'] !== 'Math') return false
  const property = node['property'] as AnyNode
  return property['name'] === 'random' || property['value'] === 'random'
}
