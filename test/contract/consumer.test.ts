/**
 * Runs the contract of a consumer over every consumer there is.
 */
import { consumerContract } from '@vio/io/testing'
import { runSuiteOver } from '../lib/run-suite.js'
import { CONSUMERS } from './subjects/consumers.js'

runSuiteOver(consumerContract, CONSUMERS)
