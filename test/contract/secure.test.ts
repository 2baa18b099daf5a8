/**
 * Runs the contract of elements that secure a connection over the smallest one. TLS runs the same cases when it comes.
 */
import { secureContract } from '@vio/io/testing'
import { runSuite } from '../lib/run-suite.js'
import { gateSubject } from './subjects/gate.js'

runSuite('a gate', secureContract, gateSubject)
