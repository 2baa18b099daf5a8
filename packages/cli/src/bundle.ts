/**
 * `runBundle`: the command out of its bundle.
 *
 * Decides how the files of the bundle are loaded: each is a script, which V8 is given with what the build has kept of
 * compiling it. Invariant: what was kept is left aside where it is older than its script, was made by another V8, or is
 * refused by this one; the script itself is what is run.
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

// To import the names of these two would load more: all that the module of files has, for one.
const files = process.getBuiltinModule('node:fs')
const vm = process.getBuiltinModule('node:vm')

/** What a file of the bundle gives. */
type Exports = Readonly<Record<string, unknown>>

/** Where, beside the scripts, is what was kept for this V8. */
export function codeFolder(): string {
  return `code-${process.versions.v8}-${process.arch}`
}

/** Runs `main`, a file of the bundle, which loads the others as it needs them. */
export function runBundle(main: URL): void {
  const folder = fileURLToPath(new URL('./', main))
  const loaded = new Map<string, { exports: Exports }>()
  const elsewhere = createRequire(main)

  const load = (name: string): Exports => {
    const there = loaded.get(name)
    if (there !== undefined) return there.exports
    const module = { exports: {} }
    loaded.set(name, module)
    const path = folder + name
    const run = compile(path, `${folder}${codeFolder()}/${name}`)
    run(module.exports, find, module, path, folder.slice(0, -1))
    return module.exports
  }
  const find = (name: string): unknown =>
    name.startsWith('./') ? load(name.slice(2)) : (process.getBuiltinModule(name) ?? elsewhere(name))

  load(main.pathname.slice(main.pathname.lastIndexOf('/') + 1))
}

/** A file as the function that Node makes of it, too. */
function compile(path: string, kept: string): (...given: readonly unknown[]) => void {
  const text = files.readFileSync(path, 'utf8')
  const cachedData = timeOf(kept) < timeOf(path) ? undefined : files.readFileSync(kept)
  const script = new vm.Script(`(function (exports, require, module, __filename, __dirname) {${text}\n})`, {
    filename: path,
    ...(cachedData === undefined ? {} : { cachedData }),
  })
  return script.runInThisContext()
}

/** When a file was written, in milliseconds; 0 if there is none. */
function timeOf(file: string): number {
  return files.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
