/**
 * The contract of a control object, and of asking and telling over one.
 */
import { VIOError } from '@vio/reactor'
import { ask, askPermission, tell, type VControlHandlers, type VIOControl } from '../../control.js'
import { VIOMissingControl } from '../../errors.js'
import { VMemoryPeer } from '../../peer.js'
import type { IVContractCase } from './case.js'
import { check, equal, sameList, thrownBy, throwsA } from './check.js'

/** Makes a control that answers with `handlers`. */
export type VControlFactory = (handlers: VControlHandlers) => VIOControl

const PEER = new VMemoryPeer('far')

function controlCase(
  title: string,
  body: (make: VControlFactory) => void | Promise<void>,
): IVContractCase<VControlFactory> {
  return { title, run: body }
}

/** What every control has to do. */
export const controlContract: readonly IVContractCase<VControlFactory>[] = [
  controlCase('answers what it handles, with what it was asked [CR-40 CR-52]', (make) => {
    const seen: unknown[] = []
    const control = make({
      canConnect: (peer) => seen.push(peer) > 1,
      authorize: (...args) => seen.push(...args) > 0,
      connected: (peer) => void seen.push(peer),
    })
    equal(control.canConnect(PEER), false, 'the first answer')
    equal(control.canConnect(PEER), true, 'the second answer')
    equal(control.connected(PEER), undefined, 'the answer of a message that has none')
    equal(control.authorize('key', [], 'me', 'TLS'), true, 'the answer to authorize')
    sameList(seen.slice(0, 4), [PEER, PEER, PEER, 'key'], 'what the handlers got')
    equal(seen.at(-1), 'TLS', 'the last that a handler got')
  }),

  controlCase('throws for what it does not handle, naming the message [CR-40 VE-71]', (make) => {
    const control = make({ connected: () => undefined })
    const calls: readonly [string, () => unknown][] = [
      ['canConnect', () => control.canConnect(PEER)],
      ['authorize', () => control.authorize(null, null, null, null)],
      ['noSuchMessage', () => (control as unknown as { noSuchMessage(): void }).noSuchMessage()],
    ]
    for (const [name, call] of calls) {
      const error = throwsA(call, VIOMissingControl, name) as VIOMissingControl
      equal(error.messageName, name, 'the message that the error names')
    }
  }),

  controlCase('can be awaited, printed and turned into JSON [CR-40 VE-71]', async (make) => {
    const control = make({ connected: () => fail('a probe ran a handler') })
    check((await control) === control, 'awaited it is itself')
    check(typeof JSON.stringify({ control }) === 'string', 'it has a JSON text')
    check(`${Object.prototype.toString.call(control)}` !== '', 'it has a text')
    equal((control as never)['then'], undefined, 'then')
    equal((control as never)['toJSON'], undefined, 'toJSON')
    equal((control as never)[Symbol.asyncIterator], undefined, 'Symbol.asyncIterator')
    check([control].includes(control) && new Set([control]).has(control), 'it can be compared')
  }),

  controlCase('lets out what a handler throws [CR-08]', (make) => {
    const broken = new VIOError('the handler is broken')
    const control = make({
      connected: () => {
        throw broken
      },
    })
    equal(
      thrownBy(() => tell(control, 'connected', PEER), 'telling'),
      broken,
      'what the teller got',
    )
  }),

  controlCase('told what nobody handles, nothing happens [CR-43]', (make) => {
    const control = make({})
    tell(control, 'connected', PEER)
    tell(control, 'notifyProducerAttached', {} as never)
    tell(control, 'notifyConsumerAttached', {} as never)
    tell(control, 'reqProducerState', {} as never)
    tell(control, 'reqConsumerState', {} as never)
  }),

  controlCase('asked what nobody handles, the asker decides [CR-43]', (make) => {
    const control = make({})
    equal(ask(control, 'canConnect', true, PEER), true, 'canConnect, allowed by default')
    const terms = { fallback: true, failed: () => undefined }
    equal(askPermission(control, 'canConnect', terms, PEER), true, 'canConnect, allowed by default')
    const credentials = [null, null, null, 'TLS'] as const
    equal(askPermission(control, 'authorize', terms, ...credentials), true, 'authorize, granted by default')
    const strict = { ...terms, fallback: false }
    equal(
      askPermission(control, 'authorize', strict, ...credentials),
      false,
      'authorize, where somebody must say yes',
    )
  }),

  controlCase(
    'asked for a permission, only true is a yes, and a handler that throws a no [CR-52 VE-73 VE-74]',
    (make) => {
      const failures: unknown[] = []
      const terms = { fallback: true, failed: (error: unknown) => failures.push(error) }
      for (const answer of [false, 1, 'yes', null, undefined, {}, Promise.resolve(true)]) {
        const control = make({ canConnect: () => answer as boolean })
        equal(askPermission(control, 'canConnect', terms, PEER), false, `the answer ${String(answer)}`)
      }
      equal(
        askPermission(make({ canConnect: () => true }), 'canConnect', terms, PEER),
        true,
        'the answer true',
      )
      const broken = new Error('the handler is broken')
      const control = make({
        canConnect: () => {
          throw broken
        },
      })
      equal(askPermission(control, 'canConnect', terms, PEER), false, 'a handler that throws')
      sameList(failures, [broken], 'what was reported')
    },
  ),

  controlCase(
    'minds only that its own message is missing, not another one within a handler [CR-08]',
    (make) => {
      const missing = new VIOMissingControl('another')
      const control = make({
        connected: () => {
          throw missing
        },
      })
      equal(
        thrownBy(() => tell(control, 'connected', PEER), 'telling'),
        missing,
        'what the teller got',
      )
    },
  ),
]

function fail(what: string): never {
  throw new Error(what)
}
