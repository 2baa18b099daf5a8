/**
 * Readiness of descriptors through the native seam beside Node's own streams on descriptors of the same kind.
 *
 * Two loads over pipes, both ends in this process: round trips of 64 bytes, which show what it costs to be woken, and
 * one way in portions of 64 KiB, which shows what a loaded loop carries. Each side reads into one buffer that it keeps
 * (`onread` on Node's side); what arrived is counted where it is read.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'
import { native, readiness, VDescriptorWatch } from '@vio/native'
import type { Bench, BenchSubject } from './harness.js'

const TRIPS = 5_000
const TRIP_BYTES = 64
const PORTION_BYTES = 65_536
const ONE_WAY_BYTES = 64 * 1_048_576

const { READABLE, WRITABLE } = readiness

function absence(): { absent?: string } {
  const { on, reason } = native.stateOf('readiness')
  return on ? {} : { absent: `native readiness is off: ${reason}` }
}

/** Watches a descriptor for as long as a run takes. */
function watching(fd: number, events: number, listener: () => void): VDescriptorWatch {
  const watch = new VDescriptorWatch(fd, listener)
  watch.start(events)
  return watch
}

async function nativeTrips(): Promise<number> {
  const [there, back] = [native.pipe(), native.pipe()]
  const buffer = Buffer.alloc(TRIP_BYTES)
  const echo = watching(there.reader, READABLE, () => {
    native.write(back.writer, buffer, 0, native.read(there.reader, buffer))
  })
  const trips = await new Promise<number>((resolve) => {
    let done = 0
    const answers = watching(back.reader, READABLE, () => {
      native.read(back.reader, buffer)
      done += 1
      if (done < TRIPS) {
        native.write(there.writer, buffer)
        return
      }
      answers.close()
      resolve(done)
    })
    native.write(there.writer, buffer)
  })
  echo.close()
  for (const { reader, writer } of [there, back]) for (const fd of [reader, writer]) native.close(fd)
  return trips
}

/** A pipe whose ends are streams of Node. */
function nodePipe(buffer: Buffer, onRead: (count: number) => void): { reader: Socket; writer: Socket } {
  const { reader, writer } = native.pipe()
  const onread = {
    buffer,
    callback: (count: number): boolean => {
      onRead(count)
      return true
    },
  }
  const ends = {
    // The types know `onread` for `connect` only.
    reader: new Socket({ fd: native.release(reader), writable: false, onread } as SocketConstructorOpts),
    writer: new Socket({ fd: native.release(writer), readable: false }),
  }
  // Node reads from a descriptor that it was given when it is told to.
  ends.reader.resume()
  return ends
}

async function nodeTrips(): Promise<number> {
  const message = Buffer.alloc(TRIP_BYTES)
  let done = 0
  let finish: () => void = () => undefined
  const back = nodePipe(Buffer.alloc(TRIP_BYTES), () => {
    done += 1
    if (done < TRIPS) there.writer.write(message)
    else finish()
  })
  const there = nodePipe(Buffer.alloc(TRIP_BYTES), () => back.writer.write(message))
  await new Promise<void>((resolve) => {
    finish = resolve
    there.writer.write(message)
  })
  for (const { reader, writer } of [there, back]) for (const end of [writer, reader]) end.destroy()
  return done
}

async function nativeOneWay(): Promise<number> {
  const { reader, writer } = native.pipe()
  const [message, buffer] = [Buffer.alloc(PORTION_BYTES), Buffer.alloc(PORTION_BYTES)]
  let [left, arrived] = [ONE_WAY_BYTES, 0]
  await new Promise<void>((resolve) => {
    const output = watching(writer, WRITABLE, () => {
      const count = native.write(writer, message, 0, Math.min(left, PORTION_BYTES))
      if (count > 0) left -= count
      if (left === 0) output.close()
    })
    const input = watching(reader, READABLE, () => {
      const count = native.read(reader, buffer)
      if (count > 0) arrived += count
      if (arrived < ONE_WAY_BYTES) return
      input.close()
      resolve()
    })
  })
  for (const fd of [reader, writer]) native.close(fd)
  return arrived
}

async function nodeOneWay(): Promise<number> {
  const message = Buffer.alloc(PORTION_BYTES)
  let [left, arrived] = [ONE_WAY_BYTES, 0]
  let finish: () => void = () => undefined
  const { reader, writer } = nodePipe(Buffer.alloc(PORTION_BYTES), (count) => {
    arrived += count
    if (arrived === ONE_WAY_BYTES) finish()
  })
  await new Promise<void>((resolve) => {
    finish = resolve
    const send = (): void => {
      do left -= PORTION_BYTES
      while (writer.write(message) && left > 0)
      if (left > 0) writer.once('drain', send)
    }
    send()
  })
  for (const end of [writer, reader]) end.destroy()
  return arrived
}

const SUBJECTS: readonly BenchSubject[] = [
  { subject: 'round trips, native', unit: 'trips/s', load: TRIPS, run: nativeTrips },
  { subject: 'round trips, node:net', unit: 'trips/s', load: TRIPS, run: nodeTrips },
  { subject: 'one way, native', unit: 'MB/s', load: ONE_WAY_BYTES, loadPerUnit: 1e6, run: nativeOneWay },
  { subject: 'one way, node:net', unit: 'MB/s', load: ONE_WAY_BYTES, loadPerUnit: 1e6, run: nodeOneWay },
]

/** See the opening comment. */
export const bench: Bench = {
  name: 'readiness',
  what: 'being woken by a descriptor, beside streams of Node on the same kind of pipe',
  subjects: () => SUBJECTS.map((subject) => ({ ...subject, ...absence() })),
  ratios: [
    { key: 'wake_vs_net', of: 'round trips, native', over: 'round trips, node:net' },
    { key: 'pipe_64k_vs_net', of: 'one way, native', over: 'one way, node:net' },
  ],
}
