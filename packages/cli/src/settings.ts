/**
 * What stands neither on the line nor in a prompt: the configuration file and the environment.
 *
 * Decides where the file is and what it may say. Invariant: a file that is there and is wrong is an error that names the
 * file and the fault, never ignored.
 */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { usageError, type VCommandError } from './exit-codes.js'
import type { VPathPolicy } from './meeting.js'
import { suggest } from './suggest.js'

/** What the configuration file may hold. All are optional. */
export interface VSettings {
  /** The relays, nearest first: `["relay.example.org:4747"]`. */
  readonly relays?: readonly string[]
  /** As `--path`. */
  readonly path?: VPathPolicy
  /** As `--port`. */
  readonly port?: number
}

const KEYS: readonly string[] = ['relays', 'path', 'port']
const PATHS: readonly unknown[] = ['auto', 'direct', 'relay']

/** Where the configuration file is. */
export function settingsFile(env: Readonly<Record<string, string | undefined>>): string {
  const home = env['HOME'] || homedir()
  return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'vut', 'config.json')
}

/** Reads the configuration file, if there is one. @throws VCommandError (2) if it is wrong */
export function readSettings(env: Readonly<Record<string, string | undefined>>): VSettings {
  const file = settingsFile(env)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return {}
    throw usageError(`${file} cannot be read: ${(error as Error).message}`)
  }
  return checkSettings(file, text)
}

/** The relays of the environment: `VUT_RELAY`, separated by commas or spaces. */
export function relaysOf(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return (env['VUT_RELAY'] ?? '').split(/[\s,]+/).filter((host) => host !== '')
}

function checkSettings(file: string, text: string): VSettings {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw usageError(`${file} is not JSON: ${(error as Error).message}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fault(file, 'it is no object', '{"relays": ["relay.example.org"]}')
  }
  const { relays, path, port, ...rest } = value as Record<string, unknown>
  const [stranger] = Object.keys(rest)
  if (stranger !== undefined) {
    const meant = suggest(stranger, KEYS)
    throw fault(file, `"${stranger}" is unknown`, meant ?? `it may have ${KEYS.join(', ')}`)
  }
  if (relays !== undefined && !isListOfTexts(relays)) throw fault(file, '"relays" is no list of texts')
  if (path !== undefined && !PATHS.includes(path)) throw fault(file, '"path" is auto, direct or relay')
  if (port !== undefined && !isPort(port)) throw fault(file, '"port" is a number from 1 to 65535')
  return value as VSettings
}

function fault(file: string, what: string, help = ''): VCommandError {
  return usageError(`${file}: ${what}`, help)
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== '')
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535
}
