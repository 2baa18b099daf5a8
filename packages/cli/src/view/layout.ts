/**
 * The live line, for any width.
 *
 * Decides what is left out first when there is little room: the mean rate, then the count, then why it is relayed; last of
 * all the percentage. Invariant: a line is never as wide as the terminal, so that it never wraps.
 */
import type { VPathEvent, VPhase } from './event.js'
import { formatBytes, formatPercent, formatRate, formatTime } from './format.js'
import { isOfPath, pathWords } from './words.js'

/** What the line shows. */
export interface LineState {
  readonly phase: VPhase
  /** More about the phase. */
  readonly detail?: string | undefined
  readonly path?: VPathEvent | undefined
  readonly progress?: LineProgress | undefined
}

/** How far it is. */
export interface LineProgress {
  readonly bytes: number
  readonly totalBytes?: number | undefined
  readonly currentRate: number
  readonly meanRate: number
  readonly secondsLeft: number
}

const GAP = '  '

/** The line for a terminal of `columns`. */
export function layoutLine(state: LineState, columns: number): string {
  const room = Math.max(1, columns - 1)
  const lines = state.progress === undefined ? quietLines(state) : progressLines(state, state.progress)
  return lines.find((line) => line.length <= room) ?? cut(lines.at(-1) ?? '', room)
}

/** Lines without progress, the fullest first. */
function quietLines({ phase, detail, path }: LineState): string[] {
  // These two phases say what the path says, and less of it.
  if (path !== undefined && isOfPath(phase)) return [pathWords(path)]
  const where = path === undefined ? [] : [pathWords(path)]
  const more = detail === undefined ? [] : [detail]
  return [
    [phase, ...where, ...more].join(GAP),
    [phase, ...where].join(GAP),
    path === undefined ? phase : pathWords(path),
  ]
}

/** Lines with progress, the fullest first. */
function progressLines({ phase, path }: LineState, progress: LineProgress): string[] {
  const { bytes, totalBytes, currentRate, meanRate, secondsLeft } = progress
  const isWhole = totalBytes !== undefined
  const count = isWhole ? `${formatBytes(bytes)} of ${formatBytes(totalBytes)}` : formatBytes(bytes)
  const part = isWhole ? [formatPercent(bytes, totalBytes)] : []
  const now = formatRate(currentRate)
  const mean = `mean ${formatRate(meanRate)}`
  const left = isWhole && phase !== 'verifying' ? [`${formatTime(secondsLeft)} left`] : []
  const [full, middle, short] = wheres(phase, path)
  return [
    [full, count, ...part, now, mean, ...left],
    [middle, count, ...part, now, mean, ...left],
    [middle, count, ...part, now, ...left],
    [middle, formatBytes(bytes), ...part, now, ...left],
    [middle, ...part, now, ...left],
    [short, ...part, now, ...left],
    [short, ...part, now],
    [...part, now],
    part,
  ].map((segments) => segments.join(GAP))
}

/** The path in full, without the reason, and in one word. */
function wheres(phase: VPhase, path: VPathEvent | undefined): [string, string, string] {
  if (phase === 'verifying' || path === undefined) return [phase, phase, phase]
  const { why: _why, ...rest } = path
  return [pathWords(path), pathWords(rest), path.kind]
}

function cut(text: string, room: number): string {
  return room > 1 && text.length > room ? `${text.slice(0, room - 1)}…` : text.slice(0, room)
}
