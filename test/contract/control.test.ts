/**
 * Runs the contract of a control over the ways in which one can be made.
 */
import { VIOControl, type VPeer } from '@vio/io'
import { controlContract } from '@vio/io/testing'
import { runSuite } from '../lib/run-suite.js'

runSuite('a control with handlers', controlContract, (handlers) => new VIOControl(handlers))

runSuite(
  'a control that passes on to the next',
  controlContract,
  (handlers) => new VIOControl({}, () => new VIOControl(handlers)),
)

runSuite('a subclass with methods', controlContract, (handlers) => {
  class Methods extends VIOControl {}
  const methods = Methods.prototype as unknown as Record<string, unknown>
  for (const [name, handler] of Object.entries(handlers)) {
    methods[name] = (...args: readonly VPeer[]): unknown => Reflect.apply(handler, handlers, args)
  }
  return new Methods()
})
