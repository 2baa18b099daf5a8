/**
 * Which view a command gets.
 *
 * Decides by the options and the terminal. Invariant: there is one view at a time, as it owns the last line of stderr.
 */
import type { VCliContext } from '../context.js'
import { JsonView } from './json.js'
import { LiveView } from './live.js'
import { PlainView } from './plain.js'
import type { IVView } from './view.js'

/** What the line says about the view. */
export interface VViewOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
}

/** Makes the view for a command. */
export function createView(context: VCliContext, options: VViewOptions): IVView {
  if (options.json) return new JsonView(context)
  if (context.terminals.stderr && !options.quiet) return new LiveView(context, options)
  return new PlainView(context, options)
}
