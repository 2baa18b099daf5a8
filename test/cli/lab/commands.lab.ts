/**
 * `vut pipe`, `vut forward` and `vut doctor` between hosts of the lab, and how those two end that have lost the other side.
 */
import { describe, expect, it } from 'vitest'
import { type LabHost, labMissing, NatLab } from '../../lib/nat-lab.js'
import { runProgram } from '../../lib/programs.js'
import { skipUnless } from '../../lib/skip.js'
import { LabVut, VUT } from './lab-vut.js'
import { LINK } from './rows.js'
import { relayOf, startRelay } from './transfer.js'

const missing = labMissing(VUT)
const SOFT = ['--a', 'port-restricted', '--b', 'port-restricted']
const HARD = ['--a', 'symmetric', '--b', 'symmetric']
const TIMEOUT = { timeout: 150_000 }

const NETWORKS = [
  ['direct', SOFT],
  ['relay', HARD],
] as const

const SIZE = 300_000
const SERVER = `
  const { createServer } = require('node:http')
  const server = createServer((_, response) => response.end('x'.repeat(${SIZE})))
  server.listen(8080, '127.0.0.1', () => console.log('up'))`
const fetching = (url: string): string =>
  `fetch('${url}').then((r) => r.text()).then((t) => console.log(t.length))`

/** A command that has made a code, and the code. */
async function made(lab: NatLab, ...args: readonly string[]): Promise<readonly [LabVut, string]> {
  const vut = new LabVut(lab, 'B', ...args, ...relayOf(lab), '--json')
  const { code } = await vut.event('a code', ({ type }) => type === 'code')
  return [vut, String(code)]
}

/** Two commands that have met; their inputs stay open. */
async function met(
  lab: NatLab,
  theirs: readonly string[],
  own: readonly string[],
): Promise<readonly [LabVut, LabVut]> {
  await startRelay(lab)
  const [far, code] = await made(lab, ...theirs)
  const near = new LabVut(lab, 'A', ...own, code, ...relayOf(lab), '--json')
  for (const each of [far, near]) await each.event('bytes', ({ phase }) => phase === 'transferring')
  return [far, near]
}

function node(lab: NatLab, host: LabHost, script: string) {
  const [file, ...args] = lab.command(host, process.execPath, '-e', script)
  return runProgram(file, args)
}

/** The path in use. */
function pathOf(vut: LabVut): unknown {
  return vut.of('path').at(-1)?.['kind']
}

/** What a command said when it ended badly: one line, and one with what to do. */
function errorOf(vut: LabVut): readonly unknown[] {
  const [error] = vut.of('error')
  return [error?.['what'], error?.['help']]
}

describe.each(NETWORKS)('in a network whose path is %s', (path, network) => {
  it('vut pipe carries both directions', TIMEOUT, async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await using lab = new NatLab([...network, ...LINK])
    const [far, near] = await met(lab, ['pipe'], ['pipe'])
    await near.event('the path', (event) => event.type === 'path' && event['kind'] === path)
    const sent = Buffer.alloc(2_000_000, 'from one to the other')
    far.process.stdin?.end(sent)
    near.process.stdin?.end('an answer')
    expect(await Promise.all([far.ended, near.ended]), `${far.said}${near.said}`).toEqual([0, 0])
    expect(Buffer.concat(near.output).equals(sent)).toBe(true)
    expect(String(Buffer.concat(far.output))).toBe('an answer')
    expect(pathOf(near)).toBe(path)
  })

  it('vut forward brings a page from the other side', TIMEOUT, async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await using lab = new NatLab([...network, ...LINK])
    await using server = node(lab, 'B', SERVER)
    const [far, near] = await met(lab, ['forward', '--listen'], ['forward', '-L', '9090:localhost:8080'])
    await using client = node(lab, 'A', fetching('http://127.0.0.1:9090/'))
    expect(await client.ended, client.text()).toBe(0)
    expect(client.text().trim()).toBe(String(SIZE))
    expect(server.text().trim()).toBe('up')
    near.process.kill('SIGINT')
    expect(await Promise.all([far.ended, near.ended]), `${far.said}${near.said}`).toEqual([0, 130])
  })

  it(
    'both end where the other side is killed, once it was silent for half a minute',
    TIMEOUT,
    async (context) => {
      skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
      await using lab = new NatLab([...network, ...LINK])
      const [piping, sender] = await met(lab, ['pipe'], ['pipe'])
      const [farEnd, code] = await made(lab, 'forward', '--listen')
      const forward = new LabVut(
        lab,
        'A',
        'forward',
        '-L',
        '9090:localhost:8080',
        code,
        ...relayOf(lab),
        '--json',
      )
      await forward.event('bytes', ({ phase }) => phase === 'transferring')
      sender.process.stdin?.write('not confirmed')
      await new Promise((written) => setTimeout(written, 500))
      for (const each of [piping, farEnd]) each.process.kill('SIGKILL')
      expect(await Promise.all([sender.ended, forward.ended]), `${sender.said}${forward.said}`).toEqual([
        8, 1,
      ])
      expect(errorOf(sender)).toEqual([
        'the connection was lost, and how much has arrived is not known',
        'ask on the other side what has arrived',
      ])
      expect(errorOf(forward)).toEqual(['the connection was lost', 'begin again'])
      for (const each of [sender, forward]) {
        const [error] = each.of('error')
        expect(Number(error?.t)).toBeLessThan(60_000)
      }
    },
  )
})

