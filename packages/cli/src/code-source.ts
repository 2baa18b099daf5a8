/**
 * Where the code comes from: the line, a file, the environment, or the person.
 *
 * Decides the order. Invariant: what comes back was read as a code, so that a mistyped one costs no attempt; a code is
 * never told again in an error.
 */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { formatCode, parseCode, VCodeError } from '@vio/nat'
import type { VCommandContext } from './command.js'
import { usageError } from './exit-codes.js'
import { ask, canAsk } from './prompt.js'

/** How a command deals with its code. */
export interface VCodeQuestion {
  /** The operand, if the line has one. */
  readonly operand: string | undefined
  /** True to ask the person if there is one and no code. An empty answer means: make one. */
  readonly asks: boolean
}

/** The code to go with, in its full spelling; undefined if one is to be made. @throws VCommandError (2) for one that is none */
export async function codeFrom(
  context: VCommandContext,
  question: VCodeQuestion,
): Promise<string | undefined> {
  const { given, env } = context
  const file = given.text('code-file')
  if (question.operand !== undefined && file !== undefined) {
    throw usageError('the code stands on the line and in --code-file', 'give one of them')
  }
  if (question.operand !== undefined) return checkCode(question.operand)
  if (file !== undefined) return checkCode(await readCode(resolve(context.folder, file)))
  if (env['VUT_CODE']) return checkCode(env['VUT_CODE'])
  if (!question.asks || !canAsk(context)) return undefined
  return await askForCode(context)
}

async function askForCode(context: VCommandContext): Promise<string | undefined> {
  for (;;) {
    const answer = await ask(context, 'code (empty to make one): ')
    if (answer === '') return undefined
    try {
      return checkCode(answer)
    } catch (error) {
      context.view.tell({ type: 'warning', text: (error as Error).message })
    }
  }
}

async function readCode(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw usageError(`the code cannot be read: ${(error as Error).message}`)
  }
}

function checkCode(text: string): string {
  try {
    return formatCode(parseCode(text))
  } catch (error) {
    if (error instanceof VCodeError) throw usageError(error.message)
    throw error
  }
}
