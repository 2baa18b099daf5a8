/**
 * From what ended a pipe to what the command says and ends with.
 *
 * Decides which exit code each end has. The rule: 0 needs the receipt of the other side; once bytes were sent without
 * one, a connection that breaks leaves open what has arrived, which is 8. Invariant: what is known to have gone wrong on
 * this machine, or to have been broken off by the other side, is never called unknown.
 */
import { VUDPLost } from '@vio/vudp'
import { EXIT, VCommandError } from '../exit-codes.js'
import { failureOf } from '../failure.js'
import { type Receipt, sameReceipt } from './receipt.js'

/** What a receipt is held against. @throws VCommandError (1) if they differ */
export function checkReceipt(theirs: Receipt, own: Receipt): void {
  if (sameReceipt(theirs, own)) return
  const what =
    theirs.bytes === own.bytes
      ? 'the other side got other bytes than were sent here'
      : `the other side got ${theirs.bytes} bytes, ${own.bytes} were sent here`
  throw new VCommandError(EXIT.failure, what, 'do not use them, and send them again')
}

/** The connection ended before its time. @param isOpen bytes were sent, and no receipt has come */
export function lostPipe(reason: unknown, isOpen: boolean): VCommandError {
  const failure = failureOf(reason)
  if (reason instanceof VUDPLost && reason.byPeer) {
    return new VCommandError(EXIT.peerAborted, `the other side gave up: ${textOf(reason)}`, '', reason)
  }
  if (!isOpen || failure.exitCode !== EXIT.failure) return failure
  const help = 'ask on the other side what has arrived'
  return new VCommandError(
    EXIT.unknown,
    'the connection was lost, and how much has arrived is not known',
    help,
    reason,
  )
}

/** Reading or writing failed on this machine. */
export function localFailure(what: 'input' | 'output', reason: Error | undefined): VCommandError {
  const failure = failureOf(reason?.cause ?? reason)
  if (what === 'output' && failure.exitCode === EXIT.localIO && !isGone(failure.cause)) {
    const text = `the output cannot be written: ${failure.message}`
    return new VCommandError(EXIT.localIO, text, 'see what it leads to, and begin again', reason)
  }
  if (what === 'output') {
    const help = 'the program that reads it has ended, or it cannot be written to'
    return new VCommandError(EXIT.localIO, 'the output was closed before everything had come', help, reason)
  }
  return new VCommandError(
    EXIT.localIO,
    `the input cannot be read: ${reason?.message ?? 'it broke off'}`,
    '',
    reason,
  )
}

/** The program that reads has ended; everything else is the disk's. */
function isGone(cause: unknown): boolean {
  return (cause as { readonly code?: unknown } | undefined)?.code === 'EPIPE'
}

/** What the peer said when it ended the connection. */
function textOf(reason: VUDPLost): string {
  return reason.message.replace(/^the peer ended the connection: /, '').replace(/ \(code \d+\)$/, '')
}
