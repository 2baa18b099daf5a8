/**
 * One control that stands for several: a message goes to each of them.
 *
 * Decides how the answers become one: `canConnect` and `authorize` are granted if nobody who was asked refuses; of any
 * other message the first answer that is not undefined counts. Where none of them handles a message the control does
 * not either, so that whoever asks falls back on a default of his own.
 */
import { ask, type VControlMessages, VIOControl } from '../control.js'
import { VIOMissingControl } from '../errors.js'

/** Questions whose answer is a permission. */
const PERMISSIONS: ReadonlySet<string> = new Set(['authorize', 'canConnect'])

/** Stands for the answer of a control that does not handle a message. */
const NO_HANDLER: unique symbol = Symbol('no handler')

/** Makes a control that passes each message on to those that `targets` names at that time. */
export function fanControl(targets: () => readonly VIOControl[]): VIOControl {
  const handlers = new Proxy(
    {},
    { get: (_, name) => typeof name === 'string' && ((...args: never[]) => fanOut(targets(), name, args)) },
  )
  return new VIOControl(handlers)
}

/** Tells all of them, then throws the first error that one threw. */
function fanOut(controls: readonly VIOControl[], name: string, args: readonly never[]): unknown {
  const answers: unknown[] = []
  const errors: unknown[] = []
  for (const control of controls) {
    try {
      // The name may be one that a user added; the catalogue's type stands for all.
      const answer: unknown = ask(control, name as keyof VControlMessages, NO_HANDLER, ...(args as [never]))
      if (answer !== NO_HANDLER) answers.push(answer)
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
  if (answers.length === 0) throw new VIOMissingControl(name)
  if (PERMISSIONS.has(name)) return answers.every((answer) => answer === true)
  return answers.find((answer) => answer !== undefined)
}
