/**
 * The view of `--json`: one event a line on stderr.
 *
 * Decides the order of the fields and how often progress is told: not at all while there is none. Invariant: each line is
 * one object with `v`, `type` and `t`, the milliseconds since the command began.
 */
import type { VCliContext } from '../context.js'
import { EVENT_VERSION, type VCliEvent } from './event.js'
import type { IVView } from './view.js'

const PROGRESS_MS = 200

/** Tells events as JSON. */
export class JsonView implements IVView {
  readonly #context: VCliContext
  readonly #beganAt: number
  #progressAt = Number.NEGATIVE_INFINITY
  /** What progress was told last, as text. */
  #progress = ''

  constructor(context: VCliContext) {
    this.#context = context
    this.#beganAt = context.reactor.time()
  }

  tell(event: VCliEvent): void {
    if (event.type === 'detail') return
    const now = this.#context.reactor.time()
    const { type, ...fields } = event
    if (event.type === 'progress') {
      if (now < this.#progressAt + PROGRESS_MS && event.bytes !== event.totalBytes) return
      const progress = JSON.stringify(fields)
      // Where nothing moves there is nothing to tell.
      if (progress === this.#progress) return
      this.#progress = progress
      this.#progressAt = now
    }
    const line = { v: EVENT_VERSION, type, t: Math.round(now - this.#beganAt), ...fields }
    this.#context.stderr.write(`${JSON.stringify(line)}\n`)
  }

  print(): void {}

  pause(): void {}

  resume(): void {}

  close(): void {}
}
