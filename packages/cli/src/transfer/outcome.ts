/**
 * What the end of a transfer is called.
 *
 * Decides which exit code an end has. Invariant: 8 stands only where everything was sent and nothing is known of it.
 */
import { VUDPLost, VUT_CODE } from '@vio/vudp'
import { EXIT, VCommandError } from '../exit-codes.js'
import { failureOf } from '../failure.js'
import type { VTransferEnd } from './machine.js'

/** The failure that an unclean end of a transfer is. `sentAll` if nothing but receipts is missing. */
export function endFailure(end: VTransferEnd, sentAll: boolean): VCommandError {
  switch (end.type) {
    case 'aborted':
      return new VCommandError(EXIT.peerAborted, `the other side gave up: ${end.reason}`)
    case 'failed':
      return failureOf(end.error)
    default:
      return lostFailure(end.type === 'lost' ? end.reason : undefined, sentAll)
  }
}

function lostFailure(reason: Error | undefined, sentAll: boolean): VCommandError {
  if (reason instanceof VUDPLost && reason.byPeer && reason.closeCode === VUT_CODE.aborted) {
    return new VCommandError(EXIT.peerAborted, 'the other side gave up', '', reason)
  }
  if (sentAll) {
    const help = 'look there, or send it again: vut recv --resume takes what is missing'
    return new VCommandError(
      EXIT.unknown,
      'all was sent, but the other side has not said that it has it',
      help,
      reason,
    )
  }
  const help = 'begin again on both sides, there with vut recv --resume'
  const why = reason === undefined ? '' : `: ${reason.message}`
  return new VCommandError(EXIT.failure, `the connection was lost before all was there${why}`, help, reason)
}
