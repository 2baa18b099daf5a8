/**
 * The options that commands share.
 *
 * Decides their names and bounds. Invariant: an option has one meaning in all commands.
 */
import type { VOptionSpec } from './command.js'

/** What every command has. */
export const COMMON_OPTIONS: readonly VOptionSpec[] = [
  { name: 'json', kind: 'flag', help: 'tell events as lines of JSON on stderr' },
  { name: 'quiet', short: 'q', kind: 'flag', help: 'tell errors only, and the code' },
  { name: 'verbose', short: 'v', kind: 'flag', help: 'tell how it came about' },
  { name: 'help', short: 'h', kind: 'flag', help: 'show this' },
]

/** What the two commands have that move files. */
export const SHA256_OPTION: VOptionSpec = {
  name: 'sha256',
  kind: 'flag',
  help: 'tell the SHA-256 of a single file in the end',
}

/** What every command has that meets a peer. Read by `meet`. */
export const MEETING_OPTIONS: readonly VOptionSpec[] = [
  { name: 'relay', kind: 'texts', value: 'HOST', help: 'meet there, or "self"; may be repeated' },
  { name: 'code-file', kind: 'text', value: 'FILE', help: 'read the code from FILE', completes: 'file' },
  {
    name: 'path',
    kind: 'text',
    value: 'WAY',
    choices: ['auto', 'direct', 'relay'],
    help: 'auto, direct or relay',
  },
  { name: 'port', kind: 'number', value: 'N', range: [1, 65_535], help: 'the local UDP port' },
  {
    name: 'timeout',
    kind: 'number',
    value: 'SECONDS',
    range: [1, 86_400],
    help: 'wait so long for the peer',
  },
]
