/**
 * What a command is: an entry of the table that arguments, help and completion are read from.
 *
 * Decides nothing. Invariant: whatever a command understands stands in its entry, so that help and completion cannot
 * differ from what is parsed.
 */
import type { VCliContext } from './context.js'
import type { VExitCode } from './exit-codes.js'
import type { VGiven } from './given.js'
import type { IVView } from './view/view.js'

/** One option of a command. */
export interface VOptionSpec {
  /** The long name without its hyphens: `relay`. */
  readonly name: string
  /** A single letter. */
  readonly short?: string
  /** Takes no value, a text, a text each time it is given, or a whole number. */
  readonly kind: 'flag' | 'text' | 'texts' | 'number'
  /** How its value is called in the help: `HOST`. Needed where there is one. */
  readonly value?: string
  /** The values that there are, where they are few. */
  readonly choices?: readonly string[]
  /** The bounds of a number. */
  readonly range?: readonly [number, number]
  /** What it does, in a few words. */
  readonly help: string
  /** Shell completion offers files, or folders, for its value. */
  readonly completes?: 'file' | 'folder'
}

/** What a command runs with: the surroundings, what was given to it, and where it tells what happens. */
export interface VCommandContext extends VCliContext {
  readonly given: VGiven
  readonly view: IVView
  /** The table of commands, for help and completion. */
  readonly commands: readonly VCommand[]
}

/** Does what a command is for. What it throws becomes an exit code by `failureOf`. */
export type VCommandRun = (context: VCommandContext) => Promise<VExitCode>

/** One command. */
export interface VCommand {
  readonly name: string
  /** One line, without a stop. */
  readonly summary: string
  /** What stands behind `vut NAME` in the help: `PATH...`. */
  readonly usage: string
  /** The options of its own; `help`, `json`, `quiet` and `verbose` are added to each command. */
  readonly options: readonly VOptionSpec[]
  /** Two whole lines that a person could type. */
  readonly examples: readonly string[]
  /** How many operands there may be: least and most. */
  readonly operands: readonly [number, number]
  /** Shell completion offers files for its operands. */
  readonly completes?: 'file'
  /** The operands that there are, where they are few: for completion. */
  readonly choices?: readonly string[]
  /** Loads what does it, so that a process loads no more than the command that it is for. */
  load(): Promise<VCommandRun>
}
