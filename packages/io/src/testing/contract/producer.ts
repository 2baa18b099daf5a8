/**
 * The contract of a producer: what every end has to do that gives units.
 */
import type { IVContractCase } from './case.js'
import { END_ABORT_CASES } from './end-abort.js'
import { END_ATTACH_CASES } from './end-attach.js'
import type { VProducerFactory } from './flow.js'
import { PRODUCER_END_CASES } from './producer-ends.js'
import { PRODUCER_LIMIT_CASES } from './producer-limits.js'

/** What every producer has to do. */
export const producerContract: readonly IVContractCase<VProducerFactory>[] = [
  ...END_ATTACH_CASES,
  ...PRODUCER_LIMIT_CASES,
  ...PRODUCER_END_CASES,
  ...END_ABORT_CASES,
]
