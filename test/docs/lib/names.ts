/**
 * The names that a package offers, read from its entry points.
 *
 * Follows re-exports from file to file; what a name means is left to the compiler. Invariant: a name that only exists as a
 * type is told apart, as a guide need not tell of each of them.
 */
import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { type AnyNode, parseSource, ROOT } from '../../architecture/rules/source.js'

/** Names by what they are: true for those that exist when the program runs. */
export type PublicNames = ReadonlyMap<string, boolean>

/** The names of one entry point, by the path of its source below the workspace. */
export function namesOf(path: string): PublicNames {
  const names = new Map<string, boolean>()
  const { program } = parseSource(path, readFileSync(join(ROOT, path), 'utf8'))
  for (const statement of program.body as readonly AnyNode[]) {
    if (statement.type === 'ExportAllDeclaration') {
      for (const [name, isValue] of namesOf(sourceOf(path, statement))) names.set(name, isValue)
    } else if (statement.type === 'ExportNamedDeclaration') addNamed(names, statement)
  }
  return names
}

function addNamed(names: Map<string, boolean>, statement: AnyNode): void {
  const isType = statement['exportKind'] === 'type'
  for (const each of statement['specifiers'] as readonly AnyNode[]) {
    const name = String((each['exported'] as AnyNode)['name'])
    names.set(name, names.get(name) === true || !(isType || each['exportKind'] === 'type'))
  }
  const declaration = statement['declaration'] as AnyNode | null
  if (declaration === null) return
  const isValue = !/^TS(Interface|TypeAlias)/.test(declaration.type)
  const declared = (declaration['declarations'] as readonly AnyNode[] | undefined) ?? [declaration]
  for (const each of declared) {
    const name = String((each['id'] as AnyNode)['name'])
    names.set(name, names.get(name) === true || isValue)
  }
}

function sourceOf(path: string, statement: AnyNode): string {
  const specifier = String((statement['source'] as AnyNode)['value'])
  return posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts')
}

/** The entry points of the packages that have sources: the paths of their files, by what one imports. */
export function entryPoints(packages: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const name of packages) {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8')) as {
      readonly exports: Readonly<Record<string, { readonly source: string }>>
    }
    for (const [entry, { source }] of Object.entries(manifest.exports)) {
      found.set(posix.join(`@vio/${name}`, entry), posix.join('packages', name, source))
    }
  }
  return found
}
