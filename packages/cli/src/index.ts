/**
 * The public names of this package: the command for programs and tests. No logic.
 */
export { optionsOf, parseArguments } from './arguments.js'
export type { VCommand, VCommandContext, VCommandRun, VOptionSpec } from './command.js'
export { COMMANDS } from './commands/table.js'
export { type VCliContext, VInterrupted, type VTerminals } from './context.js'
export { EXIT, usageError, VCommandError, type VExitCode, type VExitCodes } from './exit-codes.js'
export { failureOf } from './failure.js'
export { VGiven, type VGivenValue } from './given.js'
export { helpOf, helpOfAll } from './help.js'
export { meet, type VMeetOptions } from './meet.js'
export type { VMeeter, VMeeting, VMeetRequest, VPathPolicy, VTransportWishes } from './meeting.js'
export { runVut } from './run.js'
export { runMain } from './run-main.js'
export { VERSION } from './version.js'
export * from './view/event.js'
export type { IVView } from './view/view.js'
