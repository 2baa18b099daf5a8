/**
 * The tables of a Markdown text, for tests that hold them against code.
 *
 * Decides what a table is and how a value in a cell is read; what it has to equal is the test's. Invariant: a cell whose
 * value cannot be read throws, as a drift that is not seen is worse than none.
 */

/** The rows of one table, without its head; each has its cells as text, without code marks. */
export interface MarkdownTable {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** All tables of a text, in their order. */
export function tablesOf(text: string): MarkdownTable[] {
  const tables: MarkdownTable[] = []
  let lines: string[] = []
  for (const line of [...text.split('\n'), '']) {
    if (line.startsWith('|')) {
      lines.push(line)
      continue
    }
    const [head, , ...rows] = lines.map(cellsOf)
    if (head !== undefined) tables.push({ head, rows })
    lines = []
  }
  return tables
}

/** The one table whose first heads are these. @throws RangeError if there is none, or there are more */
export function tableOf(text: string, ...heads: readonly string[]): MarkdownTable {
  const found = tablesOf(text).filter(({ head }) => heads.every((name, index) => head[index] === name))
  const [table] = found
  if (table === undefined || found.length > 1)
    throw new RangeError(`${found.length} tables begin with ${heads.join(', ')}`)
  return table
}

/** What a cell says as a number: 1,200, 0x1a, 2^23, 2^53 - 1, 9/8. @throws RangeError if it says none */
export function numberOf(cell: string): number {
  const text = cell.replaceAll(/,(?=\d{3})/g, '')
  const power = /^2\^(\d+)( - 1)?$/.exec(text)
  if (power !== null) return 2 ** Number(power[1]) - (power[2] === undefined ? 0 : 1)
  const part = /^(\d+)\/(\d+)$/.exec(text)
  if (part !== null) return Number(part[1]) / Number(part[2])
  const value = text === '' ? Number.NaN : Number(text)
  if (Number.isNaN(value)) throw new RangeError(`${cell} is no number`)
  return value
}

/** What a cell says in the place of `wanted`: a number, a list of numbers or a text. */
export function valueLike(wanted: unknown, cell: string): unknown {
  if (Array.isArray(wanted)) return cell.split(', ').map(numberOf)
  return typeof wanted === 'number' ? numberOf(cell) : cell
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''))
}
