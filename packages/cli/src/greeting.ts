/**
 * The first bytes on a connection: which command speaks, in which version of its protocol.
 *
 * Decides how two commands that do not fit each other are told apart: by name, before anything else is said. Invariant: a
 * greeting is read from at most 40 bytes, whatever comes.
 *
 *     'vut' 0x0a | version, 1 byte | length of the name, 1 byte | name, ASCII
 */
import { EXIT, VCommandError } from './exit-codes.js'

/** Who speaks. */
export interface VGreeting {
  /** The command: `send`. */
  readonly command: string
  /** The version of the protocol that it speaks with its counterpart, 1 to 255. */
  readonly version: number
}

const MAGIC: Buffer = Buffer.from('vut\n', 'latin1')
const HEAD_BYTES = MAGIC.length + 2
const MAX_NAME = 32

/** The bytes of a greeting. */
export function encodeGreeting({ command, version }: VGreeting): Buffer {
  return Buffer.concat([MAGIC, Buffer.from([version, command.length]), Buffer.from(command, 'latin1')])
}

/** Takes a greeting from the beginning of a stream, however it is cut. */
export class VGreetingReader {
  readonly #head: number[] = []

  /**
   * Takes bytes. Once the greeting is whole it is given, with what lies behind it; until then undefined. Not called again
   * after that.
   *
   * @throws VCommandError (1) if it is none
   */
  push(bytes: Uint8Array): { greeting: VGreeting; rest: Uint8Array } | undefined {
    for (let at = 0; at < bytes.length; at++) {
      this.#take(bytes[at] ?? 0)
      const greeting = this.#whole()
      if (greeting !== undefined) return { greeting, rest: bytes.subarray(at + 1) }
    }
    return undefined
  }

  #take(byte: number): void {
    const at = this.#head.push(byte) - 1
    const strange =
      (at < MAGIC.length && byte !== MAGIC[at]) ||
      (at === HEAD_BYTES - 1 && (byte === 0 || byte > MAX_NAME)) ||
      (at >= HEAD_BYTES && (byte < 0x61 || byte > 0x7a))
    if (!strange) return
    const help = 'run the commands of one version of vut on both sides'
    throw new VCommandError(EXIT.failure, 'the other side does not speak as a vut command does', help)
  }

  #whole(): VGreeting | undefined {
    const [version = 0, length = 0, ...name] = this.#head.slice(MAGIC.length)
    if (this.#head.length < HEAD_BYTES || name.length < length) return undefined
    return { version, command: String.fromCharCode(...name) }
  }
}

/** Compares what the other side has said with what was to be said. @throws VCommandError (1) with both, if they differ */
export function checkGreeting(theirs: VGreeting, wanted: VGreeting): void {
  if (theirs.command !== wanted.command) {
    throw new VCommandError(
      EXIT.failure,
      `the other side runs "vut ${theirs.command}", where "vut ${wanted.command}" was to be`,
      `run "vut ${wanted.command}" there`,
    )
  }
  if (theirs.version === wanted.version) return
  throw new VCommandError(
    EXIT.failure,
    `the other side speaks version ${theirs.version} of vut ${wanted.command}, this side version ${wanted.version}`,
    'install the same version of vut on both sides',
  )
}
