/**
 * The processes of the socket bench, as the bench sees them.
 *
 * Invariant: a process ends with the bench, however that ends.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Answer, PeerCalls, Question, StackName } from './peer.js'

/** The calls of a process, over its channel. */
export type Remote = {
  readonly [K in keyof PeerCalls]: (
    ...args: Parameters<PeerCalls[K]>
  ) => Promise<Awaited<ReturnType<PeerCalls[K]>>>
} & { readonly stop: () => Promise<void> }

/** Starts a process for a stack. It does not keep the bench alive. */
export function startPeer(stack: StackName): Remote {
  const child = fork(join(import.meta.dirname, 'peer.js'), [stack], { execArgv: ['--expose-gc'] })
  child.unref()
  child.channel?.unref()
  const waiting = new Map<number, { done(result: unknown): void; failed(error: Error): void }>()
  let last = 0
  child.on('message', ({ id, result, error }: Answer) => {
    const asker = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) child.channel?.unref()
    if (error === undefined) asker?.done(result)
    else asker?.failed(new Error(error))
  })
  child.on('exit', (code) => {
    for (const asker of waiting.values()) asker.failed(new Error(`the ${stack} process ended with ${code}`))
  })
  const ask = (call: keyof PeerCalls, args: readonly unknown[]): Promise<unknown> =>
    new Promise((done, failed) => {
      last += 1
      waiting.set(last, { done, failed })
      child.channel?.ref()
      child.send({ id: last, call, args } satisfies Question)
    })
  const stop = (): Promise<void> => stopped(child)
  return new Proxy(
    {},
    {
      get: (_target, name) =>
        name === 'stop'
          ? stop
          : name === 'then'
            ? undefined
            : (...args: unknown[]) => ask(name as keyof PeerCalls, args),
    },
  ) as Remote
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.ref()
    child.once('exit', () => done())
    child.disconnect()
  })
}
