#!/usr/bin/env node
/**
 * What the command `vut` runs.
 *
 * Decides nothing. Invariant: importing this file runs the command; whoever wants its parts imports the package.
 */
import { runMain } from './run-main.js'

await runMain(process.argv.slice(2))
