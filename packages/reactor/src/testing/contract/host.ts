/**
 * The contract of a reactor's host, alone and with a reactor on it.
 *
 * Every `IVReactorHost` passes these cases, on real time as on simulated time; that is what makes a test on simulated time
 * worth anything.
 */
import type { IVContractCase } from './case.js'
import { HOST_ALONE_CASES } from './host-alone.js'
import type { VHostFactory } from './host-fixture.js'
import { HOST_REACTOR_CASES } from './host-reactor.js'

/** What every host has to do. */
export const hostContract: readonly IVContractCase<VHostFactory>[] = [
  ...HOST_ALONE_CASES,
  ...HOST_REACTOR_CASES,
]
