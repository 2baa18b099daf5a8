/**
 * As much of a Markdown text as the checks of the guides need: fenced blocks, links, headings and code spans.
 *
 * Decides what counts as each; what may stand in them is left to the checks. Invariant: what stands in a fenced block or
 * a code span is neither a link nor a heading.
 */

/** A fenced block. */
export interface FencedBlock {
  /** The word behind the fence; empty if there is none. */
  readonly language: string
  /** What stands between the fences, with a newline at its end. */
  readonly text: string
  /** What `<!-- from X -->` on the line before names; undefined without it. */
  readonly from: string | undefined
  /** The line of the opening fence, from 1. */
  readonly line: number
}

/** A link, or a code span, and where it stands. */
export interface MarkdownPart {
  readonly text: string
  /** The line, from 1. */
  readonly line: number
}

/** A text that was read. */
export interface Markdown {
  readonly blocks: readonly FencedBlock[]
  /** The targets of links and pictures. */
  readonly links: readonly MarkdownPart[]
  /** What stands between single backticks. */
  readonly spans: readonly MarkdownPart[]
  /** What a link can name behind `#`. */
  readonly anchors: ReadonlySet<string>
}

const MARK = /^\s*<!-- from (\S+) -->\s*$/
const FENCE = /^(\s*)(`{3,})(\S*)\s*$/
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/
const SPAN = /`([^`]+)`/g
const LINK = /!?\[[^\]]*\]\(([^)\s]+)\)/g

/** Reads a text. */
export function readMarkdown(text: string): Markdown {
  const lines = text.split('\n')
  const blocks: FencedBlock[] = []
  const links: MarkdownPart[] = []
  const spans: MarkdownPart[] = []
  const anchors = new Set<string>()
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    const fence = FENCE.exec(line)
    if (fence !== null) {
      const block = readBlock(lines, at, fence)
      blocks.push(block)
      at += block.text.split('\n').length
      continue
    }
    const heading = HEADING.exec(line)?.[1]
    if (heading !== undefined) addAnchor(anchors, heading)
    for (const [, span = ''] of line.matchAll(SPAN)) spans.push({ text: span, line: at + 1 })
    for (const [, target = ''] of line.replace(SPAN, '``').matchAll(LINK))
      links.push({ text: target, line: at + 1 })
  }
  return { blocks, links, spans, anchors }
}

function readBlock(lines: readonly string[], at: number, fence: RegExpExecArray): FencedBlock {
  const [, indent = '', ticks = '', language = ''] = fence
  const end = lines.findIndex((line, index) => index > at && line.trim() === ticks)
  if (end === -1) throw new SyntaxError(`the block that begins in line ${at + 1} does not end`)
  const inside = lines.slice(at + 1, end).map((line) => line.slice(indent.length))
  const from = MARK.exec(lines[at - 1] ?? '')?.[1]
  return { language, text: inside.map((line) => `${line}\n`).join(''), from, line: at + 1 }
}

/** The name that a heading is linked by, as the usual renderers make it. */
function addAnchor(anchors: Set<string>, heading: string): void {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/`/g, '')
  const slug = plain
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')
  let name = slug
  for (let again = 1; anchors.has(name); again += 1) name = `${slug}-${again}`
  anchors.add(name)
}
