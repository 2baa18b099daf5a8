/**
 * Transfers from host A to host B of a lab: by VUT, or by TCP with iperf3, with a ping beside.
 *
 * Decides what a transfer is, alike for both: one stream, from memory to memory, with the controller asked for, its
 * beginning included; counted where it arrives, by the application. Invariant: the lab of a transfer is its own, so that
 * nothing is remembered of an earlier one, and is gone after it.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Remote, startProcess } from '../lib/processes.js'
import { LinkLab, type LinkStats } from './lab.js'
import type { LinkUsage, PeerCalls } from './peer.js'

/** What carries a transfer. */
export type Carrier = 'vut' | 'tcp'

/** What a transfer is to be. */
export interface TransferTerms {
  readonly carrier: Carrier
  readonly congestion: 'cubic' | 'bbr'
  readonly link: string
  readonly seconds: number
  /** What the losses of the link follow from. */
  readonly seed: number
}

/** What became of it. */
export interface Transfer {
  /** Of the application's bytes, where they arrive. */
  readonly mbitPerS: number
  /** The mean of a ping every 200 ms; NaN without a ping. */
  readonly pingMs: number
  readonly link: LinkStats
  /** What the two processes say; with VUT only: sender, receiver. */
  readonly usage: readonly LinkUsage[]
}

const PEER: string = join(import.meta.dirname, 'peer.js')
/** How long iperf3 takes to listen. */
const LISTEN_MS = 400

/** Carries a transfer out. */
export async function transfer(terms: TransferTerms): Promise<Transfer> {
  const lab = new LinkLab(terms.link, terms.seed)
  try {
    const pinging = ping(lab, terms.seconds)
    const carried = await (terms.carrier === 'vut' ? overVUT(lab, terms) : overTCP(lab, terms))
    return { ...carried, pingMs: await pinging, link: lab.stats() }
  } finally {
    lab.down()
  }
}

type Carried = Pick<Transfer, 'mbitPerS' | 'usage'>

async function overVUT(lab: LinkLab, { congestion, seconds }: TransferTerms): Promise<Carried> {
  const sender = startProcess<PeerCalls>(PEER, [], lab.command('A'))
  const receiver = startProcess<PeerCalls>(PEER, [], lab.command('B'))
  try {
    await connect(lab, sender, receiver, congestion)
    const received = receiver.receive(seconds * 1000)
    await sender.send()
    const mbitPerS = ((await received) * 8) / seconds / 1e6
    return { mbitPerS, usage: [await sender.usage(), await receiver.usage()] }
  } finally {
    await Promise.all([sender.stop(), receiver.stop()])
  }
}

async function connect(
  lab: LinkLab,
  sender: Remote<PeerCalls>,
  receiver: Remote<PeerCalls>,
  congestion: 'cubic' | 'bbr',
): Promise<void> {
  const [from, to] = [lab.addressOf('A'), lab.addressOf('B')]
  const [fromPort, toPort] = [await sender.bind(from), await receiver.bind(to)]
  await Promise.all([
    sender.connect({ isSender: true, host: to, port: toPort, congestion }),
    receiver.connect({ isSender: false, host: from, port: fromPort, congestion }),
  ])
}

async function overTCP(lab: LinkLab, { congestion, seconds }: TransferTerms): Promise<Carried> {
  const [file = '', ...args] = [...lab.command('B'), 'iperf3', '-s']
  const server = spawn(file, args, { stdio: 'ignore' })
  try {
    await sleep(LISTEN_MS)
    const client = ['iperf3', '-J', '-c', lab.addressOf('B'), '-C', congestion, '-t', String(seconds)]
    const said = JSON.parse(await lab.output('A', client, seconds * 2000 + 20_000)) as IperfReport
    return { mbitPerS: said.end.sum_received.bits_per_second / 1e6, usage: [] }
  } finally {
    server.kill()
  }
}

interface IperfReport {
  readonly end: { readonly sum_received: { readonly bits_per_second: number } }
}

/** The mean round trip in milliseconds. NaN if there is no ping, or no answer. */
async function ping(lab: LinkLab, seconds: number): Promise<number> {
  const program = ['ping', '-q', '-i', '0.2', '-w', String(seconds), lab.addressOf('B')]
  const said = await lab.output('A', program, seconds * 1000 + 5000).catch(() => '')
  return Number(/= [\d.]+\/([\d.]+)\//.exec(said)?.[1] ?? Number.NaN)
}
