/**
 * The layers inside `packages/io`, the files that may use Node's own modules, and cycles.
 *
 * A file imports its own layer and those below. An import for types only counts for the layers like any other; for
 * cycles it does not, as it is gone when the program runs.
 */
import { edgesOf, packageOf, pathInPackage, resolveRelative } from './edges.js'
import { type Finding, parseSource, type SourceText } from './source.js'

/** The files of io that depend on nothing in io but each other. */
export const IO_LEAVES: readonly string[] = [
  'errors',
  'limit',
  'byte-buffer',
  'chunk-ring',
  'message-queue',
  'peer',
  'datagram',
  'control',
  'half-close',
  'memory-loans',
  'release-memory',
]

/** Layers of io from below; a file belongs to the first that matches. */
const IO_LAYERS: readonly { readonly name: string; readonly files: RegExp }[] = [
  { name: 'leaf', files: new RegExp(`^(${IO_LEAVES.join('|')})\\.ts$`) },
  { name: 'types', files: /^types\.ts$/ },
  { name: 'chain', files: /^(chain\/.*|index\.ts)$/ },
  { name: 'filter', files: /^filter\// },
  { name: 'node', files: /^node\// },
  { name: 'facade', files: /^facade\// },
  { name: 'rx', files: /^rx\.ts$/ },
  { name: 'testing', files: /^testing\// },
]

/** Each control message names the types of a chain, and each type has a control: told by types only. */
const IO_EXCEPTIONS: readonly { readonly from: string; readonly to: string }[] = [
  { from: 'control.ts', to: 'types.ts' },
]

/** The files that may import `node:*`, by package; a package that is not named may do so anywhere. */
const NODE_FILES: Readonly<Record<string, RegExp>> = {
  reactor: /^(node-host|worker-port|descriptor|random|log-watchers)\.ts$|^testing\//,
  io: /^(node|facade)\//,
  vudp: /^(driver|testing)\//,
  nat: /^(driver|testing)\//,
}

/** Breaches of the layers of io. */
export function checkIoLayers(path: string, source: string): Finding[] {
  if (packageOf(path) !== 'io') return []
  const inside = pathInPackage(path) ?? ''
  const own = layerOf(inside)
  if (own === -1)
    return [{ path, line: 1, message: 'belongs to no layer of io: move it or name it in layers.ts' }]
  const findings: Finding[] = []
  for (const edge of edgesOf(parseSource(path, source))) {
    const target = pathInPackage(resolveRelative(path, edge.specifier) ?? '')
    if (target === undefined || layerOf(target) <= own) continue
    const excepted = IO_EXCEPTIONS.some(({ from, to }) => from === inside && to === target)
    if (excepted && edge.typeOnly) continue
    const [from, to] = [IO_LAYERS[own]?.name, IO_LAYERS[layerOf(target)]?.name]
    findings.push({
      path,
      line: edge.line,
      message: `${from} imports ${edge.specifier} of the layer ${to} above it`,
    })
  }
  return findings
}

/** Imports of Node's modules where there may be none, or without `node:`. */
export function checkNodeImports(path: string, source: string): Finding[] {
  const name = packageOf(path)
  if (name === undefined) return []
  const allowed = NODE_FILES[name]?.test(pathInPackage(path) ?? '') ?? true
  const findings: Finding[] = []
  for (const { specifier, line } of edgesOf(parseSource(path, source))) {
    if (specifier.startsWith('node:') && !allowed) {
      findings.push({ path, line, message: `imports ${specifier}: ${name} keeps Node's modules elsewhere` })
    }
  }
  return findings
}

/** Cycles of imports that remain when the types are gone; each is told once, at the first of its files. */
export function checkCycles(sources: readonly SourceText[]): Finding[] {
  const graph = new Map<string, string[]>()
  for (const { path, source } of sources) {
    const targets = edgesOf(parseSource(path, source))
      .filter((edge) => !edge.typeOnly)
      .map((edge) => resolveRelative(path, edge.specifier))
    graph.set(
      path,
      targets.filter((target) => target !== undefined),
    )
  }
  const findings: Finding[] = []
  const done = new Set<string>()
  for (const path of graph.keys()) visit(path, [], graph, { done, findings })
  return findings
}

interface CycleSearch {
  readonly done: Set<string>
  readonly findings: Finding[]
}

function visit(
  path: string,
  road: readonly string[],
  graph: Map<string, string[]>,
  search: CycleSearch,
): void {
  const seenAt = road.indexOf(path)
  if (seenAt !== -1) {
    const message = `imports itself by way of ${[...road.slice(seenAt), path].join(' -> ')}`
    search.findings.push({ path, line: 1, message })
    return
  }
  if (search.done.has(path)) return
  for (const next of graph.get(path) ?? []) visit(next, [...road, path], graph, search)
  search.done.add(path)
}

function layerOf(inside: string): number {
  return IO_LAYERS.findIndex(({ files }) => files.test(inside))
}
