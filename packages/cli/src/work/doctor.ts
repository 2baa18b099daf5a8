/**
 * `vut doctor`: what this network allows, and what would help.
 *
 * Decides which relays are asked and how the report is shown; looking and judging are `doctor/`. Invariant: it changes
 * nothing, and what it opened at a router for the examination is given back.
 */
import { parseRelayAddress } from '@vio/nat'
import type { VCommandContext } from '../command.js'
import { examine } from '../doctor/examine.js'
import { conclude } from '../doctor/report.js'
import { formatReport } from '../doctor/words.js'
import { EXIT, VCommandError, type VExitCode } from '../exit-codes.js'
import { readSettings, relaysOf } from '../settings.js'

/** Does it. @returns the exit code */
export async function runDoctor(context: VCommandContext): Promise<VExitCode> {
  const { given, env, reactor, random, signal, stdout } = context
  const lists = [given.texts('relay'), relaysOf(env), readSettings(env).relays ?? []]
  // A relay of one's own, for which `self` stands, tells nothing about the network.
  const relays = (lists.find((list) => list.length > 0) ?? []).filter((relay) => relay !== 'self')
  // An address that is none is no finding about the network.
  for (const relay of relays) parseRelayAddress(relay)
  const report = conclude(await examine({ reactor, random, relays, signal }))
  stdout.write(given.flag('json') ? `${JSON.stringify(report)}\n` : formatReport(report))
  if (report.outlook !== 'none') return EXIT.ok
  throw new VCommandError(EXIT.noPeer, 'no relay can be reached', report.advice[0] ?? '')
}
