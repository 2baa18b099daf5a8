/**
 * How the command ends: the numbers that a script reads, and the error that carries one to the person.
 *
 * Decides what each number means, and that whatever goes wrong is told in two parts: what happened, and what to do about
 * it. Invariant: a number once given keeps its meaning.
 */
import { VError } from '@vio/reactor'

/** The exit codes by name. */
export interface VExitCodes {
  /** Delivered: the peer has said how many bytes it got and their digest, and they match. */
  readonly ok: 0
  /** Something failed that no other number stands for. */
  readonly failure: 1
  /** The command line, the environment or the configuration is wrong. */
  readonly usage: 2
  /** No peer came, or a time-out. */
  readonly noPeer: 3
  /** The words of the code were not the same on both sides. */
  readonly authentication: 4
  /** The path that was asked for cannot be had. */
  readonly path: 5
  /** The peer gave up or refused. */
  readonly peerAborted: 6
  /** Reading or writing on this machine failed. */
  readonly localIO: 7
  /** All was sent, but the peer has not said that it has arrived. */
  readonly unknown: 8
  /** SIGINT. */
  readonly interrupted: 130
  /** SIGTERM. */
  readonly terminated: 143
}

/** The exit codes. */
export const EXIT: VExitCodes = Object.freeze({
  ok: 0,
  failure: 1,
  usage: 2,
  noPeer: 3,
  authentication: 4,
  path: 5,
  peerAborted: 6,
  localIO: 7,
  unknown: 8,
  interrupted: 130,
  terminated: 143,
})

/** One of the exit codes. */
export type VExitCode = VExitCodes[keyof VExitCodes]

/** Why a command ends with another code than 0, in words for a person. */
export class VCommandError extends VError {
  override readonly code = 'V_CLI'
  /** What the process ends with. */
  readonly exitCode: VExitCode
  /** What the person can do about it: one line. Empty where there is nothing to do. */
  readonly help: string

  /** @param what what happened: one line */
  constructor(exitCode: VExitCode, what: string, help = '', cause?: unknown) {
    super(what, cause === undefined ? undefined : { cause })
    this.exitCode = exitCode
    this.help = help
  }
}

/** The command line is wrong. @returns the error to throw */
export function usageError(what: string, help = ''): VCommandError {
  return new VCommandError(EXIT.usage, what, help)
}
