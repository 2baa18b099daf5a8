/**
 * What a guide quotes of a source: all of it, a region, or one exported declaration.
 *
 * Decides how a quotation is named: `path` is the file without its opening comment, `path#name` what stands between
 * `// #region name` and `// #endregion name`, or else the exported declaration of that name with its comment. Invariant: a
 * name that means nothing, or two things, is an error.
 */

/** The quoted text, with one newline at its end. @throws RangeError if there is no such region or declaration */
export function quoted(source: string, name: string | undefined): string {
  const lines = source.split('\n')
  return `${trimmed(name === undefined ? withoutHeader(lines) : named(lines, name)).join('\n')}\n`
}

function withoutHeader(lines: readonly string[]): readonly string[] {
  const end = lines.findIndex((line) => line.endsWith('*/'))
  return lines[0]?.startsWith('/**') ? lines.slice(end + 1) : lines
}

function named(lines: readonly string[], name: string): readonly string[] {
  const region = regionOf(lines, name)
  if (region !== undefined) return region
  const declaration = new RegExp(`^export (abstract )?(class|interface|type|const|function) ${name}\\b`)
  const found = lines.flatMap((line, at) => (declaration.test(line) ? [at] : []))
  const [first] = found
  if (first === undefined || found.length > 1)
    throw new RangeError(`${found.length} regions or declarations are called ${name}; one is wanted`)
  const end = lines.findIndex((line, at) => at >= first && /^[}\])]/.test(line))
  return lines.slice(commentAbove(lines, first), (end === -1 ? first : end) + 1)
}

function regionOf(lines: readonly string[], name: string): readonly string[] | undefined {
  const starts = lines.flatMap((line, at) => (line.trim() === `// #region ${name}` ? [at] : []))
  const [start] = starts
  if (start === undefined) return undefined
  const end = lines.findIndex((line, at) => at > start && line.trim() === `// #endregion ${name}`)
  if (end === -1 || starts.length > 1)
    throw new RangeError(`the region ${name} does not end, or there are two of it`)
  return lines.slice(start + 1, end)
}

/** Where the doc comment that ends above `at` begins; `at` without one. */
function commentAbove(lines: readonly string[], at: number): number {
  if (!lines[at - 1]?.trimEnd().endsWith('*/')) return at
  for (let above = at - 1; above >= 0; above -= 1) if (/^\s*\/\*\*/.test(lines[above] ?? '')) return above
  return at
}

/** Without empty lines at the ends, without the indentation that all have, and without the marks of regions inside. */
function trimmed(lines: readonly string[]): readonly string[] {
  const kept = lines.filter((line) => !/^\s*\/\/ #(end)?region /.test(line))
  const first = kept.findIndex((line) => line.trim() !== '')
  const last = kept.findLastIndex((line) => line.trim() !== '')
  const inside = kept.slice(Math.max(first, 0), last + 1)
  const indents = inside.filter((line) => line.trim() !== '').map((line) => line.search(/\S/))
  const indent = Math.min(...indents)
  return inside.map((line) => line.slice(indent))
}
