/**
 * Measures subjects beside each other and reports the result.
 *
 * Decides the order of measurement, what a value and a ratio are, and the shape of the report. What a subject does is
 * its own affair, but it has to prove its work: it returns how much arrived, and a round that falls short throws.
 * Invariant: subjects take turns (A B C, A B C, ...) in one process, and a ratio is the median of the ratios of the
 * single rounds, so that a slow minute of the machine weighs on both sides of it alike.
 */
import { performance } from 'node:perf_hooks'

/** One thing to measure. Every subject of a ratio moves the same load in the same portions. */
export interface BenchSubject {
  /** Name in the report, unique in its bench. */
  readonly subject: string
  /** Unit of the value, a rate in which greater is better: `MB/s`, `calls/s`. */
  readonly unit: string
  /** How much one run moves: bytes, calls, whatever the unit counts. */
  readonly load: number
  /** How much of the load makes one of the unit; default 1. For bytes and `MB/s` it is 1e6. */
  readonly loadPerUnit?: number
  /** Called once a round, before it is warmed: makes anew what chance decides about, as which memory a process has got. */
  readonly begin?: () => void | Promise<void>
  /** Gets ready for one run; its time does not count. */
  readonly prepare?: () => void | Promise<void>
  /** One run, timed. Returns how much arrived at the end, counted there; anything but `load` is an error. */
  readonly run: () => number | Promise<number>
  /** For what is no rate of work, as memory: measures by itself, once a round, and returns the value. `run` is not called. */
  readonly value?: () => Promise<number>
  /** Why the subject cannot run on this machine. Set, it is left out, and so are its ratios, with this reason. */
  readonly absent?: string
}

/** Two subjects that are compared. */
export interface BenchPair {
  readonly of: string
  readonly over: string
}

/** How many times faster one subject is than another. */
export interface BenchRatio {
  readonly key: string
  /** The subject that is to be faster. */
  readonly of: string
  /** The subject it is compared with. */
  readonly over: string
  /** Another pair, or several: the ratio is the least of all. */
  readonly orLess?: BenchPair | readonly BenchPair[]
  /** The least that the project wants; shown in the table only. */
  readonly target?: number
}

/** What a file of this folder exports as `bench`. */
export interface Bench {
  readonly name: string
  /** One line for the list of benches. */
  readonly what: string
  readonly subjects: () => readonly BenchSubject[] | Promise<readonly BenchSubject[]>
  readonly ratios: readonly BenchRatio[]
  /** Timed rounds, at least five; default 7. */
  readonly rounds?: number
  /** Overrides of how long and how often a subject runs, see {@link MeasureOptions}. */
  readonly measure?: Pick<MeasureOptions, 'warmMs' | 'timedMs' | 'warmupRounds'>
}

/** The JSON object that a bench prints. */
export interface BenchReport {
  readonly name: string
  readonly results: readonly { readonly subject: string; readonly unit: string; readonly value: number }[]
  readonly ratios: Readonly<Record<string, number>>
  /** Ratio keys that could not be measured, with the reason. Left out when there are none. */
  readonly skipped?: Readonly<Record<string, string>>
}

/** Options of {@link measureInTurn}. */
export interface MeasureOptions {
  /** Timed rounds; at least five, or the median says little. */
  readonly rounds: number
  /** Rounds before the first timed one; default 1. */
  readonly warmupRounds?: number
  /** How long each subject runs untimed, in each round, before it is timed; at least one run. Default 100. */
  readonly warmMs?: number
  /** How long each subject runs when it is timed; at least one run. Default 200: one run may be too short. */
  readonly timedMs?: number
}

/** The rates of one subject, one for each round in order. */
export type Rates = ReadonlyMap<string, readonly number[]>

const MIN_ROUNDS = 5
const DEFAULT_WARM_MS = 100
const DEFAULT_TIMED_MS = 200

/**
 * Measures every subject once a round, in the order given, and returns the rates of all rounds by subject.
 *
 * Throws RangeError for fewer than five rounds or two subjects of one name, and Error when a run loses part of its load.
 */
export async function measureInTurn(
  subjects: readonly BenchSubject[],
  options: MeasureOptions,
): Promise<Rates> {
  if (!Number.isInteger(options.rounds) || options.rounds < MIN_ROUNDS) {
    throw new RangeError(`${options.rounds} rounds asked for, at least ${MIN_ROUNDS} are needed for a median`)
  }
  const rates = new Map<string, number[]>()
  for (const each of subjects) {
    if (rates.has(each.subject)) throw new RangeError(`two subjects are called ${each.subject}; rename one`)
    rates.set(each.subject, [])
  }
  const warmupRounds = options.warmupRounds ?? 1
  for (let round = -warmupRounds; round < options.rounds; round++) {
    for (const each of subjects) {
      const rate = await measureOnce(each, options)
      if (round >= 0) rates.get(each.subject)?.push(rate)
    }
  }
  return rates
}

