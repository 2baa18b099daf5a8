/**
 * Runs the contracts of pairs, of elements with two directions and of elements with two sides over all there are.
 */
import { duplexContract, pairContract, twoWayContract } from '@vio/io/testing'
import { describe } from 'vitest'
import { runSuiteOver } from '../lib/run-suite.js'
import { DUPLEXES, PAIRS, TWO_WAYS } from './subjects/two-ways.js'

describe('pairs', () => runSuiteOver(pairContract, PAIRS))

describe('two directions', () => runSuiteOver(twoWayContract, TWO_WAYS))

describe('two sides', () => runSuiteOver(duplexContract, DUPLEXES))
