/** Lines of a chain as an rxjs observable: what happened, filtered and counted. */
import { VByteDecoder, VLineDecoder } from '@vio/io/filter'
import { observeMessages, writeFrom } from '@vio/io/rx'
import { VReactor } from '@vio/reactor'
import { concatMap, delay, filter, from, map, of, scan } from 'rxjs'

const reactor = new VReactor()
reactor.start()
const EVENTS = ['door opened\n', 'light on\ndoor ', 'closed\n', 'light off\n']

// An observable as the source of a chain, a few milliseconds between its chunks.
const source = writeFrom(reactor, from(EVENTS).pipe(concatMap((text) => of(text).pipe(delay(2)))))
const decoder = new VByteDecoder(reactor, new VLineDecoder())
source.byteProduce.attach(decoder.byteConsume)

observeMessages(decoder)
  .pipe(
    filter((line) => line.startsWith('door')),
    map((line) => line.slice('door '.length)),
    scan((seen, state) => [...seen, state], [] as readonly string[]),
  )
  .subscribe({
    next: (seen) => console.log(`the door was ${seen.join(', then ')}`),
    complete: () => reactor.stop(),
  })
