/**
 * From anything that was thrown to an exit code and two lines for the person.
 *
 * Decides which error is which code. Invariant: what is thrown on purpose keeps its words; what nobody foresaw is a
 * failure (1) with the words of the error, never a stack.
 */
import { VIOLost, VIOTimeout } from '@vio/io'
import {
  VCodeError,
  VConnecterError,
  VControlLinkError,
  VPakeError,
  VRelayAddressError,
  VRelayQuotaError,
  VRendezvousError,
} from '@vio/nat'
import { VUDPLost, VUT_CODE } from '@vio/vudp'
import { VInterrupted } from './context.js'
import { EXIT, VCommandError } from './exit-codes.js'

/** The error as one that a command ends with. */
export function failureOf(error: unknown): VCommandError {
  if (error instanceof VCommandError) return error
  if (error instanceof VInterrupted) {
    const code = error.signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated
    return new VCommandError(code, error.message, '', error)
  }
  if (error instanceof VCodeError) return new VCommandError(EXIT.usage, error.message, '', error)
  if (error instanceof VRelayAddressError) return new VCommandError(EXIT.usage, error.message, '', error)
  if (error instanceof VRelayQuotaError) return new VCommandError(EXIT.usage, error.message, '', error)
  if (error instanceof VRendezvousError) return meetingFailure(error)
  if (error instanceof VConnecterError) return connecterFailure(error)
  if (error instanceof VControlLinkError) return new VCommandError(EXIT.noPeer, error.message, '', error)
  if (error instanceof VPakeError) {
    return new VCommandError(EXIT.authentication, 'the words were not the same on both sides', AGAIN, error)
  }
  if (error instanceof VUDPLost) return lostFailure(error)
  if (error instanceof VIOTimeout) {
    return new VCommandError(
      EXIT.noPeer,
      error.message,
      'see that both sides are there, and begin again',
      error,
    )
  }
  if (error instanceof VIOLost && error.cause !== undefined) return failureOf(error.cause)
  return systemFailure(error) ?? new VCommandError(EXIT.failure, textOf(error), '', error)
}

const AGAIN = 'begin again on both sides: a code is good for one attempt'

function meetingFailure(error: VRendezvousError): VCommandError {
  const isAuthentication = error.reason === 'wrong-words' || error.reason === 'burnt'
  if (isAuthentication) return new VCommandError(EXIT.authentication, error.message, AGAIN, error)
  return new VCommandError(EXIT.noPeer, error.message, '', error)
}

function connecterFailure(error: VConnecterError): VCommandError {
  const { cause } = error
  if (error.reason === 'path-refused') return new VCommandError(EXIT.path, error.message, '', error)
  if (error.reason === 'socket') return new VCommandError(EXIT.localIO, error.message, '', error)
  if (cause instanceof VRendezvousError) return meetingFailure(cause)
  return new VCommandError(EXIT.noPeer, error.message, '', error)
}

function lostFailure(error: VUDPLost): VCommandError {
  if (error.byPeer) return new VCommandError(EXIT.peerAborted, 'the other side gave up', '', error)
  if (error.closeCode === VUT_CODE.handshakeTimeout) {
    return new VCommandError(EXIT.noPeer, 'the other side does not answer', 'try --path relay', error)
  }
  return new VCommandError(EXIT.failure, 'the connection was lost', 'begin again', error)
}

/** What a person can do about the commonest errors of the system. */
const SYSTEM_HELP: Readonly<Record<string, string>> = {
  EACCES: 'see who may read and write there',
  EPERM: 'see who may read and write there',
  ENOENT: 'see how the name is written',
  ENOSPC: 'make room, then go on with --resume',
  EDQUOT: 'make room, then go on with --resume',
  EROFS: 'choose another folder by --out',
  EADDRINUSE: 'choose another port, or end the program that has it',
}

/** An error that has the short name of the system: something local. */
function systemFailure(error: unknown): VCommandError | undefined {
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown }
  if (!(error instanceof Error)) return undefined
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code) || typeof syscall !== 'string') return undefined
  return new VCommandError(EXIT.localIO, error.message, SYSTEM_HELP[code] ?? '', error)
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n', 1)[0] ?? ''
}
