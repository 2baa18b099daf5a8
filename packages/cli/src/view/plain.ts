/**
 * The view without a terminal: a line for each phase.
 *
 * Decides the words. Invariant: lines are whole and are never drawn over.
 */
import type { VCliContext } from '../context.js'
import type { VCliEvent, VPathEvent } from './event.js'
import type { IVView } from './view.js'
import { pathName, wordsOf } from './words.js'

/** What is left out. */
export interface VPlainOptions {
  readonly quiet: boolean
  readonly verbose: boolean
}

/** Tells events as lines. */
export class PlainView implements IVView {
  readonly #context: VCliContext
  readonly #options: VPlainOptions
  /** The path that was told last. */
  #path = ''

  constructor(context: VCliContext, options: VPlainOptions) {
    this.#context = context
    this.#options = options
  }

  tell(event: VCliEvent): void {
    if (event.type === 'path' && !this.#isAnother(event)) return
    const text = wordsOf(event, this.#options)
    if (text !== undefined) this.#context.stderr.write(`${text}\n`)
  }

  /** False for a path that is told again because its round trip is known by now. */
  #isAnother(event: VPathEvent): boolean {
    const before = this.#path
    this.#path = pathName(event)
    return this.#path !== before
  }

  print(text: string): void {
    if (!this.#options.quiet) this.#context.stderr.write(`${text}\n`)
  }

  pause(): void {}

  resume(): void {}

  close(): void {}
}
