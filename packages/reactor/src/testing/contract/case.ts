/**
 * What a contract suite is: a list of cases, bound to no test runner.
 *
 * A suite says what every implementation of an interface has to do. Whoever has an implementation gives it by a factory and
 * runs the cases in the test runner of their choice. Invariant: a case is independent of the others and throws if, and
 * only if, the implementation fails it.
 */

/** One case of a contract suite over implementations that `factory` makes. */
export interface IVContractCase<F> {
  /** What is required; with the ids of the requirements in brackets. */
  readonly title: string
  /** Runs the case on a new implementation; throws, or rejects, if it fails. */
  run(factory: F): void | Promise<void>
}
