/** What tests of code on a reactor need: simulated time, seeded randomness, ordered traces, contract suites. */
export type { IVContractCase } from './contract/case.js'
export { hostContract } from './contract/host.js'
export type { IVHostFixture, VHostFactory } from './contract/host-fixture.js'
export { VSeededRandom } from './seeded-random.js'
export { VTrace, type VTraceEvent } from './trace.js'
export { VirtualHost, type VirtualHostOptions } from './virtual-host.js'