/** The middle value, or the mean of the two middle ones. Throws RangeError for an empty list. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median of 0 values; give at least 1')
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[sorted.length >> 1] ?? Number.NaN
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** Measures a bench and builds its report. Absent subjects are left out, their ratios go to `skipped`. */
export async function runBench(bench: Bench, rounds: number = bench.rounds ?? 7): Promise<BenchReport> {
  const all = await bench.subjects()
  const present = all.filter((each) => each.absent === undefined)
  const rates = await measureInTurn(present, { ...bench.measure, rounds })
  const ratios: Record<string, number> = {}
  const skipped: Record<string, string> = {}
  for (const ratio of bench.ratios) {
    const reason = absenceOf(all, ratio)
    if (reason !== undefined) skipped[ratio.key] = reason
    else ratios[ratio.key] = rounded(ratioOf(rates, ratio))
  }
  const results = present.map(({ subject, unit }) => ({
    subject,
    unit,
    value: rounded(median(rates.get(subject) ?? [])),
  }))
  const report = { name: bench.name, results, ratios }
  return Object.keys(skipped).length === 0 ? report : { ...report, skipped }
}

/** The report as a table for people. */
export function formatReport(bench: Bench, report: BenchReport): string {
  const width = Math.max(...report.results.map((each) => each.subject.length), 8) + 2
  const lines = [`${bench.name}: ${bench.what}`, '']
  for (const { subject, unit, value } of report.results) {
    lines.push(`  ${subject.padEnd(width)}${String(value).padStart(12)} ${unit}`)
  }
  if (bench.ratios.length > 0) lines.push('')
  for (const { key, of, over, target } of bench.ratios) {
    const value = report.ratios[key]
    if (value === undefined) continue
    const wanted =
      target === undefined ? '' : value >= target ? `  (wanted ${target})` : `  (wanted ${target}: MISSED)`
    lines.push(`  ${key}: ${value} times  [${of} over ${over}]${wanted}`)
  }
  for (const [key, reason] of Object.entries(report.skipped ?? {})) lines.push(`  ${key}: skipped, ${reason}`)
  return `${lines.join('\n')}\n`
}

/** Runs one subject until it is warm, then timed. Returns units a second. */
async function measureOnce(each: BenchSubject, options: MeasureOptions): Promise<number> {
  // What the subject before left behind is not this subject's to clear away. There with `node --expose-gc` only. The
  // engine also drops its optimised code for classes that have no instance just then, of any subject, and needs some
  // tens of milliseconds to make it again: a program that runs for longer never sees that.
  globalThis.gc?.()
  await each.begin?.()
  if (each.value !== undefined) return await each.value()
  await runFor(each, options.warmMs ?? DEFAULT_WARM_MS)
  const { runs, elapsedMs } = await runFor(each, options.timedMs ?? DEFAULT_TIMED_MS)
  return (runs * each.load) / (each.loadPerUnit ?? 1) / (elapsedMs / 1000)
}

/** Runs in a row, at least one, until they took `leastMs` together. */
async function runFor(each: BenchSubject, leastMs: number): Promise<{ runs: number; elapsedMs: number }> {
  let runs = 0
  let elapsedMs = 0
  do {
    elapsedMs += await runChecked(each)
    runs += 1
  } while (elapsedMs < leastMs)
  return { runs, elapsedMs }
}

/** One run and its proof; returns how long it took, without getting ready. */
async function runChecked(each: BenchSubject): Promise<number> {
  await each.prepare?.()
  const startedAt = performance.now()
  const outcome = each.run()
  const arrived = typeof outcome === 'number' ? outcome : await outcome
  const elapsedMs = performance.now() - startedAt
  if (arrived !== each.load) throw new Error(`${each.subject}: ${arrived} arrived of a load of ${each.load}`)
  return elapsedMs
}

/** Median over the rounds of the ratio within each round; the least one, where a ratio has several pairs. */
function ratioOf(rates: Rates, ratio: BenchRatio): number {
  return Math.min(
    ...pairsOf(ratio).map(({ of, over }) => {
      const under = rates.get(over) ?? []
      return median((rates.get(of) ?? []).map((rate, round) => rate / (under[round] ?? Number.NaN)))
    }),
  )
}

function pairsOf({ of, over, orLess = [] }: BenchRatio): readonly BenchPair[] {
  return [{ of, over }, ...[orLess].flat()]
}

/** Why a ratio cannot be given, or undefined. Throws for a subject that the bench does not have. */
function absenceOf(all: readonly BenchSubject[], ratio: BenchRatio): string | undefined {
  for (const name of pairsOf(ratio).flatMap(({ of, over }) => [of, over])) {
    const found = all.find((each) => each.subject === name)
    if (found === undefined) throw new RangeError(`ratio ${ratio.key} names the unknown subject ${name}`)
    if (found.absent !== undefined) return found.absent
  }
  return undefined
}

/** Four significant digits: more would be noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
