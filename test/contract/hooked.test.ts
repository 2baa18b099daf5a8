/**
 * Runs the contracts of hooks over every element that has them.
 */
import { hookedConsumerContract, hookedProducerContract } from '@vio/io/testing'
import { describe } from 'vitest'
import { runSuiteOver } from '../lib/run-suite.js'
import { HOOKED_CONSUMERS, HOOKED_PRODUCERS } from './subjects/scripted.js'

describe('hooks of consuming elements', () => runSuiteOver(hookedConsumerContract, HOOKED_CONSUMERS))

describe('hooks of producing elements', () => runSuiteOver(hookedProducerContract, HOOKED_PRODUCERS))
