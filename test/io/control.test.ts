/**
 * Control objects: how a message finds its handler, what becomes of it without one, and what probing may not do.
 *
 * How messages travel through chains is in control-chain.test.ts.
 */
import { inspect } from 'node:util'
import {
  ask,
  askPermission,
  emptyControl,
  tell,
  type VControlMessages,
  VIOControl,
  VIOError,
  VIOMissingControl,
  VMemoryPeer,
  type VPeer,
} from '@vio/io'
import { describe, expect, expectTypeOf, it } from 'vitest'

const PEER = new VMemoryPeer('there')

const NAMES = [
  'authorize',
  'canConnect',
  'connected',
  'notifyConsumerAttached',
  'notifyProducerAttached',
  'reqConsumerState',
  'reqProducerState',
] as const satisfies readonly (keyof VControlMessages)[]

/** Sends a message by its name with what arguments there are. */
function sendTo(control: VIOControl, name: string, ...args: unknown[]): unknown {
  return (control as unknown as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args)
}

describe('a control without a handler', () => {
  it.each(NAMES)('throws VIOMissingControl at %s, with its name [VE-71] [CR-40]', (name) => {
    for (const control of [new VIOControl(), new VIOControl({}), emptyControl()]) {
      const call = (): unknown => sendTo(control, name, PEER)
      expect(call).toThrow(VIOMissingControl)
      expect(call).toThrow(expect.objectContaining({ messageName: name }))
    }
  })

  it('throws at any other name as well, but only when called [VE-71] [CR-40]', () => {
    const control = new VIOControl({ connected: () => undefined })
    expect(() => sendTo(control, 'canConnect', PEER)).toThrow(VIOMissingControl)
    expect(() => sendTo(control, 'noSuchMessage')).toThrow(VIOMissingControl)
    expect(Reflect.get(control, 'noSuchMessage')).toBeTypeOf('function')
  })

  it('can be awaited, printed, compared and turned into JSON [VE-71] [CR-40]', async () => {
    for (const control of [
      new VIOControl(),
      new VIOControl({ connected: () => undefined }),
      new VIOControl({}, () => new VIOControl()),
    ]) {
      expect(await control).toBe(control)
      expect(inspect(control)).toContain('ControlObject')
      expect(inspect(control, { showProxy: true })).toBeTypeOf('string')
      expect(JSON.stringify({ control })).toBe('{"control":{}}')
      expect(`${control}`).toBe('[object Object]')
      expect(Object.keys(control)).toEqual([])
      expect(control).toEqual(control)
      expect([control]).toContain(control)
      expect(() => structuredClone(control)).toThrow()
    }
  })

  it('gives undefined where others probe for what it is [VE-71] [CR-40]', () => {
    const control = new VIOControl({ connected: () => undefined })
    const probes = [
      'then',
      'toJSON',
      '$$typeof',
      'nodeType',
      'tagName',
      'asymmetricMatch',
      'inspect',
      'hasAttribute',
      Symbol.toPrimitive,
      Symbol.iterator,
      Symbol.asyncIterator,
      Symbol.toStringTag,
      inspect.custom,
      Symbol('any'),
    ]
    for (const probe of probes) expect(Reflect.get(control, probe)).toBeUndefined()
    expect(control.constructor).toBeTypeOf('function')
    expect(Reflect.get(control, 'hasOwnProperty')).toBe(Object.prototype.hasOwnProperty)
  })

  it('is made of an object and a function, or not at all', () => {
    for (const handlers of [null, 'connected', 7, () => undefined]) {
      expect(() => new VIOControl(handlers as never)).toThrow(TypeError)
    }
    expect(() => new VIOControl({}, {} as never)).toThrow(TypeError)
  })
})

