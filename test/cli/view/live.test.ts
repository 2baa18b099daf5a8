/**
 * What a person sees, on a terminal of 80 and of 40 columns, without colours, and without a terminal: written out.
 */
import { VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import { describe, expect, it } from 'vitest'
import type { VCliContext, VCliEvent } from '../../../packages/cli/src/index.js'
import { createView, type VViewOptions } from '../../../packages/cli/src/view/create.js'
import { qrOf } from '../../../packages/cli/src/view/qr.js'
import type { IVView } from '../../../packages/cli/src/view/view.js'
import { testContext } from '../support.js'
import { Screen } from './screen.js'

interface Shown {
  readonly view: IVView
  readonly screen: Screen
  readonly host: VirtualHost
}

function show(
  columns: number,
  changes: Partial<VCliContext> = {},
  options: Partial<VViewOptions> = {},
): Shown {
  const host = new VirtualHost()
  const reactor = new VReactor({ host })
  reactor.start()
  const screen = new Screen(columns)
  const terminals = { stdin: true, stdout: true, stderr: true }
  const base = { reactor, stderr: screen, terminals, columns: () => columns, env: {} }
  const context = testContext({ ...base, ...changes })
  const view = createView(context, { json: false, quiet: false, verbose: false, ...options })
  return { view, screen, host }
}

const DIRECT: VCliEvent = { type: 'path', kind: 'direct', family: 4, rttMs: 24.2 }
const RELAYED: VCliEvent = {
  type: 'path',
  kind: 'relay',
  relay: 'eu1.example.org',
  why: 'UDP does not get out here',
}

/** A transfer of 64 MB at 8 MB/s, up to a second. */
function transfer({ view, host }: Shown, seconds: number, path: VCliEvent = DIRECT): void {
  view.tell({ type: 'phase', phase: 'gathering' })
  view.tell({ type: 'phase', phase: 'meeting' })
  view.tell(path)
  view.tell({ type: 'phase', phase: 'transferring' })
  for (let step = 0; step <= seconds * 10; step++) {
    view.tell({ type: 'progress', bytes: step * 800_000, totalBytes: 64_000_000, name: 'a.bin' })
    host.advance(100)
  }
}

const DONE: VCliEvent = { type: 'done', bytes: 64_000_000, seconds: 8, files: 1, digest: 'ab'.repeat(32) }
const DONE_TEXT = `done: 1 file, 64.0 MB in 8.0 s, 8.00 MB/s\nsha256 ${'ab'.repeat(32)}\n`

describe('on a terminal', () => {
  it.each([
    [80, 'direct v4 24 ms  24.0 MB of 64.0 MB  37 %  8.00 MB/s  5.0 s left'],
    [40, 'direct  37 %  8.00 MB/s  5.0 s left'],
  ])('of %i columns one line is drawn over', (columns, line) => {
    const shown = show(columns)
    transfer(shown, 3)
    expect(shown.screen.text).toBe(line)
    shown.view.tell(DONE)
    shown.view.close()
    expect(shown.screen.text).toBe(DONE_TEXT)
  })

  it.each([
    [80, 'relay eu1.example.org: UDP does not get out here'],
    [40, 'relay eu1.example.org: UDP does not ge…'],
  ])('of %i columns a relay is named, and why', (columns, line) => {
    const { view, screen } = show(columns)
    view.tell({ type: 'phase', phase: 'relayed' })
    view.tell(RELAYED)
    expect(screen.text).toBe(line)
  })

  it('what stays stands above the line', () => {
    const { view, screen } = show(80)
    view.tell({ type: 'phase', phase: 'transferring' })
    view.tell({ type: 'warning', text: 'a\u001b[2Jb was changed' })
    view.print('   64 MB  x')
    expect(screen.text).toBe('warning: a\\u001b[2Jb was changed\n   64 MB  x\ntransferring')
  })

  it('while something else may write nothing is drawn, and what stays is shown afterwards', () => {
    const { view, screen, host } = show(80)
    view.tell({ type: 'phase', phase: 'offering' })
    view.pause()
    screen.write('take it? [Y/n] ')
    view.tell({ type: 'phase', phase: 'direct' })
    view.tell(DIRECT)
    view.tell({ type: 'progress', bytes: 1, totalBytes: 2 })
    view.tell({ type: 'warning', text: 'the relay is gone' })
    host.advance(1_000)
    expect(screen.text).toBe('take it? [Y/n]')
    screen.write('y\n')
    view.resume()
    const [question, ...rest] = screen.text.split('\n')
    expect(question).toBe('take it? [Y/n] y')
    expect(rest).toHaveLength(2)
    expect(rest[0]).toBe('warning: the relay is gone')
    expect(rest[1]).toMatch(/^direct v4 24 ms {2}1 B of 2 B/)
  })

  it('an error is the last word', () => {
    const { view, screen } = show(80)
    view.tell({ type: 'phase', phase: 'meeting' })
    view.tell({ type: 'error', exitCode: 3, what: 'nobody came', help: 'call them' })
    view.close()
    expect(screen.text).toBe('vut: nobody came\n     call them\n')
    expect(screen.raw).toContain('\u001b[31m')
  })

  it('has no escape sequence at all with NO_COLOR, and the same text', () => {
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const shown = show(80, { env })
      transfer(shown, 3)
      shown.view.tell({ type: 'phase', phase: 'verifying' })
      shown.view.tell(DONE)
      shown.view.close()
      expect(shown.screen.raw).not.toContain('\u001b')
      expect(shown.screen.text).toBe(DONE_TEXT)
    }
  })

  it('leaves no timer behind, and draws nothing any more', () => {
    const shown = show(80)
    transfer(shown, 1)
    shown.view.close()
    const { raw } = shown.screen
    shown.host.advance(10_000)
    expect(shown.screen.raw).toBe(raw)
    expect(raw.endsWith('\r\u001b[K')).toBe(true)
  })

  it('shows a code as a line to type and as a picture, if there is room for it', () => {
    const event: VCliEvent = {
      type: 'code',
      code: '7-lantern-orchard',
      command: 'vut recv 7-lantern-orchard',
    }
    const { view, screen } = show(80)
    view.tell(event)
    const [first, ...rest] = screen.text.trimEnd().split('\n')
    expect(first).toBe('on the other side: vut recv 7-lantern-orchard')
    expect(rest.join('\n')).toBe(qrOf('7-lantern-orchard', 80))
    expect(rest.length).toBeGreaterThan(10)
    const narrow = show(20)
    expect(qrOf('7-lantern-orchard', 20)).toBeUndefined()
    expect(() => narrow.view.tell({ ...event, command: 'x' })).not.toThrow()
  })
})

