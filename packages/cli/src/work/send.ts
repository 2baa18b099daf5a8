/**
 * `vut send`: files and folders to the other side.
 *
 * Decides what is checked before anybody is met: what cannot be sent is told at once. How it travels is `transfer/`.
 * Invariant: it ends with 0 only when the peer has confirmed every file.
 */
import type { VCommandContext } from '../command.js'
import { EXIT, type VExitCode } from '../exit-codes.js'
import { meet } from '../meet.js'
import { showName } from '../transfer/names.js'
import { sendFiles } from '../transfer/send-files.js'
import { gatherSources } from '../transfer/source.js'
import { TRANSFER_WISHES } from '../transfer/wishes.js'

/** Does it. @returns the exit code */
export async function runSend(context: VCommandContext): Promise<VExitCode> {
  const { given, view, folder } = context
  const sources = await gatherSources(folder, given.operands, {
    skipsSpecial: given.flag('skip-special'),
    onSkipped: (file) => view.tell({ type: 'warning', text: `left out: ${showName(file)}` }),
  })
  const meeting = await meet(context, {
    operand: undefined,
    asks: false,
    counterpart: 'recv',
    transport: TRANSFER_WISHES,
  })
  try {
    const { bytes, seconds, files, sha256 } = await sendFiles(context, meeting, sources)
    const proof = sha256 === undefined ? {} : { digest: sha256 }
    view.tell({ type: 'done', bytes, seconds, files, ...proof })
    return EXIT.ok
  } finally {
    await meeting.close()
  }
}
