/**
 * How the cases of the suites are made: a case gets subjects as often as it asks, and each is looked at when it is over.
 *
 * Invariant: an error that was logged and that the case did not expect fails the case.
 */
import type { IVContractCase } from '@vio/reactor/testing'
import type { VTestBench } from '../bench.js'

export type { IVContractCase }

/** A case that makes its subjects through `make`, which takes what the suite's factory takes. */
export function subjectCase<A extends readonly unknown[], S extends { readonly bench: VTestBench }>(
  title: string,
  body: (make: (...args: A) => S) => void | Promise<void>,
): IVContractCase<(...args: A) => S> {
  return {
    title,
    run: (factory) => {
      const made: S[] = []
      const make = (...args: A): S => {
        const subject = factory(...args)
        made.push(subject)
        return subject
      }
      const finish = (): void => {
        for (const { bench } of made) bench.settle()
      }
      const result = body(make)
      if (result === undefined) return finish()
      return result.then(finish)
    },
  }
}
