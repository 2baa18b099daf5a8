/**
 * The view without a terminal: a line for each phase.
 *
 * Decides the words. Invariant: lines are whole and are never drawn over.
 */
import type { VCliContext } from '../context.js'
import type { VCliEvent } from './event.js'
import type { IVView } from './view.js'
import { wordsOf } from './words.js'

/** What is left out. */
export interface VPlainOptions {
  readonly quiet: boolean
  readonly verbose: boolean
}

/** Tells events as lines. */
export class PlainView implements IVView {
  readonly #context: VCliContext
  readonly #options: VPlainOptions

  constructor(context: VCliContext, options: VPlainOptions) {
    this.#context = context
    this.#options = options
  }

  tell(event: VCliEvent): void {
    const text = wordsOf(event, this.#options)
    if (text !== undefined) this.#context.stderr.write(`${text}\n`)
  }

  print(text: string): void {
    if (!this.#options.quiet) this.#context.stderr.write(`${text}\n`)
  }

  pause(): void {}

  close(): void {}
}
