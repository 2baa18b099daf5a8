/**
 * Runs the contract of a producer over every producer there is.
 */
import { producerContract } from '@vio/io/testing'
import { runSuiteOver } from '../lib/run-suite.js'
import { PRODUCERS } from './subjects/producers.js'

runSuiteOver(producerContract, PRODUCERS)
