/**
 * The public names of this package. No logic.
 */
export {}
