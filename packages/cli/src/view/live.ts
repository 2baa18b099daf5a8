/**
 * The view on a terminal: one line that is drawn over, and above it what is to stay.
 *
 * Decides how often it is drawn, and in which colours. Invariant: while the line stands nothing else is written to the
 * terminal by this process without `pause`, after which the view writes nothing until `resume`; after `close` the cursor is
 * at the beginning of an empty line.
 */
import type { VScheduledCall } from '@vio/reactor'
import type { VCliContext } from '../context.js'
import type { VCliEvent, VCodeEvent, VPathEvent, VPhase, VProgressEvent } from './event.js'
import { type LineProgress, layoutLine } from './layout.js'
import { Meter } from './meter.js'
import type { VPlainOptions } from './plain.js'
import { qrOf } from './qr.js'
import type { IVView } from './view.js'
import { wordsOf } from './words.js'

const DRAW_MS = 100
const ESC = '\u001b['

/** Tells events on a terminal. */
export class LiveView implements IVView {
  readonly #context: VCliContext
  readonly #options: VPlainOptions
  readonly #styled: boolean
  readonly #meter = new Meter()
  #phase: VPhase | null = null
  #detail: string | undefined
  #path: VPathEvent | undefined
  #progress: VProgressEvent | undefined
  #timer: VScheduledCall | null = null
  /** How many characters stand in the live line. */
  #drawn = 0
  #closed = false
  /** What is to stay, and has come while something else may write; null while nothing else may. */
  #held: string[] | null = null

  constructor(context: VCliContext, options: VPlainOptions) {
    this.#context = context
    this.#options = options
    this.#styled = !context.env['NO_COLOR'] && context.env['TERM'] !== 'dumb'
  }

  tell(event: VCliEvent): void {
    switch (event.type) {
      case 'phase':
        this.#phase = event.phase
        this.#detail = event.detail
        this.#draw()
        break
      case 'path':
        this.#path = event
        this.#draw()
        break
      case 'progress':
        this.#progress = event
        this.#meter.update(this.#context.reactor.time(), event.bytes)
        this.#drawSoon()
        break
      default:
        this.#stay(event)
    }
  }

  print(text: string): void {
    if (this.#held !== null) {
      this.#held.push(text)
      return
    }
    this.#wipe()
    this.#write(`${text}\n`)
    this.#draw()
  }

  pause(): void {
    this.#rest()
    this.#held ??= []
  }

  resume(): void {
    const held = this.#held ?? []
    this.#held = null
    for (const text of held) this.print(text)
    this.#draw()
  }

  close(): void {
    this.resume()
    this.#closed = true
    this.#rest()
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#wipe()
  }

  /** What is not drawn over. After the last word the line is over. */
  #stay(event: VCliEvent): void {
    const text = wordsOf(event, this.#options)
    if (text === undefined) return
    if (event.type === 'done' || event.type === 'error') this.#phase = null
    const [first = '', ...rest] = text.split('\n')
    const coloured = event.type === 'error' ? this.#style('31', first) : first
    this.print([coloured, ...rest].join('\n'))
    if (event.type === 'code') this.#showQR(event)
  }

  #showQR({ code }: VCodeEvent): void {
    const picture = qrOf(code, this.#context.columns())
    if (picture !== undefined) this.print(picture)
  }

  #drawSoon(): void {
    if (this.#closed || this.#held !== null) return
    this.#timer ??= this.#context.reactor.schedule(DRAW_MS, () => {
      this.#timer = null
      this.#draw()
      // Rates fall and the time left grows also while nothing comes.
      this.#drawSoon()
    })
  }

  #draw(): void {
    if (this.#closed || this.#held !== null || this.#phase === null) return
    const line = layoutLine(
      { phase: this.#phase, detail: this.#detail, path: this.#path, progress: this.#lineProgress() },
      this.#context.columns(),
    )
    if (this.#styled) this.#write(`\r${this.#style('36', line)}${ESC}K`)
    else this.#write(`\r${line.padEnd(this.#drawn)}`)
    this.#drawn = line.length
  }

  #lineProgress(): LineProgress | undefined {
    if (this.#progress === undefined) return undefined
    const now = this.#context.reactor.time()
    const { bytes, totalBytes } = this.#progress
    return {
      bytes,
      totalBytes,
      currentRate: this.#meter.current(now),
      meanRate: this.#meter.mean(now),
      secondsLeft: this.#meter.secondsLeft(now, totalBytes ?? bytes),
    }
  }

  #wipe(): void {
    if (this.#drawn === 0) return
    this.#write(this.#styled ? `\r${ESC}K` : `\r${' '.repeat(this.#drawn)}\r`)
    this.#drawn = 0
  }

  #style(code: string, text: string): string {
    return this.#styled ? `${ESC}${code}m${text}${ESC}0m` : text
  }

  #write(text: string): void {
    this.#context.stderr.write(text)
  }
}
