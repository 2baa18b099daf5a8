/**
 * What the cases share that hold for both ends of a flow: a neighbour that fits, and the events by the part they play.
 */
import type { VProbeConsumer } from '../probe-consumer.js'
import type { VProbeProducer } from '../probe-producer.js'
import { subjectCase } from './case.js'
import { check, equal } from './check.js'
import {
  endOf,
  type IVAnyEnd,
  type IVConsumerSetup,
  type IVConsumerSubject,
  type IVProducerSubject,
  partnerOf,
} from './flow.js'

/** Either end of an element. */
export type EndSubject = IVConsumerSubject | IVProducerSubject

/** Makes either end. A producer is made the same whatever the setup says. */
export type VEndFactory = (setup: IVConsumerSetup) => EndSubject

/** A case that holds for either end. */
export const endCase: typeof subjectCase<[IVConsumerSetup], EndSubject> = subjectCase

/** A limit that is above what the cases move. */
export const WIDE: IVConsumerSetup = { limit: 10 }

/** A probe that the subject can be attached to. */
export type Neighbour = VProbeProducer | VProbeConsumer

/** Options that both probes have. */
export interface NeighbourOptions {
  readonly name?: string
  readonly mute?: boolean
  readonly handlers?: Record<string, (...args: readonly unknown[]) => unknown>
}

/** A probe for the other end of the flow; it records as 'other' unless named. */
export function neighbourOf(subject: EndSubject, options: NeighbourOptions = {}): Neighbour {
  const all = { log: subject.bench.log, name: 'other', ...options }
  return subject.side === 'consumer'
    ? subject.units.source(all)
    : subject.units.sink({ ...all, grantAtAttach: 10 })
}

/** Attaches, from the subject's side or from the neighbour's. */
export function join(subject: EndSubject, other: Neighbour, from: 'subject' | 'other' = 'subject'): void {
  if (from === 'subject') endOf(subject).attach(other)
  else (other as unknown as IVAnyEnd).attach(subject.end)
}

/** The neighbour, as far as both kinds are alike. */
export function asEnd(other: Neighbour): IVAnyEnd {
  return other as unknown as IVAnyEnd
}

/** Who is attached to a probe, or null. */
export function partnerOfProbe(other: Neighbour): unknown {
  return 'producer' in other ? other.producer : other.consumer
}

/** Checks that the two are attached to each other, on both sides. */
export function checkJoined(subject: EndSubject, other: Neighbour): void {
  equal(partnerOf(subject), other, 'who is attached to the subject')
  equal(partnerOfProbe(other), subject.end, 'who is attached to the neighbour')
}

/** Checks that neither is attached to anything. */
export function checkApart(subject: EndSubject, other: Neighbour): void {
  equal(partnerOf(subject), null, 'who is attached to the subject')
  equal(partnerOfProbe(other), null, 'who is attached to the neighbour')
}

/** What can happen to the two while they are attached, detached, ended and aborted. */
export type Part =
  | 'own attached'
  | 'own detached'
  | 'own aborted'
  | 'own ended'
  | 'own notified'
  | 'other attached'
  | 'other detached'
  | 'other aborted'
  | 'other ended'
  | 'other notified'

/** The text of an event; undefined if the subject does not record it. */
function eventOf(subject: EndSubject, part: Part): RegExp | undefined {
  const [who, what] = part.split(' ') as [string, string]
  const own = who === 'own'
  const consumer = (subject.side === 'consumer') === own
  if (what === 'notified') {
    const message = consumer ? 'notifyProducerAttached' : 'notifyConsumerAttached'
    const control = own ? subject.controlName : 'other.control'
    return control === null ? undefined : pattern(`${control}.${message}`)
  }
  const hooks: Record<string, string> = consumer
    ? {
        attached: 'producerAttached',
        detached: 'producerDetached',
        aborted: 'consumerAborted',
        ended: 'dataEnded',
      }
    : { attached: 'consumerAttached', detached: 'consumerDetached', aborted: 'producerAborted', ended: '' }
  const hook = hooks[what] ?? ''
  if (own && !subject.hooks.includes(hook)) return undefined
  return pattern(`${own ? 'subject' : 'other'}.${hook}`)
}

function pattern(call: string): RegExp {
  return new RegExp(`^${call.replaceAll('.', '\\.')}\\(`)
}

const ALL_PARTS: readonly Part[] = [
  'own attached',
  'own detached',
  'own aborted',
  'own ended',
  'own notified',
  'other attached',
  'other detached',
  'other aborted',
  'other ended',
  'other notified',
]

/** The parts that were played, in order, of those that the subject records. */
export function played(subject: EndSubject): Part[] {
  const known = ALL_PARTS.map((part) => [part, eventOf(subject, part)] as const)
  const parts: Part[] = []
  for (const text of subject.bench.log.events) {
    const part = known.find(([, event]) => event?.test(text))
    if (part !== undefined) parts.push(part[0])
  }
  return parts
}

/** Checks which parts were played, in which order; those that the subject does not record are left out. */
export function checkPlayed(subject: EndSubject, wanted: readonly Part[], what: string): void {
  const expected = wanted.filter((part) => eventOf(subject, part) !== undefined)
  const actual = played(subject)
  const same = actual.length === expected.length && actual.every((part, at) => part === expected[at])
  check(same, `${what}: ${actual.join(', ')}; wanted ${expected.join(', ')}`)
}
