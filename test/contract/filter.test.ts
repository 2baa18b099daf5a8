/**
 * Runs the contract of elements with both ends over every such element there is.
 */
import { filterContract } from '@vio/io/testing'
import { runSuiteOver } from '../lib/run-suite.js'
import { FILTERS } from './subjects/filters.js'

runSuiteOver(filterContract, FILTERS)
