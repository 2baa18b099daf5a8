/**
 * Aborts and control objects, as they hold for both ends of a flow.
 */
import { VIOError } from '@vio/reactor'
import { VIOMissingControl } from '../../errors.js'
import { VMemoryPeer } from '../../peer.js'
import type { IVContractCase } from './case.js'
import { check, equal, throwsA } from './check.js'
import {
  asEnd,
  checkApart,
  checkPlayed,
  endCase,
  join,
  neighbourOf,
  type VEndFactory,
  WIDE,
} from './end-base.js'
import { endOf, type IVAnyEnd } from './flow.js'

/** Aborts and controls. */
export const END_ABORT_CASES: readonly IVContractCase<VEndFactory>[] = [
  endCase('aborts its neighbour once, both are apart, and its own hook is the last [CR-37]', (make) => {
    const subject = make(WIDE)
    const other = neighbourOf(subject)
    join(subject, other)
    subject.bench.settle()
    subject.bench.log.clear()
    const reason = new Error('no more of this')
    endOf(subject).abort(reason)
    endOf(subject).abort()
    asEnd(other).abort()
    subject.bench.settle()
    checkApart(subject, other)
    checkPlayed(subject, ['own detached', 'other detached', 'other aborted', 'own aborted'], 'the order')
    equal(other.aborted?.reason, reason, 'the reason that the neighbour got')
  }),

  endCase('is aborted by its neighbour once, and the hook of the neighbour is the last [CR-37]', (make) => {
    const subject = make(WIDE)
    const other = neighbourOf(subject)
    join(subject, other)
    subject.bench.settle()
    subject.bench.log.clear()
    asEnd(other).abort()
    endOf(subject).abort()
    asEnd(other).abort()
    subject.bench.settle()
    checkApart(subject, other)
    checkPlayed(subject, ['other detached', 'own detached', 'own aborted', 'other aborted'], 'the order')
  }),

  endCase('aborted alone, runs its own hook only, and once [CR-39]', (make) => {
    const subject = make(WIDE)
    subject.bench.log.clear()
    endOf(subject).abort()
    endOf(subject).abort()
    subject.bench.settle()
    checkPlayed(subject, ['own aborted'], 'the hooks')
  }),

  endCase('says whether it has two directions, and knows its reverse if it has [CR-58 VE-41]', (make) => {
    const end = endOf(make(WIDE))
    if (!end.twoway) {
      throwsA(() => end.reverse, VIOError, 'the reverse of an end with one direction')
      return
    }
    const reverse = end.reverse as IVAnyEnd
    check(reverse.twoway, 'the reverse has two directions too')
    equal<unknown>(reverse.reverse, end, 'the reverse of the reverse')
  }),

  endCase('has a control that can be probed, awaited and printed [CR-40]', async (make) => {
    const subject = make(WIDE)
    const { control } = endOf(subject)
    const probes = ['then', 'toJSON', 'inspect', '$$typeof', 'nodeType', 'asymmetricMatch']
    for (const name of probes) equal((control as never)[name], undefined, `control.${name}`)
    const symbols = [Symbol.toPrimitive, Symbol.iterator, Symbol.for('nodejs.util.inspect.custom')]
    for (const symbol of symbols) equal((control as never)[symbol], undefined, `control[${String(symbol)}]`)
    check(typeof JSON.stringify(control) === 'string', 'JSON of a control')
    check(typeof Object.prototype.toString.call(control) === 'string', 'the text of a control')
    check(typeof control.constructor === 'function', 'the constructor of a control')
    check((await control) === control, 'a control that is awaited is itself')
  }),

  endCase('throws for a message that it does not handle, and names it [CR-40 VE-71]', (make) => {
    const subject = make(WIDE)
    const { control } = endOf(subject)
    const unknown = (control as unknown as Record<string, () => void>)['noSuchMessage']
    check(typeof unknown === 'function', 'reading a message that is not handled gives a function')
    const error = throwsA(unknown, VIOMissingControl, 'a message that is not handled') as VIOMissingControl
    equal(error.messageName, 'noSuchMessage', 'the message that the error names')
    if (subject.controlName !== null) return
    const { connected } = control
    throwsA(() => connected(new VMemoryPeer('x')), VIOMissingControl, 'a message that is not handled')
  }),
]
