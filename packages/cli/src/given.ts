/**
 * What was given to a command on its line, by name.
 *
 * Decides nothing: values were checked when they were parsed. Invariant: asking for a name that the command has not
 * declared is a fault of the program, told at once.
 */
import { VError } from '@vio/reactor'

/** The value of one option: true for a flag, all of them for one that may be repeated. */
export type VGivenValue = true | string | number | readonly string[]

/** Options and operands. */
export class VGiven {
  /** What stood on the line besides options. */
  readonly operands: readonly string[]
  readonly #known: ReadonlySet<string>
  readonly #values: ReadonlyMap<string, VGivenValue>

  /** @param known the names that may be asked for */
  constructor(
    known: Iterable<string>,
    values: ReadonlyMap<string, VGivenValue>,
    operands: readonly string[],
  ) {
    this.#known = new Set(known)
    this.#values = values
    this.operands = operands
  }

  /** True if the flag was given. */
  flag(name: string): boolean {
    return this.#value(name) === true
  }

  /** The text that was given, or undefined. */
  text(name: string): string | undefined {
    const value = this.#value(name)
    return typeof value === 'string' ? value : undefined
  }

  /** All texts that were given, in order. */
  texts(name: string): readonly string[] {
    const value = this.#value(name)
    return Array.isArray(value) ? value : []
  }

  /** The number that was given, or undefined. */
  number(name: string): number | undefined {
    const value = this.#value(name)
    return typeof value === 'number' ? value : undefined
  }

  #value(name: string): VGivenValue | undefined {
    if (!this.#known.has(name)) throw new VError(`the command has no option --${name}`)
    return this.#values.get(name)
  }
}
