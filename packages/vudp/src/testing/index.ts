/**
 * The public names of this entry point. No logic.
 */
export {}
