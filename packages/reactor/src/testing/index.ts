/** What tests of code on a reactor need: simulated time, seeded randomness, ordered traces, contract suites. */
export { VirtualHost, type VirtualHostOptions } from './virtual-host.js'
