/**
 * `vut forward`: ports and sockets of one machine, reached from the other.
 *
 * Decides what the line means, which side may be asked for what, and what is told; the forwarding itself is `forward/`.
 * Invariant: a port of this machine that cannot be had is told before anybody is met.
 */
import type { VCommandContext } from '../command.js'
import { EXIT, usageError, VCommandError, type VExitCode } from '../exit-codes.js'
import { AllowList, DEFAULT_RULES } from '../forward/allow.js'
import {
  ForwardListenError,
  ForwardProtocol,
  ForwardRefused,
  ForwardUsage,
  printable,
} from '../forward/errors.js'
import type { ForwardEvent } from '../forward/events.js'
import { Forwarder } from '../forward/forwarder.js'
import {
  type ForwardFlag,
  type ForwardSpec,
  formatListen,
  formatSpec,
  parseForward,
} from '../forward/spec.js'
import type { VGiven } from '../given.js'
import { meet } from '../meet.js'
import { formatBytes } from '../view/format.js'

const FLAGS: readonly (readonly [ForwardFlag, string])[] = [
  ['-L', 'local'],
  ['-R', 'remote'],
  ['-D', 'dynamic'],
  ['-U', 'unix'],
]

/** Does it. @returns the exit code */
export async function runForward(context: VCommandContext): Promise<VExitCode> {
  const { given, view, reactor, signal, env } = context
  const listens = given.flag('listen')
  const operand = given.operands[0]
  const { specs, allow } = asUsage(() => ({ specs: specsOf(given), allow: allowOf(given, listens) }))
  checkLine({ listens, hasCode: hasCode(given, env), isEmpty: specs.length === 0 && allow.isEmpty })
  const forwarder = new Forwarder(reactor, { specs, allow, tell: (event) => tell(context, event) })
  try {
    await forwarder.listen()
    const meeting = await meet(context, {
      operand,
      asks: !listens,
      counterpart: 'forward -L 8080:localhost:80',
      transport: forwarder.wishes,
    })
    try {
      tellRules(context, allow)
      await forwarder.run(meeting.transport, signal)
    } finally {
      await meeting.close()
    }
  } catch (error) {
    throw commandError(error)
  } finally {
    forwarder.close()
  }
  view.print('the other side has ended the connection')
  return EXIT.ok
}

function specsOf(given: VGiven): readonly ForwardSpec[] {
  return FLAGS.flatMap(([flag, name]) => given.texts(name).map((text) => parseForward(flag, text)))
}

/** What the other side may ask for: what was said, else this machine's own ports on the side that waits. */
function allowOf(given: VGiven, listens: boolean): AllowList {
  const rules = given.texts('allow')
  return new AllowList(rules.length > 0 ? rules : listens ? DEFAULT_RULES : [])
}

function hasCode(given: VGiven, env: VCommandContext['env']): boolean {
  return given.operands.length > 0 || given.text('code-file') !== undefined || Boolean(env['VUT_CODE'])
}

function checkLine(line: { listens: boolean; hasCode: boolean; isEmpty: boolean }): void {
  if (line.listens && line.hasCode)
    throw usageError('--listen makes a code, and there is one already', 'give the code or --listen, not both')
  if (line.isEmpty)
    throw usageError(
      'nothing is to be forwarded',
      'add -L 8080:localhost:80, or --listen on the side that is to be reached',
    )
}

function tellRules({ view, given }: VCommandContext, allow: AllowList): void {
  if (allow.isEmpty) return
  const rules =
    given.texts('allow').length > 0 ? allow.texts.map(printable).join(', ') : 'ports of this machine'
  view.print(`the other side may reach: ${rules}`)
}

/** An event of the forwards, as lines for a person and as events for programs. */
function tell({ view }: VCommandContext, event: ForwardEvent): void {
  switch (event.type) {
    case 'ready': {
      const lines = event.listening.map(({ spec, at }) => wordsOf(spec, at))
      view.tell({ type: 'phase', phase: 'transferring', detail: ['ready', ...lines].join('; ') })
      for (const line of lines) view.print(line)
      break
    }
    case 'serving':
      view.print(`${formatListen(event.at)} -> peer`)
      break
    case 'refused':
      view.tell({
        type: 'warning',
        text: `refused: the other side asked for ${printable(event.what)}; --allow ${printable(event.rule)} would let it`,
      })
      break
    case 'failed':
      view.tell({ type: 'warning', text: event.error.message })
      break
    case 'opened':
      view.tell({ type: 'detail', text: `opened ${printable(event.what)}` })
      break
    case 'closed':
      view.tell({ type: 'detail', text: closedWords(event) })
  }
}

function wordsOf(spec: ForwardSpec, at: string): string {
  // With the port that was found in place of the one that was asked for.
  return formatSpec(spec).replace(formatListen(spec.listen), printable(at))
}

function closedWords(event: Extract<ForwardEvent, { type: 'closed' }>): string {
  const { what, sentBytes, receivedBytes, clean } = event
  const how = clean ? 'closed' : 'broken off'
  return `${how} ${printable(what)}: ${formatBytes(sentBytes)} sent, ${formatBytes(receivedBytes)} received`
}

/** What the parts throw for a wrong line, as the command's error. */
function asUsage<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw commandError(error)
  }
}

function commandError(error: unknown): unknown {
  if (error instanceof ForwardUsage) return usageError(error.message)
  if (error instanceof ForwardListenError) return new VCommandError(EXIT.localIO, error.message, '', error)
  if (error instanceof ForwardRefused) {
    const help = error.status === 'forbidden' ? 'the other side has to allow it by --allow' : ''
    return new VCommandError(EXIT.peerAborted, error.message, help, error)
  }
  if (error instanceof ForwardProtocol) return new VCommandError(EXIT.failure, error.message, '', error)
  return error
}
