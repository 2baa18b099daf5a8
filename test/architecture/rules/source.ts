/**
 * What every rule of this folder looks at: a parsed source, and how to walk it.
 *
 * Rules are functions of a path and a text, so that a test can plant a violation in memory. Paths are relative to
 * the workspace, with `/`. Invariant: a rule sees syntax, never words in a text or a comment, unless comments are its topic.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Comment, type Node, parseSync, visitorKeys } from 'oxc-parser'

/** A breach of a rule. */
export interface Finding {
  readonly path: string
  readonly line: number
  readonly message: string
}

/** A source text by its path. */
export interface SourceText {
  readonly path: string
  readonly source: string
}

/** A parsed source text. */
export interface ParsedSource extends SourceText {
  readonly program: Node & { readonly body: readonly Node[] }
  readonly comments: readonly Comment[]
  /** The line of an offset, from 1. */
  readonly lineOf: (offset: number) => number
}

/** A node of any type, its fields by name. Rules check `type` before they read more. */
export type AnyNode = Node & Readonly<Record<string, unknown>>

/** The workspace's root folder. */
export const ROOT: string = fileURLToPath(new URL('../../..', import.meta.url))

/** Parses a source. Throws when it has a syntax error. */
export function parseSource(path: string, source: string): ParsedSource {
  const { program, comments, errors } = parseSync(path, source, { sourceType: 'module' })
  const [error] = errors
  if (error !== undefined) throw new SyntaxError(`${path}: ${error.message}`)
  const lineStarts = [0]
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) lineStarts.push(at + 1)
  const lineOf = (offset: number): number => {
    const next = lineStarts.findIndex((start) => start > offset)
    return next === -1 ? lineStarts.length : next
  }
  return { path, source, program, comments, lineOf }
}

/** Calls `visit` for every node below `root`, itself included, with the node above it. */
export function walk(root: Node, visit: (node: AnyNode, parent: AnyNode | undefined) => void): void {
  const step = (node: AnyNode, parent: AnyNode | undefined): void => {
    visit(node, parent)
    for (const child of childrenOf(node)) step(child, node)
  }
  step(root as AnyNode, undefined)
}

/** The nodes directly below a node, in the order of the source. */
export function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = []
  for (const key of visitorKeys[node.type] ?? []) {
    const value = node[key]
    for (const each of Array.isArray(value) ? value : [value]) if (isNode(each)) children.push(each)
  }
  return children
}

/** The finding of a node. */
export function findingAt(parsed: ParsedSource, offset: number, message: string): Finding {
  return { path: parsed.path, line: parsed.lineOf(offset), message }
}

/** Findings as lines to read, `path:line message`; what tests compare with the empty list. */
export function readable(findings: readonly Finding[]): string[] {
  return findings.map(({ path, line, message }) => `${path}:${line} ${message}`)
}

/** Reads every source below the given folders of the workspace whose name ends in one of `endings`. */
export function readSources(folders: readonly string[], endings: readonly string[] = ['.ts']): SourceText[] {
  const found: SourceText[] = []
  for (const folder of folders) {
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      const path = relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join('/')
      if (!entry.isFile() || !endings.some((ending) => path.endsWith(ending)) || isForeign(path)) continue
      found.push({ path, source: readFileSync(join(ROOT, path), 'utf8') })
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** The packages that have sources: the names of their folders. */
export function packageNames(): string[] {
  const folders = readdirSync(join(ROOT, 'packages'), { withFileTypes: true })
  return folders.filter((entry) => entry.isDirectory() && hasSources(entry.name)).map((entry) => entry.name)
}

/** Reads the sources of all packages. */
export function readPackages(): SourceText[] {
  return readSources(packageNames().map((name) => `packages/${name}/src`))
}

function hasSources(name: string): boolean {
  return readdirSync(join(ROOT, 'packages', name)).includes('src')
}

/** Built, fetched or recorded, not written here. */
function isForeign(path: string): boolean {
  return (
    /(^|\/)(node_modules|dist|corpus)\//.test(path) ||
    path.startsWith('test/vectors/') ||
    path.startsWith('test/lab/')
  )
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}
