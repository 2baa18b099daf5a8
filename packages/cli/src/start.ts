/**
 * The command of this process, begun.
 *
 * Decides nothing. Invariants: importing this file runs the command; it is where the bundle of the command begins. It does
 * not wait for the command: what that loads may lie in one file of the bundle with this, which then would wait for itself.
 */
import { runMain } from './run-main.js'

void runMain(process.argv.slice(2))
