/**
 * Log entries as text.
 *
 * Decides how an entry looks on a line; where the line goes is left to the watchers. Invariant: whatever was logged, the
 * line holds no line end and no other control character, so that nobody can forge a line or drive a terminal.
 */
import { type VLogEntry, VLogLevel } from './log.js'

/** Writes an entry as a line, without a line end. */
export type VLogFormatter = (entry: VLogEntry) => string

const LEVEL_NAMES: ReadonlyArray<readonly [number, string]> = [
  [VLogLevel.critical, 'CRITICAL'],
  [VLogLevel.error, 'ERROR'],
  [VLogLevel.warn, 'WARN'],
  [VLogLevel.info, 'INFO'],
  [VLogLevel.debug, 'DEBUG'],
]

/** The name of the highest named level that is not above `level`; below all of them it is the number itself. */
export function logLevelName(level: number): string {
  for (const [least, name] of LEVEL_NAMES) if (level >= least) return name
  return String(level)
}

/** Time (UTC), level, prefix and message in one line, then the stack of the error if there is one; all escaped. */
export function formatLogEntry(entry: VLogEntry): string {
  const prefix = entry.prefix === '' ? '' : `${escapeLogText(entry.prefix)}: `
  const cause = entry.error === undefined ? '' : `: ${escapeLogText(describeError(entry.error))}`
  return `${formatTime(entry.atMs)} ${logLevelName(entry.level)} ${prefix}${escapeLogText(entry.message)}${cause}`
}

/** Replaces line ends and other control characters, except the tab, by what one would type for them in a program. */
export function escapeLogText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    if (char === '\n') return '\\n'
    if (char === '\r') return '\\r'
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

function describeError(error: unknown): string {
  try {
    if (error instanceof Error) return error.stack ?? `${error.name}: ${error.message}`
    return String(error)
  } catch {
    return 'an error that cannot be shown'
  }
}

const MS_PER_DAY = 86_400_000

/** ISO 8601 in UTC, by arithmetic alone: days since 1970 to a date of the Gregorian calendar. */
function formatTime(atMs: number): string {
  const wholeMs = Math.floor(atMs)
  const days = Math.floor(wholeMs / MS_PER_DAY)
  const ms = wholeMs - days * MS_PER_DAY
  const [year, month, day] = civilDate(days)
  const time = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60]
  const clock = time.map((part) => digits(part, 2)).join(':')
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}T${clock}.${digits(ms % 1000, 3)}Z`
}

/** Counts from 1 March of year 0, so that the leap day is the last of its year. */
function civilDate(daysSince1970: number): [year: number, month: number, day: number] {
  const shifted = daysSince1970 + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day]
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
