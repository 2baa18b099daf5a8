#!/usr/bin/env node
/**
 * What the command `vut` runs.
 *
 * Decides how the process ends: by its exit code once nothing is left to write, and at once if something keeps it.
 * Invariant: what was written to the standard streams has left the process before it ends.
 */
import { processContext } from './process-context.js'
import { runVut } from './run.js'

const { context, release } = processContext()
process.exitCode = await runVut(process.argv.slice(2), context)
release()
