/**
 * The imports of a source, of every kind, and what a relative one leads to.
 */
import { posix } from 'node:path'
import { type AnyNode, type ParsedSource, walk } from './source.js'

/** One import, re-export, dynamic import or imported type. */
export interface ImportEdge {
  readonly specifier: string
  readonly line: number
  /** Nothing of it is left when the types are gone. */
  readonly typeOnly: boolean
}

/** What an import specifier refers to. */
export interface VioSpecifier {
  /** Name of the package: `io`. */
  readonly name: string
  /** The entry point: `.` or `./filter`. */
  readonly entry: string
}

/** The imports of a source in order. */
export function edgesOf(parsed: ParsedSource): ImportEdge[] {
  const edges: ImportEdge[] = []
  walk(parsed.program, (node) => {
    const specifier = specifierOf(node)
    if (specifier !== undefined) {
      edges.push({ specifier, line: parsed.lineOf(node.start), typeOnly: isTypeOnly(node) })
    }
  })
  return edges
}

/** The workspace path a relative specifier leads to, as `.ts`; undefined for any other specifier. */
export function resolveRelative(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts')
}

/** Splits `@vio/io/filter`; undefined for what is not of this project. */
export function vioSpecifier(specifier: string): VioSpecifier | undefined {
  const [, name, entry] = /^@vio\/([^/]+)(\/.*)?$/.exec(specifier) ?? []
  return name === undefined ? undefined : { name, entry: `.${entry ?? ''}` }
}

/** The package a path lies in, or undefined outside of `packages/`. */
export function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1]
}

/** A path below its package's `src/`, or undefined. */
export function pathInPackage(path: string): string | undefined {
  return /^packages\/[^/]+\/src\/(.*)$/.exec(path)?.[1]
}

function specifierOf(node: AnyNode): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return literalOf(node['source'])
    case 'CallExpression':
      return isRequire(node['callee']) ? literalOf((node['arguments'] as readonly unknown[])[0]) : undefined
    default:
      return undefined
  }
}

/** `require('x')` and `require.resolve('x')`, whatever made the function. */
function isRequire(callee: unknown): boolean {
  const node = callee as AnyNode
  const target = node.type === 'MemberExpression' ? (node['object'] as AnyNode) : node
  return target.type === 'Identifier' && target['name'] === 'require'
}

function literalOf(node: unknown): string | undefined {
  const value = (node as { value?: unknown } | null | undefined)?.value
  return typeof value === 'string' ? value : undefined
}

/** `import { type A }` still loads its module (verbatimModuleSyntax), so only the keyword in front counts. */
function isTypeOnly(node: AnyNode): boolean {
  return node.type === 'TSImportType' || node['importKind'] === 'type' || node['exportKind'] === 'type'
}
