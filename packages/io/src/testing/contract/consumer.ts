/**
 * The contract of a consumer: what every end has to do that takes units.
 */
import type { IVContractCase } from './case.js'
import { CONSUMER_END_CASES } from './consumer-ends.js'
import { CONSUMER_LIMIT_CASES } from './consumer-limits.js'
import { END_ABORT_CASES } from './end-abort.js'
import { END_ATTACH_CASES } from './end-attach.js'
import type { VConsumerFactory } from './flow.js'

/** What every consumer has to do. */
export const consumerContract: readonly IVContractCase<VConsumerFactory>[] = [
  ...END_ATTACH_CASES,
  ...CONSUMER_LIMIT_CASES,
  ...CONSUMER_END_CASES,
  ...END_ABORT_CASES,
]
