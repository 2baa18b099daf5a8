/**
 * The way to the system: koffi and the symbols of the running process. The only file that names koffi.
 *
 * Decides whether there is a way at all and, if not, why not. What is called through it, and whether it answers as it
 * should, is proved by the capabilities. Invariant: nothing is loaded before the first question, and the answer to
 * it stays the same for the life of the thread.
 */
import { createRequire } from 'node:module'

/** A function of the system, called with values that were checked before. */
export type NativeFunction<A extends readonly unknown[], R = number> = (...args: A) => R

/** The symbols of the running process. */
export interface NativeLibrary {
  /**
   * Binds a symbol. Types are names of C: `int`, `size_t`, `intptr_t`, `void*`.
   *
   * @throws Error if the process has no such symbol
   */
  bind<A extends readonly unknown[], R = number>(
    name: string,
    result: string,
    types: readonly string[],
  ): NativeFunction<A, R>
  /** The address of a symbol. @throws Error if the process has no such symbol */
  addressOf(name: string): number
  /**
   * Makes a function that the system can call, and gives its address. It stays for the life of the thread.
   *
   * @param types C types of its arguments; its result is void
   */
  callback(types: readonly string[], fn: (...args: number[]) => void): number
  /** Calls a function by its address. Its result is void. */
  callAddress(address: number, types: readonly string[], args: readonly number[]): void
  /** Marks the place of Node's environment among the arguments of a call. */
  readonly environment: unknown
  /** The error number that the last call left. Meaningful only right after a call that failed. */
  errno(): number
  /** The version of koffi. */
  readonly version: string
}

/** A library, or why there is none. */
export type LoadResult =
  | { readonly library: NativeLibrary; readonly reason?: never }
  | { readonly library?: never; readonly reason: string }

/** The part of koffi that is used. Pointers are bigint. */
interface Koffi {
  readonly version: string
  readonly node: { readonly env: unknown }
  load(path: null): {
    func(name: string, result: string, types: readonly string[]): (...args: never[]) => unknown
    symbol(name: string): unknown
  }
  address(value: unknown): bigint
  errno(): number
  proto(result: string, types: readonly string[]): unknown
  pointer(type: unknown): unknown
  register(fn: (...args: number[]) => void, type: unknown): bigint
  call(address: bigint, type: unknown, ...args: number[]): unknown
}

let loaded: LoadResult | undefined

/** Finds the library once, at the first call. */
export function load(): LoadResult {
  loaded ??= find()
  return loaded
}

function find(): LoadResult {
  // The switch is the user's, so it comes before everything that could fail.
  if (process.env['V_NATIVE'] === '0') return { reason: 'switched off by V_NATIVE=0' }
  const { platform, arch } = process
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64'))
    return { reason: `its constants are those of Linux on x64 and arm64, and this is ${platform} on ${arch}` }
  try {
    return { library: wrap(createRequire(import.meta.url)('koffi') as Koffi) }
  } catch (error) {
    return { reason: `koffi cannot be loaded: ${firstLine(error)}` }
  }
}

function wrap(koffi: Koffi): NativeLibrary {
  const symbols = koffi.load(null)
  return {
    bind: <A extends readonly unknown[], R>(name: string, result: string, types: readonly string[]) =>
      symbols.func(name, result, types) as unknown as NativeFunction<A, R>,
    addressOf: (name) => Number(koffi.address(symbols.symbol(name))),
    callback: (types, fn) => Number(koffi.register(fn, koffi.pointer(koffi.proto('void', types)))),
    callAddress: (address, types, args) => {
      koffi.call(BigInt(address), koffi.proto('void', types), ...args)
    },
    environment: koffi.node.env,
    errno: () => koffi.errno(),
    version: koffi.version,
  }
}

/** The first line of what an error says: loaders add lists of paths. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n', 1)[0] ?? text
}
