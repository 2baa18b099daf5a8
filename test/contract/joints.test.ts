/**
 * Runs the contracts of consumers, producers and elements with both ends over what joins chains.
 */
import { consumerContract, filterContract, producerContract } from '@vio/io/testing'
import { describe } from 'vitest'
import { runSuiteOver } from '../lib/run-suite.js'
import { JOINT_CONSUMERS, JOINT_FILTERS, JOINT_PRODUCERS } from './subjects/joints.js'

describe('as consumers', () => runSuiteOver(consumerContract, JOINT_CONSUMERS))
describe('as producers', () => runSuiteOver(producerContract, JOINT_PRODUCERS))
describe('as elements with both ends', () => runSuiteOver(filterContract, JOINT_FILTERS))