describe('a control with handlers', () => {
  it('hands over what it was called with, and gives back the answer [VE-68] [CR-52]', () => {
    const seen: unknown[] = []
    const control = new VIOControl({
      canConnect: (peer) => peer === PEER,
      connected: (peer) => {
        seen.push(peer)
      },
    })
    expect(control.canConnect(PEER)).toBe(true)
    expect(control.canConnect(new VMemoryPeer('other'))).toBe(false)
    expect(control.connected(PEER)).toBeUndefined()
    expect(seen).toEqual([PEER])
  })

  it('calls them as methods of the object they came in, also one of a class', () => {
    class Handlers {
      #count = 0
      readonly peers: VPeer[] = []
      connected(peer: VPeer): void {
        this.#count += 1
        this.peers.push(peer)
      }
      canConnect(): boolean {
        return this.#count > 0
      }
    }
    const handlers = new Handlers()
    const control = new VIOControl(handlers)
    expect(control.canConnect(PEER)).toBe(false)
    const { connected } = control
    connected(PEER)
    expect(handlers.peers).toEqual([PEER])
    expect(control.canConnect(PEER)).toBe(true)
  })

  it('may be a subclass with messages as methods and state of its own', () => {
    class Counting extends VIOControl {
      #count = 0
      override connected(_peer: VPeer): void {
        this.#count += 1
      }
      get count(): number {
        return this.#count
      }
    }
    const control = new Counting()
    control.connected(PEER)
    control.connected(PEER)
    expect(control.count).toBe(2)
    expect(control).toBeInstanceOf(VIOControl)
    expect(() => control.canConnect(PEER)).toThrow(VIOMissingControl)
  })

  it('lets what a handler throws reach the caller', () => {
    const error = new Error('no')
    const control = new VIOControl({
      connected: () => {
        throw error
      },
    })
    expect(() => control.connected(PEER)).toThrow(error)
  })
})

describe('a control with a next one', () => {
  it('passes on what it does not handle, as a call of the next one itself [CR-50]', () => {
    class Next extends VIOControl {
      count = 0
      override connected(_peer: VPeer): void {
        this.count += 1
      }
    }
    const next = new Next()
    const control = new VIOControl({ canConnect: () => false }, () => next)
    control.connected(PEER)
    control.connected(PEER)
    expect(next.count).toBe(2)
    expect(control.canConnect(PEER)).toBe(false)
  })

  it('asks which one is next at each message [CR-50]', () => {
    const told: string[] = []
    const one = new VIOControl({ connected: () => void told.push('one') })
    const other = new VIOControl({ connected: () => void told.push('other') })
    let next = one
    const control = new VIOControl({}, () => next)
    const { connected } = control
    connected(PEER)
    next = other
    connected(PEER)
    control.connected(PEER)
    expect(told).toEqual(['one', 'other', 'other'])
  })

  it('lets the missing handler of the next one be missed by the caller [CR-50]', () => {
    const control = new VIOControl({}, () => new VIOControl({}, () => emptyControl()))
    expect(() => control.connected(PEER)).toThrow(expect.objectContaining({ messageName: 'connected' }))
  })
})

describe('tell and ask', () => {
  it('take it that nobody listens [CR-43]', () => {
    const control = emptyControl()
    expect(tell(control, 'connected', PEER)).toBeUndefined()
    expect(tell(control, 'notifyProducerAttached', {} as never)).toBeUndefined()
    expect(tell(control, 'notifyConsumerAttached', {} as never)).toBeUndefined()
    expect(tell(control, 'reqProducerState', {} as never)).toBeUndefined()
    expect(tell(control, 'reqConsumerState', {} as never)).toBeUndefined()
    expect(ask(control, 'canConnect', true, PEER)).toBe(true)
    expect(ask(control, 'authorize', true, null, null, null, null)).toBe(true)
    expect(ask(control, 'authorize', false, null, null, null, null)).toBe(false)
  })

  it('prefer the answer of whoever listens [CR-43]', () => {
    const control = new VIOControl({ canConnect: () => false, authorize: () => true })
    expect(ask(control, 'canConnect', true, PEER)).toBe(false)
    expect(ask(control, 'authorize', false, null, null, null, null)).toBe(true)
  })

  it('swallow only that this very message is missing [CR-40]', () => {
    const failing = (error: Error): VIOControl =>
      new VIOControl({
        connected: () => {
          throw error
        },
        canConnect: () => {
          throw error
        },
      })
    const other = failing(new VIOMissingControl('canConnect'))
    expect(() => tell(other, 'connected', PEER)).toThrow(VIOMissingControl)
    expect(ask(other, 'canConnect', 'fallback', PEER)).toBe('fallback')
    expect(() => tell(failing(new VIOError('broken')), 'connected', PEER)).toThrow('broken')
    expect(() => ask(failing(new VIOError('broken')), 'canConnect', true, PEER)).toThrow('broken')
  })

  it('reach a control made by hand, and are ignored by one that has only fields of that name', () => {
    const told: unknown[] = []
    const byHand = { connected: (peer: VPeer) => told.push(peer), canConnect: true } as unknown as VIOControl
    tell(byHand, 'connected', PEER)
    tell(byHand, 'reqProducerState', {} as never)
    expect(ask(byHand, 'canConnect', 'fallback', PEER)).toBe('fallback')
    expect(told).toEqual([PEER])
  })

  it('know the parameters and answers of each message [VE-73] [CR-52]', () => {
    expectTypeOf<Parameters<VControlMessages['authorize']>>().toEqualTypeOf<
      [key: unknown, certs: readonly unknown[] | null, identity: unknown, protocol: string | null]
    >()
    expectTypeOf<ReturnType<VControlMessages['authorize']>>().toEqualTypeOf<boolean>()
    expectTypeOf<ReturnType<VControlMessages['canConnect']>>().toEqualTypeOf<boolean>()
    expectTypeOf<ReturnType<VControlMessages['connected']>>().toEqualTypeOf<void>()
    expectTypeOf<ReturnType<VControlMessages['reqProducerState']>>().toEqualTypeOf<void>()
    expectTypeOf(emptyControl().canConnect).parameter(0).toEqualTypeOf<VPeer>()
    // @ts-expect-error a message has its parameters
    tell(emptyControl(), 'connected')
    // @ts-expect-error there is no such message
    expect(() => tell(emptyControl(), 'noSuch', PEER)).not.toThrow()
  })
})

