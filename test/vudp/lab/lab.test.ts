/**
 * VUT between two processes in network namespaces, over a link that loses: what nothing here simulates, from socket to
 * socket through the system.
 */
import { describe, expect, it } from 'vitest'
import { labMissing, NatLab } from '../../lib/nat-lab.js'
import { skipUnless } from '../../lib/skip.js'
import { BUILT, runPeer } from './peers.js'

const BYTES = 6_000_000
const missing = labMissing(BUILT)

describe('VUT through the lab', () => {
  it('carries megabytes between two hosts over a link that loses, and ends cleanly', async (context) => {
    skipUnless(context, missing === null, `the lab is not to be had: ${missing}`)
    const link = ['--link', 'rate=50mbit,delay=10ms,loss=1%']
    await using lab = new NatLab(['--a', 'direct', '--b', 'direct', ...link])
    const [a, b] = [lab.addressOf('A'), lab.addressOf('B')]
    const [sent, received] = await Promise.all([
      runPeer(lab, 'A', 'send', a, b, String(BYTES)),
      runPeer(lab, 'B', 'receive', b, a, String(BYTES)),
    ])
    expect(received.count).toBe(BYTES)
    expect(received.digest).toBe(sent.digest)
    expect([sent.isClean, received.isClean]).toEqual([true, true])
    // The link did lose, and it was not the system that made up for it.
    expect(sent.streamBytesResent).toBeGreaterThan(0)
    const { linkem } = JSON.parse(lab.change('stats')) as {
      linkem: { pipes: Record<string, { lost: number }> }
    }
    expect(linkem.pipes['core:A>B']?.lost).toBeGreaterThan(0)
  })
})
