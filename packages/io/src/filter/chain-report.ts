/**
 * What can be told of a chain while it runs: how far each element is, what it holds, and who keeps the others waiting.
 *
 * Decides nothing; it reads the counters of the ends, where they have any: `consumed`, `produced` and `limit`, and of
 * the elements `held`, `heldBytes`, `bufferedBytes` or `queuedBytes`. What an element does not tell is undefined, and
 * `?` in print.
 */
import type { VChainResult } from './compose.js'
import type { Gauge, GaugeEnd } from './gauge.js'
import type { ChainPart, EitherConsumer, EitherProducer, VFlowKindName } from './parts.js'

/** How far one side of an element is. */
export interface VChainSide {
  /** What is counted. */
  readonly kind: VFlowKindName
  /** Units that have passed since the side was attached. */
  readonly moved: number | undefined
  /** Units that are allowed since then, with those that passed; Infinity for any number. */
  readonly limit: number | undefined
}

/** One element of a chain. */
export interface VChainStage {
  /** The name of its class; `(spliced in)` for one that came between since. */
  readonly name: string
  /** What it holds, in its own unit. */
  readonly held: number | undefined
  /** What it takes; undefined for the source. */
  readonly taken: VChainSide | undefined
  /** What it gives; undefined for the sink. */
  readonly given: VChainSide | undefined
}

/** What an element keeps the others waiting with. */
export interface VChainWait {
  /** The position of the element, from 0. */
  readonly at: number
  /** What it does not do. */
  readonly why: 'gives nothing' | 'allows nothing' | 'passes nothing on' | 'has not finished with the end'
}

/** The state of a chain. */
export interface VChainReport {
  /** The elements, from the source on. */
  readonly stages: readonly VChainStage[]
  /** How long the chain has run, or had. */
  readonly elapsedMs: number
  /** Null while it runs. */
  readonly result: VChainResult | null
  /** Whom the others wait for; undefined once it is done, or where the counters do not tell. */
  readonly waitsFor: VChainWait | undefined
}

/** What the report needs to know of the chain as a whole. */
export interface ChainState {
  readonly elapsedMs: number
  readonly result: VChainResult | null
  /** The end that was passed to the sink. */
  readonly end: GaugeEnd | undefined
}

const HELD = ['held', 'heldBytes', 'bufferedBytes', 'queuedBytes'] as const

/** What was written by hand may lead in a circle. */
const MAX_SPLICED = 100

/** Reads the counters of a chain. */
export function describeChain(
  parts: readonly ChainPart[],
  first: Gauge,
  last: Gauge,
  state: ChainState,
): VChainReport {
  const stages = parts.flatMap((part, at): VChainStage[] => {
    const before = at === parts.length - 1 ? last.output : parts[at - 1]?.producer
    const behind = at === 0 ? first.input : parts[at + 1]?.consumer
    const stage = {
      name: part.name,
      held: numberIn(part.element, HELD),
      taken: part.consumer && sideOf(kindAt(parts, at - 1, at), part.consumer, before),
      given: part.producer && sideOf(part.kind, part.producer, behind),
    }
    return [stage, ...splicedIn(part, parts[at + 1]?.consumer, [first, last])]
  })
  const waitsFor = state.result === null ? findWait(stages, state.end) : undefined
  return { stages, elapsedMs: state.elapsedMs, result: state.result, waitsFor }
}

/** The elements that stand now between an element and the one that was composed behind it. */
function splicedIn(
  part: ChainPart,
  until: EitherConsumer | undefined,
  gauges: readonly Gauge[],
): VChainStage[] {
  const stages: VChainStage[] = []
  let producer: EitherProducer | undefined = part.producer
  while (producer !== undefined && stages.length < MAX_SPLICED) {
    const consumer: EitherConsumer | null = producer.consumer
    if (consumer === null || consumer === until) break
    const gauge = gauges.find(({ input }) => input === consumer)
    producer = gauge?.output ?? consumer.flows[0]
    if (gauge !== undefined) continue
    stages.push({
      name: '(spliced in)',
      held: numberIn(consumer, HELD),
      taken: sideOf(part.kind, consumer),
      given: producer && sideOf(part.kind, producer),
    })
  }
  return stages
}

/** What passes between two elements: what the upper one gives; the source may not say, then what the lower one takes. */
function kindAt(parts: readonly ChainPart[], above: number, below: number): VFlowKindName {
  return parts[above]?.kind ?? parts[below]?.kind ?? 'bytes'
}

/** The counters of a joint: both of its ends count the same, so that one which does not tell is no loss. */
function sideOf(kind: VFlowKindName, ...ends: readonly unknown[]): VChainSide {
  let moved: number | undefined
  let limit: number | undefined
  for (const end of ends) {
    moved ??= numberIn(end, ['consumed', 'produced'])
    limit ??= numberIn(end, ['limit'])
  }
  return { kind, moved, limit }
}

function numberIn(owner: unknown, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = (owner as Record<string, unknown> | undefined)?.[name]
    if (typeof value === 'number') return value
  }
  return undefined
}

/** Goes up from the sink to the element that neither gives nor waits for anybody above it. */
function findWait(stages: readonly VChainStage[], end: GaugeEnd | undefined): VChainWait | undefined {
  const sink = stages.length - 1
  if (end !== undefined) return { at: sink, why: 'has not finished with the end' }
  for (let at = sink; at > 0; at -= 1) {
    const free = creditOf(stages[at]?.taken)
    if (free === undefined) return undefined
    if (free <= 0) return { at, why: at === sink ? 'allows nothing' : 'passes nothing on' }
  }
  return { at: 0, why: 'gives nothing' }
}

function creditOf(side: VChainSide | undefined): number | undefined {
  return side?.limit === undefined || side.moved === undefined ? undefined : side.limit - side.moved
}

/** Writes a report as text: a line about the chain, then one for each element. */
export function printChain(report: VChainReport): string {
  const { stages } = report
  const width = Math.max(...stages.map(({ name }) => name.length))
  const lines = stages.map((stage) => {
    const sides = [
      stage.taken && `took ${sideText(stage.taken)}`,
      `holds ${stage.held ?? '?'}`,
      stage.given && `gave ${sideText(stage.given)}`,
    ]
    return `  ${stage.name.padEnd(width)}  ${sides.filter((text) => text !== undefined).join(', ')}`
  })
  return [headline(report), ...lines].join('\n')
}

function sideText({ kind, moved, limit }: VChainSide): string {
  const allowed = limit === undefined ? '?' : limit === Number.POSITIVE_INFINITY ? 'any' : String(limit)
  return `${moved ?? '?'} of ${allowed}${kind === 'bytes' ? ' B' : ' messages'}`
}

function headline({ stages, elapsedMs, result, waitsFor }: VChainReport): string {
  const time = `${Math.round(elapsedMs)} ms`
  if (result === null) {
    const wait =
      waitsFor === undefined ? '' : `, waiting for ${stages[waitsFor.at]?.name}, which ${waitsFor.why}`
    return `chain, running for ${time}${wait}`
  }
  const passed = `${amount(result.bytesIn, result.messagesIn)} in, ${amount(result.bytesOut, result.messagesOut)} out`
  const how = result.clean ? 'ended cleanly' : result.aborted ? 'was aborted' : 'ended unclean'
  const why = result.reason === undefined ? '' : `: ${result.reason.message}`
  return `chain, ${how} after ${time}, ${passed}${why}`
}

function amount(bytes: number, messages: number): string {
  return messages > 0 ? `${messages} messages` : `${bytes} B`
}