describe('askPermission', () => {
  const none = { fallback: true, failed: () => undefined }

  it('takes only true for a yes [VE-74]', () => {
    for (const answer of [false, undefined, null, 1, 'true', 'no', {}, [], Promise.resolve(true)]) {
      const control = new VIOControl({
        authorize: () => answer as boolean,
        canConnect: () => answer as boolean,
      })
      expect(askPermission(control, 'authorize', none, null, null, null, 'TLS')).toBe(false)
      expect(askPermission(control, 'canConnect', none, PEER)).toBe(false)
    }
    const yes = new VIOControl({ authorize: () => true, canConnect: () => true })
    const refusing = { ...none, fallback: false }
    expect(askPermission(yes, 'authorize', refusing, null, null, null, 'TLS')).toBe(true)
    expect(askPermission(yes, 'canConnect', refusing, PEER)).toBe(true)
  })

  it('takes a handler that throws for a no, and tells what it threw [VE-73]', () => {
    const failures: unknown[] = []
    const terms = { fallback: true, failed: (error: unknown) => failures.push(error) }
    for (const error of [new Error('broken'), new VIOMissingControl('canConnect')]) {
      const control = new VIOControl({
        authorize: () => {
          throw error
        },
      })
      expect(askPermission(control, 'authorize', terms, null, null, null, null)).toBe(false)
      expect(failures.at(-1)).toBe(error)
    }
  })

  it('falls back where nobody takes the question [CR-43]', () => {
    for (const fallback of [true, false]) {
      const failed = (): void => expect.unreachable()
      const terms = { fallback, failed }
      expect(askPermission(emptyControl(), 'authorize', terms, null, null, null, null)).toBe(fallback)
    }
  })

  it('hands over each of the four, any of which may be absent [VE-73]', () => {
    const seen: unknown[][] = []
    const control = new VIOControl({
      authorize: (...args) => {
        seen.push(args)
        return true
      },
    })
    const [key, certs, identity] = [{ type: 'public' }, [{ subject: 'x' }], { commonName: 'x' }]
    askPermission(control, 'authorize', none, key, certs, identity, 'TLS')
    askPermission(control, 'authorize', none, null, null, null, null)
    expect(seen).toEqual([
      [key, certs, identity, 'TLS'],
      [null, null, null, null],
    ])
  })
})

describe('a message that nobody handles', () => {
  it('is found out by asking each control for the next one once, and without making an error', () => {
    let asked = 0
    const last = new VIOControl({})
    const first = new VIOControl({}, () => {
      asked += 1
      return last
    })
    let made = 0
    // Every error of vio gives itself its name.
    Object.defineProperty(VIOMissingControl.prototype, 'name', {
      configurable: true,
      set: () => {
        made += 1
      },
    })
    try {
      expect(ask(first, 'canConnect', 'nobody', PEER)).toBe('nobody')
      tell(first, 'connected', PEER)
      expect(made).toBe(0)
      expect(() => first.connected(PEER)).toThrow(VIOMissingControl)
      expect(made).toBe(1)
    } finally {
      Reflect.deleteProperty(VIOMissingControl.prototype, 'name')
    }
    expect(asked).toBe(3)
  })

  it('reaches what a subclass defines, and controls that others wrote, along the way', () => {
    class Own extends VIOControl {
      override canConnect(): boolean {
        return false
      }
    }
    const foreign = { canConnect: () => false } as unknown as VIOControl
    for (const end of [new Own(), foreign]) {
      const first = new VIOControl({}, () => new VIOControl({}, () => end))
      expect(ask(first, 'canConnect', true, PEER)).toBe(false)
      expect(ask(first, 'authorize', 'nobody', null, null, null, null)).toBe('nobody')
    }
  })
})
