/**
 * Codes that one person tells another: `7-lantern-orchard`, a room and some words.
 *
 * Decides how a code is written and read; a person's spelling is forgiven as long as it is clear what was meant. The room
 * is no secret, the words are: they are what the key exchange proves. Invariant: every code that is formatted reads as the
 * same room and the same words.
 */
import { VIOError } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import { CODE_WORDS } from './words.js'

/** How many words a code has by default: two, which are 16 bits, of which somebody has one guess. */
export const DEFAULT_CODE_WORDS = 2
const MAX_CODE_WORDS = 8
const MAX_ROOM = 999_999
/** So many letters tell every word from every other. */
const TELLING_LETTERS = 3

/** What was typed is no code. The message says what is wrong with it, but not what the words were. */
export class VCodeError extends VIOError {
  override readonly code = 'V_NAT_CODE'
}

/** A code, taken apart. */
export interface VCode {
  /** The room at the rendezvous server, 1 to 999999. */
  readonly room: number
  /** The words, in lower case: the shared secret. */
  readonly words: readonly string[]
}

/** Draws the words of a new code. @throws RangeError for less than 1 or more than 8 */
export function drawCodeWords(random: IVRandom, count: number = DEFAULT_CODE_WORDS): string[] {
  if (!Number.isInteger(count) || count < 1 || count > MAX_CODE_WORDS) {
    throw new RangeError(`a code has 1 to ${MAX_CODE_WORDS} words, got ${count}`)
  }
  const bytes = new Uint8Array(count)
  random.fillSecret(bytes)
  return Array.from(bytes, (byte) => CODE_WORDS[byte] as string)
}

/** Writes a code. @throws VCodeError if it is not one that could be read again */
export function formatCode({ room, words }: VCode): string {
  return [checkRoom(room), ...checkCount(words).map(readWord)].join('-')
}

/**
 * Reads a code: parts may be separated by hyphens, dots or spaces, in any case, and a word may be cut to no less than its
 * first three letters.
 *
 * @throws VCodeError for anything else
 */
export function parseCode(text: string): VCode {
  if (typeof text !== 'string') throw new VCodeError('a code is a text like 7-lantern-orchard')
  const [digits = '', ...words] = text
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .split(/[\s.\-_\u2010-\u2015]+/)
  if (!/^\d+$/.test(digits))
    throw new VCodeError('a code begins with the number of a room, like 7-lantern-orchard')
  return { room: checkRoom(Number(digits)), words: checkCount(words).map(readWord) }
}

function checkRoom(room: number): number {
  if (Number.isInteger(room) && room >= 1 && room <= MAX_ROOM) return room
  throw new VCodeError(`the room of a code is a number from 1 to ${MAX_ROOM}, got ${room}`)
}

function checkCount(words: readonly string[]): readonly string[] {
  if (words.length >= 1 && words.length <= MAX_CODE_WORDS) return words
  throw new VCodeError(`a code has 1 to ${MAX_CODE_WORDS} words behind its number, got ${words.length}`)
}

/** The word that was meant. An error tells the place, as the words are secret. */
function readWord(typed: string, index: number): string {
  const start = typed.slice(0, TELLING_LETTERS)
  const word = CODE_WORDS.find((each) => each.startsWith(start))
  if (typed.length >= TELLING_LETTERS && word?.startsWith(typed)) return word
  const place = `word ${index + 1} of the code`
  throw new VCodeError(`${place} is not in the list of words; look at the other screen again`)
}
