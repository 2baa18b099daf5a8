/**
 * What an event says in plain words.
 *
 * Decides the words of every event and which are left out by `--quiet`. Invariant: text of the peer is shown with its
 * control characters made visible, so that it cannot move the cursor.
 */
import { escapeLogText } from '@vio/reactor'
import type { VCliEvent, VDoneEvent, VPathEvent, VPhase } from './event.js'
import { formatBytes, formatRate, formatTime } from './format.js'
import type { VPlainOptions } from './plain.js'

/** The line for an event; undefined for one that has none. */
export function wordsOf(event: VCliEvent, options: VPlainOptions): string | undefined {
  if (event.type === 'error') return errorWords(event.what, event.help)
  if (event.type === 'code') return `on the other side: ${event.command}`
  if (options.quiet) return undefined
  switch (event.type) {
    case 'phase':
      if (isOfPath(event.phase)) return undefined
      return options.verbose && event.detail !== undefined ? `${event.phase}: ${event.detail}` : event.phase
    case 'path':
      return pathWords(event)
    case 'peer':
      return `the other side: ${escapeLogText(event.text)}`
    case 'warning':
      return `warning: ${escapeLogText(event.text)}`
    case 'detail':
      return options.verbose ? `  ${escapeLogText(event.text)}` : undefined
    case 'done':
      return doneWords(event)
    case 'progress':
      return undefined
  }
}

/** True for a phase that comes with an event of the path, which says more. */
export function isOfPath(phase: VPhase): boolean {
  return phase === 'direct' || phase === 'relayed'
}

/** A path: `direct v4 24 ms`, `relay NAME: why`. */
export function pathWords({ kind, family, rttMs, relay, why }: VPathEvent): string {
  const parts: string[] = [kind]
  if (kind === 'relay' && relay !== undefined) parts.push(escapeLogText(relay))
  if (kind === 'direct' && family !== undefined) parts.push(`v${family}`)
  if (kind === 'direct' && rttMs !== undefined) parts.push(`${Math.max(1, Math.round(rttMs))} ms`)
  return parts.join(' ') + (kind === 'relay' && why !== undefined ? `: ${escapeLogText(why)}` : '')
}

/** What is the same of one path whenever it is told: the round trip is not. */
export function pathName({ rttMs: _rttMs, ...path }: VPathEvent): string {
  return pathWords(path)
}

function errorWords(what: string, help: string): string {
  const first = `vut: ${escapeLogText(what)}`
  return help === '' ? first : `${first}\n     ${help}`
}

function doneWords({ bytes, seconds, files, digest, text }: VDoneEvent): string {
  if (text !== undefined) return text
  const rate = seconds > 0 ? `, ${formatRate(bytes / seconds)}` : ''
  const count = files === undefined ? '' : `${files} file${files === 1 ? '' : 's'}, `
  const proof = digest === undefined ? '' : `\nsha256 ${digest}`
  return `done: ${count}${formatBytes(bytes)} in ${formatTime(seconds)}${rate}${proof}`
}
