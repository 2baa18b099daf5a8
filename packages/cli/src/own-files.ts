/**
 * Where the files of this package are.
 *
 * Decides nothing. Invariant: it is the same place for the sources, for what was compiled and for the bundle: each lies one
 * folder below the package's.
 */

/** The folder of this package. */
export const OWN_FOLDER: URL = new URL('../', import.meta.url)
