/**
 * The table of commands.
 *
 * Decides their order in the help. Invariant: what is not in this table does not exist; help and completion are made of it.
 */
import type { VCommand } from '../command.js'
import { COMPLETION_COMMAND } from './completion.js'
import { DEMO_COMMAND } from './demo.js'
import { DOCTOR_COMMAND } from './doctor.js'
import { FORWARD_COMMAND } from './forward.js'
import { PIPE_COMMAND } from './pipe.js'
import { RECV_COMMAND } from './recv.js'
import { RELAY_COMMAND } from './relay.js'
import { SEND_COMMAND } from './send.js'

/** All commands. */
export const COMMANDS: readonly VCommand[] = [
  SEND_COMMAND,
  RECV_COMMAND,
  PIPE_COMMAND,
  FORWARD_COMMAND,
  RELAY_COMMAND,
  DOCTOR_COMMAND,
  DEMO_COMMAND,
  COMPLETION_COMMAND,
]
