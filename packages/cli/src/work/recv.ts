/**
 * `vut recv`: what the other side sends.
 *
 * Decides who is asked before anything is written: the person at the terminal, or an option that has answered already.
 * Invariant: no file is there under its name before it is whole, and none that was there is touched unless that was asked
 * for.
 */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { VCommandContext } from '../command.js'
import { EXIT, usageError, VCommandError, type VExitCode } from '../exit-codes.js'
import { meet } from '../meet.js'
import { ask, canAsk } from '../prompt.js'
import { describeOffer, describeTotal } from '../transfer/describe.js'
import { receiveFiles } from '../transfer/receive-files.js'
import { planTarget, type VOffer, type VTakenPolicy, type VTargetPlan } from '../transfer/target.js'
import { TRANSFER_WISHES } from '../transfer/wishes.js'

/** The options that answer the question, and what they mean. */
const ANSWERS: Readonly<Record<string, VTakenPolicy>> = {
  yes: 'refuse',
  overwrite: 'overwrite',
  rename: 'rename',
  resume: 'resume',
}

/** Does it. @returns the exit code */
export async function runRecv(context: VCommandContext): Promise<VExitCode> {
  const { given, view } = context
  const answer = answerOf(context)
  const folder = await folderOf(context)
  const meeting = await meet(context, {
    operand: given.operands[0],
    asks: true,
    counterpart: 'send PATH...',
    transport: TRANSFER_WISHES,
  })
  try {
    const { bytes, seconds, files, sha256, places } = await receiveFiles(context, meeting, {
      replaces: answer === 'overwrite',
      decide: (offer, signal) => decide(context, { offer, folder, answer, signal }),
    })
    const proof = sha256 === undefined ? {} : { digest: sha256 }
    for (const place of places) view.print(place)
    view.tell({ type: 'done', bytes, seconds, files, ...proof })
    return EXIT.ok
  } finally {
    await meeting.close()
  }
}

interface Question {
  readonly offer: VOffer
  readonly folder: string
  readonly answer: VTakenPolicy | undefined
  readonly signal: AbortSignal
}

async function decide(context: VCommandContext, question: Question): Promise<VTargetPlan> {
  const { offer, folder, answer, signal } = question
  const { entries } = offer
  const list = describeOffer(entries)
  if (answer !== undefined) context.view.print(list)
  const plan = await planTarget(folder, offer, answer ?? 'refuse')
  if (answer !== undefined) return plan
  // The list belongs to the question, so it is shown whatever else is left out.
  context.view.pause()
  context.stderr.write(`${list}\n`)
  const reply = await ask(context, `take ${describeTotal(entries)} into ${folder}? [Y/n] `, signal)
  if (/^(y(es)?)?$/i.test(reply)) return plan
  throw new VCommandError(EXIT.failure, 'the offer was not taken')
}

/** What answers the question without a person. @throws VCommandError (2) if nothing does and nobody can be asked */
function answerOf(context: VCommandContext): VTakenPolicy | undefined {
  const { given } = context
  const names = Object.keys(ANSWERS).filter((name) => given.flag(name))
  const [name, other] = names.filter((each, _, all) => each !== 'yes' || all.length === 1)
  if (other !== undefined) throw usageError(`--${name} and --${other} exclude each other`, 'give one of them')
  if (name !== undefined) return ANSWERS[name]
  if (canAsk(context)) return undefined
  const why = given.flag('json') ? 'with --json nobody is asked' : 'there is no terminal to ask'
  throw usageError(`${why} whether the files may come`, 'add --yes, or --rename, --overwrite or --resume')
}

async function folderOf({ given, folder }: VCommandContext): Promise<string> {
  const path = resolve(folder, given.text('out') ?? '.')
  const about = await stat(path).catch(() => undefined)
  if (about?.isDirectory()) return path
  const what = about === undefined ? 'is not there' : 'is no folder'
  throw new VCommandError(EXIT.localIO, `"${path}" ${what}`, 'make it, or choose another by --out')
}
