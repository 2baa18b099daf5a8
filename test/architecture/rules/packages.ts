/**
 * Who may import whom among the packages, as data (docs/architecture.md tells it in words), and the rules that read it.
 *
 * A package is imported by its entry points only. A source inside a package stays inside it with relative imports.
 * Packages that do not exist yet are named, so that they find their place taken when they come.
 */
import { edgesOf, type ImportEdge, packageOf, pathInPackage, resolveRelative, vioSpecifier } from './edges.js'
import { type Finding, parseSource } from './source.js'

/** What one package may import of the others. */
interface PackageRule {
  /** Packages that every file may import. */
  readonly imports: readonly string[]
  /** Further packages for the files that match. */
  readonly except?: readonly { readonly files: RegExp; readonly imports: readonly string[] }[]
  /** Its entry points. A package whose entry points are many takes any. */
  readonly entries: readonly string[] | 'any'
}

const PACKAGES: Readonly<Record<string, PackageRule>> = {
  native: { imports: [], entries: ['.'] },
  reactor: {
    imports: [],
    except: [{ files: /^descriptor\.ts$/, imports: ['native'] }],
    entries: ['.', './testing', './rx'],
  },
  io: { imports: ['reactor'], entries: ['.', './filter', './node', './facade', './rx', './testing'] },
  sock: {
    imports: ['reactor', 'io'],
    except: [{ files: /(batch-port|device)\.ts$|^native-/, imports: ['native'] }],
    entries: ['.', './testing'],
  },
  pipe: { imports: ['reactor', 'io', 'native'], entries: ['.', './testing'] },
  vudp: {
    imports: ['reactor', 'io'],
    except: [
      { files: /^driver\/open\.ts$/, imports: ['sock'] },
      { files: /^driver\/crypto\.ts$/, imports: ['native'] },
    ],
    entries: ['.', './testing'],
  },
  nat: {
    imports: ['reactor', 'io', 'vudp'],
    except: [{ files: /^driver\//, imports: ['sock'] }],
    entries: ['.', './testing'],
  },
  styles: { imports: ['reactor', 'io', 'sock', 'pipe'], entries: 'any' },
  cli: { imports: ['native', 'reactor', 'io', 'sock', 'pipe', 'vudp', 'nat', 'styles'], entries: ['.'] },
}

/** The only packages from outside that a source may name, and where. Builtins have a rule of their own. */
const OUTSIDE: readonly { readonly name: string; readonly files: RegExp }[] = [
  { name: 'rxjs', files: /(^|\/)rx\.ts$/ },
  { name: 'koffi', files: /^load\.ts$/ },
  { name: '@noble', files: /^pake\.ts$/ },
  { name: 'ws', files: /^driver\// },
  { name: 'uqr', files: /^view\/qr\.ts$/ },
]

/** Breaches of the order of the packages, their entry points and the packages from outside. */
export function checkPackageImports(path: string, source: string): Finding[] {
  const own = packageOf(path)
  const findings: Finding[] = []
  for (const edge of edgesOf(parseSource(path, source))) {
    const message = own === undefined ? outsiderFault(path, edge) : packageFault(own, path, edge)
    if (message !== undefined) findings.push({ path, line: edge.line, message })
  }
  return findings
}

/** For benches and examples: they import what they like, by its entry points. Tests may reach inside by a path. */
function outsiderFault(path: string, edge: ImportEdge): string | undefined {
  const vio = vioSpecifier(edge.specifier)
  if (vio !== undefined) return entryFault(edge.specifier, vio.name, vio.entry)
  const reachesIn = /(^|\/)packages\//.test(edge.specifier) && !path.startsWith('test/')
  return reachesIn ? `imports ${edge.specifier}: use the package's entry point` : undefined
}

function packageFault(own: string, path: string, edge: ImportEdge): string | undefined {
  const { specifier } = edge
  const target = resolveRelative(path, specifier)
  if (target !== undefined) {
    return packageOf(target) === own
      ? testingFault(path, target, specifier)
      : `${specifier} leads out of the package`
  }
  if (specifier.startsWith('node:')) return undefined
  const vio = vioSpecifier(specifier)
  if (vio === undefined) return outsideFault(path, specifier)
  if (vio.name === own) return `imports its own package as ${specifier}: use a relative path`
  const rule = PACKAGES[own]
  if (rule === undefined)
    return `package ${own} has no place in the order of packages: give it one in packages.ts`
  const inside = pathInPackage(path) ?? ''
  const special =
    rule.except?.filter(({ files }) => files.test(inside)).flatMap(({ imports }) => imports) ?? []
  if (![...rule.imports, ...special].includes(vio.name)) return `${own} may not import ${specifier} here`
  return entryFault(specifier, vio.name, vio.entry) ?? specialEntryFault(inside, specifier, vio.entry)
}

function entryFault(specifier: string, name: string, entry: string): string | undefined {
  const rule = PACKAGES[name]
  if (rule === undefined) return `${specifier}: there is no package ${name}`
  if (rule.entries === 'any' || rule.entries.includes(entry)) return undefined
  return `${specifier} is no entry point of ${name} (${rule.entries.join(', ')})`
}

/** `testing` is for tests and the `testing` of others; `rx` for what needs rxjs anyway. */
function specialEntryFault(inside: string, specifier: string, entry: string): string | undefined {
  if (entry === './testing' && !isTesting(inside)) return `${specifier} is for tests and testing folders only`
  if (entry === './rx' && !/(^|\/)rx\.ts$/.test(inside)) return `${specifier} is for rx.ts files only`
  return undefined
}

function testingFault(path: string, target: string, specifier: string): string | undefined {
  const [from, to] = [pathInPackage(path) ?? '', pathInPackage(target) ?? '']
  if (isTesting(to) && !isTesting(from))
    return `${specifier} is testing: nothing outside of testing imports it`
  if (/(^|\/)rx\.ts$/.test(to)) return `${specifier} would make this file need rxjs`
  return undefined
}

function outsideFault(path: string, specifier: string): string | undefined {
  const inside = pathInPackage(path) ?? ''
  const name = specifier.split('/')[0]
  const rule = OUTSIDE.find((each) => each.name === name)
  if (rule === undefined) return `imports ${specifier}: no package of this project depends on it`
  return rule.files.test(inside) ? undefined : `imports ${specifier}, which is for ${rule.files.source} only`
}

function isTesting(inside: string): boolean {
  return inside.startsWith('testing/')
}
