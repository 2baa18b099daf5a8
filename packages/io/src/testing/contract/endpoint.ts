/**
 * The contract of an endpoint: what every end of a chain has to do that stands for a connection.
 *
 * The cases run over any kind of connection, in simulated time or real; see `IVEndpointRig`.
 */
import type { IVContractCase } from './case.js'
import { ENDPOINT_CLOSE_CASES } from './endpoint-close.js'
import { ENDPOINT_CONNECT_CASES } from './endpoint-connect.js'
import { ENDPOINT_FLOW_CASES } from './endpoint-flow.js'
import type { VEndpointFactory } from './endpoint-rig.js'

/** What every endpoint has to do. */
export const endpointContract: readonly IVContractCase<VEndpointFactory>[] = [
  ...ENDPOINT_CONNECT_CASES,
  ...ENDPOINT_FLOW_CASES,
  ...ENDPOINT_CLOSE_CASES,
]
