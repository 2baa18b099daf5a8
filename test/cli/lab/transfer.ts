/**
 * A file sent by `vut send` on one host of a lab to `vut recv` on another, by a `vut relay` on the server: what became of
 * it.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatLab } from '../../lib/nat-lab.js'
import { type LabEvent, LabVut } from './lab-vut.js'

const RELAY_PORT = 3478

/** What is sent, and what is done meanwhile. */
export interface TransferTerms {
  readonly bytes: number
  /** Further arguments of both sides. */
  readonly options?: readonly string[]
  /** Called once the transfer is under way. */
  readonly meanwhile?: (parties: Parties) => Promise<void> | void
}

/** The commands of a transfer. */
export interface Parties {
  readonly relay: LabVut
  readonly sender: LabVut
  readonly receiver: LabVut
}

/** What became of a transfer. */
export interface TransferResult {
  /** The exit codes of both sides. */
  readonly codes: readonly (number | string)[]
  /** True if the file arrived as it was sent. */
  readonly isSame: boolean
  /** The paths that the receiver used, in order. */
  readonly paths: readonly LabEvent[]
  /** From the receiver's joining, when both were there, to its first byte, in ms. */
  readonly firstByteMs: number
  /** What both said, for messages. */
  readonly said: string
}

/** Starts a relay on the server, and waits until it listens. */
export async function startRelay(lab: NatLab, ...options: readonly string[]): Promise<LabVut> {
  // Two addresses, so that a peer can be told how its NAT behaves.
  const listen = lab.serverHosts.flatMap((host) => ['--listen', `${host}:${RELAY_PORT}`])
  const relay = new LabVut(lab, 'S', 'relay', ...listen, '--json', ...options)
  await relay.event('listening', ({ phase }) => phase === 'listening')
  return relay
}

/** The relay as the peers name it. */
export function relayOf(lab: NatLab): readonly string[] {
  return ['--relay', `${lab.serverHosts[0]}:${RELAY_PORT}`]
}

/** Sends a file of random bytes from A to B. */
export async function transfer(lab: NatLab, terms: TransferTerms): Promise<TransferResult> {
  const folder = mkdtempSync(join(tmpdir(), 'vut-lab-'))
  try {
    return await transferIn(folder, lab, terms)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function transferIn(folder: string, lab: NatLab, terms: TransferTerms): Promise<TransferResult> {
  const sent = join(folder, 'sent.bin')
  const out = join(folder, 'out')
  mkdirSync(out)
  writeFileSync(sent, randomBytes(terms.bytes))
  const common = [...relayOf(lab), '--json', ...(terms.options ?? [])]
  const relay = await startRelay(lab)
  const sender = new LabVut(lab, 'A', 'send', sent, ...common)
  const code = await sender.event('a code', ({ type }) => type === 'code')
  const receiver = new LabVut(lab, 'B', 'recv', String(code['code']), '--out', out, '--yes', ...common)
  const met = await receiver.event(
    'meeting',
    ({ phase }) => phase === 'authenticating' || phase === 'exchanging',
  )
  const first = await receiver.event(
    'a first byte',
    ({ type, bytes }) => type === 'progress' && Number(bytes) > 0,
  )
  await terms.meanwhile?.({ relay, sender, receiver })
  const codes = await Promise.all([sender.ended, receiver.ended])
  return {
    codes,
    isSame: codes[1] === 0 && digestOf(sent) === digestOf(join(out, 'sent.bin')),
    paths: receiver.of('path'),
    firstByteMs: first.t - met.t,
    said: `sender:\n${sender.said}\nreceiver:\n${receiver.said}\nrelay:\n${relay.said}`,
  }
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
