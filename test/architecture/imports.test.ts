/**
 * Who imports whom: packages, layers of io, Node's modules, cycles. Each rule is shown to fail on a planted breach.
 */
import { describe, expect, it } from 'vitest'
import { checkCycles, checkIoLayers, checkNodeImports } from './rules/layers.js'
import { checkPackageImports } from './rules/packages.js'
import { readable, readPackages, readSources } from './rules/source.js'

const packages = readPackages()
const everything = [...packages, ...readSources(['test', 'bench', 'examples'])]

describe('packages import each other in their order and by their entry points', () => {
  it('holds for every source', () => {
    expect(packages.length).toBeGreaterThan(10)
    expect(readable(everything.flatMap(({ path, source }) => checkPackageImports(path, source)))).toEqual([])
  })

  it.each([
    [
      'a package above',
      'packages/reactor/src/log.ts',
      "import { x } from '@vio/io'",
      'reactor may not import @vio/io',
    ],
    [
      'a sibling',
      'packages/sock/src/tcp.ts',
      "import { x } from '@vio/pipe'",
      'sock may not import @vio/pipe',
    ],
    [
      'a special file only',
      'packages/vudp/src/driver/pump.ts',
      "import '@vio/sock'",
      'vudp may not import @vio/sock',
    ],
    [
      'an inner file',
      'packages/io/src/chain/pair.ts',
      "export * from '@vio/reactor/log'",
      'no entry point of reactor',
    ],
    ['an unknown package', 'test/io/x.test.ts', "import '@vio/iO'", 'there is no package iO'],
    [
      'an inner file from a bench',
      'bench/src/x.ts',
      "import '../../packages/io/src/limit.js'",
      'entry point',
    ],
    ['itself by name', 'packages/io/src/chain/pair.ts', "import '@vio/io/filter'", 'imports its own package'],
    [
      'out of the package',
      'packages/io/src/types.ts',
      "import '../../reactor/src/log.js'",
      'leads out of the package',
    ],
    ['rxjs', 'packages/io/src/chain/pair.ts', "import type { X } from 'rxjs'", 'imports rxjs, which is for'],
    ['rx.ts', 'packages/io/src/index.ts', "export * from './rx.js'", 'would make this file need rxjs'],
    [
      "another package's rx",
      'packages/io/src/index.ts',
      "export * from '@vio/reactor/rx'",
      'for rx.ts files only',
    ],
    [
      'testing',
      'packages/io/src/chain/pair.ts',
      "import '../testing/probe.js'",
      'nothing outside of testing',
    ],
    [
      "another package's testing",
      'packages/io/src/facade/x.ts',
      "import '@vio/reactor/testing'",
      'for tests and',
    ],
    [
      'an outside package',
      'packages/io/src/chain/pair.ts',
      "const x = await import('lodash')",
      'imports lodash',
    ],
    ['a required package', 'packages/reactor/src/x.ts', "require('koffi')", 'imports koffi, which is for'],
    [
      'a type in place',
      'packages/reactor/src/x.ts',
      "export type X = import('@vio/io').Y",
      'reactor may not import',
    ],
  ])('fails on %s', (_, path, source, message) => {
    const findings = readable(checkPackageImports(path, source))
    expect(findings).toHaveLength(1)
    expect(findings[0]).toContain(message)
  })

  it.each([
    ['packages/io/src/testing/probe.ts', "import { VirtualHost } from '@vio/reactor/testing'"],
    ['packages/io/src/rx.ts', "import { map } from 'rxjs'\nimport { V } from '@vio/reactor/rx'"],
    ['packages/vudp/src/driver/open.ts', "import { V } from '@vio/sock'"],
    ['test/io/limit.test.ts', "import '../../packages/io/src/limit.js'"],
    ['packages/reactor/src/descriptor.ts', "import { V } from '@vio/native'"],
  ])('lets %s do what is its place to do', (path, source) => {
    expect(checkPackageImports(path, source)).toEqual([])
  })
})

describe('io is layered', () => {
  it('holds for every source', () => {
    expect(readable(packages.flatMap(({ path, source }) => checkIoLayers(path, source)))).toEqual([])
  })

  it.each([
    [
      'a leaf that imports a chain',
      'limit.ts',
      "import { x } from './chain/pair.js'",
      'leaf imports ./chain/pair.js',
    ],
    ['a type of a layer above', 'types.ts', "import type { x } from './filter/filter.js'", 'types imports'],
    [
      'a chain that imports a filter',
      'chain/pair.ts',
      "export { x } from '../filter/tap.js'",
      'chain imports',
    ],
    ['a filter that imports node/', 'filter/tap.ts', "import '../node/compress.js'", 'filter imports'],
    [
      'a value where a type is excepted',
      'control.ts',
      "import { x } from './types.js'",
      'leaf imports ./types.js',
    ],
    ['an index that imports a facade', 'index.ts', "export * from './facade/stream.js'", 'chain imports'],
    ['a file without a layer', 'odds-and-ends.ts', '', 'belongs to no layer'],
  ])('fails on %s', (_, file, source, message) => {
    const findings = readable(checkIoLayers(`packages/io/src/${file}`, source))
    expect(findings).toHaveLength(1)
    expect(findings[0]).toContain(message)
  })
})

describe("Node's modules are imported where they belong", () => {
  it('holds for every source', () => {
    expect(readable(packages.flatMap(({ path, source }) => checkNodeImports(path, source)))).toEqual([])
  })

  it.each([
    'packages/reactor/src/log.ts',
    'packages/io/src/chain/pair.ts',
    'packages/io/src/rx.ts',
    'packages/io/src/testing/probe.ts',
    'packages/vudp/src/proto/seal.ts',
    'packages/nat/src/puncher.ts',
  ])('fails on %s', (path) => {
    expect(checkNodeImports(path, "import type { Socket } from 'node:net'")).toHaveLength(1)
  })

  it.each([
    'packages/reactor/src/node-host.ts',
    'packages/io/src/facade/duplex.ts',
    'packages/sock/src/tcp.ts',
  ])('allows them in %s', (path) => {
    expect(checkNodeImports(path, "import { Socket } from 'node:net'")).toEqual([])
  })
})

describe('no file imports itself by way of others', () => {
  it('holds for every source', () => {
    expect(readable(checkCycles(everything))).toEqual([])
  })

  it('fails on a cycle of three, and not when one of its imports is for types', () => {
    const [a, b] = ['packages/io/src/chain/a.ts', 'packages/io/src/chain/b.ts']
    const c = { path: 'packages/io/src/chain/c.ts', source: "export * from './a.js'" }
    const first = { path: a, source: "import { x } from './b.js'" }
    const cycle = checkCycles([first, { path: b, source: "import './c.js'" }, c])
    expect(readable(cycle)).toEqual([`${a}:1 imports itself by way of ${a} -> ${b} -> ${c.path} -> ${a}`])
    expect(checkCycles([first, { path: b, source: "import type { y } from './c.js'" }, c])).toEqual([])
    expect(checkCycles([first, { path: b, source: "import { type y } from './c.js'" }, c])).toHaveLength(1)
  })
})
