/**
 * What the other side of a transfer did wrong.
 *
 * Decides nothing. Invariant: it is never thrown for what this side or its disk did.
 */
import { VIOError } from '@vio/io'

/** The other side broke the rules of the transfer. */
export class VTransferFault extends VIOError {
  override readonly code = 'V_TRANSFER_FAULT'

  constructor(what: string) {
    super(`the other side breaks the rules of the transfer: ${what}`)
  }
}