describe('vut doctor', () => {
  it.for<readonly [kind: string, mapping: string, filtering: string, outlook: string]>([
    ['port-restricted', 'endpoint-independent', 'address-and-port-dependent', 'direct'],
    ['symmetric', 'address-and-port-dependent', 'address-and-port-dependent', 'direct-mostly'],
    ['full-cone', 'endpoint-independent', 'endpoint-independent', 'direct'],
  ])('tells what a NAT is that is %s', TIMEOUT, async ([kind, mapping, filtering, outlook], context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await using lab = new NatLab(['--a', kind, '--b', 'direct', ...LINK])
    await startRelay(lab)
    const doctor = new LabVut(lab, 'A', 'doctor', ...relayOf(lab), '--json')
    expect(await doctor.ended, doctor.said).toBe(0)
    const report = JSON.parse(String(Buffer.concat(doctor.output))) as Record<string, unknown>
    expect(report).toMatchObject({
      outlook,
      families: [{ family: 4, udp: true, translates: true, mapping, filtering }],
    })
  })

  it('tells that UDP does not get out, and that no relay answers', TIMEOUT, async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await using lab = new NatLab(['--a', 'udp-blocked', '--b', 'direct', ...LINK])
    const relay = await startRelay(lab)
    const blocked = new LabVut(lab, 'A', 'doctor', ...relayOf(lab), '--json')
    expect(await blocked.ended, blocked.said).toBe(0)
    expect(JSON.parse(String(Buffer.concat(blocked.output)))).toMatchObject({
      outlook: 'relay',
      families: [{ udp: false }],
    })
    relay.process.kill('SIGKILL')
    await relay.ended
    const alone = new LabVut(lab, 'A', 'doctor', ...relayOf(lab), '--json')
    expect(await alone.ended, alone.said).toBe(3)
    expect(JSON.parse(String(Buffer.concat(alone.output)))).toMatchObject({ outlook: 'none' })
  })
})

describe('SIGINT', () => {
  it('ends with 130 while both try in vain to reach each other', TIMEOUT, async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    await using lab = new NatLab([...HARD, ...LINK])
    await startRelay(lab)
    const [far, code] = await made(lab, 'pipe', '--path', 'direct')
    const near = new LabVut(lab, 'A', 'pipe', code, '--path', 'direct', ...relayOf(lab), '--json')
    for (const each of [far, near]) await each.event('punching', ({ phase }) => phase === 'punching')
    await new Promise((tried) => setTimeout(tried, 1_000))
    near.process.kill('SIGINT')
    expect(await near.ended, near.said).toBe(130)
    far.process.kill('SIGINT')
    expect(await far.ended, far.said).toBe(130)
  })
})
