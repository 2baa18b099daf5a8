/**
 * What docs/cli-forward.md says of rules, answers and forms, compared with the command.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { AllowList, DEFAULT_RULES } from '../../packages/cli/src/forward/allow.js'
import { FORWARD_LIMITS } from '../../packages/cli/src/forward/link.js'
import { encodeRequest, MAX_BODY_BYTES } from '../../packages/cli/src/forward/message.js'
import { parseForward } from '../../packages/cli/src/forward/spec.js'
import { STATUSES } from '../../packages/cli/src/forward/status.js'
import { encodeReceipt } from '../../packages/cli/src/pipe/receipt.js'

const PAGE = readFileSync(new URL('../../docs/cli-forward.md', import.meta.url), 'utf8')
const MANUAL = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')

describe('docs/cli-forward.md', () => {
  it('is linked from the manual', () => {
    expect(MANUAL).toContain('(cli-forward.md)')
  })

  it('shows forms and rules that are taken', () => {
    const fill = (form: string): string =>
      form
        .replace(/\[BIND:\]PORT/, '*:8080')
        .replace('HOST:PORT', 'example.org:80')
        .replaceAll('/PATH', '/tmp/x')
    const forms = [...PAGE.matchAll(/`-([LRDU]) ([^`]*)`/g)].filter(([, , form]) =>
      /PORT|PATH/.test(form ?? ''),
    )
    expect(forms.length).toBeGreaterThanOrEqual(6)
    for (const [, flag, form = ''] of forms)
      expect(() => parseForward(`-${flag}` as '-L', fill(form))).not.toThrow()
    const table = PAGE.split('| rule | allows |')[1]?.split('\n\n')[0] ?? ''
    const cells = table.split('\n').map((line) => line.split(' | ')[0] ?? '')
    for (const [, rule = ''] of cells.join('\n').matchAll(/`([^`]+)`/g)) {
      const filled = rule
        .replace('RULE', 'x')
        .replace('FIRST-LAST', '1-9')
        .replace('PORT', '80')
        .replace('HOST', 'x')
      expect(() => new AllowList([filled]), rule).not.toThrow()
    }
    expect(PAGE).toContain(DEFAULT_RULES.map((rule) => `\`${rule}\``).join(' and '))
  })

  it('has the numbers of the wire and the limits', () => {
    const answers = PAGE.split('| answer | |')[1]?.split('\n\n')[0] ?? ''
    expect(answers.match(/^\| \d+ \|/gm)).toHaveLength(STATUSES.length)
    expect(PAGE).toContain(`up to ${MAX_BODY_BYTES}`)
    expect(encodeReceipt({ bytes: 1, digest: Buffer.alloc(32) })).toHaveLength(8 + 32)
    const arrived = encodeRequest({ kind: 'arrived', number: 1, from: '' })
    expect(PAGE).toContain(`| ${arrived[1]} somebody has connected`)
    const { maxConnections, maxPeerListeners, maxFlows, connectTimeoutMs, requestTimeoutMs, flowIdleMs } =
      FORWARD_LIMITS
    const words = [
      `${maxConnections} connections a listener`,
      `${maxPeerListeners} listeners for it`,
      `${maxFlows} at most`,
      `${connectTimeoutMs / 1000} s to`,
      `${requestTimeoutMs / 1000} s for a request`,
      `for ${flowIdleMs / 1000} s ends`,
    ]
    for (const text of words) expect(PAGE.replaceAll('\n  ', ' ')).toContain(text)
  })
})
