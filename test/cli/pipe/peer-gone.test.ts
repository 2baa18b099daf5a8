/**
 * `vut pipe` and `vut forward` whose other side is gone without a word, as a process that is killed: what they end with.
 */
import { PassThrough } from 'node:stream'
import { VFIOLost, VIOLost } from '@vio/io'
import type { VUDPTransport } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { runVut, type VMeeter } from '../../../packages/cli/src/index.js'
import { until } from '../forward/rig.js'
import { eventsOf, pairMeeters, type TestContext, testContext } from '../support.js'

const CODE = '7-lantern-orchard'
/** Silence of so long ends a connection here; 30 s elsewhere. */
const IDLE_MS = 300

/** Runs a command against another one, which is gone once both have met and `before` was done. */
async function bereaved(
  [own, theirs]: readonly [readonly string[], readonly string[]],
  before: (context: TestContext) => Promise<void> | void = () => undefined,
): Promise<{ readonly code: number; readonly error: unknown }> {
  const [one, two] = [testContext({ stdin: new PassThrough() }), testContext({ stdin: new PassThrough() })]
  const meeters = await pairMeeters(one, two, { idleTimeoutMs: IDLE_MS })
  let gone: VUDPTransport | undefined
  const keep: VMeeter = async (request) => {
    const meeting = await meeters[1](request)
    gone = meeting.transport
    return meeting
  }
  const relay = ['--relay', 'x', '--json']
  const code = runVut([...own, ...relay], { ...one, meeter: meeters[0] })
  const other = runVut([...theirs, ...relay], { ...two, meeter: keep })
  const isMet = (context: TestContext): boolean =>
    eventsOf(context).some((event) => event.type === 'phase' && event.phase === 'transferring')
  await until(() => isMet(one) && isMet(two), 'both having met')
  await before(one)
  // Its socket is gone, and nothing was said.
  gone?.sock.close(new VFIOLost(new VIOLost('killed')))
  await other
  return { code: await code, error: eventsOf(one).find(({ type }) => type === 'error') }
}

describe('where the other side is gone without a word', () => {
  it('vut pipe ends with 8 if it has sent bytes that nobody has confirmed', async () => {
    const { code, error } = await bereaved([['pipe'], ['pipe', CODE]], async (context) => {
      context.stdin.write('not confirmed')
      await new Promise((sent) => setTimeout(sent, 50))
    })
    expect(code).toBe(8)
    expect(error).toMatchObject({
      what: 'the connection was lost, and how much has arrived is not known',
      help: 'ask on the other side what has arrived',
    })
  })

  it('vut pipe ends with 1 if nothing was on its way', async () => {
    const { code, error } = await bereaved([['pipe'], ['pipe', CODE]])
    expect(code).toBe(1)
    expect(error).toMatchObject({ what: 'the connection was lost', help: 'begin again' })
  })

  it('vut forward ends with 1, whichever side it is', async () => {
    for (const roles of [
      [
        ['forward', '--listen'],
        ['forward', '-D', '0', CODE],
      ],
      [
        ['forward', '-D', '0', CODE],
        ['forward', '--listen'],
      ],
    ] as const) {
      const { code, error } = await bereaved(roles)
      expect(code).toBe(1)
      expect(error).toMatchObject({ what: 'the connection was lost', help: 'begin again' })
    }
  })
})
