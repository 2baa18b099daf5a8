/**
 * What the guide of VUT has to say, held against the code.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { VUT1 } from '../../packages/vudp/src/proto/profile.js'
import { PROFILE_08 } from '../../packages/vudp/src/proto/v08/profile.js'
import { ROOT } from '../architecture/rules/source.js'

const text = readFileSync(join(ROOT, 'packages/vudp/README.md'), 'utf8').replaceAll(/\s+/g, ' ')

describe('the guide of @vio/vudp', () => {
  it('says which NATs let two peers reach each other: those whose mapping does not depend on the destination [VE-118]', () => {
    const [, section = ''] = text.split('## Behind a NAT')
    expect(section).toContain('the same outside address and port whatever the destination')
    expect(section).toContain('Where the mapping depends on the destination')
    expect(section).toContain('relay')
  })

  it('names the pause after which a mapping is kept, as it is', () => {
    expect(text).toContain('a datagram every 15 seconds keeps the mapping')
    expect([PROFILE_08.keepAliveMs, VUT1.keepAliveMs]).toEqual([15_000, 15_000])
  })
})
