/**
 * Processes that a bench asks to do things, as the bench sees them, and the other end of their channel.
 *
 * Invariant: a process ends with the bench, however that ends.
 */
import { type ChildProcess, fork } from 'node:child_process'

/** A question: what to call, with what. */
interface Question {
  readonly id: number
  readonly call: string
  readonly args: readonly unknown[]
}

/** An answer: the result, or why there is none. */
interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/** What a process can be asked: functions by name, whose arguments and results can be sent. */
export type Calls<C> = { readonly [K in keyof C]: (...args: never[]) => unknown }

/** The calls of a process, over its channel. */
export type Remote<C extends Calls<C>> = {
  readonly [K in keyof C]: (...args: Parameters<C[K]>) => Promise<Awaited<ReturnType<C[K]>>>
} & { readonly stop: () => Promise<void> }

/**
 * Starts a process that runs a built file, which has to call `answer`. It does not keep the bench alive. `through` is a
 * command that starts Node, in a place of its own, and hands on what it was started with.
 */
export function startProcess<C extends Calls<C>>(
  file: string,
  args: readonly string[],
  through: readonly string[] = [],
): Remote<C> {
  const [execPath = process.execPath, ...execArgv] = [...through, process.execPath, '--expose-gc']
  const child = fork(file, args, { execPath, execArgv })
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
    for (const asker of waiting.values())
      asker.failed(new Error(`the process ${args.join(' ')} ended with ${code}`))
  })
  const ask = (call: string, args: readonly unknown[]): Promise<unknown> =>
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
            : (...args: unknown[]) => ask(String(name), args),
    },
  ) as Remote<C>
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.ref()
    child.once('exit', () => done())
    child.disconnect()
  })
}

/** Answers what the bench asks, in a process that was started for it. */
export function answer<C extends Calls<C>>(calls: C): void {
  process.on('message', async ({ id, call, args }: Question) => {
    try {
      const asked = calls[call as keyof C] as unknown as (...args: readonly unknown[]) => unknown
      process.send?.({ id, result: await asked(...args) } satisfies Answer)
    } catch (error) {
      process.send?.({ id, error: String(error) } satisfies Answer)
    }
  })
  // The bench is gone: so is what it asked for.
  process.on('disconnect', () => process.exit(0))
}
