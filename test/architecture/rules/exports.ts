/**
 * What a package offers: documented names, entry points without logic, and a manifest that agrees with the sources.
 */
import { pathInPackage } from './edges.js'
import { type AnyNode, type Finding, findingAt, type ParsedSource, parseSource } from './source.js'
import { docText, isDoc } from './style.js'

/** As much of a package's manifest as the rules read. */
export interface Manifest {
  readonly sideEffects?: unknown
  readonly type?: unknown
  readonly files?: readonly string[]
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly publishConfig?: { readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>> }
}

/** Exported declarations without a doc comment. */
export function checkDocs(path: string, source: string): Finding[] {
  const parsed = parseSource(path, source)
  const findings: Finding[] = []
  const documented = new Set<string>()
  for (const statement of parsed.program.body as readonly AnyNode[]) {
    if (statement.type !== 'ExportNamedDeclaration' || statement['declaration'] === null) continue
    const names = declaredNames(statement['declaration'] as unknown as AnyNode)
    const doc = hasDoc(parsed, statement)
    for (const name of names) {
      // The first of several overloads, or of a type and a value of one name, speaks for all.
      if (doc) documented.add(name)
      else if (!documented.has(name))
        findings.push(findingAt(parsed, statement.start, `${name} has no doc comment`))
    }
  }
  return findings
}

/** Names that an entry point declares itself: an `index.ts` passes names on and does nothing else. */
export function checkIndex(path: string, source: string): Finding[] {
  if (!/(^|\/)index\.ts$/.test(pathInPackage(path) ?? '')) return []
  const parsed = parseSource(path, source)
  return parsed.program.body
    .filter((statement) => !isReExport(statement as AnyNode))
    .map((statement) =>
      findingAt(parsed, statement.start, `an entry point has a ${statement.type}: names only`),
    )
}

/**
 * Faults of a manifest: what it lacks for a tree of modules, and entry points that lead nowhere. `exists` tells whether
 * the package has a file, by its path below the package.
 */
export function checkManifest(
  path: string,
  manifest: Manifest,
  exists: (path: string) => boolean,
): Finding[] {
  const faults: string[] = []
  if (manifest.type !== 'module') faults.push('type is not "module"')
  if (manifest.sideEffects !== false) faults.push('sideEffects is not false')
  if (!manifest.files?.includes('dist')) faults.push('files does not name dist')
  for (const [entry, targets] of Object.entries(manifest.exports ?? {})) {
    faults.push(...targetFaults(entry, targets, exists))
    const published = { ...targets }
    delete published['source']
    if (JSON.stringify(manifest.publishConfig?.exports?.[entry]) !== JSON.stringify(published)) {
      faults.push(`publishConfig.exports["${entry}"] differs from exports["${entry}"] without source`)
    }
  }
  for (const entry of Object.keys(manifest.publishConfig?.exports ?? {})) {
    if (manifest.exports?.[entry] === undefined)
      faults.push(`publishConfig.exports["${entry}"] is not in exports`)
  }
  if (manifest.exports?.['.'] === undefined) faults.push('exports has no "."')
  return faults.map((message) => ({ path, line: 1, message }))
}

/** Entry files (`index.ts`, `rx.ts`) that the manifest's `exports` leave out. */
export function checkEntries(path: string, manifest: Manifest, files: readonly string[]): Finding[] {
  const offered = Object.values(manifest.exports ?? {}).map((targets) => targets['source'])
  return files
    .filter((file) => /^src\/([^/]+\/)?(index|rx)\.ts$/.test(file) && !offered.includes(`./${file}`))
    .map((file) => ({ path, line: 1, message: `${file} is an entry point that exports leave out` }))
}

function targetFaults(
  entry: string,
  targets: Readonly<Record<string, string>>,
  exists: (path: string) => boolean,
): string[] {
  const { source, types, default: main } = targets
  if (Object.keys(targets).join() !== 'source,types,default') {
    return [`exports["${entry}"] needs source, types, default in this order`]
  }
  if (source === undefined || !exists(source))
    return [`exports["${entry}"] leads to ${source}, which is not there`]
  const built = source.replace('./src/', './dist/')
  if (types === built.replace(/\.ts$/, '.d.ts') && main === built.replace(/\.ts$/, '.js')) return []
  return [`exports["${entry}"]: types and default are not what is built from ${source}`]
}

/** True when a doc comment with words stands right before a statement. */
function hasDoc(parsed: ParsedSource, statement: AnyNode): boolean {
  const before = parsed.comments.filter((comment) => comment.end <= statement.start).at(-1)
  if (before === undefined || !isDoc(before) || docText(before) === '') return false
  if (parsed.source.slice(before.end, statement.start).trim() !== '') return false
  // The first comment of a file is the file's; a declaration that follows it needs its own.
  return before !== parsed.comments[0]
}

function declaredNames(declaration: AnyNode): string[] {
  if (declaration.type === 'VariableDeclaration') {
    return declaration.declarations.map(({ id }) => String((id as AnyNode)['name'] ?? 'a pattern'))
  }
  return [String((declaration['id'] as AnyNode | undefined)?.['name'] ?? declaration.type)]
}

function isReExport(statement: AnyNode): boolean {
  if (statement.type === 'ExportAllDeclaration') return true
  return statement.type === 'ExportNamedDeclaration' && statement['source'] !== null
}
