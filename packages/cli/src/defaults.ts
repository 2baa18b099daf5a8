/**
 * What an option means that is not given: told in the help of a command, and used by what does it.
 *
 * Decides these values. Invariant: each stands here alone.
 */

/** How large a file `vut demo` makes, in megabytes. */
export const DEFAULT_DEMO_MEGABYTES = 64

/** How long `vut relay` waits for relayed pairs after SIGTERM, in seconds. */
export const DEFAULT_DRAIN_SECONDS = 10
