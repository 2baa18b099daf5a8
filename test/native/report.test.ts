/**
 * What is on, what is off and why, and what being asked costs.
 */
import { native, VNativeUnavailable } from '@vio/native'
import { describe, expect, it } from 'vitest'
import { Capability, expectAnswer } from '../../packages/native/src/capability.js'
import { needs, runFixture } from './support.js'

const NAMES = ['descriptors', 'events', 'fifos', 'ioctl', 'readiness', 'sockets', 'terminals']

interface Told {
  readonly before: boolean
  readonly after: boolean
  readonly on: boolean
  readonly reason?: string
  readonly capabilities: Readonly<Record<string, { readonly on: boolean; readonly reason?: string }>>
  readonly thrown: { readonly name: string; readonly message: string; readonly code: string }
}

/** Runs `report.mjs`: the report of a process, and whether koffi was in its memory before and after. */
async function reportOf(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Told> {
  const { stdout, stderr } = await runFixture('report.mjs', args, env)
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Told
}

describe('the report', () => {
  it('names each group of calls, and says of each that is off why', () => {
    const { on, reason, koffi, capabilities } = native.report()
    expect(Object.keys(capabilities).sort()).toEqual(NAMES)
    expect([typeof koffi, typeof reason]).toEqual(on ? ['string', 'undefined'] : ['undefined', 'string'])
    for (const state of Object.values(capabilities)) {
      expect(state.on ? state.reason : (state.reason?.length ?? 0) > 10).toBe(state.on ? undefined : true)
    }
  })

  it('agrees with has and stateOf, which take the name of a group', () => {
    for (const name of NAMES as (keyof ReturnType<typeof native.report>['capabilities'])[]) {
      expect(native.has(name)).toBe(native.report().capabilities[name].on)
      expect(native.stateOf(name)).toEqual(native.report().capabilities[name])
    }
    expect(() => native.has('toString' as never)).toThrow(
      /one of descriptors, .*terminals.* got toString|toString/,
    )
  })

  it('says that all is switched off by V_NATIVE=0, without loading koffi', async () => {
    const told = await reportOf([], { V_NATIVE: '0' })
    const reason = 'switched off by V_NATIVE=0'
    expect(told).toMatchObject({ before: false, after: false, on: false, reason })
    expect(Object.values(told.capabilities)).toEqual(NAMES.map(() => ({ on: false, reason })))
    expect(told.thrown).toEqual({
      name: 'VNativeUnavailable',
      code: 'V_NATIVE_UNAVAILABLE',
      message: `native descriptors is not available: ${reason}`,
    })
  })

  it('says that koffi is missing', async () => {
    const told = await reportOf(['without koffi'], { V_NATIVE: '' })
    expect(told.on).toBe(false)
    if (process.platform === 'linux') expect(told.reason).toMatch(/koffi cannot be loaded: .*koffi/)
  })

  it.each([
    ['darwin', 'arm64'],
    ['win32', 'x64'],
    ['linux', 'ia32'],
  ])('says that %s on %s is not known, without loading koffi', async (platform, arch) => {
    const told = await reportOf(['as if on', platform, arch], { V_NATIVE: '' })
    expect(told).toMatchObject({ after: false, on: false })
    expect(told.reason).toContain(`this is ${platform} on ${arch}`)
  })

  it('is what loads koffi: the import alone does not', async (context) => {
    needs(context, 'descriptors')
    expect(await reportOf([])).toMatchObject({ before: false, after: true, on: true })
  })
})

describe('a capability', () => {
  it('is off with what its proof found instead of the known answer, and makes no call', (context) => {
    needs(context, 'descriptors')
    let bound = 0
    const wrong = new Capability('wrong', {
      bind: () => {
        bound += 1
        return { answer: () => 41 }
      },
      prove: ({ answer }) => expectAnswer('the question', answer(), 42),
    })
    expect(wrong.state).toEqual({ on: false, reason: 'the question answers 41 instead of 42' })
    expect(() => wrong.calls).toThrow(
      new VNativeUnavailable('wrong', 'the question answers 41 instead of 42'),
    )
    expect(bound).toBe(1)
  })

  it('is off when a symbol is missing, as on a Node without exported symbols', (context) => {
    needs(context, 'descriptors')
    const missing = new Capability('missing', {
      bind: (library) => library.bind('uv_of_another_world', 'int', []),
      prove: () => undefined,
    })
    expect(missing.state).toMatchObject({
      on: false,
      reason: expect.stringContaining('uv_of_another_world') as string,
    })
  })

  it('is bound and proved once', (context) => {
    needs(context, 'descriptors')
    const order: string[] = []
    const right = new Capability('right', {
      bind: () => order.push('bind'),
      prove: () => order.push('prove'),
    })
    expect([right.state, right.calls, right.state]).toEqual([{ on: true }, 1, { on: true }])
    expect(order).toEqual(['bind', 'prove'])
  })
})
