/**
 * `vut demo`: a relay, two peers in processes of their own, one file; everything on this machine.
 *
 * Decides what is shown. What happens is what happens between two machines: the peers are the commands `vut send` and
 * `vut recv`, and know nothing of each other but the code. Invariant: it asks nothing, and leaves no process and no file
 * behind.
 */
import { rm, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { VCommandContext } from '../command.js'
import { DEFAULT_DEMO_MEGABYTES } from '../defaults.js'
import { DemoPeer } from '../demo/peer.js'
import { makeFile, sha256Of, workFolder } from '../demo/sample.js'
import { EXIT, usageError, VCommandError, type VExitCode } from '../exit-codes.js'
import { type OwnRelay, startLocalRelay } from '../own-relay.js'
import type { VCliEvent, VDoneEvent } from '../view/event.js'
import { formatBytes, formatRate, formatTime } from '../view/format.js'
import { isOfPath, pathName, pathWords } from '../view/words.js'

const LABEL = 10

/** Does it. @returns the exit code */
export async function runDemo(context: VCommandContext): Promise<VExitCode> {
  const say = sayer(context)
  const folder = await workFolder()
  let relay: OwnRelay | null = null
  const peers: DemoPeer[] = []
  try {
    const file = await pickFile(context, folder)
    say('', 'a relay and two peers, each of them a process of its own, all on this machine\n')
    relay = await startLocalRelay(context)
    say('relay', `vut relay --listen ${relay.address}`)
    const done = await meetAndSend(context, { file, folder, relay: relay.address, peers, say })
    if (context.given.flag('json')) context.view.tell(done)
    return EXIT.ok
  } catch (error) {
    // The peers end by the same signal: what they say of it is not the reason.
    throw context.signal.aborted ? context.signal.reason : error
  } finally {
    for (const peer of peers) peer.kill()
    await relay?.close()
    await rm(folder, { recursive: true, force: true })
  }
}

type Say = (label: string, text: string) => void

interface DemoRun {
  readonly file: string
  readonly folder: string
  readonly relay: string
  readonly peers: DemoPeer[]
  readonly say: Say
}

async function meetAndSend(context: VCommandContext, run: DemoRun): Promise<VDoneEvent> {
  const { file, folder, relay, peers, say } = run
  say('sender', `vut send ${basename(file)} --relay ${relay}`)
  const sender = new DemoPeer(context, ['send', file, '--relay', relay])
  peers.push(sender)
  const { code } = (await sender.until('code')) as VCliEvent & { type: 'code' }
  say('receiver', `vut recv ${code} --relay ${relay}`)
  const receiver = new DemoPeer(context, ['recv', '--yes', '--out', folder, '--relay', relay], code)
  peers.push(receiver)
  const show = shower(say)
  sender.onEvent = show
  for (const event of sender.events) show(event)
  await Promise.all([sender.finished, receiver.finished])
  return await compare(run, sender)
}

/** Both files are read anew: what the two processes have said of each other is not taken for granted. */
async function compare({ file, folder, say }: DemoRun, sender: DemoPeer): Promise<VDoneEvent> {
  const done = (await sender.until('done')) as VDoneEvent
  const { bytes, seconds } = done
  const rate = formatRate(bytes / Math.max(seconds, 0.001))
  say('rate', `${rate}: ${formatBytes(bytes)} in ${formatTime(seconds)}, digests included`)
  const [sent, received] = await Promise.all([sha256Of(file), sha256Of(resolve(folder, basename(file)))])
  say('digest', `sha256 ${sent}`)
  if (sent !== received) {
    throw new VCommandError(EXIT.failure, `what arrived is NOT THE SAME: sha256 ${received}`)
  }
  say('', 'SAME on both sides\n')
  say('next', 'on a host that both machines reach:  vut relay')
  say('', 'here:                                vut send FILE --relay HOST')
  say('', 'there:                               the line that it shows')
  return done
}

/** What of the sender's events is worth a line. */
function shower(say: Say): (event: VCliEvent) => void {
  let path = ''
  return (event) => {
    if (event.type === 'phase' && !isOfPath(event.phase)) say('phase', event.phase)
    if (event.type === 'warning') say('warning', event.text)
    // A path is told again when its round trip is known.
    if (event.type !== 'path' || path === pathName(event)) return
    path = pathName(event)
    say('path', pathWords(event))
  }
}

function sayer({ stdout, given }: VCommandContext): Say {
  if (given.flag('quiet') || given.flag('json')) return () => undefined
  return (label, text) => {
    stdout.write(`${label.padEnd(LABEL)}${text}\n`)
  }
}

async function pickFile({ given, folder }: VCommandContext, workplace: string): Promise<string> {
  const [name] = given.operands
  if (name === undefined)
    return await makeFile(workplace, (given.number('size') ?? DEFAULT_DEMO_MEGABYTES) * 1_000_000)
  if (given.number('size') !== undefined)
    throw usageError('--size is for a file that is made, and one was named', 'leave out one of them')
  const file = resolve(folder, name)
  const about = await stat(file).catch(() => undefined)
  if (about?.isFile()) return file
  const what = about === undefined ? `there is no file "${name}"` : `"${name}" is no file`
  throw new VCommandError(EXIT.localIO, what, 'name a file, or none to have one made')
}
