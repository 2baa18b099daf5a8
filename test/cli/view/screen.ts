/**
 * A terminal of lines: as much of one as the live view needs. What else comes is a fault.
 */
import { Writable } from 'node:stream'

const ESCAPE = '\u001b\\['
const PARTS = new RegExp(`${ESCAPE}[0-9;]*[A-Za-z]|[\\s\\S]`, 'gu')
const STYLE = new RegExp(`^${ESCAPE}[0-9;]*m$`, 'u')

/** Keeps what a person would see. */
export class Screen extends Writable {
  readonly columns: number
  /** All that was written, as it was. */
  raw = ''
  #lines: string[] = ['']
  #column = 0

  constructor(columns: number) {
    super()
    this.columns = columns
  }

  /** The lines, without blanks at their ends. */
  get text(): string {
    return this.#lines.map((line) => line.trimEnd()).join('\n')
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const text = chunk.toString('utf8')
    this.raw += text
    const parts = text.match(PARTS) ?? []
    for (const part of parts) this.#take(part)
    done()
  }

  #take(part: string): void {
    const line = this.#lines.at(-1) ?? ''
    if (part === '\r') {
      // What has wrapped stands in two lines, of which only the second can be drawn over.
      if (this.#column >= this.columns) throw new Error(`a line of ${this.#column} columns is drawn over`)
      this.#column = 0
    } else if (part === '\n') {
      this.#lines.push('')
      this.#column = 0
    } else if (part === '\u001b[K') this.#lines[this.#lines.length - 1] = line.slice(0, this.#column)
    else if (STYLE.test(part)) return
    else if (/\p{Cc}/u.test(part)) throw new Error(`the screen does not know ${JSON.stringify(part)}`)
    else {
      this.#lines[this.#lines.length - 1] =
        line.slice(0, this.#column).padEnd(this.#column) + part + line.slice(this.#column + 1)
      this.#column += 1
    }
  }
}
