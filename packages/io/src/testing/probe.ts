/**
 * The probes: ends of a chain whose limits, portions and faults a test decides, and which record what happens to them.
 */
export {
  VProbeConsumer,
  type VProbeConsumerHook,
  type VProbeConsumerOptions,
  VProbeMessageConsumer,
} from './probe-consumer.js'
export type { VProbeEnd, VProbeOptions } from './probe-end.js'
export { type VProbeEvent, VProbeLog } from './probe-log.js'
export {
  VProbeMessageProducer,
  VProbeProducer,
  type VProbeProducerHook,
  type VProbeProducerOptions,
} from './probe-producer.js'
