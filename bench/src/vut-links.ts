/**
 * VUT beside TCP over bad links: each controller of VUT beside the one of the same name in the kernel, over each link of
 * `test/lab/BASELINE.md`, in a lab of namespaces.
 *
 * A subject is a transfer of 8 seconds, or 16 where the round trip takes 200 ms, its beginning included; TCP is carried by
 * iperf3. Beside each stands the mean of a ping during the transfer, in ms, of which what exceeds the round trip of the
 * link is delay under load. The random losses are the same for the subjects of a round, and others in each round; where
 * they are few, a subject is several transfers side by side. A whole run, five rounds of 16 links, takes an hour. For a
 * quick look `V_BENCH_ROWS=100m_40ms,10m` chooses the rows whose names contain one of these texts, and
 * `V_BENCH_SECONDS=4` how long a transfer takes.
 *
 * The machine has to be quiet: a link of 300 Mbit/s takes most of two processors for two processes and the emulator. The
 * row `unlimited` has no link at all and tells what the processors do; it is no part of the least ratios.
 */
import type { Bench, BenchPair, BenchRatio, BenchSubject } from './harness.js'
import { labMissing, programMissing } from './links/lab.js'
import { type LinkRow, ROWS } from './links/rows.js'
import { type Carrier, type Transfer, transfer } from './links/transfers.js'

const CONTROLLERS = ['cubic', 'bbr'] as const
const CARRIERS: readonly Carrier[] = ['tcp', 'vut']
/** What the link with 5 % loss is to carry by bbr at least, in Mbit/s. */
const WANTED_AT_LOSS_MBIT = 80
const LOSS_ROW = '100m_40ms_loss5'

type Controller = (typeof CONTROLLERS)[number]

const seconds: number = Number(process.env['V_BENCH_SECONDS'] ?? 8)
const rows: readonly LinkRow[] = chosen(process.env['V_BENCH_ROWS'])

function chosen(texts: string | undefined): readonly LinkRow[] {
  if (texts === undefined || texts === '') return ROWS
  const wanted = texts.split(',')
  const found = ROWS.filter(({ key }) => wanted.some((text) => key.includes(text)))
  if (found.length > 0) return found
  throw new RangeError(`no row has ${texts} in its name; there are ${ROWS.map(({ key }) => key).join(', ')}`)
}

function nameOf(row: LinkRow, carrier: Carrier, controller: Controller): string {
  return `${row.key} ${carrier}_${controller}`
}

/** A transfer and what was seen beside it. */
function subjectsOf(
  row: LinkRow,
  carrier: Carrier,
  controller: Controller,
  absent: string | undefined,
): BenchSubject[] {
  let seed = 0
  let last: readonly Transfer[] = []
  const atOnce = controller === 'cubic' ? (row.cubicAtOnce ?? 1) : 1
  const without = absent === undefined ? {} : { absent }
  const measured = (subject: string, unit: string, value: () => Promise<number>): BenchSubject => ({
    subject,
    unit,
    load: 0,
    run: () => 0,
    value,
    ...without,
  })
  const name = nameOf(row, carrier, controller)
  return [
    measured(name, 'Mbit/s', async () => {
      last = await Promise.all(
        Array.from({ length: atOnce }, () => {
          seed += 1
          return transfer({
            carrier,
            congestion: controller,
            link: row.link,
            seconds: seconds * (row.longer ?? 1),
            seed,
          })
        }),
      )
      const missed = sum(last.map(({ link }) => link.missed))
      if (missed > 0) process.stderr.write(`${name}: the lab missed ${missed} packets\n`)
      return sum(last.map(({ mbitPerS }) => mbitPerS)) / atOnce
    }),
    {
      ...measured(`${name} ping`, 'ms', async () => sum(last.map(({ pingMs }) => pingMs)) / atOnce),
      ...withoutPing,
    },
  ]
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

const noPing: string | undefined = programMissing('ping', '-V')
const withoutPing: { readonly absent?: string } = noPing === undefined ? {} : { absent: noPing }

function subjects(): BenchSubject[] {
  const noLab = labMissing()
  const noTCP = noLab ?? programMissing('iperf3', '--version')
  const all = rows.flatMap((row) =>
    CONTROLLERS.flatMap((controller) =>
      CARRIERS.flatMap((carrier) => subjectsOf(row, carrier, controller, carrier === 'tcp' ? noTCP : noLab)),
    ),
  )
  const wanted: BenchSubject = {
    subject: 'wanted at 5 % loss',
    unit: 'Mbit/s',
    load: 0,
    run: () => 0,
    value: async () => WANTED_AT_LOSS_MBIT,
  }
  return [...all, wanted]
}

function pairOf(row: LinkRow, controller: Controller): BenchPair {
  return { of: nameOf(row, 'vut', controller), over: nameOf(row, 'tcp', controller) }
}

/** The least of all links, then each of them. */
function ratiosOf(controller: Controller): BenchRatio[] {
  const links = rows.filter(({ isLink }) => isLink !== false)
  const [first, ...others] = links.map((row) => pairOf(row, controller))
  const least = first && { key: `links_${controller}_min`, ...first, orLess: others, target: 0.95 }
  const each = rows.map((row) => ({ key: `${row.key}_${controller}`, ...pairOf(row, controller) }))
  return least === undefined ? each : [least, ...each]
}

function lossRatio(): BenchRatio[] {
  const row = rows.find(({ key }) => key === LOSS_ROW)
  if (row === undefined) return []
  return [{ key: 'bbr_loss5_of_80', of: nameOf(row, 'vut', 'bbr'), over: 'wanted at 5 % loss', target: 1 }]
}

/** VUT beside TCP over the links of the lab. */
export const bench: Bench = {
  name: 'vut-links',
  what: 'one stream over bad links: VUT beside TCP with the same controller, and a ping during the transfer',
  subjects,
  ratios: [...CONTROLLERS.flatMap(ratiosOf), ...lossRatio()],
  rounds: 5,
  measure: { warmupRounds: 0 },
}
