/**
 * What the ends of one reactor and one kind share.
 *
 * Every connection has four ends, so what is the same for all of them stands in one object instead of in each. Decides
 * nothing. Invariant: terms are forgotten with their reactor.
 */
import type { IVReactor } from '@vio/reactor'
import { describeValue } from '../limit.js'

/** The reactor of an end, and the kind `K` of its flow. */
export interface FlowTerms<K = unknown> {
  readonly reactor: IVReactor
  readonly kind: K
}

/** The terms of each reactor: one for each kind, of which there are few. */
const known = new WeakMap<IVReactor, FlowTerms[]>()

/** The terms for a reactor and a kind. @throws TypeError without a reactor */
export function flowTermsOf<K>(reactor: IVReactor, kind: K): FlowTerms<K> {
  const list = known.get(reactor) ?? listFor(reactor)
  for (const terms of list) if (terms.kind === kind) return terms as FlowTerms<K>
  const terms = { reactor, kind }
  list.push(terms)
  return terms
}

function listFor(reactor: IVReactor): FlowTerms[] {
  if (typeof reactor !== 'object' || reactor === null || typeof reactor.post !== 'function') {
    throw new TypeError(`a chain element needs a reactor, got ${describeValue(reactor)}`)
  }
  const list: FlowTerms[] = []
  known.set(reactor, list)
  return list
}
