/**
 * Numbers as a person reads them.
 *
 * Decides the units: powers of 1,000, as networks and disks count. Invariant: a text has three digits that matter, and its
 * width changes as little as possible, so that the live line stands still.
 */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const

/** A count of bytes: `64.0 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  if (unit === 0) return `${value} B`
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** A rate: `12.3 MB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`
}

/** A time: `0.4 s`, `12 s`, `3:05`, `2:03:05`. */
export function formatTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-'
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const two = (value: number): string => String(value).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`
}

/** A part of a whole: `42 %`; 100 only once nothing is missing. */
export function formatPercent(part: number, whole: number): string {
  if (whole <= 0) return '100 %'
  return `${part >= whole ? 100 : Math.min(99, Math.floor((part / whole) * 100))} %`
}
