/**
 * The report as lines for a person.
 *
 * Decides the words. Invariant: nothing is told here that `--json` does not tell.
 */
import { escapeLogText } from '@vio/reactor'
import type { DoctorReport, FamilyFinding, Outlook } from './report.js'

const OUTLOOK: Readonly<Record<Outlook, string>> = {
  direct: 'direct connections with almost everybody',
  'direct-mostly': 'direct connections where the other side has no NAT, or an easy one; else by the relay',
  relay: 'everything goes by the relay',
  none: 'nobody can be met: no relay can be reached',
  unknown: 'cannot be told without a relay',
}

const WIDTH = 14

/** The report as text, a line for each finding. */
export function formatReport(report: DoctorReport): string {
  const lines: string[] = []
  const add = (name: string, text: string): void => {
    // Some of it are others' words, which must not move the cursor.
    lines.push(`${name.padEnd(WIDTH)}${escapeLogText(text)}`)
  }
  for (const { address, interface: name, scope } of report.addresses)
    add('address', `${address}  ${name}, ${scope}`)
  if (report.addresses.length === 0) add('address', 'none')
  if (report.interfaceMtu !== undefined)
    add('mtu', `${report.interfaceMtu} bytes at the interface that leads out`)
  for (const { name, reachable, rttMs, error } of report.relays)
    add('relay', `${name}  ${reachable ? `reached in ${rttMs} ms` : `not reached: ${error ?? 'no answer'}`}`)
  if (report.relays.length === 0) add('relay', 'none was named')
  for (const family of report.families) add(`udp v${family.family}`, familyWords(family))
  add('port mapping', mappingWords(report))
  add('outlook', OUTLOOK[report.outlook])
  for (const [at, text] of report.advice.entries()) add(at === 0 ? 'to change' : '', text)
  return `${lines.join('\n')}\n`
}

function familyWords({
  udp,
  outside,
  rttMs,
  translates,
  mapping,
  filtering,
  ports,
  largestDatagram,
}: FamilyFinding): string {
  if (!udp) return 'no answer to datagrams'
  const parts = [`seen as ${outside ?? 'unknown'}${rttMs === undefined ? '' : ` in ${rttMs} ms`}`]
  if (translates) parts.push(`NAT: mapping ${mapping}, filtering ${filtering}, ports ${ports}`)
  else parts.push(`no NAT, filtering ${filtering}`)
  if (largestDatagram !== undefined) parts.push(`datagrams up to ${largestDatagram} bytes`)
  return parts.join('; ')
}

function mappingWords({ portMapping: { available, router, protocol, external } }: DoctorReport): string {
  if (available) return `yes, by ${protocol} at ${router}: ${external}`
  return router === undefined ? 'no router is known here' : `no: ${router} does not answer, or refuses`
}