describe('without a terminal', () => {
  const terminals = { stdin: false, stdout: false, stderr: false }

  it('there is a line for each phase, and none for progress', () => {
    const shown = show(80, { terminals })
    transfer(shown, 3, RELAYED)
    shown.view.tell(DONE)
    expect(shown.screen.raw).toBe(
      `gathering\nmeeting\nrelay eu1.example.org: UDP does not get out here\ntransferring\n${DONE_TEXT}`,
    )
  })

  it('a path has one line, though it is told again once its round trip is known', () => {
    const { view, screen } = show(80, { terminals })
    view.tell({ type: 'phase', phase: 'direct' })
    view.tell({ type: 'path', kind: 'direct', family: 4 })
    view.tell(DIRECT)
    view.tell({ type: 'phase', phase: 'relayed' })
    view.tell(RELAYED)
    view.tell(DIRECT)
    expect(screen.raw).toBe('direct v4\nrelay eu1.example.org: UDP does not get out here\ndirect v4 24 ms\n')
  })

  it('--quiet leaves the code and errors', () => {
    for (const place of [{ terminals }, {}]) {
      const shown = show(80, place, { quiet: true })
      transfer(shown, 1)
      shown.view.print('a list')
      shown.view.tell({ type: 'code', code: '7-x', command: 'vut recv 7-x' })
      shown.view.tell(DONE)
      shown.view.tell({ type: 'error', exitCode: 1, what: 'no', help: '' })
      shown.view.close()
      expect(shown.screen.raw).toBe('on the other side: vut recv 7-x\nvut: no\n')
    }
  })

  it('-v tells more of each phase', () => {
    const { view, screen } = show(80, { terminals }, { verbose: true })
    view.tell({ type: 'phase', phase: 'punching', detail: 'both sides open' })
    view.tell({ type: 'detail', text: 'from 192.0.2.1' })
    expect(screen.raw).toBe('punching: both sides open\n  from 192.0.2.1\n')
  })

  it('--json tells each event as a line, and progress at most five times a second', () => {
    const shown = show(80, {}, { json: true })
    transfer(shown, 1)
    shown.view.print('a list')
    shown.view.tell(DONE)
    const lines = shown.screen.raw
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as VCliEvent & { t: number })
    expect(lines.map(({ type }) => type)).toEqual([
      'phase',
      'phase',
      'path',
      'phase',
      'progress',
      'progress',
      'progress',
      'progress',
      'progress',
      'progress',
      'done',
    ])
    expect(shown.screen.raw.split('\n')[0]).toBe('{"v":1,"type":"phase","t":0,"phase":"gathering"}')
    expect(lines.at(-1)).toEqual({ v: 1, t: 1100, ...DONE })
  })

  it('--json does not tell the same progress again', () => {
    const { view, screen, host } = show(80, {}, { json: true })
    for (const bytes of [7, 7, 7, 8, 8]) {
      view.tell({ type: 'progress', bytes })
      host.advance(1_000)
    }
    const told = screen.raw.trimEnd().split('\n')
    expect(told.map((line) => (JSON.parse(line) as { bytes: number }).bytes)).toEqual([7, 8])
  })
})
